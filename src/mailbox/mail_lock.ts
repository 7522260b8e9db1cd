/** In charge of locking a mailbox for one POP3 session: a lease in the store, which a dead process leaves to end. */

import type { Clock, Timer } from "../base/clock.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";

/** How long a lease lasts without being renewed, in milliseconds. */
export const LEASE_MS = 90_000;
/** How often it is renewed. */
const RENEW_MS = 30_000;

interface LockRecord {
  readonly owner: string;
  readonly until: number;
}

/** Which mailboxes this process has locked: on an embedded store any other lock is a dead process's. */
const heldHere = new WeakMap<Store, Set<string>>();

/** A mailbox locked for one owner; renews itself until it is released. */
export class MailLock {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #address: string;
  readonly #owner: string;
  #versionstamp: string;
  #lostAt: number;
  #lost = false;
  #released = false;
  #timer: Timer | undefined;
  #renewing: Promise<boolean> | undefined;

  private constructor(
    store: Store,
    options: { clock: Clock; address: string; owner: string; versionstamp: string },
  ) {
    this.#store = store;
    this.#clock = options.clock;
    this.#address = options.address;
    this.#owner = options.owner;
    this.#versionstamp = options.versionstamp;
    this.#lostAt = this.#clock.monotonic() + LEASE_MS;
    this.#schedule();
  }

  /** Locks the mailbox of `address` (a local key); undefined when somebody else has it. */
  static async take(
    store: Store,
    options: { clock: Clock; address: string; owner: string },
  ): Promise<MailLock | undefined> {
    const { clock, address, owner } = options;
    const here = heldHere.get(store) ?? new Set();
    heldHere.set(store, here);
    if (here.has(address)) return undefined;
    here.add(address);
    let versionstamp: string | undefined;
    try {
      const key = keys.mailLock(address);
      const old = await store.kv.get<LockRecord>(key);
      if (old.value && !store.embedded && old.value.until > clock.now()) return undefined;
      const result = await store.write(
        lockWrite(key, old.versionstamp, { owner, until: clock.now() + LEASE_MS }),
      );
      if (result.ok) versionstamp = result.versionstamp;
    } finally {
      if (versionstamp === undefined) here.delete(address);
    }
    return versionstamp === undefined
      ? undefined
      : new MailLock(store, { clock, address, owner, versionstamp });
  }

  /** False once the lease has ended or somebody else has the lock: then nothing may be deleted any more. */
  get held(): boolean {
    return !this.#lost && this.#clock.monotonic() < this.#lostAt;
  }

  /** Makes the lease last from now on again. Happens by itself; false when the lock is lost. Never rejects. */
  renew(): Promise<boolean> {
    return this.#renewing ??= this.#renew().finally(() => this.#renewing = undefined);
  }

  /** Gives the lock back; again does nothing. Never rejects: what can't be deleted now ends with its lease. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    this.#timer?.cancel();
    await this.#renewing;
    if (!this.#lost) {
      this.#lost = true;
      const key = keys.mailLock(this.#address);
      const checks = [{ key, versionstamp: this.#versionstamp }];
      try {
        await this.#store.write({ checks, mutations: [{ type: "delete", key }], size: 100 });
      } catch {
        // the lease ends by itself
      }
    }
    heldHere.get(this.#store)?.delete(this.#address);
  }

  async #renew(): Promise<boolean> {
    if (!this.held) return false;
    const start = this.#clock.monotonic();
    const record = { owner: this.#owner, until: this.#clock.now() + LEASE_MS };
    try {
      const result = await this.#store.write(
        lockWrite(keys.mailLock(this.#address), this.#versionstamp, record),
      );
      if (result.ok) {
        this.#versionstamp = result.versionstamp;
        this.#lostAt = start + LEASE_MS;
      } else {
        this.#lost = true;
      }
    } catch {
      // the store has trouble: the next renewal may go well, and the lease tells when it is too late
    }
    return this.held;
  }

  #schedule(): void {
    this.#timer = this.#clock.schedule(RENEW_MS, () => {
      if (this.#released) return;
      this.#schedule();
      this.renew();
    });
  }
}

function lockWrite(key: Deno.KvKey, versionstamp: string | null, record: LockRecord) {
  return {
    checks: [{ key, versionstamp }],
    mutations: [{ type: "set" as const, key, value: record }],
    size: 200 + record.owner.length,
  };
}

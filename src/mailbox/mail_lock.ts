/** The lock of a mailbox for one POP3 session, which a dead process can't leave behind. */

import type { Clock, Timer } from "../base/clock.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import type { Write } from "../storage/write.ts";

/** How long a lease on a shared store lasts without being renewed, in milliseconds, unless another time is given. */
export const LEASE_MS = 90_000;
/** It is renewed so often while it lasts. */
const RENEWALS = 3;

/** A mailbox locked for one owner. */
export interface MailLock {
  /** False once somebody else may have the lock: then nothing may be deleted any more. */
  readonly held: boolean;
  /** Makes a lease last from now on again, which happens by itself; answers {@linkcode held}. Never rejects. */
  renew(): Promise<boolean>;
  /** Gives the lock back; again does nothing. Never rejects: what can't be deleted now ends with its lease. */
  release(): Promise<void>;
}

/** What a lock is taken with. */
export interface LockOptions {
  /** For the lease. */
  readonly clock: Clock;
  /** The mailbox, as a local key. */
  readonly address: string;
  /** A name for who has it. */
  readonly owner: string;
  /** How long the lease lasts, milliseconds. */
  readonly leaseMs?: number | undefined;
}

/** A lock that can be taken from its owner. */
interface Losable extends MailLock {
  lose(): void;
}

/** The mailboxes that this process has locked, by address; undefined while the lock is being taken. */
type Locks = Map<string, Losable | undefined>;

/** Which mailboxes this process has locked, by store. */
const lockedHere = new WeakMap<Store, Locks>();

/**
 * Locks a mailbox; undefined when somebody else has it. The embedded store has one owner, this process, so its memory
 * is enough; on a shared store the lock is a lease besides. Rejects when the store fails.
 */
export async function lockMailbox(store: Store, options: LockOptions): Promise<MailLock | undefined> {
  const here: Locks = lockedHere.get(store) ?? new Map();
  lockedHere.set(store, here);
  const { address } = options;
  if (here.has(address)) return undefined;
  here.set(address, undefined);
  let lock: Losable | undefined;
  try {
    lock = store.embedded ? new LocalLock(here, address) : await Lease.take(store, { ...options, here });
  } finally {
    if (lock) here.set(address, lock);
    else here.delete(address);
  }
  return lock;
}

/** Takes the lock of a mailbox, a local key, from whoever has it in this process. See {@linkcode unlocking}. */
export function loseLock(store: Store, address: string): void {
  const here = lockedHere.get(store);
  const lock = here?.get(address);
  if (!lock) return; // one that is being taken is the next owner's
  lock.lose();
  here!.delete(address);
}

/** What takes the lock from whoever has it on another server, who finds out when it is renewed. */
export function unlocking(store: Store, address: string): Deno.KvMutation[] {
  return store.embedded ? [] : [{ type: "delete", key: keys.mailLock(address) }];
}

class LocalLock implements Losable {
  held = true;

  constructor(private readonly here: Locks, private readonly address: string) {}

  renew(): Promise<boolean> {
    return Promise.resolve(this.held);
  }

  lose(): void {
    this.held = false;
  }

  release(): Promise<void> {
    if (this.held) this.here.delete(this.address);
    this.held = false;
    return Promise.resolve();
  }
}

interface LeaseRecord {
  readonly owner: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

interface LeaseOptions extends LockOptions {
  readonly here: Locks;
}

class Lease implements Losable {
  readonly #store: Store;
  readonly #options: LeaseOptions;
  readonly #key: Deno.KvKey;
  #versionstamp: string;
  /** On the monotonic clock. */
  #endsAt: number;
  #lost = false;
  #released = false;
  #timer: Timer | undefined;
  #renewing: Promise<boolean> | undefined;

  private constructor(store: Store, options: LeaseOptions, versionstamp: string) {
    this.#store = store;
    this.#options = options;
    this.#key = keys.mailLock(options.address);
    this.#versionstamp = versionstamp;
    this.#endsAt = options.clock.monotonic() + leaseOf(options);
    this.#schedule();
  }

  static async take(store: Store, options: LeaseOptions): Promise<Lease | undefined> {
    const key = keys.mailLock(options.address);
    const old = await store.kv.get<LeaseRecord>(key);
    if (old.value && old.value.until > options.clock.now()) return undefined;
    const result = await store.write(leaseWrite(key, old.versionstamp, options));
    return result.ok ? new Lease(store, options, result.versionstamp) : undefined;
  }

  get held(): boolean {
    return !this.#lost && this.#options.clock.monotonic() < this.#endsAt;
  }

  renew(): Promise<boolean> {
    return this.#renewing ??= this.#renew().finally(() => this.#renewing = undefined);
  }

  lose(): void {
    this.#lost = true;
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    this.#timer?.cancel();
    await this.#renewing;
    if (!this.#lost) {
      this.#lost = true;
      const checks = [{ key: this.#key, versionstamp: this.#versionstamp }];
      try {
        await this.#store.write({ checks, mutations: [{ type: "delete", key: this.#key }], size: 100 });
      } catch {
        // the lease ends by itself
      }
    }
    const { here, address } = this.#options;
    if (here.get(address) === this) here.delete(address);
  }

  async #renew(): Promise<boolean> {
    if (!this.held) return false;
    const start = this.#options.clock.monotonic();
    try {
      const result = await this.#store.write(leaseWrite(this.#key, this.#versionstamp, this.#options));
      if (result.ok) {
        this.#versionstamp = result.versionstamp;
        this.#endsAt = start + leaseOf(this.#options);
      } else {
        this.#lost = true;
      }
    } catch {
      // the store failed: the next renewal may go well, and the lease says when it is too late
    }
    return this.held;
  }

  #schedule(): void {
    this.#timer = this.#options.clock.schedule(leaseOf(this.#options) / RENEWALS, () => {
      if (this.#released) return;
      this.#schedule();
      this.renew();
    });
  }
}

function leaseOf({ leaseMs = LEASE_MS }: LockOptions): number {
  return leaseMs;
}

function leaseWrite(key: Deno.KvKey, versionstamp: string | null, options: LockOptions): Write {
  const { owner, clock } = options;
  const value: LeaseRecord = { owner, until: clock.now() + leaseOf(options) };
  return {
    checks: [{ key, versionstamp }],
    mutations: [{ type: "set", key, value }],
    size: 200 + owner.length,
  };
}

/** The app passwords: further passwords of an account, one for each device, that open the mail ports and nothing else. */

import { createHash } from "node:crypto";
import { encode, equalInConstantTime } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { localKey } from "../mail/address.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import type { Account } from "./accounts.ts";

/** One of them, without what it is. */
export interface AppPassword {
  /** What its owner calls it: `phone`. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** When somebody last logged in with it, to the minute; absent: nobody did. */
  readonly lastUsedAt?: number;
}

interface StoredPassword extends AppPassword {
  /** SHA-256 of it, hexadecimal: what is drawn from 80 bits needs no slow hash. */
  readonly digest: string;
  /** Which account it is of: another one of that address was made at another time. */
  readonly account: number;
}

/** So many has an account. */
export const MAX_APP_PASSWORDS = 50;
/** The time of use is written so often at the most. */
const USED_EVERY_MS = 60_000;

/** No letters and digits that look alike; 32 of them are five bits each. */
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const LETTERS_A_GROUP = 4;
/** What one looks like; people leave the hyphens out, or write capitals. */
const FORM = new RegExp(`^(?:[${LETTERS}]{${LETTERS_A_GROUP}}[- ]?){${GROUPS}}$`, "i");

/** Those of all accounts. */
export class AppPasswords {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(store: Store, options: { clock: Clock; random: Random }) {
    this.#store = store;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** Those of an account, by name. */
  async list(account: Account): Promise<AppPassword[]> {
    return (await this.#all(account)).map(({ value: { name, createdAt, lastUsedAt } }) => ({
      name,
      createdAt,
      ...(lastUsedAt !== undefined && { lastUsedAt }),
    }));
  }

  /** Makes one and answers it, this once. */
  async add(
    account: Account,
    name: string,
  ): Promise<AppPassword & { readonly password: string } | "exists" | "tooMany"> {
    const known = await this.#all(account);
    if (known.some(({ value }) => value.name === name)) return "exists";
    if (known.length >= MAX_APP_PASSWORDS) return "tooMany";
    const key = keys.appPassword(localKey(account.address), name);
    const { versionstamp } = await this.#store.kv.get(key);
    const password = this.#draw();
    const createdAt = this.#clock.now();
    const value: StoredPassword = { name, createdAt, digest: digestOf(password), account: account.createdAt };
    const { ok } = await this.#store.write({
      checks: [{ key, versionstamp }],
      mutations: [{ type: "set", key, value }],
      size: 600 + encode(name).length,
    });
    return ok ? { name, createdAt, password } : "exists";
  }

  /** Takes one away; false when there is none of that name. */
  async remove(account: Account, name: string): Promise<boolean> {
    const found = (await this.#all(account)).find(({ value }) => value.name === name);
    if (!found) return false;
    await this.#store.write({ mutations: [{ type: "delete", key: found.key }], size: 400 });
    return true;
  }

  /** An account is gone, and its passwords with it. */
  async forget(address: string): Promise<void> {
    const mutations: Deno.KvMutation[] = [];
    for await (const { key } of this.#store.kv.list(keys.appPasswords(localKey(address)))) {
      mutations.push({ type: "delete", key });
    }
    if (mutations.length > 0) await this.#store.write({ mutations, size: 400 * mutations.length });
  }

  /** Is it one of the account's? The time of its use is remembered. */
  async verify(account: Account, password: string): Promise<boolean> {
    if (!FORM.test(password)) return false;
    const digest = digestOf(password);
    const found = (await this.#all(account)).filter(({ value }) =>
      equalInConstantTime(encode(value.digest), encode(digest))
    );
    const [entry] = found;
    if (!entry) return false;
    const { key, value, versionstamp } = entry;
    const now = this.#clock.now();
    if (value.lastUsedAt === undefined || now - value.lastUsedAt >= USED_EVERY_MS) {
      // under a check: one that was taken away meanwhile stays away
      await this.#store.write({
        checks: [{ key, versionstamp }],
        mutations: [{ type: "set", key, value: { ...value, lastUsedAt: now } }],
        size: 700,
      }).catch(() => {}); // a login is worth more than its time
    }
    return true;
  }

  async #all({ address, createdAt }: Account): Promise<Deno.KvEntry<StoredPassword>[]> {
    const all: Deno.KvEntry<StoredPassword>[] = [];
    for await (const entry of this.#store.kv.list<StoredPassword>(keys.appPasswords(localKey(address)))) {
      if (entry.value.account === createdAt) all.push(entry);
    }
    return all;
  }

  #draw(): string {
    const letters = Array.from(this.#random.bytes(GROUPS * LETTERS_A_GROUP), (byte) => LETTERS[byte % 32]!);
    const groups = Array.from(
      { length: GROUPS },
      (_, i) => letters.slice(i * LETTERS_A_GROUP, (i + 1) * LETTERS_A_GROUP).join(""),
    );
    return groups.join("-");
  }
}

function digestOf(password: string): string {
  return createHash("sha256").update(password.replace(/[- ]/g, "").toLowerCase()).digest("hex");
}

/** The passwords that were verified a moment ago, as keyed digests in memory: they are known again without hashing. */

import process from "node:process";
import { equalInConstantTime } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";

/** For so long a verified password is known, whoever uses it meanwhile. */
export const KNOWN_MS = 10 * 60_000;
/** For so many accounts; the one verified longest ago is forgotten first. */
export const MAX_KNOWN = 10_000;

/** What the digest is of. */
export interface DigestedPassword {
  /** The mailbox that the name means, whether there is such an account or not. */
  readonly mailbox: string;
  /** The account's hash: another password, or another account of that name, has another one. */
  readonly passwordHash: string;
  readonly password: string;
}

/** Remembers the last verified password of each account. */
export class VerifiedPasswords {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #known = new Map<string, { digest: Uint8Array; until: number }>();
  #key: Uint8Array | undefined;

  constructor(options: { clock: Clock; random: Random }) {
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * The digest, by a key that is nowhere but in this process's memory. At once, not by WebCrypto: many tries at the
   * same time must not be looked at before the first of them is counted.
   */
  digest({ mailbox, passwordHash, password }: DigestedPassword): Uint8Array {
    const { createHmac } = process.getBuiltinModule("node:crypto");
    this.#key ??= this.#random.bytes(32);
    return createHmac("sha256", this.#key).update(`${mailbox}\0${passwordHash}\0${password}`).digest();
  }

  /** Were these verified a moment ago? */
  has(mailbox: string, digest: Uint8Array): boolean {
    const known = this.#known.get(mailbox);
    if (!known) return false;
    if (known.until > this.#clock.monotonic()) return equalInConstantTime(known.digest, digest);
    this.#known.delete(mailbox);
    return false;
  }

  /** They were verified just now. */
  add(mailbox: string, digest: Uint8Array): void {
    this.#known.delete(mailbox);
    this.#known.set(mailbox, { digest, until: this.#clock.monotonic() + KNOWN_MS });
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
  }

  /** It is nobody's any more. */
  forget(mailbox: string): void {
    this.#known.delete(mailbox);
  }
}

/** Passwords at rest: Argon2id hashes as PHC strings, made and checked a few at a time. */

import { encode, equalInConstantTime } from "../base/bytes.ts";
import { formatPhc, MAX_PASSWORD, parsePhc, type PasswordCost } from "../base/passwords.ts";
import type { Random } from "../base/random.ts";
import { preparePassword } from "../base/sasl_prep.ts";

/**
 * What new hashes cost: about 70 ms and 46 MiB. OWASP holds it for equal to 19 MiB and two passes; but the C library
 * gives blocks over 32 MiB back to the system at once, while smaller ones stay with each thread that ever hashed:
 * 52 MB of resident memory against 450 after 60 logins (measured on Deno 2.9.6).
 */
export const DEFAULT_COST: PasswordCost = { memory: 47_104, passes: 1, parallelism: 1 };

/**
 * What hashes cost that are never at rest, since their store lives in memory: the least that Argon2id takes, and the
 * rounds of SCRAM that clients ask for (RFC 7677 4).
 */
export const LEAST_COST = { cost: { memory: 8, passes: 1, parallelism: 1 }, scramIterations: 4096 } as const;

/** Makes and checks password hashes, at most `parallel` (2) at a time, since each takes its memory while it runs. */
export class PasswordHasher {
  /** What new hashes cost. */
  readonly cost: PasswordCost;
  readonly #random: Random;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** `random` makes salts. */
  constructor(options: { random: Random; cost?: PasswordCost; parallel?: number }) {
    this.#random = options.random;
    this.cost = options.cost ?? DEFAULT_COST;
    this.#free = options.parallel ?? 2;
  }

  /** The PHC string for a new password. */
  async hash(password: string): Promise<string> {
    const salt = this.#random.bytes(16);
    const hash = await this.#derive(password, { cost: this.cost, salt, length: 32 });
    return formatPhc({ cost: this.cost, salt, hash });
  }

  /**
   * Is it this password? Without a usable hash it computes one all the same and says no, and after a hash that costs
   * less than new ones it makes up for the difference, so that the time does not tell whether an account exists.
   */
  async verify(password: string, phc: string | undefined): Promise<boolean> {
    const parsed = phc === undefined ? undefined : parsePhc(phc);
    const cost = parsed?.cost ?? this.cost;
    const salt = parsed?.salt ?? this.#random.bytes(16);
    const length = parsed?.hash.length ?? 32;
    const right = await this.#derive(password, { cost, salt, length });
    const same = equalInConstantTime(right, parsed?.hash ?? new Uint8Array(length));
    if (same && parsed !== undefined && encode(password).length <= MAX_PASSWORD) return true;
    const lacking = workOf(this.cost) - workOf(cost);
    if (lacking >= 8) {
      const rest = { memory: lacking, passes: 1, parallelism: 1 };
      await this.#derive(password, { cost: rest, salt, length });
    }
    return false;
  }

  /** Should the hash be made anew, because hashes cost more by now? */
  isWeak(phc: string): boolean {
    const cost = parsePhc(phc)?.cost;
    if (cost === undefined) return false;
    return workOf(cost) < workOf(this.cost);
  }

  async #derive(
    password: string,
    { cost, salt, length }: { cost: PasswordCost; salt: Uint8Array<ArrayBuffer>; length: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    await this.#enter();
    try {
      const secret = encode(preparePassword(password)).slice(0, MAX_PASSWORD);
      const key = await crypto.subtle.importKey("raw-secret" as "raw", secret, "Argon2id", false, [
        "deriveBits",
      ]);
      const { memory, passes, parallelism } = cost;
      const algorithm = { name: "Argon2id", nonce: salt, parallelism, memory, passes };
      return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, length * 8));
    } finally {
      this.#leave();
    }
  }

  #enter(): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

/** The time of Argon2 is in proportion to the memory that is written. */
function workOf({ memory, passes }: PasswordCost): number {
  return memory * passes;
}

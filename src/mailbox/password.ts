/** In charge of passwords at rest: Argon2id hashes as PHC strings, made and checked a few at a time. */

import { encode, equalInConstantTime } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { preparePassword } from "./sasl_prep.ts";

/** What one hash costs (RFC 9106): memory in KiB, passes, lanes. */
export interface PasswordCost {
  /** Memory in KiB. */
  readonly memory: number;
  /** Passes over it. */
  readonly passes: number;
  /** Lanes. */
  readonly parallelism: number;
}

/**
 * What new hashes cost: about 70 ms and 46 MiB. OWASP holds it for equal to 19 MiB and two passes; but the C library
 * gives blocks over 32 MiB back to the system at once, while smaller ones stay with each thread that ever hashed:
 * 52 MB of resident memory against 450 after 60 logins (measured on Deno 2.9.6).
 */
export const DEFAULT_COST: PasswordCost = { memory: 47_104, passes: 1, parallelism: 1 };

/** Longest password that is looked at, in octets; longer ones are simply wrong. */
export const MAX_PASSWORD = 1024;

/** A PHC string, taken apart. */
export interface ParsedHash {
  /** The cost it was made with. */
  readonly cost: PasswordCost;
  /** The salt. */
  readonly salt: Uint8Array<ArrayBuffer>;
  /** The hash. */
  readonly hash: Uint8Array<ArrayBuffer>;
}

const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,88})\$([A-Za-z0-9+/]{16,172})$/;

/** Takes `$argon2id$v=19$m=19456,t=2,p=1$salt$hash` apart; undefined when it is not one, or costs beyond reason. */
export function parsePhc(text: string): ParsedHash | undefined {
  const found = PHC.exec(text);
  if (!found) return undefined;
  const cost = { memory: Number(found[1]), passes: Number(found[2]), parallelism: Number(found[3]) };
  const { memory, passes, parallelism } = cost;
  if (passes < 1 || passes > 64 || parallelism < 1 || parallelism > 16) return undefined;
  if (memory < 8 * parallelism || memory > 1024 * 1024) return undefined;
  const salt = fromBase64(found[4]!);
  const hash = fromBase64(found[5]!);
  return salt && hash ? { cost, salt, hash } : undefined;
}

/** The PHC string of a hash (password-hashing-competition string format, version 19 of Argon2). */
export function formatPhc({ cost, salt, hash }: ParsedHash): string {
  const parameters = `m=${cost.memory},t=${cost.passes},p=${cost.parallelism}`;
  const [s, h] = [salt.toBase64({ omitPadding: true }), hash.toBase64({ omitPadding: true })];
  return `$argon2id$v=19$${parameters}$${s}$${h}`;
}

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
   * Is it this password? Without a usable hash it computes one all the same and says no, so that the time does not
   * tell whether an account exists.
   */
  async verify(password: string, phc: string | undefined): Promise<boolean> {
    const parsed = phc === undefined ? undefined : parsePhc(phc);
    const cost = parsed?.cost ?? this.cost;
    const salt = parsed?.salt ?? this.#random.bytes(16);
    const length = parsed?.hash.length ?? 32;
    const right = await this.#derive(password, { cost, salt, length });
    const same = equalInConstantTime(right, parsed?.hash ?? new Uint8Array(length));
    return same && parsed !== undefined && encode(password).length <= MAX_PASSWORD;
  }

  /** Should the hash be made anew, because hashes cost more by now? */
  isWeak(phc: string): boolean {
    const cost = parsePhc(phc)?.cost;
    if (cost === undefined) return false;
    return cost.memory * cost.passes < this.cost.memory * this.cost.passes;
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

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

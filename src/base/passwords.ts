/** The form of passwords and of their hashes: the one rule for configuration, API and command line. */

import { encode } from "./bytes.ts";

/** Longest password, in octets of UTF-8. */
export const MAX_PASSWORD = 1024;

/** What is wrong with a password that somebody chose, in words; undefined when it is fit for use. */
export function passwordFault(password: string): string | undefined {
  if (password === "") return "received an empty password, expected one that is not empty";
  if (encode(password).length > MAX_PASSWORD) {
    return `received a password that is too long, expected ${MAX_PASSWORD} octets of UTF-8 at most`;
  }
  // octets that are not UTF-8 have all become one character: other wrong octets would be the same password
  const isUtf8 = password.isWellFormed() && !password.includes("\ufffd");
  return isUtf8 ? undefined : "received a password that is not UTF-8, expected UTF-8";
}

/** What one hash costs (RFC 9106): memory in KiB, passes, lanes. */
export interface PasswordCost {
  /** Memory in KiB. */
  readonly memory: number;
  /** Passes over it. */
  readonly passes: number;
  /** Lanes. */
  readonly parallelism: number;
}

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

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

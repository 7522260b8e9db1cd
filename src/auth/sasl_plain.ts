/** In charge of reading what a client sends for SASL PLAIN (RFC 4616). */

import { decodeStrictly } from "../base/bytes.ts";

/** A name and a password, and for whom the client wants to act. */
export interface PlainCredentials {
  /** Who the client wants to act as; empty: as itself. */
  readonly actAs: string;
  /** Whose password it is. */
  readonly name: string;
  /** The password. */
  readonly password: string;
}

/** Reads `[authzid] NUL authcid NUL passwd`; undefined when it is not that, or not UTF-8. */
export function parsePlain(message: Uint8Array): PlainCredentials | undefined {
  const parts = decodeStrictly(message)?.split("\0");
  if (parts?.length !== 3) return undefined;
  const [actAs, name, password] = parts as [string, string, string];
  return name === "" || password === "" ? undefined : { actAs, name, password };
}

/**
 * Decodes a SASL message as a line carries it: base64 (RFC 4648), or `=` for an empty one (RFC 4954 4, RFC 5034 4).
 * Undefined when it is not base64.
 */
export function decodeSaslLine(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text === "=") return new Uint8Array(0);
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

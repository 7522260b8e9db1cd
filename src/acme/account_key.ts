/** The key of an account with a certificate authority, and what it signs (RFC 8555 6.2, RFC 7515). */

import { decode, encode } from "../base/bytes.ts";

const KIND = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;

/** A public key as JSON, its members in the order of their names (RFC 7638 3). */
interface PublicJwk {
  readonly crv: string;
  readonly kty: string;
  readonly x: string;
  readonly y: string;
}

/** An ES256 key. */
export class AccountKey {
  readonly #key: CryptoKey;
  /** Its public half. */
  readonly jwk: PublicJwk;

  private constructor(key: CryptoKey, jwk: PublicJwk) {
    this.#key = key;
    this.jwk = jwk;
  }

  /** Makes a new one. */
  static async make(): Promise<AccountKey> {
    const { privateKey } = await crypto.subtle.generateKey(KIND, true, ["sign", "verify"]);
    return await AccountKey.#of(privateKey);
  }

  /** Reads what {@linkcode export} wrote; rejects when it is none. */
  static async import(pkcs8: Uint8Array<ArrayBuffer>): Promise<AccountKey> {
    return await AccountKey.#of(await crypto.subtle.importKey("pkcs8", pkcs8, KIND, true, ["sign"]));
  }

  static async #of(key: CryptoKey): Promise<AccountKey> {
    const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", key);
    return new AccountKey(key, { crv: crv!, kty: kty!, x: x!, y: y! });
  }

  /** The key as PKCS#8. */
  async export(): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.exportKey("pkcs8", this.#key));
  }

  /** The text that proves, where the authority looks for it, that this account asked (RFC 8555 8.1). */
  async authorization(token: string): Promise<string> {
    return `${token}.${base64url(await sha256(encode(JSON.stringify(this.jwk))))}`;
  }

  /** A request's body (RFC 8555 6.2): `payload` undefined is the empty one of POST-as-GET. */
  async sign(head: Readonly<Record<string, unknown>>, payload?: unknown): Promise<string> {
    const first = base64url(encode(JSON.stringify({ alg: "ES256", ...head })));
    const second = payload === undefined ? "" : base64url(encode(JSON.stringify(payload)));
    const signature = await crypto.subtle.sign(SIGNING, this.#key, encode(`${first}.${second}`));
    return JSON.stringify({
      protected: first,
      payload: second,
      signature: base64url(new Uint8Array(signature)),
    });
  }
}

/** RFC 4648 5, without padding. */
export function base64url(octets: Uint8Array): string {
  return octets.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The digest. */
export async function sha256(octets: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", octets));
}

/** The JSON object of a response; an empty one when it is none. */
export function readObject(octets: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(decode(octets));
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  } catch {
    return {};
  }
}

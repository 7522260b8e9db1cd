/** The private keys that sign: the newest of each kind of a domain, read from its folder of the data directory. */

import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { messageOf } from "../base/errors.ts";
import { normalizeDomain } from "../mail/domain.ts";
import { selectorsIn } from "./dkim_key_files.ts";
import type { Algorithm } from "./dkim_signature.ts";

/** A key, and where its public half is found. */
export interface SigningKey {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: Algorithm;
  /** Signs by it: RSA what it is given, Ed25519 the hash of that (RFC 8463 3). */
  sign(octets: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
  /** The one of its kind before it, which signs as long as this one isn't published. */
  readonly older?: SigningKey;
}

/** By the letter that their selectors begin with; RSA first, for programs that look at one signature alone. */
const KINDS = { r: "rsa-sha256", e: "ed25519-sha256" } as const;
const WEB_CRYPTO = {
  "rsa-sha256": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  "ed25519-sha256": { name: "Ed25519" },
} as const;
const PEM = /^-----BEGIN PRIVATE KEY-----\s([\s\S]*?)-----END PRIVATE KEY-----\s*$/;

/** Knows which keys sign for a domain. */
export class SigningKeys {
  readonly #folder: string;
  readonly #onError: (problem: string) => void;
  #keys: ReadonlyMap<string, readonly SigningKey[]> = new Map();

  /** `onError` hears of a key that can't be read, in a sentence for people; others are used all the same. */
  constructor(dataDir: string, onError: (problem: string) => void) {
    this.#folder = join(dataDir, "dkim");
    this.#onError = onError;
  }

  /** Reads the keys; those of before count until that is done. Never rejects. */
  async load(): Promise<void> {
    const all = new Map<string, readonly SigningKey[]>();
    try {
      for await (const { name, isDirectory } of Deno.readDir(this.#folder)) {
        const domain = isDirectory ? normalizeDomain(name) : undefined;
        if (domain === undefined) continue;
        const keys = await this.#read(domain, join(this.#folder, name));
        if (keys.length > 0) all.set(domain, keys);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        return this.#onError(`${this.#folder}: ${messageOf(error)}`);
      }
    }
    this.#keys = all;
  }

  /** All keys, by domain. */
  get all(): ReadonlyMap<string, readonly SigningKey[]> {
    return this.#keys;
  }

  /** The keys that sign mail of a domain: its own, else those of its nearest parent that has some. */
  of(domain: string): readonly SigningKey[] {
    for (let name = domain; name !== "";) {
      const keys = this.#keys.get(name);
      if (keys) return keys;
      const dot = name.indexOf(".");
      name = dot < 0 ? "" : name.slice(dot + 1);
    }
    return [];
  }

  async #read(domain: string, folder: string): Promise<SigningKey[]> {
    const selectors = await selectorsIn(folder);
    const keys: SigningKey[] = [];
    for (const [letter, algorithm] of Object.entries(KINDS)) {
      const ofKind = selectors.filter((one) => one.startsWith(letter)).slice(-2);
      const [newest, older] = await Promise.all(
        ofKind.reverse().map((selector) => this.#key({ domain, selector, algorithm }, folder)),
      );
      if (newest) keys.push({ ...newest, ...(older && { older }) });
    }
    return keys;
  }

  async #key(of: Omit<SigningKey, "sign" | "older">, folder: string): Promise<SigningKey | undefined> {
    const path = join(folder, `${of.selector}.pem`);
    try {
      return { ...of, sign: await signerBy(await Deno.readTextFile(path), of.algorithm) };
    } catch (error) {
      this.#onError(
        `${path}: ${messageOf(error)}; expected a private key as PEM (PKCS#8) for ${of.algorithm}`,
      );
      return undefined;
    }
  }
}

async function signerBy(pem: string, algorithm: Algorithm): Promise<SigningKey["sign"]> {
  const base64 = PEM.exec(pem.trim())?.[1];
  if (base64 === undefined) throw new Error("no private key");
  const { subtle } = crypto;
  const by = WEB_CRYPTO[algorithm];
  const key = await subtle.importKey("pkcs8", Uint8Array.fromBase64(base64), by, false, ["sign"]);
  if (algorithm === "ed25519-sha256") return edwardsSigner(pem);
  return async (octets) => new Uint8Array(await subtle.sign(by.name, key, octets));
}

/** Signs at once: another thread would take longer to be asked. The module is loaded with the first signature. */
function edwardsSigner(pem: string): SigningKey["sign"] {
  let key: KeyObject | undefined;
  return (octets) => {
    const { createHash, createPrivateKey, sign } = process.getBuiltinModule("node:crypto");
    key ??= createPrivateKey(pem);
    return Promise.resolve(new Uint8Array(sign(null, createHash("sha256").update(octets).digest(), key)));
  };
}

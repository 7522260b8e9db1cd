/** SCRAM-SHA-256 (RFC 5802, RFC 7677) as a server plays it, whatever protocol carries it. */

import { concat, decode, encode, equalInConstantTime } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { preparePassword } from "../base/sasl_prep.ts";

/** What is stored to check SCRAM-SHA-256 without knowing the password (RFC 5802 3). Bytes are in base64. */
export interface ScramVerifier {
  /** Rounds of PBKDF2. */
  readonly iterations: number;
  /** The salt. */
  readonly salt: string;
  /** H(ClientKey). */
  readonly storedKey: string;
  /** HMAC(SaltedPassword, "Server Key"). */
  readonly serverKey: string;
}

/**
 * Rounds for new verifiers: some 13 ms, well above RFC 7677's least of 4,096. Clients that stand on Cyrus SASL (mbsync
 * and Postfix among them) refuse more than 65,536 as an attack on them, and can't log in then.
 */
export const SCRAM_ITERATIONS = 65_536;

/** Whether there is a verifier, and one that all clients take. */
export function fitsClients(verifier: ScramVerifier | undefined): boolean {
  return verifier !== undefined && verifier.iterations <= SCRAM_ITERATIONS;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Makes the verifier of a new password. */
export async function makeScramVerifier(
  password: string,
  options: { random: Random; iterations?: number },
): Promise<ScramVerifier> {
  const iterations = options.iterations ?? SCRAM_ITERATIONS;
  const salt = options.random.bytes(16);
  const secret = encode(preparePassword(password));
  const base = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  const salted = new Uint8Array(await crypto.subtle.deriveBits(algorithm, base, 256));
  const clientKey = await hmac(salted, "Client Key");
  const [storedKey, serverKey] = [await sha256(clientKey), await hmac(salted, "Server Key")];
  return {
    iterations,
    salt: salt.toBase64(),
    storedKey: storedKey.toBase64(),
    serverKey: serverKey.toBase64(),
  };
}

/**
 * A verifier that no password fits, for names without an account: the same name gets the same salt every time, as a
 * real one would, but nobody without `secret` can tell.
 */
export async function decoyVerifier(
  name: string,
  options: { secret: Bytes; iterations?: number },
): Promise<ScramVerifier> {
  const salt = (await hmac(options.secret, `salt ${name}`)).slice(0, 16);
  const key = (await hmac(options.secret, `key ${name}`)).toBase64();
  const iterations = options.iterations ?? SCRAM_ITERATIONS;
  return { iterations, salt: salt.toBase64(), storedKey: key, serverKey: key };
}

/** A step's answer, to be sent to the client; or why the exchange has failed, and whether it did by a wrong proof. */
export type ScramStep = { readonly ok: true; readonly reply: string } | {
  readonly ok: false;
  readonly reason: string;
  readonly guessed?: true;
};

const ATTRIBUTE_VALUE = "[^,\\0]+";
const FIRST = new RegExp(
  `^([ny]|p=[A-Za-z0-9.-]+),(?:a=(${ATTRIBUTE_VALUE}))?,(n=(${ATTRIBUTE_VALUE}),r=([!-+\\--~]+)(?:,.*)?)$`,
);
const FINAL = /^((?:c=([A-Za-z0-9+/=]+)),r=([!-+\--~]+)(?:,[^p].*)?),p=([A-Za-z0-9+/=]+)$/;

/** How the connection below can be bound to an exchange (RFC 5802 6). */
export interface ChannelBinding {
  /** Such as `tls-server-end-point`. */
  readonly type: string;
  /** What both ends see of the connection. */
  readonly data: Uint8Array;
  /** True: the client has chosen SCRAM-SHA-256-PLUS, and must bind. */
  readonly chosen: boolean;
}

/** One exchange: {@linkcode first}, then {@linkcode final}. */
export class ScramExchange {
  /** The name the client gave, once {@linkcode first} went well. */
  name = "";
  readonly #find: (name: string) => ScramVerifier | Promise<ScramVerifier>;
  readonly #nonce: string;
  readonly #binding: ChannelBinding | undefined;
  #verifier: ScramVerifier | undefined;
  #header = "";
  #started = "";
  #wholeNonce = "";

  /** `find` answers the verifier for a name; for an unknown one a {@linkcode decoyVerifier}. */
  constructor(
    options: {
      random: Random;
      find: (name: string) => ScramVerifier | Promise<ScramVerifier>;
      /** Our part of the nonce: random unless a test knows better. */
      nonce?: string;
      /** Present when SCRAM-SHA-256-PLUS is offered beside SCRAM-SHA-256. */
      binding?: ChannelBinding;
    },
  ) {
    this.#binding = options.binding;
    this.#find = options.find;
    this.#nonce = options.nonce ?? options.random.bytes(18).toBase64();
  }

  /** Takes the client's first message and answers the server's first (RFC 5802 5, 7). */
  async first(message: Uint8Array): Promise<ScramStep> {
    const found = FIRST.exec(decode(message));
    if (!found) return failed("That is not a client-first-message of RFC 5802.");
    const [, binding, actAs, bare, name, nonce] = found as unknown as [
      string,
      string,
      string?,
      string?,
      string?,
      string?,
    ];
    const unbound = this.#bindingFault(binding);
    if (unbound !== undefined) return failed(unbound);
    const who = unescapeName(name!);
    if (who === undefined) return failed("The name holds a '=' that is neither =2C nor =3D.");
    if (actAs !== undefined && unescapeName(actAs) !== who) {
      return failed("Acting as somebody else is not allowed.");
    }
    this.name = who;
    this.#verifier = await this.#find(who);
    this.#header = `${binding},${actAs === undefined ? "" : `a=${actAs}`},`;
    this.#wholeNonce = nonce! + this.#nonce;
    const reply = `r=${this.#wholeNonce},s=${this.#verifier.salt},i=${this.#verifier.iterations}`;
    this.#started = `${bare},${reply}`;
    return { ok: true, reply };
  }

  /** Takes the client's final message; the answer is the server's proof of its own (RFC 5802 3, 7). */
  async final(message: Uint8Array): Promise<ScramStep> {
    const verifier = this.#verifier;
    const found = FINAL.exec(decode(message));
    if (!verifier || !found) return failed("That is not a client-final-message of RFC 5802.");
    this.#verifier = undefined;
    const [, withoutProof, binding, nonce, proof] = found as unknown as [
      string,
      string,
      string,
      string,
      string,
    ];
    if (binding !== this.#expectedBinding()) return failed("The channel binding has changed.");
    if (nonce !== this.#wholeNonce) return failed("The nonce has changed.");
    const authMessage = `${this.#started},${withoutProof}`;
    const storedKey = Uint8Array.fromBase64(verifier.storedKey);
    const signature = await hmac(storedKey, authMessage);
    const given = fromBase64(proof);
    if (given?.length !== signature.length) return failed("The proof is not 32 bytes of base64.");
    const clientKey = given.map((byte, i) => byte ^ signature[i]!);
    if (!equalInConstantTime(await sha256(clientKey), storedKey)) {
      return { ok: false, reason: "Wrong name or password.", guessed: true };
    }
    const own = await hmac(Uint8Array.fromBase64(verifier.serverKey), authMessage);
    return { ok: true, reply: `v=${own.toBase64()}` };
  }

  /** What is wrong with the client's flag `n`, `y` or `p=type` (RFC 5802 6). */
  #bindingFault(flag: string): string | undefined {
    if (!this.#binding?.chosen) {
      if (flag.startsWith("p=")) return "Channel binding belongs to SCRAM-SHA-256-PLUS.";
      // Such a client believes that we can't: somebody in between has taken the mechanism off our list.
      return flag === "y" && this.#binding
        ? "Channel binding is offered: choose SCRAM-SHA-256-PLUS."
        : undefined;
    }
    const { type } = this.#binding;
    return flag === `p=${type}` ? undefined : `SCRAM-SHA-256-PLUS needs p=${type} here.`;
  }

  /** The header and, when bound, what our end sees of the connection; in base64. */
  #expectedBinding(): string {
    const header = encode(this.#header);
    return (this.#binding?.chosen ? concat([header, this.#binding.data]) : header).toBase64();
  }
}

/** RFC 5802 5.1: `=2C` is a comma and `=3D` an equals sign; nothing else may follow `=`. */
function unescapeName(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined;
  return text.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

function failed(reason: string): ScramStep {
  return { ok: false, reason };
}

async function hmac(key: Bytes, text: string): Promise<Bytes> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encode(text)));
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function fromBase64(text: string): Bytes | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

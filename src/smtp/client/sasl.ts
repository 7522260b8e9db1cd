/** SASL as a client plays it: SCRAM-SHA-256, PLAIN, LOGIN and CRAM-MD5 (RFC 4954, 4616, 5802, 7677, 2195). */

import { createHash, createHmac, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { concat, decode, encode, equalInConstantTime } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { preparePassword, saslPrep } from "../../base/sasl_prep.ts";

/** Who logs in. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** One login by one mechanism. */
export interface ClientMechanism {
  readonly name: string;
  /** What goes with the AUTH command; absent: the server speaks first. */
  readonly initial?: Uint8Array;
  /** The answer to a challenge. Throws, in words, when the server does what no server of this mechanism should. */
  respond(challenge: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** True when a 2xx may be believed now: SCRAM's server must have proved itself before. */
  readonly complete: boolean;
}

/**
 * The mechanisms to try of those that are offered, the best first. SCRAM shows nobody the password. Within TLS PLAIN and
 * LOGIN come next, since every server can check them; in clear CRAM-MD5 does, since it doesn't show the password.
 */
export function mechanismsFor(
  offered: ReadonlySet<string>,
  options: { credentials: Credentials; random: Random; encrypted: boolean },
): ClientMechanism[] {
  const { credentials, random, encrypted } = options;
  const names = encrypted
    ? ["SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"]
    : ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"];
  return names.filter((name) => offered.has(name)).map((name) => MAKERS[name]!(credentials, random));
}

const MAKERS: Readonly<Record<string, (credentials: Credentials, random: Random) => ClientMechanism>> = {
  "SCRAM-SHA-256": (credentials, random) => new Scram(credentials, random),
  PLAIN: ({ user, password }) => {
    const message = encode(`\0${user}\0${password}`);
    // a server that takes no initial response asks for it
    return { name: "PLAIN", initial: message, complete: true, respond: () => message };
  },
  LOGIN: ({ user, password }) => {
    const answers = [user, password];
    return {
      name: "LOGIN",
      complete: true,
      respond() {
        const answer = answers.shift();
        if (answer === undefined) throw new Error("AUTH LOGIN asked for more than a name and a password");
        return encode(answer);
      },
    };
  },
  "CRAM-MD5": ({ user, password }) => ({
    name: "CRAM-MD5",
    complete: true,
    respond(challenge) {
      const digest = createHmac("md5", encode(password)).update(challenge).digest("hex");
      return encode(`${user} ${digest}`);
    },
  }),
};

const SERVER_FIRST = /^r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9]\d{0,8})(?:,.*)?$/;
/** Nobody asks for more; a server that does would only make us work. */
const MAX_ITERATIONS = 10_000_000;

const derive = promisify(pbkdf2);

/** SCRAM-SHA-256 without channel binding, which few servers offer behind a proxy or a load balancer. */
class Scram implements ClientMechanism {
  readonly name = "SCRAM-SHA-256";
  readonly initial: Uint8Array;
  complete = false;
  readonly #password: string;
  readonly #nonce: string;
  readonly #bare: string;
  #serverSignature: Uint8Array | undefined;

  constructor({ user, password }: Credentials, random: Random) {
    this.#password = password;
    this.#nonce = random.bytes(18).toBase64();
    const name = (saslPrep(user) ?? user).replaceAll("=", "=3D").replaceAll(",", "=2C");
    this.#bare = `n=${name},r=${this.#nonce}`;
    this.initial = encode(`n,,${this.#bare}`);
  }

  async respond(challenge: Uint8Array): Promise<Uint8Array> {
    const text = decode(challenge);
    if (this.#serverSignature) return this.#check(text, this.#serverSignature);
    const [, nonce, salt, rounds] = SERVER_FIRST.exec(text) ?? [];
    if (nonce === undefined || !nonce.startsWith(this.#nonce) || nonce === this.#nonce) {
      throw new Error("the server's first message of SCRAM is wrong");
    }
    const iterations = Number(rounds);
    if (iterations > MAX_ITERATIONS) throw new Error(`the server asks for ${iterations} rounds of SCRAM`);
    const secret = encode(preparePassword(this.#password));
    const salted = await derive(secret, Uint8Array.fromBase64(salt!), iterations, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const withoutProof = `c=biws,r=${nonce}`;
    const message = `${this.#bare},${text},${withoutProof}`;
    const signature = hmac(createHash("sha256").update(clientKey).digest(), message);
    const proof = clientKey.map((byte, i) => byte ^ signature[i]!);
    this.#serverSignature = hmac(hmac(salted, "Server Key"), message);
    return encode(`${withoutProof},p=${proof.toBase64()}`);
  }

  #check(text: string, expected: Uint8Array): Uint8Array {
    const given = /^v=([A-Za-z0-9+/=]+)(?:,.*)?$/.exec(text)?.[1];
    const isRight = given !== undefined && equalInConstantTime(Uint8Array.fromBase64(given), expected);
    if (!isRight) throw new Error("the server doesn't know the password itself");
    this.complete = true;
    return new Uint8Array(0);
  }
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return concat([createHmac("sha256", key).update(text).digest()]);
}

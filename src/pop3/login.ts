/** The login of a POP3 session: USER and PASS, SASL PLAIN and SCRAM-SHA-256 (RFC 1939 7, RFC 5034). */

import { encode } from "../base/bytes.ts";
import { type Random, systemRandom } from "../base/random.ts";
import type { Account, Accounts } from "../auth/accounts.ts";
import { Authenticator, type LoginFailure } from "../auth/authenticator.ts";
import type { LoginGuard } from "../auth/login_guard.ts";
import { decodeSaslLine, parsePlain } from "../auth/sasl_plain.ts";
import { ScramExchange } from "../auth/scram.ts";
import { err, TOO_MANY_LOGINS, WRONG_CREDENTIALS } from "./reply.ts";

/** How the client logged in. */
export type Mechanism = "PASS" | "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS";

/**
 * What a login came to. `name` is what the client called itself, empty when it did not come to that; `why` tells a
 * login that failed from one that could not be understood or was given up.
 */
export type LoginResult =
  | { readonly account: Account; readonly name: string }
  | { readonly refused: string; readonly name: string; readonly why?: LoginFailure };

/** What logins need. */
export interface LoginOptions {
  /** Who may log in. */
  readonly accounts: Accounts;
  /** Slows down who guesses. */
  readonly guard: LoginGuard;
  /** For SCRAM's nonces. */
  readonly random?: Random;
  /** The client's IP address. */
  readonly remote: string;
  /** Ends waiting. */
  readonly closing: AbortSignal;
}

/** Sends a challenge (without `+ ` and CRLF) and answers the client's next line; undefined when it has gone. */
export type Challenge = (text: string) => Promise<string | undefined>;

/** The logins of one session. */
export class Logins {
  readonly #options: LoginOptions;
  readonly #authenticator: Authenticator;

  /** For the connection that the options tell of. */
  constructor(options: LoginOptions) {
    this.#options = options;
    this.#authenticator = new Authenticator(options);
  }

  /** Checks a name and a password (undefined: one that nobody has). Rejects when the store fails. */
  async password(name: string, password: string | undefined): Promise<LoginResult> {
    const found = await this.#authenticator.password(this.#client, name, password);
    return typeof found === "string" ? failure(found, name) : { account: found, name };
  }

  /** AUTH PLAIN. `initial` is the initial response; without it the client is asked for one. */
  async plain(initial: string | undefined, challenge: Challenge): Promise<LoginResult> {
    const message = await response(initial, challenge);
    if (!(message instanceof Uint8Array)) return message;
    const credentials = parsePlain(message);
    if (!credentials) return { refused: err("That is not a PLAIN message of RFC 4616"), name: "" };
    const { actAs, name, password } = credentials;
    const result = await this.password(name, password);
    if (!("account" in result) || actAs === "" || actAs === name) return result;
    const wanted = this.#options.accounts.byName(actAs);
    return wanted?.address === result.account.address ? result : failure("wrong", name);
  }

  /** AUTH SCRAM-SHA-256 (RFC 5802, RFC 7677); with the `endPoint` of TLS it is SCRAM-SHA-256-PLUS. */
  async scram(
    initial: string | undefined,
    challenge: Challenge,
    endPoint?: Uint8Array,
  ): Promise<LoginResult> {
    const { accounts, random = systemRandom } = this.#options;
    const first = await response(initial, challenge);
    if (!(first instanceof Uint8Array)) return first;
    const exchange = new ScramExchange({
      random,
      ...(endPoint && { binding: { type: "tls-server-end-point", data: endPoint, chosen: true } }),
      find: (name) => accounts.scramVerifier(name),
    });
    const begun = await exchange.first(first);
    if (!begun.ok) return { refused: err(begun.reason), name: "" };
    const name = exchange.name;
    const final = await response(undefined, challenge, begun.reply);
    if (!(final instanceof Uint8Array)) return { ...final, name };
    const found = await this.#authenticator.scram(this.#client, exchange, final);
    if (typeof found === "string") return failure(found, name);
    // RFC 5034 4 has no room for data beside +OK: the server's proof is one more challenge, answered by an empty line
    const last = await response(undefined, challenge, found.proof);
    return last instanceof Uint8Array ? { account: found.account, name } : { ...last, name };
  }

  get #client() {
    const { remote, closing } = this.#options;
    return { address: remote, closing };
  }
}

function failure(why: LoginFailure, name: string): LoginResult {
  return { refused: why === "refused" ? TOO_MANY_LOGINS : WRONG_CREDENTIALS, name, why };
}

/** The bytes of a response: the initial one, or the answer to a challenge. */
async function response(
  initial: string | undefined,
  challenge: Challenge,
  text = "",
): Promise<Uint8Array | Extract<LoginResult, { refused: string }>> {
  const line = initial ?? await challenge(text === "" ? "" : encode(text).toBase64());
  if (line === undefined) return { refused: err("Too late, or too long"), name: "" };
  if (line === "*") return { refused: err("Authentication cancelled"), name: "" };
  return decodeSaslLine(line) ?? { refused: err("That is not base64"), name: "" };
}

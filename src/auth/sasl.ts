/** SASL as a server plays it (RFC 4422), once for all protocols: PLAIN, LOGIN and SCRAM-SHA-256, as lines of base64. */

import { decodeStrictly, encode } from "../base/bytes.ts";
import type { Account } from "./accounts.ts";
import type { Authenticator, LoginClient, LoginFailure } from "./authenticator.ts";
import type { ScramExchange } from "./scram.ts";

/** Who logs in. */
export interface SaslClient extends LoginClient {
  /** What TLS can be bound to, `tls-server-end-point`; absent where the connection can't be bound. */
  readonly endPoint?: Uint8Array | undefined;
}

/** Which account logged in: another one of the same address was made at another time. */
export type Identity = Pick<Account, "address" | "createdAt">;

/** How an exchange ended. `malformed`: nobody understands it; that is no login that failed. */
export type SaslEnd =
  | { readonly kind: "success"; readonly account: Identity }
  | { readonly kind: "failed"; readonly why: LoginFailure }
  | { readonly kind: "malformed"; readonly reason: string }
  | { readonly kind: "cancelled" };

/** What a message of the client came to: the next challenge, or the end. */
export type SaslStep = { readonly kind: "challenge"; readonly challenge: Uint8Array } | SaslEnd;

/** One login by one mechanism. Its messages are octets, not base64: how they are coded belongs to the protocol. */
export interface SaslMechanism {
  /** Its name, in upper case. */
  readonly name: string;
  /** The challenge to a client that sent no initial response. */
  readonly opening: Uint8Array;
  /** Who the client says it is, once it said so; for the logs. */
  readonly user: string;
  /** Takes the client's next message. Rejects when the store fails. */
  step(message: Uint8Array): SaslStep | Promise<SaslStep>;
}

/** The logins that a protocol offers. */
export interface Sasl {
  /** The names to list, the best first. */
  readonly offered: readonly string[];
  /** Begins a login; undefined where there is no such mechanism. */
  begin(mechanism: string, client: SaslClient): SaslMechanism | undefined;
}

/** What a line of the client came to; challenges are in base64. */
export type SaslReply = { readonly kind: "challenge"; readonly challenge: string } | SaslEnd;

/**
 * A mechanism's messages as the lines that SMTP (RFC 4954), POP3 (RFC 5034) and IMAP (RFC 9051) carry them in: base64,
 * `=` for an empty initial response, `*` to cancel.
 */
export class SaslExchange {
  readonly mechanism: SaslMechanism;

  constructor(mechanism: SaslMechanism) {
    this.mechanism = mechanism;
  }

  /** The challenge to a client that sent no initial response. */
  get opening(): string {
    return this.mechanism.opening.toBase64();
  }

  /** Takes the initial response, as it stood in the command. */
  async begin(initial: string): Promise<SaslReply> {
    const message = decodeSaslLine(initial);
    if (!message) return malformed("That is not base64");
    const step = await this.mechanism.step(message);
    return step.kind === "challenge" ? { ...step, challenge: step.challenge.toBase64() } : step;
  }

  /** Takes the line that answers a challenge. */
  respond(line: string): Promise<SaslReply> {
    return line === "*" ? Promise.resolve({ kind: "cancelled" }) : this.begin(line);
  }
}

/** The octets of a message in base64 (RFC 4648), or of `=`, the empty one; undefined when it is neither. */
export function decodeSaslLine(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text === "=") return new Uint8Array(0);
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

/** The logins of the accounts, by all mechanisms. */
export class AccountSasl implements Sasl {
  readonly #authenticator: Authenticator;
  readonly #passwords: readonly string[];

  /** `passwords`: the mechanisms that take one, the best first (PLAIN). */
  constructor(
    authenticator: Authenticator,
    { passwords = ["PLAIN"] }: { passwords?: readonly string[] } = {},
  ) {
    this.#authenticator = authenticator;
    this.#passwords = passwords;
  }

  /**
   * SCRAM only while it works for everybody. SCRAM-SHA-256-PLUS is for those who ask for it by name: mail programs on
   * GNU SASL (mutt) choose it wherever they see it, bind to `tls-exporter` only, and then can't log in at all.
   */
  get offered(): readonly string[] {
    return this.#authenticator.scramReady ? ["SCRAM-SHA-256", ...this.#passwords] : this.#passwords;
  }

  begin(mechanism: string, client: SaslClient): SaslMechanism | undefined {
    const name = mechanism.toUpperCase();
    const authenticator = this.#authenticator;
    if (name === "SCRAM-SHA-256") return new Scram(name, authenticator, client);
    if (name === "SCRAM-SHA-256-PLUS") return client.endPoint && new Scram(name, authenticator, client);
    if (!this.#passwords.includes(name)) return undefined;
    return passwordMechanism(name, async ({ name, password, actAs }) => {
      const found = await authenticator.password(client, name, password);
      return typeof found === "string" || authenticator.isSelf(found, actAs) ? found : "wrong";
    });
  }
}

/** What a client says to prove who it is. */
export interface PlainCredentials {
  readonly name: string;
  readonly password: string;
  /** Whom it wants to act as (RFC 4616 2); empty: itself. */
  readonly actAs: string;
}

/** Says whose password it is, and whether it is right. */
export type PasswordCheck = (credentials: PlainCredentials) => Promise<Identity | LoginFailure>;

/** PLAIN or LOGIN over any check of passwords; undefined for other names. */
export function passwordMechanism(name: string, check: PasswordCheck): SaslMechanism | undefined {
  if (name === "PLAIN") return new Plain(check);
  return name === "LOGIN" ? new UserAndPassword(check) : undefined;
}

const NOTHING = new Uint8Array(0);

/** RFC 4616. */
class Plain implements SaslMechanism {
  readonly name = "PLAIN";
  readonly opening = NOTHING;
  user = "";

  constructor(private readonly check: PasswordCheck) {}

  step(message: Uint8Array): SaslStep | Promise<SaslStep> {
    const parts = decodeStrictly(message)?.split("\0");
    if (parts?.length !== 3) return malformed("That is not a PLAIN message of RFC 4616");
    const [actAs, name, password] = parts as [string, string, string];
    this.user = name;
    return checked(this.check, { name, password, actAs });
  }
}

/** LOGIN, as old clients speak it: a name, then a password. */
class UserAndPassword implements SaslMechanism {
  readonly name = "LOGIN";
  readonly opening: Uint8Array = encode("Username:");
  user = "";
  #asked = false;

  constructor(private readonly check: PasswordCheck) {}

  step(message: Uint8Array): SaslStep | Promise<SaslStep> {
    const text = decodeStrictly(message);
    if (text === undefined) return malformed("That is not UTF-8");
    if (this.#asked) return checked(this.check, { name: this.user, password: text, actAs: "" });
    this.#asked = true;
    this.user = text;
    return { kind: "challenge", challenge: encode("Password:") };
  }
}

async function checked(check: PasswordCheck, credentials: PlainCredentials): Promise<SaslStep> {
  const { name, password } = credentials;
  // nobody's: not even a guess
  if (name === "" || password === "" || password.includes("\0")) return { kind: "failed", why: "wrong" };
  return ended(await check(credentials));
}

/** RFC 5802, 7677: client-first, client-final, and the empty answer to the server's proof. */
class Scram implements SaslMechanism {
  readonly opening = NOTHING;
  #stage: "first" | "final" | "proven" = "first";
  readonly #exchange: ScramExchange;
  #account: Identity | undefined;

  constructor(
    readonly name: "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS",
    private readonly authenticator: Authenticator,
    private readonly client: SaslClient,
  ) {
    // a client that could bind is right not to ("y" in RFC 5802 6), since the mechanism that binds is not listed
    const endPoint = name === "SCRAM-SHA-256-PLUS" ? client.endPoint : undefined;
    this.#exchange = authenticator.scramExchange(endPoint);
  }

  get user(): string {
    return this.#exchange.name;
  }

  step(message: Uint8Array): SaslStep | Promise<SaslStep> {
    if (this.#stage === "first") return this.#first(message);
    if (this.#stage === "final") return this.#final(message);
    if (message.length > 0) return malformed("Not a message of SCRAM-SHA-256 at this point");
    return { kind: "success", account: this.#account! };
  }

  async #first(message: Uint8Array): Promise<SaslStep> {
    const begun = await this.#exchange.first(message);
    if (!begun.ok) return malformed(begun.reason);
    this.#stage = "final";
    return { kind: "challenge", challenge: encode(begun.reply) };
  }

  async #final(message: Uint8Array): Promise<SaslStep> {
    const found = await this.authenticator.scram(this.client, this.#exchange, message);
    if (typeof found === "string") return ended(found);
    this.#stage = "proven";
    this.#account = found.account;
    return { kind: "challenge", challenge: encode(found.proof) };
  }
}

function ended(found: Identity | LoginFailure): SaslEnd {
  return typeof found === "string" ? { kind: "failed", why: found } : { kind: "success", account: found };
}

function malformed(reason: string): SaslEnd {
  return { kind: "malformed", reason };
}

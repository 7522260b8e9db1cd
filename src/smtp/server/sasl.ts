/** In charge of SASL as a server plays it: PLAIN, LOGIN, and exchanges that Reception plays (RFC 4954, 4616). */

import { decodeStrictly } from "../../base/bytes.ts";
import type { Login, LoginExchange, LoginStep, Reception, SessionFacts } from "./reception.ts";
import { WRONG_LOGIN } from "../protocol/replies.ts";

/** What a message of the client came to; `malformed`: it does not fit the mechanism. */
export type SaslStep = LoginStep | "malformed";

/** One login with one mechanism. */
export interface Mechanism {
  /** The mechanism's name. */
  readonly name: string;
  /** What the server sends when the client sends nothing with AUTH. */
  readonly opening: string;
  /** Who the client says it is, once it said so; for the logs. */
  readonly user: string;
  /** Takes the client's next message. */
  step(message: Uint8Array): SaslStep | Promise<SaslStep>;
}

const MAKERS: Readonly<
  Record<string, (reception: Reception, session: SessionFacts) => Mechanism | undefined>
> = {
  "SCRAM-SHA-256-PLUS": (reception, session) =>
    session.tls?.endPoint && scram("SCRAM-SHA-256-PLUS", reception.scram?.(session, true)),
  "SCRAM-SHA-256": (reception, session) => scram("SCRAM-SHA-256", reception.scram?.(session, false)),
  PLAIN: (reception, session) => new Plain(reception, session),
  LOGIN: (reception, session) => new UserAndPassword(reception, session),
};

/** Begins a login; undefined when there is no such mechanism. */
export function mechanism(name: string, reception: Reception, session: SessionFacts): Mechanism | undefined {
  const upper = name.toUpperCase();
  return Object.hasOwn(MAKERS, upper) ? MAKERS[upper]!(reception, session) : undefined;
}

/**
 * The names that EHLO lists, the best first. SCRAM-SHA-256-PLUS is for those who ask for it by name: mail programs on
 * GNU SASL (mutt) choose it wherever they see it, bind to `tls-exporter` only, and then can't log in at all.
 */
export function mechanismNames(reception: Reception): string {
  return reception.scram && reception.scramReady !== false ? "SCRAM-SHA-256 PLAIN LOGIN" : "PLAIN LOGIN";
}

function scram(name: string, exchange: LoginExchange | undefined): Mechanism | undefined {
  return exchange && {
    name,
    opening: "",
    get user() {
      return exchange.user;
    },
    step: (message) => exchange.step(message),
  };
}

/** Base64 of a response, `=` being the empty one; undefined when it is not base64. */
export function decodeResponse(text: string): Uint8Array | undefined {
  if (text === "=") return new Uint8Array(0);
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

class Plain implements Mechanism {
  readonly name = "PLAIN";
  readonly opening = "";
  user = "";

  constructor(private readonly reception: Reception, private readonly session: SessionFacts) {}

  step(message: Uint8Array): SaslStep | Promise<SaslStep> {
    const parts = decodeStrictly(message)?.split("\0");
    if (parts?.length !== 3) return "malformed";
    const [actAs, user, password] = parts as [string, string, string];
    this.user = user;
    return check(this.reception, this.session, { user, password, actAs });
  }
}

class UserAndPassword implements Mechanism {
  readonly name = "LOGIN";
  readonly opening = "Username:";
  user = "";
  #asked = false;

  constructor(private readonly reception: Reception, private readonly session: SessionFacts) {}

  step(message: Uint8Array): SaslStep | Promise<SaslStep> {
    const text = decodeStrictly(message);
    if (text === undefined) return "malformed";
    if (this.#asked) {
      return check(this.reception, this.session, { user: this.user, password: text, actAs: "" });
    }
    this.#asked = true;
    this.user = text;
    return { challenge: "Password:" };
  }
}

function check(
  reception: Reception,
  session: SessionFacts,
  given: { user: string; password: string; actAs: string },
): Login | Promise<Login> {
  const { user, password, actAs } = given;
  // Acting for somebody else is not offered (RFC 4616 2); nor is an empty name or password ever right.
  const itself = actAs === "" || actAs.toLowerCase() === user.toLowerCase();
  if (!itself || user === "" || password === "" || password.includes("\0")) return { refused: WRONG_LOGIN };
  return reception.authenticate(session, user, password);
}

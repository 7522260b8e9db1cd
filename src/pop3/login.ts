/** The login of a POP3 session, as replies: USER and PASS (RFC 1939 7), and a SASL exchange (RFC 5034). */

import type { LoginFailure } from "../auth/authenticator.ts";
import { type Identity, SaslExchange, type SaslMechanism, type SaslReply } from "../auth/sasl.ts";
import { err, TOO_MANY_LOGINS, WRONG_CREDENTIALS } from "./reply.ts";

/**
 * What a login came to. `name` is what the client called itself, empty when it did not come to that; `why` tells a
 * login that failed from one that could not be understood or was given up.
 */
export type LoginResult =
  | { readonly account: Identity; readonly name: string }
  | { readonly refused: string; readonly name: string; readonly why?: LoginFailure };

/** What the check of a name and its password came to. */
export function passwordResult(name: string, found: Identity | LoginFailure): LoginResult {
  if (typeof found !== "string") return { account: found, name };
  return { refused: found === "refused" ? TOO_MANY_LOGINS : WRONG_CREDENTIALS, name, why: found };
}

/**
 * Plays a mechanism through. `ask` sends a challenge (without `+ ` and CRLF) and answers the client's next line;
 * undefined when it has gone. Rejects when the store fails.
 */
export async function saslLogin(
  mechanism: SaslMechanism,
  initial: string | undefined,
  ask: (challenge: string) => Promise<string | undefined>,
): Promise<LoginResult> {
  const exchange = new SaslExchange(mechanism);
  let step: SaslReply = initial === undefined
    ? { kind: "challenge", challenge: exchange.opening }
    : await exchange.begin(initial);
  while (step.kind === "challenge") {
    const line = await ask(step.challenge);
    if (line === undefined) return { refused: err("Too late, or too long"), name: mechanism.user };
    step = await exchange.respond(line);
  }
  const name = mechanism.user;
  if (step.kind === "success") return { account: step.account, name };
  if (step.kind === "failed") return passwordResult(name, step.why);
  return { refused: err(step.kind === "cancelled" ? "Authentication cancelled" : step.reason), name };
}

/** The login of an IMAP session: a SASL exchange (RFC 9051 6.2.2, RFC 4959), and what became of it. */

import type { LoginFailure } from "../auth/authenticator.ts";
import { type Identity, SaslExchange, type SaslMechanism, type SaslReply } from "../auth/sasl.ts";

/**
 * What a login came to. `name` is what the client called itself, empty when it did not come to that; `why` tells a
 * login that failed from one that could not be understood or was given up.
 */
export type LoginResult =
  | { readonly account: Identity; readonly name: string }
  | {
    readonly kind: "NO" | "BAD";
    readonly code?: string;
    readonly text: string;
    readonly name: string;
    readonly why?: LoginFailure;
  };

/** What the check of a name and its password came to. */
export function passwordResult(name: string, found: Identity | LoginFailure): LoginResult {
  if (typeof found !== "string") return { account: found, name };
  if (found === "refused") {
    const text = "Too many failed logins: try again in 15 minutes";
    return { kind: "NO", code: "UNAVAILABLE", text, name, why: found };
  }
  return { kind: "NO", code: "AUTHENTICATIONFAILED", text: "Wrong name or password", name, why: found };
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
    if (line === undefined) return { kind: "BAD", text: "Too late, or too long", name: mechanism.user };
    step = await exchange.respond(line);
  }
  const name = mechanism.user;
  if (step.kind === "success") return { account: step.account, name };
  if (step.kind === "failed") return passwordResult(name, step.why);
  return { kind: "BAD", text: step.kind === "cancelled" ? "Authentication cancelled" : step.reason, name };
}

/** The parts that the tests of the SMTP client share: a message, a connected client, a clock that is moved. */

import { assert } from "@std/assert";
import { encode } from "../../../src/base/bytes.ts";
import { ManualClock } from "../../../src/base/manual_clock.ts";
import type { Outcome } from "../../../src/mail/outcome.ts";
import { type ClientOptions, type OutgoingMessage, SmtpClient } from "../../../src/smtp/client/client.ts";
import type { ScriptedPeer } from "../../../src/testing/scripted_peer.ts";

/** The text that {@linkcode message} sends. */
export const TEXT = "Subject: Hello\r\n\r\n.starts with a dot\r\nends\r\n";

/** A message to `to`; two recipients when nothing else is said. */
export function message(
  overrides: Partial<OutgoingMessage> & { to?: string[]; body?: string } = {},
): OutgoingMessage {
  const { to = ["jsmith@far.example", "carol@far.example"], body = TEXT, ...rest } = overrides;
  const bytes = encode(body);
  return {
    sender: "brain@near.example",
    recipients: to.map((address) => ({ address })),
    size: bytes.length,
    parameters: {},
    text: () => [bytes],
    ...rest,
  };
}

/** Options for a client; a clock that stands still. */
export function options(overrides: Partial<ClientOptions> = {}): ClientOptions {
  return { hostname: "near.example", clock: new ManualClock(), tls: "never", ...overrides };
}

/** Connects to a peer under the name mx.far.example, and under another address where one is given. */
export function connect(peer: ScriptedPeer, overrides: Partial<ClientOptions> = {}, address?: string) {
  const { hostname, port } = peer.address;
  const target = { host: "mx.far.example", address: address ?? hostname, port };
  return SmtpClient.connect(target, options(overrides));
}

/** A client that is connected. */
export async function connected(
  peer: ScriptedPeer,
  overrides: Partial<ClientOptions> = {},
): Promise<SmtpClient> {
  const result = await connect(peer, overrides);
  assert(result.ok, `not connected: ${JSON.stringify(result)}`);
  return result.client;
}

/** Kind, status, stage and code of outcomes, each on a line: `deferred 4.4.2 data` or `failed 5.1.1 rcpt 550`. */
export function brief(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ kind, status, stage, code }) =>
    [kind, status, stage, code].filter(Boolean).join(" ")
  );
}

/** Lets everything that is under way on loopback happen, until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 20_000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve));
  assert(condition(), "what was waited for did not happen");
}

/** The faults of a receiving session: at its greeting, in TLS, and at the end of a message; those of commands stand apart. */

import { sleep } from "../../base/clock.ts";
import { concat } from "../../base/bytes.ts";
import type { FaultAction } from "../../faults/action.ts";
import { fieldValue, MAX_HEADER_OCTETS, parseHeader } from "../../mail/decoded_header.ts";
import { closing, type Reply } from "../protocol/reply.ts";
import type { SessionState } from "./session_state.ts";

/** A handshake failure, as TLS says it (RFC 8446 6, in a record of RFC 5246). */
const TLS_ALERT = Uint8Array.of(21, 3, 3, 0, 2, 2, 40);

/** Sender and recipients of the open transaction. */
export function envelopeOf({ transaction }: SessionState): { from: string; to: string[] } {
  const { sender, recipients } = transaction!;
  return { from: sender, to: recipients.map(({ address }) => address) };
}

/** RFC 5321 3.8: behind a 421 the connection closes. */
export function asReply({ code, status, lines }: FaultAction & { kind: "reply" }): Reply {
  const own = status === undefined ? { code, lines } : { code, status, lines };
  return code === 421 ? closing(own) : own;
}

/** Drops, waits, or has the next answer cut; true: all goes on. */
export async function passes(session: SessionState, action: FaultAction | undefined): Promise<boolean> {
  if (action?.kind === "drop") session.end("fault");
  if (action?.kind === "truncate") session.cutNext(action.octets);
  if (action?.kind === "delay") await sleep(session.options.clock, action.ms, session.options.closing);
  return !session.over;
}

/** Lets a handshake that the client begins fail, and ends. */
export async function breakHandshake(session: SessionState): Promise<void> {
  const { line, options, deadline } = session;
  try {
    deadline.set(options.limits.commandTimeoutMs);
    await line.flush();
    line.discardInput();
    await line.fill();
    line.discardInput();
    line.put(TLS_ALERT);
  } catch {
    // it broke by itself
  } finally {
    deadline.clear();
  }
  session.end("fault");
}

/** The handshake of a connection that is encrypted from its first octet; false: it came to nothing. */
export async function handshakeWithFaults(session: SessionState): Promise<boolean> {
  const { faults } = session.options;
  if (!faults?.watches("starttls")) return true;
  const action = await faults.at({ stage: "starttls", wordless: true });
  if (action?.kind === "tlsFail") await breakHandshake(session);
  return await passes(session, action);
}

/** The greeting; false: it is not said. */
export async function greetWithFaults(session: SessionState): Promise<boolean> {
  const { faults } = session.options;
  if (!faults?.watches("connect")) return true;
  const action = await faults.at({ stage: "connect" });
  if (action?.kind !== "reply") return await passes(session, action);
  session.end("fault");
  session.say(asReply(action));
  return false;
}

/** The end of a message's content: true: it is taken as ever; else the answer for all, or undefined: there is none. */
export async function endWithFaults(session: SessionState): Promise<true | Reply | undefined> {
  const { faults } = session.options;
  if (!faults?.watches("end")) return true;
  const { head } = session.transaction!;
  const subject = async () => fieldValue(await parseHeader(concat(head ?? [])), "subject");
  const action = await faults.at({ stage: "end", ...envelopeOf(session), subject });
  if (action?.kind !== "reply") return await passes(session, action) || undefined;
  return asReply(action);
}

/** Keeps the beginning of a message, for its subject. */
export function keepHead(head: Uint8Array[], piece: Uint8Array): void {
  const held = head.reduce((sum, { length }) => sum + length, 0);
  if (held < MAX_HEADER_OCTETS) head.push(piece.slice(0, MAX_HEADER_OCTETS - held));
}

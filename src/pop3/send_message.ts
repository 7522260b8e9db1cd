/** The sending of one message for RETR and TOP (RFC 1939 5, 7). */

import { encode } from "../base/bytes.ts";
import type { MailRef } from "../mailbox/mail_entry.ts";
import { DotWriter } from "../wire/dot_writer.ts";
import type { Maildrop } from "./maildrop.ts";
import type { Output } from "./output.ts";
import { ok } from "./reply.ts";
import { TopCutter } from "./top_cutter.ts";

/** What to send, and where. */
export interface MessageToSend {
  /** Where it is. */
  readonly maildrop: Maildrop;
  /** Its number. */
  readonly number: number;
  /** What is known of it. */
  readonly mail: MailRef;
  /** Where it goes. */
  readonly out: Output;
  /** For TOP: how many lines of the body. */
  readonly lines?: number;
}

/** The store could not give the message. */
export interface ReadFailure {
  /** What went wrong. */
  readonly error: unknown;
  /** True when a part of the reply is out already. */
  readonly begun: boolean;
}

/**
 * Puts the reply and the message. Done at once when the message was read ahead; else resolves when it was put, or
 * with what went wrong in reading it. Rejects when the connection breaks.
 */
export function sendMessage(what: MessageToSend): undefined | Promise<ReadFailure | undefined> {
  const small = what.maildrop.small(what.number);
  if (!(small instanceof Promise)) {
    if (small === undefined) return sendStream(what);
    putSmall(what, small);
    return undefined;
  }
  return small.then((body) => {
    if (body === undefined) return sendStream(what);
    putSmall(what, body);
    return undefined;
  }, (error) => ({ error, begun: false }));
}

function title({ mail, lines }: MessageToSend): string {
  return lines === undefined ? ok(`${mail.size} octets`) : ok("Top of message follows");
}

function putSmall(what: MessageToSend, body: Uint8Array): void {
  const { out, mail, lines } = what;
  const writer = new DotWriter();
  const cutter = lines === undefined ? undefined : new TopCutter(lines);
  out.put(title(what));
  for (const piece of [encode(mail.prefix), body]) {
    const shown = cutter ? cutter.push(piece) : piece;
    for (const part of writer.encode(shown)) out.put(part);
  }
  out.put(writer.end());
}

async function sendStream(what: MessageToSend): Promise<ReadFailure | undefined> {
  const { maildrop, mail, out, lines } = what;
  const writer = new DotWriter();
  const cutter = lines === undefined ? undefined : new TopCutter(lines);
  const pieces = maildrop.read(mail)[Symbol.asyncIterator]();
  let begun = false;
  let waiting: Uint8Array[] = [];
  try {
    for (;;) {
      const next = await read(pieces);
      if ("error" in next) return { error: next.error, begun };
      if (next.done) break;
      waiting.push(next.value);
      // the prefix is no proof that there is a body behind it
      if (!begun && waiting.length === 1 && mail.body.size > 0) continue;
      if (!begun) out.put(title(what));
      begun = true;
      for (const piece of waiting) {
        for (const part of writer.encode(cutter ? cutter.push(piece) : piece)) out.put(part);
      }
      waiting = [];
      await out.flushIfMuch();
      if (cutter?.done) break;
    }
    if (!begun) {
      out.put(title(what));
      for (const piece of waiting) for (const part of writer.encode(piece)) out.put(part);
    }
    out.put(writer.end());
    return undefined;
  } finally {
    await pieces.return?.(undefined);
  }
}

async function read(
  pieces: AsyncIterator<Uint8Array>,
): Promise<IteratorResult<Uint8Array> | { error: unknown }> {
  try {
    return await pieces.next();
  } catch (error) {
    return { error };
  }
}

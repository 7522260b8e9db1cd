/** The sending of a message's content as a client, by DATA or BDAT (RFC 5321 4.1.1.4, RFC 3030). */

import { eachPiece } from "../../base/awaitable.ts";
import { messageOf } from "../../base/errors.ts";
import { DotWriter } from "../../wire/dot_writer.ts";
import type { ClientChannel } from "./channel.ts";
import type { OutgoingMessage } from "./options.ts";
import { type ReplyError } from "./reply_reader.ts";

/**
 * How far the content came. `sent`: its end is out (or may be: the connection broke while it was written), and a reply
 * is due. `broken`: the peer went before the end was sent. `kept`: we did not end it ourselves.
 */
export type ContentResult =
  | { readonly kind: "sent" }
  | { readonly kind: "broken"; readonly error: ReplyError }
  | { readonly kind: "kept"; readonly why: "lease" | "unreadable"; readonly text: string };

/** So much is collected before it is written; a smaller text goes out in one write with its end. */
const BLOCK = 64 * 1024;

/**
 * Sends the content and its end. By DATA the 354 has come; by BDAT the command goes out with the content, as one chunk.
 * The peer never gets an end, and so never takes the message, unless all of the content was read and it is still ours.
 * `ended`: asked when the end was put; true: somebody may put commands behind it, which go out in the same write.
 */
export async function sendContent(
  channel: ClientChannel,
  message: OutgoingMessage,
  { how, ended }: { how: "data" | "bdat"; ended?: (() => boolean) | undefined },
): Promise<ContentResult> {
  const dots = how === "data" ? new DotWriter() : undefined;
  if (!dots) channel.put(`BDAT ${message.size} LAST`);
  let seen = 0;
  let error: ReplyError | undefined;
  const drained = async () => {
    error = await channel.drain(channel.timeouts.block);
    return error === undefined;
  };
  const take = (piece: Uint8Array) => {
    seen += piece.length;
    if (seen > message.size) return false;
    if (dots) { for (const part of dots.encode(piece)) channel.putBytes(part); }
    else channel.putBytes(piece);
    // a chunk's last byte is its end, so it waits until all is known to be well
    return channel.pending >= BLOCK && (dots || seen < message.size) ? drained() : true;
  };
  try {
    const reading = eachPiece(message.text(), take);
    if (reading) await reading;
    if (error) return { kind: "broken", error };
    if (seen > message.size) return wrongSize(message.size, "more");
    if (seen < message.size) return wrongSize(message.size, `only ${seen}`);
    if (message.mayEnd && !(await message.mayEnd())) {
      return { kind: "kept", why: "lease", text: "The lease was lost: another runner has the message now" };
    }
  } catch (error) {
    return { kind: "kept", why: "unreadable", text: `The message can't be read: ${messageOf(error)}` };
  }
  if (dots) {
    channel.putBytes(dots.end());
    channel.note(".");
  }
  // what goes wrong from here on shows in the reply
  if (channel.pending < BLOCK) {
    if (ended?.()) channel.flushSoon();
    else channel.flush();
  } else await channel.drain(channel.timeouts.block);
  return { kind: "sent" };
}

function wrongSize(size: number, found: string): ContentResult {
  return {
    kind: "kept",
    why: "unreadable",
    text: `The message should have ${size} octets, but has ${found}`,
  };
}

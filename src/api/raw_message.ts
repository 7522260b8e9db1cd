/** The answers that carry message content or an attachment: streamed, and harmless in a browser. */

import type { Mailbox } from "../mail/envelope.ts";
import type { MailEntry, MailStore } from "../mailbox/mail_store.ts";
import { BodyAborted } from "../wire/http_exchange.ts";

/** Message content as `message/rfc822`. `size` is its length in bytes, `name` makes the file's name. */
export function rawMessage(content: AsyncIterable<Uint8Array>, of: { size: number; name: string }): Response {
  return new Response(ReadableStream.from(content) as ReadableStream<Uint8Array>, {
    headers: {
      "content-type": "message/rfc822",
      "content-length": String(of.size),
      "content-disposition": `attachment; filename="${of.name}.eml"`,
    },
  });
}

/** A message of a mailbox as `message/rfc822`. */
export function rawMail(
  mailStore: MailStore,
  { address, entry }: { address: Mailbox; entry: MailEntry },
): Response {
  const isGone = (error: unknown) => mailStore.wasRemoved(address, entry.uid, error);
  return rawMessage(whileThere(mailStore.read(entry), isGone), { size: entry.size, name: entry.uid });
}

/** Message content that breaks off, without an error in the log, where what it belongs to was removed by then. */
export async function* whileThere(
  content: AsyncIterable<Uint8Array>,
  isGone: (error: unknown) => Promise<boolean>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    throw await isGone(error) ? new BodyAborted("It was removed while it was read", { cause: error }) : error;
  }
}

/** Types that no browser runs anything of; everything else is only bytes. */
const HARMLESS =
  /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|audio\/[\w.+-]+|video\/[\w.+-]+|text\/(?:plain|csv|calendar)|application\/(?:pdf|zip|gzip|json|octet-stream))$/;

/** An attachment: always to be saved, never to be shown in place, whatever it says it is. */
export function attachmentResponse(
  bytes: Uint8Array<ArrayBuffer>,
  of: { type: string; name: string },
): Response {
  const type = of.type.toLowerCase();
  return new Response(bytes, {
    headers: {
      "content-type": HARMLESS.test(type) ? type : "application/octet-stream",
      "content-length": String(bytes.length),
      "content-disposition": `attachment; filename*=UTF-8''${encodeName(of.name)}`,
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    },
  });
}

/** RFC 8187; no path, no control characters, nothing that turns the direction of text around. */
function encodeName(name: string): string {
  const clean = name.toWellFormed().replace(
    // deno-lint-ignore no-control-regex
    /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069/\\:]/g,
    "_",
  ).slice(0, 200);
  return encodeURIComponent(clean.toWellFormed() || "attachment").replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

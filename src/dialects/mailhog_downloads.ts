/** MailHog's API: messages and their parts as files. */

import { Dialect, type DialectParts } from "./dialect.ts";
import { partBytes } from "./mailhog_shapes.ts";
import { messageOf, notFound } from "./mailpit_messages.ts";

/** Its calls for files. */
export function mailhogDownloads(parts: DialectParts): Dialect["app"] {
  const dialect = new Dialect("MailHog");
  const { reader } = parts;
  dialect.on("GET /api/v1/messages/{id}/download", "A message as it is kept", async (c) => {
    const message = await messageOf(c, parts);
    return saved(await reader.bytes(message) ?? notFound(), `${message.id}.eml`, "message/rfc822");
  });
  dialect.on("GET /api/v1/messages/{id}/mime/part/{part}/download", "A part of a message", async (c) => {
    const message = await messageOf(c, parts);
    const place = c.req.param("part") ?? "";
    const bytes = await reader.bytes(message);
    const part = bytes && /^\d{1,4}$/.test(place) ? partBytes(bytes, Number(place)) : undefined;
    return saved(part ?? notFound(), `${message.id}-part-${place}`, "application/octet-stream");
  });
  dialect.on("GET /api/v2/outgoing-smtp", "The servers to release to: the queue knows", (c) => c.json({}));
  return dialect.app;
}

/** Octets of strangers, to be saved: nothing of them is shown. */
function saved(bytes: Uint8Array<ArrayBuffer>, name: string, type: string): Response {
  return new Response(bytes, {
    headers: { "content-type": type, "content-disposition": `attachment; filename="${name}"` },
  });
}

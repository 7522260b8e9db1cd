/** Mailpit's API: one message, its parts and its checks. */

import type { Captured } from "../capture/captured.ts";
import { marksRead } from "../http/roles.ts";
import { parseMailbox } from "../mail/address.ts";
import { parseFields } from "../mail/header.ts";
import type { Attachment } from "../mail/message.ts";
import { checkLinks, messageLinks } from "../preview/link_check.ts";
import { thumbnail } from "../preview/thumbnail.ts";
import { BodyMissing } from "../storage/bodies/bodies.ts";
import { type Call, Dialect, type DialectParts, members, Refused, texts } from "./dialect.ts";
import { headersJson, messageJson } from "./mailpit_shapes.ts";
import { findMessages } from "./mailpit_query.ts";
import type { Letter } from "./reader.ts";

const NOT_FOUND = "404 page not found";

/** Its calls for one message. */
export function mailpitMessages(parts: DialectParts): Dialect["app"] {
  const dialect = new Dialect("Mailpit");
  const { mail, reader } = parts;
  const path = "/api/v1/message/{id}" as const;
  dialect.on(`GET ${path}`, "A whole message; it is read then", async (c) => {
    const letter = await letterOf(c, parts);
    if (marksRead(c.req.method, c.env?.user)) await mail.markSeen([letter.message.id]);
    return c.json(messageJson(letter));
  });
  dialect.on(`GET ${path}/headers`, "The header fields of a message, as they came", async (c) => {
    return c.json(headersJson(parseFields((await bytesOf(c)).bytes)));
  });
  dialect.on(`GET ${path}/raw`, "A message as it is kept", async (c) => {
    const { id, bytes } = await bytesOf(c);
    const isSaved = (c.req.query("dl") ?? "") !== "";
    return c.body(bytes, 200, {
      "content-type": "text/plain; charset=utf-8",
      ...(isSaved && { "content-disposition": `attachment; filename="${id}.eml"` }),
    });
  });
  dialect.on(`GET ${path}/part/{part}`, "An attachment of a message", async (c) => {
    return partResponse(await partOf(c, parts));
  });
  dialect.on(`GET ${path}/part/{part}/thumb`, "A small picture of an attachment", async (c) => {
    const { bytes, contentType, filename, contentId } = await partOf(c, parts).catch((error) => {
      throw error instanceof Refused ? new Refused(400, error.message) : error;
    });
    const picture = await thumbnail(contentType.startsWith("image/") ? bytes : new Uint8Array(0));
    const name = (filename ?? contentId ?? "").replace(/\.[^./]*$/, "") || "thumb";
    return c.body(picture, 200, {
      "content-type": "image/jpeg",
      "content-disposition": `inline; filename*=UTF-8''${encoded(`${name}.jpg`)}`,
    });
  });
  dialect.on(`GET ${path}/html-check`, "What mail programs can't show of a message", async (c) => {
    const { html } = await letterOf(c, parts);
    if (html === null) throw new Refused(400, "message does not contain HTML");
    const { htmlCheckJson } = await import("./mailpit_html_check.ts"); // it reads a large table
    return c.json(htmlCheckJson(html));
  });
  dialect.on(`GET ${path}/link-check`, "Where the links of a message lead", async (c) => {
    const follow = c.req.query("follow") === "true";
    return c.json(await linkCheckJson(await letterOf(c, parts), { follow, parts }));
  });
  dialect.on(`POST ${path}/release`, "Send a message on for real", async (c) => {
    const message = await messageOf(c, parts);
    await release(message, await recipientsOf(c), parts);
    return c.text("ok");
  });
  return dialect.app;

  async function bytesOf(c: Call): Promise<{ id: string; bytes: Uint8Array<ArrayBuffer> }> {
    const message = await messageOf(c, parts);
    return { id: message.id, bytes: await reader.bytes(message) ?? notFound() };
  }
}

/** The message that the path names. Throws {@linkcode Refused}. */
export async function messageOf(c: Call, parts: DialectParts): Promise<Captured> {
  const id = c.req.param("id") ?? "";
  return (id === "latest" ? await latestOf(c, parts) : parts.mail.get(id)) ?? notFound();
}

/** The newest message; with `query` the newest that a search finds. Throws {@linkcode Refused} where there is none. */
export async function latestOf(c: Call, parts: DialectParts): Promise<Captured> {
  const query = c.req.query("query")?.trim() ?? "";
  const latest = query === "" ? parts.mail.latest : (await findMessages(query, c, parts))[0];
  if (latest) return latest;
  throw new Refused(404, "Message not found");
}

/** The same with its content. */
export async function letterOf(c: Call, parts: DialectParts): Promise<Letter> {
  return await parts.reader.letter(await messageOf(c, parts)) ?? notFound();
}

/** Sends a message on. Throws {@linkcode Refused} when it is gone. */
export async function release(message: Captured, to: readonly string[], parts: DialectParts): Promise<void> {
  const { releases } = parts.options;
  if (!releases) throw new Refused(400, "Message relay is not enabled");
  try {
    await releases.release(message, to);
  } catch (error) {
    if (error instanceof BodyMissing) notFound();
    throw error;
  }
}

/** Throws that there is no such thing. */
export function notFound(): never {
  throw new Refused(404, NOT_FOUND);
}

async function partOf(c: Call, parts: DialectParts): Promise<Attachment> {
  const { attachments } = await letterOf(c, parts);
  return attachments.find(({ place }) => place === c.req.param("part")) ?? notFound();
}

/** A part as it says it is; whatever that is, it runs nowhere. */
function partResponse({ bytes, contentType, filename, place }: Attachment): Response {
  return new Response(bytes, {
    headers: {
      "content-type": /^[\w.+-]+\/[\w.+-]+$/.test(contentType) ? contentType : "application/octet-stream",
      "content-disposition": `inline; filename*=UTF-8''${encoded(filename ?? place)}`,
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    },
  });
}

/** A file's name, for a field (RFC 8187 3.2). */
function encoded(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, "_");
}

async function recipientsOf(c: Call): Promise<string[]> {
  const to = texts((await members(c)).To, "To");
  if (to.length === 0) throw new Refused(400, "No valid addresses found");
  return to.map((text) => {
    const address = parseMailbox(text.trim().replace(/^.*<(.*)>$/s, "$1"));
    if (address === undefined) throw new Refused(400, `Invalid email address: ${text}`);
    return address;
  });
}

async function linkCheckJson(letter: Letter, { follow, parts }: { follow: boolean; parts: DialectParts }) {
  const { clock, allowPrivate = false, closing } = parts.options;
  const links = messageLinks(letter);
  const checked = await checkLinks(links, { clock, allowPrivate, signal: closing, follow });
  const all = checked.links.map(({ url, status, text, refused }) => ({
    URL: url,
    StatusCode: refused ? 451 : status,
    Status: refused ? "Blocked private/reserved address" : text.replace(/^\d{3} /, ""),
  }));
  return { Errors: all.filter(({ StatusCode: s }) => s === 0 || s >= 400).length, Links: all };
}

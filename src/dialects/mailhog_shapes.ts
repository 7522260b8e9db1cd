/** Messages in MailHog's JSON: header fields and bodies as they came, nothing decoded. */

import { decode } from "../base/bytes.ts";
import type { Captured } from "../capture/captured.ts";
import { parseFields } from "../mail/header.ts";

/** A message or a part of one. */
interface Content {
  readonly Headers: Readonly<Record<string, readonly string[]>>;
  readonly Body: string;
  /** Octets. */
  readonly Size: number;
  readonly MIME: { readonly Parts: readonly Content[] } | null;
}

/** Parts within parts that are looked into, and parts in all. */
const MAX_DEPTH = 20;
const MAX_PARTS = 2000;

/** A message; for MailHog the line end in front of the dot that ended it is none of it. */
export function messageJson({ id, sender, recipients, receivedAt }: Captured, content: Uint8Array) {
  const bytes = content.at(-1) === 10 && content.at(-2) === 13 ? content.subarray(0, -2) : content;
  const { Headers, Body, MIME } = contentOf(bytes, { depth: 0, budget: { parts: MAX_PARTS } });
  return {
    ID: id,
    From: pathJson(sender),
    To: recipients.map(pathJson),
    Content: {
      Headers: { ...Headers, "Return-Path": [`<${sender}>`] },
      Body,
      Size: bytes.length,
      MIME: null,
    },
    Created: new Date(receivedAt).toISOString(),
    MIME,
    Raw: { From: sender, To: recipients, Data: decode(bytes), Helo: "" },
  };
}

/** What a part holds, by its place in a message from 0: base64 is decoded, nothing else; undefined: there is none. */
export function partBytes(bytes: Uint8Array, place: number): Uint8Array<ArrayBuffer> | undefined {
  const parts = partsOf(bodyOf(bytes), field(bytes, "content-type"), {
    depth: 0,
    budget: { parts: MAX_PARTS },
  });
  const part = parts?.[place];
  if (!part) return undefined;
  const body = bodyOf(part).slice();
  if (!/^\s*base64\s*$/i.test(field(part, "content-transfer-encoding"))) return body;
  try {
    return Uint8Array.fromBase64(decode(body));
  } catch {
    return body; // it is none
  }
}

function field(bytes: Uint8Array, wanted: string): string {
  return parseFields(bytes).find(({ name }) => name.toLowerCase() === wanted)?.value ?? "";
}

function pathJson(address: string) {
  const at = address.lastIndexOf("@");
  return {
    Relays: null,
    Mailbox: at < 0 ? address : address.slice(0, at),
    Domain: at < 0 ? "" : address.slice(at + 1),
    Params: "",
  };
}

interface Within {
  readonly depth: number;
  readonly budget: { parts: number };
}

function contentOf(bytes: Uint8Array, within: Within): Content {
  const fields = parseFields(bytes);
  const headers: Record<string, string[]> = Object.create(null);
  for (const { name, value } of fields) (headers[name] ??= []).push(value);
  const body = bodyOf(bytes);
  const type = fields.find(({ name }) => name.toLowerCase() === "content-type")?.value ?? "";
  const parts = partsOf(body, type, within);
  const { depth, budget } = within;
  return {
    Headers: headers,
    Body: decode(body),
    Size: bytes.length,
    MIME: parts && { Parts: parts.map((part) => contentOf(part, { depth: depth + 1, budget })) },
  };
}

/** Behind the first empty line; one in front of all stands for no header. */
function bodyOf(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === 13 && bytes[1] === 10) return bytes.subarray(2);
  for (let at = bytes.indexOf(13); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return bytes.subarray(at + 4);
  }
  return new Uint8Array(0);
}

/** The parts between the delimiters (RFC 2046 5.1.1); null: it has none. */
function partsOf(body: Uint8Array, type: string, { depth, budget }: Within): Uint8Array[] | null {
  const [, quoted, plain] = /^multipart\/[^;]*;.*?\bboundary\s*=\s*(?:"([^"]+)"|([^;\s]+))/is.exec(type) ??
    [];
  const boundary = quoted ?? plain;
  if (boundary === undefined || depth >= MAX_DEPTH) return null;
  const parts: Uint8Array[] = [];
  let start: number | undefined;
  for (let at = 0; at < body.length;) {
    const lineFeed = body.indexOf(10, at);
    const end = lineFeed < 0 ? body.length : lineFeed + 1;
    const isDelimiter = body[at] === 45 && body[at + 1] === 45;
    const line = isDelimiter ? decode(body.subarray(at, end)).trimEnd() : "";
    const isLast = line === `--${boundary}--`;
    if (isLast || line === `--${boundary}`) {
      // the line break in front belongs to the delimiter
      if (start !== undefined && budget.parts-- > 0) {
        parts.push(body.subarray(start, Math.max(start, at - 2)));
      }
      start = end;
      if (isLast) return parts;
    }
    at = end;
  }
  if (start !== undefined && budget.parts-- > 0) parts.push(body.subarray(start));
  return parts;
}

/** The preview of a message (RFC 8970): the beginning of its text as people read it, in one line. */

import { binaryString } from "../base/bytes.ts";
import { decodeCharset, decodeUnnamed } from "./charset.ts";
import type { ScannedMessage, ScannedText } from "./mime_scan.ts";
import { parameter, parseToken } from "./mime_value.ts";
import { readableHtml } from "./readable_html.ts";
import { decodeTransfer } from "./transfer_decoding.ts";

/** So many characters at most (RFC 8970 3.1). */
export const MOST_PREVIEW = 256;

/** The preview; "" where a message has no text. */
export function previewOf({ plain, html }: ScannedMessage): string {
  const text = plain ? previewText(plain, withoutQuotes) : "";
  return text === "" && html ? previewText(html, readableHtml) : text;
}

/** Mostly the beginning of a text is enough; style sheets and what is quoted may fill that. */
const TRIED_FIRST = 1500;

function previewText(text: ScannedText, shown: (text: string) => string): string {
  const { octets } = text;
  for (const tried of octets.length > TRIED_FIRST ? [TRIED_FIRST, octets.length] : [octets.length]) {
    const found = cut(shown(decoded({ ...text, octets: octets.subarray(0, tried) })));
    if (found.length >= MOST_PREVIEW - 10 || tried === octets.length) return found;
  }
  return "";
}

function decoded({ part, octets }: ScannedText): string {
  const encoding = parseToken(part.fields.get("content-transfer-encoding")?.[0] ?? "") ?? "7bit";
  const bytes = decodeTransfer(octets, encoding) ?? octets;
  // a character may be cut at the end
  const whole = octets.length < part.contentEnd - part.contentStart ? withoutRest(bytes) : bytes;
  const charset = part.type && parameter(part.type.parameters, "charset");
  if (charset === undefined && /^html$/i.test(part.type?.subtype ?? "")) {
    return decodeUnnamed(
      whole,
      /<meta\b[^>]*\bcharset\s*=\s*["']?([\w:.-]+)/i.exec(binaryString(whole))?.[1],
    );
  }
  return decodeCharset(whole, charset);
}

/** Without the last octets that are beyond ASCII. */
function withoutRest(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes.length - end < 8 && bytes[end - 1]! > 127) end--;
  return bytes.subarray(0, end);
}

/** Without what an answer repeats of another message, unless there is nothing else; and without a signature. */
function withoutQuotes(text: string): string {
  const signature = text.search(/^-- \r?$/m);
  const own = signature > 0 ? text.slice(0, signature) : text;
  const kept = own.split("\n").filter((line) => !line.startsWith(">")).join("\n");
  return kept.trim() === "" ? text : kept;
}

/** At most so many characters, no half ones, no control characters, and blanks made one. */
function cut(shown: string): string {
  // most texts are longer by far
  const start = shown.length > 4 * MOST_PREVIEW ? inOneLine(shown.slice(0, 4 * MOST_PREVIEW)) : "";
  const text = start.length > 2 * MOST_PREVIEW ? start : inOneLine(shown);
  if (text.length <= MOST_PREVIEW) return text;
  if (!SURROGATE.test(text.slice(0, MOST_PREVIEW))) return text.slice(0, MOST_PREVIEW).trimEnd();
  const characters = Array.from(text.slice(0, 2 * MOST_PREVIEW));
  return characters.slice(0, MOST_PREVIEW).join("").toWellFormed().trimEnd();
}

const SURROGATE = /[\ud800-\udfff]/;
/** White space, and what is as good as none, but for blanks that stand alone. */
const SPACES =
  /[\t-\r\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u3000\u00ad\u034f\ufeff][\s\u200b-\u200d\u00ad\u034f]*| [\s\u200b-\u200d\u00ad\u034f]+/g;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x1f\x7f-\x9f]+/g;

function inOneLine(text: string): string {
  return text.replace(SPACES, " ").trim().replace(CONTROLS, "").toWellFormed();
}

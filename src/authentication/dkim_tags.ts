/** Tag lists, `a=rsa-sha256; d=example.org`, of DKIM and ARC fields and of key records (RFC 6376 3.2; RFC 8616 4). */

import { trimBlanks } from "../base/blanks.ts";

/** The values by name, in their order, without the white space around them; folding within them stays. */
export type TagList = ReadonlyMap<string, string>;

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;
const FOLDING = /[ \t\r\n]+/g;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Reads a tag list; undefined when it is none, which it is too when a name stands twice. The last `;` may be missing. */
export function parseTags(text: string): TagList | undefined {
  const tags = new Map<string, string>();
  const parts = text.split(";");
  for (const [i, part] of parts.entries()) {
    if (i > 0 && i === parts.length - 1 && trimBlanks(part) === "") break;
    const equals = part.indexOf("=");
    const name = trimBlanks(part.slice(0, Math.max(0, equals)));
    const value = trimBlanks(part.slice(equals + 1));
    if (!NAME.test(name) || tags.has(name) || CONTROLS.test(value)) return undefined;
    tags.set(name, value);
  }
  return tags;
}

/** A list such as `From : To`: its parts without white space around them. */
export function splitList(value: string): string[] {
  return value.split(":").map((part) => trimBlanks(part));
}

/** The octets of a base64 value, which may be folded and lack its padding (RFC 6376 2.10); undefined when it is none. */
export function octetsOfTag(value: string): Uint8Array<ArrayBuffer> | undefined {
  const text = value.replace(FOLDING, "");
  if (!BASE64.test(text)) return undefined;
  const bare = text.replace(/=+$/, "");
  if (bare.length % 4 === 1 || (bare.length < text.length && text.length % 4 !== 0)) return undefined;
  return Uint8Array.fromBase64(bare);
}

/** A number as `t=`, `x=` and `l=` have it (RFC 6376 3.5); undefined when it is none. */
export function numberOfTag(value: string): number | undefined {
  return /^\d{1,76}$/.test(value) ? Number(value) : undefined;
}

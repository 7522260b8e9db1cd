/** Header sections as signatures see them: the fields as they came, found from the bottom up, canonical (RFC 6376 3.4, 5.4.2). */

import { binaryString } from "../base/bytes.ts";

/** How blanks and folding count (RFC 6376 3.4). */
export type Canonicalization = "simple" | "relaxed";

/** A field as it came: all its octets but the last CRLF, a character for each. */
export interface RawField {
  /** In lower case, without blanks; empty when the line is no field. */
  readonly name: string;
  readonly text: string;
}

/** The fields of a header section, up to its blank line. Lines end with CRLF alone. */
export function rawFields(section: Uint8Array): RawField[] {
  const whole = binaryString(section);
  const blank = whole.startsWith("\r\n") ? 0 : whole.indexOf("\r\n\r\n");
  const text = blank < 0 ? whole : whole.slice(0, blank);
  const fields: RawField[] = [];
  for (let at = 0; at < text.length;) {
    let end = text.indexOf("\r\n", at);
    while (end >= 0 && (text[end + 2] === " " || text[end + 2] === "\t")) end = text.indexOf("\r\n", end + 2);
    if (end < 0) end = text.length;
    const field = text.slice(at, end);
    if (field !== "") fields.push({ name: nameOf(field), text: field });
    at = end + 2;
  }
  return fields;
}

/** What stands behind the colon of a field. */
export function valueOf({ text }: RawField): string {
  return text.slice(text.indexOf(":") + 1);
}

/** The fields that `h=` names, in its order: of a name that stands several times the last ones first (RFC 6376 5.4.2). */
export function selectFields(
  fields: readonly RawField[],
  names: readonly string[],
  except?: RawField,
): RawField[] {
  const left = new Map<string, RawField[]>();
  for (const field of fields) {
    if (field === except) continue;
    const same = left.get(field.name);
    if (same) same.push(field);
    else left.set(field.name, [field]);
  }
  return names.flatMap((name) => left.get(lowerCase(name))?.pop() ?? []);
}

/** A field in the form that is hashed, without a CRLF at its end. */
export function canonicalField({ name, text }: RawField, form: Canonicalization): string {
  if (form === "simple") return text;
  const value = text.slice(text.indexOf(":") + 1).replaceAll("\r\n", "").replace(/[ \t]+/g, " ");
  const start = value.startsWith(" ") ? 1 : 0;
  return `${name}:${value.slice(start, value.endsWith(" ") ? Math.max(start, value.length - 1) : undefined)}`;
}

/** A signature's own field as it is signed: `b=` has no value, nor white space around that (RFC 6376 3.5, 3.7). */
export function withoutSignature(field: RawField): RawField {
  const start = field.text.indexOf(":") + 1;
  const value = field.text.slice(start).replace(/((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*/, "$1");
  return { name: field.name, text: field.text.slice(0, start) + value };
}

/** What a header hash is made of: the fields with CRLF, and the signature's own field without one. */
export function signedHeader(
  fields: readonly RawField[],
  { own, form }: { own: RawField; form: Canonicalization },
): string {
  const signed = fields.map((field) => `${canonicalField(field, form)}\r\n`);
  return signed.join("") + canonicalField(withoutSignature(own), form);
}

/** In lower case, ASCII alone: other octets are no letters here. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function nameOf(field: string): string {
  // no pattern: one for blanks at the end takes quadratic time over blanks elsewhere
  let end = Math.max(0, field.indexOf(":"));
  while (end > 0 && (field[end - 1] === " " || field[end - 1] === "\t")) end--;
  return lowerCase(field.slice(0, end));
}

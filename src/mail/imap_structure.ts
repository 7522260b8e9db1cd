/** ENVELOPE and BODYSTRUCTURE of a message (RFC 9051 7.5.2), from what a scan of it found. */

import { octetsOf } from "../base/bytes.ts";
import { decodeUnnamed } from "./charset.ts";
import { type EnvelopeAddress, parseEnvelopeAddresses } from "./envelope_addresses.ts";
import { CuttableText, imapNstring, imapPairs, imapString } from "./imap_text.ts";
import type { ScannedFields, ScannedPart } from "./mime_scan.ts";
import { parameter, parseDisposition, parseToken, parseTokens } from "./mime_value.ts";

/** The bytes of a BODYSTRUCTURE; without the ranges of `extras` (begin and end in turn) they are those of BODY. */
export interface StructureBytes {
  readonly bytes: Uint8Array;
  readonly extras: readonly number[];
}

/** The fields of a header section as text, whatever charset they are in. */
export class HeaderValues {
  readonly #fields: ScannedFields;
  readonly #around: string | undefined;
  readonly #addresses = new Map<string, EnvelopeAddress[]>();

  /** `around`: the charset of eight bits that are not UTF-8. */
  constructor(fields: ScannedFields, around: string | undefined) {
    this.#fields = fields;
    this.#around = around;
  }

  /** The value of the first field of that name. */
  first(name: string): string | undefined {
    const value = this.#fields.get(name)?.[0];
    return value === undefined ? undefined : fieldText(value, this.#around);
  }

  /** The addresses of all fields of that name: none hides behind another. */
  addresses(name: string): readonly EnvelopeAddress[] {
    let addresses = this.#addresses.get(name);
    if (!addresses) {
      const values = this.#fields.get(name) ?? [];
      addresses = parseEnvelopeAddresses(values.map((value) => fieldText(value, this.#around)).join(", "));
      this.#addresses.set(name, addresses);
    }
    return addresses;
  }
}

/** The charset that a message names for its own text. */
export function charsetOf({ type }: ScannedPart): string | undefined {
  return type && parameter(type.parameters, "charset");
}

// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** Octets (a character for each) as text: eight bits become UTF-8, encoded words stay as they are. */
export function fieldText(octets: string, around: string | undefined): string {
  return ASCII.test(octets) ? octets : decodeUnnamed(octetsOf(octets), around);
}

/** The ENVELOPE in parentheses. */
export function envelopeText(header: HeaderValues): string {
  const from = header.addresses("from");
  const fromText = addressesText(from);
  const list = (name: string) => addressesText(header.addresses(name));
  // RFC 9051 7.5.2: who is not named is who wrote it
  const orFrom = (name: string) => header.addresses(name).length === 0 ? fromText : list(name);
  return `(${
    [
      imapNstring(header.first("date")),
      imapNstring(header.first("subject")),
      fromText,
      orFrom("sender"),
      orFrom("reply-to"),
      list("to"),
      list("cc"),
      list("bcc"),
      imapNstring(header.first("in-reply-to")),
      imapNstring(header.first("message-id")),
    ].join(" ")
  })`;
}

function addressesText(addresses: readonly EnvelopeAddress[]): string {
  if (addresses.length === 0) return "NIL";
  return `(${
    addresses.map(({ name, route, mailbox, host }) =>
      `(${[name, route, mailbox, host].map(imapNstring).join(" ")})`
    )
      .join("")
  })`;
}

/** The BODYSTRUCTURE. `global`: `message/global` is told as a message, as IMAP4rev2 has it; before it was a file. */
export function bodyStructure(root: ScannedPart, { global }: { global: boolean }): StructureBytes {
  const text = new CuttableText();
  const around = charsetOf(root);
  addBody(root, { text, around, global });
  return text.finish();
}

/** Is there one that the two revisions of IMAP tell differently? */
export function hasGlobal({ kind, type, parts }: ScannedPart): boolean {
  return (kind === "message" && /^global$/i.test(type!.subtype)) || parts.some(hasGlobal);
}

interface Target {
  readonly text: CuttableText;
  readonly around: string | undefined;
  readonly global: boolean;
}

function addBody(part: ScannedPart, to: Target): void {
  const { text } = to;
  text.add("(");
  if (part.kind === "multipart") {
    for (const one of part.parts) addBody(one, to);
    text.add(` ${imapString(fieldText(part.type!.subtype, to.around))}`);
    text.addExtra(` ${parametersText(part, to)}${dispositionText(part, to)}`);
  } else addSingle(part, to);
  text.add(")");
}

function addSingle(part: ScannedPart, to: Target): void {
  const { text, around, global } = to;
  const fields = new HeaderValues(part.fields, around);
  const isMessage = part.kind === "message" && (global || !/^global$/i.test(part.type!.subtype));
  const [type, subtype] = typeOf(part);
  const encoding = parseToken(fields.first("content-transfer-encoding") ?? "") ?? "7bit";
  const size = part.contentEnd - part.contentStart;
  text.add([
    imapString(type),
    imapString(subtype),
    parametersText(part, to),
    imapNstring(fields.first("content-id")),
    imapNstring(fields.first("content-description")),
    imapString(encoding),
    size,
  ].join(" "));
  if (isMessage) {
    const message = part.parts[0]!;
    text.add(` ${envelopeText(new HeaderValues(message.fields, charsetOf(message) ?? around))} `);
    addBody(message, to);
    text.add(` ${part.lines}`);
  } else if (/^text$/i.test(type)) text.add(` ${part.lines}`);
  text.addExtra(` ${imapNstring(fields.first("content-md5"))}${dispositionText(part, to)}`);
}

/** A type that says other things than its part has would be read wrongly. */
function typeOf({ kind, type }: ScannedPart): readonly [string, string] {
  if (!type) return ["text", "plain"];
  if (kind === "leaf") {
    // there is no part in it: people read what there is
    if (/^multipart$/i.test(type.type)) return ["text", "plain"];
    // too deep within others
    if (/^message$/i.test(type.type) && /^rfc822$/i.test(type.subtype)) {
      return ["application", "octet-stream"];
    }
  }
  return [type.type, type.subtype];
}

function parametersText({ kind, type }: ScannedPart, { around }: Target): string {
  if (!type) return '("charset" "us-ascii")';
  if (kind === "leaf" && /^multipart$/i.test(type.type)) return "NIL";
  return imapPairs(
    type.parameters.map(([name, value]) => [fieldText(name, around), fieldText(value, around)]),
  );
}

/** Disposition, languages and location. */
function dispositionText(part: ScannedPart, { around }: Target): string {
  const fields = new HeaderValues(part.fields, around);
  const disposition = parseDisposition(fields.first("content-disposition") ?? "");
  const languages = parseTokens(fields.first("content-language") ?? "");
  return [
    "",
    disposition ? `(${imapString(disposition.value)} ${imapPairs(disposition.parameters)})` : "NIL",
    languages.length === 0 ? "NIL" : `(${languages.map(imapString).join(" ")})`,
    imapNstring(fields.first("content-location")),
  ].join(" ");
}

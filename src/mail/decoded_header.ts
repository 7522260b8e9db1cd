/** A header section as people read it: its fields, decoded. */

import { binaryString } from "../base/bytes.ts";
import { withCharsets } from "./charset.ts";
import { decodeFieldValue } from "./decoded_words.ts";
import { parseFields } from "./header.ts";

/** A header field, decoded. */
export interface DecodedField {
  readonly name: string;
  readonly value: string;
}

/** A longer header section is cut. */
export const MAX_HEADER_OCTETS = 128 * 1024;
/** The fields of a header section. */
export async function parseHeader(header: Uint8Array): Promise<readonly DecodedField[]> {
  return await withCharsets(() => decodedFields(header).fields);
}

/** The values of all fields of that name (in lower case), in one text. */
export function fieldValue(fields: readonly DecodedField[], name: string): string {
  return fields.filter((field) => field.name.toLowerCase() === name).map(({ value }) => value).join(", ");
}

/** The fields as they are meant, and the charset that the whole message names. */
export function decodedFields(header: Uint8Array): { fields: DecodedField[]; charset: string | undefined } {
  const raw = parseFields(header, binaryString);
  const type = raw.find(({ name }) => name.toLowerCase() === "content-type")?.value ?? "";
  const charset = /;\s*charset\s*=\s*("[^"]*"|[^;\s]*)/i.exec(type)?.[1];
  return {
    fields: raw.map(({ name, value }) => ({ name, value: decodeFieldValue(value, charset) })),
    charset,
  };
}

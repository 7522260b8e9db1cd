/** A message as people read it: header fields decoded, text, HTML and attachments taken out of its MIME parts. */

import { type Address, addressParser } from "postal-mime";
import { messageOf } from "../base/errors.ts";
import { withCharsets } from "./charset.ts";
import { type DecodedField, decodedFields, MAX_HEADER_OCTETS } from "./decoded_header.ts";
import { type PlacedAttachment, readMessage } from "./mime_reader.ts";

/** An attachment with its bytes. */
export interface Attachment {
  readonly filename: string | null;
  readonly contentType: string;
  readonly contentId: string | null;
  /** It is shown within the message, such as a picture of its HTML. */
  readonly inline: boolean;
  /** What the part says of it itself. */
  readonly disposition: string | null;
  /** Which part it is: `2`, or within others `1.2`; `0`: the message itself. */
  readonly place: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Somebody whom a header field names; either may be empty. */
export interface Person {
  readonly name: string;
  readonly address: string;
}

/** Those whom header fields name, in their order; groups are those in them. */
export interface People {
  readonly from: readonly Person[];
  readonly to: readonly Person[];
  readonly cc: readonly Person[];
  readonly bcc: readonly Person[];
  readonly replyTo: readonly Person[];
}

/** A message, parsed. */
export interface ParsedMessage {
  readonly headers: readonly DecodedField[];
  readonly people: People;
  readonly text: string | null;
  readonly html: string | null;
  readonly attachments: readonly Attachment[];
  /** What is wrong with the message, so that text or attachments are not there or not as they were meant. */
  readonly fault: string | null;
}

/** Parts within parts: who nests deeper wants to do harm. */
const MAX_DEPTH = 20;

/**
 * Parses a whole message. Never rejects for what is in it. The lines of its texts end with LF; `asSent`: as they were
 * sent.
 */
export async function parseMessage(
  bytes: Uint8Array<ArrayBuffer>,
  { asSent = false }: { asSent?: boolean } = {},
): Promise<ParsedMessage> {
  return await withCharsets(async () => {
    const { fields: headers, charset } = decodedFields(bytes.subarray(0, MAX_HEADER_OCTETS));
    try {
      const { email, faults } = await readMessage(bytes, {
        around: charset,
        asSent,
        maxNestingDepth: MAX_DEPTH,
        maxHeadersSize: MAX_HEADER_OCTETS * 8,
        // a forwarded mail stays a mail, whatever its disposition; else its text would be mixed into this one's
        forceRfc822Attachments: true,
      });
      return {
        headers,
        people: {
          from: peopleIn(email.from && [email.from]),
          to: peopleIn(email.to),
          cc: peopleIn(email.cc),
          bcc: peopleIn(email.bcc),
          replyTo: peopleIn(email.replyTo),
        },
        text: email.text ?? null,
        html: email.html ?? null,
        attachments: (email.attachments as PlacedAttachment[]).map(attachmentOf),
        fault: faults.length === 0 ? null : faults.join("; "),
      };
    } catch (error) {
      const fault = messageOf(error);
      return { headers, people: NOBODY, text: null, html: null, attachments: [], fault };
    }
  });
}

const NOBODY: People = { from: [], to: [], cc: [], bcc: [], replyTo: [] };

function peopleIn(list: readonly Address[] = []): Person[] {
  return list.flatMap(({ name, address, group }) =>
    group ? peopleIn(group) : name || address ? [{ name, address: address ?? "" }] : []
  );
}

function attachmentOf(attachment: PlacedAttachment): Attachment {
  const { filename, mimeType, contentId, content, disposition, related, place } = attachment;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
  return {
    filename: filename ?? null,
    contentType: mimeType || "application/octet-stream",
    // the brackets are not part of it (RFC 2392 2)
    contentId: contentId?.replace(/^<(.*)>$/, "$1") ?? null,
    // some programs call every attachment inline
    inline: related === true || (disposition === "inline" && mimeType.startsWith("image/")),
    disposition,
    place,
    bytes,
  };
}

/** What a part of an address is looked for in: a field's text, and the addresses in it as they are meant. */
export function addressesToSearch(text: string): string {
  const addresses = addressParser(text, { flatten: true }).map(({ address = "" }) => address);
  return [text, ...addresses].join("\n").toLowerCase();
}

/** Is that a part of what {@linkcode addressesToSearch} answered? Capitals don't matter. */
export function holdsAddress(searched: string, wanted: string): boolean {
  const low = wanted.trim().toLowerCase();
  // a + in a query is a blank; a name may have one, too
  return searched.includes(low) || searched.includes(low.replaceAll(" ", "+"));
}

/** What is known of a message without reading it again: its structure as IMAP tells it, and what it is sorted by. */

import { encode } from "../base/bytes.ts";
import { baseSubject } from "./base_subject.ts";
import { withCharsets } from "./charset.ts";
import { decodeWords } from "./decoded_words.ts";
import type { EnvelopeAddress } from "./envelope_addresses.ts";
import {
  bodyStructure,
  charsetOf,
  envelopeText,
  hasGlobal,
  HeaderValues,
  type StructureBytes,
} from "./imap_structure.ts";
import { MimeScanner, type ScannedMessage, type ScannedPart } from "./mime_scan.ts";
import { parameter, parseToken } from "./mime_value.ts";
import { previewOf } from "./preview_text.ts";
import { parseSentDate } from "./sent_date.ts";
import { messageIds } from "./thread_ids.ts";

/** A part, by the places of its octets in the whole message. */
export interface PlacedPart {
  /** `message`: its one part is the message in it. */
  readonly kind: "leaf" | "multipart" | "message";
  /** Its header section, up to `contentStart`: with the blank line. */
  readonly headerStart: number;
  readonly contentStart: number;
  readonly contentEnd: number;
  /** Its transfer encoding, in lower case. */
  readonly encoding: string;
  /** Absent: it is no text. Its charset, "" where it names none. */
  readonly text?: { readonly charset: string; readonly html: boolean } | undefined;
  readonly parts: readonly PlacedPart[];
}

/** By what messages are sorted and searched (RFC 5256 3); texts are decoded, in the letters in which they were written. */
export interface SortFacts {
  /** The Date field: milliseconds since 1970, and the day as it was written, in days since then. Absent: there is none. */
  readonly sentAt?: number | undefined;
  readonly sentDay?: number | undefined;
  /** Local parts (or names of groups) of the first addresses; "" without one. */
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  /** Names of the first addresses, or these (RFC 5957). */
  readonly displayFrom: string;
  readonly displayTo: string;
  readonly baseSubject: string;
}

/** By what threads are found (RFC 5256 4). Ids are normalized. */
export interface ThreadFacts {
  readonly messageId?: string | undefined;
  /** The ids of References; without such of In-Reply-To the first one. */
  readonly references: readonly string[];
  /** The subject says that it is an answer, or forwarded. */
  readonly isReply: boolean;
}

/** The facts of a message. */
export interface MessageFacts {
  /** Octets of the message that they were read from. */
  readonly size: number;
  /** ENVELOPE, in parentheses. */
  readonly envelope: Uint8Array;
  /** BODYSTRUCTURE as IMAP4rev2 has it; BODY without its `extras`. */
  readonly structure: StructureBytes;
  /** As IMAP4rev1 has it, where that differs: `message/global` is a file there. */
  readonly oldStructure?: StructureBytes | undefined;
  readonly parts: PlacedPart;
  /** At most 256 characters. */
  readonly preview: string;
  readonly sort: SortFacts;
  readonly thread: ThreadFacts;
}

/** Reads a message's octets to their end. Rejects only when they do. */
export async function readFacts(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<MessageFacts> {
  const scanner = new MimeScanner();
  for await (const piece of content) scanner.push(piece);
  const scanned = scanner.finish();
  return await withCharsets(() => factsOf(scanned));
}

/** The facts of a message that is there as a whole. Rejects never. */
export function factsOfBytes(...pieces: readonly Uint8Array[]): MessageFacts {
  const scanner = new MimeScanner();
  for (const piece of pieces) scanner.push(piece);
  return factsOf(scanner.finish());
}

/** The same, with all charsets that are known. Rejects never. */
export async function wholeFacts(pieces: readonly Uint8Array[]): Promise<MessageFacts> {
  return await withCharsets(() => factsOfBytes(...pieces));
}

/** The places of the parts of a message that is there as a whole, and nothing else of it. */
export function placesOfParts(message: Uint8Array): PlacedPart {
  const scanner = new MimeScanner();
  scanner.push(message);
  return placed(scanner.finish().root);
}

/** The facts of a message that was scanned. */
export function factsOf(scanned: ScannedMessage): MessageFacts {
  const { root, size } = scanned;
  const header = new HeaderValues(root.fields, charsetOf(root));
  const subject = baseSubject(header.first("subject") ?? "");
  return {
    size,
    envelope: encode(envelopeText(header)),
    structure: bodyStructure(root, { global: true }),
    ...(hasGlobal(root) && { oldStructure: bodyStructure(root, { global: false }) }),
    parts: placed(root),
    preview: previewOf(scanned),
    sort: sortFacts(header, subject.text),
    thread: threadFacts(header, subject.isReply),
  };
}

function placed(part: ScannedPart): PlacedPart {
  const { kind, headerStart, contentStart, contentEnd, fields, parts } = part;
  const encoding = parseToken(fields.get("content-transfer-encoding")?.[0] ?? "")?.toLowerCase() ?? "7bit";
  const text = textOf(part);
  return {
    kind,
    headerStart,
    contentStart,
    contentEnd,
    encoding,
    ...(text && { text }),
    parts: parts.map(placed),
  };
}

/** What is read as text: of `message/…` too, such as reports. */
function textOf({ kind, type }: ScannedPart): PlacedPart["text"] {
  if (kind !== "leaf") return undefined;
  if (type && !/^(?:text|message|multipart)$/i.test(type.type)) return undefined;
  const charset = type ? parameter(type.parameters, "charset") ?? "" : "";
  return { charset: charset.slice(0, 80), html: /^html$/i.test(type?.subtype ?? "") };
}

function sortFacts(header: HeaderValues, baseSubject: string): SortFacts {
  const sent = parseSentDate(header.first("date") ?? "");
  const [from, to, cc] = ["from", "to", "cc"].map((name) => header.addresses(name)[0] ?? {}) as [
    EnvelopeAddress,
    EnvelopeAddress,
    EnvelopeAddress,
  ];
  return {
    ...(sent && { sentAt: sent.at, sentDay: sent.day }),
    from: from.mailbox ?? "",
    to: to.mailbox ?? "",
    cc: cc.mailbox ?? "",
    displayFrom: displayed(from),
    displayTo: displayed(to),
    baseSubject,
  };
}

function displayed({ name, mailbox = "", host }: EnvelopeAddress): string {
  const shown = decodeWords(name ?? "").trim();
  if (shown !== "") return shown;
  return host ? `${mailbox}@${host}` : mailbox;
}

function threadFacts(header: HeaderValues, isReply: boolean): ThreadFacts {
  const references = messageIds(header.first("references") ?? "");
  const messageId = messageIds(header.first("message-id") ?? "")[0];
  return {
    ...(messageId !== undefined && { messageId }),
    references: references.length > 0
      ? references
      : messageIds(header.first("in-reply-to") ?? "").slice(0, 1),
    isReply,
  };
}

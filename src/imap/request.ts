/**
 * What commands that look at messages ask for, as the parser hands it on and FETCH, SEARCH, SORT and THREAD carry it
 * out. Letters are folded, macros and `NEW` resolved, numbers and dates read: nothing here is text of the line any more,
 * except what is compared or repeated as the client wrote it.
 */

import type { SequenceSet } from "./sequence_set.ts";

/** Items that are asked for by their name alone (RFC 9051 6.4.5; 7162 3.1.5; 8474 5; 8514 4; RFC822 of 3501). */
export type PlainItem =
  | "UID"
  | "FLAGS"
  | "INTERNALDATE"
  | "RFC822.SIZE"
  | "MODSEQ"
  | "EMAILID"
  | "THREADID"
  | "SAVEDATE"
  | "ENVELOPE"
  | "BODYSTRUCTURE"
  | "BODY"
  | "RFC822"
  | "RFC822.HEADER"
  | "RFC822.TEXT";

/** One item of FETCH. */
export type FetchItem =
  | { readonly item: PlainItem }
  /** RFC 8970; `lazy`: only where it costs nothing. */
  | { readonly item: "PREVIEW"; readonly lazy: boolean }
  | {
    readonly item: "BODY[]";
    /** `BODY.PEEK`: `\Seen` stays as it is. */
    readonly peek: boolean;
    readonly section: Section;
    readonly partial?: OctetRange | undefined;
  }
  /** RFC 3516: decoded. */
  | {
    readonly item: "BINARY[]";
    readonly peek: boolean;
    readonly part: PartNumber;
    readonly partial?: OctetRange | undefined;
  }
  | { readonly item: "BINARY.SIZE"; readonly part: PartNumber };

/** `1.2`; empty: the message itself. */
export type PartNumber = readonly number[];

/** What stands between the brackets of `BODY[…]`. */
export interface Section {
  readonly part: PartNumber;
  /** Absent: all of the part. `MIME` has a part's number before it. */
  readonly text?: "HEADER" | "TEXT" | "MIME" | "HEADER.FIELDS" | "HEADER.FIELDS.NOT" | undefined;
  /** For the last two of these: names as the client spelt them, in its order; at least one. */
  readonly fields?: readonly string[] | undefined;
}

/** `<start.count>`: octets from 0; the count is 1 or more. */
export interface OctetRange {
  readonly start: number;
  readonly count: number;
}

/** FETCH and UID FETCH. Macros are resolved (`FAST`, `ALL`, `FULL`). */
export interface FetchRequest {
  /** UID FETCH: the set has UIDs, and UID is answered, asked for or not. */
  readonly uid: boolean;
  readonly set: SequenceSet;
  readonly items: readonly FetchItem[];
  /** Only messages of a higher mod-sequence (RFC 7162 3.1.4.1). */
  readonly changedSince?: number | undefined;
  /** And UIDs that are gone (RFC 7162 3.2.6). */
  readonly vanished?: boolean | undefined;
  /** Only a part of the messages that fit (RFC 9394 3.4). */
  readonly partial?: PartialRange | undefined;
}

/** RFC 9394: from the first (1) or, where both are negative, the last message (-1), in either order. */
export interface PartialRange {
  readonly from: number;
  readonly to: number;
}

/** A day, in days since 1970-01-01: `date` of SEARCH, which knows no zone. */
export type Day = number;

/** One key of SEARCH, or several (RFC 9051 6.4.4). `NEW` and `OLD` are made of others. */
export type SearchKey =
  | { readonly key: "all" }
  /** ANSWERED, DELETED, DRAFT, FLAGGED, SEEN and UN-…: a bit of `mailbox/flags.ts`. */
  | { readonly key: "flag"; readonly flag: number; readonly has: boolean }
  /** RECENT, and OLD without it (RFC 3501). */
  | { readonly key: "recent"; readonly has: boolean }
  /** KEYWORD, UNKEYWORD; `$MDNSent` is `$mdnsent` too. */
  | { readonly key: "keyword"; readonly keyword: string; readonly has: boolean }
  /** BEFORE, ON, SINCE; SENT… (the Date field); SAVED… (RFC 8514). */
  | {
    readonly key: "date";
    readonly of: "internal" | "sent" | "saved";
    readonly is: "before" | "on" | "since";
    readonly day: Day;
  }
  | { readonly key: "savedatesupported" }
  /** RFC 5032: by the internal date. */
  | { readonly key: "age"; readonly is: "older" | "younger"; readonly seconds: number }
  | { readonly key: "size"; readonly is: "larger" | "smaller"; readonly octets: number }
  /** A part of a text, whatever its letters' case; an empty one is in all. */
  | {
    readonly key: "text";
    readonly in: "bcc" | "body" | "cc" | "from" | "subject" | "text" | "to";
    readonly text: string;
  }
  /** An empty text: the field is there. */
  | { readonly key: "header"; readonly name: string; readonly text: string }
  /** A sequence set, or UID with one. */
  | { readonly key: "set"; readonly uid: boolean; readonly set: SequenceSet }
  /** RFC 7162 3.1.5: that mod-sequence or a higher one. Entry and its kind say nothing here. */
  | { readonly key: "modseq"; readonly modseq: number }
  | { readonly key: "emailid" | "threadid"; readonly id: string }
  | { readonly key: "not"; readonly not: SearchKey }
  | { readonly key: "or"; readonly either: readonly [SearchKey, SearchKey] }
  | { readonly key: "and"; readonly all: readonly SearchKey[] };

/** What SEARCH shall return (RFC 4731; 5182; 9394). */
export interface SearchReturn {
  readonly min?: boolean;
  readonly max?: boolean;
  readonly all?: boolean;
  readonly count?: boolean;
  readonly save?: boolean;
  readonly partial?: PartialRange | undefined;
}

/** SEARCH and UID SEARCH. Texts are decoded by the charset already (`search_charset.ts`). */
export interface SearchRequest {
  readonly uid: boolean;
  /** Absent: a plain SEARCH. `RETURN ()` is `{ all: true }`. */
  readonly returns?: SearchReturn | undefined;
  readonly keys: readonly SearchKey[];
}

/** By what SORT sorts (RFC 5256 3; DISPLAY… of 5957). */
export type SortBy =
  | "ARRIVAL"
  | "CC"
  | "DATE"
  | "DISPLAYFROM"
  | "DISPLAYTO"
  | "FROM"
  | "SIZE"
  | "SUBJECT"
  | "TO";

/** A criterion of SORT. */
export interface SortKey {
  readonly by: SortBy;
  readonly reverse: boolean;
}

/** SORT and UID SORT (RFC 5256). */
export interface SortRequest {
  readonly uid: boolean;
  /** At least one. */
  readonly by: readonly SortKey[];
  readonly keys: readonly SearchKey[];
}

/** An algorithm of THREAD (RFC 5256 4); REFS: as REFERENCES without regard to subjects. */
export type ThreadAlgorithm = "ORDEREDSUBJECT" | "REFERENCES" | "REFS";

/** THREAD and UID THREAD (RFC 5256). */
export interface ThreadRequest {
  readonly uid: boolean;
  readonly algorithm: ThreadAlgorithm;
  readonly keys: readonly SearchKey[];
}

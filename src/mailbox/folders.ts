/**
 * The folders of a mailbox, as protocols see them: their names, the messages in each with UID, flags and mod-sequence
 * (RFC 9051, RFC 7162), and what changes them. `stored_folders.ts` keeps them.
 */

import type { Mailbox } from "../mail/envelope.ts";
import type { BodyDraft } from "../storage/bodies/bodies.ts";
import type { MailEntry } from "./mail_entry.ts";

/** What a folder is for (RFC 6154), without the backslash. */
export type SpecialUse = "All" | "Archive" | "Drafts" | "Flagged" | "Junk" | "Sent" | "Trash";

/** UIDs, rising, each once. */
export type Uids = Uint32Array;

/** UIDs from the first to the last one, which may be `Infinity`. */
export interface UidRange {
  /** The first one. */
  readonly first: number;
  /** The last one. */
  readonly last: number;
}

/** A folder as it is, at one instant. */
export interface FolderInfo {
  /** Its number in the mailbox. */
  readonly id: number;
  /** Never another folder's, and the same when it is renamed (RFC 8474 MAILBOXID). */
  readonly mailboxId: string;
  /** Unicode in NFC, `/` between levels; `INBOX`. */
  readonly name: string;
  /** What it is for. */
  readonly specialUse?: SpecialUse | undefined;
  /** Does the user want to see it in lists? */
  readonly subscribed: boolean;
  /** Its UIDs are as good as this (RFC 9051 2.3.1.1). */
  readonly uidValidity: number;
  /** The next message gets it. */
  readonly uidNext: number;
  /** That of the last change in it. */
  readonly highestModseq: number;
  /** How many there are. */
  readonly messages: number;
  /** Messages without \Seen. */
  readonly unseen: number;
  /** Messages with \Deleted. */
  readonly deleted: number;
  /** Octets of all messages, as {@linkcode FolderIndex.size} counts them. */
  readonly bytes: number;
  /** The keywords that its messages have or had; bit n of {@linkcode FolderIndex.keywords} is the nth. "": none. */
  readonly keywords: readonly string[];
  /** Are there folders in it? */
  readonly hasChildren: boolean;
}

/** Something has changed and is durable. `by` is what the operation was given under that name. */
export type FolderChange =
  /** Messages came, behind all others. */
  | { readonly kind: "came"; readonly folder: number; readonly uids: Uids; readonly by?: object | undefined }
  /** Flags or keywords are others. */
  | { readonly kind: "flags"; readonly folder: number; readonly uids: Uids; readonly by?: object | undefined }
  /** Messages went, at that mod-sequence. */
  | {
    readonly kind: "went";
    readonly folder: number;
    readonly uids: Uids;
    readonly modseq: number;
    readonly by?: object | undefined;
  }
  /** Folders were made, renamed, deleted, (un)subscribed. */
  | { readonly kind: "folders" }
  /** All may be others: after a write that failed. What others changed meanwhile was told before it. */
  | { readonly kind: "reloaded" }
  /** The account has ended: nothing works any more. */
  | { readonly kind: "ended" };

/** One user's mailbox. Held until it is disposed of. Operations reject with a {@linkcode FolderError} or `StorageError`. */
export interface Folders extends Disposable {
  /** The local key. */
  readonly address: Mailbox;
  /** That of the last change of any folder. */
  readonly highestModseq: number;
  /** By name, INBOX first. */
  list(): readonly FolderInfo[];
  /** Names that are subscribed to, though the folders of that name were deleted (RFC 9051 6.3.7). */
  readonly subscribedNames: readonly string[];
  /** INBOX in any case. */
  byName(name: string): FolderInfo | undefined;
  /** The folder of that number. */
  byId(id: number): FolderInfo | undefined;
  /** Makes missing parents too. */
  create(name: string, options?: { readonly specialUse?: SpecialUse | undefined }): Promise<FolderInfo>;
  /**
   * With children. INBOX: its messages move into a new folder of that name (RFC 9051 6.3.6). It is durable that all of
   * them do; when the store fails in the middle, the rest goes when the mailbox is opened next.
   */
  rename(from: string, to: string): Promise<void>;
  /** With its messages; children stay, and so does its subscription. INBOX can't be deleted. */
  delete(name: string): Promise<void>;
  /** Subscribes to a folder, or no more; also no more to one of {@linkcode Folders.subscribedNames}. */
  subscribe(name: string, yes: boolean): Promise<void>;
  /** Opens a folder: its index is in memory until that is disposed of. */
  select(id: number): Promise<Folder>;
  /** Hears of all changes, in order, until the answer is called. */
  on(listener: (change: FolderChange) => void): () => void;
}

/** A change of flags and keywords. */
export interface FlagChange {
  /** What becomes of those that a message has. */
  readonly mode: "set" | "add" | "remove";
  /** Bits of `flags.ts`. */
  readonly flags: number;
  /** In any case. */
  readonly keywords: readonly string[];
  /** Only messages whose mod-sequence is not higher (RFC 7162 3.1.3). */
  readonly unchangedSince?: number | undefined;
  /** Who does it. */
  readonly by?: object | undefined;
}

/** A message to be put into a folder. Its id is that of its body. */
export interface NewMessage {
  /** Its content, which no record owns yet. */
  readonly body: BodyDraft;
  /** Bits of `flags.ts`. */
  readonly flags: number;
  /** Its keywords. */
  readonly keywords: readonly string[];
  /** Milliseconds since 1970. */
  readonly internalDate: number;
}

/** Where messages are now: `to[i]` is what was `from[i]`. */
export interface Copied {
  /** Of the folder they were put into. */
  readonly uidValidity: number;
  /** The UIDs that they had, or have still. */
  readonly from: Uids;
  /** The UIDs that they have there. */
  readonly to: Uids;
}

/** Where messages were put. */
export interface Appended {
  /** Of the folder. */
  readonly uidValidity: number;
  /** The UIDs that they got there. */
  readonly uids: Uids;
}

/** Messages that are put into a folder some at a time: all of them are there in the end, or none (RFC 3502). */
export interface Appending {
  /** Puts some in, by one commit; they are there to stay when those are there that are the last ones. */
  put(messages: readonly NewMessage[], isLast: boolean): Promise<Appended>;
  /**
   * Takes out what was put in, for whoever does not put the last ones in; behind those it does nothing. Rejects with a
   * `StorageError` when that can't be done now: it is done when the mailbox is opened next.
   */
  undo(): Promise<void>;
}

/** Who does it. */
export interface By {
  /** Told with the change. */
  readonly by?: object | undefined;
}

/** A selected folder. What it shows is durable. */
export interface Folder extends Disposable {
  /** As it is now; throws a {@linkcode FolderError} when it is gone. */
  readonly info: FolderInfo;
  /** As they are now: places change with "went" and "came" only. */
  readonly messages: FolderIndex;
  /** Changes flags. UIDs that no message has don't matter. `modified`: those that `unchangedSince` held back. */
  store(uids: Uids, change: FlagChange): Promise<{ readonly stored: Uids; readonly modified: Uids }>;
  /** Removes messages; answers which. */
  expunge(uids: Uids, options?: By): Promise<Uids>;
  /** Copies messages into a folder: all that are there, or none, whenever the process dies. */
  copy(uids: Uids, to: number, options?: By): Promise<Copied>;
  /** Moves them. */
  move(uids: Uids, to: number, options?: By): Promise<Copied>;
  /** Puts new messages in, all or none, in one commit. */
  append(messages: readonly NewMessage[], options?: By): Promise<Appended>;
  /** Puts new messages in, all or none, in several commits. */
  appending(options?: By): Appending;
  /** Which UIDs, of those asked for, went after that mod-sequence (RFC 7162 3.2.5); perhaps some that went before. */
  vanishedSince(modseq: number, within?: readonly UidRange[]): Promise<Uids>;
  /** The first UID that is \Recent for who asks (RFC 3501 2.3.2); with `claim` for nobody else from then on. */
  recentFrom(claim: boolean): number;
  /** What was made of messages, by the places asked for, in their order; what is missing is made. */
  facts(places: readonly number[] | Uint32Array): AsyncIterable<Uint8Array>;
  /** Whole messages, by the places asked for, in their order; undefined: one is large, or gone: ask `read`. */
  smallTexts(places: readonly number[] | Uint32Array): AsyncGenerator<Uint8Array | undefined>;
  /** A message's octets, from one on. Throws `BodyMissing` when it is gone. */
  read(place: number, from?: number): AsyncGenerator<Uint8Array>;
  /** The entries at some places. */
  entries(places: readonly number[] | Uint32Array): Promise<readonly MailEntry[]>;
}

/** The messages of a folder by place, from 0. */
export interface FolderIndex {
  /** How many there are. */
  readonly length: number;
  /** Those of all messages. It may go on behind them, and is never changed up to there. */
  readonly uids: Uids;
  /** The UID. */
  uid(place: number): number;
  /** Octets. */
  size(place: number): number;
  /** Bits of `flags.ts`. */
  flags(place: number): number;
  /** Bits of {@linkcode FolderInfo.keywords}, 0 to 31. */
  keywordsLow(place: number): number;
  /** Bits 32 to 63. */
  keywordsHigh(place: number): number;
  /** That of its last change. */
  modseq(place: number): number;
  /** Milliseconds since 1970. */
  internalDate(place: number): number;
  /** When it was put into this folder: milliseconds since 1970, in whole seconds. */
  savedDate(place: number): number;
  /** The message's id, which copies share (RFC 8474 EMAILID). */
  id(place: number): string;
  /** The number of its object, which copies share too. */
  object(place: number): number;
  /** Where that UID is; -1: nowhere. */
  position(uid: number): number;
  /** The first place whose UID is not lower. */
  lowerBound(uid: number): number;
}

/**
 * Why something can't be done with a folder:
 * - `nonexistent`: there is no such folder, or no more;
 * - `exists`: there is one of that name;
 * - `limit`: too many keywords, too long a name, too much for one commit;
 * - `cannot`: never: INBOX deleted, a name of no folder;
 * - `overquota`: the account's quota.
 */
export type FolderErrorKind = "nonexistent" | "exists" | "limit" | "cannot" | "overquota";

/** It can't be done; nothing has happened. */
export class FolderError extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "FolderError";

  /** With a sentence for people. */
  constructor(readonly kind: FolderErrorKind, message: string) {
    super(message);
  }
}

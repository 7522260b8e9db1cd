/** A selected mailbox as one session has told its client of it, and what it has not told yet. */

import { flagNames } from "../mailbox/flags.ts";
import type { Folder, FolderChange, UidRange } from "../mailbox/folders.ts";
import type { Output } from "./output.ts";
import { formatSet, type MessageView, placeOfUid, placesOfUids } from "./sequence_set.ts";

/** How news is told. */
export interface TellOptions {
  /** Messages that went may be told: not while numbers are in use (RFC 9051 7.5.1). */
  readonly expunges: boolean;
  /** Changed flags may be told: not among the answers to FETCH. */
  readonly flags: boolean;
  /** Changed flags come with UID. */
  readonly uid: boolean;
  /** `VANISHED` in place of `EXPUNGE` (RFC 7162 3.2.10, RFC 9586). */
  readonly vanished: boolean;
  /** UIDs in place of numbers: `UIDFETCH` (RFC 9586). */
  readonly uidOnly: boolean;
  /** Changed flags come with MODSEQ. */
  readonly modseq: boolean;
  /** RFC 3501: RECENT is told. */
  readonly recent: boolean;
}

/** Changes of flags that are kept one by one; where there are more, the whole mailbox is looked through. */
const MAX_KEPT = 5000;

/** A mailbox that a session has selected. Its numbers are those that were told: what happens meanwhile waits. */
export class SelectedFolder {
  readonly folder: Folder;
  readonly id: number;
  readonly readOnly: boolean;
  /** What SEARCH saved (RFC 5182): UIDs, ascending. */
  saved: Uint32Array = new Uint32Array(0);
  #view: MessageView;
  /** UIDs that are \Recent here: from the first up to, not including, the last. */
  #recent: { first: number; end: number }[] = [];
  #wentPending = false;
  #flagsPending: Uint32Array[] = [];
  #flagsKept = 0;
  /** Everything that is higher has not been told; undefined: what is kept one by one is all. */
  #flagsSince: number | undefined;
  #toldModseq: number;
  #keywordsTold: readonly string[];
  #gone = false;

  constructor(folder: Folder, readOnly: boolean) {
    this.folder = folder;
    this.id = folder.info.id;
    this.readOnly = readOnly;
    const { uids, length } = folder.messages;
    this.#view = { uids, length };
    this.#toldModseq = folder.info.highestModseq;
    this.#keywordsTold = folder.info.keywords;
  }

  /** What the client knows. */
  get view(): MessageView {
    return this.#view;
  }

  /** The largest UID that the client knows; 0: none. */
  get lastUid(): number {
    const { uids, length } = this.#view;
    return length === 0 ? 0 : uids[length - 1]!;
  }

  /** Takes what is \Recent; for nobody else, unless this one only reads. */
  claimRecent(): void {
    const first = this.folder.recentFrom(!this.readOnly);
    const end = this.lastUid + 1;
    if (first >= end) return;
    const last = this.#recent.at(-1);
    if (last && last.end >= first) last.end = Math.max(last.end, end);
    else this.#recent.push({ first, end });
  }

  /** Is the message \Recent here? */
  isRecent(uid: number): boolean {
    return this.#recent.some(({ first, end }) => uid >= first && uid < end);
  }

  /** How many messages are \Recent here. */
  get recent(): number {
    let count = 0;
    const { uids, length } = this.#view;
    for (const { first, end } of this.#recent) {
      for (let i = length - 1; i >= 0 && uids[i]! >= first; i--) if (uids[i]! < end) count++;
    }
    return count;
  }

  /** Hears of a change; true: there may be something to tell. `own` is the session itself. */
  hear(change: FolderChange, own: object): boolean {
    if (change.kind === "reloaded") {
      this.#wentPending = true;
      this.#flagsSince ??= this.#toldModseq;
      return true;
    }
    if (change.kind === "folders" || change.kind === "ended" || change.folder !== this.id) {
      if (change.kind === "folders") this.#lookWhetherGone();
      return false;
    }
    if (change.kind === "went") this.#wentPending = true;
    else if (change.kind === "flags" && change.by !== own) this.#keep(change.uids);
    return true;
  }

  /** The mailbox was deleted: nothing can be done in it any more. */
  get isGone(): boolean {
    return this.#gone;
  }

  #lookWhetherGone(): void {
    try {
      this.folder.info;
    } catch {
      this.#gone = true;
    }
  }

  #keep(uids: Uint32Array): void {
    if (this.#flagsSince !== undefined) return;
    this.#flagsKept += uids.length;
    if (this.#flagsKept <= MAX_KEPT) this.#flagsPending.push(uids);
    else {
      this.#flagsSince = this.#toldModseq;
      this.#flagsPending = [];
    }
  }

  /** A command of this session failed: the flags that it has changed before are news to its client too. */
  failed(): void {
    this.#flagsSince ??= this.#toldModseq;
    this.#flagsPending = [];
  }

  /** Is there something that may be told? Cheap. */
  hasNews({ expunges, flags }: Pick<TellOptions, "expunges" | "flags">): boolean {
    if (this.#gone) return false;
    if (this.#wentPending) return expunges;
    if (this.folder.messages.length !== this.#view.length) return true;
    return flags && (this.#flagsSince !== undefined || this.#flagsPending.length > 0);
  }

  /** Tells what may be told now. */
  tell(out: Output, options: TellOptions): void {
    if (this.#wentPending) {
      // numbers of messages that came later can't be told before those of messages that went are
      if (!options.expunges) return this.#tellFlags(out, options);
      this.#tellWent(out, options);
    }
    this.#tellCame(out, options);
    this.#tellFlags(out, options);
  }

  #tellWent(out: Output, { vanished }: TellOptions): void {
    this.#wentPending = false;
    const { uids, length } = this.#view;
    const { messages } = this.folder;
    const went: number[] = [];
    let kept = 0;
    for (let i = 0; i < length; i++) {
      const uid = uids[i]!;
      if (messages.position(uid) >= 0) kept++;
      else {
        went.push(uid);
        // each number counts those that went before it as gone
        if (!vanished) out.untagged(`${kept + 1} EXPUNGE`);
      }
    }
    if (went.length === 0) return;
    if (vanished) out.untagged(`VANISHED ${formatSet(went)}`);
    this.#view = { uids: messages.uids, length: kept };
    this.saved = this.saved.filter((uid) => messages.position(uid) >= 0);
  }

  #tellCame(out: Output, { recent }: TellOptions): void {
    const { uids, length } = this.folder.messages;
    if (length === this.#view.length) return;
    this.#view = { uids, length };
    this.claimRecent();
    out.untagged(`${length} EXISTS`);
    if (recent) out.untagged(`${this.recent} RECENT`);
  }

  #tellFlags(out: Output, options: TellOptions): void {
    if (!options.flags) return;
    const since = this.#flagsSince;
    const pending = this.#flagsPending;
    this.#flagsSince = undefined;
    this.#flagsPending = [];
    this.#flagsKept = 0;
    if (since === undefined && pending.length === 0) {
      if (!this.#wentPending) this.#toldModseq = this.folder.info.highestModseq;
      return;
    }
    this.tellKeywords(out);
    const { messages } = this.folder;
    if (since === undefined) {
      const told = new Set<number>();
      for (const uids of pending) for (const uid of uids) told.add(uid);
      for (const uid of told) this.tellMessage(out, uid, options);
    } else {
      for (let i = 0; i < messages.length; i++) {
        if (messages.modseq(i) > since) this.tellMessage(out, messages.uid(i), options);
      }
    }
    this.#toldModseq = this.folder.info.highestModseq;
  }

  /** Tells a message's flags, where the client knows the message and it is still there. */
  tellMessage(
    out: Output,
    uid: number,
    options: Pick<TellOptions, "uid" | "uidOnly" | "modseq" | "recent">,
  ): void {
    const place = placeOfUid(this.#view, uid);
    const position = this.folder.messages.position(uid);
    if (place < 0 || position < 0) return;
    out.put(this.#line(place, position, { ...options, flags: true }));
  }

  /** Tells a message's mod-sequence alone, after a silent change (RFC 7162 3.1.3). */
  tellModseq(out: Output, uid: number, options: Pick<TellOptions, "uid" | "uidOnly">): void {
    const place = placeOfUid(this.#view, uid);
    const position = this.folder.messages.position(uid);
    if (place < 0 || position < 0) return;
    out.put(this.#line(place, position, { ...options, flags: false, modseq: true, recent: false }));
  }

  #line(
    place: number,
    position: number,
    { uid, uidOnly, flags, modseq, recent }:
      & Pick<TellOptions, "uid" | "uidOnly" | "modseq" | "recent">
      & { flags: boolean },
  ): string {
    const { messages } = this.folder;
    const number = messages.uid(position);
    const items: string[] = [];
    if (uid && !uidOnly) items.push(`UID ${number}`);
    if (flags) items.push(`FLAGS (${this.flagsAt(position, recent)})`);
    if (modseq) items.push(`MODSEQ (${messages.modseq(position)})`);
    const head = uidOnly ? `${number} UIDFETCH` : `${place + 1} FETCH`;
    return `* ${head} (${items.join(" ")})\r\n`;
  }

  /** A message's flags as text: `\Seen $Forwarded`. */
  flagsAt(position: number, recent: boolean): string {
    const { messages } = this.folder;
    const names = flagNames(messages.flags(position));
    const [low, high] = [messages.keywordsLow(position), messages.keywordsHigh(position)];
    if (low !== 0 || high !== 0) {
      this.folder.info.keywords.forEach((keyword, bit) => {
        const bits = bit < 32 ? low : high;
        if (keyword !== "" && (bits >>> (bit & 31) & 1) === 1) names.push(keyword);
      });
    }
    if (recent && this.isRecent(messages.uid(position))) names.push("\\Recent");
    return names.join(" ");
  }

  /** Tells the mailbox's flags when keywords were added since they were told (RFC 9051 7.3.5). */
  tellKeywords(out: Output): void {
    const { keywords } = this.folder.info;
    const told = this.#keywordsTold;
    if (keywords === told) return;
    this.#keywordsTold = keywords;
    // one that no message has any more gives its place to a new one
    if (keywords.every((keyword, bit) => keyword === told[bit])) return;
    out.untagged(`FLAGS (${this.flagTable})`);
    if (!this.readOnly) out.untagged(`OK [PERMANENTFLAGS (${this.flagTable} \\*)] Flags that can be set`);
  }

  /** All flags that there are here, with the keywords. */
  get flagTable(): string {
    const system = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];
    return [...system, ...this.folder.info.keywords.filter((one) => one !== "")].join(" ");
  }

  /** What is known of the UIDs in ranges, told anew: flags that changed after that mod-sequence (RFC 7162 3.2.5). */
  async tellChangedSince(
    out: Output,
    { since, known, ...how }: {
      readonly since: number;
      readonly known: readonly UidRange[];
    } & Pick<TellOptions, "uidOnly" | "recent">,
  ): Promise<void> {
    const { messages } = this.folder;
    const { uids } = this.#view;
    for (const place of placesOfUids(known, this.#view)) {
      const position = messages.position(uids[place]!);
      if (position < 0 || messages.modseq(position) <= since) continue;
      this.tellMessage(out, uids[place]!, { ...how, uid: true, modseq: true });
      const sent = out.flushIfMuch();
      if (sent) await sent;
    }
  }
}

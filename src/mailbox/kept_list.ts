/**
 * The kept list of a place with mail, such as a mailbox: what searches look into, read once and held in memory. It is
 * read from the newest message on, as far as searches come; what changes meanwhile it is told.
 */

import { type Clock, eventTurn } from "../base/clock.ts";
import { FoldedBlock } from "../mail/folded_block.ts";
import type { FoldedContent } from "../mail/folded_mail.ts";
import type { MailQuery } from "../mail/query.ts";
import { FITS, FITS_NOT, judge, type MailFacts } from "../mail/query_match.ts";
import { KeptBlocks, type MailKey, type ReadMail, type Row } from "./kept_blocks.ts";
import type { KeptLists } from "./kept_lists.ts";

/** Where the messages of a place come from. `T` stands for one, as searches find it. */
export interface MailSource<T extends object> {
  /** Its name, which no other message gets. */
  nameOf(item: T): string;
  keyOf(item: T): MailKey;
  factsOf(item: T): MailFacts;
  /** Called before each search. Another answer than before: the messages are others, and nobody told of that. */
  version(): Promise<string | undefined>;
  /** The messages before that key (undefined: from the newest on), newest first, at most so many. */
  list(before: MailKey | undefined, limit: number): Promise<readonly T[]>;
  /** Reads what messages are searched for; undefined: one is gone. `whole`: their contents will be asked for. */
  read(items: readonly T[], whole: boolean): Promise<readonly (ReadMail<T> | undefined)[]>;
  /** Undefined: a message is gone. */
  contents(items: readonly T[]): Promise<readonly (FoldedContent | undefined)[]>;
  /** A message as it is now, which was kept as `before`. */
  renewed(before: T, now: T): T;
}

/** What is looked for. */
export interface Wanted<T> {
  /** In place of the source's. */
  readonly factsOf?: (item: T) => MailFacts;
  readonly query: MailQuery;
  /** Only messages before that key. */
  readonly before?: MailKey | undefined;
  /** At most so many. */
  readonly limit: number;
  /** By the clock's monotonic time a search comes back with what it has, unless it has looked at nothing. */
  readonly until: number;
}

/** A page of what was found. */
export interface FoundPage<T> {
  /** Newest first. */
  readonly found: readonly T[];
  /** The last message that was looked at, behind which the next page begins; undefined: all were. */
  readonly last: T | undefined;
  /** So many were looked at. */
  readonly looked: number;
}

/** A search under way. */
interface Search<T> extends Wanted<T> {
  readonly factsOf: (item: T) => MailFacts;
  readonly whole: boolean;
  readonly found: T[];
  /** What is not before that key was looked at. */
  at: MailKey | undefined;
  last: T | undefined;
  looked: number;
}

/** A row that may fit. */
interface Candidate<T> extends Row<T> {
  readonly item: T;
  readonly key: MailKey;
  readonly verdict: number;
}

/** Listed at once, and read at once. */
const LISTED = 499;
const READ_AT_ONCE = 25;
/** Blocks that are looked at, some milliseconds of work, before others have their turn. */
const BLOCKS_A_TURN = 40;
/** A longer text is read again each time. */
const LONGEST_TEXT = 8 * 1024;
/** When so much has changed since the last search, the list is given up. */
const MOST_CHANGES = 20_000;

/** The list of one place. */
export class KeptList<T extends object> {
  readonly #source: MailSource<T>;
  readonly #clock: Clock;
  readonly #lists: KeptLists | undefined;
  #kept = new KeptBlocks<T>();
  /** As it was before it had to be listed anew: what is still there need not be read again. */
  #former = new KeptBlocks<T>();
  /** All messages before `#high` (undefined: all) and not before `#low` (undefined: none) are kept. */
  #high: MailKey | undefined;
  #low: T | undefined;
  /** All below are kept too. */
  #isWhole = false;
  #version: string | undefined;
  /** What came or changed since it was looked at last. */
  readonly #came = new Map<string, T>();
  /** What went while something is read. */
  #gone: Set<string> | undefined;
  #working: Promise<void> = Promise.resolve();
  /** How many searches are under way. */
  #searching = 0;

  /** `lists` holds it within bounds with others; without them it keeps nothing but what is searched just now. */
  constructor(source: MailSource<T>, { clock, lists }: { clock: Clock; lists?: KeptLists }) {
    this.#source = source;
    this.#clock = clock;
    this.#lists = lists;
  }

  /** About how many octets it takes. */
  get octets(): number {
    return this.#kept.octets + this.#former.octets;
  }

  /** Nothing is kept, and nobody is about to change that. */
  get isEmpty(): boolean {
    return !this.#isWhole && this.#low === undefined && this.#searching === 0;
  }

  /** A message came, or something has changed of it that is no text. */
  came(item: T): void {
    // nothing is kept or about to be
    if (!this.#isWhole && this.#low === undefined && !this.#gone) return;
    this.#came.set(this.#source.nameOf(item), item);
    if (this.#came.size > MOST_CHANGES) this.forget();
  }

  /** Messages went. */
  went(names: Iterable<string>): void {
    for (const name of names) {
      this.#came.delete(name);
      this.#gone?.add(name);
      this.#kept.remove(name);
    }
  }

  /** Keeps nothing more. */
  forget(): void {
    this.#restart(undefined);
    this.#former = new KeptBlocks();
  }

  /** Keeps no texts of contents any more; false: it has none. */
  dropTexts(): boolean {
    return this.#kept.dropTexts();
  }

  /** Searches. Rejects when the store fails. */
  async search(wanted: Wanted<T>): Promise<FoundPage<T>> {
    this.#searching++;
    try {
      return await this.#search(wanted);
    } finally {
      this.#searching--;
    }
  }

  async #search(wanted: Wanted<T>): Promise<FoundPage<T>> {
    const { query, limit, factsOf = this.#source.factsOf } = wanted;
    const whole = query.some(({ asked: { on } }) => on === "any" || on === "has");
    const progress = { found: [], at: wanted.before, last: undefined, looked: 0 };
    const search: Search<T> = { ...wanted, factsOf, whole, ...progress };
    this.#lists?.use(this);
    await this.#exclusively(() => this.#begin(search));
    for (;;) {
      const isEnd = this.#isWhole;
      if (!await this.#look(search)) return page(search);
      if (isEnd) return { ...page(search), last: undefined };
      if (search.looked > 0 && this.#clock.monotonic() >= search.until) return page(search);
      if (this.#lists && !this.#lists.hasRoom(this)) {
        const rest = new KeptList(this.#source, { clock: this.#clock });
        const left = { ...wanted, limit: limit - search.found.length, before: search.at };
        const { found, last, looked } = await rest.search(left);
        return { found: [...search.found, ...found], last, looked: search.looked + looked };
      }
      await this.#exclusively(() => this.#extend(search));
    }
  }

  /** One after the other: what was read is put to what is there. */
  async #exclusively(work: () => Promise<void>): Promise<void> {
    const before = this.#working;
    const done = before.then(work).finally(() => this.#gone = undefined);
    this.#working = done.catch(() => {});
    await done;
  }

  #restart(high: MailKey | undefined): void {
    if (this.#kept.size >= this.#former.size) this.#former = this.#kept;
    this.#kept = new KeptBlocks();
    this.#high = high;
    this.#low = undefined;
    this.#isWhole = false;
    this.#came.clear();
  }

  /** Makes sure that what is kept is so now, and of use for what is wanted. */
  async #begin({ before, whole }: Search<T>): Promise<void> {
    const version = await this.#source.version();
    const isOutside = this.#high !== undefined && (before === undefined || before > this.#high);
    const isEmpty = !this.#isWhole && this.#low === undefined;
    if (version !== this.#version || isOutside || isEmpty) this.#restart(before);
    this.#version = version;
    this.#gone = new Set();
    const { nameOf, keyOf, renewed } = this.#source;
    const added: T[] = [];
    for (const item of this.#came.values()) {
      const found = this.#kept.find(nameOf(item));
      if (found) found.block.replace(found.row, renewed(found.block.at(found.row)!, item));
      else if (this.#isKept(keyOf(item))) added.push(item);
    }
    this.#came.clear();
    added.sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
    try {
      for (let at = 0; at < added.length; at += READ_AT_ONCE) {
        await this.#add(added.slice(at, at + READ_AT_ONCE), { whole, to: "late" });
      }
    } catch (error) {
      this.#restart(undefined); // what came is not in it, and nobody tells of it again
      throw error;
    }
  }

  #isKept(key: MailKey): boolean {
    if (this.#high !== undefined && key >= this.#high) return false;
    return this.#isWhole || (this.#low !== undefined && key >= this.#source.keyOf(this.#low));
  }

  /** Lists more, and reads it, as long as there is time. */
  async #extend({ at, until, whole }: Search<T>): Promise<void> {
    const { keyOf } = this.#source;
    const low = this.#low && keyOf(this.#low);
    // another search was quicker
    if (this.#isWhole || (low !== undefined && (at === undefined || low < at))) return;
    if (!this.#lists) this.#kept = new KeptBlocks();
    const kept = this.#kept;
    this.#gone = new Set();
    const listed = await this.#source.list(low ?? this.#high, LISTED + 1);
    const end = Math.min(listed.length, LISTED);
    let done = 0;
    while (done < end && (done === 0 || this.#clock.monotonic() < until)) {
      const some = listed.slice(done, Math.min(done + READ_AT_ONCE, end));
      await this.#add(some, { whole, to: "early" });
      // it was given up meanwhile
      if (kept !== this.#kept) return;
      done += some.length;
      this.#low = some.at(-1)!;
    }
    this.#isWhole = kept === this.#kept && done === listed.length;
    if (this.#isWhole) this.#former = new KeptBlocks();
  }

  /** Reads messages that are not kept yet, and keeps them. */
  async #add(items: readonly T[], { whole, to }: { whole: boolean; to: "late" | "early" }): Promise<void> {
    const { nameOf, keyOf, renewed } = this.#source;
    const kept = this.#kept;
    const keepText = this.#lists?.hasRoomForTexts(this) ?? true;
    const unknown = items.filter((item) => !kept.find(nameOf(item)));
    const former = unknown.map((item) => this.#former.take(nameOf(item)));
    const anew = await this.#source.read(unknown.filter((_, i) => !former[i]), whole);
    let next = 0;
    if (kept !== this.#kept) return;
    for (const [i, item] of unknown.entries()) {
      const before = former[i];
      const mail = before ? { ...before, item: renewed(before.item, item) } : anew[next++];
      const name = nameOf(item);
      if (!mail || this.#gone?.has(name)) continue;
      const isLong = mail.content !== undefined && mail.content.text.length > LONGEST_TEXT;
      // without lists it is here for this search only
      kept.add({ name, key: keyOf(mail.item) }, mail, { keepText: keepText && !(isLong && this.#lists), to });
    }
  }

  /** Looks at what is kept and was not looked at; false: the search is at its end for now. */
  async #look(search: Search<T>): Promise<boolean> {
    const { found, limit, until } = search;
    const all = this.#count(search.at);
    let blocks = 0;
    for (const run of this.#kept.runs(search.at)) {
      if (blocks > BLOCKS_A_TURN) await eventTurn();
      blocks = blocks > BLOCKS_A_TURN ? run.length : blocks + run.length;
      const candidates = this.#candidates(run, search);
      for (let i = 0; i < candidates.length; i += READ_AT_ONCE) {
        const some = candidates.slice(i, i + READ_AT_ONCE);
        const isRead = some.some(({ verdict }) => verdict !== FITS);
        const fitting = isRead ? await this.#fitting(some, search) : some;
        const left = limit - found.length;
        for (const { item } of fitting.slice(0, left)) found.push(item);
        const isFull = fitting.length >= left;
        if (!isFull && !(isRead && this.#clock.monotonic() >= until)) continue;
        const last = isFull ? fitting[left - 1]! : some.at(-1)!;
        const behind = this.#count(last.key);
        search.looked += Math.max(1, all - behind);
        search.last = this.#isWhole && behind === 0 ? undefined : last.item;
        return false;
      }
    }
    search.looked += all;
    const low = this.#low;
    // what is kept may not reach down to where the search begins
    if (low === undefined || (search.at !== undefined && this.#source.keyOf(low) >= search.at)) return true;
    search.last = low;
    search.at = this.#source.keyOf(low);
    return true;
  }

  /** How many kept messages are before that key. */
  #count(before: MailKey | undefined): number {
    if (before === undefined) return this.#kept.size;
    let count = 0;
    for (const block of [...this.#kept.runs(before)].flat()) {
      for (let row = 0; row < block.size; row++) {
        const item = block.at(row);
        if (item !== undefined && this.#source.keyOf(item) < before) count++;
      }
    }
    return count;
  }

  /** The rows of some blocks that may fit, newest first. */
  #candidates(blocks: readonly FoldedBlock<T>[], { query, factsOf, at }: Search<T>): Candidate<T>[] {
    const { keyOf } = this.#source;
    const candidates: Candidate<T>[] = [];
    for (const block of blocks) {
      for (const [row, verdict] of judge(query, block, factsOf).entries()) {
        if (verdict === FITS_NOT) continue;
        const item = block.at(row)!;
        const key = keyOf(item);
        if (at === undefined || key < at) candidates.push({ block, row, item, key, verdict });
      }
    }
    return candidates.sort((a, b) => a.key > b.key ? -1 : 1);
  }

  /** Those of some candidates that fit, with their contents read where these decide. */
  async #fitting(
    candidates: readonly Candidate<T>[],
    { query, factsOf }: Search<T>,
  ): Promise<Candidate<T>[]> {
    const keepText = this.#lists?.hasRoomForTexts(this) ?? true;
    const open = candidates.filter(({ verdict }) => verdict !== FITS);
    const contents = await this.#source.contents(open.map(({ item }) => item));
    let next = 0;
    const read = new FoldedBlock<T>(candidates.length);
    for (const [i, { block, row, item, verdict }] of candidates.entries()) {
      read.add(item, block.headOf(row));
      const content = verdict === FITS ? undefined : contents[next++];
      if (content) {
        read.setContent(i, content);
        block.setContent(row, content, { keepText: keepText && content.text.length <= LONGEST_TEXT });
      } else if (verdict !== FITS) read.remove(i);
    }
    const verdicts = judge(query, read, factsOf);
    return candidates.filter(({ verdict }, i) => verdict === FITS || verdicts[i] === FITS);
  }
}

function page<T>({ found, last, looked }: Search<T>): FoundPage<T> {
  return { found, last, looked };
}

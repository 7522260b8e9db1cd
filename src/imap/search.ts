/**
 * Searches of a folder (RFC 9051 6.4.4; RFC 5032, 7162, 8474, 8514): what the index says first, what has to be read
 * last, and only of messages that may still fit.
 */

import { type Clock, eventTurn } from "../base/clock.ts";
import { foldText } from "../mail/search_text.ts";
import { cardsOf } from "./card_reader.ts";
import type { FetchedFolder } from "./fetch_target.ts";
import { fitsTexts, type FolderTexts, type SearchTexts, type TextQuery } from "./folder_texts.ts";
import { readTexts } from "./message_reader.ts";
import type { SearchKey } from "./request.ts";
import { dayTest, type IndexKey, type IndexSearch, searchIndex } from "./search_index.ts";
import { type MessageView, placeOfUid } from "./sequence_set.ts";

/** What is searched, and for what. */
export interface Searching {
  readonly folder: FetchedFolder;
  /** Only messages that the client knows are found. */
  readonly view: MessageView;
  /** All of them have to fit. What was saved stands in place of `$`. */
  readonly keys: readonly SearchKey[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly clock: Clock;
  readonly recent: (uid: number) => boolean;
  /** Where texts are kept, and under which name; absent: nothing is kept. */
  readonly texts?:
    | { readonly of: SearchTexts; readonly address: string; readonly mailboxId: string }
    | undefined;
  /** True: nobody waits for the answer any more. */
  isOver(): boolean;
  /** Called from time to time while messages are read: so many of so many were. */
  onProgress?(done: number, all: number): void;
}

/** What was found. */
export interface Found {
  /** Places in the view, ascending. */
  readonly places: Uint32Array;
  /** The highest mod-sequence among them; 0: nothing was found. */
  readonly modseq: number;
}

/** Messages that are read at a time. */
const BATCH = 100;
/** After so many milliseconds of work others have their turn. */
const TURN_MS = 10;

/** Searches. Rejects when the store fails. */
export async function searchMessages(searching: Searching): Promise<Found> {
  const search = new Search(searching);
  const { view } = searching;
  const marks = await search.all(searching.keys, new Uint8Array(view.length).fill(1));
  return search.found(marks);
}

/** How much it takes to answer a key: the cheap ones first leave less to read. */
function cost(key: SearchKey): number {
  switch (key.key) {
    case "and":
      return Math.max(0, ...key.all.map(cost));
    case "or":
      return Math.max(cost(key.either[0]), cost(key.either[1]));
    case "not":
      return cost(key.not);
    case "text":
      return key.in === "body" || key.in === "text" ? 3 : 2;
    case "header":
      return 2;
    case "date":
      return key.of === "sent" ? 1 : 0;
    default:
      return 0;
  }
}

class Search {
  readonly #of: Searching;
  readonly #texts: FolderTexts | undefined;
  /** Undefined: something may have changed since it was made. */
  #index: IndexSearch | undefined;
  #turnEnds: number;

  constructor(searching: Searching) {
    const { clock, texts } = searching;
    this.#of = searching;
    this.#texts = texts?.of.use(texts.address, texts.mailboxId);
    this.#turnEnds = clock.monotonic() + TURN_MS;
  }

  /** The places of what is marked, as far as it is still there. */
  found(marks: Uint8Array): Found {
    const { messages, positions } = this.#indexNow();
    let [count, modseq] = [0, 0];
    const places = new Uint32Array(marks.length);
    for (let place = 0; place < marks.length; place++) {
      if (marks[place] === 0 || positions[place]! < 0) continue;
      places[count++] = place;
      modseq = Math.max(modseq, messages.modseq(positions[place]!));
    }
    return { places: places.slice(0, count), modseq };
  }

  /** Those of the marked places where all keys fit. */
  async all(keys: readonly SearchKey[], marks: Uint8Array): Promise<Uint8Array> {
    let left = marks;
    for (const key of [...keys].sort((a, b) => cost(a) - cost(b))) {
      if (!left.includes(1)) break;
      left = await this.#fitting(key, left);
    }
    return left;
  }

  /** Those of the marked places where a key fits. */
  async #fitting(key: SearchKey, marks: Uint8Array): Promise<Uint8Array> {
    await this.#pause();
    switch (key.key) {
      case "and":
        return await this.all(key.all, marks);
      case "not":
        return without(marks, await this.#fitting(key.not, marks));
      case "or": {
        const [cheap, dear] = [...key.either].sort((a, b) => cost(a) - cost(b)) as [SearchKey, SearchKey];
        const first = await this.#fitting(cheap, marks);
        return either(first, await this.#fitting(dear, without(marks, first)));
      }
      case "text":
      case "header":
        return await this.#texted(queryOf(key), marks);
      default:
        if (key.key === "date" && key.of === "sent") return await this.#sent(key, marks);
        return both(marks, searchIndex(key as IndexKey, this.#indexNow()));
    }
  }

  /** By the day of the Date field, whatever its zone. A message without one fits nothing. */
  async #sent(key: Extract<SearchKey, { key: "date" }>, marks: Uint8Array): Promise<Uint8Array> {
    const fits = dayTest(key);
    const found = new Uint8Array(marks.length);
    for await (const { place, facts: { sort: { sentDay } } } of cardsOf(this.#of, placesIn(marks))) {
      if (sentDay !== undefined && fits(sentDay)) found[place] = 1;
    }
    this.#index = undefined;
    return found;
  }

  async #texted(query: TextQuery, marks: Uint8Array): Promise<Uint8Array> {
    // an empty text is in all that there is
    if (query.wanted === "" && query.field === undefined) return marks;
    const { folder, view, texts: kept } = this.#of;
    const texts = this.#texts;
    const found = new Uint8Array(marks.length);
    // many have gone since they were kept
    if (texts && texts.size > 2 * view.length + BATCH) texts.forget();
    texts?.look(query, (uid) => {
      const place = placeOfUid(view, uid);
      if (place >= 0 && marks[place] === 1 && texts.has(uid, query)) found[place] = 1;
    });
    const unknown = placesIn(marks).filter((place) => !texts?.has(view.uids[place]!, query));
    for await (const some of this.#batches(unknown)) {
      const uids = some.map((place) => view.uids[place]!);
      const read = await readTexts(folder, uids, query);
      const hasRoom = texts !== undefined && kept!.of.hasRoom(texts, { body: query.in !== "header" });
      for (const [i, one] of read.entries()) {
        if (!one) continue;
        if (fitsTexts(one, query)) found[some[i]!] = 1;
        if (hasRoom && (one.body?.length ?? 0) <= LONGEST_KEPT) texts.add(uids[i]!, one);
      }
    }
    return found;
  }

  /** Places to be read, some at a time, with turns for others and progress between. */
  async *#batches(places: readonly number[]): AsyncGenerator<readonly number[]> {
    const { isOver, onProgress } = this.#of;
    for (let at = 0; at < places.length && !isOver.call(this.#of); at += BATCH) {
      yield places.slice(at, at + BATCH);
      this.#index = undefined;
      onProgress?.call(this.#of, Math.min(places.length, at + BATCH), places.length);
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    const { clock } = this.#of;
    if (clock.monotonic() < this.#turnEnds) return;
    await eventTurn();
    this.#index = undefined;
    this.#turnEnds = clock.monotonic() + TURN_MS;
  }

  #indexNow(): IndexSearch {
    if (this.#index) return this.#index;
    const { folder, view, now, recent } = this.#of;
    const { messages } = folder;
    const positions = new Int32Array(view.length);
    let next = 0;
    for (let place = 0; place < view.length; place++) {
      const uid = view.uids[place]!;
      // most lie side by side
      if (next >= messages.length || messages.uid(next) !== uid) next = messages.lowerBound(uid);
      positions[place] = next < messages.length && messages.uid(next) === uid ? next++ : -1;
    }
    return this.#index = { messages, view, positions, keywords: folder.info.keywords, now, recent };
  }
}

/** A longer text is read again each time. */
const LONGEST_KEPT = 64 * 1024;

function queryOf(key: Extract<SearchKey, { key: "text" | "header" }>): TextQuery {
  const wanted = foldText(key.text);
  if (key.key === "header") return { in: "header", field: key.name.trim().toLowerCase(), wanted };
  if (key.in === "body") return { in: "body", wanted };
  return key.in === "text" ? { in: "all", wanted } : { in: "header", field: key.in, wanted };
}

function placesIn(marks: Uint8Array): number[] {
  const places: number[] = [];
  for (let place = 0; place < marks.length; place++) if (marks[place] === 1) places.push(place);
  return places;
}

function both(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((mark, place) => mark & b[place]!);
}

function either(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((mark, place) => mark | b[place]!);
}

function without(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((mark, place) => mark & ~b[place]!);
}

/** Search keys that the index of a folder answers: flags, dates, sizes, numbers (RFC 9051 6.4.4). */

import type { FolderIndex } from "../mailbox/folders.ts";
import type { SearchKey } from "./request.ts";
import {
  type MessageView,
  type NumberRange,
  placesOfNumbers,
  placesOfUids,
  type SequenceSet,
} from "./sequence_set.ts";

/** Keys that need nothing else. */
export type IndexKey = Exclude<
  SearchKey,
  { key: "and" | "or" | "not" | "text" | "header" } | { key: "date"; of: "sent" }
>;

/** What they look at. */
export interface IndexSearch {
  readonly messages: FolderIndex;
  readonly view: MessageView;
  /** By place in the view: the place in the index; -1: it is gone. */
  readonly positions: Int32Array;
  readonly keywords: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly recent: (uid: number) => boolean;
}

const DAY_MS = 86_400_000;

/** For each place 1 where the key fits. A message that is gone fits nothing. */
export function searchIndex(key: IndexKey, search: IndexSearch): Uint8Array {
  const { view, positions } = search;
  const marks = new Uint8Array(view.length);
  if (key.key === "set") return markSet(marks, key, view);
  const fits = testOf(key, search);
  for (let place = 0; place < marks.length; place++) {
    const position = positions[place]!;
    if (position >= 0 && fits(position, place)) marks[place] = 1;
  }
  return marks;
}

type Test = (position: number, place: number) => boolean;

function testOf(key: Exclude<IndexKey, { key: "set" }>, search: IndexSearch): Test {
  const { messages, view, now, recent } = search;
  switch (key.key) {
    case "all":
    case "savedatesupported":
      return () => true;
    case "flag":
      return (position) => ((messages.flags(position) & key.flag) !== 0) === key.has;
    case "recent":
      return (_, place) => recent(view.uids[place]!) === key.has;
    case "keyword":
      return keywordTest(key, search);
    case "date":
      return dateTest(key, messages);
    case "age": {
      const limit = now - key.seconds * 1000;
      return key.is === "older"
        ? (position) => messages.internalDate(position) <= limit
        : (position) => messages.internalDate(position) >= limit;
    }
    case "size":
      return key.is === "larger"
        ? (position) => messages.size(position) > key.octets
        : (position) => messages.size(position) < key.octets;
    case "modseq":
      return (position) => messages.modseq(position) >= key.modseq;
    case "emailid":
      return (position) => messages.id(position) === key.id;
    case "threadid":
      // no message has one
      return () => false;
  }
}

function keywordTest(
  { keyword, has }: Extract<IndexKey, { key: "keyword" }>,
  { messages, keywords }: IndexSearch,
): Test {
  const wanted = keyword.toLowerCase();
  const bit = keywords.findIndex((one) => one !== "" && one.toLowerCase() === wanted);
  if (bit < 0) return () => !has;
  const mask = 1 << (bit & 31);
  return bit < 32
    ? (position) => ((messages.keywordsLow(position) & mask) !== 0) === has
    : (position) => ((messages.keywordsHigh(position) & mask) !== 0) === has;
}

function dateTest(key: Extract<IndexKey, { key: "date" }>, messages: FolderIndex): Test {
  const fits = dayTest(key);
  return key.of === "saved"
    ? (position) => fits(Math.floor(messages.savedDate(position) / DAY_MS))
    : (position) => fits(Math.floor(messages.internalDate(position) / DAY_MS));
}

/** Does a day fit? */
export function dayTest({ is, day }: Extract<SearchKey, { key: "date" }>): (one: number) => boolean {
  return is === "before" ? (one) => one < day : is === "on" ? (one) => one === day : (one) => one >= day;
}

function markSet(
  marks: Uint8Array,
  { uid, set }: { uid: boolean; set: SequenceSet },
  view: MessageView,
): Uint8Array {
  if (set === "$") throw new Error("What was saved has to be put in place of $ before a search");
  const places = uid
    ? placesOfUids(set, view)
    : placesOfNumbers(set.flatMap((range) => clamped(range, view)), view);
  for (const place of places ?? []) marks[place] = 1;
  return marks;
}

/** Numbers that no message has name nothing here. */
function clamped({ first, last }: NumberRange, { length }: MessageView): NumberRange[] {
  const [a, b] = [first, last].map((number) => number === Infinity ? length : number) as [number, number];
  const [low, high] = [Math.max(1, Math.min(a, b)), Math.min(length, Math.max(a, b))];
  return low <= high ? [{ first: low, last: high }] : [];
}

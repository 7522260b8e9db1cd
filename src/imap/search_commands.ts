/** SEARCH, SORT and THREAD (RFC 9051 6.4.4; RFC 4731, 5182, 5256, 5267, 9394, 9585). */

import type { CommandOf } from "./message_commands.ts";
import { refuseNumbers, savedRanges } from "./message_sets.ts";
import { quoted } from "./output.ts";
import { formatPartialRange, partOf } from "./partial_range.ts";
import type { SearchKey, SearchReturn } from "./request.ts";
import { searchMessages } from "./search.ts";
import type { SearchCommand } from "./search_parser.ts";
import { formatSet, uidsAt } from "./sequence_set.ts";
import type { SessionState } from "./session_state.ts";
import { sortMessages } from "./sort.ts";
import { threadMessages } from "./thread.ts";

/** A search that takes longer tells how far it is, and then each time after so long. */
const PROGRESS_MS = 5_000;
/** Numbers are written in pieces of so many. */
const PIECE = 5_000;

type AnySearch = CommandOf<"SEARCH"> | CommandOf<"SORT"> | CommandOf<"THREAD">;

/** SEARCH. */
export async function search(state: SessionState, command: CommandOf<"SEARCH">): Promise<void> {
  const { args } = command;
  const selected = state.selected!;
  // RFC 5182 2.1: a search that fails leaves nothing saved
  const keys = prepared(state, args);
  if (args.returns?.save) selected.saved = new Uint32Array(0);
  const { places, modseq } = await found(state, command, keys);
  if (args.returns?.save) selected.saved = uidsAt(selected.view, savedOf(places, args.returns));
  const numbers = numbersAt(state, places, args.uid);
  if (args.returns || state.rev2) extended(state, command, { places, numbers, modseq });
  else await plain(state, "SEARCH", numbers, args.hasModseq && places.length > 0 ? modseq : undefined);
  state.ok(command, "Done");
}

/** SORT. */
export async function sort(state: SessionState, command: CommandOf<"SORT">): Promise<void> {
  const { args } = command;
  const { folder, view } = state.selected!;
  const { places, modseq } = await found(state, command, prepared(state, args));
  const { clock } = state.options;
  const ordered = await sortMessages({
    folder,
    view,
    places,
    by: args.by,
    clock,
    isOver: () => state.isOver(),
  });
  if (args.returns?.save) state.selected!.saved = uidsAt(view, savedOf(ordered, args.returns)).sort();
  const numbers = numbersAt(state, ordered, args.uid);
  if (args.returns) extended(state, command, { places: ordered, numbers, modseq });
  else await plain(state, "SORT", numbers, args.hasModseq && places.length > 0 ? modseq : undefined);
  state.ok(command, "Done");
}

/** THREAD. */
export async function thread(state: SessionState, command: CommandOf<"THREAD">): Promise<void> {
  const { args } = command;
  const { folder, view } = state.selected!;
  const { places } = await found(state, command, prepared(state, args));
  const threads = await threadMessages({
    folder,
    view,
    places,
    algorithm: args.algorithm,
    number: (place) => args.uid ? view.uids[place]! : place + 1,
    clock: state.options.clock,
    isOver: () => state.isOver(),
  });
  state.out.untagged(threads === "" ? "THREAD" : `THREAD ${threads}`);
  state.ok(command, "Done");
}

/** The keys with what was saved in the place of `$`, as it is before this search. */
function prepared(state: SessionState, { keys, hasModseq, uid }: SearchCommand): SearchKey[] {
  if (!uid) refuseNumbers(state);
  if (hasModseq) state.turnOnCondstore();
  const saved = savedRanges(state.selected!);
  const prepare = (key: SearchKey): SearchKey => {
    switch (key.key) {
      case "set":
        if (key.set === "$") return { key: "set", uid: true, set: saved };
        if (!key.uid) refuseNumbers(state);
        return key;
      case "not":
        return { key: "not", not: prepare(key.not) };
      case "or":
        return { key: "or", either: [prepare(key.either[0]), prepare(key.either[1])] };
      case "and":
        return { key: "and", all: key.all.map(prepare) };
      default:
        return key;
    }
  };
  return keys.map(prepare);
}

async function found(
  state: SessionState,
  { tag }: AnySearch,
  keys: readonly SearchKey[],
): Promise<{ places: Uint32Array; modseq: number }> {
  const { options, out } = state;
  const { clock, mailClock = clock, searchTexts } = options;
  const selected = state.selected!;
  let toldAt = clock.monotonic();
  // RFC 9585; clients of IMAP4rev1 lose what comes with it
  const onProgress = (done: number, of: number) => {
    const now = clock.monotonic();
    if (now - toldAt < PROGRESS_MS) return;
    toldAt = now;
    out.untagged(`OK [INPROGRESS (${quoted(tag)} ${done} ${of})] Still searching`);
    out.flush()?.catch(() => {}); // the session hears of it
  };
  return await searchMessages({
    folder: selected.folder,
    ...(searchTexts && {
      texts: { of: searchTexts, address: state.folders.address, mailboxId: selected.folder.info.mailboxId },
    }),
    view: selected.view,
    keys,
    now: mailClock.now(),
    clock,
    recent: (uid) => selected.isRecent(uid),
    isOver: () => state.isOver(),
    ...(state.rev2 && { onProgress }),
  });
}

function numbersAt(state: SessionState, places: Uint32Array, uid: boolean): Uint32Array {
  if (uid) return uidsAt(state.selected!.view, places);
  return places.map((place) => place + 1);
}

/** RFC 5182 2.1, RFC 9394 3.2: with only MIN, MAX or PARTIAL asked for, just those are saved. */
function savedOf(places: Uint32Array, { min, max, all, count, partial }: SearchReturn): Uint32Array {
  if (all || count || places.length === 0 || !min && !max && !partial) return places;
  const some = new Set<number>(partial ? partOf(places, partial) : []);
  if (min) some.add(places[0]!);
  if (max) some.add(places.at(-1)!);
  return Uint32Array.from(some).sort();
}

async function plain(
  state: SessionState,
  word: "SEARCH" | "SORT",
  numbers: Uint32Array,
  modseq: number | undefined,
): Promise<void> {
  const { out } = state;
  out.put(`* ${word}`);
  for (let at = 0; at < numbers.length; at += PIECE) {
    out.put(` ${numbers.subarray(at, at + PIECE).join(" ")}`);
    await out.flushIfMuch();
  }
  out.put(modseq === undefined ? "\r\n" : ` (MODSEQ ${modseq})\r\n`);
}

function extended(
  state: SessionState,
  { tag, args }: CommandOf<"SEARCH"> | CommandOf<"SORT">,
  { places, numbers, modseq }: { places: Uint32Array; numbers: Uint32Array; modseq: number },
): void {
  const returns: SearchReturn = args.returns ?? { all: true };
  const { min, max, all, count, partial } = returns;
  // what is only saved is not told
  if (!min && !max && !all && !count && !partial) return;
  const words = [`ESEARCH (TAG ${quoted(tag)})`];
  if (args.uid) words.push("UID");
  if (numbers.length > 0) {
    if (min) words.push(`MIN ${numbers[0]}`);
    if (max) words.push(`MAX ${numbers.at(-1)}`);
    if (all) words.push(`ALL ${formatSet(numbers)}`);
  }
  if (count) words.push(`COUNT ${numbers.length}`);
  if (partial) {
    words.push(`PARTIAL (${formatPartialRange(partial)} ${formatSet(partOf(numbers, partial)) || "NIL"})`);
  }
  if (args.hasModseq && places.length > 0) {
    words.push(`MODSEQ ${all || count ? modseq : highestOf(state, savedOf(places, returns))}`);
  }
  state.out.untagged(words.join(" "));
}

/** RFC 4731 3.2: the highest mod-sequence of what is told. */
function highestOf(state: SessionState, places: Uint32Array): number {
  const { view, folder: { messages } } = state.selected!;
  let highest = 0;
  for (const place of places) {
    const position = messages.position(view.uids[place]!);
    if (position >= 0) highest = Math.max(highest, messages.modseq(position));
  }
  return highest;
}

/**
 * The tally of a long queue from one run of the server to the next: what is counted of its records, packed into rows
 * when the server stops, and a head in the last commit of all. While the head is of the store's last commit, nothing
 * has changed since, whichever program had the store: the rows are the queue. Else they tell nothing, and the queue is
 * read.
 */

import { eventTurn } from "../base/clock.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import type { Write } from "../storage/write.ts";
import type { Counted } from "./stats.ts";

/** What is counted of records, a column for each of its parts; texts that several have are there once. */
export interface TallyRow {
  readonly ids: string[];
  readonly parts: number[];
  readonly receivedAt: number[];
  readonly dueAt: number[];
  readonly held: boolean[];
  readonly attempts: number[];
  /** The places of its domains in `texts`, parted by blanks there. */
  readonly domains: number[];
  /** The place of its last error; -1: it has none. */
  readonly errors: number[];
  readonly texts: string[];
}

/** Says that the rows are whole. */
export interface TallyHead {
  readonly rows: number;
}

/** Reads what was kept, a row at a time; it rejects where that is not whole. */
export type KeptTally = () => AsyncIterable<readonly Counted[]>;

/** A row takes no more bytes than that: below the most of one value. */
const ROW_BYTES = 60_000;
/** The numbers of a record in a row, in bytes. */
const NUMBERS_BYTES = 40;
/** So many rows are read at a time, and so many, some 4 ms of work, before the platform looks at its sockets. */
const ROWS_AT_A_TIME = 2;
const ROWS_BETWEEN_TURNS = 4;

/** What the run before has kept; undefined: nothing that is still true. To be asked for before anything is written. */
export async function takeTally({ kv }: Store): Promise<KeptTally | undefined> {
  if (!kv.lastCommit) return undefined;
  const head = await kv.get<TallyHead>(keys.queueTally);
  if (head.versionstamp === null || head.versionstamp !== kv.lastCommit()) return undefined;
  const { rows } = head.value;
  return async function* () {
    const shared = new Map<string, readonly string[]>();
    let count = 0;
    for await (const { value } of kv.list<TallyRow>(keys.queueTallyRows(), { batchSize: ROWS_AT_A_TIME })) {
      if (count++ === rows) return;
      if (count % ROWS_BETWEEN_TURNS === 0) await eventTurn();
      yield unpacked(value, shared);
    }
    if (count < rows) throw new Error(`The kept tally has ${count} of ${rows} rows.`);
  };
}

/** Writes rows in place of those that are there. Rejects when the store fails. */
export async function keepRows(store: Store, rows: readonly TallyRow[]): Promise<void> {
  await Promise.all(
    rows.map((value, n) =>
      store.write({ mutations: [{ type: "set", key: keys.queueTallyRow(n), value }], size: ROW_BYTES })
    ),
  );
  const others = store.kv.list(keys.queueTallyRows(rows.length), { batchSize: ROWS_AT_A_TIME });
  for await (const { key } of others) await store.write({ mutations: [{ type: "delete", key }], size: 50 });
}

/** The head of so many rows: to be written last of all. */
export function headWrite(rows: number): Write {
  const value: TallyHead = { rows };
  return { mutations: [{ type: "set", key: keys.queueTally, value }], size: 100 };
}

/** Packs what is counted. */
export function packed(all: Iterable<Counted>): TallyRow[] {
  const rows: TallyRow[] = [];
  let places = new Map<string, number>();
  let row = emptyRow();
  let bytes = 0;
  for (const { id, part, receivedAt, dueAt, held, domains, attempts, lastError } of all) {
    const names = domains.join(" ");
    const sizeOf = (text = "") => places.has(text) ? 0 : textSize(text);
    const fixed = NUMBERS_BYTES + textSize(id);
    if (bytes + fixed + sizeOf(names) + sizeOf(lastError) > ROW_BYTES && bytes > 0) {
      rows.push(row);
      [row, places, bytes] = [emptyRow(), new Map(), 0];
    }
    bytes += fixed + sizeOf(names) + sizeOf(lastError);
    const placeOf = (text: string) => {
      const place = places.get(text) ?? row.texts.push(text) - 1;
      places.set(text, place);
      return place;
    };
    row.ids.push(id);
    row.parts.push(part);
    row.receivedAt.push(receivedAt);
    row.dueAt.push(dueAt);
    row.held.push(held);
    row.attempts.push(attempts);
    row.domains.push(placeOf(names));
    row.errors.push(lastError === undefined ? -1 : placeOf(lastError));
  }
  if (bytes > 0) rows.push(row);
  return rows;
}

/** `shared`: the domains of all rows, so that records have the same ones. */
function unpacked(row: TallyRow, shared: Map<string, readonly string[]>): Counted[] {
  const domainsAt = (place: number): readonly string[] => {
    const text = row.texts[place]!;
    const domains = shared.get(text) ?? text.split(" ");
    shared.set(text, domains);
    return domains;
  };
  return row.ids.map((id, i) => ({
    id,
    part: row.parts[i]!,
    receivedAt: row.receivedAt[i]!,
    dueAt: row.dueAt[i]!,
    held: row.held[i]!,
    domains: domainsAt(row.domains[i]!),
    attempts: row.attempts[i]!,
    lastError: row.errors[i]! < 0 ? undefined : row.texts[row.errors[i]!],
  }));
}

function emptyRow(): TallyRow {
  return {
    ids: [],
    parts: [],
    receivedAt: [],
    dueAt: [],
    held: [],
    attempts: [],
    domains: [],
    errors: [],
    texts: [],
  };
}

/** The most bytes that a text takes. */
function textSize(text: string): number {
  return 2 * text.length + 8;
}

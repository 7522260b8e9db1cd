/**
 * What is counted of the messages of the queue, in memory: about 120 bytes a record, its id included. Objects would take
 * twice as much, and whoever collects garbage would look at each of them again and again.
 */

import { SharedTexts } from "./shared_texts.ts";
import type { Counted, QueueStats } from "./stats.ts";
import { countRecords } from "./stats.ts";

/** Rows that there is room for at first. */
const FEWEST_ROWS = 64;
/** The columns of times in a row. */
const [RECEIVED, DUE] = [0, 1];
const TIMES = 2;
/** The others. `TRIED`: twice the attempts, and 1 more when it is held; `NEXT`: the row of the message's next record. */
const [PART, TRIED, NEXT] = [0, 1, 2];
const NUMBERS = 3;
/** In place of a row's number: there is none. */
const NONE = 2 ** 32 - 1;

/** The messages, each as what is counted of its records. */
export class CountedMessages {
  /** The row of each message's first record. */
  readonly #rows = new Map<string, number>();
  #times = new Float64Array(TIMES * FEWEST_ROWS);
  #numbers = new Uint32Array(NUMBERS * FEWEST_ROWS);
  #domains: (readonly string[])[] = [];
  #errors: (string | undefined)[] = [];
  /** The first of the rows that were used and are free, which are a list as those of a message are. */
  #free = NONE;
  /** The domains of records, once each. */
  readonly #shared = new Map<string, readonly string[]>();
  readonly #texts = new SharedTexts();

  /** How many messages. */
  get size(): number {
    return this.#rows.size;
  }

  /** All that is counted, message by message. */
  *records(): Generator<Counted> {
    for (const records of this.#messages()) yield* records;
  }

  /** The queue in numbers. */
  count(now: number): QueueStats {
    return countRecords(this.#messages(), now);
  }

  /** A record as it is from now on. */
  put(counted: Counted): void {
    const found = this.#find(counted);
    let { row } = found;
    if (row === NONE) {
      row = this.#newRow();
      this.#numbers[NUMBERS * row + PART] = counted.part;
      this.#numbers[NUMBERS * row + NEXT] = NONE;
      if (found.before === NONE) this.#rows.set(counted.id, row);
      else this.#numbers[NUMBERS * found.before + NEXT] = row;
    }
    this.#fill(row, counted);
  }

  /** A record is gone. */
  remove(place: { readonly id: string; readonly part: number }): void {
    const { row, before } = this.#find(place);
    if (row === NONE) return;
    const next = this.#nextOf(row);
    if (before !== NONE) this.#numbers[NUMBERS * before + NEXT] = next;
    else if (next !== NONE) this.#rows.set(place.id, next);
    else this.#rows.delete(place.id);
    this.#errors[row] = undefined;
    this.#numbers[NUMBERS * row + NEXT] = this.#free;
    this.#free = row;
    if (this.#rows.size === 0) this.#clear();
  }

  /** The row of a record, or {@linkcode NONE}; and the one before it of those of its message, or the last of them. */
  #find({ id, part }: { readonly id: string; readonly part: number }): { row: number; before: number } {
    let row = this.#rows.get(id) ?? NONE;
    let before = NONE;
    while (row !== NONE && this.#numbers[NUMBERS * row + PART] !== part) {
      before = row;
      row = this.#nextOf(row);
    }
    return { row, before };
  }

  *#messages(): Generator<readonly Counted[]> {
    for (const [id, first] of this.#rows) {
      const records: Counted[] = [];
      for (let row = first; row !== NONE; row = this.#nextOf(row)) records.push(this.#at(row, id));
      yield records;
    }
  }

  #nextOf(row: number): number {
    return this.#numbers[NUMBERS * row + NEXT]!;
  }

  #at(row: number, id: string): Counted {
    const tried = this.#numbers[NUMBERS * row + TRIED]!;
    return {
      id,
      part: this.#numbers[NUMBERS * row + PART]!,
      receivedAt: this.#times[TIMES * row + RECEIVED]!,
      dueAt: this.#times[TIMES * row + DUE]!,
      held: (tried & 1) === 1,
      domains: this.#domains[row]!,
      attempts: tried >>> 1,
      lastError: this.#errors[row],
    };
  }

  #fill(row: number, { receivedAt, dueAt, held, domains, attempts, lastError }: Counted): void {
    this.#times[TIMES * row + RECEIVED] = receivedAt;
    this.#times[TIMES * row + DUE] = dueAt;
    this.#numbers[NUMBERS * row + TRIED] = 2 * attempts + (held ? 1 : 0);
    this.#domains[row] = domains.length === 1 ? this.#sharedOf(domains) : domains;
    this.#errors[row] = lastError === undefined ? undefined : this.#texts.one(lastError);
  }

  #newRow(): number {
    if (this.#free !== NONE) {
      const row = this.#free;
      this.#free = this.#nextOf(row);
      return row;
    }
    const row = this.#domains.length;
    if (TIMES * row === this.#times.length) {
      const [times, numbers] = [this.#times, this.#numbers];
      this.#times = new Float64Array(2 * times.length);
      this.#times.set(times);
      this.#numbers = new Uint32Array(2 * numbers.length);
      this.#numbers.set(numbers);
    }
    return row;
  }

  #clear(): void {
    this.#times = new Float64Array(TIMES * FEWEST_ROWS);
    this.#numbers = new Uint32Array(NUMBERS * FEWEST_ROWS);
    [this.#domains, this.#errors, this.#free] = [[], [], NONE];
    this.#shared.clear();
  }

  #sharedOf(domains: readonly string[]): readonly string[] {
    const known = this.#shared.get(domains[0]!);
    if (known) return known;
    this.#shared.set(domains[0]!, domains);
    return domains;
  }
}

/**
 * The index of all that waits, in memory: what a list, a search or a count of a long queue is answered from. It is read
 * from the store when it is first asked for, kept true by the writes of this process, and given up when nobody asks.
 */

import type { Clock } from "../base/clock.ts";
import * as keys from "../storage/keys.ts";
import { isUntried } from "../storage/storage_error.ts";
import type { Store } from "../storage/store.ts";
import type { Write, WriteResult } from "../storage/write.ts";
import { nameOf } from "./queue_store.ts";
import { SharedTexts } from "./shared_texts.ts";
import type { QueueRecord } from "./record.ts";
import { Tally, type TallyOptions } from "./tally.ts";

/** Some or all of what waits, at one instant. */
export interface Waiting {
  /** The messages, oldest first, from behind the id `after` on; each as its records. */
  messages(after?: string): Iterable<readonly QueueRecord[]>;
  /** How many messages. */
  readonly size: number;
  /** False: there is more, which is not read yet or too much for the memory. */
  readonly whole: boolean;
}

/** A record, and of which commit it is. */
export interface Known {
  readonly record: QueueRecord;
  readonly versionstamp: string;
}

/** The index holds no more messages than that: some hundred MiB. */
const MAX_MESSAGES = 200_000;
/** Nobody asked for it for so long: it is given up, in milliseconds. */
const UNUSED_MS = 10 * 60_000;
/** So many records are read at a time: whoever asks for something else meanwhile waits for some of these. */
const AT_A_TIME = 64;
/** The same over a network, where each time is a way there and back. */
const AT_A_TIME_SHARED = 500;
/** On a shared store, which others write to: read again after so many times the time it took, in milliseconds. */
const STALE_SHARE = 10;
const STALE_MS = 2000;

/** The index of the queue in one store. */
export class WaitingIndex {
  /** The store, whose writes the index sees. All that changes records has to use it. */
  readonly store: Store;
  /** What is counted of all that waits. */
  readonly tally: Tally;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #maxMessages: number;
  #shown: Reading | undefined;
  /** Takes the place of what is shown, when it is whole. */
  #next: Reading | undefined;
  #asked = 0;

  /** Reads nothing before it is asked. `maxMessages`: it holds no more. */
  constructor(
    store: Store,
    clock: Clock,
    { maxMessages = MAX_MESSAGES, ...tally }: TallyOptions & { readonly maxMessages?: number } = {},
  ) {
    this.#store = store;
    this.tally = new Tally(store, tally);
    this.#clock = clock;
    this.#maxMessages = maxMessages;
    this.store = {
      get kv() {
        return store.kv;
      },
      get embedded() {
        return store.embedded;
      },
      get limits() {
        return store.limits;
      },
      get isFull() {
        return store.isFull ?? false;
      },
      get silentSince() {
        return store.silentSince;
      },
      write: (change) => this.#write(change),
      close: (last) => store.close(last),
    };
  }

  /** True: {@linkcode view} shows all that waits, as it is now. */
  get isExact(): boolean {
    return this.#store.embedded && this.#shown?.state === "whole";
  }

  /** A message's records; undefined: ask the store. */
  known(id: string): readonly Known[] | undefined {
    return this.isExact ? this.#shown!.known(id) : undefined;
  }

  /** What is known now. The first call, and some later ones, have the store read meanwhile. */
  view(): Waiting {
    const shown = this.#current();
    const { size } = shown;
    return { messages: (after) => shown.messages(after), size, whole: shown.state === "whole" };
  }

  /** Resolves when {@linkcode view} shows all that waits, or as much as there is room for. Rejects when the store fails. */
  async read(): Promise<void> {
    await this.#current().done;
  }

  #current(): Reading {
    const now = this.#asked = this.#clock.monotonic();
    const shown = this.#shown ??= this.#begin();
    if (shown.state === "failed") return this.#shown = this.#begin();
    const isStale = shown.state === "full"
      ? shown.size < this.#maxMessages / 2
      : !this.#store.embedded && shown.state === "whole" && now > shown.staleAt;
    if (isStale && !this.#next) {
      const next = this.#next = this.#begin();
      const end = () => {
        if (this.#next !== next) return;
        this.#next = undefined;
        if (next.state !== "failed") this.#shown = next;
      };
      next.done.then(end, end);
    }
    return shown;
  }

  #begin(): Reading {
    const reading = new Reading(this.#store, this.#clock, this.#maxMessages);
    reading.done.catch(() => {}); // who waits for it hears of that
    return reading;
  }

  async #write(change: Write): Promise<WriteResult> {
    this.tally.begin();
    try {
      const result = await this.#store.write(change);
      if (result.ok) this.#see(change, result.versionstamp);
      return result;
    } catch (error) {
      // nobody knows for sure that it did not happen: what is known is read again
      if (!isUntried(error) && change.mutations.some(({ key }) => keys.queuePlace(key))) {
        this.#shown = this.#next = undefined;
        this.tally.forget();
      }
      throw error;
    } finally {
      this.tally.ended();
    }
  }

  #see({ mutations }: Write, versionstamp: string): void {
    if (this.#shown && this.#clock.monotonic() > this.#asked + UNUSED_MS) {
      this.#shown = this.#next = undefined;
    }
    for (const mutation of mutations) {
      const place = keys.queuePlace(mutation.key);
      if (!place) continue;
      const record = mutation.type === "set" ? mutation.value as QueueRecord : undefined;
      this.tally.see(place, record);
      if (!this.#shown) continue;
      const known = record && { record, versionstamp };
      this.#shown?.see(place, known);
      this.#next?.see(place, known);
    }
  }
}

/** A message's records, by part: most have one, for which a list of its own would take a third more memory. */
type Message = Known | readonly Known[];

const NO_MESSAGE: readonly Known[] = [];

/** One reading of the store, and what has changed since. */
class Reading {
  state: "reading" | "whole" | "full" | "failed" = "reading";
  readonly done: Promise<void>;
  staleAt = Infinity;
  readonly #messages = new Map<string, Message>();
  /** The ids in order; some may be gone. Undefined: to be made anew. */
  #order: string[] | undefined = [];
  /** What was written while it was read: newer than what is read. */
  #seen: Set<string> | undefined = new Set();

  constructor(store: Store, clock: Clock, private readonly maxMessages: number) {
    this.done = this.#read(store, clock).catch((error) => {
      this.state = "failed";
      throw error;
    });
  }

  get size(): number {
    return this.#messages.size;
  }

  async #read(store: Store, clock: Clock): Promise<void> {
    const began = clock.monotonic();
    const texts = new SharedTexts();
    const seen = this.#seen!;
    const batchSize = store.embedded ? AT_A_TIME : AT_A_TIME_SHARED;
    const all = store.kv.list<QueueRecord>(keys.queueItemsAll, { batchSize });
    for await (const { value: record, versionstamp } of all) {
      if (seen.size > 0 && seen.has(nameOf(record))) continue;
      if (this.size >= this.maxMessages && !this.#messages.has(record.id)) {
        this.state = "full";
        break;
      }
      texts.shareIn(record);
      this.#put({ record, versionstamp: texts.one(versionstamp) });
    }
    if (this.state === "reading") this.state = "whole";
    this.#seen = undefined;
    const ended = clock.monotonic();
    this.staleAt = ended + Math.max(STALE_MS, STALE_SHARE * (ended - began));
  }

  known(id: string): readonly Known[] {
    const message = this.#messages.get(id) ?? NO_MESSAGE;
    return isOne(message) ? [message] : message;
  }

  /** A record was written, or (undefined) deleted. */
  see(place: { readonly id: string; readonly part: number }, known: Known | undefined): void {
    this.#seen?.add(nameOf(place));
    if (!known) return this.#remove(place);
    if (this.state === "full" && !this.#messages.has(place.id)) return;
    this.#put(known);
  }

  #put(known: Known): void {
    const { id, part } = known.record;
    const before = this.#messages.get(id);
    if (!before) {
      const last = this.#order?.at(-1);
      if (last === undefined || last < id) this.#order?.push(id);
      else this.#order = undefined;
    }
    const isAlone = !before || (isOne(before) && before.record.part === part);
    this.#messages.set(id, isAlone ? known : withPart(this.known(id), known));
  }

  #remove({ id, part }: { readonly id: string; readonly part: number }): void {
    const left = this.known(id).filter(({ record }) => record.part !== part);
    if (left.length > 0) this.#messages.set(id, left.length === 1 ? left[0]! : left);
    else this.#messages.delete(id);
  }

  *messages(after?: string): Generator<readonly QueueRecord[]> {
    if (this.#order && this.#order.length > 2 * this.size + 1000) this.#order = undefined;
    const order = this.#order ??= [...this.#messages.keys()].sort();
    for (let i = after === undefined ? 0 : firstBehind(order, after); i < order.length; i++) {
      const message = this.#messages.get(order[i]!);
      if (message) yield isOne(message) ? [message.record] : message.map(({ record }) => record);
    }
  }
}

function isOne(message: Message): message is Known {
  return "record" in message;
}

/** A list of its own: who looks at the old one meanwhile goes on seeing that. */
function withPart(all: readonly Known[], known: Known): readonly Known[] {
  const others = all.filter(({ record }) => record.part !== known.record.part);
  return [...others, known].sort((a, b) => a.record.part - b.record.part);
}

/** The place of the first of the sorted ids that is behind `after`. */
function firstBehind(ids: readonly string[], after: string): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle]! <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

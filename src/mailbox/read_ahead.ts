/** The read-ahead of a mailbox whose messages are asked for one by one. */

import * as keys from "../storage/keys.ts";
import type { Kv } from "../storage/port.ts";
import type { MailList } from "./mail_list.ts";

/** How many octets one batch reads at most, unless its first message alone is larger. */
const BATCH_OCTETS = 168 * 1024;
/** How many messages one batch reads at most: four reads by name, of ten keys each. */
const BATCH_MESSAGES = 40;
/** How many batches are on their way at a time: while the store copies one, it looks for the other. */
const ABREAST = 2;
/** After a range turned out to belong to other mailboxes, so many batches are read by name. */
const BY_NAME_FOR = 50;

/** What a batch still lacks, and where it goes. */
interface Missing {
  readonly bodies: Map<number, Uint8Array>;
  /** By body: the places in the list that have it. */
  readonly places: Map<string, number[]>;
}

interface Loading {
  readonly from: number;
  readonly to: number;
  readonly done: Promise<void>;
}

/**
 * The bodies of small messages (one chunk), by their place in the list. One read of the store costs some 100 µs
 * whatever it brings, so messages that are asked for in order are read in batches, the next ones while this one is
 * being sent: three batches in memory at the most.
 */
export class ReadAhead {
  readonly #kv: Kv;
  readonly #mails: MailList;
  #bodies = new Map<number, Uint8Array>();
  #last = -2;
  /** Where the next batch begins. */
  #next = 0;
  #loading: Loading[] = [];
  /** All reads under way, those too that nobody waits for any more. */
  readonly #running = new Set<Promise<void>>();
  #byName = 0;

  /** For the messages of that list. */
  constructor(kv: Kv, mails: MailList) {
    this.#kv = kv;
    this.#mails = mails;
  }

  /**
   * The body of the message at `index`, at once when it was read ahead; undefined when it is large (read it as a
   * stream) or missing. Rejects when the store fails. One call at a time.
   */
  take(index: number): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const mail = this.#mails.at(index);
    if (!mail || mail.body.chunks !== 1) return undefined;
    const inOrder = index === this.#last + 1;
    this.#last = index;
    if (!inOrder) {
      // what is still on its way lands in the old table, which nobody looks at any more
      this.#bodies = new Map();
      this.#loading = [];
      return this.#one(index);
    }
    const body = this.#bodies.get(index);
    if (body === undefined) return this.#load(index);
    this.#bodies.delete(index);
    this.#more();
    return body;
  }

  /** Waits for reads that are under way. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#running);
    this.#bodies.clear();
  }

  async #load(index: number): Promise<Uint8Array | undefined> {
    if (!this.#loading.some(({ from, to }) => from <= index && index < to)) {
      this.#next = index;
      this.#more();
    }
    const loading = this.#loading.find(({ from, to }) => from <= index && index < to);
    await loading?.done;
    const body = this.#bodies.get(index);
    this.#bodies.delete(index);
    // the batch did not bring it: missing, unless it was not tried
    return body ?? await this.#one(index);
  }

  /** Begins as many batches as there is room for. */
  #more(): void {
    while (this.#loading.length < ABREAST && this.#bodies.size <= BATCH_MESSAGES && this.#begin(this.#next));
  }

  async #one(index: number): Promise<Uint8Array | undefined> {
    const { body } = this.#mails.at(index)!;
    const { value } = await this.#kv.get<Uint8Array>(keys.body(body.id, 0));
    return value?.length === body.size ? value : undefined;
  }

  /** Starts reading the batch that begins at `from`; false when there is nothing to read. */
  #begin(from: number): boolean {
    let to = from;
    for (let octets = 0; to < this.#mails.length && to - from < BATCH_MESSAGES; to++) {
      const { body } = this.#mails.at(to)!;
      octets += body.size;
      if (body.chunks !== 1 || (octets > BATCH_OCTETS && to > from)) break;
    }
    if (to === from) return false;
    this.#next = to;
    const done = this.#read(from, to).finally(() => {
      this.#loading = this.#loading.filter((loading) => loading.done !== done);
      this.#running.delete(done);
    });
    // whoever needs the batch hears of the error; when nobody does, it does not matter
    done.catch(() => {});
    this.#running.add(done);
    this.#loading.push({ from, to, done });
    return true;
  }

  async #read(from: number, to: number): Promise<void> {
    const missing: Missing = { bodies: this.#bodies, places: new Map() };
    for (let i = from; i < to; i++) {
      const id = this.#mails.at(i)!.body.id;
      const places = missing.places.get(id);
      if (places) places.push(i);
      else missing.places.set(id, [i]);
    }
    if (this.#byName > 0) this.#byName--;
    else if (missing.places.size > 2) await this.#readRange(from, to, missing);
    const rest = [...missing.places.keys()];
    const reads: Promise<void>[] = [];
    for (let i = 0; i < rest.length; i += 10) reads.push(this.#readByName(rest.slice(i, i + 10), missing));
    await Promise.all(reads);
  }

  /** Bodies lie in order of arrival: when most mail comes to this mailbox, a range is quicker than names. */
  async #readRange(from: number, to: number, missing: Missing): Promise<void> {
    const [first, last] = [this.#mails.at(from)!.body.id, this.#mails.at(to - 1)!.body.id];
    if (first > last) return;
    const limit = missing.places.size + 4;
    const range = { start: keys.body(first, 0), end: keys.body(last, 1) };
    for await (const entry of this.#kv.list<Uint8Array>(range, { limit, batchSize: limit })) {
      this.#keep(entry.key.at(-2) as string, entry.value, missing);
    }
    if (missing.places.size > 0) this.#byName = BY_NAME_FOR;
  }

  async #readByName(ids: readonly string[], missing: Missing): Promise<void> {
    const entries = await this.#kv.getMany<Uint8Array[]>(ids.map((id) => keys.body(id, 0)));
    for (let i = 0; i < ids.length; i++) {
      const value = entries[i]?.value;
      if (value) this.#keep(ids[i]!, value, missing);
    }
  }

  #keep(id: string, value: Uint8Array, missing: Missing): void {
    for (const place of missing.places.get(id) ?? []) {
      if (this.#mails.at(place)!.body.size === value.length) missing.bodies.set(place, value);
    }
    missing.places.delete(id);
  }
}

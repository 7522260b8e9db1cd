/** In charge of reading the messages of a mailbox before they are asked for, when they are asked for one by one. */

import * as keys from "../storage/keys.ts";
import type { MailList } from "./mail_list.ts";

/** How many octets one batch reads at most, unless its first message alone is larger. */
const BATCH_OCTETS = 128 * 1024;
/** How many messages one batch reads at most. */
const BATCH_MESSAGES = 32;
/** After a range turned out to belong to other mailboxes, so many batches are read by name. */
const BY_NAME_FOR = 50;

interface Loading {
  readonly from: number;
  readonly to: number;
  readonly done: Promise<void>;
}

/**
 * The texts of small messages (one chunk), by their place in the list. One read of the store costs some 100 µs
 * whatever it brings, so messages that are asked for in order are read in batches, the next one while this one is
 * being sent: two batches in memory at the most.
 */
export class ReadAhead {
  readonly #kv: Deno.Kv;
  readonly #mails: MailList;
  readonly #texts = new Map<number, Uint8Array>();
  #last = -2;
  #loaded = 0;
  #loading: Loading | undefined;
  #byName = 0;

  constructor(kv: Deno.Kv, mails: MailList) {
    this.#kv = kv;
    this.#mails = mails;
  }

  /**
   * The body of the message at `index`, at once when it was read ahead; undefined when it is large (read it as a
   * stream) or missing. Rejects when the store fails.
   */
  take(index: number): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const mail = this.#mails.at(index);
    if (!mail || mail.body.chunks !== 1) return undefined;
    const inOrder = index === this.#last + 1;
    this.#last = index;
    if (!inOrder) this.#texts.clear();
    const text = this.#texts.get(index);
    if (text === undefined) return this.#load(index, inOrder);
    this.#texts.delete(index);
    if (!this.#loading && this.#texts.size < BATCH_MESSAGES / 2) this.#begin(this.#loaded);
    return text;
  }

  /** Waits for a read that is under way. */
  async settle(): Promise<void> {
    await this.#loading?.done.catch(() => {});
    this.#texts.clear();
  }

  async #load(index: number, inOrder: boolean): Promise<Uint8Array | undefined> {
    for (;;) {
      const loading = this.#loading;
      if (!loading) break;
      await loading.done;
      const text = this.#texts.get(index);
      this.#texts.delete(index);
      if (text) return text;
    }
    if (!inOrder) return await this.#one(index);
    this.#begin(index);
    await (this.#loading as Loading | undefined)?.done;
    const text = this.#texts.get(index);
    this.#texts.delete(index);
    // the batch did not bring it: missing, unless it was not tried
    return text ?? await this.#one(index);
  }

  async #one(index: number): Promise<Uint8Array | undefined> {
    const { body } = this.#mails.at(index)!;
    const { value } = await this.#kv.get<Uint8Array>(keys.body(body.id, 0));
    return value?.length === body.size ? value : undefined;
  }

  /** Starts reading the batch that begins at `from`, when there is anything to read. */
  #begin(from: number): void {
    let to = from;
    for (let octets = 0; to < this.#mails.length && to - from < BATCH_MESSAGES; to++) {
      const { body } = this.#mails.at(to)!;
      octets += body.size;
      if (body.chunks !== 1 || (octets > BATCH_OCTETS && to > from)) break;
    }
    if (to === from) return;
    const done = this.#read(from, to).finally(() => {
      this.#loaded = to;
      this.#loading = undefined;
    });
    // whoever needs the batch hears of the error; when nobody does, it does not matter
    done.catch(() => {});
    this.#loading = { from, to, done };
  }

  async #read(from: number, to: number): Promise<void> {
    const missing = new Map<string, number[]>();
    for (let i = from; i < to; i++) {
      const id = this.#mails.at(i)!.body.id;
      const places = missing.get(id);
      if (places) places.push(i);
      else missing.set(id, [i]);
    }
    if (this.#byName > 0) this.#byName--;
    else if (missing.size > 2) await this.#readRange(from, to, missing);
    const rest = [...missing.keys()];
    const reads: Promise<void>[] = [];
    for (let i = 0; i < rest.length; i += 10) reads.push(this.#readByName(rest.slice(i, i + 10), missing));
    await Promise.all(reads);
  }

  /** Bodies lie in order of arrival: when most mail comes to this mailbox, a range is quicker than names. */
  async #readRange(from: number, to: number, missing: Map<string, number[]>): Promise<void> {
    const [first, last] = [this.#mails.at(from)!.body.id, this.#mails.at(to - 1)!.body.id];
    if (first > last) return;
    const limit = missing.size + 4;
    const range = { start: keys.body(first, 0), end: keys.body(last, 1) };
    for await (const entry of this.#kv.list<Uint8Array>(range, { limit, batchSize: limit })) {
      this.#keep(entry.key.at(-2) as string, entry.value, missing);
    }
    if (missing.size > 0) this.#byName = BY_NAME_FOR;
  }

  async #readByName(ids: readonly string[], missing: Map<string, number[]>): Promise<void> {
    const entries = await this.#kv.getMany<Uint8Array[]>(ids.map((id) => keys.body(id, 0)));
    for (let i = 0; i < ids.length; i++) {
      const value = entries[i]?.value;
      if (value) this.#keep(ids[i]!, value, missing);
    }
  }

  #keep(id: string, value: Uint8Array, missing: Map<string, number[]>): void {
    for (const place of missing.get(id) ?? []) {
      if (this.#mails.at(place)!.body.size === value.length) this.#texts.set(place, value);
    }
    missing.delete(id);
  }
}

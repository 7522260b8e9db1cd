/** The facts of messages: made when they are asked for first, kept in the store, read from then on. */

import { encode } from "../base/bytes.ts";
import { eventTurn } from "../base/clock.ts";
import { BodyMissing, readBody, readSmallBodies } from "../storage/bodies/bodies.ts";
import * as keys from "../storage/keys.ts";
import { FactKeeper } from "./fact_keeper.ts";
import { LONGEST_FACTS, unpackFacts } from "./fact_row.ts";
import type { LiveIndex } from "./folder_state.ts";
import { FreshFacts } from "./fresh_facts.ts";
import { type MailObject, objectRow } from "./object_row.ts";
import type { StoredFolders } from "./stored_folders.ts";

/** Makes facts. */
export interface FactMaker {
  /** Of a message's octets; in an array: all of them are in memory. */
  make(pieces: AsyncIterable<Uint8Array> | readonly Uint8Array[]): Promise<Uint8Array>;
  /** False: they were made by an older program, and have to be made anew. */
  isGood(facts: Uint8Array): boolean;
}

/** Rows of facts that are kept in memory. */
const KEPT = 16;
/** Rows that are read ahead of what is asked for. */
const ROWS_AT_ONCE = 8;
/** Of a larger message they are made when they are asked for. */
const SMALL = 128 * 1024;
/** So many octets of messages may wait for their facts to be made. */
const MOST_WAITING = 1024 * 1024;

/** The facts of one mailbox. */
export class FolderFacts {
  readonly #folders: StoredFolders;
  readonly #maker: () => FactMaker | undefined;
  readonly #keeper: FactKeeper;
  readonly #fresh: FreshFacts;
  /** Octets of new messages whose facts are being made. */
  #waiting = 0;
  #gathers = false;
  /** The facts of some rows of objects. */
  readonly #rows = new Map<number, Map<number, Uint8Array>>();
  #loading: Promise<void> = Promise.resolve();
  /** Rows are filled one after the other. */
  #filling: Promise<void> = Promise.resolve();

  /** `maker` may be known later only. */
  constructor(folders: StoredFolders, maker: () => FactMaker | undefined) {
    this.#folders = folders;
    this.#maker = maker;
    this.#keeper = new FactKeeper(folders.source.store, folders.address);
    this.#fresh = new FreshFacts(this.#keeper, folders.source.clock, (kept) => {
      // a row that was read before they were there
      for (const [object, facts] of kept) this.#rows.get(objectRow(object))?.set(object, facts);
    });
  }

  /**
   * Makes the facts of messages of which a commit is on its way, while that is; `placed` says which they are when it is
   * done. Never rejects: what is not made now is made when it is asked for.
   */
  async makeNew(
    contents: readonly (Uint8Array | undefined)[],
    placed: Promise<readonly number[]>,
  ): Promise<void> {
    const maker = this.#maker();
    const octets = contents.reduce((sum, one) => sum + (one?.length ?? 0), 0);
    if (!maker || this.#waiting + octets > MOST_WAITING) return;
    this.#waiting += octets;
    try {
      await eventTurn(); // the commit goes first
      const made: (Uint8Array | undefined)[] = [];
      for (const one of contents) made.push(one && one.length <= SMALL ? await maker.make([one]) : undefined);
      for (const [i, object] of (await placed).entries()) if (made[i]) this.#fresh.add(object, made[i]);
    } catch {
      // who asks for them hears of what is wrong
    } finally {
      this.#waiting -= octets;
      if (!this.#gathers) this.#fresh.flush();
    }
  }

  /** True: facts of new messages may wait for more before they go into the store, until {@linkcode flush}. */
  gather(on: boolean): void {
    this.#gathers = on;
    if (!on) this.#fresh.flush();
  }

  /** Do facts of new messages wait, or are some being made? */
  get areWaiting(): boolean {
    return this.#fresh.areWaiting || this.#waiting > 0;
  }

  /** Sends facts that wait to the store. */
  flush(): void {
    this.#fresh.flush();
  }

  /** Makes the facts of objects, as far as these are there and have none. Rejects when the store fails. */
  async make(objects: readonly number[]): Promise<void> {
    if (this.#maker()) await this.#all(new Set(objects.map(objectRow)), objects);
  }

  /** Resolves when nothing waits to be kept in the store. */
  async idle(): Promise<void> {
    await this.#keeper.idle();
  }

  /** Keeps nothing in memory. */
  forget(): void {
    this.#rows.clear();
  }

  /** The facts of the messages at some places. Throws `BodyMissing` where one is gone. */
  async *of(index: LiveIndex, places: ArrayLike<number>): AsyncGenerator<Uint8Array> {
    const wanted = Array.from(places, (place) => ({ object: index.object(place), id: index.id(place) }));
    for (let from = 0; from < wanted.length;) {
      const rows = new Set<number>();
      let to = from;
      for (; to < wanted.length; to++) {
        const n = objectRow(wanted[to]!.object);
        if (!rows.has(n) && rows.size === ROWS_AT_ONCE) break;
        rows.add(n);
      }
      const some = wanted.slice(from, to);
      const found = await this.#all(rows, some.map(({ object }) => object));
      for (const { object, id } of some) {
        const facts = found.get(object);
        if (!facts) throw new BodyMissing(id, "the message is gone");
        yield facts;
      }
      from = to;
    }
  }

  async #all(rows: ReadonlySet<number>, objects: readonly number[]): Promise<Map<number, Uint8Array>> {
    const maker = this.#maker();
    if (!maker) throw new Error("Nobody makes facts of messages here");
    await this.#load(rows);
    const found = new Map<number, Uint8Array>();
    const missing = this.#look(objects, found, maker);
    if (missing.length === 0) return found;
    const filled = this.#filling.then(async () => {
      await this.#load(rows);
      await this.#fill(this.#look(missing, found, maker), found, maker);
    });
    this.#filling = filled.catch(() => {});
    await filled;
    return found;
  }

  /** Puts what is known into `found`; answers what is not. */
  #look(objects: readonly number[], found: Map<number, Uint8Array>, maker: FactMaker): number[] {
    return objects.filter((object) => {
      const facts = this.#rows.get(objectRow(object))?.get(object) ?? this.#fresh.get(object);
      if (!facts || !maker.isGood(facts)) return true;
      found.set(object, facts);
      return false;
    });
  }

  /** One after the other: a row that is here was read to its end. */
  async #load(wanted: ReadonlySet<number>): Promise<void> {
    const loaded = this.#loading.then(() => this.#loadNow(wanted));
    this.#loading = loaded.catch(() => {});
    await loaded;
  }

  async #loadNow(wanted: ReadonlySet<number>): Promise<void> {
    const { address, source: { store: { kv } } } = this.#folders;
    const missing = [...wanted].filter((n) => !this.#rows.has(n)).sort((a, b) => a - b);
    for (let i = 0; i < missing.length;) {
      let end = i + 1;
      while (end < missing.length && missing[end] === missing[end - 1]! + 1) end++;
      const range = {
        start: keys.mailFacts(address, missing[i]!, 0),
        end: keys.mailFacts(address, missing[end - 1]! + 1, 0),
      };
      for (const n of missing.slice(i, end)) this.#rows.set(n, new Map());
      for await (const { key, value } of kv.list<Uint8Array>(range, { batchSize: ROWS_AT_ONCE })) {
        const row = this.#rows.get(key[2] as number);
        if (!row) continue;
        for (const [object, facts] of unpackFacts(value)) row.set(object, facts);
      }
      i = end;
    }
    for (const n of wanted) {
      const row = this.#rows.get(n)!;
      this.#rows.delete(n);
      this.#rows.set(n, row);
    }
    while (this.#rows.size > KEPT) this.#rows.delete(this.#rows.keys().next().value!);
  }

  /** Makes the facts of some objects, and keeps them. */
  async #fill(objects: readonly number[], found: Map<number, Uint8Array>, maker: FactMaker): Promise<void> {
    if (objects.length === 0) return;
    const { rows, source: { store: { kv } } } = this.#folders;
    const known = await rows.objects(objects.map(objectRow));
    const there = [...new Set(objects)].flatMap((number) => {
      const object = known.get(objectRow(number))!.get(number);
      return object ? [{ number, object }] : [];
    });
    const small = await readSmallBodies(kv, there.map(({ object }) => object.body));
    const made = new Map<number, Map<number, Uint8Array>>();
    for (const [i, { number, object }] of there.entries()) {
      const { prefix } = object;
      const octets = small[i];
      const facts = await maker.make(
        octets ? prefix === "" ? [octets] : [encode(prefix), octets] : this.#pieces(object),
      );
      found.set(number, facts);
      if (facts.length > LONGEST_FACTS) continue;
      const n = objectRow(number);
      const some = made.get(n);
      if (some) some.set(number, facts);
      else made.set(n, new Map([[number, facts]]));
    }
    for (const [n, facts] of made) {
      const row = this.#rows.get(n);
      for (const [object, one] of facts) row?.set(object, one);
    }
    await this.#keeper.keep(made);
  }

  async *#pieces({ prefix, body }: MailObject): AsyncGenerator<Uint8Array> {
    if (prefix !== "") yield encode(prefix);
    yield* readBody(this.#folders.source.store.kv, body);
  }
}

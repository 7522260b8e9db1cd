/** The keeping of facts that were made: behind who asked for them, those of many messages in one commit. */

import * as keys from "../storage/keys.ts";
import { MAX_KEYS_AT_ONCE } from "../storage/port.ts";
import type { Store } from "../storage/store.ts";
import { FACTS_FULL, packFacts, unpackFacts } from "./fact_row.ts";

/** Facts by row of objects, and in it by object. */
export type FactsByRow = ReadonlyMap<number, ReadonlyMap<number, Uint8Array>>;

/** When so many octets wait to be kept, who makes more waits too. */
const MOST_WAITING = 2 * 1024 * 1024;
/** So many octets go into one commit. */
const COMMIT_OCTETS = 400 * 1024;
/** About what a fact takes beside its octets. */
const PER_FACT = 10;

/** The last part of a row's facts. */
interface LastPart {
  readonly number: number;
  readonly facts: Map<number, Uint8Array>;
  readonly octets: number;
}

/** A part to be written, under the check that its objects are as they were. */
interface Part {
  readonly check: Deno.AtomicCheck;
  readonly key: Deno.KvKey;
  readonly value: Uint8Array;
}

/** Keeps the facts of one mailbox. */
export class FactKeeper {
  readonly #store: Store;
  readonly #address: string;
  #waiting = 0;
  #working: Promise<void> = Promise.resolve();

  /** Of that mailbox, a local key. */
  constructor(store: Store, address: string) {
    this.#store = store;
    this.#address = address;
  }

  /** Keeps facts, sometime; what can't be kept is made again when it is asked for. Resolves when more may be made. */
  async keep(made: FactsByRow): Promise<void> {
    let octets = 0;
    for (const facts of made.values()) for (const one of facts.values()) octets += one.length;
    this.#waiting += octets;
    this.#working = this.#working.then(() => this.#keep(made)).catch(() => {}).finally(() =>
      this.#waiting -= octets
    );
    if (this.#waiting > MOST_WAITING) await this.#working;
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #keep(made: FactsByRow): Promise<void> {
    const rows = [...made.keys()].sort((a, b) => a - b);
    for (let i = 0; i < rows.length; i += MAX_KEYS_AT_ONCE) {
      const some = rows.slice(i, i + MAX_KEYS_AT_ONCE);
      const objects = await this.#store.kv.getMany(some.map((n) => keys.mailObjects(this.#address, n)));
      let parts: Part[] = [];
      let octets = 0;
      for (const [at, n] of some.entries()) {
        const { key, versionstamp } = objects[at]!;
        // facts of a row that is gone would stay for ever
        if (versionstamp === null) continue;
        for (const part of await this.#parts(n, made.get(n)!, { key, versionstamp })) {
          if (octets + part.value.length > COMMIT_OCTETS) {
            await this.#write(parts);
            [parts, octets] = [[], 0];
          }
          parts.push(part);
          octets += part.value.length;
        }
      }
      await this.#write(parts);
    }
  }

  /** What becomes of a row: its last part with more in it, and further ones. */
  async #parts(n: number, made: ReadonlyMap<number, Uint8Array>, check: Deno.AtomicCheck): Promise<Part[]> {
    const last = await this.#last(n);
    const parts: Part[] = [];
    let { number, facts, octets } = last;
    const finish = () => {
      parts.push({ check, key: keys.mailFacts(this.#address, n, number), value: packFacts(facts) });
    };
    for (const [object, one] of made) {
      if (octets + one.length + PER_FACT > FACTS_FULL && facts.size > 0) {
        finish();
        number++;
        [facts, octets] = [new Map(), 1];
      }
      facts.set(object, one);
      octets += one.length + PER_FACT;
    }
    finish();
    return parts;
  }

  async #last(n: number): Promise<LastPart> {
    const selector = keys.mailFactsOfRow(this.#address, n);
    for await (
      const { key, value } of this.#store.kv.list<Uint8Array>(selector, { reverse: true, limit: 1 })
    ) {
      return { number: key[3] as number, facts: new Map(unpackFacts(value)), octets: value.length };
    }
    return { number: 0, facts: new Map(), octets: 1 };
  }

  /** In one commit; when the objects of one row are others by now, each row for itself. */
  async #write(parts: readonly Part[]): Promise<void> {
    if (parts.length === 0) return;
    const mutations = parts.map(({ key, value }) => ({ type: "set" as const, key, value }));
    const checks = [...new Set(parts.map(({ check }) => check))];
    const size = parts.reduce((sum, { value }) => sum + value.length + 300, 0);
    const { ok } = await this.#store.write({ checks, mutations, size });
    if (ok || checks.length === 1) return;
    for (const check of checks) await this.#write(parts.filter((part) => part.check === check));
  }
}

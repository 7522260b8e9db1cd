/** The rows of objects and copies of one mailbox: read when needed, the last ones kept. */

import * as keys from "../storage/keys.ts";
import { type Kv, MAX_KEYS_AT_ONCE } from "../storage/port.ts";
import { type Copies, copyRow, ONE, packCopies, unpackCopies } from "./copy_row.ts";
import { undamaged } from "./damage.ts";
import { type MailObject, type ObjectRow, objectRow, packObjects, unpackObjects } from "./object_row.ts";

/** How many rows of each kind are kept. */
const KEPT = 64;

/** Rows as they are in the store. */
export class PackedRows {
  readonly #kv: Kv;
  readonly #address: string;
  readonly #objects = new Map<number, ObjectRow>();
  readonly #copies = new Map<number, ReadonlyMap<number, Copies>>();
  #age = 0;

  /** Of that mailbox, a local key. */
  constructor(kv: Kv, address: string) {
    this.#kv = kv;
    this.#address = address;
  }

  /** The objects of some rows. */
  async objects(wanted: Iterable<number>): Promise<Map<number, ObjectRow>> {
    const found = new Map<number, ObjectRow>();
    const missing: number[] = [];
    for (const n of new Set(wanted)) {
      const kept = this.#objects.get(n);
      if (kept) found.set(n, kept);
      else missing.push(n);
    }
    const age = this.#age;
    await Promise.all(
      chunksOf(missing).map(async (some) => {
        const entries = await this.#kv.getMany<Uint8Array[]>(
          some.map((n) => keys.mailObjects(this.#address, n)),
        );
        for (const [i, { value }] of entries.entries()) {
          const row = value
            ? undamaged(this.#address, () => unpackObjects(value))
            : new Map<number, MailObject>();
          found.set(some[i]!, row);
          if (age === this.#age) keep(this.#objects, some[i]!, row);
        }
      }),
    );
    return found;
  }

  /** One object; undefined: it is gone. */
  async object(object: number): Promise<MailObject | undefined> {
    const n = objectRow(object);
    return (await this.objects([n])).get(n)!.get(object);
  }

  /** A row of copies. */
  async copies(n: number): Promise<ReadonlyMap<number, Copies>> {
    const kept = this.#copies.get(n);
    if (kept) return kept;
    const age = this.#age;
    const { value } = await this.#kv.get<Uint8Array>(keys.mailCopies(this.#address, n));
    const row = value ? undamaged(this.#address, () => unpackCopies(value)) : new Map<number, Copies>();
    if (age === this.#age) keep(this.#copies, n, row);
    return row;
  }

  /** Rows are others now. What is being read meanwhile is not kept. */
  renew(
    objects: ReadonlyMap<number, ObjectRow>,
    copies: ReadonlyMap<number, ReadonlyMap<number, Copies>>,
  ): void {
    this.#age++;
    for (const [n, row] of objects) keep(this.#objects, n, row);
    for (const [n, row] of copies) keep(this.#copies, n, row);
  }

  /** Keeps nothing. */
  forget(): void {
    this.#age++;
    this.#objects.clear();
    this.#copies.clear();
  }
}

function keep<T>(rows: Map<number, T>, n: number, row: T): void {
  rows.delete(n);
  rows.set(n, row);
  if (rows.size > KEPT) rows.delete(rows.keys().next().value!);
}

function chunksOf(numbers: readonly number[]): number[][] {
  const chunks: number[][] = [];
  for (let i = 0; i < numbers.length; i += MAX_KEYS_AT_ONCE) {
    chunks.push(numbers.slice(i, i + MAX_KEYS_AT_ONCE));
  }
  return chunks;
}

/** The rows as they will be when a batch is durable. */
export class RowDrafts {
  readonly #rows: PackedRows;
  readonly #objects = new Map<number, Map<number, MailObject>>();
  readonly #copies = new Map<number, Map<number, Copies>>();
  readonly #changed = new Set<Map<number, unknown>>();

  /** On top of those of the store. */
  constructor(rows: PackedRows) {
    this.#rows = rows;
  }

  /** How many rows will be written. */
  get size(): number {
    return this.#changed.size;
  }

  /** Sets an object whose row was made ready. */
  setObject(number: number, object: MailObject): void {
    this.#objectRow(number).set(number, object);
  }

  /** Makes the rows of these objects ready to be changed. */
  async readyObjects(numbers: Iterable<number>): Promise<void> {
    const wanted = [...new Set([...numbers].map(objectRow))].filter((n) => !this.#objects.has(n));
    const rows = await this.#rows.objects(wanted);
    for (const n of wanted) this.#objects.set(n, new Map(rows.get(n)!));
  }

  /** An object as it will be; its row was made ready. */
  object(number: number): MailObject | undefined {
    return this.#objects.get(objectRow(number))!.get(number);
  }

  /** Takes an object away whose row was made ready; answers whether the row is empty then. */
  deleteObject(number: number): boolean {
    const row = this.#objectRow(number);
    row.delete(number);
    return row.size === 0;
  }

  /** Makes the rows of the copies of these objects ready to be changed. */
  async readyCopies(numbers: Iterable<number>): Promise<void> {
    for (const n of new Set([...numbers].map(copyRow))) {
      if (!this.#copies.has(n)) this.#copies.set(n, new Map(await this.#rows.copies(n)));
    }
  }

  /** The copies of an object; their row was made ready. */
  copies(object: number): Copies {
    return this.#copies.get(copyRow(object))!.get(object) ?? ONE;
  }

  /** Says how many there are; undefined: the object is gone. */
  setCopies(object: number, copies: Copies | undefined): void {
    const row = this.#copies.get(copyRow(object))!;
    if (!copies && !row.has(object)) return;
    this.#changed.add(row);
    if (copies) row.set(object, copies);
    else row.delete(object);
  }

  /** What writes them. */
  mutations(address: string): Deno.KvMutation[] {
    const mutations: Deno.KvMutation[] = [];
    for (const [n, row] of this.#objects) {
      if (!this.#changed.has(row)) continue;
      const key = keys.mailObjects(address, n);
      mutations.push(
        row.size === 0 ? { type: "delete", key } : { type: "set", key, value: packObjects(row) },
      );
    }
    for (const [n, row] of this.#copies) {
      if (!this.#changed.has(row)) continue;
      const key = keys.mailCopies(address, n);
      mutations.push(row.size === 0 ? { type: "delete", key } : { type: "set", key, value: packCopies(row) });
    }
    return mutations;
  }

  /** They are durable. */
  publish(): void {
    this.#rows.renew(this.#objects, this.#copies);
  }

  #objectRow(number: number): Map<number, MailObject> {
    const row = this.#objects.get(objectRow(number))!;
    this.#changed.add(row);
    return row;
  }
}

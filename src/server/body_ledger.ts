/** The ledger of bodies in a check of the store: which chunks there are, and who owns them. */

import { type BodyMark, CHUNK_SIZE, deleteChunks } from "../storage/bodies/layout.ts";
import type { BodyRef } from "../storage/bodies/bodies.ts";
import * as keys from "../storage/keys.ts";
import { isU64, type Kv, u64 } from "../storage/port.ts";
import { packObjects, unpackObjects } from "../mailbox/object_row.ts";
import type { ReportFinding } from "./store_findings.ts";

/** One body. */
interface StoredBody {
  /** How many chunks there are, and the number of the last one. */
  chunks: number;
  last: number;
  size: number;
  /** Octets of the first chunk. */
  first: number;
  /** A chunk between the first and the last one that is not full. */
  uneven: boolean;
  /** All but the first chunk is in a file: the octets that it has to have, and those that it has. */
  file: { readonly wanted: number; readonly found: number | undefined } | undefined;
  mark: BodyMark | undefined;
  counter: bigint | undefined;
  /** Where in the list of bodies whose owners are counted again it is: the chunks that are named there. */
  recounts: number[];
  owners: number;
  /** Owners that say it is shared. */
  sharedOwners: number;
  /** The records that say they own it alone. */
  alone: Deno.KvKey[];
}

/** So many are deleted at once; more are left to the sweeper of the next start. */
const FEW_CHUNKS = 64;

/** All bodies of a store. */
export class BodyLedger {
  readonly #bodies = new Map<string, StoredBody>();

  /** How many bodies have a chunk. */
  get size(): number {
    let count = 0;
    for (const { chunks } of this.#bodies.values()) if (chunks > 0) count++;
    return count;
  }

  /** Reads all chunks, counters and marks. */
  async read(kv: Kv): Promise<void> {
    for await (const { key, value } of kv.list<unknown>(keys.bodies, { batchSize: 100 })) {
      const body = this.#body(key[1] as string);
      const n = key[2] as number;
      if (isU64(value)) {
        const id = key[1] as string;
        body.file = { wanted: Number(value.value), found: await kv.files?.size(id) };
        body.size += body.file.found ?? 0;
        body.last = n;
        continue;
      }
      const size = value instanceof Uint8Array ? value.length : 0;
      // chunks come in order, so the one before was not the last one; the first may hold what came last alone
      if (body.chunks > 1 && body.size !== body.first + (body.chunks - 1) * CHUNK_SIZE) body.uneven = true;
      if (body.chunks++ === 0) body.first = size;
      body.last = n;
      body.size += size;
    }
    for await (const { key, value } of kv.list<BodyMark>(keys.bodiesPending)) {
      this.#body(key[1] as string).mark = value;
    }
    for await (const { key, value } of kv.list<Deno.KvU64>(keys.bodiesRefs)) {
      this.#body(key[1] as string).counter = value.value;
    }
    for await (const { key } of kv.list(keys.bodiesRecount)) {
      this.#body(key[1] as string).recounts.push(key[2] as number);
    }
  }

  /** What a record's body lacks, in words; undefined when it is whole. */
  lacks(ref: BodyRef): string | undefined {
    const { chunks, last, size, uneven, file } = this.#bodies.get(ref.id) ?? NOTHING;
    if (file && chunks === 1 && last === 1) {
      if (file.found === undefined) return "its file is missing";
      if (size === ref.size && file.found === file.wanted) return undefined;
    } else if (chunks < ref.chunks || last !== ref.chunks - 1) {
      return `${chunks} of ${ref.chunks} parts are there`;
    }
    if (size === ref.size && !uneven) return undefined;
    return `${size} of ${ref.size} bytes are there`;
  }

  /** The record at that key owns a body. */
  own(ref: BodyRef, key: Deno.KvKey): void {
    const body = this.#body(ref.id);
    body.owners++;
    if (ref.shared) body.sharedOwners++;
    else body.alone.push(key);
  }

  /** Every body has the owners that its counter says, or is on its way out. */
  async check(kv: Kv, report: ReportFinding): Promise<void> {
    for (const [id, body] of this.#bodies) {
      if (body.owners === 0) await orphan(id, body, report);
      else await owned({ id, body, kv }, report);
    }
  }

  #body(id: string): StoredBody {
    let body = this.#bodies.get(id);
    if (!body) this.#bodies.set(id, body = { ...NOTHING, recounts: [], alone: [] });
    return body;
  }
}

const NOTHING: StoredBody = {
  chunks: 0,
  last: -1,
  first: 0,
  size: 0,
  uneven: false,
  file: undefined,
  mark: undefined,
  counter: undefined,
  recounts: [],
  owners: 0,
  sharedOwners: 0,
  alone: [],
};

async function orphan(id: string, body: StoredBody, report: ReportFinding): Promise<void> {
  // a mark, or a counter at 0 that is looked at again: the next start removes it
  if (body.mark && body.counter === undefined && body.last < body.mark.chunks) return;
  if (body.counter === 0n && body.recounts.length > 0) return;
  if (body.chunks === 0 && body.counter === undefined && !body.mark) return; // a recount of nothing ends by itself
  const size = body.chunks === 0 ? "a counter without a body" : `${body.size} bytes`;
  const mark: BodyMark = { at: 0, chunks: Math.max(body.last + 1, body.mark?.chunks ?? 0) };
  await report({ where: `body ${id}`, what: `Nobody owns it (${size}); --repair removes it` }, [
    ...(mark.chunks <= FEW_CHUNKS && !body.file
      ? [...deleteChunks(id, 0, mark.chunks), { type: "delete" as const, key: keys.bodyPending(id) }]
      : [{ type: "set" as const, key: keys.bodyPending(id), value: mark }]),
    { type: "delete", key: keys.bodyRefs(id) },
    ...body.recounts.map((chunks) => ({ type: "delete" as const, key: keys.bodyRecount(id, chunks) })),
  ]);
}

async function owned(
  { id, body, kv }: { id: string; body: StoredBody; kv: Kv },
  report: ReportFinding,
): Promise<void> {
  const where = `body ${id}`;
  if (body.mark) {
    await report({ where, what: "It has an owner, and a mark that would let it be removed" }, [
      { type: "delete", key: keys.bodyPending(id) },
    ]);
  }
  const { owners, sharedOwners, counter } = body;
  const isSingle = owners === 1 && sharedOwners === 0;
  if (isSingle && counter === undefined) return;
  if (sharedOwners === owners && counter === BigInt(owners)) return;
  const counted = counter === undefined ? "nothing is counted" : `${counter} are counted`;
  const fault = {
    where,
    what: `It has ${owners} owners, ${owners - sharedOwners} of them alone, and ${counted}`,
  };
  if (isSingle) return await report(fault, [{ type: "delete", key: keys.bodyRefs(id) }]);
  const repair: Deno.KvMutation[] = [
    { type: "set", key: keys.bodyRefs(id), value: u64(owners) },
  ];
  for (const key of body.alone) {
    const { value } = await kv.get<{ readonly body: BodyRef } | Uint8Array>(key);
    if (value instanceof Uint8Array) repair.push({ type: "set", key, value: sharing(value, id) });
    else if (value) {
      repair.push({ type: "set", key, value: { ...value, body: { ...value.body, shared: true } } });
    }
  }
  await report(fault, repair);
}

/** A packed row of message objects, with those that own a body saying that it is shared. */
function sharing(row: Uint8Array, id: string): Uint8Array {
  const objects = unpackObjects(row);
  for (const [number, object] of objects) {
    if (object.body.id === id) objects.set(number, { ...object, body: { ...object.body, shared: true } });
  }
  return packObjects(objects);
}

/** The ledger of bodies in a check of the store: which chunks there are, and who owns them. */

import { type BodyMark, CHUNK_SIZE, deleteChunks } from "../storage/bodies/layout.ts";
import type { BodyRef } from "../storage/bodies/bodies.ts";
import * as keys from "../storage/keys.ts";
import { type Kv, u64 } from "../storage/port.ts";
import type { ReportFinding } from "./store_findings.ts";

/** One text. */
interface Text {
  /** How many chunks there are, and the number of the last one. */
  chunks: number;
  last: number;
  size: number;
  /** A chunk before the last one that is not full. */
  uneven: boolean;
  mark: BodyMark | undefined;
  counter: bigint | undefined;
  /** Where in the list of texts whose owners are counted again it is: the chunks that are told there. */
  recounts: number[];
  owners: number;
  /** Owners that say it is shared. */
  sharedOwners: number;
  /** The records that say they own it alone. */
  alone: Deno.KvKey[];
}

/** So many are deleted at once; more are left to the sweeper of the next start. */
const FEW_CHUNKS = 64;

/** All texts of a store. */
export class BodyLedger {
  readonly #texts = new Map<string, Text>();

  /** How many texts have a chunk. */
  get size(): number {
    let count = 0;
    for (const { chunks } of this.#texts.values()) if (chunks > 0) count++;
    return count;
  }

  /** Reads all chunks, counters and marks. */
  async read(kv: Kv): Promise<void> {
    for await (const { key, value } of kv.list<Uint8Array>(keys.bodies, { batchSize: 100 })) {
      const text = this.#text(key[1] as string);
      const n = key[2] as number;
      const size = value instanceof Uint8Array ? value.length : 0;
      // chunks come in order, so the one before was not the last one
      if (text.chunks > 0 && text.size !== text.chunks * CHUNK_SIZE) text.uneven = true;
      text.chunks++;
      text.last = n;
      text.size += size;
    }
    for await (const { key, value } of kv.list<BodyMark>(keys.bodiesPending)) {
      this.#text(key[1] as string).mark = value;
    }
    for await (const { key, value } of kv.list<Deno.KvU64>(keys.bodiesRefs)) {
      this.#text(key[1] as string).counter = value.value;
    }
    for await (const { key } of kv.list(keys.bodiesRecount)) {
      this.#text(key[1] as string).recounts.push(key[2] as number);
    }
  }

  /** What a record's text lacks, in words; undefined when it is whole. */
  lacks(ref: BodyRef): string | undefined {
    const { chunks, last, size, uneven } = this.#texts.get(ref.id) ?? NOTHING;
    if (chunks < ref.chunks || last !== ref.chunks - 1) return `${chunks} of ${ref.chunks} parts are there`;
    if (size === ref.size && !uneven) return undefined;
    return `${size} of ${ref.size} bytes are there`;
  }

  /** The record at that key owns a text. */
  own(ref: BodyRef, key: Deno.KvKey): void {
    const text = this.#text(ref.id);
    text.owners++;
    if (ref.shared) text.sharedOwners++;
    else text.alone.push(key);
  }

  /** Every text has the owners that its counter tells, or is on its way out. */
  async check(kv: Kv, tell: ReportFinding): Promise<void> {
    for (const [id, text] of this.#texts) {
      if (text.owners === 0) await orphan(id, text, tell);
      else await owned({ id, text, kv }, tell);
    }
  }

  #text(id: string): Text {
    let text = this.#texts.get(id);
    if (!text) this.#texts.set(id, text = { ...NOTHING, recounts: [], alone: [] });
    return text;
  }
}

const NOTHING: Text = {
  chunks: 0,
  last: -1,
  size: 0,
  uneven: false,
  mark: undefined,
  counter: undefined,
  recounts: [],
  owners: 0,
  sharedOwners: 0,
  alone: [],
};

async function orphan(id: string, text: Text, tell: ReportFinding): Promise<void> {
  // a mark, or a counter at 0 that is looked at again: the next start removes it
  if (text.mark && text.counter === undefined && text.last < text.mark.chunks) return;
  if (text.counter === 0n && text.recounts.length > 0) return;
  if (text.chunks === 0 && text.counter === undefined && !text.mark) return; // a recount of nothing ends by itself
  const size = text.chunks === 0 ? "a counter without a text" : `${text.size} bytes`;
  const mark: BodyMark = { at: 0, chunks: Math.max(text.last + 1, text.mark?.chunks ?? 0) };
  await tell({ where: `text ${id}`, what: `Nobody owns it (${size}); --repair removes it` }, [
    ...(mark.chunks <= FEW_CHUNKS
      ? [...deleteChunks(id, 0, mark.chunks), { type: "delete" as const, key: keys.bodyPending(id) }]
      : [{ type: "set" as const, key: keys.bodyPending(id), value: mark }]),
    { type: "delete", key: keys.bodyRefs(id) },
    ...text.recounts.map((chunks) => ({ type: "delete" as const, key: keys.bodyRecount(id, chunks) })),
  ]);
}

async function owned(
  { id, text, kv }: { id: string; text: Text; kv: Kv },
  tell: ReportFinding,
): Promise<void> {
  const where = `text ${id}`;
  if (text.mark) {
    await tell({ where, what: "It has an owner, and a mark that would let it be removed" }, [
      { type: "delete", key: keys.bodyPending(id) },
    ]);
  }
  const { owners, sharedOwners, counter } = text;
  const isSingle = owners === 1 && sharedOwners === 0;
  if (isSingle && counter === undefined) return;
  if (sharedOwners === owners && counter === BigInt(owners)) return;
  const told = counter === undefined ? "nothing is counted" : `${counter} are counted`;
  const fault = {
    where,
    what: `It has ${owners} owners, ${owners - sharedOwners} of them alone, and ${told}`,
  };
  if (isSingle) return await tell(fault, [{ type: "delete", key: keys.bodyRefs(id) }]);
  const repair: Deno.KvMutation[] = [
    { type: "set", key: keys.bodyRefs(id), value: u64(owners) },
  ];
  for (const key of text.alone) {
    const { value } = await kv.get<{ readonly body: BodyRef }>(key);
    if (value) repair.push({ type: "set", key, value: { ...value, body: { ...value.body, shared: true } } });
  }
  await tell(fault, repair);
}

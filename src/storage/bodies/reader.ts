/** The reader of bodies, with never more than a few chunks in memory. */

import { readDense } from "../dense_read.ts";
import type { Kv } from "../port.ts";
import { type BodyRef, CHUNK_SIZE } from "./layout.ts";
import * as keys from "../keys.ts";

/** Chunks read in one go; as many again are read ahead while these are used: 240 KiB in all. */
const AT_ONCE = 2;

/** A body is not, or not wholly, in the store: it was deleted meanwhile, or the store is damaged. */
export class BodyMissing extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "BodyMissing";

  /** `what` says what was found. */
  constructor(readonly id: string, what: string) {
    super(`The body of ${id} is not in the store: ${what}.`);
  }
}

/**
 * The body from an octet on, in order, in pieces of at most 60 KiB.
 * @throws {BodyMissing} when a chunk is missing, or the chunks together have another size than the ref says.
 */
export async function* readBody(kv: Kv, ref: BodyRef, from = 0): AsyncGenerator<Uint8Array> {
  let left = ref.size;
  function checked(n: number, bytes: Uint8Array | null): Uint8Array {
    if (bytes === null) throw new BodyMissing(ref.id, `chunk ${n} of ${ref.chunks} is missing`);
    left -= bytes.length;
    if (n < ref.chunks - 1 || left === 0) return bytes;
    throw new BodyMissing(ref.id, `its chunks have ${ref.size - left} bytes instead of ${ref.size}`);
  }

  let start = 0;
  let skip = 0;
  if (ref.chunks === 1 || from > 0) {
    const one = checked(0, (await kv.get<Uint8Array>(keys.body(ref.id, 0))).value);
    if (from < one.length) yield from === 0 ? one : one.subarray(from);
    if (ref.chunks === 1) return;
    // the first one may be of any size; all behind it but the last are full
    const beyond = Math.max(0, from - one.length);
    const passed = Math.min(Math.floor(beyond / CHUNK_SIZE), ref.chunks - 1);
    left -= passed * CHUNK_SIZE;
    start = 1 + passed;
    skip = beyond - passed * CHUNK_SIZE;
    if (start >= ref.chunks) return;
  }
  let ahead = readChunks(kv, ref, start);
  try {
    for (let first = start; first < ref.chunks; first += AT_ONCE) {
      const values = await ahead;
      ahead = readChunks(kv, ref, first + AT_ONCE);
      for (let i = 0; i < values.length; i++) {
        const bytes = checked(first + i, values[i]!);
        if (skip < bytes.length) yield skip === 0 ? bytes : bytes.subarray(skip);
        skip = Math.max(0, skip - bytes.length);
      }
    }
  } finally {
    await ahead.catch(() => {}); // who stops early leaves no read behind
  }
}

/** The bodies of one chunk, many in few reads; undefined where {@linkcode readBody} has to be asked. */
export async function readSmallBodies(
  kv: Kv,
  refs: readonly BodyRef[],
): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
  const ids = refs.filter(({ chunks }) => chunks === 1).map(({ id }) => id);
  if (ids.length === 0) return refs.map(() => undefined);
  const found = await readDense<Uint8Array<ArrayBuffer>>(kv, {
    wanted: new Map(ids.map((id) => [id, keys.body(id, 0)])),
    range: keys.bodiesBetween(ids.reduce(least), ids.reduce(greatest)),
    nameOf: (key) => key[2] === 0 ? key[1] as string : "",
  });
  return refs.map(({ id, size }) => {
    const bytes = found.get(id);
    return bytes?.length === size ? bytes : undefined;
  });
}

function least(a: string, b: string): string {
  return a < b ? a : b;
}

function greatest(a: string, b: string): string {
  return a > b ? a : b;
}

function readChunks(kv: Kv, ref: BodyRef, first: number): Promise<(Uint8Array | null)[]> {
  const end = Math.min(first + AT_ONCE, ref.chunks);
  const wanted: Deno.KvKey[] = [];
  for (let n = first; n < end; n++) wanted.push(keys.body(ref.id, n));
  if (wanted.length === 0) return Promise.resolve([]);
  const values = kv.getMany<Uint8Array[]>(wanted).then((entries) => entries.map((entry) => entry.value));
  values.catch(() => {}); // it may fail before its turn comes; who awaits it then hears of that
  return values;
}

/** The reader of bodies, with never more than a few chunks in memory. */

import { readDense } from "../dense_read.ts";
import { isU64, type Kv } from "../port.ts";
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
 * The body from an octet on, in order, in pieces of at most 60 KiB; each is read when, or shortly before, it is asked for.
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
    if (kv.files && beyond >= CHUNK_SIZE) {
      const size = (await kv.get(keys.body(ref.id, 1))).value;
      if (isU64(size)) return yield* readFile(kv, ref, { size, left, skip: beyond });
    }
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
        const value = values[i];
        if (first + i === 1 && isU64(value)) return yield* readFile(kv, ref, { size: value, left, skip });
        const bytes = checked(first + i, value as Uint8Array | null);
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
    const bytes = found.get(id)?.value;
    return bytes?.length === size ? bytes : undefined;
  });
}

function least(a: string, b: string): string {
  return a < b ? a : b;
}

function greatest(a: string, b: string): string {
  return a > b ? a : b;
}

/** What comes behind the first chunk of a body in a file of that size, but for the octets that are skipped. */
async function* readFile(
  kv: Kv,
  ref: BodyRef,
  { size, left, skip }: { size: Deno.KvU64; left: number; skip: number },
): AsyncGenerator<Uint8Array> {
  if (size.value !== BigInt(left)) {
    throw new BodyMissing(ref.id, `its file has ${size.value} bytes instead of ${left}`);
  }
  if (skip >= left) return;
  const file = await kv.files?.open(ref.id);
  if (!file) throw new BodyMissing(ref.id, "its file is missing");
  let ahead: Promise<Uint8Array> | undefined;
  try {
    if (skip > 0) await file.seek(skip, Deno.SeekMode.Start);
    left -= skip;
    ahead = readPiece(file, left);
    while (left > 0) {
      const piece = await ahead;
      left -= piece.length;
      if (piece.length === 0) throw new BodyMissing(ref.id, `its file is ${left} bytes too short`);
      ahead = readPiece(file, left);
      yield piece;
    }
  } finally {
    await ahead?.catch(() => {}); // who stops early leaves no read behind
    file.close();
  }
}

/** The next piece; empty at the end. */
function readPiece(file: Deno.FsFile, left: number): Promise<Uint8Array> {
  if (left === 0) return Promise.resolve(new Uint8Array());
  const buffer = new Uint8Array(Math.min(CHUNK_SIZE, left));
  const piece = file.read(buffer).then((length) => buffer.subarray(0, length ?? 0));
  piece.catch(() => {}); // who awaits it hears of that
  return piece;
}

function readChunks(kv: Kv, ref: BodyRef, first: number): Promise<unknown[]> {
  const end = Math.min(first + AT_ONCE, ref.chunks);
  const wanted: Deno.KvKey[] = [];
  for (let n = first; n < end; n++) wanted.push(keys.body(ref.id, n));
  if (wanted.length === 0) return Promise.resolve([]);
  const values = kv.getMany<unknown[]>(wanted).then((entries) => entries.map((entry) => entry.value));
  values.catch(() => {}); // it may fail before its turn comes; who awaits it then hears of that
  return values;
}

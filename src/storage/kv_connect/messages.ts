/** The messages of KV Connect (`datapath.proto`, version 3), as far as they are used here. */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { costOf } from "../limits.ts";
import { StorageError } from "../storage_error.ts";
import { ByteWriter, FIELD } from "./byte_writer.ts";
import { decodeKey, encodeKey, type KeyRange, writeKey } from "./key_codec.ts";
import { decodeValue, type EncodedValue, writeValue } from "./value_codec.ts";

/** A range of keys that is asked for. */
export interface ReadRange extends KeyRange {
  readonly limit: number;
  readonly reverse?: boolean;
}

/** An entry as it was sent: who asked for it decodes it, so that one that can't be read is an error of nobody else. */
export interface SentEntry {
  readonly encodedKey: Uint8Array;
  readonly value: EncodedValue;
  readonly versionstamp: string;
}

const MUTATION = { set: 1, delete: 2, sum: 3, max: 4, min: 5 } as const;
const READ_SUCCESS = 1;
const WRITE = { success: 1, checkFailure: 2 } as const;
const { LengthDelimited: BYTES, Varint: VARINT } = WireType;

/** `SnapshotRead`. */
export function snapshotRead(ranges: readonly ReadRange[]): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  for (const { start, end, limit, reverse } of ranges) {
    writer.tag(1, BYTES).fork();
    writer.tag(1, BYTES).bytes(start).tag(2, BYTES).bytes(end).tag(3, VARINT).int32(limit);
    if (reverse) writer.tag(4, VARINT).bool(true);
    writer.join();
  }
  return writer.finish() as Uint8Array<ArrayBuffer>;
}

/** `SnapshotReadOutput`: the entries of each range. */
export function readSnapshot(bytes: Uint8Array): SentEntry[][] {
  const ranges: SentEntry[][] = [];
  let status = 0;
  fields(bytes, {
    1: (reader) => {
      const entries: SentEntry[] = [];
      fields(reader.bytes(), { 1: (inner) => void entries.push(readEntry(inner.bytes())) });
      ranges.push(entries);
    },
    8: (reader) => void (status = reader.int32()),
  });
  mustBe(status, READ_SUCCESS, "read");
  return ranges;
}

/** `AtomicWrite`. Throws a `StorageError` when a value can't be kept. */
export function atomicWrite(
  checks: readonly Deno.AtomicCheck[],
  mutations: readonly Deno.KvMutation[],
): Uint8Array<ArrayBuffer> {
  const to = new ByteWriter(
    64 + costOf({ checks, mutations, size: 0 }).bytes + 64 * (checks.length + mutations.length),
  );
  for (const { key, versionstamp } of checks) {
    const check = to.begin(1);
    addKey(to, key);
    if (versionstamp !== null) {
      const field = to.begin(2);
      to.bytes(Uint8Array.fromHex(versionstamp));
      to.end(field);
    }
    to.end(check);
  }
  for (const mutation of mutations) {
    const field = to.begin(2);
    addKey(to, mutation.key);
    if (mutation.type !== "delete") addValue(to, mutation.value);
    to.byte(FIELD.varint(3));
    to.varint(MUTATION[mutation.type]);
    to.end(field);
  }
  return to.finish();
}

function addKey(to: ByteWriter, key: Deno.KvKey): void {
  const field = to.begin(1);
  writeKey(to, key);
  to.end(field);
}

function addValue(to: ByteWriter, value: unknown): void {
  const field = to.begin(2);
  const data = to.begin(1);
  const encoding = writeValue(to, value);
  to.end(data);
  to.byte(FIELD.varint(2));
  to.varint(encoding);
  to.end(field);
}

/** `AtomicWriteOutput`. */
export function readWritten(bytes: Uint8Array): Deno.KvCommitResult | Deno.KvCommitError {
  let status = 0;
  let versionstamp = "";
  fields(bytes, {
    1: (reader) => void (status = reader.int32()),
    2: (reader) => void (versionstamp = reader.bytes().toHex()),
  });
  if (status === WRITE.checkFailure) return { ok: false };
  mustBe(status, WRITE.success, "write");
  return { ok: true, versionstamp };
}

/** `Watch` of one key. */
export function watchOf(key: Deno.KvKey): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  writer.tag(1, BYTES).fork().tag(1, BYTES).bytes(encodeKey(key)).join();
  return writer.finish() as Uint8Array<ArrayBuffer>;
}

/** `WatchOutput` for one key: what is there, null when nothing is; undefined when it has not changed. */
export function readWatched(bytes: Uint8Array): SentEntry | null | undefined {
  let status = 0;
  let changed = false;
  let entry: SentEntry | null = null;
  fields(bytes, {
    1: (reader) => void (status = reader.int32()),
    2: (reader) =>
      fields(reader.bytes(), {
        1: (inner) => void (changed = inner.bool()),
        2: (inner) => void (entry = readEntry(inner.bytes())),
      }),
  });
  mustBe(status, READ_SUCCESS, "watch");
  return changed ? entry : undefined;
}

function readEntry(bytes: Uint8Array): SentEntry {
  let encodedKey: Uint8Array = new Uint8Array();
  let data: Uint8Array = new Uint8Array();
  let encoding = 0;
  let versionstamp = "";
  fields(bytes, {
    1: (reader) => void (encodedKey = reader.bytes()),
    2: (reader) => void (data = reader.bytes()),
    3: (reader) => void (encoding = reader.int32()),
    4: (reader) => void (versionstamp = reader.bytes().toHex()),
  });
  return { value: { data, encoding }, versionstamp, encodedKey };
}

/** Decodes an entry. */
export function decodeEntry<T>({ encodedKey, value, versionstamp }: SentEntry): Deno.KvEntry<T> {
  return { key: decodeKey(encodedKey), value: decodeValue(value) as T, versionstamp };
}

function fields(bytes: Uint8Array, known: Record<number, (reader: BinaryReader) => void>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const read = known[field];
    if (read) read(reader);
    else reader.skip(type);
  }
}

function mustBe(status: number, expected: number, what: string): void {
  if (status === expected) return;
  throw new StorageError("failed", `The store does not allow to ${what} now (status ${status}).`);
}

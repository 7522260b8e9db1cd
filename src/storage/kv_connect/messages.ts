/** The messages of KV Connect (`datapath.proto`, version 3), as far as they are used here. */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { StorageError } from "../storage_error.ts";
import { decodeKey, encodeKey, type KeyRange } from "./key_codec.ts";
import { decodeValue, type EncodedValue, encodeValue } from "./value_codec.ts";

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
  const writer = new BinaryWriter();
  for (const { key, versionstamp } of checks) {
    writer.tag(1, BYTES).fork().tag(1, BYTES).bytes(encodeKey(key));
    if (versionstamp !== null) writer.tag(2, BYTES).bytes(Uint8Array.fromHex(versionstamp));
    writer.join();
  }
  for (const mutation of mutations) {
    writer.tag(2, BYTES).fork().tag(1, BYTES).bytes(encodeKey(mutation.key));
    if (mutation.type !== "delete") {
      const { data, encoding } = encodeValue(mutation.value);
      writer.tag(2, BYTES).fork();
      writer.tag(1, BYTES).bytes(data).tag(2, VARINT).int32(encoding);
      writer.join();
    }
    writer.tag(3, VARINT).int32(MUTATION[mutation.type]).join();
  }
  return writer.finish() as Uint8Array<ArrayBuffer>;
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

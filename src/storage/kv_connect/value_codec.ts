/** The encoding of values over KV Connect: as Deno's own KV keeps them, so that one database is read alike by both. */

import { Buffer } from "node:buffer";
import { Deserializer, Serializer } from "node:v8";
import { MAX_VALUE_BYTES } from "../limits.ts";
import { isU64 } from "../port.ts";
import { StorageError } from "../storage_error.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { writePlain } from "./plain_values.ts";

/** How a value's bytes are to be read. */
export const ENCODING = { v8: 1, le64: 2, bytes: 3 } as const;

/** A value as it is sent. */
export interface EncodedValue {
  readonly data: Uint8Array;
  readonly encoding: number;
}

/** Writes a value's bytes; answers their encoding. Throws a {@linkcode StorageError} when it can't be kept. */
export function writeValue(to: ByteWriter, value: unknown): number {
  const from = to.at;
  const encoding = write(to, value);
  const size = to.at - from;
  if (size <= MAX_VALUE_BYTES) return encoding;
  throw new StorageError(
    "refused",
    `A value of ${size} bytes is too large: ${MAX_VALUE_BYTES} are the most.`,
  );
}

/** Decodes a value. */
export function decodeValue({ data, encoding }: EncodedValue): unknown {
  if (encoding === ENCODING.bytes) return new Uint8Array(data); // a copy: the rest of the answer is not kept with it
  if (encoding === ENCODING.le64) {
    return new Deno.KvU64(new DataView(data.buffer, data.byteOffset, 8).getBigUint64(0, true));
  }
  if (encoding !== ENCODING.v8) {
    throw new StorageError("failed", `A value has the unknown encoding ${encoding}.`);
  }
  const deserializer = new Deserializer(Buffer.from(data.buffer, data.byteOffset, data.length));
  deserializer.readHeader();
  return deserializer.readValue();
}

function write(to: ByteWriter, value: unknown): number {
  if (value instanceof Uint8Array) {
    to.bytes(value);
    return ENCODING.bytes;
  }
  if (isU64(value)) {
    const data = new Uint8Array(8);
    new DataView(data.buffer).setBigUint64(0, value.value, true);
    to.bytes(data);
    return ENCODING.le64;
  }
  if (!writePlain(to, value)) to.bytes(serialized(value));
  return ENCODING.v8;
}

function serialized(value: unknown): Uint8Array {
  try {
    const serializer = new Serializer();
    serializer.writeHeader();
    serializer.writeValue(value);
    return serializer.releaseBuffer();
  } catch (error) {
    throw new StorageError("refused", `A value can't be kept: ${String(error)}.`, error);
  }
}

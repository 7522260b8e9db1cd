/**
 * The format of a store: what its keys and values mean, and which Deno wrote them. Deno keeps values in the format of
 * its V8, which an older one can't read: so the newest Deno that had the store open is named there in plain bytes, and
 * renews the mark of the format, which an older one then fails to read before it takes any other row for missing.
 */

import { messageOf } from "../base/errors.ts";
import { decode, encode } from "../base/bytes.ts";
import * as keys from "./keys.ts";
import type { Kv } from "./port.ts";
import { StorageError } from "./storage_error.ts";
import type { Writer } from "./write.ts";

/**
 * The version of what the store's keys and values mean:
 * 1. a mailbox is a row for each message;
 * 2. it has folders (`mailbox/stored_folders.ts`), and those rows are arrivals, which get their place in one;
 *    a body may be in a file beside it (`bodies/bodies.ts`).
 */
export const FORMAT = 2;
/** A store of this format or a newer one is brought over. */
const OLDEST = 1;

/** What is looked at. */
interface Marked extends Writer {
  readonly kv: Kv;
}

/** Where the store is, for people, and who hears of errors that do not matter now. */
export interface FormatOptions {
  readonly location: string;
  readonly onError?: ((what: string, error: unknown) => void) | undefined;
  /** Default: the version of this Deno. */
  readonly deno?: string;
}

/**
 * Marks a new store, and looks at the marks of another.
 * @throws {StorageError} when it is no store of this dinopost, or was written by a Deno that this one can't follow.
 */
export async function checkFormat(store: Marked, options: FormatOptions): Promise<void> {
  const { location, onError, deno = Deno.version.deno } = options;
  const written = (await store.kv.get<Uint8Array>(keys.formatWriter)).value;
  const writer = written instanceof Uint8Array ? decode(written) : undefined;
  let format = await read(store, { location, writer, deno }) ?? await mark(store, location);
  if (typeof format === "number" && format >= OLDEST && format < FORMAT) format = await raise(store, format);
  if (format !== FORMAT) throw unknown(location, format);
  if (writer !== undefined && !isNewer(deno, writer)) return;
  try {
    const value = encode(deno);
    await store.write({
      mutations: [{ type: "set", key: keys.formatWriter, value }, {
        type: "set",
        key: keys.format,
        value: FORMAT,
      }],
      size: 100,
    });
  } catch (error) {
    onError?.("The store's format can't be marked now.", error); // on a full disk it is read all the same
  }
}

/** The format; undefined when there is no mark. */
async function read(
  store: Marked,
  of: { location: string; writer: string | undefined; deno: string },
): Promise<unknown> {
  const { location, writer, deno } = of;
  try {
    return (await store.kv.get(keys.format)).value ?? undefined;
  } catch (error) {
    if (writer === undefined || !isNewer(writer, deno)) throw error;
    throw new StorageError(
      "failed",
      `${location} was written by Deno ${writer}, and Deno ${deno} can't read it: run dinopost with Deno ${writer} ` +
        `or newer, or restore a backup of before (${messageOf(error)}).`,
      error,
    );
  }
}

/** Marks a new store; answers the format it has then. */
async function mark(store: Marked, location: string): Promise<unknown> {
  for await (const _ of store.kv.list({ prefix: [] }, { limit: 1 })) {
    // another server may have made the same shared store just now
    const { value } = await store.kv.get(keys.format);
    if (value !== null) return value;
    throw new StorageError("failed", `${location} holds the data of another program: give dinopost its own.`);
  }
  const check = { key: keys.format, versionstamp: null };
  const mutation = { type: "set", key: keys.format, value: FORMAT } as const;
  const written = await store.write({ checks: [check], mutations: [mutation], size: 32 });
  return written.ok ? FORMAT : (await store.kv.get(keys.format)).value;
}

/**
 * Marks an older store with this format, before anything is in it that an older program would misread, and says that it
 * has to be brought over. Answers the format it has then.
 */
async function raise(store: Marked, before: number): Promise<unknown> {
  const { versionstamp } = await store.kv.get(keys.format);
  await store.write({
    checks: [{ key: keys.format, versionstamp }],
    mutations: [
      { type: "set", key: keys.format, value: FORMAT },
      { type: "set", key: keys.formatBefore, value: before },
    ],
    size: 100,
  });
  return (await store.kv.get(keys.format)).value;
}

function unknown(location: string, format: unknown): StorageError {
  return new StorageError(
    "failed",
    typeof format === "number" && format > FORMAT
      ? `${location} has the format ${format} of a newer dinopost; this one knows the format ${FORMAT}: ` +
        `run the newer one, or use another data directory.`
      : `${location} has an unknown format (${String(format)}); this dinopost knows the format ${FORMAT}.`,
  );
}

/** Compares versions of Deno, `2.9.6`. */
function isNewer(a: string, b: string): boolean {
  const [x, y] = [a, b].map((version) => version.split(".").map((part) => Number.parseInt(part, 10)));
  for (let i = 0; i < 3; i++) if (x![i] !== y![i]) return x![i]! > y![i]!;
  return false;
}

/** Whole messages, many after the other, as far as they are small: read in batches, the next one while one is used. */

import { concat, encode } from "../base/bytes.ts";
import { readSmallBodies } from "../storage/bodies/bodies.ts";
import type { LiveIndex } from "./folder_state.ts";
import { objectRow } from "./object_row.ts";
import type { StoredFolders } from "./stored_folders.ts";

/** How many messages one batch has at most, and how many octets, unless its first message alone has more. */
const BATCH_MESSAGES = 64;
const BATCH_OCTETS = 256 * 1024;

interface Wanted {
  readonly object: number;
  readonly size: number;
}

/**
 * The octets of messages, in the order of the places, which are looked up when the first one is asked for; undefined: the
 * message is large, or gone.
 */
export async function* smallTexts(
  folders: StoredFolders,
  index: LiveIndex,
  places: ArrayLike<number>,
): AsyncGenerator<Uint8Array | undefined> {
  const wanted = Array.from(places, (place) => ({ object: index.object(place), size: index.size(place) }));
  let at = 0;
  const next = (): Promise<(Uint8Array | undefined)[]> | undefined => {
    if (at >= wanted.length) return undefined;
    const some = batch(wanted, at);
    at += some.length;
    const read = readBatch(folders, some);
    read.catch(() => {}); // it may fail before its turn comes; who awaits it then hears of that
    return read;
  };
  for (let reading = next(); reading;) {
    const ahead: typeof reading | undefined = next();
    yield* await reading;
    reading = ahead;
  }
}

function batch(wanted: readonly Wanted[], from: number): Wanted[] {
  let to = from;
  for (let octets = 0; to < wanted.length && to - from < BATCH_MESSAGES; to++) {
    octets += wanted[to]!.size;
    if (octets > BATCH_OCTETS && to > from) break;
  }
  return wanted.slice(from, to);
}

async function readBatch(
  folders: StoredFolders,
  wanted: readonly Wanted[],
): Promise<(Uint8Array | undefined)[]> {
  const rows = await folders.rows.objects(wanted.map(({ object }) => objectRow(object)));
  const objects = wanted.map(({ object }) => rows.get(objectRow(object))?.get(object));
  const there = objects.filter((object) => object !== undefined);
  const bodies = await readSmallBodies(folders.source.store.kv, there.map(({ body }) => body));
  let next = 0;
  return objects.map((object) => {
    const body = object && bodies[next++];
    return body && (object.prefix === "" ? body : concat([encode(object.prefix), body]));
  });
}

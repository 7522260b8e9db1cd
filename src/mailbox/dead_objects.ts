/**
 * The letting go of messages whose last place in a folder is gone. Of a few the commit that takes them out of a folder
 * lets the bodies go. Of many it says so in a row of dead objects, and this carries it out, some at a time: the row
 * loses them in the very commit that lets their bodies go, so each is let go once, whenever the process dies.
 */

import { releaseBody } from "../storage/bodies/bodies.ts";
import { expiring } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Limits } from "../storage/limits.ts";
import type { Kv } from "../storage/port.ts";
import { ownersOf } from "./body_owners.ts";
import { DEAD_VERSION, type FolderBatch } from "./folder_batch.ts";
import type { UidRange } from "./folders.ts";
import { type FormerMail, sizeOf } from "./mail_entry.ts";
import { type MailObject, objectRow } from "./object_row.ts";
import { Packer, packRanges, Unpacker, unpackRanges } from "./packing.ts";

/** At most so many objects are let go by one commit, in at most so many rows of them. */
const AT_ONCE = 160;
const ROWS_AT_ONCE = 20;
/** With at most about so many mutations. */
const MUTATIONS_AT_ONCE = 500;
/** A body of more chunks is only marked. */
const SMALL_CHUNKS = 8;
/** So many go together with their placements, as when a client expunges what its user has deleted one by one. */
const FEW = 24;

/** Where the dead are, and what is remembered of them. */
export interface DeadSource {
  readonly kv: Kv;
  readonly limits: Limits;
  /** So long is remembered that a message was there, in milliseconds; 0: not at all. */
  readonly rememberMs: number;
}

/** Lets some go; answers whether there may be more. */
export async function planRelease(batch: FolderBatch, source: DeadSource): Promise<boolean> {
  const { kv, limits } = source;
  const { address, rows } = batch;
  const [row, next] = await Array.fromAsync(kv.list<Uint8Array>(keys.deadObjectsOf(address), { limit: 2 }));
  if (!row) return false;
  const ranges = unpackRanges(new Unpacker(row.value, DEAD_VERSION));
  // each body that is shared may have a check of its own, beside that of the head
  const some = first(ranges, Math.min(AT_ONCE, limits.checks - 1));
  await rows.readyCopies(some);
  await rows.readyObjects(some);
  const done = await letGo(batch, source, some);
  const left = rest(ranges, done);
  if (left.length === 0) batch.mutate({ type: "delete", key: row.key });
  else batch.mutate({ type: "set", key: row.key, value: pack(left) });
  return left.length > 0 || next !== undefined;
}

/**
 * Lets objects go in the very commit that takes their placements away, as far as that is cheap and nobody else's doing
 * can fail it; answers those that are left for {@linkcode planRelease}.
 */
export async function letGoAtOnce(
  batch: FolderBatch,
  source: Omit<DeadSource, "limits">,
  objects: readonly number[],
): Promise<readonly number[]> {
  if (objects.length > FEW) return objects;
  const { rows } = batch;
  await rows.readyCopies(objects);
  await rows.readyObjects(objects);
  const left: number[] = [];
  const some: number[] = [];
  for (const number of objects) {
    // who owns a shared body beside this one may be quicker, and this commit would be made anew
    const waits = rows.object(number)?.body.shared === true;
    (waits ? left : some).push(number);
  }
  const done = await letGo(batch, source, some);
  return [...left, ...some.slice(done)];
}

/** Takes a placement from each object, whose rows are ready; answers how many had their turn. */
async function letGo(
  batch: FolderBatch,
  { kv, rememberMs }: Omit<DeadSource, "limits">,
  numbers: readonly number[],
): Promise<number> {
  const { rows } = batch;
  const gone: MailObject[] = [];
  let done = 0;
  let mutations = 0;
  for (const number of numbers) {
    const { placements, next } = rows.copies(number);
    const object = rows.object(number);
    mutations += 4 + Math.min(SMALL_CHUNKS, object?.body.chunks ?? 0);
    if (mutations > MUTATIONS_AT_ONCE) break;
    done++;
    if (placements > 1) {
      rows.setCopies(number, { placements: placements - 1, next });
      continue;
    }
    rows.setCopies(number, undefined);
    if (!object) continue;
    gone.push(object);
    if (rows.deleteObject(number)) await dropFacts(batch, kv, objectRow(number));
    batch.mutate(...remembered(batch, object, rememberMs));
  }
  const bodies = ownersOf(gone.map(({ body }) => body));
  for (const { ref, owners } of bodies.values()) batch.add(await releaseBody(kv, ref, owners));
  return done;
}

/** The facts of a row of objects that are all gone. */
async function dropFacts(batch: FolderBatch, kv: Kv, n: number): Promise<void> {
  for await (const { key } of kv.list(keys.mailFactsOfRow(batch.address, n), { batchSize: 2 })) {
    batch.mutate({ type: "delete", key });
  }
}

function remembered(batch: FolderBatch, object: MailObject, ms: number): Deno.KvMutation[] {
  if (ms <= 0) return [];
  const { id, receivedAt, sender, recipient, body, prefix } = object;
  const removedAt = batch.source.now;
  const until = removedAt + ms;
  const size = sizeOf(prefix, body);
  const value: FormerMail = { receivedAt, sender, recipient, size, removedAt, until };
  return expiring(keys.formerMail(id, batch.address), value, until);
}

/** The first numbers of some ranges, in few rows. */
function first(ranges: readonly UidRange[], most: number): number[] {
  const some: number[] = [];
  const rows = new Set<number>();
  for (const range of ranges) {
    for (let number = range.first; number <= range.last; number++) {
      rows.add(objectRow(number));
      if (some.length === most || rows.size > ROWS_AT_ONCE) return some;
      some.push(number);
    }
  }
  return some;
}

/** All but the first ones. */
function rest(ranges: readonly UidRange[], without: number): UidRange[] {
  const left: UidRange[] = [];
  for (const { first, last } of ranges) {
    const count = last - first + 1;
    const skipped = Math.min(count, without);
    without -= skipped;
    if (skipped < count) left.push({ first: first + skipped, last });
  }
  return left;
}

function pack(ranges: readonly UidRange[]): Uint8Array {
  const packer = new Packer(DEAD_VERSION);
  const numbers: number[] = [];
  for (const { first, last } of ranges) for (let n = first; n <= last; n++) numbers.push(n);
  packRanges(packer, numbers);
  return packer.packed();
}

/** The removal of all folders of a mailbox, with the messages in them, some at a time. */

import { releaseBody } from "../storage/bodies/bodies.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { together } from "../storage/write.ts";
import { ownersOf } from "./body_owners.ts";
import { type MailObject, packObjects, unpackObjects } from "./object_row.ts";

/** So many rows without bodies of messages are removed by one commit. */
const ROWS_AT_ONCE = 200;

/** How it is removed. */
export interface FolderRemoval {
  /** Each commit checks it. */
  readonly record: Deno.AtomicCheck;
  /** What remembers that a message was there. */
  readonly remember: (object: MailObject) => Deno.KvMutation[];
  /** Hears which messages are gone. */
  readonly onRemoved: (address: string, ids: readonly string[]) => void;
}

/**
 * Removes what is left first: the head, then objects with their bodies, then all other rows. Answers whether there was
 * anything. When a commit did not happen, the next call tries again.
 */
export async function removeFolders(store: Store, address: string, removal: FolderRemoval): Promise<boolean> {
  const { kv } = store;
  const head = await kv.get(keys.mailbox(address));
  if (head.versionstamp !== null) {
    const mutation = { type: "delete" as const, key: head.key };
    await store.write({ checks: [removal.record], mutations: [mutation], size: 200 });
    return true;
  }
  for await (const { key, value } of kv.list<Uint8Array>(keys.mailObjectsOf(address), { limit: 1 })) {
    await removeObjects(store, address, { key, value, removal });
    return true;
  }
  const others = [
    keys.folders(address),
    keys.folderIndexesOf(address),
    keys.mailCopiesOf(address),
    keys.mailFactsOf(address),
    keys.mailChangesOf(address),
    keys.deadObjectsOf(address),
  ];
  for (const selector of others) {
    const mutations: Deno.KvMutation[] = [];
    // a few at a time: rows are large
    for await (const { key } of kv.list(selector, { limit: ROWS_AT_ONCE, batchSize: 8 })) {
      mutations.push({ type: "delete", key });
    }
    if (mutations.length === 0) continue;
    await store.write({ checks: [removal.record], mutations, size: 300 * mutations.length });
    return true;
  }
  return false;
}

/** Removes objects of one row. */
async function removeObjects(
  store: Store,
  address: string,
  { key, value, removal }: { key: Deno.KvKey; value: Uint8Array; removal: FolderRemoval },
): Promise<void> {
  const left = unpackObjects(value);
  const gone: MailObject[] = [];
  for (const [number, object] of left) {
    // each body that is shared may have a check of its own, beside that of the record
    if (gone.length >= store.limits.checks - 1) break;
    gone.push(object);
    left.delete(number);
  }
  const bodies = [...ownersOf(gone.map(({ body }) => body)).values()];
  const releases = await Promise.all(bodies.map(({ ref, owners }) => releaseBody(store.kv, ref, owners)));
  const mutations: Deno.KvMutation[] = gone.flatMap(removal.remember);
  mutations.push(left.size === 0 ? { type: "delete", key } : { type: "set", key, value: packObjects(left) });
  const size = 60_000 + 300 * mutations.length;
  const write = { checks: [removal.record], mutations, size };
  const { ok } = await store.write(together(write, ...releases));
  if (ok) removal.onRemoved(address, gone.map(({ id }) => id));
}

/** The log of what went out of folders: how much of it is remembered. */

import * as keys from "../storage/keys.ts";
import type { Kv } from "../storage/port.ts";
import { unpackWent } from "./change_row.ts";
import type { FolderBatch } from "./folder_batch.ts";

/** So many rows of changes are remembered: of some 4 KB each, or as large as one change is. */
export const MOST_CHANGES = 256;
/** So many of them are forgotten at once. */
const FORGOTTEN_AT_ONCE = 32;

/** Forgets the oldest changes; false: there is nothing that can be forgotten. */
export async function planForget(batch: FolderBatch, kv: Kv): Promise<boolean> {
  const list = kv.list<Uint8Array>(keys.mailChangesOf(batch.address), {
    limit: FORGOTTEN_AT_ONCE,
    batchSize: 8,
  });
  let forgot = false;
  for await (const { key, value } of list) {
    if (key[2] === batch.head.changesTail) break;
    batch.mutate({ type: "delete", key });
    batch.head.changesRows--;
    batch.head.changesFloor = Math.max(batch.head.changesFloor, unpackWent(value).at(-1)?.modseq ?? 0);
    forgot = true;
  }
  return forgot;
}

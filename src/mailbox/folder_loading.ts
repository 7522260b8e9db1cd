/** The reading of a mailbox's folders, the making of the first ones, and what others have changed meanwhile. */

import * as keys from "../storage/keys.ts";
import type { Kv } from "../storage/port.ts";
import type { Store } from "../storage/store.ts";
import { undamaged } from "./damage.ts";
import { FIRST_FOLDERS } from "./folder_names.ts";
import type { FolderChange } from "./folders.ts";
import {
  type FolderRecord,
  type FolderState,
  type HeadRecord,
  IndexState,
  type MailboxState,
  marksOf,
  withMarks,
} from "./folder_state.ts";
import { IndexRow } from "./index_row.ts";

/** Rows of an index that are read at once: some 480 KB. */
const ROWS_AT_ONCE = 8;

/** Reads a mailbox without its indexes; undefined: it has no folders yet. */
export async function readState(kv: Kv, address: string): Promise<MailboxState | undefined> {
  const key = keys.mailbox(address);
  for (;;) {
    const { value: head, versionstamp } = await kv.get<HeadRecord>(key);
    if (head === null) return undefined;
    const folders = new Map<number, FolderState>();
    for await (const { key, value } of kv.list<FolderRecord>(keys.folders(address), { batchSize: 500 })) {
      const id = key[2] as number;
      folders.set(id, { id, record: value });
    }
    const tail = head.changesTail === 0
      ? undefined
      : (await kv.get<Uint8Array>(keys.mailChanges(address, head.changesTail))).value ?? undefined;
    // one instant holds for each read only
    if ((await kv.get(key)).versionstamp === versionstamp) return { head, versionstamp, folders, tail };
  }
}

/** How far a mod-sequence is raised in a restored backup: more changes than there were since it was made. */
const RAISED = 1_000_000_000;

/**
 * Makes sure that a mailbox of a restored backup gives no number that was given before for something else: all folders
 * get another UIDVALIDITY, and mod-sequences go on far behind the last one. False: there was nothing to do.
 */
export async function raiseRestored(
  store: Store,
  address: string,
  state: MailboxState,
  now: number,
): Promise<boolean> {
  const { value: restored } = await store.kv.get<string>(keys.restored);
  const { head, versionstamp, folders } = state;
  if (restored === null || head.restored === restored) return false;
  const uidValidity = Math.max(head.nextUidValidity, Math.floor(now / 1000));
  const modseq = head.modseq + RAISED;
  const numbers = { modseq, nextUidValidity: uidValidity + 1, changesFloor: modseq };
  const raised = withMarks({ ...head, ...numbers, restored }, marksOf(head));
  const key = keys.mailbox(address);
  const mutations: Deno.KvMutation[] = [{ type: "set", key, value: raised }];
  for (const { id, record } of folders.values()) {
    mutations.push({ type: "set", key: keys.folder(address, id), value: { ...record, uidValidity, modseq } });
  }
  await store.write({ checks: [{ key, versionstamp }], mutations, size: 600 * mutations.length });
  return true;
}

/** Makes the folders that every mailbox has, unless somebody did or it is about to go. */
export async function makeFirstFolders(store: Store, address: string, now: number): Promise<void> {
  const uidValidity = Math.floor(now / 1000);
  const { value: restored } = await store.kv.get<string>(keys.restored);
  const head: HeadRecord = {
    modseq: 1,
    nextFolder: FIRST_FOLDERS.length + 1,
    nextObject: 1,
    nextUidValidity: uidValidity + 1,
    changesFloor: 0,
    changesTail: 0,
    changesRows: 0,
    ...(restored !== null && { restored }),
  };
  const key = keys.mailbox(address);
  const mutations: Deno.KvMutation[] = [{ type: "set", key, value: head }];
  const empty = {
    subscribed: true,
    uidNext: 1,
    modseq: 1,
    messages: 0,
    unseen: 0,
    deleted: 0,
    bytes: 0,
    recent: 1,
  };
  for (const [i, first] of FIRST_FOLDERS.entries()) {
    const mailboxId = `F${i + 1}-${uidValidity.toString(36)}`;
    const record: FolderRecord = { ...first, ...empty, mailboxId, uidValidity, keywords: [] };
    mutations.push({ type: "set", key: keys.folder(address, i + 1), value: record });
  }
  const checks = [key, keys.mailboxRemoval(address)].map((key) => ({ key, versionstamp: null }));
  await store.write({ checks, mutations, size: 4000 });
}

/** Reads the index of a folder. */
export async function readIndex(kv: Kv, address: string, id: number): Promise<IndexState> {
  const rows: IndexRow[] = [];
  const numbers: number[] = [];
  const list = kv.list<Uint8Array>(keys.folderIndexes(address, id), { batchSize: ROWS_AT_ONCE });
  for await (const { key, value } of list) {
    rows.push(undamaged(address, () => IndexRow.decode(value)));
    numbers.push(key[3] as number);
  }
  return IndexState.of(rows, numbers);
}

/** What is to be told when one state takes the place of another that is not the one before it. */
export function differences(before: MailboxState, after: MailboxState): FolderChange[] {
  const changes: FolderChange[] = [];
  for (const [id, { index: old, record }] of before.folders) {
    const now = after.folders.get(id);
    if (!now || !old || !now.index || now.record.modseq === record.modseq) continue;
    const { index } = now;
    const went: number[] = [];
    const flags: number[] = [];
    for (let place = 0; place < old.length; place++) {
      const uid = old.uids[place]!;
      const at = index.position(uid);
      if (at < 0) went.push(uid);
      else if (modseqAt(index, at) !== modseqAt(old, place)) flags.push(uid);
    }
    const first = index.lowerBound(record.uidNext);
    const uids = index.uids.slice(first, index.length);
    if (uids.length > 0) changes.push({ kind: "came", folder: id, uids });
    if (flags.length > 0) changes.push({ kind: "flags", folder: id, uids: Uint32Array.from(flags) });
    if (went.length > 0) {
      changes.push({ kind: "went", folder: id, uids: Uint32Array.from(went), modseq: now.record.modseq });
    }
  }
  changes.push({ kind: "folders" }, { kind: "reloaded" });
  return changes;
}

function modseqAt(index: IndexState, place: number): number {
  const n = index.rowOf(place);
  return index.rows[n]!.modseq[place - index.starts[n]!]!;
}

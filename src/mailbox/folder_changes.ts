/** What is done to folders themselves: each function plans it into a batch. */

import type { FolderBatch } from "./folder_batch.ts";
import type { UnfinishedInbox } from "./folder_state.ts";
import { checkName, INBOX, INBOX_ID, normalName, parentsOf } from "./folder_names.ts";
import { FolderError, type SpecialUse } from "./folders.ts";
import { planExpunge } from "./message_changes.ts";

/** The most folders of a mailbox. */
const MAX_FOLDERS = 1000;
/** How many folders one commit renames. */
const MAX_RENAMED = 200;

/** Makes a folder and the parents that are missing; answers its id. */
export function planCreate(
  batch: FolderBatch,
  given: string,
  { specialUse }: { specialUse?: SpecialUse | undefined },
): number {
  const name = normalName(given);
  checkName(name);
  if (batch.named(name)) throw new FolderError("exists", `There is a folder ${name} already`);
  if (specialUse) {
    for (const { record } of batch.folders()) {
      if (record.specialUse === specialUse) {
        throw new FolderError("cannot", `${record.name} is the folder for ${specialUse} already`);
      }
    }
  }
  const parents = parentsOf(name).filter((parent) => !batch.named(parent));
  room(batch, parents.length + 1);
  for (const parent of parents) batch.create({ name: parent, subscribed: false });
  const folder = batch.create({ name, subscribed: false, ...(specialUse && { specialUse }) });
  batch.tell({ change: { kind: "folders" } });
  return folder.id;
}

/** Gives a folder another name, and its children with it. INBOX stays: answers where its messages are to go. */
export function planRename(batch: FolderBatch, from: string, to: string): UnfinishedInbox | undefined {
  const [before, name] = [normalName(from), normalName(to)];
  checkName(name);
  const folder = batch.named(before);
  if (!folder) throw new FolderError("nonexistent", `There is no folder ${before}`);
  if (batch.named(name)) throw new FolderError("exists", `There is a folder ${name} already`);
  if (folder.id === INBOX_ID) {
    return { kind: "inbox", folder: planCreate(batch, name, {}), before: folder.record.uidNext };
  }
  if (name.startsWith(`${before}/`)) throw new FolderError("cannot", "A folder can't be moved into itself");
  const below = [...batch.folders()].filter(({ record }) => record.name.startsWith(`${before}/`));
  if (below.length > MAX_RENAMED) throw new FolderError("limit", "Too many folders are in that folder");
  const renamed = [folder, ...below].map(({ id, record }) => ({
    id,
    name: name + record.name.slice(before.length),
  }));
  for (const one of renamed) {
    checkName(one.name);
    if (batch.named(one.name)) throw new FolderError("exists", `There is a folder ${one.name} already`);
  }
  const parents = parentsOf(name).filter((parent) => !batch.named(parent));
  room(batch, parents.length);
  for (const parent of parents) batch.create({ name: parent, subscribed: false });
  batch.change();
  for (const one of renamed) {
    const { record } = batch.folder(one.id);
    record.name = one.name;
    if (batch.unsubscribe(one.name)) record.subscribed = true;
  }
  batch.tell({ change: { kind: "folders" }, renamed: true });
  return undefined;
}

/** Takes a folder away, with its messages; whether its name is subscribed to stays as it is. */
export async function planDelete(batch: FolderBatch, given: string): Promise<void> {
  const name = normalName(given);
  const folder = batch.named(name);
  if (!folder) throw new FolderError("nonexistent", `There is no folder ${name}`);
  if (name === INBOX) throw new FolderError("cannot", "INBOX can't be deleted");
  const { index } = await batch.indexed(folder.id);
  await planExpunge(batch, folder.id, { uids: index.uids.subarray(0, index.length) });
  batch.remove(folder.id);
  batch.tell({ change: { kind: "folders" } });
}

/** Subscribes to a folder, or no more; a name whose folder was deleted stays as it is until it is let go. */
export function planSubscribe(batch: FolderBatch, given: string, yes: boolean): void {
  const name = normalName(given);
  const folder = batch.named(name);
  if (!folder && batch.head.subscribed?.includes(name)) {
    if (yes) return;
    batch.unsubscribe(name);
    batch.change();
    return batch.tell({ change: { kind: "folders" } });
  }
  if (!folder) throw new FolderError("nonexistent", `There is no folder ${name}`);
  if (folder.record.subscribed === yes) return;
  batch.change();
  batch.folder(folder.id).record.subscribed = yes;
  batch.tell({ change: { kind: "folders" } });
}

function room(batch: FolderBatch, more: number): void {
  if ([...batch.folders()].length + more > MAX_FOLDERS) {
    throw new FolderError("limit", `A mailbox can't have more than ${MAX_FOLDERS} folders`);
  }
}

/** The entries of messages in folders: what an index and the message objects say together. */

import { SEEN } from "./flags.ts";
import { keywordsOf } from "./folder_draft.ts";
import { INBOX_ID } from "./folder_names.ts";
import type { FolderRecord, IndexState } from "./folder_state.ts";
import type { IndexEntry } from "./index_row.ts";
import { type MailEntry, nameOf } from "./mail_entry.ts";
import { type MailObject, objectRow } from "./object_row.ts";
import type { StoredFolders } from "./stored_folders.ts";

/** So many rows of objects are read and looked at before the next ones. */
const ROWS_AT_ONCE = 40;

/** The entries at some places of a folder; undefined where a message is gone meanwhile. */
export async function entriesAt(
  folders: StoredFolders,
  id: number,
  { index, places }: { index: IndexState; places: ArrayLike<number> },
): Promise<(MailEntry | undefined)[]> {
  const record = folders.state.folders.get(id)?.record;
  const entries: (MailEntry | undefined)[] = [];
  if (!record) return entries;
  for (let from = 0; from < places.length;) {
    const some: IndexEntry[] = [];
    const rows = new Set<number>();
    while (from < places.length && rows.size < ROWS_AT_ONCE) {
      const place = places[from++]!;
      const n = index.rowOf(place);
      const entry = index.rows[n]!.at(place - index.starts[n]!);
      rows.add(objectRow(entry.object));
      some.push(entry);
    }
    const objects = await folders.rows.objects(rows);
    for (const entry of some) {
      const object = objects.get(objectRow(entry.object))!.get(entry.object);
      entries.push(object && entryOf(entry, object, { id, record }));
    }
  }
  return entries;
}

/** One entry. */
export function entryOf(
  entry: IndexEntry,
  object: MailObject,
  folder: { readonly id: number; readonly record: FolderRecord },
): MailEntry {
  const { body, prefix, sender, recipient, tags } = object;
  const { size, internalDate: receivedAt, flags } = entry;
  const keywords = keywordsOf(folder.record, entry.keywordsLow, entry.keywordsHigh);
  return {
    uid: nameOf(entry),
    size,
    receivedAt,
    body,
    prefix,
    sender,
    recipient,
    ...((flags & SEEN) !== 0 && { seen: true as const }),
    ...(tags && { tags }),
    ...(folder.id !== INBOX_ID && { folder: folder.record.name }),
    ...((flags & ~SEEN) !== 0 && { flags }),
    ...(keywords.length > 0 && { keywords }),
  };
}

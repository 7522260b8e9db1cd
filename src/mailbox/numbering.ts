/** The numbering of arrivals: what was delivered into a mailbox gets its place in a folder. */

import * as keys from "../storage/keys.ts";
import type { Kv } from "../storage/port.ts";
import { SEEN } from "./flags.ts";
import type { FolderBatch } from "./folder_batch.ts";
import { INBOX_ID, normalName } from "./folder_names.ts";
import { FolderError } from "./folders.ts";
import { isId } from "./index_row.ts";
import type { MailEntry } from "./mail_entry.ts";
import { receivedAtOf } from "./object_row.ts";
import { meantFolder } from "./sub_folder.ts";

/** How many arrivals are numbered by one commit. */
export const NUMBERED_AT_ONCE = 200;

/** Is there anything to be numbered? */
export async function hasArrivals(kv: Kv, address: string): Promise<boolean> {
  for await (const _ of kv.list(keys.mails(address), { limit: 1 })) return true;
  return false;
}

/** Numbers the first arrivals, in the order of their ids; answers how many there were. */
export async function planNumbering(batch: FolderBatch, kv: Kv, limit = NUMBERED_AT_ONCE): Promise<number> {
  const { address } = batch;
  const list = kv.list<MailEntry>(keys.mails(address), { limit, batchSize: Math.min(limit, 500) });
  const arrivals = await Array.fromAsync(list);
  if (arrivals.length === 0) return 0;
  const first = batch.head.nextObject;
  await batch.rows.readyObjects(arrivals.map((_, i) => first + i));
  const saved = Math.floor(batch.source.now / 1000);
  const came = new Map<number, number[]>();
  const modseqs = new Map<number, number>();
  for (const { key, value: entry } of arrivals) {
    // what is damaged stays for a check of the store
    if (!isNumberable(entry) || batch.numbered.has(entry.uid)) continue;
    batch.numbered.add(entry.uid);
    const folder = await batch.indexed(targetOf(batch, entry));
    const bits = keywordBits(folder, entry.keywords ?? []);
    let modseq = modseqs.get(folder.id);
    if (modseq === undefined) modseqs.set(folder.id, modseq = batch.change(folder));
    const { uid: id, body, prefix, sender, recipient, tags, size, receivedAt } = entry;
    const object = batch.head.nextObject++;
    const about = { id, receivedAt: receivedAtOf(receivedAt), body, prefix, sender, recipient };
    batch.rows.setObject(object, { ...about, ...(tags && { tags }) });
    const uid = folder.push({
      object,
      copy: 0,
      modseq,
      flags: (entry.flags ?? 0) | (entry.seen ? SEEN : 0),
      keywordsLow: bits.low,
      keywordsHigh: bits.high,
      size,
      internalDate: receivedAt,
      saved,
      id,
    });
    const uids = came.get(folder.id);
    if (uids) uids.push(uid);
    else came.set(folder.id, [uid]);
    batch.mutate({ type: "delete", key });
  }
  for (const [folder, uids] of came) {
    batch.tell({ change: { kind: "came", folder, uids: Uint32Array.from(uids) }, known: true });
  }
  // damaged ones among them are listed again
  return came.size === 0 ? 0 : arrivals.length;
}

function isNumberable(entry: MailEntry): boolean {
  const { uid, body, size, receivedAt } = (entry ?? {}) as Partial<MailEntry>;
  return typeof uid === "string" && isId(uid) && typeof body?.id === "string" && typeof size === "number" &&
    typeof receivedAt === "number";
}

/** The folder that was named, when it is there: by who put it there, or by the recipient's sub-address. */
function targetOf(batch: FolderBatch, entry: MailEntry): number {
  const { folder } = entry;
  if (folder !== undefined) return batch.named(normalName(folder))?.id ?? INBOX_ID;
  const detail = batch.source.detailOf?.(entry.recipient);
  if (detail === undefined) return INBOX_ID;
  const name = meantFolder(normalName(detail), [...batch.folders()].map(({ record }) => record.name));
  return name === undefined ? INBOX_ID : batch.named(name)!.id;
}

/** A keyword too many is no reason to keep a message back. */
function keywordBits(
  folder: ReturnType<FolderBatch["folder"]>,
  keywords: readonly string[],
): { low: number; high: number } {
  try {
    return folder.keywordBits(keywords);
  } catch (error) {
    if (error instanceof FolderError) return { low: 0, high: 0 };
    throw error;
  }
}

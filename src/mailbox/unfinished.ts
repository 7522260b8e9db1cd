/**
 * What becomes of a change that has to be whole and takes several commits, when not all of them happened. Its first
 * commit leaves a mark in the mailbox's head, each further one brings that up to date, and the last one takes it away.
 * So a mark that nobody works on tells what is unfinished:
 *
 * - what an APPEND or a COPY had put into a folder is taken out again (RFC 3502 6.3.11, RFC 9051 6.4.7);
 * - a RENAME of INBOX goes on: messages that were moved back would have other UIDs.
 */

import type { FolderBatch } from "./folder_batch.ts";
import { INBOX_ID } from "./folder_names.ts";
import {
  type IndexState,
  LiveIndex,
  type Unfinished,
  type UnfinishedInbox,
  type UnfinishedPut,
} from "./folder_state.ts";
import type { Uids } from "./folders.ts";
import { pieces, piecesToGo, planExpunge, planMove } from "./message_changes.ts";

/** A commit that moves messages changes so many rows of the index of each of two folders. */
export const ROWS_PER_MOVE = 4;

/** What is unfinished when more was put into a folder: UIDs that follow each other, behind all that are in `before`. */
export function withPut(
  before: Unfinished | undefined,
  { folder, uids, from }: { folder: number; uids: Uids; from?: number },
): UnfinishedPut {
  const ranges = before?.kind === "put" ? [...before.uids] : [];
  if (uids.length > 0) {
    const [first, last] = [uids[0]!, uids.at(-1)!];
    if (ranges.at(-1) === first - 1) ranges[ranges.length - 1] = last;
    else ranges.push(first, last);
  }
  return { kind: "put", folder, uids: ranges, ...(from !== undefined && { from }) };
}

/** Moves some of the messages of INBOX; answers whether there are more. */
export async function planInbox(batch: FolderBatch, { folder, before }: UnfinishedInbox): Promise<boolean> {
  const { index } = await batch.indexed(INBOX_ID);
  const uids = index.uids.subarray(0, index.lowerBound(before));
  const [some, ...more] = pieces(index, uids, ROWS_PER_MOVE);
  if (some) await planMove(batch, INBOX_ID, { uids: some, to: folder });
  return more.length > 0;
}

/** Does some of what a mark of that id asks for when nobody works on it; answers whether there is more. */
export async function planFinish(batch: FolderBatch, id: string): Promise<boolean> {
  const mark = batch.marks.find((one) => one.id === id);
  if (!mark) return false;
  const { of } = mark;
  // with the folder all that was put there is gone
  const hasMore = has(batch, of.folder) &&
    (of.kind === "inbox" ? await planInbox(batch, of) : await planTakingOut(batch, of));
  if (!hasMore) batch.mark(id, undefined);
  return hasMore;
}

async function planTakingOut(batch: FolderBatch, of: UnfinishedPut): Promise<boolean> {
  const { index } = await batch.indexed(of.folder);
  const put = within(index, of.uids);
  const uids = of.from === undefined ? put : await copiesOnly(batch, { of, from: of.from, put });
  const [some, ...more] = piecesToGo(index, uids);
  if (some) await planExpunge(batch, of.folder, { uids: some });
  return more.length > 0;
}

/** The UIDs of some ranges that messages have. */
function within(index: IndexState, ranges: readonly number[]): Uids {
  const uids: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const end = index.lowerBound(ranges[i + 1]! + 1);
    for (let place = index.lowerBound(ranges[i]!); place < end; place++) uids.push(index.uids[place]!);
  }
  return Uint32Array.from(uids);
}

/** Those of the copies whose message is still where it was copied from: somebody may have let go of others for them. */
async function copiesOnly(
  batch: FolderBatch,
  { of: { folder }, from, put }: { of: UnfinishedPut; from: number; put: Uids },
): Promise<Uids> {
  if (!has(batch, from)) return new Uint32Array(0);
  const copies = new Set(put);
  const source = new LiveIndex((await batch.indexed(from)).index);
  const there = new Set<number>();
  for (let place = 0; place < source.length; place++) {
    if (from !== folder || !copies.has(source.uid(place))) there.add(source.object(place));
  }
  const target = new LiveIndex((await batch.indexed(folder)).index);
  return put.filter((uid) => there.has(target.object(target.position(uid))));
}

function has(batch: FolderBatch, folder: number): boolean {
  for (const { id } of batch.folders()) if (id === folder) return true;
  return false;
}

/** The folded texts of messages, read for a search: small ones many at a time, of large ones nothing but their texts. */

import { concat } from "../base/bytes.ts";
import { withCharsets } from "../mail/charset.ts";
import { readCard } from "../mail/facts_card.ts";
import { type PlacedPart, placesOfParts } from "../mail/message_facts.ts";
import { foldBody, foldHeader, foldPiece, searchPieces } from "../mail/search_text.ts";
import { BodyMissing } from "../storage/bodies/bodies.ts";
import type { FetchedFolder } from "./fetch_target.ts";
import type { FoldedTexts, TextQuery } from "./folder_texts.ts";
import { contentStart } from "./sections.ts";

/** A header section is looked into so far. */
const MOST_HEADER = 128 * 1024;
/** And all the texts of a large message, as they are encoded. */
const MOST_TEXT = 8 * 1024 * 1024;
/** A smaller message is read as a whole. */
const SMALL = 128 * 1024;

/** Reads the texts that a query looks into, of the messages of these UIDs, in their order; undefined: one is gone. */
export async function readTexts(
  folder: FetchedFolder,
  uids: readonly number[],
  query: TextQuery,
): Promise<(FoldedTexts | undefined)[]> {
  const messages = folder.messages;
  const found = uids.map((uid) => messages.position(uid));
  const positions = Uint32Array.from(found.filter((position) => position >= 0));
  const small: (Uint8Array | undefined)[] = [];
  if (folder.smallTexts) { for await (const octets of folder.smallTexts(positions)) small.push(octets); }
  const whole: (Uint8Array | undefined)[] = [];
  let next = 0;
  for (const [i, position] of found.entries()) {
    if (position < 0) whole.push(undefined);
    else whole.push(small[next++] ?? await readSmall(folder, uids[i]!));
  }
  const texts = await withCharsets(() => whole.map((octets) => octets && foldWhole(octets, query)));
  for (const [i, uid] of uids.entries()) if (!whole[i]) texts[i] = await readLarge(folder, uid, query);
  return texts;
}

function foldWhole(octets: Uint8Array, query: TextQuery): FoldedTexts {
  const start = contentStart(octets);
  const header = query.in === "body"
    ? undefined
    : foldHeader(octets.subarray(0, start < 0 ? octets.length : start));
  const body = query.in === "header" ? undefined : foldBody(octets, placesOfParts(octets));
  return { header, body };
}

/** Undefined: it is large, or gone. */
async function readSmall(folder: FetchedFolder, uid: number): Promise<Uint8Array | undefined> {
  const position = folder.messages.position(uid);
  if (position < 0 || folder.messages.size(position) > SMALL) return undefined;
  return await unlessGone(() => readRange(folder, uid, { from: 0, to: Infinity }));
}

async function readLarge(
  folder: FetchedFolder,
  uid: number,
  query: TextQuery,
): Promise<FoldedTexts | undefined> {
  const position = folder.messages.position(uid);
  if (position < 0) return undefined;
  return await unlessGone(async () => {
    const parts = await cardParts(folder, position);
    if (!parts) return undefined;
    let header: string | undefined;
    if (query.in !== "body") {
      const octets = await readRange(folder, uid, { from: 0, to: Math.min(parts.contentStart, MOST_HEADER) });
      header = await withCharsets(() => foldHeader(octets));
    }
    return { header, ...(query.in !== "header" && { body: await readBody(folder, uid, parts) }) };
  });
}

async function readBody(folder: FetchedFolder, uid: number, parts: PlacedPart): Promise<string> {
  const texts: string[] = [];
  let left = MOST_TEXT;
  for (const piece of searchPieces(parts)) {
    if (left <= 0) break;
    const to = Math.min(piece.to, piece.from + left);
    const octets = await readRange(folder, uid, { from: piece.from, to });
    left -= octets.length;
    texts.push(await withCharsets(() => foldPiece(octets, piece)));
  }
  return texts.join("\n");
}

async function cardParts(folder: FetchedFolder, position: number): Promise<PlacedPart | undefined> {
  for await (const card of folder.facts([position])) return readCard(card)?.parts;
  return undefined;
}

async function readRange(
  folder: FetchedFolder,
  uid: number,
  { from, to }: { from: number; to: number },
): Promise<Uint8Array> {
  const position = folder.messages.position(uid);
  if (position < 0) throw new BodyMissing(String(uid), "the message is gone");
  const pieces: Uint8Array[] = [];
  let at = from;
  for await (const piece of folder.read(position, from)) {
    pieces.push(piece.subarray(0, to - at));
    at += piece.length;
    if (at >= to) break;
  }
  return pieces.length === 1 ? pieces[0]! : concat(pieces);
}

async function unlessGone<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof BodyMissing) return undefined;
    throw error;
  }
}

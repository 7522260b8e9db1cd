/** A folder in memory, for what only reads one. */

import { concat } from "../../src/base/bytes.ts";
import { writeCard } from "../../src/mail/facts_card.ts";
import { readFacts } from "../../src/mail/message_facts.ts";
import type { FolderIndex } from "../../src/mailbox/folders.ts";
import { BodyMissing } from "../../src/storage/bodies/bodies.ts";
import type { MessageView } from "../../src/imap/sequence_set.ts";

/** A message of it. */
export interface TestMessage {
  readonly uid: number;
  readonly octets: Uint8Array;
  flags?: number;
  keywordsLow?: number;
  keywordsHigh?: number;
  modseq?: number;
  internalDate?: number;
  savedDate?: number;
  /** Its body is not in the store. */
  lost?: boolean;
}

/** The folder. Messages are taken out by changing `list`. */
export class MemoryFolder {
  readonly list: TestMessage[];
  keywords: readonly string[] = [];
  /** Octets of the pieces that {@linkcode read} gives. */
  pieceSize = 1000;
  /** The reading of larger messages is the caller's. */
  smallUpTo = 120_000;
  /** How many octets were read. */
  octetsRead = 0;

  constructor(messages: readonly (TestMessage | Uint8Array)[]) {
    this.list = messages.map((message, i) =>
      message instanceof Uint8Array ? { uid: i + 1, octets: message } : message
    );
  }

  get info(): { keywords: readonly string[] } {
    return this;
  }

  get view(): MessageView {
    return { uids: this.messages.uids, length: this.list.length };
  }

  get messages(): FolderIndex {
    const list = [...this.list];
    const uids = Uint32Array.from(list, ({ uid }) => uid);
    const lowerBound = (uid: number) => {
      const found = list.findIndex((one) => one.uid >= uid);
      return found < 0 ? list.length : found;
    };
    return {
      length: list.length,
      uids,
      uid: (i) => uids[i]!,
      size: (i) => list[i]!.octets.length,
      flags: (i) => list[i]!.flags ?? 0,
      keywordsLow: (i) => list[i]!.keywordsLow ?? 0,
      keywordsHigh: (i) => list[i]!.keywordsHigh ?? 0,
      modseq: (i) => list[i]!.modseq ?? 1,
      internalDate: (i) => list[i]!.internalDate ?? Date.UTC(2026, 10, 30, 6, 35, 8),
      savedDate: (i) => list[i]!.savedDate ?? Date.UTC(2026, 10, 30, 6, 35, 8),
      id: (i) => `M${list[i]!.uid}`,
      position: (uid) => list.findIndex((one) => one.uid === uid),
      object: (i) => i + 1,
      lowerBound,
    };
  }

  async *facts(places: readonly number[] | Uint32Array): AsyncGenerator<Uint8Array> {
    const found = Array.from(places, (place) => this.list[place]!);
    for (const { octets } of found) yield writeCard(await readFacts([octets]));
  }

  async *read(place: number, from = 0): AsyncGenerator<Uint8Array> {
    const { octets, lost, uid } = this.list[place]!;
    await Promise.resolve();
    if (lost) throw new BodyMissing(String(uid), "it is gone");
    for (let at = from; at < octets.length; at += this.pieceSize) {
      const piece = octets.slice(at, at + this.pieceSize);
      this.octetsRead += piece.length;
      yield piece;
    }
  }

  async *smallTexts(places: readonly number[] | Uint32Array): AsyncGenerator<Uint8Array | undefined> {
    const found = Array.from(places, (place) => this.list[place]!);
    await Promise.resolve();
    for (const { octets, lost } of found) {
      yield lost || octets.length > this.smallUpTo ? undefined : octets.slice();
    }
  }
}

/** What was put and sent. */
export class Collected {
  readonly pieces: Uint8Array[] = [];
  flushed = 0;

  put(text: string | Uint8Array): void {
    this.pieces.push(typeof text === "string" ? new TextEncoder().encode(text) : text.slice());
  }

  flushIfMuch(): void {
    this.flushed++;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.put(bytes);
    return Promise.resolve();
  }

  get bytes(): Uint8Array {
    return concat(this.pieces);
  }
}

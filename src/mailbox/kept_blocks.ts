/** Messages by their names, in blocks that are searched. */

import { BLOCK_ROWS, FoldedBlock } from "../mail/folded_block.ts";
import type { FoldedContent, FoldedHead } from "../mail/folded_mail.ts";

/** What messages are sorted by: later ones have more. */
export type MailKey = string | number;

/** A message as it was read. */
export interface ReadMail<T> {
  readonly item: T;
  readonly head: FoldedHead;
  /** Absent: it is asked for when it matters. */
  readonly content?: FoldedContent | undefined;
}

/** A row of a block. */
export interface Row<T> {
  readonly block: FoldedBlock<T>;
  readonly row: number;
}

/** About what a message takes beside its texts, in octets. */
const PER_MESSAGE = 200;

/** The messages. */
export class KeptBlocks<T> {
  readonly #blocks: ({ readonly block: FoldedBlock<T>; lowest: MailKey } | undefined)[] = [];
  /** By name: the number of its block, and its row there. */
  readonly #places = new Map<string, number>();

  /** How many messages. */
  get size(): number {
    return this.#places.size;
  }

  /** About how many octets they take. */
  get octets(): number {
    let octets = PER_MESSAGE * this.size;
    for (const block of this.blocks()) octets += block.octets;
    return octets;
  }

  /** All blocks that have messages before that key. */
  *blocks(before?: MailKey): Generator<FoldedBlock<T>> {
    for (const one of this.#blocks) {
      if (one && (before === undefined || one.lowest < before)) yield one.block;
    }
  }

  /** Where a message is. */
  find(name: string): Row<T> | undefined {
    const place = this.#places.get(name);
    if (place === undefined) return undefined;
    return { block: this.#blocks[Math.floor(place / BLOCK_ROWS)]!.block, row: place % BLOCK_ROWS };
  }

  /** Adds a message of a new name. */
  add(
    { name, key }: { name: string; key: MailKey },
    { item, head, content }: ReadMail<T>,
    { keepText }: { keepText: boolean },
  ): void {
    let last = this.#blocks.at(-1);
    if (!last || last.block.isFull) this.#blocks.push(last = { block: new FoldedBlock(), lowest: key });
    if (key < last.lowest) last.lowest = key;
    const row = last.block.add(item, head);
    if (content) last.block.setContent(row, content, { keepText });
    this.#places.set(name, (this.#blocks.length - 1) * BLOCK_ROWS + row);
  }

  /** Takes a message out; what it was. */
  take(name: string): ReadMail<T> | undefined {
    const found = this.find(name);
    if (!found) return undefined;
    const { block, row } = found;
    const mail = { item: block.at(row)!, head: block.headOf(row), content: block.contentOf(row) };
    this.remove(name);
    return mail;
  }

  /** Takes a message out, if it is there. */
  remove(name: string): void {
    const found = this.find(name);
    if (!found) return;
    found.block.remove(found.row);
    const place = this.#places.get(name)!;
    this.#places.delete(name);
    // its texts stay until nothing of the block is left
    if (found.block.live === 0) this.#blocks[Math.floor(place / BLOCK_ROWS)] = undefined;
  }

  /** Forgets the texts of all contents; false: there are none. */
  dropTexts(): boolean {
    let dropped = false;
    for (const block of this.blocks()) dropped = block.dropTexts() || dropped;
    return dropped;
  }
}

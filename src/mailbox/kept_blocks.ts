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

/** A block, and the keys between which its messages are. */
interface Bounded<T> {
  readonly block: FoldedBlock<T>;
  lowest: MailKey;
  highest: MailKey;
}

/** About what a message takes beside its texts, in octets. */
const PER_MESSAGE = 120;

/** The messages. */
export class KeptBlocks<T> {
  readonly #blocks: (Bounded<T> | undefined)[] = [];
  /** The numbers of the blocks that are added to: for what came lately, and for what is read further and further back. */
  readonly #open: { late?: number; early?: number } = {};
  /** By name: the number of its block, and its row there. */
  readonly #places = new Map<string, number>();

  /** How many messages. */
  get size(): number {
    return this.#places.size;
  }

  /** About how many octets they take. */
  get octets(): number {
    let octets = PER_MESSAGE * this.size;
    for (const one of this.#blocks) octets += one?.block.octets ?? 0;
    return octets;
  }

  /** The blocks that have messages before that key, newest first: those together whose keys are among each other. */
  *runs(before?: MailKey): Generator<FoldedBlock<T>[]> {
    const bounded = this.#blocks.filter((one) => one && (before === undefined || one.lowest < before));
    const sorted = (bounded as Bounded<T>[]).sort((a, b) => a.highest > b.highest ? -1 : 1);
    let run: FoldedBlock<T>[] = [];
    let lowest: MailKey | undefined;
    for (const one of sorted) {
      if (lowest !== undefined && one.highest < lowest) {
        yield run;
        run = [];
        lowest = undefined;
      }
      run.push(one.block);
      if (lowest === undefined || one.lowest < lowest) lowest = one.lowest;
    }
    if (run.length > 0) yield run;
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
    { keepText, to }: { keepText: boolean; to: "late" | "early" },
  ): void {
    let number = this.#open[to];
    let open = number === undefined ? undefined : this.#blocks[number];
    if (!open || open.block.isFull) {
      open = { block: new FoldedBlock(), lowest: key, highest: key };
      number = this.#blocks.push(open) - 1;
      this.#open[to] = number;
    }
    if (key < open.lowest) open.lowest = key;
    if (key > open.highest) open.highest = key;
    const row = open.block.add(item, head);
    if (content) open.block.setContent(row, content, { keepText });
    this.#places.set(name, number! * BLOCK_ROWS + row);
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
    for (const one of this.#blocks) if (one?.block.dropTexts()) dropped = true;
    return dropped;
  }
}

/**
 * Some hundred messages in the form that searches look into: of each column one long text with all messages in it, so
 * that looking for a part is one pass over memory, and a message takes hardly more of that than its letters.
 */

import { type Column, COLUMNS, type FoldedContent, type FoldedHead } from "./folded_mail.ts";
import { JoinedTexts } from "./joined_texts.ts";

/** So many messages are in a block, unless it was made for fewer. */
export const BLOCK_ROWS = 512;

/** What is known of a row's content. */
const KNOWN = 1;
const ATTACHED = 2;
const INLINE = 4;
/** Its text is in the block. */
const HAS_TEXT = 8;

/** Messages by row, from 0. */
export class FoldedBlock<T> {
  readonly #items: (T | undefined)[] = [];
  readonly #columns: Partial<Record<Column, JoinedTexts>> = {};
  readonly #content: Uint8Array;
  readonly #capacity: number;
  #texts: JoinedTexts | undefined;
  #live = 0;

  /** With room for so many. */
  constructor(capacity: number = BLOCK_ROWS) {
    this.#capacity = capacity;
    this.#content = new Uint8Array(capacity);
  }

  /** How many rows there are, those that were taken out too. */
  get size(): number {
    return this.#items.length;
  }

  /** How many messages. */
  get live(): number {
    return this.#live;
  }

  /** Nothing more can be added. */
  get isFull(): boolean {
    return this.size === this.#capacity;
  }

  /** About how many octets the texts take. */
  get octets(): number {
    let octets = this.#texts?.octets ?? 0;
    for (const column of COLUMNS) octets += this.#columns[column]?.octets ?? 0;
    return octets;
  }

  /** The message of a row; undefined: it was taken out. */
  at(row: number): T | undefined {
    return this.#items[row];
  }

  /** Adds a message; answers its row. */
  add(item: T, head: FoldedHead): number {
    const row = this.#items.push(item) - 1;
    this.#live++;
    for (const [column, text] of Object.entries(head)) {
      (this.#columns[column as Column] ??= new JoinedTexts(this.#capacity)).add(row, text);
    }
    return row;
  }

  /** What was added of a row. */
  headOf(row: number): FoldedHead {
    const head: Partial<Record<Column, string>> = {};
    for (const column of COLUMNS) {
      const text = this.#columns[column]?.of(row);
      if (text !== undefined) head[column] = text;
    }
    return head;
  }

  /** The content of a row; undefined: it is not kept. */
  contentOf(row: number): FoldedContent | undefined {
    const content = this.#content[row]!;
    if ((content & HAS_TEXT) === 0) return undefined;
    return {
      text: this.#texts?.of(row) ?? "",
      attached: (content & ATTACHED) !== 0,
      inline: (content & INLINE) !== 0,
    };
  }

  /** Another object stands for the message. */
  replace(row: number, item: T): void {
    this.#items[row] = item;
  }

  /** Takes a message out. */
  remove(row: number): void {
    if (this.#items[row] === undefined) return;
    this.#items[row] = undefined;
    this.#live--;
  }

  /** Notes what a content is; of a text that is not kept, only what else is known. */
  setContent(
    row: number,
    { text, attached, inline }: FoldedContent,
    { keepText = true }: { keepText?: boolean } = {},
  ): void {
    const before = this.#content[row]!;
    if ((before & HAS_TEXT) !== 0 || (before !== 0 && !keepText)) return;
    this.#content[row] = KNOWN | (attached ? ATTACHED : 0) | (inline ? INLINE : 0) |
      (keepText ? HAS_TEXT : 0);
    if (keepText && text !== "") (this.#texts ??= new JoinedTexts(this.#capacity)).add(row, text);
  }

  /** Forgets the texts of all contents; false: there are none. */
  dropTexts(): boolean {
    if (!this.#texts) return false;
    this.#texts = undefined;
    for (let row = 0; row < this.size; row++) this.#content[row]! &= ~HAS_TEXT;
    return true;
  }

  /** Marks with 1 the rows that have `wanted` in one of those columns. */
  mark(marks: Uint8Array, columns: readonly Column[], wanted: string): void {
    for (const column of columns) this.#columns[column]?.mark(marks, wanted);
  }

  /** Marks with 1 the rows whose content has `wanted`, and with 2 those of which nobody knows. */
  markText(marks: Uint8Array, wanted: string): void {
    for (let row = 0; row < marks.length; row++) {
      if (marks[row] === 0 && (this.#content[row]! & HAS_TEXT) === 0) marks[row] = 2;
    }
    this.#texts?.mark(marks, wanted);
  }

  /** Has a row attachments, or inline ones? Undefined: nobody knows. */
  has(row: number, what: "attachment" | "inline"): boolean | undefined {
    const content = this.#content[row]!;
    return content === 0 ? undefined : (content & (what === "inline" ? INLINE : ATTACHED)) !== 0;
  }
}

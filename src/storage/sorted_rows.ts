/** The rows of a store in memory, found by their text and in its order. */

/** What is under a key. */
export interface Row {
  /** The key as text, see `key_order.ts`. */
  readonly text: string;
  readonly key: Deno.KvKey;
  readonly value: unknown;
  readonly versionstamp: string;
}

/** Which rows are wanted. */
export interface RowRange {
  /** The first text. */
  readonly start: string;
  /** The first text behind them. */
  readonly end: string;
  /** At most so many. */
  readonly most: number;
  /** The last one first. */
  readonly reverse: boolean;
}

/** A block that has more is made two: what comes between others moves those of its block only. */
const MAX_BLOCK = 256;

/** Rows in the order of their texts. */
export class SortedRows {
  readonly #rows = new Map<string, Row>();
  /** All texts in order, in blocks, none of them empty. */
  #blocks: string[][] = [];

  get(text: string): Row | undefined {
    return this.#rows.get(text);
  }

  /** Puts a row in, or in the place of the one with its text. */
  set(row: Row): void {
    const { text } = row;
    if (!this.#rows.has(text)) this.#insert(text);
    this.#rows.set(text, row);
  }

  /** Takes a row away, if it is there. */
  delete(text: string): void {
    if (!this.#rows.delete(text)) return;
    const at = this.#blockOf(text);
    const block = this.#blocks[at]!;
    if (block.length === 1) this.#blocks.splice(at, 1);
    else block.splice(firstFrom(block, text), 1);
  }

  /** Takes all away. */
  clear(): void {
    this.#rows.clear();
    this.#blocks = [];
  }

  /** Those of a range. */
  range({ start, end, most, reverse }: RowRange): Row[] {
    const texts = reverse ? this.#backwards(start, end, most) : this.#forwards(start, end, most);
    return texts.map((text) => this.#rows.get(text)!);
  }

  #forwards(start: string, end: string, most: number): string[] {
    const found: string[] = [];
    for (let at = this.#blockOf(start); at < this.#blocks.length; at++) {
      const block = this.#blocks[at]!;
      for (let i = found.length === 0 ? firstFrom(block, start) : 0; i < block.length; i++) {
        if (found.length >= most || block[i]! >= end) return found;
        found.push(block[i]!);
      }
    }
    return found;
  }

  #backwards(start: string, end: string, most: number): string[] {
    const found: string[] = [];
    for (let at = Math.min(this.#blockOf(end), this.#blocks.length - 1); at >= 0; at--) {
      const block = this.#blocks[at]!;
      for (let i = (found.length === 0 ? firstFrom(block, end) : block.length) - 1; i >= 0; i--) {
        if (found.length >= most || block[i]! < start) return found;
        found.push(block[i]!);
      }
    }
    return found;
  }

  #insert(text: string): void {
    if (this.#blocks.length === 0) return void this.#blocks.push([text]);
    const at = Math.min(this.#blockOf(text), this.#blocks.length - 1);
    const block = this.#blocks[at]!;
    // most come at the end
    if (block.at(-1)! < text) block.push(text);
    else block.splice(firstFrom(block, text), 0, text);
    if (block.length > MAX_BLOCK) this.#blocks.splice(at + 1, 0, block.splice(MAX_BLOCK >> 1));
  }

  /** The first block that ends at the text or behind it; their number when there is none. */
  #blockOf(text: string): number {
    let [low, high] = [0, this.#blocks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#blocks[middle]!.at(-1)! >= text) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** The place of the first text that is not before that one. */
function firstFrom(block: readonly string[], text: string): number {
  let [low, high] = [0, block.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (block[middle]! >= text) high = middle;
    else low = middle + 1;
  }
  return low;
}

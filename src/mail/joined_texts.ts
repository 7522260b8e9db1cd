/**
 * Many texts as one long one, so that looking for a part in all of them is one pass over memory, and a text takes hardly
 * more of that than its letters.
 */

/** The texts of the rows that have one. */
export class JoinedTexts {
  #text = "";
  #count = 0;
  #isWide = false;
  readonly #rows: Uint16Array;
  readonly #starts: Uint32Array;

  /** For so many rows. */
  constructor(capacity: number) {
    this.#rows = new Uint16Array(capacity);
    this.#starts = new Uint32Array(capacity);
  }

  /** About how many octets it takes. */
  get octets(): number {
    return this.#text.length * (this.#isWide ? 2 : 1) + 6 * this.#rows.length;
  }

  /** Adds the text of a row; rows come in any order, each once. */
  add(row: number, text: string): void {
    this.#rows[this.#count] = row;
    this.#starts[this.#count++] = this.#text.length;
    this.#text += text + "\n";
    this.#isWide ||= /[^\0-\xff]/.test(text);
  }

  /** The text of a row. */
  of(row: number): string | undefined {
    const i = this.#rows.subarray(0, this.#count).indexOf(row);
    if (i < 0) return undefined;
    const end = i + 1 === this.#count ? this.#text.length : this.#starts[i + 1]!;
    return this.#text.slice(this.#starts[i], end - 1);
  }

  /** Marks with 1 the rows whose text has `wanted`, which has no line end. */
  mark(marks: Uint8Array, wanted: string): void {
    const [text, count] = [this.#text, this.#count];
    for (let i = 0, at = text.indexOf(wanted); at >= 0;) {
      i = this.#entryAt(at, i);
      marks[this.#rows[i]!] = 1;
      // what else it has does not matter
      if (++i === count) return;
      at = text.indexOf(wanted, this.#starts[i]);
    }
  }

  /** Marks the rows with a line `name: value` of that name whose value has `wanted`; "": any that has such a line. */
  markField(marks: Uint8Array, name: string, wanted: string): void {
    const [text, sought] = [this.#text, wanted === "" ? name : wanted];
    for (let i = 0, at = text.indexOf(sought); at >= 0;) {
      const start = at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
      const value = valueStart(text, start, name);
      if (value >= 0 && (wanted === "" || at >= value)) {
        i = this.#entryAt(at, i);
        marks[this.#rows[i]!] = 1;
        if (++i === this.#count) return;
        at = text.indexOf(sought, this.#starts[i]);
        continue;
      }
      // within the name it may come again in this very line
      at = text.indexOf(sought, value >= 0 && at < value ? at + 1 : text.indexOf("\n", at));
    }
  }

  /** Which text, from that one on, has the letter at a place. */
  #entryAt(at: number, from: number): number {
    const [starts, count] = [this.#starts, this.#count];
    if (from + 1 === count || at < starts[from + 1]!) return from;
    let [low, high] = [from + 1, count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= at) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Where the value begins of a line that begins with that field's name; -1: it does not. */
export function valueStart(text: string, start: number, name: string): number {
  if (!text.startsWith(name, start)) return -1;
  let at = start + name.length;
  while (text[at] === " ") at++;
  if (text[at] !== ":") return -1;
  return text[at + 1] === " " ? at + 2 : at + 1;
}

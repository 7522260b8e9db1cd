/** A list that is kept in order: things come at its end or near it, and go anywhere. */

/** Sorted values; `compare` never answers 0 for two of them. */
export class Sorted<T> {
  #items: T[] = [];
  readonly #compare: (a: T, b: T) => number;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  /** All of them, in order; not to be changed. */
  get items(): readonly T[] {
    return this.#items;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The place of the first value for which `isBehind` holds; it must hold for all behind that too. */
  firstWhere(isBehind: (item: T) => boolean): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBehind(this.#items[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  add(item: T): void {
    let at = this.#items.length;
    while (at > 0 && this.#compare(this.#items[at - 1]!, item) > 0) at--;
    if (at === this.#items.length) this.#items.push(item);
    else this.#items.splice(at, 0, item);
  }

  /** Takes values out that are in it. */
  remove(gone: ReadonlySet<T>): void {
    if (gone.size > 1) {
      this.#items = gone.size >= this.#items.length ? [] : this.#items.filter((item) => !gone.has(item));
      return;
    }
    for (const one of gone) {
      const at = this.firstWhere((item) => this.#compare(item, one) >= 0);
      if (this.#items[at] === one) this.#items.splice(at, 1);
    }
  }
}

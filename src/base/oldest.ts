/** The oldest keys of a map, where they are let go one by one. */

/**
 * Gives the keys of a map in the order in which they came, each once. A new iterator each time would pass over all that
 * were deleted since the map grew last.
 */
export class OldestKeys<K> {
  readonly #map: ReadonlyMap<K, unknown>;
  #keys: Iterator<K>;

  /** Of that map; whoever asks for a key deletes it. */
  constructor(map: ReadonlyMap<K, unknown>) {
    this.#map = map;
    this.#keys = map.keys();
  }

  /** The oldest one; undefined: the map is empty. */
  next(): K | undefined {
    const next = this.#keys.next();
    if (!next.done) return next.value;
    // an iterator that has come to the end stays there
    this.#keys = this.#map.keys();
    return this.#keys.next().value;
  }
}

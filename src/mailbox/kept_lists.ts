/** What the kept lists of all places may take together: those that nobody has searched for the longest time go. */

/** A list, as far as it is held within bounds. */
export interface BoundedList {
  /** About how many octets it takes. */
  readonly octets: number;
  /** Keeps nothing more. */
  forget(): void;
  /** Keeps no texts of contents any more; false: it has none. */
  dropTexts(): boolean;
}

/** So many octets together. */
const MOST_OCTETS = 64 * 1024 * 1024;
/** Of these the texts of contents fill no more than that, heads the rest. */
const SHARE_WITH_TEXTS = 0.9;

/** The lists that have something. */
export class KeptLists {
  /** The one that was searched last is the last one. */
  readonly #used = new Set<BoundedList>();
  readonly #most: number;

  /** `most`: so many octets. */
  constructor(most: number = MOST_OCTETS) {
    this.#most = most;
  }

  /** A list is searched. */
  use(list: BoundedList): void {
    this.#used.delete(list);
    this.#used.add(list);
  }

  /** Is there room for the texts of more contents, when lists go that were not searched lately? */
  hasRoomForTexts(list: BoundedList): boolean {
    return this.#makeRoom(list, SHARE_WITH_TEXTS * this.#most);
  }

  /** Is there room for more messages, when others and all texts go? */
  hasRoom(list: BoundedList): boolean {
    return this.#makeRoom(list, this.#most) || (list.dropTexts() && this.#makeRoom(list, this.#most));
  }

  #makeRoom(list: BoundedList, most: number): boolean {
    let octets = 0;
    for (const one of this.#used) octets += one.octets;
    for (const one of this.#used) {
      if (octets <= most || one === list) break;
      octets -= one.octets;
      one.forget();
      this.#used.delete(one);
    }
    return octets <= most;
  }
}

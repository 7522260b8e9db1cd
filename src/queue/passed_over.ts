/** What a scan of the due index passed over: of each destination without room the first records, and where more begin. */

import { type DueEntry, type DuePlace, nameOf } from "./queue_store.ts";

/** Records that are remembered of one destination, and of all. */
const MAX_PER_DESTINATION = 1000;
const MAX_IN_ALL = 20_000;

/** What is known of one destination. */
interface Lane {
  /** Records by name, in the order in which they were met. */
  readonly known: Map<string, DueEntry>;
  /** From here on the index may hold others; undefined: of what was seen these are all. */
  more: DuePlace | undefined;
}

/**
 * The records that their destinations had no room for. They need not be looked for when there is room: with a long
 * queue for one host each look would go through all of it.
 */
export class PassedOver {
  readonly #lanes = new Map<string, Lane>();
  #size = 0;

  /** Was anything of the destination passed over? */
  has(destination: string): boolean {
    return this.#lanes.has(destination);
  }

  /** Remembers a record; false when there are too many. */
  add(destination: string, entry: DueEntry): boolean {
    const { known } = this.#lane(destination);
    if (known.size >= MAX_PER_DESTINATION || this.#size >= MAX_IN_ALL) return false;
    known.set(nameOf(entry), entry);
    this.#size++;
    return true;
  }

  /** Is that record remembered? Then as it is now. */
  renew(destination: string, entry: DueEntry): boolean {
    const known = this.#lanes.get(destination)?.known;
    if (!known?.has(nameOf(entry))) return false;
    known.set(nameOf(entry), entry);
    return true;
  }

  /** Takes out the record that was met first; undefined: none is remembered. */
  take(destination: string): DueEntry | undefined {
    const lane = this.#lanes.get(destination);
    const [first] = lane?.known ?? [];
    if (!lane || !first) return undefined;
    lane.known.delete(first[0]);
    this.#size--;
    this.#tidy(destination, lane);
    return first[1];
  }

  /** What was passed over for one destination is another one's. */
  move(from: string, to: string): void {
    const lane = this.#lanes.get(from);
    if (!lane) return;
    this.#lanes.delete(from);
    const { known } = this.#lane(to);
    for (const [name, entry] of lane.known) {
      if (known.has(name)) this.#size--;
      known.set(name, entry);
    }
    if (lane.more) this.moreFrom(to, lane.more);
  }

  /** From where on there may be others than those that are remembered. */
  moreOf(destination: string): DuePlace | undefined {
    return this.#lanes.get(destination)?.more;
  }

  /** From that place on there may be others, or from an earlier one that is known of. */
  moreFrom(destination: string, place: DuePlace): void {
    const lane = this.#lane(destination);
    lane.more = lane.more ? earlier(lane.more, place) : place;
  }

  /** The others were looked for: they begin there, or there are none. */
  settle(destination: string, more: DuePlace | undefined): void {
    const lane = this.#lanes.get(destination);
    if (!lane) return;
    lane.more = more;
    this.#tidy(destination, lane);
  }

  /** The destinations whose others begin at a place or behind it, and where. */
  beginningFrom(place: DuePlace): Map<string, DuePlace> {
    const found = new Map<string, DuePlace>();
    for (const [destination, { more }] of this.#lanes) {
      if (more && !isBefore(more, place)) found.set(destination, more);
    }
    return found;
  }

  #lane(destination: string): Lane {
    let lane = this.#lanes.get(destination);
    if (!lane) this.#lanes.set(destination, lane = { known: new Map(), more: undefined });
    return lane;
  }

  #tidy(destination: string, { known, more }: Lane): void {
    if (known.size === 0 && !more) this.#lanes.delete(destination);
  }
}

/** The first of two places. */
export function earlier(a: DuePlace, b: DuePlace): DuePlace {
  return isBefore(b, a) ? b : a;
}

/** Does one place come before another one? */
export function isBefore(a: DuePlace, b: DuePlace): boolean {
  if (a.when !== b.when) return a.when < b.when;
  if (a.id !== b.id) return a.id < b.id;
  return a.part < b.part;
}

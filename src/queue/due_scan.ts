/** The scan of the due index: what was seen is not looked at again, and nothing is overlooked. */

import type { DueEntry, DuePlace, QueueStore } from "./queue_store.ts";
import type { NewWork } from "./waker.ts";
import type { Scheduler } from "./scheduler.ts";

/** What a {@linkcode DueScan} works with. */
export interface DueScanOptions {
  readonly queue: QueueStore;
  readonly scheduler: Scheduler;
  /** The destination of a domain. */
  destinationOf(of: { readonly domain: string }): string;
  /** Is that record in our hands already? */
  isOurs(of: { id: string; part: number }): boolean;
}

/** A record to claim, for which the scheduler keeps a place. */
export interface Picked {
  readonly entry: DueEntry;
  readonly destination: string;
}

/** What one look found. */
export interface DueFound {
  readonly picked: readonly Picked[];
  /** False: it stopped before the end. */
  readonly complete: boolean;
}

/** Records picked by one look, and the entries it looks at. */
const MAX_PICKED = 200;
const MAX_SEEN = 5000;

const START: DuePlace = { when: -Infinity, id: "", part: 0 };

/**
 * Goes through the due index. A record whose destination has no room is skipped without a write, and looked at
 * again when there is room. The index is sorted by time and grows at its end, so a look goes on where the last one
 * stopped; {@linkcode rewind} and {@linkcode roomFor} send it back.
 */
export class DueScan {
  readonly #options: DueScanOptions;
  /** Everything before this place was seen. */
  #from: DuePlace = START;
  /** Destinations that were skipped, with the time of their first record. */
  readonly #skipped = new Map<string, number>();
  /** Up to where what was seen was seen once more, and whether it is to go on there. */
  #behind: DuePlace = START;
  #looksBehind = false;

  constructor(options: DueScanOptions) {
    this.#options = options;
  }

  /** Something came into the index that is due at `when`: the next look begins there at the latest. */
  rewind(when = -Infinity): void {
    this.#from = earlier(this.#from, { ...START, when });
  }

  /**
   * Others say that something came into the index: true when there may be room for it. When they can't say from when
   * on it is due (`from` is 0), some of what was seen is looked at once more, and the next time what comes behind.
   */
  hear({ from, domains }: NewWork): boolean {
    if (from === 0) return this.#looksBehind = true;
    const { destinationOf } = this.#options;
    const wanted = domains?.filter((domain) => !this.skip(destinationOf({ domain }), from));
    if (wanted?.length === 0) return false;
    this.rewind(from);
    return true;
  }

  /** A record due at `when` came into the index: true when its destination has no room, as if it had been looked at. */
  skip(destination: string, when: number): boolean {
    if (this.#options.scheduler.hasRoom(destination)) return false;
    if ((this.#skipped.get(destination) ?? Infinity) > when) this.#skipped.set(destination, when);
    return true;
  }

  /** A delivery to that destination ended. True when it has room now for records that were skipped. */
  roomFor(destination: string): boolean {
    const when = this.#skipped.get(destination);
    if (when === undefined || !this.#options.scheduler.isLow(destination)) return false;
    this.#skipped.delete(destination);
    this.rewind(when);
    return true;
  }

  /** Looks for records that are due at `now` and have room. When it rejects, nothing was seen and nothing reserved. */
  async look(now: number): Promise<DueFound> {
    const start = this.#from;
    const picked: Picked[] = [];
    // What is sent back meanwhile counts from here on.
    this.#from = { ...START, when: Infinity };
    try {
      const { last, complete } = await this.#pass(start, { now, picked });
      if (complete && this.#looksBehind) await this.#lookBehind(start, { now, picked });
      // When the clock was set back, all up to its new time was looked at, and nothing behind it counts as seen.
      const nowhere = start.when > now ? { ...START, when: now } : start;
      this.#from = earlier(this.#from, last ?? nowhere);
      return { picked, complete };
    } catch (error) {
      for (const { destination } of picked) this.#options.scheduler.unreserve(destination);
      this.#from = earlier(this.#from, start);
      throw error;
    }
  }

  async #lookBehind(end: DuePlace, of: { now: number; picked: Picked[] }): Promise<void> {
    const { last, complete } = await this.#pass(this.#behind, { ...of, end });
    this.#behind = complete || !last ? START : last;
    this.#looksBehind = false;
  }

  /** Picks from a place on, up to `end` or what is due; `complete`: it came so far. */
  async #pass(
    start: DuePlace,
    { now, picked, end }: { now: number; picked: Picked[]; end?: DuePlace },
  ): Promise<{ last: DuePlace | undefined; complete: boolean }> {
    const { queue, scheduler, destinationOf, isOurs } = this.#options;
    let last: DuePlace | undefined;
    let seen = 0;
    const from = start.when <= now && start.when !== -Infinity ? start : undefined;
    for await (const entry of queue.due(now, from)) {
      const { when, id, part } = entry;
      if (end && earlier(entry, end) === end) break;
      last = { when, id, part };
      // A lease of ours that ran out while the store failed: its delivery still runs here.
      if (!isOurs(entry)) {
        const destination = destinationOf(entry.mark);
        if (scheduler.hasRoom(destination)) {
          scheduler.reserve(destination);
          picked.push({ entry, destination });
        } else this.skip(destination, when);
      }
      if (picked.length >= MAX_PICKED || ++seen >= MAX_SEEN) return { last, complete: false };
    }
    return { last, complete: true };
  }
}

function earlier(a: DuePlace, b: DuePlace): DuePlace {
  if (a.when !== b.when) return a.when < b.when ? a : b;
  if (a.id !== b.id) return a.id < b.id ? a : b;
  return a.part <= b.part ? a : b;
}

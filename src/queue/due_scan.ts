/** In charge of looking through the due index: what was seen is not looked at again, and nothing is overlooked. */

import type { DueEntry, DuePlace, QueueStore, Times } from "./queue_store.ts";
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

/** What one look found. */
export interface DueFound {
  /** The records to claim; for each the scheduler keeps a place. */
  readonly picked: readonly { readonly entry: DueEntry; readonly destination: string }[];
  /** False: it stopped before the end. */
  readonly complete: boolean;
}

/** To look through all of it takes this part of the time at the most. */
const SHARE = 1 / 50;
/** Records picked by one look, and the entries it looks at. */
const MAX_PICKED = 200;
const MAX_SEEN = 5000;

const START: DuePlace = { when: -Infinity, id: "", part: 0 };

/**
 * Goes through the due index. A record whose destination has no room is passed over without a write, and looked at
 * again when there is room. The index is sorted by time and grows at its end, so a look goes on where the last one
 * stopped; {@linkcode rewind} and {@linkcode roomFor} send it back.
 */
export class DueScan {
  readonly #options: DueScanOptions;
  /** Everything before this place was seen. */
  #from: DuePlace = START;
  /** Destinations that were passed over, with the time of their first record. */
  readonly #passed = new Map<string, number>();
  /** When the way through all of it began that is under way, and before when no other one does: monotonic. */
  #began: number | undefined;
  #notBefore = -Infinity;

  constructor(options: DueScanOptions) {
    this.#options = options;
  }

  /** Something came into the index that is due at `when`: the next look begins there at the latest. */
  rewind(when = -Infinity): void {
    this.#from = earlier(this.#from, { ...START, when });
  }

  /**
   * Others say that something came into the index: true when there may be room for it. To look through all of it
   * (`from` is 0) is not done too often for what it takes.
   */
  hear({ from, domains }: NewWork, monotonic: number): boolean {
    if (from > 0) {
      const { destinationOf } = this.#options;
      const wanted = domains?.filter((domain) => !this.passOver(destinationOf({ domain }), from));
      if (wanted?.length === 0) return false;
      this.rewind(from);
    } else if (this.#began === undefined && monotonic >= this.#notBefore) {
      this.#began = monotonic;
      this.rewind();
    }
    return true;
  }

  /** A record due at `when` came into the index: true when its destination has no room, as if it had been looked at. */
  passOver(destination: string, when: number): boolean {
    if (this.#options.scheduler.hasRoom(destination)) return false;
    if ((this.#passed.get(destination) ?? Infinity) > when) this.#passed.set(destination, when);
    return true;
  }

  /** A delivery to that destination ended. True when it has room now for records that were passed over. */
  roomFor(destination: string): boolean {
    const when = this.#passed.get(destination);
    if (when === undefined || !this.#options.scheduler.isLow(destination)) return false;
    this.#passed.delete(destination);
    this.rewind(when);
    return true;
  }

  /** Looks for records that are due now and have room. When it rejects, nothing was seen and nothing reserved. */
  async look({ now, monotonic }: Times): Promise<DueFound> {
    const { queue, scheduler, destinationOf, isOurs } = this.#options;
    const start = this.#from;
    // What is sent back meanwhile counts from here on.
    this.#from = { ...START, when: Infinity };
    const picked: { entry: DueEntry; destination: string }[] = [];
    let last: DuePlace | undefined;
    let seen = 0;
    let complete = true;
    try {
      const from = start.when <= now && start.when !== -Infinity ? start : undefined;
      for await (const entry of queue.due(now, from)) {
        const { when, id, part } = entry;
        last = { when, id, part };
        seen++;
        // A lease of ours that ran out while the store failed: its delivery still runs here.
        if (!isOurs(entry)) {
          const destination = destinationOf(entry.mark);
          if (scheduler.hasRoom(destination)) {
            scheduler.reserve(destination);
            picked.push({ entry, destination });
          } else this.passOver(destination, when);
        }
        if (picked.length >= MAX_PICKED || seen >= MAX_SEEN) {
          complete = false;
          break;
        }
      }
    } catch (error) {
      for (const { destination } of picked) scheduler.unreserve(destination);
      this.#from = earlier(this.#from, start);
      throw error;
    }
    // When the clock was set back, all up to its new time was looked at, and nothing behind it counts as seen.
    const nowhere = start.when > now ? { ...START, when: now } : start;
    this.#from = earlier(this.#from, last ?? nowhere);
    if (complete && this.#began !== undefined) {
      this.#notBefore = monotonic + (monotonic - this.#began) / SHARE;
      this.#began = undefined;
    }
    return { picked, complete };
  }
}

function earlier(a: DuePlace, b: DuePlace): DuePlace {
  if (a.when !== b.when) return a.when < b.when ? a : b;
  if (a.id !== b.id) return a.id < b.id ? a : b;
  return a.part <= b.part ? a : b;
}

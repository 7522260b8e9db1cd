/** The scan of the due index: what was seen is not looked at again, and nothing is overlooked. */

import { earlier, isBefore, PassedOver } from "./passed_over.ts";
import { type DueEntry, type DuePlace, nameOf, type QueueStore } from "./queue_store.ts";
import type { NewWork } from "./waker.ts";
import type { Scheduler } from "./scheduler.ts";

/** What a {@linkcode DueScan} works with. */
export interface DueScanOptions {
  readonly queue: QueueStore;
  readonly scheduler: Scheduler;
  /** The destination of a domain. */
  destinationOf(of: { readonly domain: string }): string;
  /** Is that record in our hands already? */
  isOurs(of: DuePlace): boolean;
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
const NOWHERE: DuePlace = { ...START, when: Infinity };

/** What one look has so far. */
interface Look {
  readonly now: number;
  readonly picked: Picked[];
  /** The names of those. */
  readonly names: Set<string>;
}

/** One reading of the index. */
interface Pass {
  readonly start: DuePlace;
  /** Where it ends; undefined: with what is due. */
  readonly end?: DuePlace;
  /** It may end when all that have room are served, or remembered as many as can be. */
  readonly served?: (stops: ReadonlyMap<string, DuePlace>) => boolean;
}

/**
 * Goes through the due index. A record whose destination has no room is passed over without a write, and picked when
 * there is room. The index is sorted by time and grows at its end, so a look goes on where the last one stopped;
 * {@linkcode rewind} sends it back. Of what was passed over the first records are remembered, and the others read on
 * from where they begin: however long the queue for one destination is, its index is read about once.
 */
export class DueScan {
  readonly #options: DueScanOptions;
  /** Everything before this place was seen. */
  #from: DuePlace = START;
  /** What had no room. */
  readonly #passed = new PassedOver();
  /** Destinations that have room for what was passed over. */
  readonly #ready = new Set<string>();
  /** Those that have nothing in hand whose end could tell of room: there was none for any destination. */
  readonly #leftOut = new Set<string>();
  /** What came in during a look: it is passed over when the look has ended. */
  #arrived: (readonly [destination: string, place: DuePlace])[] | undefined;
  /** The same of what moved to another destination. */
  #moved: (readonly [from: string, to: string])[] | undefined;
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
    const place = { ...START, when };
    if (this.#arrived) this.#arrived.push([destination, place]);
    else this.#passed.moreFrom(destination, place);
    this.#leaveOut(destination);
    return true;
  }

  /** What was passed over for one destination is another one's: it was found to have the same hosts. */
  move(from: string, to: string): void {
    if (this.#moved) {
      this.#moved.push([from, to]);
      return;
    }
    if (!this.#passed.has(from)) return;
    this.#passed.move(from, to);
    this.#leftOut.delete(from);
    // who has nothing in hand has nobody whose end would tell of room
    if (this.#ready.delete(from) || !this.#options.scheduler.has(to)) this.#ready.add(to);
  }

  /** Somebody of that destination gave a place up. True when there is room now for records that were passed over. */
  roomFor(destination: string): boolean {
    const { scheduler } = this.#options;
    if (this.#passed.has(destination) && scheduler.isLow(destination)) this.#ready.add(destination);
    for (const one of this.#leftOut) {
      if (this.#ready.size >= scheduler.room) break;
      this.#leftOut.delete(one);
      this.#ready.add(one);
    }
    return this.#ready.size > 0;
  }

  #leaveOut(destination: string): void {
    const { scheduler } = this.#options;
    if (scheduler.room === 0 && !scheduler.has(destination)) this.#leftOut.add(destination);
  }

  /** Looks for records that are due at `now` and have room. When it rejects, nothing was seen and nothing reserved. */
  async look(now: number): Promise<DueFound> {
    const start = this.#from;
    const look: Look = { now, picked: [], names: new Set() };
    // What is sent back meanwhile counts from here on.
    this.#from = NOWHERE;
    this.#arrived = [];
    this.#moved = [];
    try {
      const caughtUp = await this.#again(start, look);
      const { last, complete } = look.picked.length < MAX_PICKED
        ? await this.#pass({ start }, look)
        : { last: undefined, complete: false };
      if (complete && this.#looksBehind) await this.#lookBehind(start, look);
      // When the clock was set back, all up to its new time was looked at, and nothing behind it counts as seen.
      const nowhere = start.when > now ? { ...START, when: now } : start;
      this.#from = earlier(this.#from, last ?? nowhere);
      return { picked: look.picked, complete: complete && caughtUp };
    } catch (error) {
      this.putBack(look.picked);
      this.#from = earlier(this.#from, start);
      throw error;
    } finally {
      for (const [destination, place] of this.#arrived) this.#passed.moreFrom(destination, place);
      const moved = this.#moved;
      this.#arrived = this.#moved = undefined;
      for (const [from, to] of moved) this.move(from, to);
    }
  }

  /** What was picked can't be claimed now: it is met again by the next look. */
  putBack(picked: readonly Picked[]): void {
    for (const { entry, destination } of picked) {
      this.#options.scheduler.unreserve(destination);
      this.#passed.moreFrom(destination, entry);
      this.#ready.add(destination);
    }
  }

  /** Picks what was passed over and has room now, up to `end`, where new things begin; false: there may be more of it. */
  async #again(end: DuePlace, look: Look): Promise<boolean> {
    this.#pickKnown(look);
    // Who still is ready has nothing left that is remembered, or the look is full.
    const begins = [...this.#ready].map((destination) => this.#passed.moreOf(destination))
      .filter((more) => more !== undefined);
    if (look.picked.length >= MAX_PICKED) return false;
    if (begins.length === 0) return true;
    const start = begins.reduce(earlier);
    if (!isBefore(start, end)) return true;
    const ready = [...this.#ready];
    await this.#pass({ start, end, served: (stops) => ready.every((one) => stops.has(one)) }, look);
    for (const destination of ready) this.#tidy(destination);
    return this.#ready.size === 0;
  }

  #pickKnown(look: Look): void {
    for (const destination of this.#ready) {
      while (look.picked.length < MAX_PICKED && this.#options.scheduler.hasRoom(destination)) {
        const entry = this.#passed.take(destination);
        if (!entry) break;
        // the clock was set back: it is met again when its time comes
        if (entry.when > look.now) this.#passed.moreFrom(destination, entry);
        else if (!this.#options.isOurs(entry)) this.#pick(destination, entry, look);
      }
      this.#tidy(destination);
    }
  }

  /** Is there still room for something of the destination that was passed over? */
  #tidy(destination: string): void {
    const isPassed = this.#passed.has(destination);
    if (isPassed && this.#options.scheduler.hasRoom(destination)) return;
    this.#ready.delete(destination);
    if (isPassed) this.#leaveOut(destination);
  }

  async #lookBehind(end: DuePlace, look: Look): Promise<void> {
    const { last, complete } = await this.#pass({ start: this.#behind, end }, look);
    this.#behind = complete || !last ? START : last;
    this.#looksBehind = false;
  }

  /** Picks and passes over from a place on; `complete`: it came to the end. */
  async #pass(
    { start, end, served }: Pass,
    look: Look,
  ): Promise<{ last: DuePlace | undefined; complete: boolean }> {
    const { queue, isOurs } = this.#options;
    const { now, picked, names } = look;
    // Of these nothing is known that lies in what is read, but what comes before their place.
    const begin = this.#passed.beginningFrom(start);
    const stops = new Map<string, DuePlace>();
    let last: DuePlace | undefined;
    let complete = true;
    let seen = 0;
    const from = start.when <= now && start.when !== -Infinity ? start : undefined;
    for await (const entry of queue.due(now, from)) {
      if (end && !isBefore(entry, end)) break;
      const { when, id, part } = entry;
      last = { when, id, part };
      // A lease of ours that ran out while the store failed: its delivery still runs here.
      if (!isOurs(entry) && (names.size === 0 || !names.has(nameOf(entry)))) {
        this.#see(entry, { begin, stops, look });
      }
      if (picked.length < MAX_PICKED && ++seen < MAX_SEEN && !served?.(stops)) continue;
      complete = false;
      break;
    }
    this.#settle({ begin, stops, last: complete ? undefined : last, end });
    return { last, complete };
  }

  #see(
    entry: DueEntry,
    { begin, stops, look }: {
      begin: ReadonlyMap<string, DuePlace>;
      stops: Map<string, DuePlace>;
      look: Look;
    },
  ): void {
    const { scheduler, destinationOf } = this.#options;
    const destination = destinationOf(entry.mark);
    if (this.#passed.renew(destination, entry) || stops.has(destination)) return;
    const more = begin.has(destination) ? undefined : this.#passed.moreOf(destination);
    if (more && !isBefore(entry, more)) return; // it is met when that is read
    if (scheduler.hasRoom(destination)) this.#pick(destination, entry, look);
    else {
      if (!this.#passed.add(destination, entry)) stops.set(destination, entry);
      this.#leaveOut(destination);
    }
  }

  /** Notes up to where each destination is known after a pass that ended at `last`, or (undefined) came to its end. */
  #settle(
    { begin, stops, last, end }: {
      begin: ReadonlyMap<string, DuePlace>;
      stops: ReadonlyMap<string, DuePlace>;
      last: DuePlace | undefined;
      end: DuePlace | undefined;
    },
  ): void {
    for (const [destination, more] of begin) {
      const stop = stops.get(destination);
      const wasRead = last ? !isBefore(last, more) : !end || isBefore(more, end);
      if (!stop && !wasRead) continue;
      // What is new and was not read is no secret: the next look begins there.
      const next = last && end ? { ...last, part: last.part + 1 } : undefined;
      this.#passed.settle(destination, stop ?? next);
    }
    for (const [destination, place] of stops) {
      if (!begin.has(destination)) this.#passed.moreFrom(destination, place);
    }
  }

  #pick(destination: string, entry: DueEntry, { picked, names }: Look): void {
    this.#options.scheduler.reserve(destination);
    names.add(nameOf(entry));
    picked.push({ entry, destination });
  }
}

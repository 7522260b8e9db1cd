/** The outcomes of the last ten minutes: how many went well or badly, and whether enough of them speak of one thing. */

import type { Clock } from "../base/clock.ts";

const MINUTE = 60_000;
const MINUTES = 10;

/** One minute of them. */
interface Bucket {
  minute: number;
  good: number;
  bad: number;
  /** Of what was bad: names, no more than count. */
  readonly names: Set<string>;
}

/** What the last ten minutes came to. */
export interface RecentCount {
  readonly all: number;
  readonly bad: number;
  /** Most of it was bad, and that of enough different names. */
  readonly mostBad: boolean;
}

/**
 * Counts by the minute, in a bounded bit of memory. Bad outcomes carry the name of what they were about: the same one
 * again is no further evidence, as one message that is tried each minute is one message.
 */
export class RecentOutcomes {
  readonly #clock: Clock;
  readonly #enough: number;
  readonly #buckets: Bucket[];

  /** Fewer different names than `enough` are no evidence. */
  constructor(clock: Clock, enough: number) {
    this.#clock = clock;
    this.#enough = enough;
    this.#buckets = Array.from({ length: MINUTES }, () => ({
      minute: -Infinity,
      good: 0,
      bad: 0,
      names: new Set<string>(),
    }));
  }

  /** Something went well. */
  good(): void {
    this.#now().good++;
  }

  /** Something went badly. */
  bad(name: string): void {
    const bucket = this.#now();
    bucket.bad++;
    if (bucket.names.size < this.#enough) bucket.names.add(name);
  }

  /** Counts. */
  count(): RecentCount {
    const oldest = this.#minute() - MINUTES + 1;
    let [good, bad] = [0, 0];
    const names = new Set<string>();
    for (const bucket of this.#buckets) {
      if (bucket.minute < oldest) continue;
      good += bucket.good;
      bad += bucket.bad;
      for (const name of bucket.names) names.add(name);
    }
    return { all: good + bad, bad, mostBad: bad > good && names.size >= this.#enough };
  }

  #minute(): number {
    return Math.floor(this.#clock.monotonic() / MINUTE);
  }

  #now(): Bucket {
    const minute = this.#minute();
    const bucket = this.#buckets[minute % MINUTES]!;
    if (bucket.minute !== minute) {
      bucket.minute = minute;
      bucket.good = bucket.bad = 0;
      bucket.names.clear();
    }
    return bucket;
  }
}

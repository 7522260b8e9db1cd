/** The tally of destinations: how many attempts of the last hour failed at each, for a bounded number of them. */

import type { Clock } from "../base/clock.ts";
import type { Journal } from "../observe/journal.ts";

/** The attempts at one destination. */
export interface Tried {
  readonly attempts: number;
  readonly failures: number;
}

interface Half {
  attempts: number;
  failures: number;
}

const HALF_HOUR_MS = 30 * 60_000;
/** Of those that are tried, the last ones. */
const MAX_DESTINATIONS = 1000;

/** What became of attempts in this half hour and the one before. */
export class DestinationTally {
  readonly #clock: Clock;
  #halves: [now: Map<string, Half>, before: Map<string, Half>] = [new Map(), new Map()];
  #since: number;

  /** Listens from now on. */
  constructor(journal: Journal, clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
    journal.on((event) => {
      if (event.type !== "delivered" && event.type !== "deferred" && event.type !== "bounced") return;
      if (event.returned) return;
      const domain = event.recipient.slice(event.recipient.lastIndexOf("@") + 1).toLowerCase();
      this.#take(domain, event.type !== "delivered");
    });
  }

  /** The attempts of late at a domain; undefined: there was none. */
  get(domain: string): Tried | undefined {
    this.#advance();
    const halves = this.#halves.flatMap((half) => half.get(domain) ?? []);
    if (halves.length === 0) return undefined;
    const sum = (of: (half: Half) => number) => halves.reduce((all, half) => all + of(half), 0);
    return { attempts: sum((h) => h.attempts), failures: sum((h) => h.failures) };
  }

  /** The domains that were tried of late. */
  domains(): Iterable<string> {
    this.#advance();
    return new Set(this.#halves.flatMap((half) => [...half.keys()]));
  }

  #take(domain: string, failed: boolean): void {
    this.#advance();
    const [now] = this.#halves;
    const half = now.get(domain) ?? { attempts: 0, failures: 0 };
    half.attempts++;
    if (failed) half.failures++;
    now.delete(domain);
    now.set(domain, half);
    if (now.size > MAX_DESTINATIONS) now.delete(now.keys().next().value!);
  }

  #advance(): void {
    const passed = Math.floor((this.#clock.monotonic() - this.#since) / HALF_HOUR_MS);
    if (passed <= 0) return;
    this.#since += passed * HALF_HOUR_MS;
    this.#halves = [new Map(), passed === 1 ? this.#halves[0] : new Map()];
  }
}

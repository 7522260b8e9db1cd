/** The activity of late: counts by the minute for an hour, and the last events. */

import type { Clock } from "../base/clock.ts";
import type { HealthEvent, Journal, JournalEvent } from "../observe/journal.ts";

/** What is counted by the minute. */
export const COUNTED = ["accepted", "delivered", "deferred", "bounced"] as const;

/** One of them. */
export type Counted = typeof COUNTED[number];

/** The kinds of events that are remembered apart, so that many of one kind don't push the others out. */
export const KINDS = ["mail", "doors", "notes"] as const;

/** One of them: about messages; sessions and logins; what the server itself has to say. */
export type Kind = typeof KINDS[number];

/** What is remembered. */
export type RememberedEvent = Exclude<JournalEvent, HealthEvent>;

/** An event and when it was. */
export interface Happening {
  /** Rises with each event. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: Kind;
  readonly event: RememberedEvent;
}

const MINUTE = 60_000;
const MINUTES = 60;
/** Remembered of each kind. */
const REMEMBERED = 200;

/** What happened lately. Costs some hundred nanoseconds per event and a bounded bit of memory. */
export class Activity {
  readonly #clock: Clock;
  readonly #since: number;
  readonly #counts: Record<Counted, Uint32Array> = {
    accepted: new Uint32Array(MINUTES),
    delivered: new Uint32Array(MINUTES),
    deferred: new Uint32Array(MINUTES),
    bounced: new Uint32Array(MINUTES),
  };
  readonly #last: Record<Kind, Happening[]> = { mail: [], doors: [], notes: [] };
  readonly #next: Record<Kind, number> = { mail: 0, doors: 0, notes: 0 };
  #minute: number;
  #number = 0;

  /** Listens to the journal from now on. */
  constructor(journal: Journal, clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
    this.#minute = Math.floor(this.#since / MINUTE);
    journal.on((event) => this.#take(event));
  }

  /** Since when it counts: milliseconds since 1970. */
  get since(): number {
    return this.#since;
  }

  /** The counts of the last hour, minute by minute, the oldest first; the last is the minute that runs. */
  perMinute(what: Counted): number[] {
    this.#advance();
    const counts = this.#counts[what];
    return Array.from(counts, (_, i) => counts[(this.#minute + 1 + i) % MINUTES]!);
  }

  /** The last events of these kinds, newest first. */
  recent(kinds: readonly Kind[], limit: number): Happening[] {
    const all = kinds.flatMap((kind) => this.#last[kind]);
    return all.sort((a, b) => b.number - a.number).slice(0, limit);
  }

  #take(event: JournalEvent): void {
    if (event.type === "health") return; // a note says it, too
    const kind = kindOf(event);
    // mail that goes into a mailbox at once is delivered as well as mail that is handed on
    const counted = event.type === "mailbox" ? "delivered" : event.type;
    if (
      counted === "accepted" || counted === "delivered" || counted === "deferred" || counted === "bounced"
    ) {
      this.#advance();
      this.#counts[counted][this.#minute % MINUTES]!++;
    }
    const at = this.#next[kind];
    this.#last[kind][at] = { number: ++this.#number, at: this.#clock.now(), kind, event };
    this.#next[kind] = (at + 1) % REMEMBERED;
  }

  /** Empties the minutes that have passed since the last look. */
  #advance(): void {
    const now = Math.floor(this.#clock.now() / MINUTE);
    if (now <= this.#minute) return;
    for (let m = Math.max(this.#minute + 1, now - MINUTES + 1); m <= now; m++) {
      for (const what of COUNTED) this.#counts[what][m % MINUTES] = 0;
    }
    this.#minute = now;
  }
}

function kindOf({ type }: RememberedEvent): Kind {
  if (type === "note") return "notes";
  return type === "session" || type === "login" ? "doors" : "mail";
}

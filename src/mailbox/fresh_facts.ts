/** The facts of messages that were just put into folders, made of octets in memory; they go into the store many at a time. */

import type { Clock } from "../base/clock.ts";
import type { FactKeeper } from "./fact_keeper.ts";
import { LONGEST_FACTS } from "./fact_row.ts";
import { objectRow } from "./object_row.ts";

/** So many octets of facts go into the store without waiting for more. */
const MANY_OCTETS = 320 * 1024;
/** And so long they wait at most while more comes, milliseconds: that bounds what all mailboxes hold together. */
const WAIT_MS = 2000;

/** Facts by object. */
type Facts = ReadonlyMap<number, Uint8Array>;

/** Facts of one mailbox that are not in the store yet. */
export class FreshFacts {
  readonly #keeper: FactKeeper;
  readonly #clock: Clock;
  readonly #onKept: (facts: Facts) => void;
  #facts = new Map<number, Uint8Array>();
  #octets = 0;
  /** When the first of them came, by the clock's monotonic time. */
  #since = 0;
  /** What is being kept. */
  readonly #leaving = new Set<Facts>();

  /** `onKept` hears of facts that leave for the store. */
  constructor(keeper: FactKeeper, clock: Clock, onKept: (facts: Facts) => void) {
    this.#keeper = keeper;
    this.#clock = clock;
    this.#onKept = onKept;
  }

  /** Do some wait for more before they leave? */
  get areWaiting(): boolean {
    return this.#facts.size > 0;
  }

  /** Facts that have not left yet. */
  get(object: number): Uint8Array | undefined {
    const facts = this.#facts.get(object);
    if (facts) return facts;
    for (const some of this.#leaving) {
      const found = some.get(object);
      if (found) return found;
    }
    return undefined;
  }

  /** Takes facts in. */
  add(object: number, facts: Uint8Array): void {
    if (facts.length > LONGEST_FACTS) return;
    const now = this.#clock.monotonic();
    if (this.#facts.size === 0) this.#since = now;
    this.#facts.set(object, facts);
    this.#octets += facts.length;
    if (this.#octets >= MANY_OCTETS || now - this.#since > WAIT_MS) this.flush();
  }

  /** Sends all of them to the store. */
  flush(): void {
    if (this.#facts.size > 0) this.#leave(this.#facts);
    this.#facts = new Map();
    this.#octets = 0;
  }

  async #leave(facts: Facts): Promise<void> {
    this.#leaving.add(facts);
    const rows = new Map<number, Map<number, Uint8Array>>();
    for (const [object, one] of facts) {
      const row = rows.get(objectRow(object));
      if (row) row.set(object, one);
      else rows.set(objectRow(object), new Map([[object, one]]));
    }
    await this.#keeper.keep(rows);
    await this.#keeper.idle();
    this.#onKept(facts);
    this.#leaving.delete(facts);
  }
}

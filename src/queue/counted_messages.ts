/** What is counted of the messages of the queue, in memory: about 150 bytes a record. */

import type { Counted, QueueStats } from "./stats.ts";
import { countRecords } from "./stats.ts";

/** The messages, each as what is counted of its records. */
export class CountedMessages {
  readonly #messages = new Map<string, readonly Counted[]>();
  /** The domains of records, once each. */
  readonly #domains = new Map<string, readonly string[]>();

  /** How many messages. */
  get size(): number {
    return this.#messages.size;
  }

  /** All that is counted, message by message. */
  *records(): Generator<Counted> {
    for (const records of this.#messages.values()) yield* records;
  }

  /** The queue in numbers. */
  count(now: number): QueueStats {
    return countRecords(this.#messages.values(), now);
  }

  /** A record as it is from now on. */
  put(counted: Counted): void {
    const { id, part } = counted;
    const domains = counted.domains.length === 1 ? this.#shared(counted.domains) : counted.domains;
    const before = this.#messages.get(id);
    const own = domains === counted.domains ? counted : { ...counted, domains };
    this.#messages.set(id, before ? [...before.filter((one) => one.part !== part), own] : [own]);
  }

  /** A record is gone. */
  remove({ id, part }: { readonly id: string; readonly part: number }): void {
    const left = this.#messages.get(id)?.filter((one) => one.part !== part) ?? [];
    if (left.length > 0) this.#messages.set(id, left);
    else this.#messages.delete(id);
    if (this.#messages.size === 0) this.#domains.clear();
  }

  #shared(domains: readonly string[]): readonly string[] {
    const known = this.#domains.get(domains[0]!);
    if (known) return known;
    this.#domains.set(domains[0]!, domains);
    return domains;
  }
}

/** The sweeps of a server's store: what was let go, what crashed, what is over. */

import { type Clock, sleep } from "../base/clock.ts";
import type { Tasks } from "../base/tasks.ts";
import { BodySweeper, DEFAULT_SWEEP_GRACE_MS } from "../storage/bodies/bodies.ts";
import { sweepHistory } from "../queue/history.ts";
import { sweepExpired } from "../storage/expiry.ts";
import type { Parts } from "./parts.ts";

const EVERY_MS = 15 * 60_000;
/** What is deleted together is removed together. */
const RELEASED_MS = 250;

/** What sweeps work with. */
export interface SweepsOptions {
  /** The clock of their pauses. */
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Aborted when there are to be no more. */
  readonly closing: AbortSignal;
}

/** Sweeps now and then, and where large messages were deleted a moment later: that is room on the disk. */
export class Sweeps {
  readonly #parts: Parts;
  readonly #options: SweepsOptions;
  readonly #sweeper: BodySweeper;
  #isWaiting = false;

  constructor(parts: Parts, options: SweepsOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#sweeper = new BodySweeper(parts.store, { clock: parts.clock, graceMs: DEFAULT_SWEEP_GRACE_MS });
  }

  /** Sweeps at once, and from time to time. */
  start(): void {
    const { files } = this.#parts.store.kv;
    if (files) files.onReleased = () => this.#released();
    this.#options.tasks.run("sweep", () => this.#run());
  }

  /** One sweep; `first`: by the one server of a store that has just started. Never rejects. */
  async once(first: boolean): Promise<void> {
    const { store, clock, mailStore, config } = this.#parts;
    await this.#noting(async () => {
      await mailStore.finishRemovals();
      await this.#sweeper.sweep(first);
      await sweepExpired(store, clock.now());
      await sweepHistory(store, clock.now(), config.queue.history);
    });
  }

  async #run(): Promise<void> {
    const { clock, closing } = this.#options;
    for (let first = this.#parts.store.embedded; !closing.aborted; first = false) {
      await this.once(first);
      await sleep(clock, EVERY_MS, closing);
    }
  }

  #released(): void {
    const { clock, closing, tasks } = this.#options;
    if (this.#isWaiting || closing.aborted) return;
    this.#isWaiting = true;
    tasks.run("sweep", async () => {
      await sleep(clock, RELEASED_MS, closing);
      this.#isWaiting = false; // who comes from here on may be too late for this one
      if (!closing.aborted) await this.#noting(() => this.#sweeper.sweepReleased());
    });
  }

  async #noting(sweep: () => Promise<unknown>): Promise<void> {
    try {
      await sweep();
    } catch (error) {
      this.#parts.journal.note("WARN", "sweep failed", { error: String(error) });
    }
  }
}

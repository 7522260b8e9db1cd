/** In charge of being woken when the next record is due. */

import type { Clock, Timer } from "../base/clock.ts";

/** An alarm clock with one setting: the earliest. */
export interface Waker {
  /** Wakes at `when` (milliseconds since 1970), up to a second later, or too early; an earlier setting stays. */
  arm(when: number): void;
  /** No more waking. */
  close(): void | Promise<void>;
}

/** A timer knows nothing of clocks that are set: it looks again after this. */
const LONGEST_SLEEP_MS = 15 * 60_000;

/** Wakes by a timer of the clock: for tests that move it, and wherever the queue of KV does not exist. */
export class TimerWaker implements Waker {
  #timer: Timer | undefined;
  #when = Infinity;

  constructor(private readonly clock: Clock, private readonly wake: () => void) {}

  arm(when: number): void {
    if (when >= this.#when) return;
    this.#timer?.cancel();
    this.#when = when;
    const delay = Math.min(Math.max(0, when - this.clock.now()), LONGEST_SLEEP_MS);
    this.#timer = this.clock.schedule(delay, () => {
      this.#when = Infinity;
      this.wake();
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#when = -Infinity;
  }
}

/** What of KV, or in its place, wakes. */
export type QueueOfKv = Pick<Deno.Kv, "enqueue" | "listenQueue">;

/** What the wake-ups carry through KV's queue. */
interface WakeUp {
  readonly dinopost: "wake";
  readonly slot: number;
}

/** Wake-ups are rounded up to this, so that records due about together share one. */
const SLOT_MS = 1000;
/** KV takes delays up to 30 days. */
const MAX_DELAY_MS = 30 * 24 * 3600_000;
/** However the clock is set and whatever became of a wake-up, nothing sleeps longer than this over its time. */
const LOOK_EVERY_MS = 60_000;

/**
 * Wakes by `kv.enqueue` with a delay: the alarm is in the store and survives a restart. One wake-up per slot, never
 * one per record, since entries that wait make every other one slower (and can't be listed, moved or cancelled: a
 * wake-up that is no longer needed fires and finds nothing due). KV's queue can fail as the disk can; so a timer
 * takes the place of a wake-up that could not be stored, and looks once a minute.
 */
export class KvWaker implements Waker {
  readonly #kv: QueueOfKv;
  readonly #clock: Clock;
  readonly #wake: () => void;
  readonly #trouble: (error: unknown) => void;
  /** The slots that have a wake-up. */
  readonly #armed = new Set<number>();
  readonly #substitute: TimerWaker;
  #look: Timer | undefined;
  #earliest = Infinity;
  #deaf = false;
  #closed = false;

  constructor(kv: QueueOfKv, options: { clock: Clock; wake: () => void; trouble: (error: unknown) => void }) {
    this.#kv = kv;
    this.#clock = options.clock;
    this.#wake = options.wake;
    this.#trouble = options.trouble;
    this.#substitute = new TimerWaker(options.clock, options.wake);
    // Ends when the store is closed.
    kv.listenQueue((message) => this.#rung(message)).catch((error) => {
      if (this.#closed) return;
      this.#deaf = true;
      this.#trouble(error);
      this.#wake();
    });
    this.#lookLater();
  }

  arm(when: number): void {
    if (this.#closed) return;
    if (this.#deaf) return this.#substitute.arm(when);
    const slot = Math.ceil(when / SLOT_MS) * SLOT_MS;
    if (slot >= this.#earliest || this.#armed.has(slot)) return;
    this.#armed.add(slot);
    this.#earliest = slot;
    const delay = Math.min(Math.max(0, slot - this.#clock.now()), MAX_DELAY_MS);
    const message: WakeUp = { dinopost: "wake", slot };
    this.#kv.enqueue(message, { delay }).catch((error) => {
      this.#forget(slot);
      if (this.#closed) return;
      this.#trouble(error);
      this.#substitute.arm(when);
    });
  }

  close(): void {
    this.#closed = true;
    this.#look?.cancel();
    this.#substitute.close();
  }

  #rung(message: unknown): void {
    if (this.#closed || (message as WakeUp | null)?.dinopost !== "wake") return;
    this.#forget((message as WakeUp).slot);
    this.#wake();
  }

  #forget(slot: number): void {
    this.#armed.delete(slot);
    this.#earliest = this.#armed.size === 0 ? Infinity : Math.min(...this.#armed);
  }

  #lookLater(): void {
    this.#look = this.#clock.schedule(LOOK_EVERY_MS, () => {
      // A slot that should have rung by now will not keep others from being armed.
      const overdue = this.#clock.now() - LOOK_EVERY_MS;
      for (const slot of this.#armed) if (slot < overdue) this.#forget(slot);
      this.#lookLater();
      this.#wake();
    });
  }
}

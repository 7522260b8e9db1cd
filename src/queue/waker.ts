/** Alarm clocks that wake when the next record is due. The index of due times says what is true; they only fire. */

import type { Clock, Timer } from "../base/clock.ts";

/** Work that came into the index, perhaps behind what was looked at already. */
export interface NewWork {
  /** Due from then on: milliseconds since 1970. */
  readonly from: number;
  /** For these domains; absent: for any. */
  readonly domains?: readonly string[] | undefined;
}

/** An alarm clock with one setting: the earliest. */
export interface Waker {
  /** Wakes at `when` (milliseconds since 1970), up to two seconds later, or too early; an earlier setting stays. */
  set(when: number): void;
  /** No more waking. */
  close(): void | Promise<void>;
}

/** The system's timers know nothing of a clock that is set: a look again after this. */
const LONGEST_SLEEP_MS = 60_000;

/** Wakes by a timer of the clock: for tests that move it, and wherever the queue of KV does not exist. */
export class TimerWaker implements Waker {
  #timer: Timer | undefined;
  #when = Infinity;

  /** It wakes after `longestMs` in any case. */
  constructor(
    private readonly clock: Clock,
    private readonly wake: () => void,
    private readonly longestMs = Infinity,
  ) {}

  set(when: number): void {
    if (when >= this.#when) return;
    this.#timer?.cancel();
    this.#when = when;
    const delay = Math.min(Math.max(0, when - this.clock.now()), this.longestMs);
    this.#timer = this.clock.schedule(delay, () => {
      this.#when = Infinity;
      this.wake();
    });
  }

  /** Forgets the time it was set to. */
  disarm(): void {
    this.#timer?.cancel();
    this.#when = Infinity;
  }

  close(): void {
    this.#timer?.cancel();
    this.#when = -Infinity;
  }
}

/** What of KV wakes. */
export type AlarmKv = Pick<Deno.Kv, "enqueue" | "listenQueue" | "close">;

/** What a {@linkcode KvWaker} works with. */
export interface KvWakerOptions {
  /** For what time it is, and the timer beside KV's queue. */
  readonly clock: Clock;
  /** Looks what is due. */
  wake(): void;
  /** KV's queue failed. */
  onError(error: unknown): void;
  /** For tests; default: a KV in memory. */
  readonly open?: () => Promise<AlarmKv>;
}

/** What the wake-ups carry through KV's queue. */
interface WakeUp {
  readonly dinopost: "wake";
  readonly slot: number;
}

/** Wake-ups are rounded up to this, so that records due about together share one. */
const SLOT_MS = 1000;
/** KV takes delays up to 30 days. */
const MAX_DELAY_MS = 30 * 24 * 3600_000;
/** When KV's queue has not fired so long after a slot, the timer does. */
const LATE_MS = 500;

/**
 * Wakes by delays of `kv.enqueue`, one wake-up per slot and never one per record. Their KV is in memory: one that
 * comes due in a file on a full disk ends the process (a panic in KV's own thread), at each start anew, and what a
 * restart has to know is in the index of due times. Nothing hangs on the wake-ups: a timer fires when one is late.
 */
export class KvWaker implements Waker {
  readonly #options: KvWakerOptions;
  /** The slots that have a wake-up. */
  readonly #scheduled = new Set<number>();
  readonly #timer: TimerWaker;
  #kv: Promise<AlarmKv> | undefined;
  #listening: Promise<void> | undefined;
  #closed = false;

  constructor(options: KvWakerOptions) {
    this.#options = options;
    this.#timer = new TimerWaker(options.clock, () => this.#fire(), LONGEST_SLEEP_MS);
  }

  set(when: number): void {
    if (this.#closed) return;
    const slot = Math.ceil(when / SLOT_MS) * SLOT_MS;
    this.#timer.set(slot + LATE_MS);
    for (const earlier of this.#scheduled) if (earlier <= slot) return;
    this.#scheduled.add(slot);
    this.#enqueue(slot).catch((error) => {
      this.#scheduled.delete(slot);
      this.#failed(error);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer.close();
    const kv = await this.#kv?.catch(() => undefined);
    kv?.close();
    await this.#listening; // KV's last look into its queue is still under way
  }

  async #enqueue(slot: number): Promise<void> {
    const kv = await (this.#kv ??= this.#open());
    const delay = Math.min(Math.max(0, slot - this.#options.clock.now()), MAX_DELAY_MS);
    const message: WakeUp = { dinopost: "wake", slot };
    if (!this.#closed) await kv.enqueue(message, { delay });
  }

  async #open(): Promise<AlarmKv> {
    const kv = await (this.#options.open ?? (() => Deno.openKv(":memory:")))();
    this.#listening = kv.listenQueue((message) => this.#fired(message as WakeUp)).catch((error) =>
      this.#failed(error)
    );
    return kv;
  }

  #failed(error: unknown): void {
    if (!this.#closed) this.#options.onError(error);
  }

  #fired({ slot }: WakeUp): void {
    if (this.#closed) return;
    this.#scheduled.delete(slot);
    this.#timer.disarm();
    if (this.#scheduled.size > 0) this.#timer.set(Math.min(...this.#scheduled) + LATE_MS);
    this.#options.wake();
  }

  /** The timer fires: a wake-up is late, or the clock may have been set. */
  #fire(): void {
    const now = this.#options.clock.now();
    for (const slot of this.#scheduled) if (slot <= now) this.#scheduled.delete(slot);
    this.#options.wake();
  }
}

/** The live feed: the journal's events as server-sent events, for many listeners at the price of one. */

import { encode } from "../base/bytes.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { factsOf, type Journal, type JournalEvent } from "../observe/journal.ts";

/** The events that can be listened to. */
export const EVENT_TYPES = [
  "session",
  "accepted",
  "delivered",
  "deferred",
  "bounced",
  "mailbox",
  "login",
  "health",
  "report",
  "note",
] as const;

/** The type of an event. */
export type EventType = typeof EVENT_TYPES[number];

/** Events are sent together: the first one of a pause at once, those that follow after this. */
const BATCH_MS = 100;
/** Without an event something is sent after this, so that nobody takes the connection for dead. */
const HEARTBEAT_MS = 15_000;
/** What a slow listener may have before it loses events: bytes. */
const BUFFER = 256 * 1024;
/** Listeners at once. */
const MAX_LISTENERS = 500;

interface Listener {
  readonly types: string;
  readonly wants: ReadonlySet<string>;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  lost: number;
}

/** Feeds listeners. Costs nothing while there is none. */
export class EventFeed {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #listeners = new Set<Listener>();
  #pending: { type: string; text: string }[] = [];
  #lastSent = -Infinity;
  #timer: Timer | undefined;
  #heartbeat: Timer | undefined;
  #unsubscribe: (() => void) | undefined;
  #closed = false;

  /** The feed ends when `closing` is aborted. */
  constructor(options: { journal: Journal; clock: Clock; closing: AbortSignal }) {
    this.#journal = options.journal;
    this.#clock = options.clock;
    if (options.closing.aborted) this.#closed = true;
    else options.closing.addEventListener("abort", () => this.#close(), { once: true });
  }

  /** How many listen. */
  get size(): number {
    return this.#listeners.size;
  }

  /** A stream of the events of these types from now on; undefined when too many listen, or all is over. */
  listen(types: readonly EventType[]): ReadableStream<Uint8Array> | undefined {
    if (this.#closed || this.#listeners.size >= MAX_LISTENERS) return undefined;
    let listener: Listener;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const wants = new Set<string>(types);
        listener = { types: [...wants].sort().join(), wants, controller, lost: 0 };
        controller.enqueue(encode("retry: 2000\n: listening\n\n"));
        this.#add(listener);
      },
      cancel: () => this.#remove(listener),
    }, new ByteLengthQueuingStrategy({ highWaterMark: BUFFER }));
  }

  #add(listener: Listener): void {
    // what happened before is for those who were there
    if (this.#pending.length > 0) this.#send();
    this.#listeners.add(listener);
    this.#unsubscribe ??= this.#journal.on((event) => this.#take(event));
    this.#heartbeat ??= this.#clock.schedule(HEARTBEAT_MS, () => this.#beat());
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#heartbeat?.cancel();
    this.#heartbeat = undefined;
    this.#pending = [];
  }

  #take(event: JournalEvent): void {
    const { type } = event;
    const now = this.#clock.now();
    const data = JSON.stringify({ at: new Date(now).toISOString(), ...factsOf(event) });
    this.#pending.push({ type, text: `event: ${type}\ndata: ${data}\n\n` });
    if (this.#timer) return;
    const wait = this.#lastSent + BATCH_MS - this.#clock.monotonic();
    this.#timer = this.#clock.schedule(Math.min(BATCH_MS, Math.max(0, wait)), () => this.#send());
  }

  #send(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#lastSent = this.#clock.monotonic();
    const events = this.#pending;
    this.#pending = [];
    // listeners who want the same get the same bytes
    const batches = new Map<string, { bytes: Uint8Array; count: number }>();
    for (const listener of [...this.#listeners]) {
      let batch = batches.get(listener.types);
      if (!batch) {
        const wanted = events.filter((e) => listener.wants.has(e.type));
        batch = { bytes: encode(wanted.map((e) => e.text).join("")), count: wanted.length };
        batches.set(listener.types, batch);
      }
      if (batch.count > 0) this.#give(listener, batch);
    }
  }

  #give(listener: Listener, batch: { bytes: Uint8Array; count: number }): void {
    if ((listener.controller.desiredSize ?? 0) <= 0) {
      listener.lost += batch.count;
      return;
    }
    this.#tellLoss(listener);
    listener.controller.enqueue(batch.bytes);
  }

  #tellLoss(listener: Listener): void {
    if (listener.lost === 0) return;
    listener.controller.enqueue(encode(`event: lost\ndata: {"count":${listener.lost}}\n\n`));
    listener.lost = 0;
  }

  #beat(): void {
    this.#heartbeat = this.#clock.schedule(HEARTBEAT_MS, () => this.#beat());
    const beat = encode(": still here\n\n");
    for (const listener of this.#listeners) {
      if ((listener.controller.desiredSize ?? 0) <= 0) continue;
      this.#tellLoss(listener);
      listener.controller.enqueue(beat);
    }
  }

  #close(): void {
    this.#closed = true;
    for (const listener of [...this.#listeners]) {
      this.#remove(listener);
      listener.controller.close();
    }
  }
}

/**
 * Wake-ups on a store that several servers share. Who has work for others writes it into one key, which all watch: from
 * when on it is due, and for which domains. So nobody has to look through all that waits to find one new message, and
 * nobody looks at all whose destinations have no room.
 */

import { type Clock, sleep, type Timer } from "../base/clock.ts";
import { KeyWatcher } from "../storage/key_watcher.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { type NewWork, TimerWaker, type Waker } from "./waker.ts";

/** What a {@linkcode SharedWaker} works with. */
export interface SharedWakerOptions {
  /** For timers. */
  readonly clock: Clock;
  /** Looks what is due; with `work`: what may be behind the place that was looked at. */
  wake(work?: NewWork): void;
}

/** The whole index is looked at this often whatever happens: a server that died left no notice of what it had. */
const LOOK_EVERY_MS = 15_000;
/** How often the key is read beside being watched. */
const CHECK_EVERY_MS = 5_000;
/** Notices are taken together for this long: under load there is one with every message. */
const TOGETHER_MS = 50;
/** A notice that is younger may not have been heard by all: the next one carries it. */
const REPEATED_MS = 2_000;
/** Work for more domains than these is work for any. */
const MAX_DOMAINS = 50;
/** All there is. */
const EVERYTHING: NewWork = { from: 0 };

/** What is in the key. */
interface Notice extends NewWork {
  /** When it was made: milliseconds since 1970. */
  readonly at: number;
  /** The notice before, which may have been too quickly followed by this one. */
  readonly before?: NewWork;
}

/**
 * Wakes when the next record that this server knows of is due, when a server notifies it, and every fifteen seconds.
 * Who notifies is a {@linkcode PeerNotifier}.
 */
export class SharedWaker implements Waker {
  readonly #options: SharedWakerOptions;
  readonly #alarm: TimerWaker;
  readonly #watcher: KeyWatcher;
  #poll: Timer | undefined;
  #soon: Timer | undefined;
  #heard: NewWork | undefined;

  constructor(store: Store, options: SharedWakerOptions) {
    this.#options = options;
    const { clock } = options;
    this.#alarm = new TimerWaker(clock, () => options.wake());
    this.#watcher = new KeyWatcher(store, {
      key: keys.queueWake,
      clock,
      everyMs: CHECK_EVERY_MS,
      onChange: (value) => this.#onNotice(value),
    });
    this.#schedule();
  }

  set(when: number): void {
    this.#alarm.set(when);
  }

  async close(): Promise<void> {
    this.#alarm.close();
    this.#poll?.cancel();
    this.#soon?.cancel();
    await this.#watcher.close();
  }

  #onNotice(value: unknown): void {
    const notice = value as Partial<Notice> | null;
    // a value of another form says that there is something, and no more
    const work = typeof notice?.from === "number" ? plain(notice as Notice) : EVERYTHING;
    this.#heard = bothOf(this.#heard, bothOf(notice?.before, work));
    this.#soon ??= this.#options.clock.schedule(TOGETHER_MS, () => {
      const work = this.#heard;
      this.#soon = this.#heard = undefined;
      this.#options.wake(work);
    });
  }

  #schedule(): void {
    this.#poll = this.#options.clock.schedule(LOOK_EVERY_MS, () => {
      this.#schedule();
      this.#options.wake(EVERYTHING);
    });
  }
}

/** Notifies the other servers when there is work that this one does not take at once. */
export class PeerNotifier {
  readonly #store: Store;
  readonly #clock: Clock;
  #work: NewWork | undefined;
  #writing = false;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Notifies them, once for all that comes while a notice is being written. Never rejects: servers also look by themselves. */
  async notify(work: NewWork): Promise<void> {
    this.#work = bothOf(this.#work, work);
    if (this.#writing) return;
    this.#writing = true;
    try {
      for (let next: NewWork | undefined = this.#work; next; next = this.#work) {
        this.#work = undefined;
        await this.#write(next);
        if (this.#work) await sleep(this.#clock, TOGETHER_MS);
      }
    } catch {
      // the store is away or closed
    } finally {
      this.#writing = false;
    }
  }

  /** Who watches sees the last notice only, so it carries the one before. */
  async #write(work: NewWork): Promise<void> {
    const key = keys.queueWake;
    for (let done = false; !done;) {
      const { value: before, versionstamp } = await this.#store.kv.get<Notice>(key);
      const at = this.#clock.now();
      const isFresh = before !== null && Math.abs(at - before.at) < REPEATED_MS;
      const value: Notice = { at, ...plain(work), ...(isFresh && { before: plain(before) }) };
      const checks = [{ key, versionstamp }];
      const size = 200 + 100 * ((work.domains?.length ?? 0) + (before?.domains?.length ?? 0));
      done = (await this.#store.write({ checks, mutations: [{ type: "set", key, value }], size })).ok;
    }
  }
}

function plain({ from, domains }: NewWork): NewWork {
  return { from, ...(domains && { domains }) };
}

function bothOf(one: NewWork | undefined, other: NewWork): NewWork {
  if (!one) return other;
  const domains = one.domains && other.domains && [...new Set([...one.domains, ...other.domains])];
  return {
    from: Math.min(one.from, other.from),
    domains: domains && domains.length <= MAX_DOMAINS ? domains : undefined,
  };
}

/** In charge of wake-ups on a store that several servers share: KV's own queue does not exist there. */

import type { Clock, Timer } from "../base/clock.ts";
import { KeyWatcher } from "../storage/key_watcher.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { TimerWaker, type Waker } from "./waker.ts";

/** What a {@linkcode SharedWaker} works with. */
export interface SharedWakerOptions {
  /** For timers. */
  readonly clock: Clock;
  /** Looks what is due. */
  wake(): void;
}

/** The index is looked at this often whatever happens: a server that died told nobody what it had. */
const LOOK_EVERY_MS = 15_000;
/** How often the key is read beside being watched. */
const CHECK_EVERY_MS = 5_000;
/** Calls of other servers are taken together for this long: under load there is one with every message. */
const TOGETHER_MS = 50;

/**
 * Wakes when the next record that this server knows of is due, when another server calls, and every fifteen seconds.
 * Who calls is a {@linkcode Caller}.
 */
export class SharedWaker implements Waker {
  readonly #clock: Clock;
  readonly #wake: () => void;
  readonly #alarm: TimerWaker;
  readonly #watcher: KeyWatcher;
  #poll: Timer | undefined;
  #soon: Timer | undefined;

  constructor(store: Store, { clock, wake }: SharedWakerOptions) {
    this.#clock = clock;
    this.#wake = wake;
    this.#alarm = new TimerWaker(clock, wake);
    this.#watcher = new KeyWatcher(store, {
      key: keys.queueWake,
      clock,
      everyMs: CHECK_EVERY_MS,
      onChange: () => this.#called(),
    });
    this.#schedule();
  }

  arm(when: number): void {
    this.#alarm.arm(when);
  }

  async close(): Promise<void> {
    this.#alarm.close();
    this.#poll?.cancel();
    this.#soon?.cancel();
    await this.#watcher.close();
  }

  #called(): void {
    this.#soon ??= this.#clock.schedule(TOGETHER_MS, () => {
      this.#soon = undefined;
      this.#wake();
    });
  }

  #schedule(): void {
    this.#poll = this.#clock.schedule(LOOK_EVERY_MS, () => {
      this.#schedule();
      this.#wake();
    });
  }
}

/** Calls the other servers when there is work that this one does not take at once. */
export class Caller {
  readonly #store: Store;
  #calling = false;
  #again = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Calls, once for all that is asked while a call is under way. Never rejects: servers also look by themselves. */
  async call(): Promise<void> {
    if (this.#calling) {
      this.#again = true;
      return;
    }
    this.#calling = true;
    try {
      do {
        this.#again = false;
        await this.#store.write({
          mutations: [{ type: "sum", key: keys.queueWake, value: new Deno.KvU64(1n) }],
          size: 50,
        });
      } while (this.#again);
    } catch {
      // the store is away or closed
    } finally {
      this.#calling = false;
    }
  }
}

/** What happens to captured messages, told over WebSockets as it happens, in the words of another program. */

import type { Timer } from "../base/clock.ts";
import type { CaptureChange } from "../capture/captured.ts";
import type { TextSocket } from "../wire/web_sockets.ts";
import { Problem } from "../http/problem.ts";
import { type Call, type DialectParts, Refused } from "./dialect.ts";

/** What is said. */
export interface Words {
  /** What is said of a change. */
  of(change: CaptureChange): readonly string[] | Promise<readonly string[]>;
  /** Said once for all changes of some time, behind them. */
  after(): readonly string[];
  /** In place of changes that were too many. */
  readonly missed: readonly string[];
}

/** Listeners at once. */
const MAX_LISTENERS = 500;
/** Changes that may wait to be told of. */
const MAX_PENDING = 1000;
/** What is said behind changes comes so much later. */
const AFTER_MS = 250;

/** Tells all who listen. Costs nothing while nobody does. */
export class LiveFeed {
  readonly #parts: DialectParts;
  readonly #words: Words;
  readonly #listeners = new Set<TextSocket>();
  #pending: CaptureChange[] = [];
  #missed = false;
  #telling = false;
  #timer: Timer | undefined;
  #off: (() => void) | undefined;

  /** It ends when the server stops. */
  constructor(parts: DialectParts, words: Words) {
    this.#parts = parts;
    this.#words = words;
    const onClosing = () => this.#listeners.forEach((listener) => listener.goAway());
    parts.options.closing.addEventListener("abort", onClosing, { once: true });
  }

  /** Makes a listener of who asks. */
  listen(c: Call): Response {
    const { closing } = this.#parts.options;
    if (!c.env?.upgrade) throw new Refused(400, "Ask for a WebSocket: Upgrade: websocket");
    if (closing.aborted || this.#listeners.size >= MAX_LISTENERS) {
      throw new Problem(503, "Too many listen already, or the server stops");
    }
    return c.env.upgrade((socket) => {
      this.#add(socket);
      if (closing.aborted) socket.goAway();
    });
  }

  async #add(socket: TextSocket): Promise<void> {
    this.#listeners.add(socket);
    this.#off ??= this.#parts.mail.on((change) => this.#take(change));
    await socket.closed;
    this.#listeners.delete(socket);
    if (this.#listeners.size > 0) return;
    this.#off?.();
    this.#off = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#pending = [];
  }

  #take(change: CaptureChange): void {
    if (this.#pending.length >= MAX_PENDING) {
      this.#pending = [];
      this.#missed = true;
    }
    this.#pending.push(change);
    const { clock } = this.#parts.options;
    this.#timer ??= clock.schedule(AFTER_MS, () => {
      this.#timer = undefined;
      this.#say(this.#words.after());
    });
    if (!this.#telling) this.#tell();
  }

  async #tell(): Promise<void> {
    this.#telling = true;
    for (let next; (next = this.#pending.shift());) {
      try {
        this.#say(await this.#words.of(next));
      } catch {
        // it can't be read now; whoever asks for the list is told why
        this.#missed = true;
      }
      if (this.#missed) this.#say(this.#words.missed);
      this.#missed = false;
    }
    this.#telling = false;
  }

  #say(texts: readonly string[]): void {
    for (const listener of this.#listeners) {
      for (const text of texts) listener.send(text);
    }
  }
}

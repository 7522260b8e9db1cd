/** The output of a session: collected, and sent in few writes under a deadline; and how its words are written. */

import type { Clock } from "../base/clock.ts";
import type { Deadline } from "../wire/deadlines.ts";
import type { LineConn } from "../wire/line_conn.ts";

/**
 * So much is collected before it is sent although more commands wait: with what one more answer adds, mostly, it fits the
 * buffer of 64 KiB that connections share.
 */
const ENOUGH = 44 * 1024;

/** The output of one session. */
export class Output {
  readonly #lines: LineConn;
  readonly #deadline: Deadline;
  readonly #patienceMs: number;
  readonly #clock: Clock;
  /** A client that is waited for is late then, by the clock's monotonic time. */
  #lateAt = 0;
  /** The sending of the last large part. */
  #sending: Promise<void> | void = undefined;

  /** A client that does not read for `patienceMs` milliseconds is late. */
  constructor(lines: LineConn, options: { deadline: Deadline; patienceMs: number; clock: Clock }) {
    this.#lines = lines;
    this.#deadline = options.deadline;
    this.#patienceMs = options.patienceMs;
    this.#clock = options.clock;
  }

  /** The client is waited for: it is late in `ms` milliseconds. */
  expectClient(ms: number): void {
    this.#lateAt = this.#clock.monotonic() + ms;
    this.#deadline.set(ms);
  }

  /** It is still waited for: what was sent meanwhile had a time of its own. */
  stillExpectClient(): void {
    this.#deadline.set(Math.max(0, this.#lateAt - this.#clock.monotonic()));
  }

  /** Adds to what will be sent. */
  put(text: string | Uint8Array): void {
    this.#lines.put(text);
  }

  /** An untagged answer. */
  untagged(text: string): void {
    this.#lines.put(`* ${text}\r\n`);
  }

  /** Sends all that was put. Rejects when the connection broke. */
  flush(): Promise<void> | void {
    return this.#lines.pending === 0 ? this.#sending : this.#send();
  }

  #send(): Promise<void> | void {
    if (this.#lines.pending === 0) return;
    this.#deadline.set(this.#patienceMs);
    return this.#lines.flush();
  }

  /**
   * Sends what was put when that is enough for a write of its own. Resolves when more may be put, while that is being
   * sent: no more than one such part is. Rejects when one before it could not be sent.
   */
  flushIfMuch(): Promise<void> | void {
    if (this.#lines.pending < ENOUGH) return undefined;
    const before = this.#sending;
    const sending = this.#sending = before ? before.then(() => this.#send()) : this.#send();
    sending?.catch(() => {}); // who sends next hears of it
    return before ?? undefined;
  }

  /** Sends what was put, then a large piece without copying it. */
  write(bytes: Uint8Array): Promise<void> {
    this.#deadline.set(this.#patienceMs);
    return this.#lines.write(bytes);
  }
}

const ATOM = /^[!#$&'+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+$/;

/** A text in quotes; it must not hold CR, LF or NUL. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** A text as an atom where that is one and not NIL, else in quotes: never a literal, which some clients can't take. */
export function astring(text: string): string {
  return ATOM.test(text) && text.toUpperCase() !== "NIL" ? text : quoted(text);
}

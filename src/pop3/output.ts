/** The output of a session: collected, and sent in few writes under a deadline. */

import type { Deadline } from "../wire/deadlines.ts";
import type { LineConn } from "../wire/line_conn.ts";
import { ok } from "./reply.ts";

/** So much is collected before it is sent although more commands wait. */
const ENOUGH = 64 * 1024;

/** The output of one session. */
export class Output {
  readonly #lines: LineConn;
  readonly #deadline: Deadline;
  readonly #idleMs: number;

  /** A client that does not read for `idleMs` milliseconds is late. */
  constructor(lines: LineConn, options: { deadline: Deadline; idleMs: number }) {
    this.#lines = lines;
    this.#deadline = options.deadline;
    this.#idleMs = options.idleMs;
  }

  /** Adds to what will be sent. */
  put(text: string | Uint8Array): void {
    this.#lines.put(text);
  }

  /** Sends all that was put. Rejects when the connection broke. */
  flush(): Promise<void> | void {
    if (this.#lines.pending === 0) return;
    this.#deadline.set(this.#idleMs);
    return this.#lines.flush();
  }

  /** Sends what was put when that is enough for a write of its own. */
  flushIfMuch(): Promise<void> | void {
    return this.#lines.pending < ENOUGH ? undefined : this.flush();
  }

  /** A multi-line reply (RFC 1939 3); the pieces are whole lines, none of which begins with a dot. */
  async multiLine(title: string, pieces: Iterable<string>): Promise<void> {
    this.put(ok(title));
    for (const piece of pieces) {
      this.put(piece);
      const sent = this.flushIfMuch();
      if (sent) await sent;
    }
    this.put(".\r\n");
  }
}

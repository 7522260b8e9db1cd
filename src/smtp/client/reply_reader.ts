/** The reader of a server's replies: several lines, bounded, and garbage told from replies (RFC 5321 4.2). */

import { messageOf } from "../../base/errors.ts";
import { decode } from "../../base/bytes.ts";
import { statusOf } from "../../mail/outcome.ts";
import type { LineConn } from "../../wire/line_conn.ts";
import type { Reply } from "../protocol/reply.ts";

/** Why there is no reply. */
export interface ReplyError {
  /** The peer closed; the connection broke; it took too long; what came is no reply. */
  readonly error: "closed" | "broken" | "late" | "garbage";
  /** In words. */
  readonly text: string;
}

/**
 * What is kept of a reply: lines, and characters of each. RFC 5321 4.5.3.1.5 says 512 octets; a longer one is the same
 * answer all the same, and a message that was taken must not be sent again for it.
 */
const MAX_KEPT_LINES = 256;
const MAX_KEPT = 4096;
/** The longest line, and the longest reply, in octets: what goes on beyond that has no end. */
const MAX_LINE = 65_536;
const MAX_BYTES = 1024 * 1024;

const LINE = /^([2-5]\d\d)(?:([ -])(.*))?$/s;
const STATUS = /^\s*[245]\.\d{1,3}\.\d{1,3}(?:\s+|$)/;

/** Reads replies from a connection. */
export class ReplyReader {
  /** Told each line that comes. */
  trace: ((line: string) => void) | undefined;
  readonly #conn: LineConn;
  #texts: string[] = [];
  #bytes = 0;

  constructor(conn: LineConn) {
    this.#conn = conn;
  }

  /** The next reply if all of it is here already. */
  take(): Reply | ReplyError | undefined {
    for (;;) {
      const line = this.#conn.line(MAX_LINE);
      if (line === undefined) return undefined;
      if (line.kind === "tooLong") return garbage(`a reply line of more than ${MAX_LINE} octets`);
      this.#bytes += line.bytes.length;
      const text = decode(line.bytes);
      this.trace?.(text);
      const match = LINE.exec(text);
      if (!match) return garbage(`"${text.slice(0, 80)}", which is no SMTP reply`);
      if (this.#texts.length < MAX_KEPT_LINES) this.#texts.push((match[3] ?? "").slice(0, MAX_KEPT));
      if (match[2] !== "-") return this.#complete(Number(match[1]));
      if (this.#bytes > MAX_BYTES) return garbage("a reply without an end");
    }
  }

  /** The next reply, or why there is none. Doesn't throw. */
  async next(): Promise<Reply | ReplyError> {
    for (;;) {
      const ready = this.take();
      if (ready) return ready;
      try {
        if (!(await this.#conn.fill())) return { error: "closed", text: "The peer closed the connection" };
      } catch (error) {
        return { error: "broken", text: `The connection broke: ${messageOf(error)}` };
      }
    }
  }

  /** Lines of one reply ought to bear one code (RFC 5321 4.2.1); where they don't, the last one counts. */
  #complete(code: number): Reply {
    const texts = this.#texts;
    this.#texts = [];
    this.#bytes = 0;
    const status = statusOf(texts[0]!);
    if (status === undefined) return { code, lines: texts };
    return { code, status, lines: texts.map((text) => text.replace(STATUS, "")) };
  }
}

/** Tells an error from a reply. */
export function isReplyError(what: Reply | ReplyError): what is ReplyError {
  return "error" in what;
}

function garbage(what: string): ReplyError {
  return { error: "garbage", text: `The peer sent ${what}` };
}

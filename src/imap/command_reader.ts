/** The commands of a connection, octets in: lines with the literals between them, in bounded memory. */

import { binaryString, concat, encode } from "../base/bytes.ts";
import type { LineConn } from "../wire/line_conn.ts";
import { tagOf } from "./command_parser.ts";
import { literalAtEnd, type LiteralHead } from "./cursor.ts";

/** How much of one command is held, or thrown away. */
export interface ReaderLimits {
  /** Octets of a line, with CRLF. */
  readonly line: number;
  /** Octets of a literal that is no message. */
  readonly literal: number;
  /** Such literals of one command. */
  readonly literals: number;
  /** Octets of a command, messages apart. */
  readonly command: number;
  /** Octets that are read to be thrown away, where the client sends them unasked. */
  readonly unwanted: number;
}

/** What came. `bytes` are valid until the next call on the connection. */
export type Received =
  /** A whole command, or what follows the last message of an APPEND. Literals stand behind their heads and CRLF. */
  | { readonly kind: "command"; readonly bytes: Uint8Array }
  /** An APPEND, up to a message's literal with its head and CRLF; then what is between one message and the next. */
  | { readonly kind: "message"; readonly bytes: Uint8Array; readonly literal: LiteralHead }
  /** The rest of a command that was given up has gone by. */
  | { readonly kind: "skipped" }
  /** A command that is refused, and has gone by. `last`: nobody can tell where the next one begins. */
  | {
    readonly kind: "refused";
    readonly tag: string;
    readonly code: "TOOBIG" | "LIMIT";
    readonly text: string;
    readonly last: boolean;
  };

type Refused = Extract<Received, { kind: "refused" }>;

const CRLF = encode("\r\n");
/** What lets a client go on that waits with a literal; some want a text behind the blank. */
export const GO_AHEAD = "+ Go ahead\r\n";
type Skipped = Extract<Received, { kind: "skipped" }>;
const SKIPPED: Skipped = { kind: "skipped" };
/** A tag that is longer is not looked for. */
const TAG_WITHIN = 256;

/** Reads commands off a connection. The caller fills the connection; what is there is taken at once. */
export class CommandReader {
  readonly #lines: LineConn;
  /** May be changed between two commands. */
  limits: ReaderLimits;
  /** What is there of a command with literals. */
  #parts: Uint8Array[] = [];
  #size = 0;
  #literals = 0;
  #mode: "line" | "literal" | "message" | "unwanted" = "line";
  /** Octets of the literal that are still to come. */
  #left = 0;
  #literal: Uint8Array | undefined;
  #waits = false;
  /** Within an APPEND, whose literals are messages. */
  #appending = false;
  /** The command goes by; answered in the end. */
  #skipping: Refused | Skipped | undefined;

  constructor(lines: LineConn, limits: ReaderLimits) {
    this.#lines = lines;
    this.limits = limits;
  }

  /** Is nothing of a command there yet? */
  get between(): boolean {
    return this.#mode === "line" && this.#parts.length === 0 && !this.#appending && !this.#skipping &&
      this.#lines.available === 0;
  }

  /** What is there; undefined: the connection has to be filled first (send what was put before). */
  take(): Received | undefined {
    for (;;) {
      if (this.#mode === "message") throw new Error("The message has to be taken or given up first");
      if (this.#mode !== "line" && !this.#takeOctets()) return undefined;
      const { available, buffered } = this.#lines;
      // the line's beginning is gone when it is known to be too long
      const tag = available >= this.limits.line && this.#parts.length === 0
        ? tagOf(buffered.subarray(0, TAG_WITHIN))
        : undefined;
      const line = this.#lines.line(this.limits.line);
      if (!line) return undefined;
      if (line.kind === "tooLong") {
        const text = `The line is over ${this.limits.line} octets`;
        return this.#over({ kind: "refused", tag: tag ?? this.#tag(), code: "LIMIT", text, last: true });
      }
      const received = this.#takeLine(line.bytes);
      if (received) return received;
    }
  }

  /** Collects or throws away what is there of a literal; true when it is whole. */
  #takeOctets(): boolean {
    const part = this.#lines.buffered.subarray(0, this.#left);
    if (this.#literal) this.#literal.set(part, this.#literal.length - this.#left);
    this.#left -= part.length;
    this.#lines.consume(part.length);
    if (this.#left > 0) return false;
    if (this.#literal) this.#parts.push(this.#literal);
    this.#literal = undefined;
    this.#mode = "line";
    return true;
  }

  #takeLine(bytes: Uint8Array): Received | undefined {
    const literal = literalAtEnd(bytes);
    const skipping = this.#skipping;
    if (skipping) {
      if (!literal || literal.waits) return this.#over(skipping);
      return this.#throwAway(literal, skipping);
    }
    if (!literal) {
      const whole = this.#parts.length === 0 ? bytes : concat([...this.#parts, bytes]);
      return this.#over({ kind: "command", bytes: whole });
    }
    if (this.#isMessage(bytes, literal)) {
      const before = concat([...this.#parts, bytes, CRLF]);
      this.#over(SKIPPED);
      this.#appending = true;
      this.#mode = "message";
      this.#left = literal.size;
      this.#waits = literal.waits;
      return { kind: "message", bytes: before, literal };
    }
    return this.#expectLiteral(bytes, literal);
  }

  /** A literal of an APPEND is a message, unless it is the mailbox's name. */
  #isMessage(line: Uint8Array, literal: LiteralHead): boolean {
    if (this.#appending) return true;
    const begin = this.#parts[0] ?? line;
    const verb = /^[^ ]+ APPEND /i.exec(binaryString(begin.subarray(0, TAG_WITHIN)));
    if (!verb) return false;
    return this.#parts.length > 0 || verb[0].length !== line.length + CRLF.length - literal.length;
  }

  #expectLiteral(line: Uint8Array, literal: LiteralHead): Received | undefined {
    const { limits } = this;
    this.#size += line.length + CRLF.length + literal.size;
    let refusal: Refused | undefined;
    const refuse = (code: Refused["code"], text: string) => {
      refusal = { kind: "refused", tag: this.#tag(line), code, text, last: false };
    };
    if (literal.size > limits.literal) refuse("TOOBIG", `The literal is over ${limits.literal} octets`);
    else if (this.#size > limits.command) refuse("LIMIT", `The command is over ${limits.command} octets`);
    else if (++this.#literals > limits.literals) refuse("LIMIT", `More than ${limits.literals} literals`);
    if (refusal) return literal.waits ? this.#over(refusal) : this.#throwAway(literal, refusal);
    this.#parts.push(concat([line, CRLF]));
    this.#literal = new Uint8Array(literal.size);
    this.#left = literal.size;
    this.#mode = "literal";
    if (literal.waits) this.#lines.put(GO_AHEAD);
    return undefined;
  }

  /** Lets a literal go by that the client sends unasked; undefined: its octets are taken next. */
  #throwAway(literal: LiteralHead, answer: Refused | Skipped): Received | undefined {
    if (literal.size > this.limits.unwanted) {
      const tag = "tag" in answer ? answer.tag : this.#tag();
      const text = `The literal is over ${this.limits.unwanted} octets`;
      return this.#over({ kind: "refused", tag, code: "TOOBIG", text, last: true });
    }
    this.#parts = [];
    this.#skipping = answer;
    this.#mode = "unwanted";
    this.#left = literal.size;
    return undefined;
  }

  #tag(line?: Uint8Array): string {
    const begin = this.#parts[0] ?? line;
    return begin && !this.#appending ? tagOf(begin) : "*";
  }

  /** The command is over: nothing is known of the next one. */
  #over<T extends Received>(received: T): T {
    this.#parts = [];
    this.#size = this.#literals = this.#left = 0;
    this.#literal = undefined;
    this.#mode = "line";
    this.#appending = false;
    this.#skipping = undefined;
    return received;
  }

  /** How many octets of the message are still to come. */
  get left(): number {
    return this.#left;
  }

  /** The client waits before it sends the message. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Lets the client send the message, for which a large buffer is borrowed. */
  acceptMessage(): void {
    this.#lines.expectBulk(true);
    if (this.#waits) this.#lines.put(GO_AHEAD);
    this.#waits = false;
  }

  /** What is there of the message: empty where the connection has to be filled. Valid until then. */
  takePiece(): Uint8Array {
    const piece = this.#lines.buffered.subarray(0, this.#left);
    this.#left -= piece.length;
    this.#lines.consume(piece.length);
    return piece;
  }

  /** The message is whole; {@linkcode take} goes on behind it. */
  messageTaken(): void {
    this.#lines.expectBulk(false);
    this.#mode = "line";
  }

  /**
   * The message is not wanted, nor what may follow it. True: the command is over, since the client waits for an answer.
   * False: the rest is still coming, and {@linkcode take} tells when it has gone by (`skipped`). Where more than
   * `unwanted` octets are coming the session should end instead.
   */
  giveUpMessage(): boolean {
    this.#lines.expectBulk(false);
    if (this.#waits) {
      this.#over(SKIPPED);
      return true;
    }
    this.#skipping = SKIPPED;
    this.#mode = "unwanted";
    return false;
  }
}

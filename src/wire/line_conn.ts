/** The buffers of one connection: lines in, replies out, for servers and clients of all protocols. */

import { encode } from "../base/bytes.ts";
import { BULK_SIZE, giveBack, OUTPUT_SIZE, takeBulk, takeOutput } from "./buffers.ts";
import type { ByteConn } from "./byte_conn.ts";

/** One line, or what is wrong with it. `bytes` are a view, valid until the next call on the connection. */
export type Line =
  /** A line that ended with CRLF; `bytes` are without it and may hold a bare CR. */
  | { readonly kind: "line"; readonly bytes: Uint8Array }
  /** A line that ended with an LF without CR before it; `bytes` are without the LF. */
  | { readonly kind: "bareLf"; readonly bytes: Uint8Array }
  /** A line over the maximum; told once, its rest up to the next LF is swallowed. */
  | { readonly kind: "tooLong" };

const LF = 10;
const CR = 13;
const TOO_LONG: Line = { kind: "tooLong" };
const DONE = Promise.resolve();
const ENDED = Promise.resolve(false);
const NOTHING = new Uint8Array(0);
/** Up to here a loop is quicker than the platform's encoder. */
const SHORT_TEXT = 512;

/**
 * Buffered lines and bulk over a {@linkcode ByteConn}. While idle it holds one small buffer; a longer line makes it
 * grow up to the maximum that was asked for, content is read into a borrowed buffer, and both go away again.
 */
export class LineConn {
  #conn: ByteConn;
  /** The small buffer that is always there. */
  #idle: Uint8Array<ArrayBuffer>;
  /** The buffer in use: the small one, a grown one, or a borrowed one. */
  #buffer: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;
  /** Up to here no LF was found. */
  #scan = 0;
  #max = 0;
  #bulk = false;
  #swallowing = false;
  #reading = false;
  #closed = false;
  #out: Uint8Array<ArrayBuffer> | undefined;
  #outEnd = 0;
  /** The only output so far: octets that stay as they are. */
  #ready: Uint8Array | undefined;
  #sending: Promise<void> | undefined;
  /** The output buffer that is being sent. */
  #sendingOut: Uint8Array<ArrayBuffer> | undefined;

  /** `bufferSize` octets are held while idle (default: {@linkcode OUTPUT_SIZE}). */
  constructor(conn: ByteConn, options: { bufferSize?: number } = {}) {
    this.#conn = conn;
    const { bufferSize = OUTPUT_SIZE } = options;
    this.#idle = this.#buffer = bufferSize === OUTPUT_SIZE ? takeOutput() : new Uint8Array(bufferSize);
  }

  /** The connection below. */
  get conn(): ByteConn {
    return this.#conn;
  }

  /** True after {@linkcode close}. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Takes the next line out of the buffer; undefined when no whole line is there: {@linkcode fill} first.
   * A line of more than `max` octets, counted with its CRLF, is `tooLong`.
   */
  line(max: number): Line | undefined {
    this.#max = max;
    const buffer = this.#buffer;
    const end = this.#end;
    let at = this.#scan;
    for (;;) {
      while (at < end && buffer[at] !== LF) at++;
      if (!this.#swallowing) break;
      if (at === end) {
        this.#start = this.#scan = end;
        return undefined;
      }
      this.#swallowing = false;
      this.#start = this.#scan = ++at;
    }
    const start = this.#start;
    if (at === end) {
      this.#scan = end;
      if (end - start < max) return undefined;
      this.#swallowing = true;
      this.#start = end;
      return TOO_LONG;
    }
    this.#start = this.#scan = at + 1;
    if (at + 1 - start > max) return TOO_LONG;
    if (at > start && buffer[at - 1] === CR) return { kind: "line", bytes: buffer.subarray(start, at - 1) };
    return { kind: "bareLf", bytes: buffer.subarray(start, at) };
  }

  /** Reads once more. False at the end of the stream or after {@linkcode close}; rejects when the connection broke. */
  fill(): Promise<boolean> {
    if (this.#reading) return Promise.reject(new Error("A read is under way already"));
    if (this.#closed) return ENDED;
    try {
      const reading = this.#conn.read(this.#room());
      this.#reading = true;
      // no async function, nor for a write: they run for each command
      return reading.then(this.#filled, this.#notFilled);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What was read and not yet taken; a view, valid until the next call other than {@linkcode consume}. */
  get buffered(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** The first octet of what is {@linkcode buffered}; undefined when that is nothing. */
  get first(): number | undefined {
    return this.#start < this.#end ? this.#buffer[this.#start] : undefined;
  }

  /** How many octets {@linkcode buffered} holds. */
  get available(): number {
    return this.#end - this.#start;
  }

  /** Takes `n` octets off the front of what is buffered. */
  consume(n: number): void {
    if (n < 0 || n > this.#end - this.#start) {
      throw new RangeError(`Asked to consume ${n} octets of ${this.#end - this.#start}`);
    }
    this.#start += n;
    this.#scan = this.#start;
  }

  /** Borrows a buffer of 64 KiB for content that is about to come, or gives it back (once its rest fits the small one). */
  expectBulk(on: boolean): void {
    if (this.#reading) throw new Error("The buffer can't be changed while a read is under way");
    this.#bulk = on;
    if (on && this.#buffer.length < BULK_SIZE) this.#move(takeBulk());
    else if (!on) this.#shrink();
  }

  /** Adds to the output; nothing is sent before {@linkcode flush}. Text goes out as UTF-8. */
  put(text: string | Uint8Array): void {
    if (typeof text !== "string") return this.#putBytes(text);
    const length = text.length;
    if (length > SHORT_TEXT) return this.#putBytes(encode(text));
    const out = this.#reserve(length);
    let at = this.#outEnd;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.#outEnd = at;
        return this.#putBytes(encode(text.slice(i)));
      }
      out[at++] = code;
    }
    this.#outEnd = at;
  }

  /** Adds octets that never change: where they are all there is to send, they are not copied. */
  putLasting(bytes: Uint8Array): void {
    if (this.#outEnd > 0 || this.#ready) this.#putBytes(bytes);
    else this.#ready = bytes;
  }

  /** How many octets wait for {@linkcode flush}. */
  get pending(): number {
    return this.#ready ? this.#ready.length : this.#outEnd;
  }

  /** Sends all that was put, in one write. Throws when the connection broke; ends when it is closed. */
  flush(): Promise<void> {
    // two writes at a time could interleave, since each may go out in parts
    if (this.#sending) return this.#sending.then(() => this.flush());
    if (this.pending === 0) return DONE;
    return this.#sending = this.#send(this.#takeOutput());
  }

  /** Sends all that was put, then `bytes` without copying them: for large pieces. */
  async write(bytes: Uint8Array): Promise<void> {
    do await this.flush(); while (this.#sending || this.pending > 0);
    await (this.#sending = this.#send(bytes));
  }

  /** Forgets what was read and not yet taken. */
  discardInput(): void {
    this.#start = this.#scan = this.#end;
    this.#swallowing = false;
  }

  /** Goes on over another connection (TLS over the one so far); nothing that was read before is ever seen after. */
  replace(conn: ByteConn): void {
    if (this.#reading) throw new Error("The connection can't be replaced while a read is under way");
    this.discardInput();
    this.#conn = conn;
    if (this.#closed) conn.close();
  }

  /** Ends the connection at once: pending reads and writes end, output that was not flushed is lost. */
  close(): void {
    this.#closed = true;
    // a borrowed buffer is not given back here: someone may still be reading a view of it
    this.#conn.close();
  }

  /** Closes, and lets others have the buffers: nobody uses this any more, or what it showed of them. */
  end(): void {
    this.close();
    if (this.#reading || this.#sending) return;
    giveBack(this.#idle);
    if (this.#buffer !== this.#idle) giveBack(this.#buffer);
    this.#idle = this.#buffer = NOTHING;
    this.#start = this.#end = this.#scan = 0;
  }

  /**
   * Ends the connection so that the peer gets the last reply even when it is still sending: sends what was put, says
   * that nothing more will come, throws away up to `limit` octets of what the peer still sends, and closes. Never
   * throws. How long that may take is for the caller's deadline, which calls {@linkcode close}.
   */
  async hangUp(limit = 1024 * 1024): Promise<void> {
    try {
      await this.flush();
      if (this.#conn.closeWrite && !this.#closed) {
        await this.#conn.closeWrite();
        this.discardInput();
        for (let swallowed = 0; swallowed < limit && await this.fill(); this.discardInput()) {
          swallowed += this.available;
        }
      }
    } catch {
      // it is broken: closed all the same
    }
    this.close();
  }

  /** Where the next read goes: free room of the buffer, after tidying it. */
  #room(): Uint8Array {
    if (this.#start === this.#end) this.#start = this.#scan = this.#end = 0;
    if (!this.#bulk) this.#shrink();
    if (this.#end === 0) return this.#buffer;
    if (this.#buffer.length - this.#end < this.#buffer.length / 2) {
      if (this.#start > 0) {
        this.#buffer.copyWithin(0, this.#start, this.#end);
        this.#scan -= this.#start;
        this.#end -= this.#start;
        this.#start = 0;
      }
      if (this.#end === this.#buffer.length) this.#grow();
    }
    return this.#buffer.subarray(this.#end);
  }

  /** Back to the small buffer when what is left fits it. */
  #shrink(): void {
    if (this.#buffer === this.#idle || (this.#end - this.#start) * 2 > this.#idle.length) return;
    const old = this.#buffer;
    this.#move(this.#idle);
    giveBack(old);
  }

  #grow(): void {
    const length = this.#buffer.length;
    if (length >= Math.max(this.#max, BULK_SIZE)) throw new RangeError("The buffer is full: consume first");
    const old = this.#buffer;
    this.#move(new Uint8Array(length < this.#max ? Math.min(2 * length, this.#max) : BULK_SIZE));
    if (old !== this.#idle) giveBack(old);
  }

  #move(to: Uint8Array<ArrayBuffer>): void {
    to.set(this.#buffer.subarray(this.#start, this.#end));
    this.#scan -= this.#start;
    this.#end -= this.#start;
    this.#start = 0;
    this.#buffer = to;
  }

  #putBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length).set(bytes, this.#outEnd);
    this.#outEnd += bytes.length;
  }

  /** The output buffer, with room for `length` more octets. */
  #reserve(length: number): Uint8Array<ArrayBuffer> {
    const ready = this.#ready;
    if (ready) {
      this.#ready = undefined;
      this.#putBytes(ready);
    }
    const out = this.#out ??= takeOutput();
    const need = this.#outEnd + length;
    if (need <= out.length) return out;
    const larger = need <= BULK_SIZE ? takeBulk() : new Uint8Array(Math.max(need, 2 * out.length));
    larger.set(out.subarray(0, this.#outEnd));
    giveBack(out);
    return this.#out = larger;
  }

  #takeOutput(): Uint8Array {
    const ready = this.#ready;
    if (ready) {
      this.#ready = undefined;
      return ready;
    }
    const out = this.#sendingOut = this.#out!;
    const bytes = out.subarray(0, this.#outEnd);
    this.#out = undefined;
    this.#outEnd = 0;
    return bytes;
  }

  #send(bytes: Uint8Array): Promise<void> {
    return this.#conn.write(bytes).then(this.#sent, this.#notSent);
  }

  // what a read or a write comes to; there is one of each at a time

  readonly #filled = (count: number | null): boolean => {
    this.#reading = false;
    if (count === null) return false;
    this.#end += count;
    return true;
  };

  readonly #notFilled = (error: unknown): boolean => {
    this.#reading = false;
    if (this.#closed) return false;
    throw error;
  };

  readonly #sent = (): void => {
    this.#sending = undefined;
    const out = this.#sendingOut;
    if (!out) return;
    this.#sendingOut = undefined;
    giveBack(out);
  };

  readonly #notSent = (error: unknown): void => {
    this.#sending = undefined;
    // not given back: the system may still have it
    this.#sendingOut = undefined;
    throw error;
  };
}

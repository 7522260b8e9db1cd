/** One HTTP connection: the stream that node:http wants over a {@linkcode ByteConn}, and how long its client is waited for. */

import process from "node:process";
import type { Duplex } from "node:stream";
import type { IncomingMessage, ServerResponse } from "node:http";
import { concat, encode } from "../base/bytes.ts";
import type { ByteConn } from "./byte_conn.ts";
import type { IdleConnection } from "./connection_limiter.ts";
import type { SharedBySessions } from "./session_server.ts";

/** A request's head is whole after so long. */
const HEAD_MS = 30_000;
/** So long may pass between two requests, between two pieces of a body, and until a piece of an answer is taken. */
const IDLE_MS = 60_000;
/** A body that nobody wanted: so much of it is read behind the answer, in so long, or the client may lose that. */
const LINGER_OCTETS = 1024 * 1024;
const LINGER_MS = 2_000;
const CHUNK = 16 * 1024;
/** What is read into for as long as it is enough: most connections wait, and some thousands may. */
const SMALL = 1024;

const TIMED_OUT = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/** A connection and what it waits for. */
export class HttpConnection implements IdleConnection {
  /** What node:http gets. */
  readonly stream: Duplex;
  /** What carries it. */
  readonly conn: ByteConn;
  /** Resolves when it is over. */
  readonly closed: Promise<void>;
  readonly #shared: SharedBySessions;
  readonly #deadline;
  #buffer = new Uint8Array(SMALL);
  /** Requests whose answer is not complete. */
  #open = 0;
  /** The one whose body may still come. */
  #incoming: IncomingMessage | undefined;
  /** True from the first octet of a head until it is whole. */
  #inHead = false;
  #reading = false;
  #writing = false;
  /** The client took too long. */
  #late = false;
  #idleSince: number;

  /** Takes the connection over. */
  constructor(conn: ByteConn, shared: SharedBySessions) {
    this.conn = conn;
    this.#shared = shared;
    this.#idleSince = shared.clock.monotonic();
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    const onClosing = () => this.#shutDown();
    const onEnding = () => void this.stream.destroy();
    shared.closing.addEventListener("abort", onClosing, { once: true });
    shared.ending.addEventListener("abort", onEnding, { once: true });
    const unwatch = shared.limiter.watch(this);
    this.#deadline = shared.deadlines.watch(() => this.#onLate());
    const { Duplex } = process.getBuiltinModule("node:stream");
    this.stream = new Duplex({
      allowHalfOpen: true,
      highWaterMark: CHUNK,
      read: () => void this.#read(),
      write: (chunk: Uint8Array, _encoding, done) => void this.#write(chunk, done),
      writev: (pieces, done) => void this.#write(concat(pieces.map((piece) => piece.chunk)), done),
      destroy: (error, done) => {
        shared.closing.removeEventListener("abort", onClosing);
        shared.ending.removeEventListener("abort", onEnding);
        unwatch();
        this.#end().then(() => {
          this.#deadline.end();
          closed.resolve();
          done(error);
        });
      },
    });
    // a connection that broke is nobody's fault; an error nobody listens to would end the process
    this.stream.on("error", () => {});
    // what node:http does to a socket behind the last answer
    this.stream.on("finish", () => void this.stream.destroy());
    this.#await();
  }

  /** Since when nothing is under way and nothing comes; undefined: it is not idle. */
  get idleSince(): number | undefined {
    return this.#isIdle && !this.stream.destroyed ? this.#idleSince : undefined;
  }

  /** Closes an idle connection. */
  evict(): void {
    this.stream.destroy();
  }

  /** The head of a request is whole. */
  begin(incoming: IncomingMessage, response: ServerResponse): void {
    this.#inHead = false;
    this.#open++;
    this.#incoming = incoming;
    const onBody = () => this.#await();
    incoming.on("end", onBody);
    response.once("close", () => this.#answered());
    this.#await();
  }

  /** It is a WebSocket from now on: never idle, and whoever has it watches the client. */
  hand(): void {
    this.#incoming = undefined;
    this.#await();
  }

  get #isIdle(): boolean {
    return this.#open === 0 && !this.#inHead && !this.#bodyComes;
  }

  get #bodyComes(): boolean {
    return this.#incoming !== undefined && !this.#incoming.complete;
  }

  #answered(): void {
    this.#open--;
    this.#idleSince = this.#shared.clock.monotonic();
    if (this.#shared.closing.aborted) this.#shutDown();
    else this.#await();
  }

  /** Sets the time for what the client has to do now. A head's time is not set anew by its next octet. */
  #await(): void {
    if (this.stream.destroyed || (this.#inHead && this.#open === 0)) return;
    if (this.#writing || this.#open === 0 || (this.#reading && this.#bodyComes)) {
      this.#deadline.set(IDLE_MS);
    } else this.#deadline.clear();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    this.#await();
    try {
      const count = await this.conn.read(this.#buffer);
      this.#reading = false;
      if (this.stream.destroyed) return;
      if (count === null) this.#ended();
      else this.#came(count);
    } catch {
      this.stream.destroy();
    }
  }

  /** A client that says no more while it waits for its answer may have closed its half only; node:http knows. */
  #ended(): void {
    this.stream.push(null);
    if (this.#isIdle || this.#inHead) this.stream.destroy();
  }

  #came(count: number): void {
    if (this.#isIdle) {
      this.#inHead = true;
      this.#deadline.set(HEAD_MS);
    } else this.#await();
    const { Buffer } = process.getBuiltinModule("node:buffer");
    const piece = Buffer.from(this.#buffer.slice(0, count).buffer);
    // what fills a buffer is the beginning of more; the next read may begin within push()
    const size = count === this.#buffer.length ? CHUNK : this.#bodyComes ? this.#buffer.length : SMALL;
    if (size !== this.#buffer.length) this.#buffer = new Uint8Array(size);
    this.stream.push(piece);
  }

  /** Closes the connection, behind what still comes of a body whose answer is out already. */
  async #end(): Promise<void> {
    if (this.#open === 0 && this.#bodyComes && !this.#late) {
      this.#deadline.set(LINGER_MS);
      try {
        await this.conn.closeWrite?.();
        let left = LINGER_OCTETS;
        for (let count: number | null = 0; count !== null && left > 0; left -= count ?? 0) {
          count = await this.conn.read(this.#buffer);
        }
      } catch {
        // it broke, or the time is over
      }
    }
    this.conn.close();
  }

  async #write(chunk: Uint8Array, done: (error?: Error | null) => void): Promise<void> {
    this.#writing = true;
    this.#await();
    try {
      await this.conn.write(chunk);
      this.#writing = false;
      this.#await();
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  #onLate(): void {
    this.#late = true;
    // while a rest is read the stream is over already
    if (this.stream.destroyed) return this.conn.close();
    if (!this.#inHead || this.#open > 0) return void this.stream.destroy();
    const close = () => void this.stream.destroy();
    this.#deadline.set(LINGER_MS);
    this.#inHead = false;
    this.conn.write(encode(TIMED_OUT)).then(() => this.conn.closeWrite?.()).then(close, close);
  }

  /** The server stops: nothing more is waited for, what is under way ends, and node:http closes behind it. */
  #shutDown(): void {
    if (this.#open === 0) this.stream.destroy();
  }
}

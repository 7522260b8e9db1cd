/** The base of all servers of connections: addresses, names of sessions, limits, the end. */

import { encode } from "../base/bytes.ts";
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import type { ByteConn } from "./byte_conn.ts";
import { ConnectionLimiter, type ConnectionRefusal } from "./connection_limiter.ts";
import { Deadlines } from "./deadlines.ts";
import { TcpListener } from "./listener.ts";

/** An IP address and a port. */
export interface ServerAddress {
  /** The IP address. */
  readonly hostname: string;
  /** 0: a free one. */
  readonly port: number;
}

/** What servers may share, and what differs in tests. */
export interface SessionServerOptions {
  /** Time (default: the system's). */
  readonly clock?: Clock | undefined;
  /** Bounds the connections (default: 2,000 in all, 100 from one address). */
  readonly limiter?: ConnectionLimiter | undefined;
  /** Watches time-outs. */
  readonly deadlines?: Deadlines | undefined;
  /** Makes the names of sessions, unique in the process (default: `s1`, `s2`, …). */
  readonly nextId?: (() => string) | undefined;
  /** Told what went wrong with accepting, or with a connection. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What every session of a server is given. */
export interface SharedBySessions {
  /** Time. */
  readonly clock: Clock;
  /** Bounds the connections. */
  readonly limiter: ConnectionLimiter;
  /** Watches time-outs. */
  readonly deadlines: Deadlines;
  /** Aborted when the server stops: what is under way may go on for a while. */
  readonly closing: AbortSignal;
  /** Aborted when that while is over: a last reply, and the connection closes. */
  readonly ending: AbortSignal;
}

const MAX_CONNECTIONS = 2000;
const MAX_PER_ADDRESS = 100;
/** What is under way at the end gets this long. */
const GRACE_MS = 8000;
/** Then a last reply gets this long. */
const PARTING_MS = 1000;

/** A server on any number of addresses that holds one session with each connection. */
export abstract class SessionServer implements AsyncDisposable {
  /** What the sessions are given. */
  protected readonly shared: SharedBySessions;
  readonly #options: SessionServerOptions;
  readonly #listeners: TcpListener[] = [];
  readonly #closing = new AbortController();
  readonly #ending = new AbortController();
  #sessions = 0;

  /** Listens nowhere yet. */
  constructor(options: SessionServerOptions) {
    this.#options = options;
    const clock = options.clock ?? systemClock;
    const limits = { maxConnections: MAX_CONNECTIONS, maxPerAddress: MAX_PER_ADDRESS, clock };
    this.shared = {
      clock,
      limiter: options.limiter ?? new ConnectionLimiter(limits),
      deadlines: options.deadlines ?? new Deadlines(clock),
      closing: this.#closing.signal,
      ending: this.#ending.signal,
    };
  }

  /** Holds the session `id` with a connection; must not reject. */
  protected abstract session(conn: ByteConn, id: string): Promise<void>;

  /** What a client is told that can't be served; empty: nothing, since it expects a TLS handshake. */
  protected abstract refusal(why: ConnectionRefusal): string;

  /** Listens on an address, and answers what was bound (port 0: a free one); throws what the system says. */
  listen(address: ServerAddress): ServerAddress {
    const listener = TcpListener.listen({
      hostname: address.hostname,
      port: address.port,
      clock: this.shared.clock,
      limiter: this.shared.limiter,
      onConnection: (conn) => this.serve(conn),
      onRefused: async (conn, why) => {
        const text = this.refusal(why);
        if (text !== "") await conn.write(encode(text));
      },
      onError: (error) => this.#options.onError?.(error),
    });
    this.#listeners.push(listener);
    return listener.address;
  }

  /** What is bound. */
  get addresses(): ServerAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** Serves one connection until it ends, wherever it comes from. */
  serve(conn: ByteConn): Promise<void> {
    const { nextId } = this.#options;
    return this.session(conn, nextId ? nextId() : `s${++this.#sessions}`);
  }

  /**
   * Accepts nothing more and tells the clients that wait; what goes on after `graceMs` milliseconds is told too, and ends
   * a second later.
   */
  async stop(graceMs = GRACE_MS): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    this.#closing.abort();
    const stop = new AbortController();
    const idle = Promise.all(this.#listeners.map((listener) => listener.idle()));
    await Promise.race([idle, sleep(this.shared.clock, graceMs, stop.signal)]);
    this.#ending.abort();
    await Promise.race([idle, sleep(this.shared.clock, PARTING_MS, stop.signal)]);
    stop.abort();
    for (const listener of this.#listeners) listener.closeConnections();
    await idle;
    if (!this.#options.deadlines) this.shared.deadlines.close();
  }

  /** {@linkcode stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

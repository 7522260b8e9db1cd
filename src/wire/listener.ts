/** The listener of a TCP port: accepts within the limits, never ends by an error, and catches each connection's task. */

import { messageOf } from "../base/errors.ts";
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import type { ByteConn } from "./byte_conn.ts";
import type { ConnectionLimiter, ConnectionRefusal } from "./connection_limiter.ts";
import { plainAddress, tcpConn } from "./tcp_conn.ts";

/** Where to listen, how many to serve, and who serves them. */
export interface ListenOptions {
  /** An address of this machine, or `0.0.0.0` or `::` for all. */
  hostname: string;
  /** 0: the system chooses a free one; see {@linkcode TcpListener.address}. */
  port: number;
  /** Whose connections these are: bounds them, together with those of other listeners. */
  limiter: ConnectionLimiter;
  /** Serves one connection; it is closed when the promise settles, and a rejection goes to `onError`. */
  onConnection(conn: ByteConn): Promise<void>;
  /** Says no to a connection over a limit (a short write); it is closed when the promise settles. */
  onRefused?(conn: ByteConn, why: ConnectionRefusal): Promise<void>;
  /** Told why nothing can be accepted for now, once a minute at most, and what a connection's task rejected with. */
  onError(error: unknown): void;
  /** For the pause while nothing can be accepted (default: the system's). */
  clock?: Clock;
}

/** So many refusals may be under way; further connections are closed without a word. */
const MAX_REFUSALS = 64;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1000;
/** How often a resource that stays exhausted is told of. */
const TELL_AGAIN_MS = 60_000;

/**
 * What accept() says of the one connection that it took from the queue, or that went away there: accept(2) passes the
 * errors of its network on, and the platform adds that of a peer whose address can't be had any more. The next
 * connection has nothing to do with it.
 */
const OF_ONE_CONNECTION: ReadonlySet<unknown> = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "EINTR",
  "EINVAL", // the address of a peer that was reset, on BSD and macOS
  "ENETDOWN",
  "ENETUNREACH",
  "ENONET",
  "ENOPROTOOPT",
  "ENOTCONN",
  "EOPNOTSUPP",
  "EPERM", // a firewall's rule
  "EPROTO",
  "ETIMEDOUT",
]);

/** A bound port and its connections. */
export class TcpListener {
  readonly #options: ListenOptions;
  readonly #listener: Deno.TcpListener;
  readonly #closing = new AbortController();
  readonly #connections = new Set<ByteConn>();
  readonly #refusals = new Set<ByteConn>();
  readonly #clock: Clock;
  /** Until then the pauses of accepting were told. */
  #quietUntil = -Infinity;
  #whenIdle: (() => void)[] = [];
  #accepting: Promise<void> | undefined;

  /** Binds at once; throws what the system says (address in use, no permission). */
  static listen(options: ListenOptions): TcpListener {
    const listener = new TcpListener(options);
    listener.#accepting = listener.#acceptAll();
    return listener;
  }

  private constructor(options: ListenOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#listener = Deno.listen({ hostname: options.hostname, port: options.port });
  }

  /** The address that is bound, with the real port. */
  get address(): { hostname: string; port: number } {
    const { hostname, port } = this.#listener.addr;
    return { hostname: plainAddress(hostname), port };
  }

  /** How many connections are being served. */
  get active(): number {
    return this.#connections.size;
  }

  /** Stops accepting; the connections go on. May be called again. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#listener.close();
  }

  /** Closes all connections at once; their tasks end by it. */
  closeConnections(): void {
    for (const conn of this.#connections) conn.close();
    for (const conn of this.#refusals) conn.close();
  }

  /** Resolves when no connection's task is left; after {@linkcode close} the port is free then. */
  async idle(): Promise<void> {
    // the system has the port until the accept that is under way has ended
    if (this.#closing.signal.aborted) await this.#accepting;
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => void this.#whenIdle.push(resolve));
  }

  async #acceptAll(): Promise<void> {
    const { signal } = this.#closing;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        const conn = await this.#listener.accept();
        pauseMs = FIRST_PAUSE_MS;
        this.#take(conn);
      } catch (error) {
        if (signal.aborted) return;
        if (OF_ONE_CONNECTION.has((error as { code?: unknown }).code)) continue;
        // out of file descriptors or buffers, most often: it passes when connections end
        this.#tellPause(error);
        await sleep(this.#clock, pauseMs, signal);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  #tellPause(error: unknown): void {
    const now = this.#clock.monotonic();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + TELL_AGAIN_MS;
    const { hostname, port } = this.address;
    const why = messageOf(error);
    this.#tell(new Error(`No connection can be accepted on port ${port} of ${hostname} for now: ${why}`));
  }

  #take(raw: Deno.TcpConn): void {
    const conn = tcpConn(raw);
    if (this.#closing.signal.aborted) return conn.close();
    const why = this.#options.limiter.enter(conn.remote.hostname);
    if (why) void this.#refuse(conn, why);
    else void this.#serve(conn);
  }

  async #serve(conn: ByteConn): Promise<void> {
    this.#connections.add(conn);
    try {
      await this.#options.onConnection(conn);
    } catch (error) {
      this.#tell(error);
    }
    this.#connections.delete(conn);
    this.#options.limiter.leave(conn.remote.hostname);
    this.#ended(conn);
  }

  async #refuse(conn: ByteConn, why: ConnectionRefusal): Promise<void> {
    if (!this.#options.onRefused || this.#refusals.size >= MAX_REFUSALS) return conn.close();
    this.#refusals.add(conn);
    try {
      await this.#options.onRefused(conn, why);
    } catch {
      // a peer that is refused may go as it likes
    }
    this.#refusals.delete(conn);
    this.#ended(conn);
  }

  #ended(conn: ByteConn): void {
    conn.close();
    if (!this.#isIdle()) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }

  #isIdle(): boolean {
    return this.#connections.size === 0 && this.#refusals.size === 0;
  }

  #tell(error: unknown): void {
    try {
      this.#options.onError(error);
    } catch {
      // whoever listens to errors must not end the listener
    }
  }
}

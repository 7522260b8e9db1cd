/** In charge of the doors: binds every listener of the configuration and closes them in order. */

import { type Clock, sleep } from "../base/clock.ts";
import type { Config, Endpoint } from "../config/config.ts";
import { encode } from "../base/bytes.ts";
import type { Journal } from "../observe/journal.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import type { Crowd, Refusal } from "../wire/crowd.ts";
import { TcpListener } from "../wire/listener.ts";

/** A kind of listener. */
export type ListenerKind = keyof Config["listen"];

/** A bound HTTP server. */
interface HttpListener {
  readonly address: Endpoint;
  stop(): Promise<void>;
}

/** What the doors need. */
export interface ListenersOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly journal: Journal;
  /** Bounds the connections of all listeners together. */
  readonly crowd: Crowd;
  /** Serves a connection of that kind until it ends. */
  serve(kind: Exclude<ListenerKind, "admin">, conn: ByteConn): Promise<void>;
  /** Answers HTTP requests; `remote` is the client's IP address. */
  fetch(request: Request, remote: string): Response | Promise<Response>;
}

const BUSY: Readonly<Record<Refusal, string>> = {
  connections: "Too many connections, try again later",
  perAddress: "Too many connections from your address, try again later",
};
/** Requests under way get this long at the end. */
const HTTP_GRACE_MS = 1000;

/** All listeners of one server. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #tcp: { kind: ListenerKind; listener: TcpListener }[] = [];
  readonly #http: HttpListener[] = [];

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Binds all; throws, with everything closed again, when one can't be. */
  bind(): void {
    const { listen } = this.#options.config;
    try {
      for (const [kind, endpoints] of Object.entries(listen) as [ListenerKind, Endpoint[]][]) {
        for (const endpoint of endpoints) this.#bind(kind, endpoint);
      }
    } catch (error) {
      for (const { listener } of this.#tcp) listener.close();
      for (const http of this.#http) http.stop().catch(() => {});
      throw error;
    }
  }

  /** `host:port` by kind, as bound. */
  get addresses(): Record<string, string[]> {
    const all: Record<string, string[]> = {};
    for (const { kind, listener } of this.#tcp) (all[kind] ??= []).push(format(listener.address));
    for (const { address } of this.#http) (all["admin"] ??= []).push(format(address));
    return all;
  }

  /** The connections that are being served. */
  get active(): number {
    return this.#tcp.reduce((sum, { listener }) => sum + listener.active, 0);
  }

  /** Accepts nothing more. */
  close(): void {
    for (const { listener } of this.#tcp) listener.close();
  }

  /** Waits for the connections to end, at most `limitMs`, then ends them. */
  async settle(limitMs: number): Promise<void> {
    const stop = new AbortController();
    const idle = Promise.all(this.#tcp.map(({ listener }) => listener.idle()));
    await Promise.race([idle, sleep(this.#options.clock, limitMs, stop.signal)]);
    stop.abort();
    for (const { listener } of this.#tcp) listener.closeConnections();
    await idle;
    await Promise.all(this.#http.map((http) => http.stop()));
  }

  #bind(kind: ListenerKind, endpoint: Endpoint): void {
    try {
      if (kind === "admin") this.#http.push(this.#serveHttp(endpoint));
      else this.#tcp.push({ kind, listener: this.#serveTcp(kind, endpoint) });
    } catch (error) {
      throw bindError(kind, endpoint, error);
    }
  }

  #serveTcp(kind: Exclude<ListenerKind, "admin">, endpoint: Endpoint): TcpListener {
    const { clock, journal, crowd, serve } = this.#options;
    return TcpListener.listen({
      ...endpoint,
      clock,
      crowd,
      onConnection: (conn) => serve(kind, conn),
      onRefused: async (conn, why) => {
        const text = busy(kind, why);
        if (text !== "") await conn.write(encode(text));
      },
      onError: (error) => journal.note("ERROR", "connection failed", { kind, error: String(error) }),
    });
  }

  #serveHttp(endpoint: Endpoint): HttpListener {
    const server = Deno.serve(
      { ...endpoint, onListen: () => {} },
      (request, { remoteAddr }) => this.#options.fetch(request, remoteAddr.hostname),
    );
    const { hostname, port } = server.addr as Deno.NetAddr;
    return {
      address: { hostname, port },
      stop: async () => {
        const stop = new AbortController();
        await Promise.race([server.shutdown(), sleep(this.#options.clock, HTTP_GRACE_MS, stop.signal)]);
        stop.abort();
        await server.shutdown().catch(() => {});
      },
    };
  }
}

/** What a client is told that can't be served; nothing where it expects a TLS handshake. */
function busy(kind: ListenerKind, why: Refusal): string {
  if (kind === "pop3s" || kind === "submissions") return "";
  return kind === "pop3" ? `-ERR [SYS/TEMP] ${BUSY[why]}\r\n` : `421 4.7.0 ${BUSY[why]}\r\n`;
}

/** `127.0.0.1:25`, `[::1]:25`. */
export function format({ hostname, port }: Endpoint): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** A port that can't be bound: which, why, and what would help. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

function bindError(kind: string, endpoint: Endpoint, error: unknown): ListenError {
  const where = `listen.${kind} ${format(endpoint)}`;
  if (error instanceof Deno.errors.AddrInUse) {
    return new ListenError(`${where}: another program listens there; stop it, or choose another port`);
  }
  if (error instanceof Deno.errors.PermissionDenied && endpoint.port < 1024) {
    return new ListenError(`${where}: ports below 1024 need root or CAP_NET_BIND_SERVICE`);
  }
  return new ListenError(`${where}: ${error instanceof Error ? error.message : String(error)}`);
}

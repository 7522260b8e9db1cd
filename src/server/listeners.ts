/** In charge of the doors: binds every listener of the configuration and closes them in order. */

import { type Clock, sleep } from "../base/clock.ts";
import type { Config, Endpoint } from "../config/config.ts";
import type { SessionServer } from "../wire/session_server.ts";

/** A kind of listener. */
export type ListenerKind = keyof Config["listen"];

/** A bound HTTP server. */
interface HttpListener {
  readonly address: Endpoint;
  stop(): Promise<void>;
}

/** What the doors need. */
export interface ListenersOptions {
  readonly listen: Config["listen"];
  readonly clock: Clock;
  /** Makes the server of that kind. */
  server(kind: Exclude<ListenerKind, "admin">): SessionServer;
  /** Answers HTTP requests; `remote` is the client's IP address. */
  fetch(request: Request, remote: string): Response | Promise<Response>;
}

/** Requests under way get this long at the end. */
const HTTP_GRACE_MS = 1000;

/** All listeners of one server. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #servers = new Map<ListenerKind, SessionServer>();
  readonly #http: HttpListener[] = [];

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Binds all; rejects, with everything closed again, when one can't be. */
  async bind(): Promise<void> {
    try {
      for (const [kind, endpoints] of Object.entries(this.#options.listen) as [ListenerKind, Endpoint[]][]) {
        for (const endpoint of endpoints) this.#bind(kind, endpoint);
      }
    } catch (error) {
      await this.stop(0);
      throw error;
    }
  }

  /** `host:port` by kind, as bound. */
  get addresses(): Record<string, string[]> {
    const all: Record<string, string[]> = {};
    for (const [kind, server] of this.#servers) all[kind] = server.addresses.map(format);
    if (this.#http.length > 0) all["admin"] = this.#http.map(({ address }) => format(address));
    return all;
  }

  /** Accepts nothing more, waits for the sessions to end, at most `limitMs`, ends them, and then HTTP. */
  async stop(limitMs: number): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.stop(limitMs)));
    await Promise.all(this.#http.map((http) => http.stop()));
  }

  #bind(kind: ListenerKind, endpoint: Endpoint): void {
    try {
      if (kind === "admin") this.#http.push(this.#serveHttp(endpoint));
      else this.#serverOf(kind).listen(endpoint);
    } catch (error) {
      throw bindError(kind, endpoint, error);
    }
  }

  #serverOf(kind: Exclude<ListenerKind, "admin">): SessionServer {
    const server = this.#servers.get(kind) ?? this.#options.server(kind);
    this.#servers.set(kind, server);
    return server;
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

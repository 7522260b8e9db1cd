/** The listeners of a server: every one of the configuration is bound, and they are closed in order. */

import { messageOf } from "../base/errors.ts";
import type { Config, Endpoint } from "../config/config.ts";
import type { SessionServer } from "../wire/session_server.ts";

/** A kind of listener. */
export type ListenerKind = keyof Config["listen"];

/** What to listen on, and what listens. */
export interface ListenersOptions {
  readonly listen: Config["listen"];
  /** Makes the server of that kind. */
  server(kind: ListenerKind): Promise<SessionServer>;
}

const HTTP: ReadonlySet<ListenerKind> = new Set(["admin", "http", "https"]);

/** Requests under way get this long at the end. */
const HTTP_GRACE_MS = 1000;

/** All listeners of one server. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #servers = new Map<ListenerKind, SessionServer>();
  readonly #bound: Endpoint[] = [];

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Binds all; rejects, with everything closed again, when one can't be. */
  async bind(): Promise<void> {
    try {
      for (const [kind, endpoints] of Object.entries(this.#options.listen) as [ListenerKind, Endpoint[]][]) {
        for (const endpoint of endpoints) await this.#bind(kind, endpoint);
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
    return all;
  }

  /** Accepts nothing more, waits for the sessions to end, at most `limitMs`, ends them, and then HTTP. */
  async stop(limitMs: number): Promise<void> {
    const mail = [...this.#servers].filter(([kind]) => !HTTP.has(kind));
    await Promise.all(mail.map(([, server]) => server.stop(limitMs)));
    const http = [...this.#servers].filter(([kind]) => HTTP.has(kind));
    await Promise.all(http.map(([, server]) => server.stop(Math.min(limitMs, HTTP_GRACE_MS))));
  }

  async #bind(kind: ListenerKind, endpoint: Endpoint): Promise<void> {
    const server = await this.#serverOf(kind);
    try {
      server.listen(endpoint);
    } catch (error) {
      throw bindError(kind, { endpoint, bound: this.#bound }, error);
    }
    this.#bound.push(endpoint);
  }

  async #serverOf(kind: ListenerKind): Promise<SessionServer> {
    const server = this.#servers.get(kind) ?? await this.#options.server(kind);
    this.#servers.set(kind, server);
    return server;
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

/** Has who listens on one of them the other one too? `::` takes IPv4 as well, unless the system is set otherwise. */
function overlap(a: Endpoint, b: Endpoint): boolean {
  if (a.port !== b.port) return false;
  return [[a, b], [b, a]].some(([wide, other]) =>
    wide!.hostname === "::" || (wide!.hostname === "0.0.0.0" && !other!.hostname.includes(":"))
  );
}

function bindError(
  kind: string,
  { endpoint, bound }: { endpoint: Endpoint; bound: readonly Endpoint[] },
  error: unknown,
): ListenError {
  const where = `listen.${kind} ${format(endpoint)}`;
  const own = bound.find((one) => overlap(one, endpoint));
  if (error instanceof Deno.errors.AddrInUse && own) {
    const wide = own.hostname === "::" || endpoint.hostname === "::"
      ? "[::] takes IPv4 too"
      : "0.0.0.0 is all";
    return new ListenError(`${where}: this server has ${format(own)} already, and ${wide}; give one of them`);
  }
  if (error instanceof Deno.errors.AddrInUse) {
    return new ListenError(`${where}: another program listens there; stop it, or choose another port`);
  }
  if (error instanceof Deno.errors.PermissionDenied && endpoint.port < 1024) {
    return new ListenError(`${where}: ports below 1024 need root or CAP_NET_BIND_SERVICE`);
  }
  return new ListenError(`${where}: ${messageOf(error)}`);
}

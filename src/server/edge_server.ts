/** The server without listeners: the HTTP surface, and a delivery of what is due when it is asked for. */

import { sleep } from "../base/clock.ts";
import type { AdminApp } from "../http/app.ts";
import type { Config } from "../config/config.ts";
import { BodySweeper, DEFAULT_SWEEP_GRACE_MS } from "../storage/bodies/bodies.ts";
import { sweepHistory } from "../queue/history.ts";
import { sweepExpired } from "../storage/expiry.ts";
import { firstAccounts } from "./first_start.ts";
import { makeAgent, makeQueue } from "./outbound.ts";
import { closeParts, openParts, type Parts } from "./parts.ts";
import { makeAdminServer } from "./admin_server.ts";

/** One delivery of what is due takes at most so long; the next one goes on. */
const DRAIN_MS = 45_000;
/** What is under way then gets so long to end. */
const GRACE_MS = 8_000;

/** A mail server in a place where there are no sockets to listen on, and where it may be stopped between two calls. */
export class EdgeServer implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #app: AdminApp;
  readonly #historyMs: number;
  readonly #closing = new AbortController();
  #draining: Promise<void> | undefined;

  /**
   * Opens the shared store. Throws when the configuration names none, or no token: what runs in many places, and keeps
   * no files, can't make one.
   */
  static async open(config: Config): Promise<EdgeServer> {
    const { token } = config.admin;
    if (config.kv === null) {
      throw new Error(
        "The edge entry needs a shared store: set kv (DINOPOST_KV) to the URL of a KV Connect database",
      );
    }
    if (token === null) {
      throw new Error(
        "The edge entry needs a token for its HTTP surface: set admin.token (DINOPOST_ADMIN_TOKEN)",
      );
    }
    const parts = await openParts(config, { withoutFiles: true, certificate: null });
    await firstAccounts(parts.accounts, config, parts.random);
    parts.webhooks.start();
    return new EdgeServer(parts, token, config.queue.history);
  }

  private constructor(parts: Parts, token: string, historyMs: number) {
    this.#parts = parts;
    this.#historyMs = historyMs;
    this.#app = makeAdminServer(parts, {
      token,
      addresses: () => ({}),
      ready: () => true,
      closing: this.#closing.signal,
    });
  }

  /** Answers a request. What it accepts is delivered by the others that share the store, or by {@linkcode drain}. */
  fetch(request: Request, remote?: string): Response | Promise<Response> {
    return this.#app.fetch(request, remote === undefined ? {} : { remote });
  }

  /**
   * Delivers what is due, for at most a minute, and removes bodies that nobody owns. What it could not finish is due
   * again when its lease ends, should this process be stopped. Never rejects; a second call waits for the first.
   */
  drain(): Promise<void> {
    return this.#draining ??= this.#drain().catch((error) =>
      this.#parts.journal.note("ERROR", "drain failed", { error: String(error) })
    ).finally(() => this.#draining = undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#draining;
    await closeParts(this.#parts);
  }

  async #drain(): Promise<void> {
    const parts = this.#parts;
    const { clock, store } = parts;
    // A queue of its own, so that between two calls nothing is leased that nobody would deliver.
    const queue = makeQueue({ ...parts, agent: makeAgent(parts) });
    queue.start();
    const limit = new AbortController();
    this.#closing.signal.addEventListener("abort", () => limit.abort(), { once: true, signal: limit.signal });
    await Promise.race([queue.idle(), sleep(clock, DRAIN_MS, limit.signal)]);
    limit.abort();
    await queue.stop(GRACE_MS);
    await parts.mailStore.finishRemovals();
    await parts.mailStore.sweepArrivals();
    await new BodySweeper(store, { clock, graceMs: DEFAULT_SWEEP_GRACE_MS }).sweep(false);
    await sweepExpired(store, clock.now());
    await sweepHistory(store, clock.now(), this.#historyMs);
  }
}

/** The options of the HTTP surface, and the types that its apps share. */

import type { Context } from "hono";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { HealthProblem } from "../observe/health.ts";
import type { Journal } from "../observe/journal.ts";
import type { AuditedCall, AuditLog } from "./audit.ts";
import type { AdminUser } from "./roles.ts";
import type { Store } from "../storage/store.ts";
import type { Upgrade } from "../wire/web_sockets.ts";

/** What comes with a request from outside of it. */
export interface AdminBindings {
  /** The client's IP address; absent for a request that came through no connection. */
  readonly remote?: string;
  /**
   * The URL that the client asked for, where a trusted proxy named another one than the request's.
   * @internal
   */
  readonly url?: string;
  /**
   * Makes a WebSocket of the request; absent: it does not ask for one.
   * @internal
   */
  readonly upgrade?: Upgrade;
  /**
   * Takes the answer that a handler has put off.
   * @internal
   */
  readonly later?: (answer: Promise<Response>) => void;
  /**
   * Who asks, once that is known.
   * @internal
   */
  readonly user?: AdminUser;
}

/** The environment of the surface's Hono apps. */
export interface AdminEnv {
  Bindings: AdminBindings;
}

/**
 * Says who may use the surface, for apps that are mounted in it.
 * @internal
 */
export interface AdminAuth {
  /** Whose token, or live session's cookie, the request carries; undefined: nobody's. Never throws for a request. */
  userOf(c: Context<AdminEnv>): Promise<AdminUser | undefined>;
  /** What was changed. */
  readonly audit: Pick<AuditLog, "list">;
  /** Writes into the audit log that a call was made. */
  audited(user: Pick<AdminUser, "name">, call: AuditedCall): Promise<void>;
  /** Begins a session: sets the cookie when the token is right, throws a `Problem` when not. */
  login(c: Context<AdminEnv>, token: string): Promise<void>;
  /** Ends the session. */
  logout(c: Context<AdminEnv>): Promise<void>;
}

/** What the surface needs whatever is mounted in it: who may come in, and how the server does. */
export interface HttpOptions {
  /** Holds the sessions. */
  readonly store: Store;
  /** For sessions, and the pause after a wrong token. */
  readonly clock: Clock;
  /** For the cookies of sessions. */
  readonly random: Random;
  /** Notes wrong tokens and failures; `/api/v1/events` streams it. */
  readonly journal: Journal;
  /** The bearer token of who may do everything. */
  readonly token: string;
  /** Others who may come in, by name. Default: nobody. */
  readonly users?: Readonly<
    Record<string, { readonly token: string; readonly role: "operator" | "read-only" }>
  >;
  /** True: nobody is asked for it. */
  readonly open?: boolean;
  /** True: it is taken as the password of `Basic` too, from programs that can send nothing else. */
  readonly basic?: boolean;
  /** The host names it answers for; addresses are always answered for. */
  readonly hosts: readonly string[];
  /**
   * The MTA-STS policy of a policy host; undefined: it is none of ours. Absent: there are none.
   * @internal
   */
  readonly policyOf?: (host: string) => string | undefined;
  /** The settings of a domain's accounts for mail programs, as XML; absent: of none. */
  readonly settingsOf?: (domain: string) => string | undefined;
  /** The networks of proxies whose X-Forwarded-* is believed; absent: nobody's. */
  readonly proxies?: readonly string[];
  /** What is wrong with the server, for `/healthz?verbose`, metrics and page; absent: nothing is known. */
  readonly health?: { readonly problems: readonly HealthProblem[] };
  /** Is the server ready to serve? */
  ready(): boolean;
  /** Aborted when the server stops: what streams or waits ends then. */
  readonly closing: AbortSignal;
  /** The text for Prometheus; absent: `/metrics` does not exist. */
  readonly metrics?: () => string | Promise<string>;
}

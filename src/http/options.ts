/** In charge of what the HTTP surface is given to work with. */

import type { Context, Hono } from "hono";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { MailHosts } from "../dns/mail_hosts.ts";
import type { HttpSubmission } from "../intake/http_message.ts";
import type { Accounts } from "../auth/accounts.ts";
import type { Aliases } from "../recipients/aliases.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { HealthProblem } from "../observe/health.ts";
import type { Journal } from "../observe/journal.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import type { Suspensions } from "../queue/suspensions.ts";
import type { Store } from "../storage/store.ts";
import type { Webhooks } from "../webhooks/webhooks.ts";

/** What comes with a request from outside of it. */
export interface AdminBindings {
  /** The client's IP address; absent for a request that came through no connection. */
  readonly remote?: string;
  /**
   * The URL that the client asked for, where a trusted proxy told another one than the request's.
   * @internal
   */
  readonly url?: string;
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
  /** Does the request carry the token or a live session's cookie? Never throws for a request. */
  isAllowed(c: Context<AdminEnv>): Promise<boolean>;
  /** Begins a session: sets the cookie when the token is right, throws a `Problem` when not. */
  login(c: Context<AdminEnv>, token: string): Promise<void>;
  /** Ends the session. */
  logout(c: Context<AdminEnv>): Promise<void>;
}

/** What the HTTP surface works with. */
export interface AdminOptions {
  /** Where everything is kept. */
  readonly store: Store;
  /** Time. */
  readonly clock: Clock;
  /** For session cookies and ids. */
  readonly random: Random;
  /** What happens; `/api/v1/events` tells it. */
  readonly journal: Journal;
  /** The queue. */
  readonly queue: DeliveryQueue;
  /** The accounts. */
  readonly accounts: Accounts;
  /** The aliases. */
  readonly aliases: Aliases;
  /** The mailboxes. */
  readonly mailStore: MailStore;
  /** Takes messages that come over HTTP. */
  readonly submission: HttpSubmission;
  /** Pauses by destination; absent: the queue knows of none, and the calls do not exist. */
  readonly suspensions?: Suspensions;
  /** Those who are told what happens; absent: the calls do not exist. */
  readonly webhooks?: Webhooks;
  /** The domains that are delivered here. */
  readonly domains: readonly string[];
  /** The hosts that a remote domain's mail would be offered to now. */
  route(domain: string): Promise<MailHosts>;
  /** Does a configured host take the domain's mail in place of its MX hosts? */
  usesSmartHost(domain: string): boolean;
  /** The bearer token. */
  readonly token: string;
  /** The host names it answers for; addresses are always answered for. */
  readonly hosts: readonly string[];
  /** The networks of proxies whose X-Forwarded-* is believed; absent: nobody's. */
  readonly proxies?: readonly string[];
  /** The largest message in bytes. */
  readonly messageSize: number;
  /** How long a message stays in the queue: milliseconds. */
  readonly giveUpAfter: number;
  /** The program's version, for the API's document. */
  readonly version: string;
  /** What is wrong with the server, for `/healthz?verbose`, metrics and page; absent: nothing is known. */
  readonly health?: { readonly problems: readonly HealthProblem[] };
  /** Is the server ready to serve? */
  ready(): boolean;
  /** Aborted when the server stops: what streams or waits ends then. */
  readonly closing: AbortSignal;
  /** The text for Prometheus; absent: `/metrics` does not exist. */
  readonly metrics?: () => string | Promise<string>;
  /**
   * Makes the web page (`/` and what it needs); it is asked for whatever nobody else answers. Called once, late.
   * @internal
   */
  readonly page?: (options: AdminOptions, auth: AdminAuth) => Hono<AdminEnv> | Promise<Hono<AdminEnv>>;
}

/** The context that views work with, and the types they share. */

import type { Context } from "hono";
import type { Account } from "../auth/accounts.ts";
import type { AuditedCall, AuditLog } from "../http/audit.ts";
import type { AdminUser } from "../http/roles.ts";
import type { AdminBindings } from "../http/options.ts";
import type { AdminOptions } from "../api/options.ts";
import type { QueueStatsCache } from "../queue/stats.ts";
import type { Activity } from "./activity.ts";
import type { DestinationTally } from "./destination_tally.ts";
import type { FlashMessage, FlashMessages } from "./flash_messages.ts";

/** The facts of the server as a whole. */
export interface ServerInfo {
  readonly hostname: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** `host:port` of every listener, by kind. */
  addresses(): Record<string, string[]>;
  /** Days until the certificate ends; undefined: no TLS is offered. */
  certificateDaysLeft(): number | undefined;
}

/** Who may come in; see `AdminAuth`. */
export interface PageAuth {
  userOf(c: Context<PageEnv>): Promise<AdminUser | undefined>;
  readonly audit: Pick<AuditLog, "list">;
  audited(user: Pick<AdminUser, "name">, call: AuditedCall): Promise<void>;
  login(c: Context<PageEnv>, token: string): Promise<void>;
  logout(c: Context<PageEnv>): Promise<void>;
}

/** What the views work with. */
export interface PageContext {
  readonly options: AdminOptions;
  readonly auth: PageAuth;
  readonly server: ServerInfo;
  readonly activity: Activity;
  readonly queueStats: QueueStatsCache;
  readonly destinations: DestinationTally;
  readonly flashMessages: FlashMessages;
}

/** The environment of the page's Hono apps. */
export interface PageEnv {
  Bindings: AdminBindings;
  Variables: {
    /** What a form of this session carries; empty when the request has no session. */
    csrf: string;
    /** Who is logged in; absent: nobody. */
    user?: AdminUser;
    /** Nothing was changed, which the page that follows says; absent: something was. */
    unchanged?: true;
    /** Whose own page it is; absent: it is another page. */
    account?: Account;
  };
}

/** The entries of the navigation. */
export const SECTIONS = [
  "captured",
  "overview",
  "queue",
  "mailboxes",
  "accounts",
  "aliases",
  "webhooks",
  "deliverability",
  "events",
] as const;

/** One of them. */
export type Section = typeof SECTIONS[number];

/** What each view gets beside its own. */
export interface View {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly hostname: string;
  readonly version: string;
  /** Who looks at it: what they may not do is not shown. */
  readonly user: AdminUser | undefined;
  /** For the hidden field of each form. */
  readonly csrf: string;
  /** Path and query of this page, to come back to. */
  readonly here: string;
  readonly flashMessage: FlashMessage | undefined;
  /** Messages in the queue; undefined while they are counted. */
  readonly waiting: number | undefined;
  /** Captured messages that nobody has looked at; undefined where none are captured. */
  readonly unseen: number | undefined;
  /** Nobody logs in. */
  readonly open: boolean;
}

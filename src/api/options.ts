/** The options of API and page: what they show, and what they act on. */

import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import type { Accounts } from "../auth/accounts.ts";
import type { Backups } from "../backup/backups.ts";
import type { IdMaker } from "../base/ids.ts";
import type { CapturedMail } from "../capture/captured_mail.ts";
import type { AppPasswords } from "../auth/app_passwords.ts";
import type { LoginGuard } from "../auth/login_guard.ts";
import type { Deliverability } from "../deliverability/domain_check.ts";
import type { ReceivedReports } from "../reports/received_reports.ts";
import type { MailHosts } from "../dns/mail_hosts.ts";
import type { FaultRules } from "../faults/rules.ts";
import type { AdminAuth, AdminEnv, HttpOptions } from "../http/options.ts";
import type { HttpSubmission } from "../intake/http_message.ts";
import type { UnderWay } from "../intake/under_way.ts";
import type { Releases } from "../intake/release.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import type { Suppressions } from "../queue/suppressions.ts";
import type { Suspensions } from "../queue/suspensions.ts";
import type { Dialogues } from "../smtp/server/dialogue.ts";
import type { Aliases } from "../recipients/aliases.ts";
import type { Webhooks } from "../webhooks/webhooks.ts";

/** The APIs of other programs, over what this server has. */
export interface Dialects {
  /** Where they are, beside `/api/v1`. */
  readonly paths: readonly string[];
  /** The same, for calls that nobody needs a token for. */
  readonly openPaths: readonly string[];
  /** Makes the app; it is asked for what the API itself has not. */
  app(options: AdminOptions): Promise<OpenAPIHono<AdminEnv>>;
}

/** What API and page work with, beside what every request needs. */
export interface AdminOptions extends HttpOptions {
  /** Shown and operated under `/api/v1/queue`. */
  readonly queue: DeliveryQueue;
  /** Edited under `/api/v1/accounts`. */
  readonly accounts: Accounts;
  /** Edited under `/api/v1/aliases`. */
  readonly aliases: Aliases;
  /** Read under `/api/v1/mailboxes`. */
  readonly mailStore: MailStore;
  /** Takes the messages of `POST /api/v1/messages`. */
  readonly submission: HttpSubmission;
  /**
   * What is on its way in, so that who waits for no message to come is told the truth; absent: nothing is known.
   * @internal
   */
  readonly underWay?: UnderWay;
  /**
   * Absent: accounts have none, and the calls do not exist.
   * @internal
   */
  readonly appPasswords?: AppPasswords;
  /**
   * Slows down who guesses the passwords of accounts, as it does for SMTP and POP3; absent: people have no page of
   * their own.
   * @internal
   */
  readonly guard?: LoginGuard;
  /**
   * Names what is put into mailboxes.
   * @internal
   */
  readonly ids: IdMaker;
  /** Absent: the queue knows of none, and the calls do not exist. */
  readonly suspensions?: Suspensions;
  /** Absent: nobody is suppressed, and the calls do not exist. */
  readonly suppressions?: Suppressions | undefined;
  /** Absent: the calls do not exist. */
  readonly webhooks?: Webhooks;
  /**
   * What was said in the sessions that brought messages; absent: it is not kept.
   * @internal
   */
  readonly dialogues?: Dialogues | undefined;
  /** True: every address has a mailbox, whatever its domain. */
  readonly captures?: boolean;
  /** The captured messages, where the server captures; {@linkcode mailStore} shows them by mailbox. */
  readonly captured?: CapturedMail | undefined;
  /**
   * Sends captured messages on; present where {@linkcode captured} is.
   * @internal
   */
  readonly releases?: Releases | undefined;
  /** Absent: nothing goes wrong on purpose, and the calls say so. */
  readonly faults?: FaultRules | undefined;
  /** Lets so many milliseconds pass, with all that is due by then; absent: nobody can, and the call says so. */
  readonly advance?: ((ms: number) => Promise<void>) | undefined;
  /**
   * The calls of other programs' APIs, with which their clients work here; absent: there are none.
   * @internal
   */
  readonly dialects?: Dialects | undefined;
  /**
   * Makes backups; absent: the data is in no directory of this server alone, and the call says so.
   * @internal
   */
  readonly backups?: Backups | undefined;
  /** The domains that are delivered here. */
  readonly domains: readonly string[];
  /**
   * Compares what the DNS says of the server's host and domains (all that the world can know, unless some are named) with
   * what it should; absent: there is nothing to compare, and the call does not exist.
   * @internal
   */
  readonly deliverability?: ((domains?: readonly string[]) => Promise<Deliverability>) | undefined;
  /**
   * The reports of others about our domains; absent: none are read.
   * @internal
   */
  readonly reports?: Pick<ReceivedReports, "list"> | undefined;
  /** The hosts that a remote domain's mail would be offered to now. */
  route(domain: string): Promise<MailHosts>;
  /** Does a configured host take the domain's mail in place of its MX hosts? */
  usesSmartHost(domain: string): boolean;
  /** Links of messages may be asked on loopback, private or link-local addresses when a check is wanted. Default: no. */
  readonly allowPrivate?: boolean;
  /** The largest message in bytes. */
  readonly messageSize: number;
  /** How long a message stays in the queue: milliseconds. */
  readonly giveUpAfter: number;
  /** The program's version. */
  readonly version: string;
  /**
   * Makes the web page (`/` and what it needs); it is asked for whatever nobody else answers. Called once, late.
   * @internal
   */
  readonly page?: (options: AdminOptions, auth: AdminAuth) => Hono<AdminEnv> | Promise<Hono<AdminEnv>>;
}

/** The options of a POP3 session, and the events it tells. */

import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { Account, Accounts } from "../auth/accounts.ts";
import type { LoginFailure } from "../auth/authenticator.ts";
import type { LoginGuard } from "../auth/login_guard.ts";
import type { Identity } from "../auth/sasl.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Deadlines } from "../wire/deadlines.ts";
import type { ServerTls } from "../wire/tls.ts";

/** What a session tells its surroundings. */
export type Pop3Event =
  /** Somebody tried to log in. */
  | {
    readonly kind: "login";
    readonly ok: boolean;
    /** `PASS`, or the SASL mechanism. */
    readonly mechanism: string;
    /** What the client called itself. */
    readonly name: string;
    /** Who it was, when it was somebody. */
    readonly account?: Mailbox;
    /** Why not. */
    readonly why?: LoginFailure;
  }
  /** Who logged in found the maildrop open in another session. */
  | { readonly kind: "in-use"; readonly account: Mailbox }
  /** The connection is encrypted now. */
  | { readonly kind: "tls"; readonly protocol: string; readonly cipher: string }
  /** The store failed, or something that nobody expected. */
  | { readonly kind: "error"; readonly error: unknown }
  /** The session is over. */
  | {
    readonly kind: "ended";
    readonly how: "quit" | "lost" | "idle" | "closing" | "refused" | "error";
    readonly account?: Mailbox;
    /** Messages sent by RETR. */
    readonly retrieved: number;
    /** Messages removed at QUIT. */
    readonly removed: number;
  };

/** What a session needs. */
export interface Pop3SessionOptions {
  /** Who may log in. */
  readonly accounts: Accounts;
  /** What they read. */
  readonly mailStore: MailStore;
  /** Slows down who guesses; the same one as for SMTP AUTH. */
  readonly guard: LoginGuard;
  /** Further passwords of the accounts; absent: there are none. */
  readonly appPasswords?: {
    /** Is it one of that account's? */
    verify(account: Account, password: string): Promise<boolean>;
  };
  /** For delays. */
  readonly clock: Clock;
  /** For time-outs. */
  readonly deadlines: Deadlines;
  /** Our name, for the greeting. */
  readonly hostname: string;
  /** Present: STLS is offered (or done at once, see `implicitTls`). */
  readonly tls?: ServerTls;
  /** TLS from the first octet on (RFC 8314). */
  readonly implicitTls?: boolean;
  /** Lets in everybody who says a name, with any password, and answers whose it is. */
  readonly anyLogin?: (name: string) => Identity;
  /** Passwords are taken without TLS from other machines too. */
  readonly allowInsecure?: boolean;
  /** How long a client may be silent, in milliseconds: 10 minutes at least by RFC 1939 3, which is the default. */
  readonly idleTimeoutMs?: number;
  /** Bad commands and failed logins until the connection is closed (20). */
  readonly errorsPerSession?: number;
  /** A name for the logs, unique in this process. */
  readonly id: string;
  /** Aborted when the server goes down. */
  readonly closing: AbortSignal;
  /** Is told what happens; must not throw. */
  readonly onEvent?: (event: Pop3Event) => void;
  /** For SCRAM's nonces; tests take a seeded one. */
  readonly random?: Random;
}

/** The options of an IMAP session, and the events it tells. */

import type { Account, Accounts } from "../auth/accounts.ts";
import type { LoginFailure } from "../auth/authenticator.ts";
import type { LoginGuard } from "../auth/login_guard.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { SearchTexts } from "./folder_texts.ts";
import type { Folders } from "../mailbox/folders.ts";
import type { BodyWriter } from "../storage/bodies/bodies.ts";
import type { Deadlines } from "../wire/deadlines.ts";
import type { ServerTls } from "../wire/tls.ts";

/** What a session tells its surroundings. */
export type ImapEvent =
  /** Somebody tried to log in. */
  | {
    readonly kind: "login";
    readonly ok: boolean;
    /** `LOGIN`, or the SASL mechanism. */
    readonly mechanism: string;
    /** What the client called itself. */
    readonly name: string;
    /** Who it was, when it was somebody. */
    readonly account?: Mailbox;
    /** Why not. */
    readonly why?: LoginFailure;
  }
  /** A password crossed the network in clear, unasked: whoever listened has it. */
  | { readonly kind: "exposed"; readonly name: string }
  /** The connection is encrypted now. */
  | { readonly kind: "tls"; readonly protocol: string; readonly cipher: string }
  /** The store failed, or something that nobody expected. */
  | { readonly kind: "error"; readonly error: unknown }
  /** The session is over. */
  | {
    readonly kind: "ended";
    readonly how: "logout" | "lost" | "idle" | "closing" | "refused" | "error";
    readonly account?: Mailbox;
    /** Messages it put into mailboxes. */
    readonly appended: number;
    /** Commands that were refused as BAD, and failed logins. */
    readonly errors: number;
  };

/** What a session needs. */
export interface ImapSessionOptions {
  /** Who may log in. */
  readonly accounts: Accounts;
  /** Their mailboxes. */
  readonly mailStore: {
    /** Opens one; it is given back by disposing of it. */
    open(address: Mailbox): Promise<Folders>;
    /** How much is in one. */
    usage(address: Mailbox): Promise<{ readonly messages: number; readonly bytes: number }>;
  };
  /** Takes in a message that is put into a mailbox. */
  newBody(): BodyWriter;
  /** Slows down who guesses; the same one as for SMTP AUTH. */
  readonly guard: LoginGuard;
  /** Further passwords of the accounts; absent: there are none. */
  readonly appPasswords?: {
    /** Is it one of that account's? */
    verify(account: Account, password: string): Promise<boolean>;
  };
  /** For delays. */
  readonly clock: Clock;
  /** For the dates of messages, where that may be another one (`clock`). */
  readonly mailClock?: Clock;
  /** For time-outs. */
  readonly deadlines: Deadlines;
  /** Our name, for the greeting. */
  readonly hostname: string;
  /** Present: STARTTLS is offered (or done at once, see `implicitTls`). */
  readonly tls?: ServerTls;
  /** TLS from the first octet on (RFC 8314). */
  readonly implicitTls?: boolean;
  /** Passwords are taken without TLS from other machines too. */
  readonly allowInsecure?: boolean;
  /** The largest message that is taken, in octets. */
  readonly messageSize: number;
  /** How long a client may be silent once it has logged in: 30 minutes at least by RFC 9051 5.4, which is the default. */
  readonly idleTimeoutMs?: number;
  /** How long it may be silent before that (60 s). */
  readonly loginTimeoutMs?: number;
  /** Bad commands and failed logins until the connection is closed (20). */
  readonly errorsPerSession?: number;
  /** A name for the logs, unique in this process. */
  readonly id: string;
  /** Aborted when the server goes down. */
  readonly closing: AbortSignal;
  /** Is told what happens; must not throw. */
  readonly onEvent?: (event: ImapEvent) => void;
  /** Keeps what searches read, for all sessions; absent: each search reads anew. */
  readonly searchTexts?: SearchTexts;
  /** For SCRAM's nonces; tests take a seeded one. */
  readonly random?: Random;
}

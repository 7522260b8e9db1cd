/** The options of a receiving session: what it is made of, and what bounds it. */

import type { Clock } from "../../base/clock.ts";
import type { FaultRules } from "../../faults/rules.ts";
import type { ConnectionLimiter } from "../../wire/connection_limiter.ts";
import type { Deadlines } from "../../wire/deadlines.ts";
import type { ServerTls } from "../../wire/tls.ts";
import type { Dialogues } from "./dialogue.ts";
import type { Reception, Service, SessionFacts } from "./reception.ts";
import type { SessionEvent } from "./session_event.ts";

/** What bounds a session. */
export interface SmtpLimits {
  /** The largest message, in octets (RFC 1870). */
  messageSize: number;
  /** The most recipients of one message. */
  recipients: number;
  /** How long a command line may take, from the reply before it to its CRLF. */
  commandTimeoutMs: number;
  /** How long the content may stand still. */
  dataTimeoutMs: number;
  /** More errors than this end the session. */
  errorsPerSession: number;
  /**
   * How many commands a client may send in a second, over time and beyond a first burst, before it is slowed down to
   * that. Commands that lead to an accepted message don't count. Default: no bound.
   */
  commandsPerSecond?: number;
}

/** What a session is made of. */
export interface SmtpSessionOptions {
  /** Answers everything that is not protocol. */
  reception: Reception;
  /** Our name in the greeting and after EHLO. */
  hostname: string;
  /** Which listener the connection came through. */
  service: Service;
  /** Time. */
  clock: Clock;
  /** The sweep that watches time-outs. */
  deadlines: Deadlines;
  /** Bounds. */
  limits: SmtpLimits;
  /** Makes STARTTLS available; absent: it is not offered. */
  tls?: ServerTls;
  /** The connection begins with a TLS handshake (RFC 8314); needs `tls`. */
  implicitTls?: boolean;
  /**
   * When AUTH is offered. `overTls`: encrypted, or from a loopback address. On submission and submissions MAIL
   * needs a login, unless it is `never`.
   */
  auth: "never" | "overTls" | "always";
  /** A name for the logs, unique in this process. */
  id: string;
  /** Whoever has sent no MAIL yet and is idle may have to make room for others in it. */
  limiter?: ConnectionLimiter;
  /** What goes wrong on purpose; absent: nothing. */
  faults?: FaultRules;
  /**
   * Keeps what is said in sessions that bring a message; absent: nobody does.
   * @internal
   */
  dialogues?: Dialogues;
  /** Is told what happens; must not throw. */
  onEvent?(event: SessionEvent, session: SessionFacts): void;
  /** Aborted when the server shuts down: `421 4.3.2` between commands. */
  closing: AbortSignal;
  /** Aborted when what is under way has had its time: a message that is not complete is dropped, and 421 says so. */
  ending?: AbortSignal;
}

/** The journal: one stream of events that feeds log lines, counters and the live view. */

import type { EnhancedStatus } from "../mail/outcome.ts";
import { log, logFacts, type LogFields, type LogLevel } from "./log.ts";

/** What every event about a message carries. */
export interface MessageEvent {
  /** The message's id; it follows the message from accept to the last attempt. */
  readonly id: string;
}

/** The message is durable and ours. */
export interface AcceptedEvent extends MessageEvent {
  /** A message was accepted. */
  readonly type: "accepted";
  /** The reverse-path; empty for a report. */
  readonly sender: string;
  /** The recipients as the client named them. */
  readonly recipients: readonly string[];
  /** In octets. */
  readonly size: number;
  /** How it came, such as the listener's kind. */
  readonly source: string;
  /** The session it came through, when it came through one. */
  readonly session?: string;
  /** The client's IP address. */
  readonly remote?: string;
  /** Who was logged in. */
  readonly account?: string;
  /** What the checks of a stranger's message came to, a word for each: `{spf: "pass"}`. */
  readonly checks?: Readonly<Record<string, string>>;
}

/** What an attempt came to for one recipient. */
export interface AttemptEvent extends MessageEvent {
  /** What came of it. */
  readonly type: "delivered" | "deferred" | "bounced";
  /** Whom it was for. */
  readonly recipient: string;
  /** RFC 3463. */
  readonly status: EnhancedStatus;
  /** The reply, or what went wrong, in one line. */
  readonly text: string;
  /** The reply code of the peer. */
  readonly code?: number;
  /** The peer's name. */
  readonly host?: string;
  /** The peer's IP address. */
  readonly address?: string;
  /** Protocol version of TLS. */
  readonly tls?: string;
  /** Why it went in clear, although the peer offers encryption. */
  readonly inClear?: string;
  /** An operator returned the message: nobody was asked. */
  readonly returned?: true;
  /** How long it took. */
  readonly durationMs: number;
  /** When it is tried again: milliseconds since 1970. */
  readonly nextAttemptAt?: number;
}

/** A message is in a mailbox. */
export interface MailboxEvent extends MessageEvent {
  /** A message is in a mailbox. */
  readonly type: "mailbox";
  /** The account's address. */
  readonly mailbox: string;
  /** The reverse-path; empty for a report. */
  readonly sender: string;
  /** In octets. */
  readonly size: number;
}

/** A report about a message was queued for its sender. */
export interface ReportEvent extends MessageEvent {
  /** A report about a message is on its way. */
  readonly type: "report";
  /** The report's own id. */
  readonly report: string;
  /** As in the report's Action field (RFC 3464 2.3.3). */
  readonly action: string;
  /** Whom the report goes to. */
  readonly to: string;
}

/** A connection ended. */
export interface SessionEvent {
  /** A session has ended. */
  readonly type: "session";
  /** The session's name. */
  readonly session: string;
  /** The listener's kind. */
  readonly service: string;
  /** The client's IP address. */
  readonly remote: string;
  /** What the client called itself. */
  readonly helo?: string;
  /** Messages accepted, or retrieved. */
  readonly messages: number;
  /** Errors that were counted. */
  readonly errors: number;
  /** Why it ended. */
  readonly why: string;
  /** How long it lasted, in milliseconds. */
  readonly durationMs: number;
}

/** Somebody logged in, or tried to. */
export interface LoginEvent {
  /** Somebody tried to log in. */
  readonly type: "login";
  /** The session's name. */
  readonly session: string;
  /** The listener's kind. */
  readonly service: string;
  /** The client's IP address. */
  readonly remote: string;
  /** The account, or what the client called itself. */
  readonly account: string;
  /** Did it succeed? */
  readonly ok: boolean;
}

/** The server or an operator did something worth knowing. */
export interface NoteEvent {
  /** Something else that operators should know. */
  readonly type: "note";
  /** How bad it is. */
  readonly level: LogLevel;
  /** In a few words. */
  readonly what: string;
  /** The details. */
  readonly fields?: LogFields;
}

/** What is wrong with the server changed; see `health.ts`. */
export interface HealthEvent {
  /** The list of problems changed. */
  readonly type: "health";
  /** Is anything wrong? */
  readonly status: "ok" | "degraded";
  /** What is: a word, a sentence, and since when (ISO 8601 UTC). */
  readonly problems: readonly { readonly code: string; readonly text: string; readonly since: string }[];
}

/** All events of the journal. */
export type JournalEvent =
  | AcceptedEvent
  | AttemptEvent
  | MailboxEvent
  | ReportEvent
  | SessionEvent
  | LoginEvent
  | HealthEvent
  | NoteEvent;

/** An event for those outside: all but its type, with times in ISO 8601 UTC. */
export function factsOf(event: JournalEvent): Record<string, unknown> {
  const { type: _, ...facts } = event;
  if (!("nextAttemptAt" in facts) || facts.nextAttemptAt === undefined) return facts;
  return { ...facts, nextAttemptAt: new Date(facts.nextAttemptAt).toISOString() };
}

/** Takes events and passes them on; never throws into the room that emits. */
export class Journal {
  readonly #listeners = new Set<(event: JournalEvent) => void>();

  /** Log lines go through `write`, which tests and embedders may replace; undefined: no lines. */
  constructor(private readonly write: typeof log | undefined = log) {}

  /** Emits an event. */
  emit(event: JournalEvent): void {
    this.#line(event);
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.write?.("ERROR", "listener", { error: String(error) });
      }
    }
  }

  /** Emits something that is no more than a log line. */
  note(level: LogLevel, what: string, fields?: LogFields): void {
    this.emit(fields === undefined ? { type: "note", level, what } : { type: "note", level, what, fields });
  }

  /** Calls `listener` for each event from now on; the answer ends that. */
  on(listener: (event: JournalEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #line(event: JournalEvent): void {
    if (!this.write) return;
    if (event.type === "note") return this.write(event.level, event.what, event.fields ?? {});
    const { type } = event;
    // who finds a problem logs it, with more to it
    const level = type === "session" || type === "health"
      ? "DEBUG"
      : type === "bounced" || (type === "login" && !event.ok)
      ? "WARN"
      : "INFO";
    if (this.write === log && !("nextAttemptAt" in event)) logFacts(level, event);
    else this.write(level, type, factsOf(event));
  }
}

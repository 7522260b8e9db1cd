/** In charge of what happened: one stream of events that feeds log lines, counters and the live view. */

import type { EnhancedStatus } from "../mail/outcome.ts";
import { log, type LogFields, type LogLevel } from "./log.ts";

/** What every event about a message carries. */
interface MessageEvent {
  /** The message's id; it follows the message from accept to the last attempt. */
  readonly id: string;
}

/** The message is durable and ours. */
export interface AcceptedEvent extends MessageEvent {
  readonly type: "accepted";
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly size: number;
  readonly source: string;
  /** The session it came through, when it came through one. */
  readonly session?: string;
  readonly remote?: string;
  readonly account?: string;
}

/** What an attempt came to for one recipient. */
export interface AttemptEvent extends MessageEvent {
  readonly type: "delivered" | "deferred" | "bounced";
  readonly recipient: string;
  readonly status: EnhancedStatus;
  readonly text: string;
  readonly code?: number;
  readonly host?: string;
  readonly address?: string;
  readonly tls?: string;
  readonly durationMs: number;
  /** When it is tried again: milliseconds since 1970. */
  readonly nextAttemptAt?: number;
}

/** A message is in a mailbox. */
export interface MailboxEvent extends MessageEvent {
  readonly type: "mailbox";
  readonly mailbox: string;
  readonly sender: string;
  readonly size: number;
}

/** A report about a message was queued for its sender. */
export interface ReportEvent extends MessageEvent {
  readonly type: "report";
  /** The report's own id. */
  readonly report: string;
  readonly action: string;
  readonly to: string;
}

/** A connection ended. */
export interface SessionEvent {
  readonly type: "session";
  readonly session: string;
  readonly service: string;
  readonly remote: string;
  readonly helo?: string;
  readonly messages: number;
  readonly errors: number;
  readonly why: string;
}

/** Somebody logged in, or tried to. */
export interface LoginEvent {
  readonly type: "login";
  readonly session: string;
  readonly service: string;
  readonly remote: string;
  readonly account: string;
  readonly ok: boolean;
}

/** The server or an operator did something worth knowing. */
export interface NoteEvent {
  readonly type: "note";
  readonly level: LogLevel;
  readonly what: string;
  readonly fields?: LogFields;
}

/** Everything the journal tells. */
export type JournalEvent =
  | AcceptedEvent
  | AttemptEvent
  | MailboxEvent
  | ReportEvent
  | SessionEvent
  | LoginEvent
  | NoteEvent;

/** Takes events and passes them on; never throws into the room that tells. */
export class Journal {
  readonly #listeners = new Set<(event: JournalEvent) => void>();

  /** Log lines go through `write`, which tests and embedders may replace; undefined: no lines. */
  constructor(private readonly write: typeof log | undefined = log) {}

  /** Tells an event. */
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

  /** Tells something that is no more than a log line. */
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
    const { type, ...fields } = event;
    const level = type === "session"
      ? "DEBUG"
      : type === "bounced" || (type === "login" && !event.ok)
      ? "WARN"
      : "INFO";
    this.write(level, type, fields);
  }
}

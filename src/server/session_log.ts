/** The log of sessions: their events as events of the journal. */

import type { Clock } from "../base/clock.ts";
import type { Journal } from "../observe/journal.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { SessionFacts } from "../smtp/server/reception.ts";
import type { SessionEvent } from "../smtp/server/session_event.ts";
import type { ImapEvent } from "../imap/session_options.ts";
import type { Pop3Event } from "../pop3/session_options.ts";

/** What is the same for all events of a session. */
interface Facts {
  readonly id: string;
  readonly service: string;
  readonly remote: string;
}

/** Logs one session in the journal. */
export class SessionLog {
  readonly #began: number;

  constructor(
    private readonly to: { journal: Journal; metrics: Metrics; clock: Clock },
    private readonly facts: Facts,
  ) {
    this.#began = to.clock.monotonic();
  }

  /** An event of an SMTP session. */
  smtp(event: SessionEvent, session: SessionFacts): void {
    const { id, service, remote } = this.facts;
    if (event.kind === "command") return this.to.metrics.command(service, event.verb, event.code);
    if (event.kind === "tls") this.#encrypted(session.tls?.protocol);
    if (event.kind === "error") {
      this.to.journal.note("ERROR", "session failed", { session: id, error: String(event.error) });
    }
    if (event.kind === "login") {
      const account = event.ok ? event.account : event.name;
      this.to.journal.emit({ type: "login", session: id, service, remote, account, ok: event.ok });
    }
    if (event.kind !== "closed") return;
    const { messages, errors, why } = event;
    const helo = session.helo === "" ? {} : { helo: session.helo };
    this.to.journal.emit({
      type: "session",
      session: id,
      service,
      remote,
      messages,
      errors,
      why,
      durationMs: this.#lasted,
      ...helo,
    });
  }

  /** An event of a POP3 session. */
  pop3(event: Pop3Event): void {
    const { id: session, service, remote } = this.facts;
    if (event.kind === "login") {
      this.to.journal.emit({
        type: "login",
        session,
        service,
        remote,
        account: event.account ?? event.name,
        ok: event.ok,
      });
    } else if (event.kind === "in-use") {
      this.to.journal.note("INFO", "maildrop in use", { session, remote, account: event.account });
    } else if (event.kind === "ended") {
      const { retrieved, how } = event;
      this.to.journal.emit({
        type: "session",
        session,
        service,
        remote,
        messages: retrieved,
        errors: 0,
        why: how,
        durationMs: this.#lasted,
      });
    } else if (event.kind === "tls") {
      this.#encrypted(event.protocol);
    } else if (event.kind === "error") {
      this.to.journal.note("ERROR", "session failed", { session, error: String(event.error) });
    }
  }

  /** An event of an IMAP session. */
  imap(event: ImapEvent): void {
    const { id: session, service, remote } = this.facts;
    const { journal } = this.to;
    if (event.kind === "login") {
      const account = event.account ?? event.name;
      journal.emit({ type: "login", session, service, remote, account, ok: event.ok });
    } else if (event.kind === "exposed") {
      const who = event.name === "" ? {} : { account: event.name };
      journal.note("WARN", "password sent without TLS: whoever listened has it", { session, remote, ...who });
    } else if (event.kind === "ended") {
      const { appended, errors, how } = event;
      const durationMs = this.#lasted;
      journal.emit({
        type: "session",
        session,
        service,
        remote,
        messages: appended,
        errors,
        why: how,
        durationMs,
      });
    } else if (event.kind === "tls") {
      this.#encrypted(event.protocol);
    } else if (event.kind === "error") {
      journal.note("ERROR", "session failed", { session, error: String(event.error) });
    }
  }

  get #lasted(): number {
    return Math.round(this.to.clock.monotonic() - this.#began);
  }

  #encrypted(protocol: string | undefined): void {
    this.to.metrics.handshake(this.facts.service, protocol ?? "");
  }
}

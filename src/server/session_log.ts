/** In charge of turning what sessions tell into the journal's events. */

import type { Journal } from "../observe/journal.ts";
import type { SessionFacts } from "../smtp/reception.ts";
import type { SessionEvent } from "../smtp/session_state.ts";
import type { Pop3Event } from "../pop3/session_options.ts";

/** What is the same for all events of a session. */
interface Facts {
  readonly id: string;
  readonly service: string;
  readonly remote: string;
}

/** Tells the journal of one session. */
export class SessionLog {
  constructor(private readonly journal: Journal, private readonly facts: Facts) {}

  /** An event of an SMTP session. */
  smtp(event: SessionEvent, session: SessionFacts): void {
    const { id, service, remote } = this.facts;
    if (event.kind === "trouble") {
      this.journal.note("ERROR", "session failed", { session: id, error: String(event.error) });
    }
    if (event.kind === "login") {
      const account = event.ok ? event.account : event.name;
      this.journal.emit({ type: "login", session: id, service, remote, account, ok: event.ok });
    }
    if (event.kind !== "closed") return;
    const { messages, errors, why } = event;
    const helo = session.helo === "" ? {} : { helo: session.helo };
    this.journal.emit({ type: "session", session: id, service, remote, messages, errors, why, ...helo });
  }

  /** An event of a POP3 session. */
  pop3(event: Pop3Event): void {
    const { id: session, service, remote } = this.facts;
    if (event.kind === "login") {
      this.journal.emit({
        type: "login",
        session,
        service,
        remote,
        account: event.account ?? event.name,
        ok: event.ok,
      });
    } else if (event.kind === "ended") {
      const { retrieved, how } = event;
      this.journal.emit({
        type: "session",
        session,
        service,
        remote,
        messages: retrieved,
        errors: 0,
        why: how,
      });
    } else if (event.kind === "trouble") {
      this.journal.note("ERROR", "session failed", { session, error: String(event.error) });
    }
  }
}

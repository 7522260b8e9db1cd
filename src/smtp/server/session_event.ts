/** The events of a receiving session, for logs and metrics. */

import type { Mailbox } from "../../mail/envelope.ts";
import type { KnownVerb } from "../protocol/command.ts";

/** Why a session ended. */
export type ClosedBecause =
  /** QUIT. */
  | "quit"
  /** The client closed, or the connection broke. */
  | "gone"
  /** A time-out. */
  | "idle"
  /** Idle while others waited for a place. */
  | "evicted"
  /** The server shuts down. */
  | "shutdown"
  /** Too many errors or too much junk. */
  | "abuse"
  /** A reply after which the connection closes. */
  | "refused"
  /** The TLS handshake failed. */
  | "tls"
  /** A rule of faults. */
  | "fault"
  /** An error of our own. */
  | "error";

/** What logs and metrics are told of a session. */
export type SessionEvent =
  | { readonly kind: "connected" }
  /** A command was answered; for DATA there are two: 354 and the reply to the content. */
  | { readonly kind: "command"; readonly verb: KnownVerb; readonly code: number }
  /** A handshake was completed; protocol and cipher are in the session's facts. */
  | { readonly kind: "tls" }
  | { readonly kind: "login"; readonly ok: true; readonly account: Mailbox; readonly mechanism: string }
  /** `name` is what the client gave, as far as it is known here. */
  | { readonly kind: "login"; readonly ok: false; readonly name: string; readonly mechanism: string }
  /** Something threw that should not have. */
  | { readonly kind: "error"; readonly error: unknown }
  | {
    readonly kind: "closed";
    readonly why: ClosedBecause;
    /** How many messages were accepted. */
    readonly messages: number;
    /** How many errors were counted. */
    readonly errors: number;
  };

/** Scripts of a peer for tests, and what the peer notes of its sessions. */

/**
 * What the peer does at one point. A text is a reply without its last CRLF (CRLF inside makes it several lines);
 * `raw` is sent as it is; `drop` closes the connection, after `raw` when there is one; `silence` says
 * nothing any more, until the client closes; `delayMs` waits first, by the peer's clock.
 */
export type Answer =
  | string
  | { readonly raw: string }
  | { readonly drop: true; readonly raw?: string }
  | { readonly silence: true }
  | { readonly delayMs: number; readonly then: Answer };

/** One answer for ever; several in turn, the last one for ever; or one that depends on the line. */
export type Answers = Answer | readonly Answer[] | ((line: string) => Answer);

/** Where a script can say something. */
export type PeerStage =
  | "greeting"
  | "ehlo"
  | "helo"
  | "starttls"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "bdat"
  | "end"
  | "rset"
  | "quit"
  | "other";

/** What the peer is and says; what is left out goes as with any server. */
export interface PeerScript extends Partial<Record<PeerStage, Answers>> {
  /** The lines of EHLO behind the first one. Default: PIPELINING, 8BITMIME, SMTPUTF8, SIZE, DSN. */
  readonly extensions?: readonly string[];
  /** Closes the connection when so many octets of a text came. */
  readonly dropInText?: number;
  /** One answer (`end`, in turn) per accepted recipient after the text. */
  readonly lmtp?: boolean;
  /**
   * It forgets a text that it refused only by RSET. `transaction`: until then MAIL gets 503. `recipients`: MAIL is taken,
   * and what comes next goes to the recipients of before as well; without any, DATA gets 503.
   */
  readonly remembers?: "transaction" | "recipients";
  /** For STARTTLS; `implicit`: from the first byte. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly implicit?: boolean };
}

/** A message that the peer took. */
export interface PeerMessage {
  /** The whole MAIL command. */
  readonly mail: string;
  /** The whole RCPT commands that were answered with 2xx. */
  readonly rcpts: readonly string[];
  /** The text without dot-stuffing, an octet per character. */
  readonly text: string;
}

/** What happened on one connection. */
export interface PeerSession {
  /** Every command line. */
  readonly lines: string[];
  /** The same, those together that came in one read: a pipelined group. */
  readonly groups: string[][];
  /** What was taken. */
  readonly messages: PeerMessage[];
  /** Encrypted. */
  tls: boolean;
  /** Over. */
  closed: boolean;
}

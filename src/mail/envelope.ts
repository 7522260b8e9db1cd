/** The envelope: sender, recipients, and the parameters of both. */

/**
 * An address in the one form that all rooms share: `local@domain` with the local part as it was written (quoted
 * when it must be, RFC 5321 4.1.2) and the domain in lower case as A-labels, or a literal such as `[192.0.2.1]`.
 * The null reverse-path is the empty string.
 */
export type Mailbox = string;

/** Which reports a sender wants of a recipient (RFC 3461 4.1). Absent: failure and delay, as ever. */
export type Notify = "never" | readonly ("success" | "failure" | "delay")[];

/** What MAIL said. */
export interface SenderParameters {
  /** The body's type (RFC 6152, 3030); absent: 7BIT. */
  readonly bodyType?: "7BIT" | "8BITMIME";
  /** The message needs a server with SMTPUTF8 (RFC 6531). */
  readonly utf8?: true;
  /** What a report returns of the message (RFC 3461 4.3). */
  readonly ret?: "full" | "headers";
  /** The sender's own name for the transaction, as it was given, in xtext (RFC 3461 4.4). */
  readonly envid?: string;
  /**
   * What the sender wants of TLS on all of the way (RFC 8689): `required`, by REQUIRETLS in MAIL; `optional`, by the field
   * TLS-Required: better without it than not at all. Absent: what the domains want.
   */
  readonly tls?: "required" | "optional";
}

/** What RCPT said. */
export interface RecipientParameters {
  /** The reports wanted (RFC 3461 4.1). */
  readonly notify?: Notify;
  /** The original recipient, `rfc822;xtext` or `utf-8;…`, as it was given (RFC 3461 4.2). */
  readonly orcpt?: string;
}

/** A recipient with its parameters. */
export interface EnvelopeRecipient extends RecipientParameters {
  /** The address. */
  readonly address: Mailbox;
}

/** The envelope of one message. */
export interface Envelope extends SenderParameters {
  /** The reverse-path; empty for reports. */
  readonly sender: Mailbox;
  /** The recipients, in the order of RCPT. */
  readonly recipients: readonly EnvelopeRecipient[];
}

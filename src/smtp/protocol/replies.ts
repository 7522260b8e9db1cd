/** The fixed replies of the receiving side: made once, also as bytes. */

import type { EnhancedStatus } from "../../mail/outcome.ts";
import { encode } from "../../base/bytes.ts";
import { closing, formatReply, type Reply, reply } from "./reply.ts";

/** A reply that is kept as it goes on the wire. */
export interface FixedReply extends Reply {
  /** The bytes, CRLF included. */
  readonly wire: Uint8Array;
}

/** Prepares a reply that is given often. */
export function fixed(of: Reply): FixedReply {
  return { ...of, wire: encode(formatReply(of)) };
}

const keptReplies = new Map<string, FixedReply>();
/** So many, for servers that have several names. */
const MAX_KEPT = 64;

/** A reply that a server gives all of its clients: prepared when it is first given. */
export function kept(code: number, status: EnhancedStatus | undefined, text: string): FixedReply {
  const key = `${code} ${status} ${text}`;
  let found = keptReplies.get(key);
  if (!found) {
    found = say(code, status, text);
    if (keptReplies.size < MAX_KEPT) keptReplies.set(key, found);
  }
  return found;
}

function say(code: number, status: EnhancedStatus | undefined, ...lines: string[]): FixedReply {
  return fixed(reply(code, status, ...lines));
}

function sayAndClose(code: number, status: EnhancedStatus, text: string): FixedReply {
  return fixed(closing(reply(code, status, text)));
}

// --- what goes well -------------------------------------------------------------------------------------------
export const MAIL_OK = say(250, "2.1.0", "Sender ok");
export const RCPT_OK = say(250, "2.1.5", "Recipient ok");
export const RESET_OK = say(250, "2.0.0", "Reset");
export const NOOP_OK = say(250, "2.0.0", "Ok");
export const CHUNK_OK = say(250, "2.0.0", "Chunk received");
export const START_CONTENT = say(354, undefined, "End data with <CR><LF>.<CR><LF>");
export const VERBOSE_ON = say(250, "2.0.0", "Verbose mode");
export const TLS_READY = say(220, "2.0.0", "Ready to start TLS");
export const AUTH_OK = say(235, "2.7.0", "Authentication succeeded");

// --- lines that are no commands -------------------------------------------------------------------------------
export const UNKNOWN_VERB = say(500, "5.5.1", "Command unrecognized; HELP lists the commands");
export const ABSENT_VERB = say(502, "5.5.1", "Command not implemented");
export const EMPTY_COMMAND = say(500, "5.5.2", "An empty line is not a command");
export const BARE_LF_IN_COMMAND = say(
  500,
  "5.5.2",
  "A line must end with CRLF; this one ended with LF alone",
);
export const BARE_CR_IN_COMMAND = say(500, "5.5.2", "A line must end with CRLF; this one has a CR inside");
export const NUL_IN_COMMAND = say(501, "5.5.4", "A command can't contain NUL");
export const BAD_UTF8 = say(501, "5.5.2", "The command is not valid UTF-8");
export const LINE_TOO_LONG = say(500, "5.5.6", "Line too long");
export const FOREIGN_PROTOCOL = sayAndClose(421, "5.5.1", "This is an SMTP server; other protocols end here");
export const EARLY_TALKER = sayAndClose(554, "5.5.0", "A client waits for the greeting before it sends");

// --- wrong order ----------------------------------------------------------------------------------------------
export const HELLO_FIRST = say(503, "5.5.1", "Introduce yourself first: HELO, EHLO, or LHLO for LMTP");
export const MAIL_FIRST = say(503, "5.5.1", "Send MAIL first");
export const RCPT_FIRST = say(503, "5.5.1", "No valid recipients; send RCPT first");
export const NESTED_MAIL = say(503, "5.5.1", "A transaction is open; send RSET to drop it");
export const CHUNKS_BEGUN = say(
  503,
  "5.5.1",
  "The message has begun with BDAT; go on with BDAT or send RSET",
);
export const BDAT_FAILED = say(503, "5.5.1", "An earlier chunk was refused; send RSET");
export const NOT_IN_TRANSACTION = say(503, "5.5.1", "Not during a mail transaction");
export const ALREADY_TLS = say(503, "5.5.1", "TLS is already active");
export const ALREADY_IN = say(503, "5.5.1", "Already authenticated");

// --- arguments ------------------------------------------------------------------------------------------------
export const HELLO_NEEDS_NAME = say(501, "5.5.4", "A domain or an address literal must follow");
export const NO_ARGUMENT = say(501, "5.5.4", "This command takes no argument");
export const NEEDS_ARGUMENT = say(501, "5.5.4", "An argument must follow");
export const NEEDS_FROM = say(501, "5.5.4", "FROM:<address> must follow MAIL");
export const NEEDS_TO = say(501, "5.5.4", "TO:<address> must follow RCPT");
export const NEEDS_TLS = say(555, "5.5.4", "REQUIRETLS is taken within TLS only");
export const NEEDS_UTF8 = say(553, "5.6.7", "An address beyond ASCII needs SMTPUTF8 in MAIL");
export const BAD_CHUNK_SIZE = sayAndClose(
  501,
  "5.5.4",
  "BDAT needs a size in octets; without it nothing can follow",
);
export const BAD_CHUNK_WORD = say(501, "5.5.4", "Only LAST may follow the size");

// --- limits ---------------------------------------------------------------------------------------------------
export const TOO_BIG = say(552, "5.3.4", "Message too big");
export const FAR_TOO_BIG = sayAndClose(552, "5.3.4", "Message far too big");
export const TOO_MANY_RECIPIENTS = say(
  452,
  "4.5.3",
  "Too many recipients; send the rest in another transaction",
);
export const TOO_MANY_ERRORS = sayAndClose(421, "4.7.0", "Too many errors");
export const TOO_MUCH_JUNK = sayAndClose(421, "4.7.0", "Too many commands without a message");
export const IDLE = sayAndClose(421, "4.4.2", "Idle too long");
export const EVICTED = sayAndClose(421, "4.7.0", "Too many connections, and this one was idle longest");
export const TOO_MANY_CONNECTIONS = sayAndClose(421, "4.7.0", "Too many connections, try again later");
export const TOO_MANY_OF_ADDRESS = sayAndClose(
  421,
  "4.7.0",
  "Too many connections from your address, try again later",
);
export const SHUTTING_DOWN = sayAndClose(421, "4.3.2", "The server is shutting down");

// --- content --------------------------------------------------------------------------------------------------
export const BARE_LF = sayAndClose(
  550,
  "5.6.11",
  "The message has an LF without CR; lines must end with CRLF",
);
export const BARE_CR = sayAndClose(
  550,
  "5.6.11",
  "The message has a CR without LF; lines must end with CRLF",
);
export const NUL_IN_CONTENT = sayAndClose(550, "5.6.11", "The message has a NUL");
export const CONTENT_LINE_TOO_LONG = sayAndClose(500, "5.5.6", "A line of the message is too long");

// --- errors of our own ---------------------------------------------------------------------------------------
export const INTERNAL_ERROR = say(451, "4.3.0", "Local error in processing; try again later");
export const TLS_FAILED = say(454, "4.7.0", "TLS is not available just now");

// --- policy ---------------------------------------------------------------------------------------------------
export const AUTH_FIRST = say(530, "5.7.0", "Authentication required");
export const TLS_BEFORE_AUTH = say(538, "5.7.11", "AUTH needs encryption; send STARTTLS first");
export const UNKNOWN_MECHANISM = say(504, "5.5.4", "Authentication mechanism not supported");
export const CANCELLED = say(501, "5.7.0", "Authentication cancelled");
export const WRONG_LOGIN = say(535, "5.7.8", "Wrong user name or password");
export const TOO_MANY_LOGINS = sayAndClose(421, "4.7.0", "Too many failed logins; try again later");
export const VERB_REFUSED = say(502, "5.7.0", "Verbose unavailable");
export const VRFY_REFUSED = say(252, "2.5.2", "Cannot VRFY user; try RCPT to attempt delivery");
export const EXPN_REFUSED = say(252, "2.5.2", "Cannot EXPN list; try RCPT to attempt delivery");

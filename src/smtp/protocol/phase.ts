/** In charge of the order of commands: which verb may come in which phase, and what to answer otherwise. */

import type { Verb } from "./command.ts";
import type { Reply } from "./reply.ts";
import {
  CHUNKS_BEGUN,
  CHUNKS_SPOILT,
  HELLO_FIRST,
  MAIL_FIRST,
  NESTED_MAIL,
  NOT_IN_TRANSACTION,
  RCPT_FIRST,
} from "./replies.ts";

/**
 * Where a session stands:
 * - `greeted`: the greeting is sent (or TLS has just begun), no HELO yet;
 * - `ready`: HELO, EHLO or LHLO was taken, no transaction;
 * - `mail`: MAIL was taken; `rcpt`: at least one recipient was taken;
 * - `chunks`: BDAT has begun the text; `spoilt`: a chunk was refused, only RSET helps (RFC 3030 2).
 */
export type Phase = "greeted" | "ready" | "mail" | "rcpt" | "chunks" | "spoilt";

/** All phases. */
export const PHASES: readonly Phase[] = ["greeted", "ready", "mail", "rcpt", "chunks", "spoilt"];

/** Allowed, or the reply that says why not. */
export type Rule = "go" | Reply;

type Row = Readonly<Record<Phase, Rule>>;

const anytime: Row = { greeted: "go", ready: "go", mail: "go", rcpt: "go", chunks: "go", spoilt: "go" };

/** Between HELO and MAIL only. */
const betweenMessages: Row = {
  greeted: HELLO_FIRST,
  ready: "go",
  mail: NOT_IN_TRANSACTION,
  rcpt: NOT_IN_TRANSACTION,
  chunks: NOT_IN_TRANSACTION,
  spoilt: NOT_IN_TRANSACTION,
};

const text: Row = {
  greeted: HELLO_FIRST,
  ready: MAIL_FIRST,
  mail: RCPT_FIRST,
  rcpt: "go",
  chunks: CHUNKS_BEGUN,
  spoilt: CHUNKS_SPOILT,
};

/** The table (RFC 5321 4.1.4, RFC 3030 2, RFC 3207 4, RFC 4954 4). */
export const ORDER: Readonly<Record<Verb, Row>> = {
  HELO: anytime,
  EHLO: anytime,
  LHLO: anytime,
  MAIL: {
    ...betweenMessages,
    mail: NESTED_MAIL,
    rcpt: NESTED_MAIL,
    chunks: NESTED_MAIL,
    spoilt: NESTED_MAIL,
  },
  RCPT: { ...text, mail: "go" },
  DATA: text,
  BDAT: { ...text, chunks: "go" },
  RSET: anytime,
  QUIT: anytime,
  NOOP: anytime,
  HELP: anytime,
  VRFY: anytime,
  EXPN: anytime,
  VERB: anytime,
  STARTTLS: betweenMessages,
  AUTH: betweenMessages,
};

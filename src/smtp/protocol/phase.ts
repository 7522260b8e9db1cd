/** The order of commands: which verb may come in which phase, and what to answer otherwise. */

import type { Verb } from "./command.ts";
import type { Reply } from "./reply.ts";
import {
  BDAT_FAILED,
  CHUNKS_BEGUN,
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
 * - `chunks`: BDAT has begun the content; `bdatFailed`: a chunk was refused, only RSET helps (RFC 3030 2).
 */
export type Phase = "greeted" | "ready" | "mail" | "rcpt" | "chunks" | "bdatFailed";

/** All phases. */
export const PHASES: readonly Phase[] = ["greeted", "ready", "mail", "rcpt", "chunks", "bdatFailed"];

/** Allowed, or the reply that says why not. */
export type Rule = "go" | Reply;

type Row = Readonly<Record<Phase, Rule>>;

const anytime: Row = { greeted: "go", ready: "go", mail: "go", rcpt: "go", chunks: "go", bdatFailed: "go" };

/** Between HELO and MAIL only. */
const betweenMessages: Row = {
  greeted: HELLO_FIRST,
  ready: "go",
  mail: NOT_IN_TRANSACTION,
  rcpt: NOT_IN_TRANSACTION,
  chunks: NOT_IN_TRANSACTION,
  bdatFailed: NOT_IN_TRANSACTION,
};

const text: Row = {
  greeted: HELLO_FIRST,
  ready: MAIL_FIRST,
  mail: RCPT_FIRST,
  rcpt: "go",
  chunks: CHUNKS_BEGUN,
  bdatFailed: BDAT_FAILED,
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
    bdatFailed: NESTED_MAIL,
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

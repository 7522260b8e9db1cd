/** Command lines: which verb, which argument, and what is wrong with the line (RFC 5321 4.1.1). */

import { binaryString } from "../../base/bytes.ts";
import { isForeignWord } from "../../wire/foreign.ts";
import type { Reply } from "./reply.ts";
import {
  BAD_UTF8,
  BARE_CR_IN_COMMAND,
  EMPTY_COMMAND,
  FOREIGN_PROTOCOL,
  NUL_IN_COMMAND,
  UNKNOWN_VERB,
} from "./replies.ts";

/** A verb that dinopost has. */
export type Verb =
  | "HELO"
  | "EHLO"
  | "LHLO"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "BDAT"
  | "RSET"
  | "QUIT"
  | "NOOP"
  | "HELP"
  | "VRFY"
  | "EXPN"
  | "VERB"
  | "STARTTLS"
  | "AUTH";
/** A verb that other servers have; here it is known and not implemented (502 5.5.1). */
export type AbsentVerb = "ETRN" | "ATRN" | "TURN" | "SEND" | "SOML" | "SAML";
/** A verb in logs and metrics: strangers can't invent names there. */
export type KnownVerb = Verb | AbsentVerb | "other";

/** The verbs that have a row in the command table. */
export const VERBS: readonly Verb[] = [
  "HELO",
  "EHLO",
  "LHLO",
  "MAIL",
  "RCPT",
  "DATA",
  "BDAT",
  "RSET",
  "QUIT",
  "NOOP",
  "HELP",
  "VRFY",
  "EXPN",
  "VERB",
  "STARTTLS",
  "AUTH",
];
/** Those that have none. */
export const ABSENT_VERBS: readonly AbsentVerb[] = ["ETRN", "ATRN", "TURN", "SEND", "SOML", "SAML"];

/** The longest command line, CRLF included. RFC 5321 4.5.3.1.4 asks for 512 and what extensions add. */
export const MAX_COMMAND = 4096;
/** The longest line of AUTH, command or response, CRLF included (RFC 4954 4). */
export const MAX_AUTH_LINE = 12_288;

/** A command, or the reply to a line that is none. */
export type ParsedCommand =
  | { readonly ok: true; readonly verb: Verb | AbsentVerb; readonly argument: string }
  | { readonly ok: false; readonly verb: "other"; readonly reply: Reply };

const KNOWN: ReadonlyMap<string, Verb | AbsentVerb> = new Map(
  [...VERBS, ...ABSENT_VERBS].flatMap((verb) => [[verb, verb], [verb.toLowerCase(), verb]]),
);

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Takes a line (without CRLF) apart. The argument has no blanks around it. Control bytes other than NUL and CR are
 * left to the grammar of the argument. `anyName`: is a name in HELO or EHLO taken in any charset?
 */
export function parseCommand(line: Uint8Array, anyName?: () => boolean): ParsedCommand {
  let text = lineText(line);
  if (text === BAD_UTF8 && startsWithHello(line) && anyName?.()) text = binaryString(line);
  if (typeof text !== "string") return refused(text);
  const blank = text.indexOf(" ");
  const word = blank < 0 ? withoutBlanks(text) : text.slice(0, blank);
  let verb = KNOWN.get(word);
  if (verb === undefined) {
    const upper = word.toUpperCase();
    verb = KNOWN.get(upper);
    if (verb === undefined) return refused(replyToUnknown(upper, text));
  }
  return { ok: true, verb, argument: blank < 0 ? "" : withoutBlanks(text.slice(blank + 1)) };
}

/** Without the spaces and tabs around it. Other white space is not ours to forgive: a control character is an error. */
function withoutBlanks(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (from < to && isBlank(text.charCodeAt(to - 1))) to--;
  return to - from === text.length ? text : text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** A line as text, or the reply to bytes that no line may have. Also for the responses of AUTH. */
export function lineText(line: Uint8Array): string | Reply {
  let high = false;
  for (let i = 0; i < line.length; i++) {
    const byte = line[i]!;
    if (byte >= 0x80) high = true;
    else if (byte === 0) return NUL_IN_COMMAND;
    else if (byte === 13) return BARE_CR_IN_COMMAND;
  }
  if (!high) return asciiText(line);
  try {
    return strict.decode(line);
  } catch {
    return BAD_UTF8;
  }
}

/** Tells whether input begins with AUTH, whose lines may be longer than others. */
export function startsWithAuth(bytes: Uint8Array): boolean {
  return (bytes[0]! | 32) === 97 && (bytes[1]! | 32) === 117 && (bytes[2]! | 32) === 116 &&
    (bytes[3]! | 32) === 104 && bytes[4] === 32;
}

/** HELO, EHLO or LHLO. */
function startsWithHello(line: Uint8Array): boolean {
  return /^(?:HE|EH|LH)LO /i.test(binaryString(line.subarray(0, 5)));
}

function asciiText(line: Uint8Array): string {
  // Short lines: one call that makes the string from its codes is quicker than the decoder.
  if (line.length <= 256) return String.fromCharCode.apply(null, line as unknown as number[]);
  return strict.decode(line);
}

/** The end of a request line, whatever the method. */
const REQUEST = / (?:HTTP|RTSP|SIP)\/\d(?:\.\d)?$/;
/** A header field, of a request or of a text that nobody asked for. */
const FIELD = /^[!-9;-~]+: /;

function replyToUnknown(word: string, line: string): Reply {
  if (word === "") return EMPTY_COMMAND;
  return isForeignWord(word) || FIELD.test(line) || REQUEST.test(line) ? FOREIGN_PROTOCOL : UNKNOWN_VERB;
}

function refused(reply: Reply): ParsedCommand {
  return { ok: false, verb: "other", reply };
}

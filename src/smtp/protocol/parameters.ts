/** The parameters behind the addresses of MAIL and RCPT (RFC 5321 4.1.1.11 and the extensions). */

import type { Notify, RecipientParameters, SenderParameters } from "../../mail/envelope.ts";
import { decodeUtf8Address, decodeXtext } from "../../mail/xtext.ts";
import { type Reply, reply } from "./reply.ts";

/** What MAIL said, or the reply to what is wrong with it. */
export type ParsedSenderParameters =
  | { readonly ok: true; readonly parameters: SenderParameters; readonly size: number | undefined }
  | { readonly ok: false; readonly reply: Reply };

/** What RCPT said, or the reply to what is wrong with it. */
export type ParsedRecipientParameters =
  | { readonly ok: true; readonly parameters: RecipientParameters }
  | { readonly ok: false; readonly reply: Reply };

type Writable<T> = { -readonly [K in keyof T]: T[K] };
/** What is wrong with a value; undefined: nothing. */
type Fault = string | undefined;

const KEYWORD = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
/** RFC 5321 4.1.2 esmtp-value, with RFC 6531 3.3. */
const VALUE = /^[!-<>-~\u{A0}-\u{10FFFF}]+$/u;
const PRINTABLE = /^[ -~]*$/;
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
/** RFC 3461 4.4. */
const MAX_ENVID = 100;
/** RFC 3461 4.2. */
const MAX_ORCPT = 500;

const NO_SENDER_PARAMETERS: ParsedSenderParameters = { ok: true, parameters: {}, size: undefined };
const NO_RECIPIENT_PARAMETERS: ParsedRecipientParameters = { ok: true, parameters: {} };

interface SenderDraft extends Writable<SenderParameters> {
  size?: number;
}
type RecipientDraft = Writable<RecipientParameters> & { utf8: boolean };

/** Parses what follows the reverse-path: SIZE, BODY, SMTPUTF8, RET, ENVID, AUTH, REQUIRETLS. */
export function parseSenderParameters(text: string): ParsedSenderParameters {
  if (text === "") return NO_SENDER_PARAMETERS;
  const draft: SenderDraft = {};
  const fault = parse(text, draft, SENDER);
  if (fault) return { ok: false, reply: fault };
  const { size, ...parameters } = draft;
  return { ok: true, parameters, size };
}

/** Parses what follows the forward-path: NOTIFY, ORCPT. `utf8`: MAIL said SMTPUTF8. */
export function parseRecipientParameters(text: string, utf8: boolean): ParsedRecipientParameters {
  if (text === "") return NO_RECIPIENT_PARAMETERS;
  const draft: RecipientDraft = { utf8 };
  const fault = parse(text, draft, RECIPIENT);
  if (fault) return { ok: false, reply: fault };
  const { utf8: _, ...parameters } = draft;
  return { ok: true, parameters };
}

type Setter<Draft> = (draft: Draft, value: string | undefined) => Fault;

function parse<Draft>(
  text: string,
  draft: Draft,
  setters: Readonly<Record<string, Setter<Draft>>>,
): Reply | undefined {
  const seen = new Set<string>();
  for (const word of text.split(/[ \t]+/)) {
    const equals = word.indexOf("=");
    const keyword = (equals < 0 ? word : word.slice(0, equals)).toUpperCase();
    const value = equals < 0 ? undefined : word.slice(equals + 1);
    if (!KEYWORD.test(keyword) || (value !== undefined && !VALUE.test(value))) {
      return reply(501, "5.5.4", "A parameter is malformed: KEYWORD or KEYWORD=value is right");
    }
    const set = Object.hasOwn(setters, keyword) ? setters[keyword] : undefined;
    if (!set) return reply(555, "5.5.4", `The parameter ${keyword.slice(0, 40)} is not supported`);
    if (seen.has(keyword)) return reply(501, "5.5.4", `The parameter ${keyword} stands there twice`);
    seen.add(keyword);
    const fault = set(draft, value);
    if (fault !== undefined) return reply(501, "5.5.4", fault);
  }
  return undefined;
}

const SENDER: Readonly<Record<string, Setter<SenderDraft>>> = {
  SIZE(draft, value) {
    if (!/^\d{1,20}$/.test(value ?? "")) return "SIZE needs a number of octets: SIZE=1000";
    draft.size = Number(value);
  },
  BODY(draft, value) {
    const type = value?.toUpperCase();
    if (type !== "7BIT" && type !== "8BITMIME") return "BODY needs 7BIT or 8BITMIME";
    draft.bodyType = type;
  },
  SMTPUTF8(draft, value) {
    if (value !== undefined) return "SMTPUTF8 takes no value";
    draft.utf8 = true;
  },
  REQUIRETLS(draft, value) {
    if (value !== undefined) return "REQUIRETLS takes no value";
    draft.tls = "required";
  },
  RET(draft, value) {
    const wanted = value?.toUpperCase();
    if (wanted !== "FULL" && wanted !== "HDRS") return "RET needs FULL or HDRS";
    draft.ret = wanted === "FULL" ? "full" : "headers";
  },
  ENVID(draft, value = "") {
    const text = decodeXtext(value);
    if (value === "" || value.length > MAX_ENVID || text === undefined || !PRINTABLE.test(text)) {
      return "ENVID needs at most 100 characters of xtext";
    }
    draft.envid = value;
  },
  // RFC 4954 5: whom the message was first submitted by; it is checked and not passed on
  AUTH(_, value = "") {
    if (value === "" || (value !== "<>" && decodeXtext(value) === undefined)) return "AUTH needs <> or xtext";
  },
};

const RECIPIENT: Readonly<Record<string, Setter<RecipientDraft>>> = {
  NOTIFY(draft, value = "") {
    const notify = parseNotify(value);
    if (!notify) return "NOTIFY needs NEVER, or a list of SUCCESS, FAILURE and DELAY";
    draft.notify = notify;
  },
  ORCPT(draft, value = "") {
    if (!isOriginalRecipient(value, draft.utf8)) {
      return "ORCPT needs type;address in xtext, at most 500 characters";
    }
    draft.orcpt = value;
  },
};

const NOTIFY_WORDS = { SUCCESS: "success", FAILURE: "failure", DELAY: "delay" } as const;

function parseNotify(value: string): Notify | undefined {
  const words = value.toUpperCase().split(",");
  if (words.length === 1 && words[0] === "NEVER") return "never";
  const wanted: ("success" | "failure" | "delay")[] = [];
  for (const word of words) {
    if (!Object.hasOwn(NOTIFY_WORDS, word)) return undefined;
    const one = NOTIFY_WORDS[word as keyof typeof NOTIFY_WORDS];
    if (!wanted.includes(one)) wanted.push(one);
  }
  return wanted;
}

/** RFC 3461 4.2; RFC 6533 3 for `utf-8`, whose address may be UTF-8 only after SMTPUTF8. */
function isOriginalRecipient(value: string, utf8: boolean): boolean {
  const semicolon = value.indexOf(";");
  if (semicolon < 1 || semicolon === value.length - 1 || value.length > MAX_ORCPT) return false;
  const type = value.slice(0, semicolon);
  const address = value.slice(semicolon + 1);
  if (!KEYWORD.test(type)) return false;
  if (type.toLowerCase() === "utf-8") {
    return (utf8 || PRINTABLE.test(address)) && !CONTROL.test(decodeUtf8Address(address));
  }
  const text = decodeXtext(address);
  return text !== undefined && PRINTABLE.test(text);
}

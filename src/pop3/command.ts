/** POP3's commands as data: in which state each is allowed, and what follows it. */

/** RFC 1939 3; the UPDATE state takes no commands. */
export type State = "authorization" | "transaction";

/** What the session knows. */
export type Verb =
  | "APOP"
  | "AUTH"
  | "CAPA"
  | "DELE"
  | "LANG"
  | "LIST"
  | "NOOP"
  | "PASS"
  | "QUIT"
  | "RETR"
  | "RSET"
  | "STAT"
  | "STLS"
  | "TOP"
  | "UIDL"
  | "USER"
  | "UTF8";

/** Where a command may stand and what it takes. */
export interface CommandRule {
  /** The states it is allowed in. */
  readonly states: readonly State[];
  /** How many numbers it takes, least and most; or words; or all the rest of the line as one text. */
  readonly takes: { readonly numbers: readonly [number, number] } | {
    readonly words: readonly [number, number];
  } | "text";
  /** How it is written, for error replies. */
  readonly usage: string;
}

const BEFORE: readonly State[] = ["authorization"];
const AFTER: readonly State[] = ["transaction"];
const ALWAYS: readonly State[] = ["authorization", "transaction"];

/** All commands. */
export const COMMANDS: Readonly<Record<Verb, CommandRule>> = {
  // RFC 1939
  QUIT: { states: ALWAYS, takes: { words: [0, 0] }, usage: "QUIT" },
  USER: { states: BEFORE, takes: "text", usage: "USER name" },
  PASS: { states: BEFORE, takes: "text", usage: "PASS password" },
  APOP: { states: BEFORE, takes: "text", usage: "APOP name digest" },
  STAT: { states: AFTER, takes: { words: [0, 0] }, usage: "STAT" },
  LIST: { states: AFTER, takes: { numbers: [0, 1] }, usage: "LIST [message]" },
  RETR: { states: AFTER, takes: { numbers: [1, 1] }, usage: "RETR message" },
  DELE: { states: AFTER, takes: { numbers: [1, 1] }, usage: "DELE message" },
  NOOP: { states: AFTER, takes: { words: [0, 0] }, usage: "NOOP" },
  RSET: { states: AFTER, takes: { words: [0, 0] }, usage: "RSET" },
  TOP: { states: AFTER, takes: { numbers: [2, 2] }, usage: "TOP message lines" },
  UIDL: { states: AFTER, takes: { numbers: [0, 1] }, usage: "UIDL [message]" },
  // RFC 2449, 2595, 5034, 6856
  CAPA: { states: ALWAYS, takes: { words: [0, 0] }, usage: "CAPA" },
  STLS: { states: BEFORE, takes: { words: [0, 0] }, usage: "STLS" },
  AUTH: { states: BEFORE, takes: { words: [0, 2] }, usage: "AUTH [mechanism [initial-response]]" },
  UTF8: { states: BEFORE, takes: { words: [0, 0] }, usage: "UTF8" },
  LANG: { states: ALWAYS, takes: { words: [0, 1] }, usage: "LANG [language]" },
};

/** A command line, understood; or the words that refuse it. */
export type Command =
  | {
    readonly ok: true;
    readonly verb: Verb;
    /** The numbers, when it takes numbers. */
    readonly numbers: readonly number[];
    /** The words, when it takes words. */
    readonly words: readonly string[];
    /** All behind the first blank. */
    readonly text: string;
  }
  | { readonly ok: false; readonly reason: string };

/** Beyond any message number or count of lines; larger ones mean the same. */
const MAX_NUMBER = 2 ** 31 - 1;
const NONE: readonly never[] = [];

/** Understands a command line (without CRLF) in a state. */
export function parseCommand(line: string, state: State): Command {
  const blank = line.indexOf(" ");
  const name = (blank < 0 ? line : line.slice(0, blank)).toUpperCase();
  const rule = Object.hasOwn(COMMANDS, name) ? COMMANDS[name as Verb] : undefined;
  if (!rule) return no("Unknown command");
  if (!rule.states.includes(state)) {
    return no(state === "authorization" ? "Log in first" : `${name} is for before the login only`);
  }
  const verb = name as Verb;
  const text = blank < 0 ? "" : line.slice(blank + 1);
  if (rule.takes === "text") {
    return text === "" ? no(`Usage: ${rule.usage}`) : { ok: true, verb, numbers: NONE, words: NONE, text };
  }
  const words = text === "" ? NONE : text.split(" ").filter((word) => word !== "");
  const wantsNumbers = "numbers" in rule.takes;
  const [least, most] = "numbers" in rule.takes ? rule.takes.numbers : rule.takes.words;
  if (words.length < least || words.length > most) return no(`Usage: ${rule.usage}`);
  if (!wantsNumbers) return { ok: true, verb, numbers: NONE, words, text };
  const numbers: number[] = [];
  for (const word of words) {
    if (!/^\d+$/.test(word)) return no(`Usage: ${rule.usage}`);
    numbers.push(Math.min(Number(word), MAX_NUMBER));
  }
  return { ok: true, verb, numbers, words: NONE, text };
}

function no(reason: string): Command {
  return { ok: false, reason };
}

/** The rules of faults: what a server does wrong on purpose, and when. Read and checked; pure. */

import { formatDuration, parseDuration } from "../base/units.ts";

/**
 * What is answered: the connection, EHLO (or HELO, LHLO), STARTTLS, AUTH, MAIL, RCPT, DATA (or the first BDAT), or the end
 * of the text.
 */
export type FaultStage = "connect" | "ehlo" | "starttls" | "auth" | "mail" | "rcpt" | "data" | "end";

/** The stages of a conversation, in their order. */
export const FAULT_STAGES = [
  "connect",
  "ehlo",
  "starttls",
  "auth",
  "mail",
  "rcpt",
  "data",
  "end",
] as const satisfies readonly FaultStage[];

/** What has to fit, all of it. Capitals don't matter. */
export interface FaultMatch {
  /** The sender of the envelope (`<>`: the empty one): a whole address, or a part of one. From `mail` on. */
  readonly from?: string;
  /** A recipient of the envelope: a whole address, or a part of one. From `rcpt` on. */
  readonly to?: string;
  /** A part of the subject. At `end`. */
  readonly subject?: string;
  /** Only the n-th time, from 1, that the rest of it fits. */
  readonly attempt?: number;
}

/** A rule: exactly one of `reply`, `delay`, `drop`, `truncate` and `tlsFail` says what is done. */
export interface FaultRule {
  /** Where it acts. */
  readonly stage: FaultStage;
  /** When it acts; absent: always. */
  readonly match?: FaultMatch;
  /** The answer, in place of what the command would do: a 4xx or 5xx, such as `451 4.3.0 Try again later`. */
  readonly reply?: string;
  /** How long the answer is late: `"2s"`, or milliseconds. */
  readonly delay?: string | number;
  /** The connection ends without an answer, and what the command says is not done. */
  readonly drop?: true;
  /** Of the answer go out so many octets, and the connection ends; what the command says is done. */
  readonly truncate?: number;
  /** The TLS handshake fails. At `starttls`; where TLS is there from the first octet, its handshake. */
  readonly tlsFail?: true;
  /** It acts so often at most; absent: for ever. */
  readonly times?: number;
  /** It acts with this probability, above 0 and up to 1, where it would; absent: surely. */
  readonly probability?: number;
  /** It stands for the answer of the next server to what goes out from here. */
  readonly out?: boolean;
}

/** What is wrong with rules: in which member (`0.stage`; empty for the whole), and what would be right. */
export interface FaultRuleError {
  /** The member. */
  readonly name: string;
  /** A part of a sentence for people. */
  readonly detail: string;
}

/** Rules, or all that is wrong with them. */
export type ParsedFaultRules =
  | { readonly ok: true; readonly rules: readonly FaultRule[] }
  | { readonly ok: false; readonly errors: readonly FaultRuleError[] };

const ACTIONS = ["reply", "delay", "drop", "truncate", "tlsFail"] as const;
const KEYS = ["stage", "match", ...ACTIONS, "times", "probability", "out"];
const MATCH_KEYS = ["from", "to", "subject", "attempt"] as const;
/** From which stage on a match can be told. */
const KNOWN_FROM = { from: "mail", to: "rcpt", subject: "end" } as const;
/** As long as a client waits for an answer (RFC 5321 4.5.3.2), and then some. */
const LONGEST_DELAY_MS = 3600_000;
const MAX_RULES = 1000;
const MAX_TEXT = 1000;

/**
 * Reads rules: a list of them, or what {@linkcode FaultRules.list} tells (`{"items":[…]}`, whose `acted` is skipped). Refuses
 * a rule that can't act; `withoutTls`: in a server that takes part in no TLS handshake.
 */
export function parseFaultRules(value: unknown, { withoutTls = false } = {}): ParsedFaultRules {
  const wrapped = isObject(value) && Object.keys(value).every((key) => key === "items" || key === "cursor");
  const list = wrapped ? value["items"] : value;
  const prefix = wrapped ? "items" : "";
  if (!Array.isArray(list)) {
    return refusal([{ name: prefix, detail: 'must be a list of rules, or {"items":[…]} with them' }]);
  }
  if (list.length > MAX_RULES) {
    return refusal([{ name: prefix, detail: `has ${list.length} rules; ${MAX_RULES} at most` }]);
  }
  const errors: FaultRuleError[] = [];
  list.forEach((rule, i) => {
    const name = prefix === "" ? `${i}` : `${prefix}.${i}`;
    for (const error of withoutTls ? [...errorsOf(rule), ...handshakeErrors(rule)] : errorsOf(rule)) {
      errors.push({ name: error.name === "" ? name : `${name}.${error.name}`, detail: error.detail });
    }
  });
  if (errors.length > 0) return refusal(errors);
  return { ok: true, rules: list.map(({ acted: _, ...rule }) => structuredClone(rule) as FaultRule) };
}

function refusal(errors: FaultRuleError[]): ParsedFaultRules {
  return { ok: false, errors };
}

/** All that is wrong with one rule. */
function* errorsOf(rule: unknown): Generator<FaultRuleError> {
  if (!isObject(rule)) return yield { name: "", detail: 'must be an object, such as {"stage":"rcpt",…}' };
  for (const key of Object.keys(rule)) {
    if (KEYS.includes(key) || key === "acted") continue;
    yield { name: key, detail: `is no key of a rule; there are ${KEYS.join(", ")}` };
  }
  const stage = FAULT_STAGES.find((one) => one === rule["stage"]);
  if (!stage) yield { name: "stage", detail: `must be one of ${FAULT_STAGES.join(", ")}` };
  if (rule["match"] !== undefined) yield* matchErrors(rule["match"], stage);
  yield* actionErrors(rule, stage);
  const { times, probability, out } = rule;
  if (times !== undefined && !isCount(times)) {
    yield { name: "times", detail: "must be a whole number from 1" };
  }
  if (
    probability !== undefined && !(typeof probability === "number" && probability > 0 && probability <= 1)
  ) {
    yield { name: "probability", detail: "must be a number above 0 and up to 1" };
  }
  if (out !== undefined && typeof out !== "boolean") yield { name: "out", detail: "must be true or false" };
}

/** Where no handshake can be, none can fail; the next server's still can. */
function* handshakeErrors(rule: unknown): Generator<FaultRuleError> {
  if (!isObject(rule) || rule["tlsFail"] !== true || rule["out"] === true) return;
  const detail = "can't act: this server offers no TLS; give it a certificate (tls), or listen.submissions";
  yield { name: "tlsFail", detail };
}

function* matchErrors(match: unknown, stage: FaultStage | undefined): Generator<FaultRuleError> {
  if (!isObject(match)) {
    return yield { name: "match", detail: `must be an object with some of ${MATCH_KEYS.join(", ")}` };
  }
  for (const [key, value] of Object.entries(match)) {
    const name = `match.${key}`;
    if (key === "attempt") {
      if (!isCount(value)) yield { name, detail: "must be a whole number from 1" };
    } else if (key === "from" || key === "to" || key === "subject") {
      if (typeof value !== "string" || value === "" || value.length > MAX_TEXT) {
        const empty = key === "from" ? "; the empty sender is <>" : "";
        yield { name, detail: `must be a text of 1 to ${MAX_TEXT} characters${empty}` };
      }
      const from = KNOWN_FROM[key];
      if (stage && FAULT_STAGES.indexOf(stage) < FAULT_STAGES.indexOf(from)) {
        const when = from === "end" ? "at end only" : `from ${from} on`;
        yield { name, detail: `is not known at ${stage} yet, so the rule could never act; it is ${when}` };
      }
    } else yield { name, detail: `is nothing that is matched; there are ${MATCH_KEYS.join(", ")}` };
  }
}

function* actionErrors(
  rule: Record<string, unknown>,
  stage: FaultStage | undefined,
): Generator<FaultRuleError> {
  const given = ACTIONS.filter((key) => rule[key] !== undefined);
  if (given.length !== 1) {
    const found = given.length === 0 ? "says nothing to do" : `says ${given.join(" and ")}`;
    yield { name: given[1] ?? "", detail: `${found}; give exactly one of ${ACTIONS.join(", ")}` };
  }
  for (const key of given) {
    const value = rule[key];
    if (key === "reply") {
      if (typeof value !== "string" || !REPLY.test(value)) {
        yield {
          name: key,
          detail: 'must be one line with a 4xx or 5xx in front, such as "451 4.3.0 Not now"',
        };
      }
    } else if (key === "delay") {
      const ms = typeof value === "string" || typeof value === "number" ? parseDuration(value) : undefined;
      if (ms === undefined || ms === 0 || ms > LONGEST_DELAY_MS) {
        const most = formatDuration(LONGEST_DELAY_MS);
        yield { name: key, detail: `must be a duration such as "2s", or milliseconds; ${most} at most` };
      }
    } else if (key === "truncate") {
      if (!isCount(value)) yield { name: key, detail: "must be a whole number of octets from 1; 0 is drop" };
    } else if (value !== true) yield { name: key, detail: "must be true, or absent" };
    else if (key === "tlsFail" && stage && stage !== "starttls") {
      yield { name: key, detail: `can't act at ${stage}: there is no handshake; it is for starttls` };
    }
  }
}

/** A refusal on one line, its code and enhanced status apart. */
const REPLY = /^([45]\d\d)(?: ([45]\.\d{1,3}\.\d{1,3}))?(?: ([^\p{Cc}]{0,400}))?$/u;

/** The parts of a rule's `reply`: its code, its enhanced status if it has one, and the rest. */
export function replyParts(reply: string): { code: number; status: string | undefined; text: string } {
  const [, code, status, text = ""] = REPLY.exec(reply)!;
  return { code: Number(code), status, text };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

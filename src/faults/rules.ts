/** The list of rules that hold now: which of them acts, and how often each did. */

import type { Random } from "../base/random.ts";
import { actionOf, type FaultAction } from "./action.ts";
import { ASKED_STAGES, askedFault } from "./address.ts";
import {
  type FaultMatch,
  type FaultRule,
  type FaultRuleError,
  type FaultStage,
  parseFaultRules,
} from "./rule.ts";

/** Where a conversation stands, and what is known of its message by then. */
export interface FaultPoint {
  /** What is about to be answered. */
  readonly stage: FaultStage;
  /** It is the next server's answer. */
  readonly out?: boolean;
  /** The sender; empty for reports. From `mail` on. */
  readonly from?: string;
  /** The recipient of this RCPT, or all of them. From `rcpt` on. */
  readonly to?: readonly string[];
  /** No answer in words is due: `reply` and `truncate` can't act. */
  readonly wordless?: boolean;
  /** The subject, when somebody asks for it. At `end`. */
  readonly subject?: () => string | Promise<string>;
}

/** A rule, and how often it acted. */
export type CountedFaultRule = FaultRule & {
  /** How often it acted. */
  readonly acted: number;
};

/** Rules that were refused. */
export class FaultRuleRefused extends TypeError {
  /** The name. */
  override readonly name = "FaultRuleRefused";

  /** All that is wrong with them. */
  constructor(readonly errors: readonly FaultRuleError[]) {
    super(errors.map(({ name, detail }) => `${name}: ${detail}`).join("; "));
  }
}

const OUT = "out ";

interface Held {
  readonly rule: FaultRule;
  readonly action: FaultAction;
  /** How often all but `attempt` fitted. */
  fitted: number;
  acted: number;
}

/** The rules of one server; they live in memory. */
export class FaultRules {
  readonly #random: Random;
  readonly #byAddress: boolean;
  readonly #withoutTls: boolean;
  #held: readonly Held[] = [];
  /** The stages at which anything may act: a conversation looks here first. */
  #watched: ReadonlySet<string>;

  /**
   * `byAddress`: may a recipient ask for a fault (`fault-rcpt-451@…`)? `withoutTls`: the server takes part in no TLS
   * handshake, so that none can fail.
   */
  constructor(
    options: { readonly random: Random; readonly byAddress?: boolean; readonly withoutTls?: boolean },
  ) {
    this.#random = options.random;
    this.#byAddress = options.byAddress ?? false;
    this.#withoutTls = options.withoutTls ?? false;
    this.#watched = this.#stages();
  }

  /** The rules, in their order, and how often each acted. */
  list(): CountedFaultRule[] {
    return this.#held.map(({ rule, acted }) => ({ ...rule, acted }));
  }

  /** The rules that never acted. */
  unused(): FaultRule[] {
    return this.#held.filter(({ acted }) => acted === 0).map(({ rule }) => rule);
  }

  /** Puts these rules in the place of those before; throws {@linkcode FaultRuleRefused}, and those before stay. */
  set(rules: readonly FaultRule[]): void {
    const parsed = parseFaultRules(rules, { withoutTls: this.#withoutTls });
    if (!parsed.ok) throw new FaultRuleRefused(parsed.errors);
    this.#held = parsed.rules.map((rule) => ({ rule, action: actionOf(rule), fitted: 0, acted: 0 }));
    this.#watched = this.#stages();
  }

  /** Takes all rules away. */
  clear(): void {
    this.#held = [];
    this.#watched = this.#stages();
  }

  /** Does a rule ask for the subject of what comes in? */
  get wantsSubject(): boolean {
    return this.#held.some(({ rule: { match, out } }) => match?.subject !== undefined && !out);
  }

  /** May anything act at this stage? */
  watches(stage: FaultStage): boolean {
    return this.#watched.has(stage);
  }

  /** May anything act at this stage of what goes out? Without a stage: at any. */
  watchesOut(stage?: FaultStage): boolean {
    return this.#watched.has(stage === undefined ? OUT : OUT + stage);
  }

  /** The first rule that acts at this point, if any: it is counted. A promise only where a subject is asked for. */
  at(point: FaultPoint): FaultAction | undefined | Promise<FaultAction | undefined> {
    for (let i = 0; i < this.#held.length; i++) {
      const { rule } = this.#held[i]!;
      if (rule.match?.subject === undefined || !isFor(rule, point) || !point.subject) {
        const action = this.#try(this.#held[i]!, point, "");
        if (action) return action;
      } else return this.#searched(point, this.#held.slice(i));
    }
    return this.#asked(point);
  }

  #stages(): ReadonlySet<string> {
    const stages = new Set<string>(this.#byAddress ? ASKED_STAGES : []);
    for (const { rule: { stage, out } } of this.#held) {
      if (out) stages.add(OUT).add(OUT + stage);
      else stages.add(stage);
    }
    return stages;
  }

  async #searched(point: FaultPoint, held: readonly Held[]): Promise<FaultAction | undefined> {
    const subject = await point.subject!();
    for (const one of held) {
      const action = this.#try(one, point, subject);
      if (action) return action;
    }
    return this.#asked(point);
  }

  #try(held: Held, point: FaultPoint, subject: string): FaultAction | undefined {
    const { rule: { match = {}, times = Infinity, probability = 1, ...rule }, action } = held;
    if (point.wordless && (action.kind === "reply" || action.kind === "truncate")) return undefined;
    if (held.acted >= times || !isFor(rule, point) || !fits(match, point, subject)) return undefined;
    held.fitted++;
    if (match.attempt !== undefined && held.fitted !== match.attempt) return undefined;
    if (probability < 1 && this.#random.float() >= probability) return undefined;
    held.acted++;
    return action;
  }

  #asked({ stage, out, to }: FaultPoint): FaultAction | undefined {
    if (!this.#byAddress || out || !to) return undefined;
    for (const address of to) {
      const asked = askedFault(address);
      if (asked?.stage === stage) return asked.action;
    }
    return undefined;
  }
}

function isFor(rule: FaultRule, { stage, out = false }: FaultPoint): boolean {
  return rule.stage === stage && (rule.out ?? false) === out;
}

function fits({ from, to, subject }: FaultMatch, point: FaultPoint, found: string): boolean {
  if (from !== undefined && !(point.from !== undefined && names(point.from, from))) return false;
  if (to !== undefined && !point.to?.some((address) => names(address, to))) return false;
  return subject === undefined || found.toLowerCase().includes(subject.toLowerCase());
}

/** Is it this address, or does it have this part? A text with something on both sides of an `@` is a whole one. */
function names(address: string, text: string): boolean {
  if (text === "<>") return address === "";
  const [own, wanted] = [address.toLowerCase(), text.toLowerCase().replace(/^<(.*)>$/, "$1")];
  return /^[^@].*@./.test(wanted) ? own === wanted : own.includes(wanted);
}

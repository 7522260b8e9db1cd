/** Mailpit's chaos: answers that go wrong by chance, told as rules of faults, and rules told as chaos. */

import { replyParts } from "../faults/rule.ts";
import type { FaultRules } from "../faults/rules.ts";
import { chanceAt, setChances, withChance } from "./chances.ts";
import { Refused } from "./dialect.ts";

/** One of its three triggers. */
interface Trigger {
  readonly ErrorCode: number;
  /** Percent. */
  readonly Probability: number;
}

const TRIGGERS = [
  { name: "Sender", stage: "mail", code: 451 },
  { name: "Recipient", stage: "rcpt", code: 451 },
  { name: "Authentication", stage: "auth", code: 535 },
] as const;

/** The chaos of one server. */
export class Chaos {
  readonly #faults: FaultRules;
  /** Codes of triggers that never act, which no rule can say. */
  #codes: Readonly<Record<string, number>> = {};

  /** Over its rules. */
  constructor(faults: FaultRules) {
    this.#faults = faults;
  }

  /** The triggers; one that no rule stands for never acts. */
  json(): Record<string, Trigger> {
    return Object.fromEntries(TRIGGERS.map(({ name, stage, code }) => {
      const { reply, probability = 1 } = chanceAt(this.#faults, stage, "reply") ?? {};
      return [
        name,
        reply === undefined
          ? { ErrorCode: this.#codes[name] ?? code, Probability: 0 }
          : { ErrorCode: replyParts(reply).code, Probability: Math.round(100 * probability) },
      ];
    }));
  }

  /** Puts triggers in the place of those before; what is not named never acts. Other rules stay. */
  set(wanted: Readonly<Record<string, unknown>>): void {
    const triggers = TRIGGERS.map((one) => ({ ...one, ...triggerOf(wanted[one.name], one.code) }));
    const rules = triggers.flatMap(({ name, stage, ErrorCode, Probability }) => {
      const reply = `${ErrorCode} Chaos ${name.toLowerCase()} error`;
      return withChance({ stage, reply }, Probability / 100);
    });
    this.#codes = Object.fromEntries(triggers.map(({ name, ErrorCode }) => [name, ErrorCode]));
    setChances(this.#faults, ["reply"], rules);
  }
}

function triggerOf(value: unknown, otherwise: number): Trigger {
  const { ErrorCode = 0, Probability = 0 } = (value ?? {}) as Partial<Record<keyof Trigger, unknown>>;
  // Mailpit takes 0 for its default
  const code = ErrorCode === 0 ? otherwise : ErrorCode;
  if (!isWhole(code, 400, 599)) throw new Refused(400, "error code must be between 400 and 599");
  if (!isWhole(Probability, 0, 100)) throw new Refused(400, "probability must be between 0 and 100");
  return { ErrorCode: code, Probability };
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** Rules of faults that say no more than a chance at a stage: what other programs have in place of rules. */

import type { FaultRule, FaultStage } from "../faults/rule.ts";
import type { FaultRules } from "../faults/rules.ts";

/** What such a rule does. */
export type Chance = "reply" | "drop";

const STAGES: Readonly<Record<Chance, ReadonlySet<FaultStage>>> = {
  reply: new Set(["auth", "mail", "rcpt"]),
  drop: new Set(["connect", "mail"]),
};

/** The rule that does this at a stage by chance; undefined: none does. */
export function chanceAt(faults: FaultRules, stage: FaultStage, does: Chance): FaultRule | undefined {
  return faults.list().find((rule) => rule.stage === stage && isChance(rule, does));
}

/** Puts these rules in the place of those that do `does` by chance; others stay, in front of them. */
export function setChances(faults: FaultRules, does: readonly Chance[], rules: readonly FaultRule[]): void {
  const others = faults.list().filter((rule) => !does.some((one) => isChance(rule, one)))
    .map(({ acted: _, ...rule }): FaultRule => rule);
  faults.set([...others, ...rules]);
}

/** A rule's chance for what is given: nothing at 0, and always at 1. */
export function withChance(rule: FaultRule, probability: number): FaultRule[] {
  return probability <= 0 ? [] : [probability < 1 ? { ...rule, probability } : rule];
}

function isChance(rule: FaultRule, does: Chance): boolean {
  const { match, times, out, stage } = rule;
  return rule[does] !== undefined && match === undefined && times === undefined && !out &&
    STAGES[does].has(stage);
}

/** The plan of a commit: which writes may share one without any difference to be seen. */

import { binaryString } from "../base/bytes.ts";
import { costOf, haveRoom, lessOf, type Limits, NOTHING } from "./limits.ts";
import { isU64, u64 } from "./port.ts";
import type { Write } from "./write.ts";

/** A write, with what is to be known of it to put it beside others. */
export class Planned {
  readonly write: Write;
  /** What it takes of a commit's limits. */
  readonly cost: Limits;
  #checkKeys: readonly string[] | undefined;
  #mutationKeys: readonly string[] | undefined;

  /** Looks a write over, as far as a commit of its own needs it. */
  constructor(write: Write) {
    this.write = write;
    this.cost = costOf(write);
  }

  /** The text of each check's key, in the order of the checks. */
  get checkKeys(): readonly string[] {
    return this.#checkKeys ??= (this.write.checks ?? []).map((check) => keyText(check.key));
  }

  /** The text of each mutation's key, in the order of the mutations. */
  get mutationKeys(): readonly string[] {
    return this.#mutationKeys ??= this.write.mutations.map((mutation) => keyText(mutation.key));
  }
}

/**
 * The checks and mutations of one commit. Its writes happen as if one after the other: since KV looks at all checks
 * before it does the first mutation, a write stays out when it touches a key that a write before it changes. Only
 * sums may meet on a key, as long as nobody checks it: in which order they happen can't be seen. Two sets of a key are
 * kept apart although KV does them in order: both writers would get the same versionstamp, and the first one would
 * take the second one's value for its own.
 */
export class Batch {
  readonly #checks: Deno.AtomicCheck[] = [];
  readonly #mutations: Deno.KvMutation[] = [];
  /** The versionstamp each key was checked for. */
  readonly #checked = new Map<string, string | null>();
  /** The keys that change: at which place of the mutations their sum is, or -1 when more than sums change them. */
  readonly #changed = new Map<string, number>();
  /** What is left of the limits. */
  #room: Limits;
  /** The first write as long as it is alone: its keys are looked at when there is another one beside it. */
  #alone: Planned | undefined;
  #empty = true;

  /** An empty one, for a store with these limits. */
  constructor(limits: Limits) {
    this.#room = limits;
  }

  /** The checks, those of several writes that are equal once. */
  get checks(): readonly Deno.AtomicCheck[] {
    return this.#alone ? this.#alone.write.checks ?? [] : this.#checks;
  }

  /** The mutations in order, sums of several writes on one key added up. */
  get mutations(): readonly Deno.KvMutation[] {
    return this.#alone ? this.#alone.write.mutations : this.#mutations;
  }

  /** Takes the write in, or answers false when it has to wait for the next batch. The first one always gets in. */
  add(planned: Planned): boolean {
    if (this.#empty) {
      this.#empty = false;
      this.#room = lessOf(this.#room, planned.cost);
      this.#alone = planned;
      return true;
    }
    if (!haveRoom(this.#room, planned.cost, NOTHING)) return false;
    if (this.#alone) this.#take(this.#alone);
    this.#alone = undefined;
    if (!this.#isFreeFor(planned)) return false;
    this.#room = lessOf(this.#room, planned.cost);
    this.#take(planned);
    return true;
  }

  #take(planned: Planned): void {
    const { checks = [], mutations } = planned.write;
    for (let i = 0; i < checks.length; i++) this.#addCheck(checks[i]!, planned.checkKeys[i]!);
    for (let i = 0; i < mutations.length; i++) this.#addMutation(mutations[i]!, planned.mutationKeys[i]!);
  }

  #isFreeFor({ write, checkKeys, mutationKeys }: Planned): boolean {
    for (let i = 0; i < checkKeys.length; i++) {
      if (this.#changed.has(checkKeys[i]!)) return false;
      const before = this.#checked.get(checkKeys[i]!);
      // two that expect different versions can't both be right: together they would only fail together
      if (before !== undefined && before !== write.checks![i]!.versionstamp) return false;
    }
    for (let i = 0; i < mutationKeys.length; i++) {
      const place = this.#changed.get(mutationKeys[i]!);
      if (place !== undefined && (place < 0 || !isSum(write.mutations[i]!))) return false;
    }
    return true;
  }

  #addCheck(check: Deno.AtomicCheck, key: string): void {
    if (this.#checked.get(key) === check.versionstamp) return;
    this.#checked.set(key, check.versionstamp);
    this.#checks.push(check);
  }

  #addMutation(mutation: Deno.KvMutation, key: string): void {
    const place = this.#changed.get(key);
    if (!isSum(mutation)) {
      this.#changed.set(key, -1);
    } else if (place === undefined) {
      this.#changed.set(key, this.#mutations.length);
    } else if (place >= 0) {
      const sum = (this.#mutations[place] as Sum).value.value + mutation.value.value;
      this.#mutations[place] = { ...mutation, value: u64(sum) };
      return;
    }
    this.#mutations.push(mutation);
  }
}

type Sum = Extract<Deno.KvMutation, { type: "sum" }>;

function isSum(mutation: Deno.KvMutation): mutation is Sum {
  return mutation.type === "sum" && isU64(mutation.value);
}

/** A text that is the same for two keys when KV takes them for the same; about as long as the key itself. */
export function keyText(key: Deno.KvKey): string {
  let text = "";
  for (const part of key) {
    // the length in front of what may hold anything keeps ["a", "b"] apart from ["ab"]
    if (typeof part === "string") text += `${part.length}:${part}`;
    else if (part instanceof Uint8Array) text += `b${part.length}:${binaryString(part)}`;
    else text += `${typeof part} ${String(part)};`;
  }
  return text;
}

/** The plan of a commit: which writes may share one without any difference to be seen. */

import { isSameKey, keyHash } from "./key_identity.ts";
import { costOf, haveRoom, lessOf, type Limits, NOTHING } from "./limits.ts";
import { isU64, u64 } from "./port.ts";
import type { Write } from "./write.ts";

/** A write, with what is to be known of it to put it beside others. */
export class Planned {
  readonly write: Write;
  /** What it takes of a commit's limits. */
  readonly cost: Limits;
  #checkHashes: readonly number[] | undefined;
  #mutationHashes: readonly number[] | undefined;

  /** Looks a write over, as far as a commit of its own needs it. */
  constructor(write: Write) {
    this.write = write;
    this.cost = costOf(write);
  }

  /** The hash of each check's key, in the order of the checks. */
  get checkHashes(): readonly number[] {
    return this.#checkHashes ??= hashesOf(this.write.checks ?? []);
  }

  /** The hash of each mutation's key, in the order of the mutations. */
  get mutationHashes(): readonly number[] {
    return this.#mutationHashes ??= hashesOf(this.write.mutations);
  }
}

function hashesOf(all: readonly { readonly key: Deno.KvKey }[]): number[] {
  const hashes: number[] = [];
  for (let i = 0; i < all.length; i++) hashes.push(keyHash(all[i]!.key));
  return hashes;
}

/**
 * The checks and mutations of one commit. Its writes happen as if one after the other: since KV looks at all checks
 * before it does the first mutation, a write stays out when it touches a key that a write before it changes. Only
 * sums may meet on a key, as long as nobody checks it: in which order they happen can't be seen. Two sets of a key are
 * kept apart although KV does them in order: both writers would get the same versionstamp, and the first one would
 * take the second one's value for its own.
 *
 * Keys are told apart by their hashes, which cost a tenth of what their texts do: two that have the same hash by chance
 * are taken for the same where that keeps writes apart, and looked at where it would make one of two.
 */
export class Batch {
  readonly #checks: Deno.AtomicCheck[] = [];
  readonly #mutations: Deno.KvMutation[] = [];
  /** The last check of each key, by the key's hash. */
  readonly #checked = new Map<number, Deno.AtomicCheck>();
  /** The keys that change, by hash: at which place of the mutations their sum is, or -1 when more than sums change them. */
  readonly #changed = new Map<number, number>();
  /** What the sums at those places come to, where they are of several writes. */
  readonly #sums = new Map<number, bigint>();
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
    if (this.#alone) return this.#alone.write.mutations;
    for (const [place, sum] of this.#sums) {
      this.#mutations[place] = { ...this.#mutations[place] as Sum, value: u64(sum) };
    }
    this.#sums.clear();
    return this.#mutations;
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

  #take({ write, checkHashes, mutationHashes }: Planned): void {
    const { checks = [], mutations } = write;
    for (let i = 0; i < checks.length; i++) this.#addCheck(checks[i]!, checkHashes[i]!);
    for (let i = 0; i < mutations.length; i++) this.#addMutation(mutations[i]!, mutationHashes[i]!);
  }

  #isFreeFor({ write, checkHashes, mutationHashes }: Planned): boolean {
    const { checks = [], mutations } = write;
    for (let i = 0; i < checks.length; i++) {
      if (this.#changed.has(checkHashes[i]!)) return false;
      const before = this.#checked.get(checkHashes[i]!);
      // two that expect different versions can't both be right: together they would only fail together
      if (before && !isSameCheck(before, checks[i]!)) return false;
    }
    for (let i = 0; i < mutations.length; i++) {
      const place = this.#changed.get(mutationHashes[i]!);
      if (place !== undefined && !this.#addsTo(place, mutations[i]!)) return false;
    }
    return true;
  }

  /** Is it a sum on the key of the sum at that place? */
  #addsTo(place: number, mutation: Deno.KvMutation): mutation is Sum {
    return place >= 0 && isSum(mutation) && isSameKey(this.#mutations[place]!.key, mutation.key);
  }

  #addCheck(check: Deno.AtomicCheck, hash: number): void {
    const before = this.#checked.get(hash);
    if (before && isSameCheck(before, check)) return;
    this.#checked.set(hash, check);
    this.#checks.push(check);
  }

  #addMutation(mutation: Deno.KvMutation, hash: number): void {
    const place = this.#changed.get(hash);
    if (place !== undefined && this.#addsTo(place, mutation)) {
      const before = this.#sums.get(place) ?? (this.#mutations[place] as Sum).value.value;
      this.#sums.set(place, before + mutation.value.value);
      return;
    }
    this.#changed.set(hash, place === undefined && isSum(mutation) ? this.#mutations.length : -1);
    this.#mutations.push(mutation);
  }
}

function isSameCheck(a: Deno.AtomicCheck, b: Deno.AtomicCheck): boolean {
  return a.versionstamp === b.versionstamp && isSameKey(a.key, b.key);
}

type Sum = Extract<Deno.KvMutation, { type: "sum" }>;

function isSum(mutation: Deno.KvMutation): mutation is Sum {
  return mutation.type === "sum" && isU64(mutation.value);
}

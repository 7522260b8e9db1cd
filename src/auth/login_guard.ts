/** In charge of slowing down who guesses passwords: SMTP AUTH and POP3 ask the same guard. */

import type { Clock } from "../base/clock.ts";

/** When guessing is slowed down and refused. Times in milliseconds. */
export interface GuardPolicy {
  /** Failures count for this long. */
  readonly windowMs: number;
  /** Up to this many failures cost nothing. */
  readonly free: number;
  /** From this many failures on, the address is refused. */
  readonly refuseFrom: number;
  /** The first delay; each further failure doubles it. */
  readonly firstDelayMs: number;
  /** The longest delay. */
  readonly maxDelayMs: number;
}

/** Five free failures in 15 minutes, then 1 s, 2 s, 4 s … 30 s; after 20 an address is refused. */
export const DEFAULT_POLICY: GuardPolicy = {
  windowMs: 15 * 60_000,
  free: 5,
  refuseFrom: 20,
  firstDelayMs: 1_000,
  maxDelayMs: 30_000,
};

/** How long an attempt waits after that many failures. */
export function delayAfter(failures: number, policy: GuardPolicy = DEFAULT_POLICY): number {
  if (failures < policy.free) return 0;
  return Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** Math.min(failures - policy.free, 30));
}

/** One attempt to log in. It counts as a failure until {@linkcode succeeded} is called. */
export interface LoginAttempt {
  /** True: don't even look at the password. */
  readonly refused: boolean;
  /** Wait this long before looking at the password. */
  readonly delayMs: number;
  /** The password was right. */
  succeeded(): void;
}

/**
 * Counts failed logins by address and by account. An address with many failures is slowed down, then refused; an
 * account with many failures is only slowed down, so that nobody can lock its owner out. An address that the owner
 * has used has a count of its own for that account: what strangers fail elsewhere does not slow the owner down, and
 * guessing from there is as slow as from anywhere. Attempts count from their beginning, so many at once gain nothing.
 */
export class LoginGuard {
  readonly #clock: Clock;
  readonly #policy: GuardPolicy;
  readonly #maxEntries: number;
  readonly #exempt: (address: string) => boolean;
  readonly #addresses = new Map<string, number[]>();
  readonly #accounts = new Map<string, number[]>();
  readonly #known = new Map<string, true>();
  readonly #pairs = new Map<string, number[]>();

  /**
   * `maxEntries` (10,000) bounds each table; the longest untouched is forgotten first. `exempt` names addresses
   * that stand for many people, such as a webmail server or loopback: they are not counted themselves.
   */
  constructor(
    options: {
      clock: Clock;
      policy?: GuardPolicy;
      maxEntries?: number;
      exempt?: (address: string) => boolean;
    },
  ) {
    this.#clock = options.clock;
    this.#policy = options.policy ?? DEFAULT_POLICY;
    this.#maxEntries = options.maxEntries ?? 10_000;
    this.#exempt = options.exempt ?? (() => false);
  }

  /** How many addresses, accounts and pairs of them are remembered. */
  get size(): number {
    return this.#addresses.size + this.#accounts.size + this.#known.size + this.#pairs.size;
  }

  /**
   * An attempt from `address` (an IP address) begins, for `account`: the mailbox that a login name means, however it
   * was written; undefined for all names that can be nobody's.
   */
  begin(address: string, account: string | undefined): LoginAttempt {
    const source = networkOf(address);
    const pair = `${source} ${account ?? ""}`;
    const fromAddress = this.#exempt(address) ? 0 : this.#failures(this.#addresses, source);
    if (fromAddress >= this.#policy.refuseFrom) return { refused: true, delayMs: 0, succeeded() {} };
    const [counts, name] = this.#known.has(pair)
      ? [this.#pairs, pair] as const
      : [this.#accounts, account ?? ""] as const;
    const delayMs = delayAfter(Math.max(fromAddress, this.#failures(counts, name)), this.#policy);
    const at = this.#clock.monotonic();
    if (!this.#exempt(address)) this.#note(this.#addresses, source, at);
    this.#note(counts, name, at);
    return {
      refused: false,
      delayMs,
      succeeded: () => {
        forget(this.#addresses, source, at);
        forget(counts, name, at);
        this.#touch(this.#known, pair, true);
      },
    };
  }

  #failures(table: Map<string, number[]>, key: string): number {
    const times = table.get(key);
    if (!times) return 0;
    const oldest = this.#clock.monotonic() - this.#policy.windowMs;
    while (times.length > 0 && times[0]! <= oldest) times.shift();
    if (times.length === 0) table.delete(key);
    return times.length;
  }

  #note(table: Map<string, number[]>, key: string, at: number): void {
    const times = table.get(key) ?? [];
    times.push(at);
    if (times.length > this.#policy.refuseFrom) times.shift();
    this.#touch(table, key, times);
  }

  /** A map keeps the order of insertion: what is touched moves to the end, and the first goes when it is full. */
  #touch<T>(table: Map<string, T>, key: string, value: T): void {
    table.delete(key);
    table.set(key, value);
    if (table.size > this.#maxEntries) table.delete(table.keys().next().value!);
  }
}

function forget(table: Map<string, number[]>, key: string, at: number): void {
  const times = table.get(key);
  const index = times?.indexOf(at) ?? -1;
  if (index < 0) return;
  times!.splice(index, 1);
  if (times!.length === 0) table.delete(key);
}

/** Who an address counts as: an IPv4 address itself, an IPv6 address its /64, since one customer has all of it. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().replace(/%.*$/, "").split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? [] : tail.split(":");
    while (groups.length + after.length < 8) groups.push("0");
    groups.push(...after);
  }
  return groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "")).join(":") + "::/64";
}

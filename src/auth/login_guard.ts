/** The login guard slows down who guesses passwords, and nobody else: SMTP AUTH and POP3 ask the same one. */

import type { Clock, Timer } from "../base/clock.ts";

/** When guessing is slowed down and refused. Times in milliseconds. */
export interface GuardPolicy {
  /** Failures count for this long. */
  readonly windowMs: number;
  /** Up to this many failures cost nothing. */
  readonly free: number;
  /** From this many failures on, further attempts are refused. */
  readonly refuseFrom: number;
  /** The first delay; each further failure doubles it. */
  readonly firstDelayMs: number;
  /** The longest delay. */
  readonly maxDelayMs: number;
}

/** Five free failures in 15 minutes, then 1 s, 2 s, 4 s … 30 s; after 20 no further ones are looked at. */
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

/** One attempt to log in. It is undecided until {@linkcode right}, {@linkcode wrong} or {@linkcode ended} is called. */
export interface LoginAttempt {
  /** How long it would have to wait if all that are undecided before it were wrong; infinite: it may be refused. */
  readonly waitMs: number;
  /**
   * Resolves when the password may be looked at; false: not at all, there were too many failures, or `closing` was
   * aborted meanwhile.
   */
  admitted(closing?: AbortSignal): Promise<boolean>;
  /** The password was right: whoever waits behind it waits for one less. */
  right(): void;
  /** The password was wrong. */
  wrong(): void;
  /** The password was not looked at. Does nothing to an attempt that is decided. */
  ended(): void;
}

/** What the guard needs. */
export interface LoginGuardOptions {
  /** For delays, and for how long failures count. */
  readonly clock: Clock;
  /** Default: {@linkcode DEFAULT_POLICY}. */
  readonly policy?: GuardPolicy;
  /** Bounds each table (10,000); the longest untouched is forgotten first. */
  readonly maxEntries?: number;
  /** Addresses that stand for many people, such as a webmail server or loopback: never refused, nor counted. */
  readonly exempt?: (address: string) => boolean;
}

/**
 * Counts wrong passwords, by address and account together, by account, and by address:
 *
 * - An account at an address: further attempts are slowed down, then refused.
 * - An account, wherever from: slowed down, never refused, so that nobody can lock its owner out.
 * - An address, whatever the account: slowed down, then refused; the same wrong password again (a telephone that was
 *   not told of the new one) is no other guess. Right passwords count nowhere: an office behind one address may be large.
 *
 * For an account that has logged in from an address only the first count holds there: what strangers fail elsewhere and
 * what neighbours fail here does not slow its owner down, and guessing it from there is as slow as from anywhere.
 *
 * An attempt whose password is being looked at is neither right nor wrong yet. The next ones wait as if it were wrong,
 * so that many at once gain nothing, and move up when it turns out right.
 */
export class LoginGuard {
  readonly #clock: Clock;
  readonly #policy: GuardPolicy;
  readonly #maxEntries: number;
  readonly #exempt: (address: string) => boolean;
  readonly #pairs: BucketTable = new Map();
  readonly #accounts: BucketTable = new Map();
  readonly #addresses: BucketTable = new Map();
  readonly #known = new Map<string, true>();
  /** Attempts that may have moved up. */
  readonly #moved: Attempt[] = [];
  #moving = false;

  /** Nobody has failed yet. */
  constructor(options: LoginGuardOptions) {
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
   * was written; undefined for all names that can be nobody's. `guess` is the same for the same password of the same
   * account, where that can be told.
   */
  begin(address: string, account: string | undefined, guess?: string): LoginAttempt {
    const source = networkOf(address);
    const exempt = this.#exempt(address);
    const pair = pairOf(source, account);
    const attempt = new Attempt({
      clock: this.#clock,
      policy: this.#policy,
      guess,
      moved: (behind) => this.#move(behind),
      succeeded: () => touch(this.#known, pair, { value: true, max: this.#maxEntries }),
    });
    attempt.enter(this.#pairs, pair, { refuses: !exempt, max: this.#maxEntries });
    if (this.#known.has(pair)) return attempt;
    attempt.enter(this.#accounts, account ?? "", { max: this.#maxEntries });
    if (!exempt) {
      attempt.enter(this.#addresses, source, { refuses: true, distinct: true, max: this.#maxEntries });
    }
    return attempt;
  }

  /** A password of `account` that was verified a moment ago came again from `address`. */
  recognized(address: string, account: string): void {
    touch(this.#known, pairOf(networkOf(address), account), { value: true, max: this.#maxEntries });
  }

  /** One after the other: who is refused moves others up. */
  #move(behind: readonly Attempt[]): void {
    this.#moved.push(...behind);
    if (this.#moving) return;
    this.#moving = true;
    for (let next = this.#moved.pop(); next; next = this.#moved.pop()) next.reconsider();
    this.#moving = false;
  }
}

/** A wrong password. */
interface Failure {
  at: number;
  readonly guess: string | undefined;
}

/** The failures of an address, of an account or of both, and the attempts that are undecided, in order. */
interface Bucket {
  readonly failures: Failure[];
  readonly undecided: Map<Attempt, Place>;
}

type BucketTable = Map<string, Bucket>;

/** An attempt's place in a bucket. */
interface Place {
  readonly table: BucketTable;
  readonly key: string;
  readonly bucket: Bucket;
  /** Too many failures refuse it, instead of slowing it down only. */
  readonly refuses: boolean;
  /** The same guess again is no other failure. */
  readonly distinct: boolean;
  /** How many undecided attempts came before it. */
  ahead: number;
}

class Attempt implements LoginAttempt {
  readonly #places: Place[] = [];
  readonly #since: number;
  #decided = false;
  #waiting: { resolve(admitted: boolean): void; timer?: Timer; due?: number } | undefined;

  constructor(
    private readonly of: {
      readonly clock: Clock;
      readonly policy: GuardPolicy;
      readonly guess: string | undefined;
      moved(behind: readonly Attempt[]): void;
      succeeded(): void;
    },
  ) {
    this.#since = of.clock.monotonic();
  }

  enter(
    table: BucketTable,
    key: string,
    options: { refuses?: boolean; distinct?: boolean; max: number },
  ): void {
    const { refuses = false, distinct = false, max } = options;
    const bucket = table.get(key) ?? { failures: [], undecided: new Map() };
    touch(table, key, { value: bucket, max });
    const place = { table, key, bucket, refuses, distinct, ahead: bucket.undecided.size };
    bucket.undecided.set(this, place);
    this.#places.push(place);
  }

  get waitMs(): number {
    const { policy } = this.of;
    let wait = 0;
    for (const { bucket, refuses, ahead } of this.#places) {
      const before = this.#count(bucket) + ahead;
      wait = Math.max(wait, refuses && before >= policy.refuseFrom ? Infinity : delayAfter(before, policy));
    }
    return wait;
  }

  async admitted(closing?: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting = { resolve };
    const stop = () => this.#answer(false);
    closing?.addEventListener("abort", stop, { once: true });
    if (closing?.aborted) stop();
    this.reconsider();
    try {
      return await promise;
    } finally {
      closing?.removeEventListener("abort", stop);
    }
  }

  right(): void {
    if (this.#decided) return;
    this.of.succeeded();
    this.#leave();
  }

  wrong(): void {
    if (this.#decided) return;
    const at = this.of.clock.monotonic();
    for (const place of this.#places) this.#fail(place, at);
    this.#leave();
  }

  ended(): void {
    if (!this.#decided) this.#leave();
  }

  /** Whoever waits is admitted, refused, or goes on waiting, by what is known now. */
  reconsider(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    const { clock, policy } = this.of;
    if (this.#places.some(({ bucket, refuses }) => refuses && this.#count(bucket) >= policy.refuseFrom)) {
      return this.#answer(false);
    }
    const due = this.#since + this.waitMs;
    const left = due - clock.monotonic();
    if (left <= 0) return this.#answer(true);
    if (due === waiting.due) return;
    waiting.timer?.cancel();
    waiting.due = due;
    // for ever: those before it will be decided, and then it is refused or has moved up
    if (left < Infinity) waiting.timer = clock.schedule(left, () => this.#due());
  }

  #due(): void {
    delete this.#waiting?.due;
    this.reconsider();
  }

  #answer(admitted: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.timer?.cancel();
    if (!admitted) this.ended();
    waiting?.resolve(admitted);
  }

  #count({ failures }: Bucket): number {
    const oldest = this.of.clock.monotonic() - this.of.policy.windowMs;
    while (failures.length > 0 && failures[0]!.at <= oldest) failures.shift();
    return failures.length;
  }

  #fail({ bucket: { failures }, distinct }: Place, at: number): void {
    const { guess, policy } = this.of;
    const again = distinct && guess !== undefined ? failures.findIndex((one) => one.guess === guess) : -1;
    if (again >= 0) failures.splice(again, 1);
    failures.push({ at, guess });
    if (failures.length > policy.refuseFrom) failures.shift();
  }

  #leave(): void {
    this.#decided = true;
    const behind: Attempt[] = [];
    for (const { table, key, bucket } of this.#places) {
      let passed = false;
      for (const [attempt, place] of bucket.undecided) {
        if (passed) {
          place.ahead--;
          behind.push(attempt);
        }
        passed ||= attempt === this;
      }
      bucket.undecided.delete(this);
      const empty = bucket.undecided.size === 0 && this.#count(bucket) === 0;
      if (empty && table.get(key) === bucket) table.delete(key);
    }
    this.of.moved(behind);
  }
}

/** A map keeps the order of insertion: what is touched moves to the end, and the first goes when it is full. */
function touch<T>(table: Map<string, T>, key: string, { value, max }: { value: T; max: number }): void {
  table.delete(key);
  table.set(key, value);
  if (table.size > max) table.delete(table.keys().next().value!);
}

function pairOf(source: string, account: string | undefined): string {
  return `${source} ${account ?? ""}`;
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

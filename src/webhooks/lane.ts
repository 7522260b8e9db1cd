/** The queue of one webhook: its posts in time, a few at once, tried again when they fail, failed for good at last. */

import { type Clock, sleep, type Timer } from "../base/clock.ts";
import { expiring } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import type { PostResult } from "./post.ts";
import type { DeadPost, PendingPost } from "./records.ts";

/** What a lane works with. */
export interface LaneOptions {
  readonly url: string;
  readonly store: Store;
  readonly clock: Clock;
  /** Posts; never rejects. */
  post(id: string, body: string, now: number): Promise<PostResult>;
  /** Called with the result of each post; `isDead`: it failed for good. */
  onPosted(type: string, result: PostResult, isDead: boolean): void;
  /** Called when the store fails. */
  onError(error: unknown): void;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** The pauses between tries, as the specification advises: some three days in all. */
const PAUSES = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR)];
/** What was given up is kept so long. */
const DEAD_MS = 30 * 24 * HOUR;
const AT_ONCE = 8;
/** Longer than any post takes; then another server may take it. */
const LEASE_MS = MINUTE;
/** How often is looked for what another server left behind, and for what failed. */
const LOOK_MS = MINUTE;

/** When a post that was given up is forgotten: milliseconds since 1970. */
export function deadUntil({ diedAt }: DeadPost): number {
  return diedAt + DEAD_MS;
}

interface Claim {
  readonly key: Deno.KvKey;
  readonly versionstamp: string;
  readonly id: string;
  readonly post: PendingPost;
}

/** One webhook's posts. */
export class Lane {
  readonly #options: LaneOptions;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #again = false;
  /** Something is looked for or posted now; else it waits for the clock, or for an event. */
  #busy = false;
  #onIdle: (() => void)[] = [];
  #failures = 0;
  /** What the last post came to, and when. */
  last: (PostResult & { readonly at: number }) | undefined;
  /** Posts that failed since one was taken, and when the first of them did. */
  failing: { readonly tries: number; readonly since: number } | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Goes on with what waits. */
  start(): void {
    this.wake();
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#closing.signal.aborted) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#again) this.wake(); // somebody called while the alarm was set
    });
  }

  /** Is nothing due, or is it to wait for its next try? */
  get isIdle(): boolean {
    return !this.#busy;
  }

  /** Resolves when that is so. */
  async idle(): Promise<void> {
    while (this.#busy) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Ends after the posts that are under way. */
  async stop(): Promise<void> {
    this.#closing.abort();
    this.#timer?.cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, onError } = this.#options;
    this.#timer?.cancel();
    this.#busy = true;
    try {
      while (this.#again && !this.#closing.signal.aborted) {
        this.#again = false;
        const claims = await this.#claim();
        if (claims.length === 0) break;
        this.#again = true;
        const answered = await Promise.all(claims.map((claim) => this.#tryOne(claim)));
        this.#failures = answered.includes(true) ? 0 : this.#failures + 1;
        // who answers nothing is asked less and less often, up to once a minute
        if (this.#failures > 0) {
          this.#rest();
          await sleep(clock, Math.min(SECOND * 2 ** (this.#failures - 1), MINUTE), this.#closing.signal);
          this.#busy = true;
        }
      }
      await this.#setAlarm();
    } catch (error) {
      onError(error);
      this.#again = false;
      this.#alarmIn(LOOK_MS);
    } finally {
      this.#rest();
    }
  }

  #rest(): void {
    this.#busy = false;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** Takes what is due, some of it; others that share the store leave it alone for the time of the lease. */
  async #claim(): Promise<Claim[]> {
    const { url, store, clock } = this.#options;
    const now = clock.now();
    const claims: Promise<Claim | undefined>[] = [];
    for await (
      const { key, value, versionstamp } of store.kv.list<PendingPost>(keys.webhooksDue(url), {
        limit: AT_ONCE,
      })
    ) {
      const [when, id] = key.slice(-2) as [number, string];
      if (when > now) break;
      const leased = keys.webhookDue(url, now + LEASE_MS, id);
      claims.push(
        store.write({
          checks: [{ key, versionstamp }],
          mutations: [{ type: "delete", key }, { type: "set", key: leased, value }],
          size: 300 + value.body.length,
        }).then((done) =>
          done.ok ? { key: leased, versionstamp: done.versionstamp, id, post: value } : undefined
        ),
      );
    }
    return (await Promise.all(claims)).filter((claim) => claim !== undefined);
  }

  /** True: the receiver took it. */
  async #tryOne({ key, versionstamp, id, post }: Claim): Promise<boolean> {
    const { url, store, clock, onPosted } = this.#options;
    const result = await this.#options.post(id, post.body, clock.now());
    if (this.#closing.signal.aborted && !result.ok) return false; // cut off: it is due again when the lease ends
    const now = clock.now();
    this.last = { ...result, at: now };
    this.failing = result.ok
      ? undefined
      : { tries: (this.failing?.tries ?? 0) + 1, since: this.failing?.since ?? now };
    const checks = [{ key, versionstamp }];
    const mutations: Deno.KvMutation[] = [{ type: "delete", key }];
    const attempts = post.attempts + 1;
    const pause = PAUSES[post.attempts];
    const next = { ...post, attempts, lastError: result.text.slice(0, 500) };
    // 410: the receiver wants no more of it
    const isDead = !result.ok && (pause === undefined || result.status === 410);
    if (isDead) {
      const value: DeadPost = { ...next, url, diedAt: now };
      mutations.push(...expiring(keys.webhookDead(id), value, deadUntil(value)));
    } else if (!result.ok) {
      const wait = Math.max(pause!, Math.min(result.retryAfterMs ?? 0, 24 * HOUR));
      mutations.push({ type: "set", key: keys.webhookDue(url, now + wait, id), value: next });
    }
    await store.write({ checks, mutations, size: 600 + post.body.length });
    onPosted(post.type, result, isDead);
    return result.ok;
  }

  async #setAlarm(): Promise<void> {
    const { url, store, clock } = this.#options;
    for await (const { key } of store.kv.list(keys.webhooksDue(url), { limit: 1 })) {
      this.#alarmIn(Math.min(Math.max(0, (key.at(-2) as number) - clock.now()), LOOK_MS));
      return;
    }
    // on a shared store others may leave something behind
    if (!store.embedded) this.#alarmIn(LOOK_MS);
  }

  #alarmIn(ms: number): void {
    if (!this.#closing.signal.aborted) this.#timer = this.#options.clock.schedule(ms, () => this.wake());
  }
}

/**
 * The webhooks: each event that one asks for waits in a queue of its own in the store until it is posted, again and
 * again for some days, and then stands in the list of those that failed for good. Mail never waits for it.
 */

import type { Clock } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import { steadyClock } from "../base/movable_clock.ts";
import type { WebhookConfig } from "../config/config.ts";
import type { Journal, JournalEvent } from "../observe/journal.ts";
import { removing } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { bodyOf, type WebhookEvent } from "./event_body.ts";
import { deadUntil, Lane } from "./lane.ts";
import type { Post, PostResult } from "./post.ts";
import { type DeadPost, type PendingPost, siteOf } from "./records.ts";
import { WebhookHealth } from "./webhook_health.ts";

/** How a webhook does. */
export interface WebhookState {
  /** Where it goes. */
  readonly url: string;
  /** The types of events that it gets. */
  readonly events: readonly string[];
  /** Posts are signed. */
  readonly signed: boolean;
  /** How many posts wait; at most {@linkcode MAX_COUNTED}. */
  readonly waiting: number;
  /** What the last post since the start came to. */
  readonly last?: PostResult & { readonly at: number };
}

/** What webhooks work with. */
export interface WebhooksOptions {
  /** Holds the posts that wait. */
  readonly store: Store;
  /** For the time of each try. */
  readonly clock: Clock;
  /** Names the posts. */
  readonly ids: IdMaker;
  /** The source of the events. */
  readonly journal: Journal;
  /** Told of receivers that fail, and of posts that were given up. */
  readonly health?: {
    /** Raises the problem of that code, or clears it where there is no text. */
    set(code: string, text: string | undefined): void;
  };
  /** The receivers. */
  readonly hooks: readonly WebhookConfig[];
  /** For tests; default: HTTP. */
  readonly post?: (of: Post) => Promise<PostResult>;
}

/** A longer queue is not counted. */
export const MAX_COUNTED = 1000;
/** Events that are on their way into the store; what comes beyond is dropped. */
const MAX_ON_THE_WAY = 10_000;

/** All webhooks of one server. */
export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #hooks = new Map<string, WebhookConfig>();
  readonly #closing = new AbortController();
  readonly #writes = new Set<Promise<void>>();
  readonly #health: WebhookHealth;
  #unsubscribe: (() => void) | undefined;
  #lost = 0;

  /** Does nothing before {@linkcode start}. Of several with one URL the first one's secret counts. */
  constructor(options: WebhooksOptions) {
    this.#options = options;
    const { health, clock } = options;
    this.#health = new WebhookHealth({ health, clock, lanes: this.#lanes, dead: () => this.dead() });
    for (const hook of options.hooks) {
      const known = this.#hooks.get(hook.url);
      this.#hooks.set(hook.url, known ? { ...known, events: [...known.events, ...hook.events] } : hook);
    }
  }

  /** Listens to the journal, and goes on with what waits. Nothing at all happens without webhooks. */
  start(): void {
    if (this.#hooks.size === 0) return;
    const { store, clock, journal } = this.#options;
    for (const url of this.#hooks.keys()) {
      const site = siteOf(url);
      const lane = new Lane({
        url,
        store,
        clock,
        post: (id, body, now) => this.#post(url, { id, body, now }),
        onPosted: (type, { ok, text }, isDead) => {
          if (isDead) journal.note("WARN", "webhook post given up", { site, type, error: text });
          else journal.note(ok ? "DEBUG" : "INFO", "webhook post", { site, type, ok, text });
          this.#tellHealth(this.#health.posted(isDead));
        },
        onError: (error) => journal.note("ERROR", "webhook queue failed", { site, error: String(error) }),
      });
      this.#lanes.set(url, lane);
      lane.start();
    }
    this.#unsubscribe = journal.on((event) => this.#take(event));
    this.#tellHealth(this.#health.count());
  }

  /** Stops: what waits stays in the store, a post under way is cut off and made again after the next start. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#closing.abort();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
    await Promise.all(this.#writes);
  }

  /** Is nothing posted, or about to be? What is to be tried again later does not count. */
  get isIdle(): boolean {
    return this.#writes.size === 0 && [...this.#lanes.values()].every((lane) => lane.isIdle);
  }

  /** Resolves when that is so. */
  async idle(): Promise<void> {
    while (!this.isIdle) {
      await Promise.all([...this.#writes, ...[...this.#lanes.values()].map((lane) => lane.idle())]);
    }
  }

  /** How each does. */
  async states(): Promise<WebhookState[]> {
    return await Promise.all(
      [...this.#hooks.values()].map(async ({ url, events, secret }) => {
        let waiting = 0;
        for await (const _ of this.#options.store.kv.list(keys.webhooksDue(url), { limit: MAX_COUNTED })) {
          waiting++;
        }
        const last = this.#lanes.get(url)?.last;
        return { url, events, signed: secret !== undefined, waiting, ...(last && { last }) };
      }),
    );
  }

  /** How many posts were given up; at most {@linkcode MAX_COUNTED}. */
  async deadCount(): Promise<number> {
    return (await this.dead()).length;
  }

  /** Posts an event of the type `test` at once; undefined when there is no such webhook. */
  async test(url: string): Promise<PostResult | undefined> {
    if (!this.#hooks.has(url)) return undefined;
    const now = this.#options.clock.now();
    const body = JSON.stringify({
      type: "test",
      timestamp: new Date(now).toISOString(),
      data: { text: "This is a test. Mail events look like it." },
    });
    return await this.#post(url, { id: this.#newId(), body, now });
  }

  /** What was given up, oldest first. */
  async dead(): Promise<(DeadPost & { readonly id: string })[]> {
    const found: (DeadPost & { readonly id: string })[] = [];
    const now = this.#options.clock.now();
    for await (
      const { key, value } of this.#options.store.kv.list<DeadPost>(keys.webhooksDead, { limit: MAX_COUNTED })
    ) {
      if (deadUntil(value) > now) found.push({ ...value, id: key.at(-1) as string });
    }
    return found;
  }

  /** Posts once more what was given up; false when there is no such post, or no such webhook any more. */
  async revive(id: string): Promise<boolean> {
    const { store, clock } = this.#options;
    const key = keys.webhookDead(id);
    const { value, versionstamp } = await store.kv.get<DeadPost>(key);
    if (!value || !this.#hooks.has(value.url)) return false;
    const { url, diedAt: _, ...rest } = value;
    const pending: PendingPost = { ...rest, attempts: 0 };
    const { ok } = await store.write({
      checks: [{ key, versionstamp }],
      mutations: [
        ...removing(key, deadUntil(value)),
        { type: "set", key: keys.webhookDue(url, clock.now(), id), value: pending },
      ],
      size: 300 + value.body.length,
    });
    if (!ok) return false;
    await this.#health.count();
    this.#lanes.get(url)?.wake();
    return true;
  }

  /** Forgets what was given up; false when there is no such post. */
  async bury(id: string): Promise<boolean> {
    const key = keys.webhookDead(id);
    const { value } = await this.#options.store.kv.get<DeadPost>(key);
    if (value === null) return false;
    await this.#options.store.write({ mutations: removing(key, deadUntil(value)), size: 200 });
    await this.#health.count();
    return true;
  }

  #newId(): string {
    return `msg_${this.#options.ids.next()}`;
  }

  /** A post is done whether or not what it says of health could be found out. */
  #tellHealth(told: Promise<void>): void {
    const { journal } = this.#options;
    const work = told
      .catch((error) => journal.note("WARN", "webhook health not known", { error: String(error) }))
      .finally(() => this.#writes.delete(work));
    this.#writes.add(work);
  }

  #take(event: JournalEvent): void {
    for (const [url, { events }] of this.#hooks) {
      if ((events as readonly string[]).includes(event.type)) this.#enqueue(url, event as WebhookEvent);
    }
  }

  #enqueue(url: string, event: WebhookEvent): void {
    const { store, clock, journal } = this.#options;
    const isBehind = this.#writes.size >= MAX_ON_THE_WAY;
    if (isBehind || (store.isFull && event.type !== "health")) {
      const why = isBehind ? "the store is behind" : "the disk is full";
      if (this.#lost++ === 0) journal.note("ERROR", `webhook events lost: ${why}`);
      return;
    }
    const now = clock.now();
    const value: PendingPost = { type: event.type, body: bodyOf(event, now), createdAt: now, attempts: 0 };
    const key = keys.webhookDue(url, now, this.#newId());
    const written = store.write({ mutations: [{ type: "set", key, value }], size: 300 + value.body.length })
      .then(() => this.#lanes.get(url)?.wake())
      .catch((error) =>
        journal.note("ERROR", "webhook event lost", { site: siteOf(url), error: String(error) })
      )
      .finally(() => this.#writes.delete(written));
    this.#writes.add(written);
  }

  async #post(url: string, of: Pick<Post, "id" | "body" | "now">): Promise<PostResult> {
    const { secret, allowPrivate } = this.#hooks.get(url)!;
    const post = this.#options.post ?? (await import("./post.ts")).post;
    const clock = steadyClock(this.#options.clock);
    return await post({ ...of, url, secret, allowPrivate, clock, signal: this.#closing.signal });
  }
}

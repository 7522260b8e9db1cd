/** The health of the webhooks: receivers that take nothing, and posts that were given up. */

import type { Clock } from "../base/clock.ts";
import type { Health } from "../observe/health.ts";
import type { Lane } from "./lane.ts";
import { type DeadPost, siteOf } from "./records.ts";

/** What it works with. */
export interface WebhookHealthOptions {
  readonly health: Pick<Health, "set"> | undefined;
  readonly clock: Clock;
  /** The receivers, by URL. */
  readonly lanes: ReadonlyMap<string, Pick<Lane, "failing" | "last">>;
  /** Reads what was given up. */
  dead(): Promise<readonly DeadPost[]>;
}

/** So many tries in a row fail before a receiver is said to be away. */
const LEAST_TRIES = 3;
/** What was given up is counted again so often while there is some: it ends by itself after a time. */
const COUNT_EVERY_MS = 3600_000;

/** Tells health of them. */
export class WebhookHealth {
  readonly #options: WebhookHealthOptions;
  /** What was given up by receivers that are still configured. */
  #dead: readonly DeadPost[] = [];
  #countedAt = -Infinity;

  constructor(options: WebhookHealthOptions) {
    this.#options = options;
  }

  /** A post came to something; `isDead`: it was given up. */
  async posted(isDead: boolean): Promise<void> {
    const isOld = this.#options.clock.monotonic() - this.#countedAt > COUNT_EVERY_MS;
    if (isDead || (this.#dead.length > 0 && isOld)) await this.count();
    else this.#tell();
  }

  /** Counts what was given up. */
  async count(): Promise<void> {
    if (!this.#options.health) return;
    this.#countedAt = this.#options.clock.monotonic();
    this.#dead = (await this.#options.dead()).filter(({ url }) => this.#options.lanes.has(url));
    this.#tell();
  }

  #tell(): void {
    this.#options.health?.set("webhooks", this.#deadText() ?? this.#failingText());
  }

  #deadText(): string | undefined {
    const last = this.#dead.at(-1);
    if (last === undefined) return undefined;
    const many = this.#dead.length;
    const what = many === 1
      ? "A post to a webhook was given up,"
      : `${many} posts to webhooks were given up, the last`;
    return `${what} to ${siteOf(last.url)}: ${last.lastError ?? "no answer"}`;
  }

  #failingText(): string | undefined {
    for (const [url, { failing, last }] of this.#options.lanes) {
      if (failing === undefined || failing.tries < LEAST_TRIES) continue;
      return `The webhook at ${siteOf(url)} has taken nothing since ${
        new Date(failing.since).toISOString()
      }: ${last?.text ?? ""}`;
    }
    return undefined;
  }
}

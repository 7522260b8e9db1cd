/** The web page's sessions: a random cookie, of which the store has only the hash. */

import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { expiring } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";

/** How long a session lasts: milliseconds. */
export const SESSION_MS = 7 * 24 * 3600_000;

interface SessionRecord {
  /** When it ends: milliseconds since 1970. */
  readonly until: number;
  /** The hash of the token it was begun with: a new token ends the old one's sessions. */
  readonly token: string;
}

/** The sessions of one store. */
export class WebSessions {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(store: Store, options: { clock: Clock; random: Random }) {
    this.#store = store;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** Begins a session of who has that token; answers the cookie's value. */
  async begin(token: string): Promise<string> {
    const value = this.#random.bytes(32).toHex();
    const record: SessionRecord = { until: this.#clock.now() + SESSION_MS, token: hash(token) };
    const key = keys.session(hash(value));
    await this.#store.write({
      mutations: expiring(key, record, record.until),
      size: 400,
    });
    return value;
  }

  /** SHA-256 in hexadecimal of the token that the session of that cookie began with; undefined when it doesn't last. */
  async tokenOf(value: string): Promise<string | undefined> {
    if (!/^[0-9a-f]{64}$/.test(value)) return undefined;
    const { value: record } = await this.#store.kv.get<SessionRecord>(keys.session(hash(value)));
    return record !== null && record.until > this.#clock.now() ? record.token : undefined;
  }

  /** Ends a session. */
  async end(value: string): Promise<void> {
    await this.#store.write({
      mutations: [{ type: "delete", key: keys.session(hash(value)) }],
      size: 100,
    });
  }
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

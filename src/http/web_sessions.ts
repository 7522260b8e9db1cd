/** The web page's sessions: a random cookie, of which the store has only the hash. */

import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { expiring } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";

/** How long a session lasts: milliseconds. */
export const SESSION_MS = 7 * 24 * 3600_000;

/** What a session is worth. */
export interface WebSession {
  /** {@linkcode secretHash} of what it was begun with: another token or password ends the old one's sessions. */
  readonly token: string;
  /** Whose own page it opens; absent: it is one of who has a token. */
  readonly account?: string;
}

interface SessionRecord extends WebSession {
  /** When it ends: milliseconds since 1970. */
  readonly until: number;
}

/** The sessions of one store, in one realm. */
export class WebSessions {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #realm: string;

  /** A cookie of one realm is none in another. */
  constructor(store: Store, options: { clock: Clock; random: Random; realm?: string }) {
    this.#store = store;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#realm = options.realm ?? "";
  }

  /** Begins a session of who has that token; answers the cookie's value. */
  async begin(token: string, account?: string): Promise<string> {
    const value = this.#random.bytes(32).toHex();
    const until = this.#clock.now() + SESSION_MS;
    const record: SessionRecord = {
      until,
      token: secretHash(token),
      ...(account !== undefined && { account }),
    };
    await this.#store.write({
      mutations: expiring(this.#key(value), record, until),
      size: 400 + 3 * (account?.length ?? 0),
    });
    return value;
  }

  /** The session of that cookie; undefined when it doesn't last. */
  async find(value: string): Promise<WebSession | undefined> {
    if (!/^[0-9a-f]{64}$/.test(value)) return undefined;
    const { value: record } = await this.#store.kv.get<SessionRecord>(this.#key(value));
    return record !== null && record.until > this.#clock.now() ? record : undefined;
  }

  /** Ends a session. */
  async end(value: string): Promise<void> {
    await this.#store.write({ mutations: [{ type: "delete", key: this.#key(value) }], size: 100 });
  }

  #key(value: string): Deno.KvKey {
    return keys.session(secretHash(this.#realm + value));
  }
}

/** SHA-256 in hexadecimal. */
export function secretHash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * The end of what is kept for a time only: each such row has a key in an index by its end, written in the same commit,
 * and a sweeper goes through the index. KV's own `expireIn` is not used: on a full disk its timer ends the process,
 * what is over is seen for up to a minute, and over a network the clock of the writer counts.
 */

import type { ChainLink } from "./commit_chain.ts";
import * as keys from "./keys.ts";
import type { Store } from "./store.ts";

/** So many rows go in one commit. */
const BATCH = 200;
/** The chain of a process that writes no more is kept this long: far longer than any request is on its way. */
const CHAIN_KEPT_MS = 7 * 24 * 3600_000;

/**
 * A row that is kept until `until` (milliseconds since 1970). Who reads it leaves out what is over; who replaces it by
 * one with another end takes the old end back with {@linkcode removing}.
 */
export function expiring(key: Deno.KvKey, value: unknown, until: number): Deno.KvMutation[] {
  return [{ type: "set", key, value }, { type: "set", key: keys.expiry(until, key), value: 0 }];
}

/** Takes a row away before its end. */
export function removing(key: Deno.KvKey, until: number): Deno.KvMutation[] {
  return [{ type: "delete", key }, { type: "delete", key: keys.expiry(until, key) }];
}

/**
 * Removes the rows that are over at `now`; answers how many. It may be stopped anywhere, several servers may do it at
 * once, and it costs next to nothing when there is nothing to remove. Rejects when the store fails.
 */
export async function sweepExpired(store: Store, now: number): Promise<number> {
  if (!store.embedded) await sweepChains(store, now);
  let removed = 0;
  for (;;) {
    const mutations: Deno.KvMutation[] = [];
    for await (const { key } of store.kv.list(keys.expiriesUntil(now), { limit: BATCH })) {
      mutations.push({ type: "delete", key: keys.expiringKey(key) }, { type: "delete", key });
    }
    if (mutations.length === 0) return removed;
    await store.write({ mutations, size: 100 * mutations.length });
    removed += mutations.length / 2;
  }
}

/** Each commit of a process moves the end of its chain: these few are looked at one by one, and have no index. */
async function sweepChains(store: Store, now: number): Promise<void> {
  for await (const { key, value, versionstamp } of store.kv.list<ChainLink>(keys.commitChains)) {
    if (value.at + CHAIN_KEPT_MS > now) continue;
    // under a check: a process that was silent for so long may write again at this instant
    await store.write({ checks: [{ key, versionstamp }], mutations: [{ type: "delete", key }], size: 100 });
  }
}

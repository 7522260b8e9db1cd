/** Changes of a store that go past its commit group: what a test does to a store behind the server's back. */

import type { Kv } from "../../src/storage/port.ts";

/** Sets a key. */
export async function put(kv: Kv, key: Deno.KvKey, value: unknown): Promise<void> {
  await kv.commit([], [{ type: "set", key, value }]);
}

/** Deletes a key. */
export async function drop(kv: Kv, key: Deno.KvKey): Promise<void> {
  await kv.commit([], [{ type: "delete", key }]);
}

/** The secrets that a server makes for itself, once, and keeps in its store. */

import type { Random } from "../base/random.ts";
import * as keys from "./keys.ts";
import type { Store } from "./store.ts";

/** The 32 octets of that name; made when they are asked for first. */
export async function loadSecret(
  name: string,
  store: Store,
  random: Random,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = keys.secret(name);
  for (;;) {
    const { value, versionstamp } = await store.kv.get<Uint8Array<ArrayBuffer>>(key);
    if (value) return value;
    const made = random.bytes(32);
    await store.write({
      checks: [{ key, versionstamp }],
      mutations: [{ type: "set", key, value: made }],
      size: 100,
    });
  }
}

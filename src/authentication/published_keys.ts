/** Which of a domain's keys sign: a new one only where others find it. */

import type { Resolver } from "../dns/resolver.ts";
import { findKeys } from "./dkim_key.ts";
import type { SigningKey } from "./dkim_keys.ts";

/**
 * The keys that sign now: in place of one whose record the DNS doesn't have yet, the one before it, where the DNS has
 * that. Never rejects.
 */
export async function publishedKeys(
  keys: readonly SigningKey[],
  resolver: Resolver,
): Promise<readonly SigningKey[]> {
  const isPublished = async (key: SigningKey) => !("result" in await findKeys(key, resolver));
  return await Promise.all(keys.map(async (key) => {
    if (!key.older || await isPublished(key)) return key;
    return await isPublished(key.older) ? key.older : key;
  }));
}

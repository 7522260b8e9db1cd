/** The reading of many values whose keys lie close together: as a range, which takes half the time of key by key. */

import { type Kv, MAX_KEYS_AT_ONCE } from "./port.ts";

/** Fewer are read key by key. */
const FEW = 20;
/** So many more rows than were wanted so far may be read in vain before the range is given up. */
const IN_VAIN = 32;
/** A little more than who reads many asks for at once: a read that brings less than it may is known to be the last. */
const AT_A_TIME = 72;

/** What is wanted, and where it lies. */
export interface DenseRange {
  /** The keys by the name that {@linkcode DenseRange.nameOf} gives each. */
  readonly wanted: ReadonlyMap<string, Deno.KvKey>;
  /** All of them, and perhaps others. */
  readonly range: Deno.KvListSelector;
  nameOf(key: Deno.KvKey): string;
}

/** The rows by name; those that are not there are left out. */
export async function readDense<T>(
  kv: Kv,
  { wanted, range, nameOf }: DenseRange,
): Promise<Map<string, Deno.KvEntry<T>>> {
  const found = new Map<string, Deno.KvEntry<T>>();
  let isWhole = false;
  if (wanted.size > FEW) {
    let inVain = 0;
    isWhole = true;
    for await (const entry of kv.list<T>(range, { batchSize: AT_A_TIME })) {
      const name = nameOf(entry.key);
      if (wanted.has(name)) found.set(name, entry);
      else if (++inVain > IN_VAIN + found.size) {
        isWhole = false;
        break;
      }
    }
  }
  if (isWhole) return found;
  const left = [...wanted].filter(([name]) => !found.has(name));
  const reads: Promise<void>[] = [];
  for (let i = 0; i < left.length; i += MAX_KEYS_AT_ONCE) {
    const some = left.slice(i, i + MAX_KEYS_AT_ONCE);
    const read = kv.getMany<T[]>(some.map(([, key]) => key)).then((entries) => {
      for (const [n, entry] of entries.entries()) {
        if (entry.versionstamp !== null) found.set(some[n]![0], entry);
      }
    });
    reads.push(read);
  }
  await Promise.all(reads);
  return found;
}

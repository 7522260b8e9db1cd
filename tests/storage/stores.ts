/** The stores that the tests of this room run on. */

import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { Kv } from "../../src/storage/port.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { SHARED_KVS, startShared } from "../support/shared_kv.ts";

/** A folder that is gone at the end of the block. */
export async function tempDir(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "dinopost_storage_" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Registers a test for each kind of store, the shared ones too. */
export function onEachStore(name: string, test: (store: Store) => Promise<void>): void {
  onEachEmbeddedStore(name, test);
  for (const kind of SHARED_KVS) {
    Deno.test(`${name} (${kind.name})`, async () => {
      await using server = await startShared(kind);
      await onStore(server.url, test);
    });
  }
}

/** Registers a test for each kind of embedded store. */
export function onEachEmbeddedStore(name: string, test: (store: Store) => Promise<void>): void {
  Deno.test(`${name} (memory)`, () => onStore(":memory:", test));
  Deno.test(`${name} (file)`, async () => {
    await using dir = await tempDir();
    await onStore(`${dir.path}/kv.sqlite3`, test);
  });
}

async function onStore(location: string, test: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({ location, clock: systemClock });
  try {
    await test(store);
  } finally {
    await store.close();
  }
}

/** A store in memory with a clock of its own, closed at the end of the block. */
export async function memoryStore(clock: Clock = systemClock): Promise<Store & AsyncDisposable> {
  const store = await openStore({ location: ":memory:", clock });
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

/** All keys below a prefix, as text, in order. */
export async function keysUnder(kv: Kv, ...prefix: Deno.KvKeyPart[]): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of kv.list({ prefix })) found.push(entry.key.join("/"));
  return found;
}

/** What becomes of a commit: an error to throw instead, or undefined to let it happen. */
export type Fate = Error | undefined;

/** A KV whose commits meet the given fates, one after the other, and then succeed. Tells how large each one was. */
export function fatefulKv(kv: Kv, fates: Fate[]): { kv: Kv; commits: { mutations: number }[] } {
  const commits: { mutations: number }[] = [];
  const fateful: Partial<Kv> = {
    getMany: kv.getMany.bind(kv),
    commit(checks, mutations) {
      commits.push({ mutations: mutations.length });
      const fate = fates.shift();
      return fate ? Promise.reject(fate) : kv.commit(checks, mutations);
    },
  };
  return { kv: fateful as Kv, commits };
}

/** In charge of the stores that the tests of this room run on. */

import type { Clock } from "../../src/base/clock.ts";
import { systemClock } from "../../src/base/clock.ts";
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
export async function keysUnder(kv: Deno.Kv, ...prefix: Deno.KvKeyPart[]): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of kv.list({ prefix })) found.push(entry.key.join("/"));
  return found;
}

/** What is under that kv's `atomic().commit()`: an error to throw instead, or undefined to let it happen. */
export type Fate = Error | undefined;

/** A KV whose commits meet the given fates, one after the other, and then succeed. Tells how large each one was. */
export function fatefulKv(kv: Deno.Kv, fates: Fate[]): { kv: Deno.Kv; commits: { mutations: number }[] } {
  const commits: { mutations: number }[] = [];
  function atomic() {
    let operation = kv.atomic();
    let count = 0;
    return {
      check(...checks: Deno.AtomicCheck[]) {
        operation = operation.check(...checks);
        return this;
      },
      mutate(...mutations: Deno.KvMutation[]) {
        operation = operation.mutate(...mutations);
        count += mutations.length;
        return this;
      },
      commit() {
        commits.push({ mutations: count });
        const fate = fates.shift();
        return fate ? Promise.reject(fate) : operation.commit();
      },
    };
  }
  return { kv: { atomic } as unknown as Deno.Kv, commits };
}

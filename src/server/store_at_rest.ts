/** The store of a data directory that no server is using: opened for one command, and closed again. */

import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { lockDataDir } from "../storage/data_dir.ts";
import { DiskReserve } from "../storage/disk_reserve.ts";
import { openStore, type Store } from "../storage/store.ts";

/** There is no store yet. */
export class NoStore extends Error {
  override readonly name = "NoStore";

  /** `dir` is the data directory. */
  constructor(readonly dir: string) {
    super(`There is no mail store in ${dir}; "dinopost serve" makes one`);
  }
}

/** A store, and the data directory's lock; given back at the end of the block. */
export interface StoreAtRest extends AsyncDisposable {
  readonly store: Store;
}

/** Opens the store of a data directory. Throws {@linkcode NoStore}, or `StoreInUse` when a server has it. */
export async function openStoreAtRest(dir: string, clock: Clock): Promise<StoreAtRest> {
  const path = join(dir, "dinopost.db");
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new NoStore(dir);
    throw error;
  }
  const lock = await lockDataDir(dir);
  try {
    const reserve = await DiskReserve.open({ database: path, clock, onLook: () => {} });
    const store = await openStore({ location: path, clock, reserve });
    return {
      store,
      async [Symbol.asyncDispose]() {
        await store.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

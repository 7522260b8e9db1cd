/** The data directory of one server alone: its lock, the watch over its disk, its backups. Loaded where there is one. */

import about from "../../deno.json" with { type: "json" };
import { Backups, removeUnfinishedBackup } from "../backup/backups.ts";
import { systemClock } from "../base/clock.ts";
import { type DataDirLock, lockDataDir } from "../storage/data_dir.ts";
import type { DiskReserve } from "../storage/disk_reserve.ts";
import { watchDisk } from "./disk.ts";
import type { Surroundings } from "./options.ts";

/** A directory that is locked for this server. */
export interface DataDirectory {
  readonly lock: DataDirLock;
  readonly reserve: DiskReserve;
  readonly backups: Backups;
}

/** Takes it; `database` is the store's file in it. Throws `StoreInUse` where another process has it. */
export async function openDataDirectory(
  database: string,
  { config: { dataDir }, ...around }: Surroundings,
): Promise<DataDirectory> {
  const lock = await lockDataDir(dataDir);
  try {
    await removeUnfinishedBackup(dataDir).catch(() => {}); // the next backup says what is wrong
    const reserve = await watchDisk(database, around);
    // its time is told to people, whatever clock the server runs by
    const backups = new Backups({ dataDir, version: about.version, clock: systemClock });
    return { lock, reserve, backups };
  } catch (error) {
    lock.release();
    throw error;
  }
}

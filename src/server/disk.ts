/** The watch over the store's disk: log and health say when it is nearly full, and when it is. */

import { systemClock } from "../base/clock.ts";
import { formatSize } from "../base/units.ts";
import { DiskReserve } from "../storage/disk_reserve.ts";
import type { Surroundings } from "./options.ts";

const GIB = 1024 ** 3;
/** With less room than this part of the disk, or than a GiB, it is nearly full. */
const NEARLY_FULL = 1 / 20;

/** Keeps room on the disk of that file. */
export async function watchDisk(
  database: string,
  { journal, health }: Pick<Surroundings, "journal" | "health">,
): Promise<DiskReserve> {
  let isFull = false;
  return await DiskReserve.open({
    database,
    // the disk's time is the real one, whatever clock the server runs by
    clock: systemClock,
    onLook: (missing) => {
      if (missing === undefined) journal.note("INFO", "there is room on the disk again: new mail is taken");
      else {
        const room = formatSize(missing);
        health.raise("disk", `The disk is full: new mail is refused until ${room} more are free`);
        if (!isFull) {
          journal.note("ERROR", "the disk is full: new mail is refused, all else goes on", {
            database,
            missing: room,
          });
        }
      }
      isFull = missing !== undefined;
    },
    onRoom: (room, disk) => {
      const isLow = room < Math.min(GIB, disk * NEARLY_FULL);
      health.set(
        "disk",
        isLow ? `The disk is nearly full: ${formatSize(room)} are left for mail` : undefined,
      );
    },
  });
}

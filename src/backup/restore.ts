/**
 * A backup back into a data directory: unpacked into a folder of its own within it, checked there, and only then moved to
 * its place. While that folder is there nobody can take the directory, and the next restore begins anew.
 */

import { dirname, join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { formatSize } from "../base/units.ts";
import { lockDataDir, UNFINISHED } from "../storage/data_dir.ts";
import { diskOf } from "../storage/disk_reserve.ts";
import * as keys from "../storage/keys.ts";
import { openStore, type Store } from "../storage/store.ts";
import { type BackupAbout, BackupBroken, readBackup } from "./archive.ts";
import { NO_DATA } from "./no_data.ts";

/** The data directory can't take a backup: there is something in it, or there is no room. */
export class RestoreRefused extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "RestoreRefused";

  /** `message` is a sentence for people. */
  constructor(readonly kind: "taken" | "room", message: string) {
    super(message);
  }
}

/**
 * Restores a backup. When it fails, the data directory is as empty as before.
 * @throws {RestoreRefused}, {BackupBroken}, `StoreInUse`, and a `StorageError` for a store that this program can't open.
 */
export async function restoreBackup(
  source: AsyncIterable<Uint8Array>,
  dataDir: string,
): Promise<BackupAbout> {
  await refuseTaken(dataDir); // before a lock is put beside what is no data directory at all
  const isOurs = !await exists(dataDir);
  const lock = await lockDataDir(dataDir, { restoring: true });
  const draft = join(dataDir, UNFINISHED);
  let isWhole = false;
  try {
    await refuseTaken(dataDir);
    await removeData(dataDir);
    await Deno.mkdir(draft, { mode: 0o700 });
    const about = await unpack(source, draft);
    isWhole = true;
    for (const { name } of [...Deno.readDirSync(draft)]) {
      await Deno.rename(join(draft, name), join(dataDir, name));
    }
    await Deno.remove(draft);
    return about;
  } catch (error) {
    // what is whole and was being moved stays, for the next restore to begin anew
    if (!isWhole && await exists(draft)) {
      await Deno.remove(draft, { recursive: true });
      if (isOurs) await Deno.remove(dataDir, { recursive: true });
    }
    throw error;
  } finally {
    lock.release();
  }
}

/** A directory in which a restore has not come to its end holds only what that restore has put there. */
async function refuseTaken(dataDir: string): Promise<void> {
  if (await exists(join(dataDir, UNFINISHED))) return;
  try {
    for await (const { name } of Deno.readDir(dataDir)) {
      if (NO_DATA.test(name)) continue;
      throw new RestoreRefused(
        "taken",
        `The data directory ${dataDir} is not empty (${name}): a backup goes into an empty one`,
      );
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What the system says of a file where another one is. */
const TAKEN = [Deno.errors.AlreadyExists, Deno.errors.NotADirectory, Deno.errors.IsADirectory];

/** What an interrupted restore has left: the folder that says so goes last. */
async function removeData(dataDir: string): Promise<void> {
  const names = Array.from(Deno.readDirSync(dataDir), ({ name }) => name)
    .filter((name) => !NO_DATA.test(name) && name !== UNFINISHED);
  for (const name of names) await Deno.remove(join(dataDir, name), { recursive: true });
  if (await exists(join(dataDir, UNFINISHED))) {
    await Deno.remove(join(dataDir, UNFINISHED), { recursive: true });
  }
}

async function unpack(source: AsyncIterable<Uint8Array>, draft: string): Promise<BackupAbout> {
  const about = await readBackup(source, {
    about: async ({ bytes }) => {
      const { free } = await diskOf(join(draft, "."));
      if (free >= bytes) return;
      throw new RestoreRefused(
        "room",
        `The backup takes ${formatSize(bytes)}, and ${formatSize(free)} are free at ${dirname(draft)}`,
      );
    },
    file: async (name, content) => {
      const [first] = name.split("/");
      if (NO_DATA.test(first!)) return await skip(content); // older versions took it along
      if (first === UNFINISHED) throw new BackupBroken(`there should be no file ${name}`);
      try {
        const path = join(draft, name);
        await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await write(path, content);
      } catch (error) {
        if (!TAKEN.some((kind) => error instanceof kind)) throw error;
        throw new BackupBroken(`there should be no file ${name}: another one is in its place`);
      }
    },
  });
  const location = join(draft, "dinopost.db");
  if (!await exists(location)) throw new BackupBroken("there is no store in it");
  // only a store that opens is moved to its place
  const store = await openStore({ location, clock: systemClock });
  try {
    await markRestored(store);
  } finally {
    await store.close();
  }
  return about;
}

/**
 * What was told of mailboxes since the backup was made is not in it: by this mark they give other numbers from now on, so
 * that no client takes one message for another (see `mailbox/folder_loading.ts`).
 */
async function markRestored(store: Store): Promise<void> {
  const value = systemRandom.bytes(12).toBase64({ alphabet: "base64url" });
  await store.write({ mutations: [{ type: "set", key: keys.restored, value }], size: 60 });
}

async function skip(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of content);
}

async function write(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  try {
    for await (const piece of content) {
      for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
    }
    await file.sync();
  } finally {
    file.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

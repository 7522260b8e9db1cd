/** The lock of the data directory: it belongs to one server at a time. */

import { join } from "node:path";
import { decode, encode } from "../base/bytes.ts";
import { StorageError } from "./storage_error.ts";

/** The folder that is in a data directory while a backup is restored into it, and stays when that is interrupted. */
export const UNFINISHED = "restore.unfinished";

/** Another server uses the data directory. */
export class StoreInUse extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "StoreInUse";

  /** `pid` is that server's process, when the lock file names it. */
  constructor(readonly dir: string, readonly pid?: number) {
    const who = pid === undefined ? "another server" : `another server (process ${pid})`;
    super(`The data directory ${dir} is used by ${who}: stop that one, or use another data directory.`);
  }
}

/** A data directory that is ours. */
export interface DataDirLock {
  /** Lets others have it; a second call does nothing. The end of the process does the same, however it ends. */
  release(): void;
}

/**
 * Makes the directory when it is missing (for its owner alone) and takes it for this process.
 * @throws {StoreInUse} when another server, or another part of this process, has it.
 * @throws {StorageError} when a restore was interrupted in it, and `restoring` does not say that this is the next one.
 */
export async function lockDataDir(dir: string, { restoring = false } = {}): Promise<DataDirLock> {
  await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  // The file stays when the lock is released: were it deleted, two servers could lock two files of that name.
  const file = await Deno.open(join(dir, "lock"), { read: true, write: true, create: true, mode: 0o600 });
  try {
    if (!await file.tryLock(true)) throw new StoreInUse(dir, await readPid(file));
    if (!restoring) await refuseUnfinished(dir);
    await file.truncate();
    // a full disk takes no number, and a server must start there all the same
    await file.write(encode(`${Deno.pid}\n`)).catch(() => {});
  } catch (error) {
    file.close();
    throw error;
  }
  let held = true;
  return {
    release() {
      if (held) file.close();
      held = false;
    },
  };
}

/** A server would begin with half of the data, or with none. */
async function refuseUnfinished(dir: string): Promise<void> {
  try {
    await Deno.stat(join(dir, UNFINISHED));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  throw new StorageError(
    "failed",
    `A backup was not restored to its end in ${dir}: call "dinopost restore" again, or empty the directory.`,
  );
}

async function readPid(file: Deno.FsFile): Promise<number | undefined> {
  const bytes = new Uint8Array(32);
  const length = await file.read(bytes) ?? 0;
  const pid = /^(\d+)\n/.exec(decode(bytes.subarray(0, length)))?.[1];
  return pid === undefined ? undefined : Number(pid);
}

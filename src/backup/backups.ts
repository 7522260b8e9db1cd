/** Backups of a running server: the store as it is at one instant, and the other files of the data directory. */

import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { formatSize } from "../base/units.ts";
import { diskOf, LEAST_ROOM_BYTES, RESERVE_BYTES } from "../storage/disk_reserve.ts";
import type { BodyFiles } from "../storage/bodies/files.ts";
import type { BackupFile } from "./archive.ts";
import { NO_DATA } from "./no_data.ts";
import { BackupRefused } from "./refused.ts";
import { removeSnapshot, snapshotOf } from "./snapshot.ts";

const DATABASE = "dinopost.db";
const SNAPSHOT = "backup.snapshot";
/** What belongs to the running process, or is in the snapshot. */
const LEFT_OUT =
  /^(?:dinopost\.db(?:-(?:wal|shm|journal))?|reserve|admin\.json(?:\.new)?|backup\.snapshot(?:-.*)?)$/;

/** What a {@linkcode Backups} works with. */
export interface BackupsOptions {
  /** With an embedded store in it, and its lock held. */
  readonly dataDir: string;
  readonly clock: Clock;
  /** The program's. */
  readonly version: string;
}

/** Makes backups of a data directory in use, one at a time. */
export class Backups {
  /** The large bodies of the store, once it is open: what a copy of it names is not removed before it is copied, too. */
  files: BodyFiles | undefined;
  readonly #options: BackupsOptions;
  #busy = false;

  /** Nothing is done before {@linkcode make}. */
  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  /**
   * Copies the store beside itself, and resolves with the archive: a stream that has to be read or cancelled.
   * @throws {BackupRefused} when there can be none now.
   */
  async make(): Promise<ReadableStream<Uint8Array>> {
    if (this.#busy) throw new BackupRefused("busy", "A backup is being made; there is one at a time");
    this.#busy = true;
    let store: Deno.FsFile | undefined;
    const letGo = this.files?.hold();
    const over = () => {
      letGo?.();
      store?.close();
      this.#busy = false;
    };
    try {
      const { dataDir, clock, version } = this.#options;
      store = await this.#snapshot();
      const { size } = await store.stat();
      const names: string[] = [];
      let bytes = size;
      for await (const { name, size } of filesBelow(dataDir)) {
        names.push(name);
        bytes += size;
      }
      const createdAt = new Date(clock.now()).toISOString();
      const content = contentOf(store, size);
      const { BACKUP_FORMAT, packBackup } = await import("./archive.ts"); // what a start does without
      return packBackup(
        { format: BACKUP_FORMAT, version, createdAt, bytes },
        contents(dataDir, names, { name: DATABASE, size, content }),
        over,
      );
    } catch (error) {
      over();
      throw error;
    }
  }

  /** The store as it is now, opened; the copy lives only as long as it is open, whatever happens to this process. */
  async #snapshot(): Promise<Deno.FsFile> {
    const { dataDir } = this.#options;
    const path = join(dataDir, SNAPSHOT);
    await removeSnapshot(path);
    await checkRoom(dataDir);
    await snapshotOf(join(dataDir, DATABASE), path);
    try {
      return await Deno.open(path);
    } finally {
      await removeSnapshot(path);
    }
  }
}

/** Removes what a server has left that was killed while it made a backup. */
export async function removeUnfinishedBackup(dataDir: string): Promise<void> {
  await removeSnapshot(join(dataDir, SNAPSHOT));
}

/** The copy may be as large as the database and its log; mail that comes meanwhile needs room, too. */
async function checkRoom(dataDir: string): Promise<void> {
  const database = join(dataDir, DATABASE);
  let need = RESERVE_BYTES + LEAST_ROOM_BYTES;
  for (const path of [database, `${database}-wal`]) {
    need += (await Deno.stat(path).catch(() => ({ size: 0 }))).size;
  }
  const { free } = await diskOf(database);
  if (free >= need) return;
  throw new BackupRefused(
    "room",
    `A backup needs ${formatSize(need)} in ${dataDir} for a while, and ${formatSize(free)} are free`,
  );
}

/** The other files first, opened one after the other: they are read before the store, which takes long, goes out. */
async function* contents(
  dataDir: string,
  names: readonly string[],
  store: BackupFile,
): AsyncGenerator<BackupFile> {
  for (const name of names) {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(join(dataDir, name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue; // it has just gone
      throw error;
    }
    try {
      const { size } = await file.stat();
      yield { name, size, content: contentOf(file, size) };
    } finally {
      file.close();
    }
  }
  yield store;
}

const PIECE = 256 * 1024;

/** So many octets; more may have come since. */
async function* contentOf(file: Deno.FsFile, size: number): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0;) {
    const piece = new Uint8Array(Math.min(PIECE, left));
    const length = await file.read(piece);
    if (length === null) throw new Error("A file of the data directory was cut while it was read");
    left -= length;
    yield piece.subarray(0, length);
  }
}

/** The files below a folder, by their paths within it; links to files and folders are followed. */
async function* filesBelow(
  dir: string,
  within = "",
  seen = new Set<string>(),
): AsyncGenerator<{ name: string; size: number }> {
  const here = join(dir, within);
  const real = await Deno.realPath(here);
  if (seen.has(real)) return;
  seen.add(real);
  for await (const entry of Deno.readDir(here)) {
    if (within === "" && (LEFT_OUT.test(entry.name) || NO_DATA.test(entry.name))) continue;
    const name = within === "" ? entry.name : `${within}/${entry.name}`;
    try {
      const { isFile, isDirectory, size } = await Deno.stat(join(dir, name));
      if (isDirectory) yield* filesBelow(dir, name, seen);
      else if (isFile) yield { name, size };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it has just gone
    }
  }
}

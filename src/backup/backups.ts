/** Backups of a running server: the store as it is at one instant, and the other files of the data directory. */

import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { formatSize } from "../base/units.ts";
import { diskOf, LEAST_ROOM_BYTES, RESERVE_BYTES } from "../storage/disk_reserve.ts";
import { BACKUP_FORMAT, type BackupFile, packBackup } from "./archive.ts";
import { removeSnapshot, snapshotOf } from "./snapshot.ts";

const DATABASE = "dinopost.db";
const SNAPSHOT = "backup.snapshot";
/** What belongs to the running process, or is in the snapshot. */
const LEFT_OUT = /^(?:dinopost\.db(?:-.*)?|lock|reserve|admin\.json(?:\.new)?|backup\.snapshot(?:-.*)?)$/;

/** Why there can be no backup now: one is being made, or the disk has no room for it. */
export class BackupRefused extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "BackupRefused";

  /** `message` is a sentence for people. */
  constructor(readonly kind: "busy" | "room", message: string) {
    super(message);
  }
}

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
    let files: DataFile[] = [];
    try {
      files = await this.#files();
      const { clock, version } = this.#options;
      const about = {
        format: BACKUP_FORMAT,
        version,
        createdAt: new Date(clock.now()).toISOString(),
        bytes: files.reduce((sum, { size }) => sum + size, 0),
      };
      return packBackup(about, contentsOf(files), () => this.#over(files));
    } catch (error) {
      this.#over(files);
      throw error;
    }
  }

  /** All that goes into the archive, opened: what is replaced from now on is in it as it was. */
  async #files(): Promise<DataFile[]> {
    const { dataDir } = this.#options;
    const snapshot = join(dataDir, SNAPSHOT);
    await removeSnapshot(snapshot);
    await checkRoom(dataDir);
    await snapshotOf(join(dataDir, DATABASE), snapshot);
    const files: DataFile[] = [];
    try {
      files.push(await open(snapshot, DATABASE));
      await removeSnapshot(snapshot); // it lives as long as it is open, whatever happens to this process
      for await (const name of namesBelow(dataDir)) {
        try {
          files.push(await open(join(dataDir, name), name));
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error; // it has just gone
        }
      }
      return files;
    } catch (error) {
      for (const { file } of files) file.close();
      throw error;
    }
  }

  #over(files: readonly DataFile[]): void {
    for (const { file } of files) file.close();
    this.#busy = false;
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

interface DataFile {
  readonly name: string;
  readonly size: number;
  readonly file: Deno.FsFile;
}

async function open(path: string, name: string): Promise<DataFile> {
  const file = await Deno.open(path);
  try {
    return { name, file, size: (await file.stat()).size };
  } catch (error) {
    file.close();
    throw error;
  }
}

async function* contentsOf(files: readonly DataFile[]): AsyncGenerator<BackupFile> {
  for (const { name, size, file } of files) yield { name, size, content: contentOf(file, size) };
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
async function* namesBelow(dir: string, within = "", seen = new Set<string>()): AsyncGenerator<string> {
  const here = join(dir, within);
  const real = await Deno.realPath(here);
  if (seen.has(real)) return;
  seen.add(real);
  for await (const { name } of Deno.readDir(here)) {
    if (within === "" && LEFT_OUT.test(name)) continue;
    const path = within === "" ? name : `${within}/${name}`;
    const { isFile, isDirectory } = await Deno.stat(join(dir, path));
    if (isDirectory) yield* namesBelow(dir, path, seen);
    else if (isFile) yield path;
  }
}

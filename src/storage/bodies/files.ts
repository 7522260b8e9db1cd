/**
 * The files of large bodies beside an embedded store: a file takes content at the disk's speed, where rows of the
 * database go through its log and its pages. What a file means is said by the store alone (`bodies.ts`).
 */

import { messageOf } from "../../base/errors.ts";
import { dirname, join } from "node:path";
import { StorageError, storageErrorOf } from "../storage_error.ts";

/** Room on the disk, and who has to hear when there was none. */
export interface RoomForFiles {
  /** Is there room for so many bytes of content? */
  admits(size: number): boolean;
  /** A write failed for want of room. */
  failed(): void;
}

/** The folder, and the files in it: one for each large body, by its id. */
export class BodyFiles {
  /** The room that is kept on the disk; undefined: nobody looks after it. */
  room: RoomForFiles | undefined;
  /** Called when files wait to be removed: a commit has let their bodies go. */
  onReleased: (() => void) | undefined;
  readonly #dir: string;
  #isThere = false;
  /** The folder's own name is durable. */
  #isKnown = false;
  /** The sync of the folder that is under way, and the one behind it. */
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;
  #holds = 0;
  /** The octets of all files; undefined: nobody has asked. */
  #octets: number | undefined;
  #looking: Promise<void> | undefined;

  /** Nothing is made before the first file. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Begins the file of a body; there must be none of that id. Rejects with a {@linkcode StorageError}. */
  async create(id: string): Promise<BodyFile> {
    try {
      if (!this.#isThere) await Deno.mkdir(this.#dir, { recursive: true, mode: 0o700 });
      this.#isThere = true;
      const file = await Deno.open(join(this.#dir, id), { write: true, createNew: true, mode: 0o600 });
      return new BodyFile(file, this);
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** Opens the file of a body for reading; undefined when there is none. */
  async open(id: string): Promise<Deno.FsFile | undefined> {
    return await there(Deno.open(join(this.#dir, id)));
  }

  /** The size of a body's file in bytes; undefined when there is none. */
  async size(id: string): Promise<number | undefined> {
    return (await there(Deno.stat(join(this.#dir, id))))?.size;
  }

  /** The ids of all files. */
  async *ids(): AsyncGenerator<string> {
    const names = await there(Promise.resolve().then(() => [...Deno.readDirSync(this.#dir)]));
    for (const { name, isFile } of names ?? []) if (isFile) yield name;
  }

  /** Removes a file; that there is none is as good. */
  async remove(id: string): Promise<void> {
    const size = this.#octets === undefined ? 0 : await this.size(id) ?? 0;
    await there(Deno.remove(join(this.#dir, id)));
    this.grew(-size);
  }

  /** The octets of all files: looked for once, and kept from then on. */
  async octets(): Promise<number> {
    await (this.#looking ??= this.#look());
    return this.#octets!;
  }

  async #look(): Promise<void> {
    this.#octets = 0; // what comes and goes from here on is counted
    for (const id of await Array.fromAsync(this.ids())) this.grew(await this.size(id) ?? 0);
  }

  /**
   * So much was written.
   * @internal
   */
  grew(octets: number): void {
    if (this.#octets !== undefined) this.#octets += octets;
  }

  /** Are the files of stored bodies to stay where they are for now? */
  get held(): boolean {
    return this.#holds > 0;
  }

  /** Until what this answers is called no stored body loses its file: a backup copies what its snapshot names. */
  hold(): () => void {
    this.#holds++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--this.#holds === 0) this.onReleased?.();
    };
  }

  /**
   * Makes the names of all files that are there now durable. Whoever comes while that is under way waits for the next
   * time, together with all others.
   * @internal
   */
  syncNames(): Promise<void> {
    if (!this.#syncing) {
      return this.#syncing = this.#syncDir().finally(() => this.#syncing = undefined);
    }
    return this.#nextSync ??= this.#syncing.catch(() => {}).then(() => {
      this.#nextSync = undefined;
      return this.syncNames();
    });
  }

  async #syncDir(): Promise<void> {
    if (Deno.build.os === "windows") return; // its folders can't be opened, and need not be
    await syncFolder(this.#dir);
    if (this.#isKnown) return;
    await syncFolder(dirname(this.#dir));
    this.#isKnown = true;
  }

  /**
   * What an error of the system means for the store.
   * @internal
   */
  failure(error: unknown): StorageError {
    if (error instanceof StorageError) return error;
    const isFull = /\(os error (?:28|122|5|112)\)/.test(messageOf(error)) || storageErrorOf(error) === "full";
    if (isFull) this.room?.failed();
    const what = isFull ? "The store's disk is full or fails" : "A message's file could not be written";
    return new StorageError(isFull ? "full" : "failed", `${what}: ${messageOf(error)}.`, error);
  }
}

/** The file of one body while it is written, piece after piece. All calls reject with a {@linkcode StorageError}. */
export class BodyFile {
  /** How many bytes were handed to {@linkcode write}. */
  size = 0;
  readonly #file: Deno.FsFile;
  readonly #files: BodyFiles;
  #closed = false;

  /** What {@linkcode BodyFiles.create} has opened. */
  constructor(file: Deno.FsFile, files: BodyFiles) {
    this.#file = file;
    this.#files = files;
  }

  /** Appends; one call at a time, and the bytes must stay as they are until it is done. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#files.room?.admits(bytes.length) === false) {
      throw new StorageError("full", "The store's disk is full.");
    }
    this.size += bytes.length;
    this.#files.grew(bytes.length);
    try {
      for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    } catch (error) {
      throw this.#files.failure(error);
    }
  }

  /** Makes all that was written durable, and that the file is there. */
  async sync(): Promise<void> {
    try {
      await Promise.all([this.#file.syncData(), this.#files.syncNames()]);
    } catch (error) {
      throw this.#files.failure(error);
    }
  }

  /** Closes it; a second call does nothing. */
  close(): void {
    if (!this.#closed) this.#file.close();
    this.#closed = true;
  }
}

/** Makes the names in a folder durable. */
async function syncFolder(path: string): Promise<void> {
  const folder = await Deno.open(path);
  try {
    await folder.sync();
  } finally {
    folder.close();
  }
}

/** What is there, or undefined. */
async function there<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Room on the disk of an embedded store. SQLite can't even delete on a full disk: its log has to grow, and to be
 * written back into the file. So a file beside the store keeps some room, and is given up when a write fails; message
 * content, which alone fills a disk, is not taken any more before that. Measured on a disk of 24 MB: all deletes
 * succeed with 0.5 MiB; the most that SQLite can ask for is its log of 4 MiB, anew at a start, and the same once more
 * in the file.
 */

import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Clock, Timer } from "../base/clock.ts";

const MIB = 1024 * 1024;
/** What deleting may need. */
export const RESERVE_BYTES = 8 * MIB;
/** With less than this beside the reserve no message is taken any more; it takes twice as much to go on. */
export const LEAST_ROOM_BYTES = 2 * MIB;

/** How often is looked, while there is room, and while there is none. */
const LOOK_MS = 60_000;
const LOOK_FULL_MS = 2_000;
/** The reserve is written in pieces of this; beside one that is not whole so much is left to others. */
const PIECE = 256 * 1024;
/** With so much room on the disk nobody asks what is free within the store's file. */
const PLENTY = 1024 * MIB;
/** A message takes so much more than its octets: pages, rows, the log. */
const OVERHEAD = 1.25;

/** What a {@linkcode DiskReserve} works with. */
export interface DiskReserveOptions {
  /** The store's file. */
  readonly database: string;
  readonly clock: Clock;
  /** Told how many octets are missing while the disk is full, each time it is looked; undefined: there is room again. */
  onLook(missing: number | undefined): void;
  /** Told at each look how many octets messages may still take, and how large the disk is. */
  onRoom?(room: number, disk: number): void;
}

/** Keeps the room, and knows whether there is any. */
export class DiskReserve {
  readonly #options: DiskReserveOptions;
  readonly #path: string;
  /** Octets of the reserve that are there. */
  #held = 0;
  /** How often the reserve was given up. */
  #given = 0;
  /** What messages may still take before it is looked again. */
  #budget = Infinity;
  #isFull = false;
  #isTold = false;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #closed = false;

  private constructor(options: DiskReserveOptions) {
    this.#options = options;
    this.#path = join(dirname(options.database), "reserve");
  }

  /** Before the store is opened: when nothing at all is free, the reserve is given up for the opening itself. */
  static async open(options: DiskReserveOptions): Promise<DiskReserve> {
    const reserve = new DiskReserve(options);
    reserve.#held = await sizeOf(reserve.#path);
    if ((await diskOf(options.database)).free < PIECE) await reserve.giveUp();
    return reserve;
  }

  /** The store is open: looks at once, and from time to time. */
  start(): void {
    this.#look();
  }

  /** No more looking; what is under way ends. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  /** How often the reserve was given up: who fails may try again when that was meanwhile. */
  get given(): number {
    return this.#given;
  }

  /** Is there no room for message content? */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Is there room for message content of that size? */
  admits(size: number): boolean {
    if (this.#isFull) return false;
    this.#budget -= size * OVERHEAD;
    if (this.#budget >= 0) return true;
    this.#look();
    return true; // the measure decides about the next one
  }

  /** A write failed for want of room: no more content, for now. */
  failed(): void {
    this.#isFull = true;
    this.#look();
  }

  /** Gives the reserve up, for a write that frees room or takes little. */
  async giveUp(): Promise<void> {
    if (this.#held === 0) return;
    this.#held = 0;
    this.#given++;
    await Deno.remove(this.#path).catch(() => {});
    await this.#looking; // it may have the file open
  }

  #look(): void {
    this.#timer?.cancel();
    this.#looking ??= this.#measure().catch(() => {}).then(() => {
      this.#looking = undefined;
      if (this.#closed) return;
      const wholeAndFree = !this.#isFull && this.#held >= RESERVE_BYTES;
      this.#timer = this.#options.clock.schedule(wholeAndFree ? LOOK_MS : LOOK_FULL_MS, () => this.#look());
    });
  }

  async #measure(): Promise<void> {
    const { database } = this.#options;
    const given = this.#given;
    let { free, size } = await diskOf(database);
    if (this.#held < RESERVE_BYTES && free > 2 * PIECE) {
      await this.#fill(Math.min(RESERVE_BYTES, this.#held + free - PIECE));
      ({ free, size } = await diskOf(database));
    }
    if (given !== this.#given) return; // somebody needed it just now
    const within = free > PLENTY && !this.#isFull ? 0 : freeInFile(database);
    const usable = this.#isFull ? await this.#usable(free) : free;
    this.#budget = usable + within - (RESERVE_BYTES - this.#held) - LEAST_ROOM_BYTES;
    if (this.#budget < (this.#isFull ? LEAST_ROOM_BYTES : 0)) {
      this.#isFull = true;
      this.#isTold = true;
      this.#options.onLook(Math.ceil(LEAST_ROOM_BYTES - this.#budget));
    } else {
      this.#isFull = false;
      if (this.#isTold) this.#options.onLook(undefined);
      this.#isTold = false;
      this.#options.onRoom?.(this.#budget, size);
    }
  }

  /**
   * What of the free room can be had: the system may say nothing, or what a quota does not let us have. So when it
   * seems enough, as much is written as messages have to have.
   */
  async #usable(free: number): Promise<number> {
    const enough = 2 * LEAST_ROOM_BYTES;
    if (free < enough) return free;
    await this.#fill(RESERVE_BYTES + enough);
    const written = this.#held - RESERVE_BYTES;
    if (written <= 0) return 0;
    await Deno.truncate(this.#path, RESERVE_BYTES);
    this.#held = RESERVE_BYTES;
    return written < enough ? written : free;
  }

  /** Makes the reserve so large, or as large as may be. */
  async #fill(size: number): Promise<void> {
    const given = this.#given;
    const file = await Deno.open(this.#path, { append: true, create: true, mode: 0o600 });
    try {
      while (this.#held < size && given === this.#given && !this.#closed) {
        const written = await file.write(noise(Math.min(PIECE, size - this.#held)));
        if (given === this.#given) this.#held += written;
      }
    } catch {
      // there is no room for more
    } finally {
      file.close();
    }
  }
}

/** Octets that no file system stores in less room. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** The disk of that file: what may be written on it, as much as one likes where the system does not say, and its size. */
export async function diskOf(file: string): Promise<{ free: number; size: number }> {
  try {
    const { bavail, bsize, blocks } = await statfs(dirname(file));
    return { free: bavail * bsize, size: blocks * bsize };
  } catch {
    return { free: Infinity, size: Infinity };
  }
}

/** What was deleted is free within the database, whose file never shrinks. By SQLite, which alone may open it. */
function freeInFile(database: string): number {
  try {
    const db = new DatabaseSync(database, { readOnly: true });
    try {
      const pages = db.prepare("PRAGMA freelist_count").get()?.freelist_count;
      const size = db.prepare("PRAGMA page_size").get()?.page_size;
      return Number(pages ?? 0) * Number(size ?? 0);
    } finally {
      db.close();
    }
  } catch {
    return 0; // a database that is only being made
  }
}

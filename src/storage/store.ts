/** In charge of opening and closing the one store that everything durable is in. */

import { dirname } from "node:path";
import type { Clock } from "../base/clock.ts";
import { CommitChain } from "./commit_chain.ts";
import { CommitGroup } from "./commit_group.ts";
import type { DiskReserve } from "./disk_reserve.ts";
import * as keys from "./keys.ts";
import { EMBEDDED_LIMITS, KV_CONNECT_LIMITS, lessOf, type Limits } from "./limits.ts";
import { messageOf, StorageError, troubleOf } from "./storage_error.ts";
import type { Write, Writer, WriteResult } from "./write.ts";

/** The version of what the store's keys and values mean. */
export const FORMAT = 1;

/** The store. Reads go to `kv` itself, writes only through {@linkcode Store.write}. */
export interface Store extends Writer {
  /** For reading and watching. */
  readonly kv: Deno.Kv;
  /** True when this process is the only one that has it; false over KV Connect. */
  readonly embedded: boolean;
  /** The most that one write takes. */
  readonly limits: Limits;
  /** True while the disk is known to be full: a write with message content is refused at once, others may succeed. */
  readonly isFull?: boolean;
  /** Resolves when the write is durable; rejects with a `StorageError` when that can't be. */
  write(change: Write): Promise<WriteResult>;
  /** Takes no more writes, waits for those in flight, and closes KV. A second call does nothing more. */
  close(): Promise<void>;
}

/** How to open a store. */
export interface StoreOptions {
  /** A file's path (its folder is made when missing), `:memory:`, or a KV Connect URL (`https://…`). */
  readonly location: string;
  /** For pauses between tries. */
  readonly clock: Clock;
  /** Is told of trouble that the store gets over by itself, such as a locked file. */
  readonly onTrouble?: (what: string, error: unknown) => void;
  /** Is told of each commit: how many writes it had, and how long it took in milliseconds. */
  readonly onCommit?: (writes: number, ms: number) => void;
  /** Keeps room for an embedded store in a file; closed with the store. */
  readonly reserve?: DiskReserve | undefined;
}

/**
 * Opens a store, and marks a new one with the format's version.
 * @throws {StorageError} when it can't be opened, is no store of dinopost, or was written by a newer one.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { location } = options;
  const remote = /^https?:\/\//.test(location);
  const kv = await openKv(options, remote);
  const store = new KvStore(kv, !remote, options);
  try {
    await checkFormat(store, location);
  } catch (error) {
    await store.close();
    throw openError(location, error);
  }
  options.reserve?.start();
  return store;
}

class KvStore implements Store {
  readonly limits: Limits;
  readonly #group: CommitGroup;
  readonly #reserve: DiskReserve | undefined;
  #closing: Promise<void> | undefined;

  constructor(readonly kv: Deno.Kv, readonly embedded: boolean, options: StoreOptions) {
    const chain = embedded ? undefined : new CommitChain(kv, options);
    this.limits = chain ? lessOf(KV_CONNECT_LIMITS, chain.cost) : EMBEDDED_LIMITS;
    this.#reserve = options.reserve;
    this.#group = new CommitGroup(kv, { ...options, chain, limits: this.limits });
  }

  get isFull(): boolean {
    return this.#reserve?.isFull ?? false;
  }

  write(change: Write): Promise<WriteResult> {
    return this.#reserve ? this.#withReserve(change, this.#reserve) : this.#group.write(change);
  }

  /** Message content fills a disk and is refused in time; everything else is small or frees room, and must succeed. */
  async #withReserve(change: Write, reserve: DiskReserve): Promise<WriteResult> {
    const isContent = change.mutations.some((m) => m.type === "set" && keys.isBody(m.key));
    if (isContent && !reserve.admits(change.size)) {
      throw new StorageError("full", "The store's disk is full.");
    }
    const { given } = reserve;
    try {
      return await this.#group.write(change);
    } catch (error) {
      if (troubleOf(error) !== "full") throw error;
      reserve.failed();
      if (isContent) throw error;
      await reserve.giveUp();
      if (reserve.given === given) throw error;
      return await this.#group.write(change);
    }
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    await this.#group.close();
    await this.#reserve?.close();
    this.kv.close();
  }
}

async function openKv({ location, onTrouble }: StoreOptions, remote: boolean): Promise<Deno.Kv> {
  try {
    if (!remote && location !== ":memory:") {
      await Deno.mkdir(dirname(location), { recursive: true, mode: 0o700 });
      await keepPrivate(location).catch((error) => onTrouble?.("store not private", error));
    }
    return await Deno.openKv(location);
  } catch (error) {
    throw openError(location, error);
  }
}

/**
 * Mail and passwords are the owner's alone, whatever the folder and the umask allow. SQLite gives its `-wal` and
 * `-shm` the mode that the database has.
 */
async function keepPrivate(location: string): Promise<void> {
  if (Deno.build.os === "windows") return; // its files have no such mode
  try {
    (await Deno.open(location, { write: true, createNew: true, mode: 0o600 })).close();
  } catch (error) {
    // One that is there is not opened: closing it would end the locks that SQLite has on it in this process.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  for (const file of [location, `${location}-wal`, `${location}-shm`]) {
    try {
      const { mode } = await Deno.stat(file);
      if (mode !== null && (mode & 0o077) !== 0) await Deno.chmod(file, 0o600);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function checkFormat(store: Store, location: string): Promise<void> {
  const value = await readFormat(store) ?? await markFormat(store, location);
  if (value === FORMAT) return;
  throw new StorageError(
    "failed",
    typeof value === "number" && value > FORMAT
      ? `${location} has the format ${value} of a newer dinopost; this one knows the format ${FORMAT}: ` +
        `run the newer one, or use another data directory.`
      : `${location} has an unknown format (${String(value)}); this dinopost knows the format ${FORMAT}.`,
  );
}

async function readFormat(store: Store): Promise<unknown> {
  return (await store.kv.get(keys.format)).value;
}

/** Marks a new store; answers the format it has then. */
async function markFormat(store: Store, location: string): Promise<unknown> {
  for await (const _ of store.kv.list({ prefix: [] }, { limit: 1 })) {
    // another server may have made the same shared store just now
    const value = await readFormat(store);
    if (value !== null) return value;
    throw new StorageError("failed", `${location} holds the data of another program: give dinopost its own.`);
  }
  const check = { key: keys.format, versionstamp: null };
  const mark = { type: "set", key: keys.format, value: FORMAT } as const;
  const written = await store.write({ checks: [check], mutations: [mark], size: 32 });
  return written.ok ? FORMAT : await readFormat(store);
}

function openError(location: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const reason = messageOf(error);
  let what = `can't be opened: ${reason}`;
  if (/not a database/i.test(reason)) {
    what = "is not a Deno KV database: move it away, or use another data directory";
  } else if (/malformed|corrupt/i.test(reason)) what = `is damaged (${reason}): put a backup in its place`;
  else if (troubleOf(error) === "locked") what = "is in use by another process";
  return new StorageError(troubleOf(error), `The store ${location} ${what}.`, error);
}

/** The one store that everything durable is in: opened and closed. */

import { messageOf } from "../base/errors.ts";
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { CommitChain } from "./commit_chain.ts";
import { CommitGroup } from "./commit_group.ts";
import type { DiskReserve } from "./disk_reserve.ts";
import { openEmbedded } from "./embedded_kv.ts";
import { checkFormat } from "./format.ts";
import * as keys from "./keys.ts";
import { MemoryKv } from "./memory_kv.ts";
import type { MemoryStore } from "./memory_store.ts";
import type { NetworkTimes } from "./kv_connect/transport.ts";
import { EMBEDDED_LIMITS, KV_CONNECT_LIMITS, lessOf, type Limits } from "./limits.ts";
import type { Kv } from "./port.ts";
import { StorageError, storageErrorOf } from "./storage_error.ts";
import type { Write, Writer, WriteResult } from "./write.ts";

/** The store. Reads go to `kv` itself, writes only through {@linkcode Store.write}. */
export interface Store extends Writer {
  /** For reading and watching. */
  readonly kv: Kv;
  /** True when this process is the only one that has it; false over KV Connect. */
  readonly embedded: boolean;
  /** The most that one write takes. */
  readonly limits: Limits;
  /** The number of this process on a shared store, which no other has there: it may be another one after a week's sleep. */
  readonly number?: number | undefined;
  /** True while the disk is known to be full: a write with message content is refused at once, others may succeed. */
  readonly isFull?: boolean;
  /** Since when a store behind a network has not answered, in milliseconds since 1970; undefined: it does. */
  readonly silentSince?: number | undefined;
  /** Resolves when the write is durable; rejects with a `StorageError` when that can't be. */
  write(change: Write): Promise<WriteResult>;
  /**
   * Takes no more writes, waits for those in flight, and closes KV. A second call does nothing more. `last` is asked
   * for a write behind which there is none; who closes hears nothing of it.
   */
  close(last?: () => Write | undefined): Promise<void>;
}

/** How to open a store. */
export interface StoreOptions {
  /** A file's path (its folder is made when missing), `:memory:`, or a KV Connect URL (`https://…`). */
  readonly location: string;
  /** Is opened in place of `:memory:`, and not closed with the store. */
  readonly memory?: MemoryStore | undefined;
  /** For pauses between tries. */
  readonly clock: Clock;
  /** Hears of errors that the store gets over by itself, such as a locked file. */
  readonly onError?: (what: string, error: unknown) => void;
  /** Called for each commit: how many writes it had, and how long it took in milliseconds. */
  readonly onCommit?: (writes: number, ms: number) => void;
  /** Keeps room for an embedded store in a file; closed with the store. */
  readonly reserve?: DiskReserve | undefined;
  /** Called when a store behind a network is found silent, and since when, and (undefined) when it answers again. */
  readonly onSilence?: (since: number | undefined) => void;
  /** How long requests over a network may take; for tests. */
  readonly network?: Partial<NetworkTimes>;
}

/**
 * Opens a store, and marks a new one with the format's version.
 * @throws {StorageError} when it can't be opened, is no store of dinopost, or was written by a newer one.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { location } = options;
  let store: KvStore | undefined;
  try {
    store = await open(options);
    await checkFormat(store, { location, onError: options.onError });
    await store.takeNumber();
  } catch (error) {
    await store?.close();
    throw openError(location, error);
  }
  options.reserve?.start();
  return store;
}

async function open(options: StoreOptions): Promise<KvStore> {
  const { location, memory, network, onSilence, onError } = options;
  if (memory) return new KvStore(await memory.open(), true, options);
  if (location === ":memory:") return new KvStore(new MemoryKv(), true, options);
  if (!isRemote(location)) return new KvStore(await openEmbedded(location, onError), true, options);
  let store: KvStore | undefined;
  const { KvConnectClient } = await import("./kv_connect/client.ts"); // what most servers never need
  const kv = await KvConnectClient.open({
    url: location,
    token: Deno.env.get("DENO_KV_ACCESS_TOKEN") ?? "",
    times: network,
    onError,
    onSilence: (since) => {
      if (store) store.silentSince = since;
      onSilence?.(since);
    },
  });
  return store = new KvStore(kv, false, options);
}

function isRemote(location: string): boolean {
  return /^https?:\/\//.test(location);
}

/** Writes that are under way when a store behind a network is closed get this long, in milliseconds. */
const CLOSE_MS = 1000;

class KvStore implements Store {
  readonly limits: Limits;
  silentSince: number | undefined;
  readonly #chain: CommitChain | undefined;
  readonly #group: CommitGroup;
  readonly #reserve: DiskReserve | undefined;
  #closing: Promise<void> | undefined;

  constructor(readonly kv: Kv, readonly embedded: boolean, options: StoreOptions) {
    const chain = this.#chain = embedded ? undefined : new CommitChain(kv, options);
    this.limits = chain ? lessOf(KV_CONNECT_LIMITS, chain.cost) : EMBEDDED_LIMITS;
    this.#reserve = options.reserve;
    if (kv.files) kv.files.room = options.reserve;
    this.#group = new CommitGroup(kv, { ...options, chain, limits: this.limits });
  }

  get number(): number | undefined {
    return this.#chain?.number;
  }

  /** The first commit of a process takes its number: one of nothing else, when there was none yet. */
  async takeNumber(): Promise<void> {
    if (this.#chain && this.number === undefined) await this.#group.write({ mutations: [], size: 0 });
  }

  get isFull(): boolean {
    return this.#reserve?.isFull ?? false;
  }

  write(change: Write): Promise<WriteResult> {
    const { prepared, committed } = change;
    const writing = prepared ? prepared.then(() => this.#commit(change)) : this.#commit(change);
    if (!committed) return writing;
    return writing.then((result) => {
      if (result.ok) committed();
      return result;
    });
  }

  #commit(change: Write): Promise<WriteResult> {
    return this.#reserve ? this.#withReserve(change, this.#reserve) : this.#group.write(change);
  }

  /** Message content fills a disk and is refused in time; everything else is small or frees room, and must succeed. */
  async #withReserve(change: Write, reserve: DiskReserve): Promise<WriteResult> {
    const isContent = hasContent(change);
    if (isContent && !reserve.admits(change.size)) {
      throw new StorageError("full", "The store's disk is full.");
    }
    const { given } = reserve;
    try {
      return await this.#group.write(change);
    } catch (error) {
      if (storageErrorOf(error) !== "full") throw error;
      reserve.failed();
      if (isContent) throw error;
      await reserve.giveUp();
      if (reserve.given === given) throw error;
      return await this.#group.write(change);
    }
  }

  close(last?: () => Write | undefined): Promise<void> {
    return this.#closing ??= this.#close(last?.());
  }

  async #close(last: Write | undefined): Promise<void> {
    if (last) this.write(last).catch(() => {});
    const written = this.#group.close();
    if (!this.embedded) {
      const ended = new AbortController();
      await Promise.race([written.then(() => ended.abort()), sleep(systemClock, CLOSE_MS, ended.signal)]);
      this.kv.close(); // what still waits for an answer is given up
    }
    await written;
    await this.#reserve?.close();
    if (this.embedded) this.kv.close();
  }
}

/** Does the write have message content? */
function hasContent({ mutations }: Write): boolean {
  for (const { type, key } of mutations) if (type === "set" && keys.isBody(key)) return true;
  return false;
}

function openError(location: string, error: unknown): StorageError {
  if (error instanceof StorageError && error.message.includes(location)) return error;
  const reason = messageOf(error).replace(/\.+$/, "");
  let what = `can't be opened: ${reason}`;
  if (/not a database/i.test(reason)) {
    what = "is not a Deno KV database: move it away, or use another data directory";
  } else if (/malformed|corrupt/i.test(reason)) what = `is damaged (${reason}): put a backup in its place`;
  else if (storageErrorOf(error) === "locked") what = "is in use by another process";
  return new StorageError(storageErrorOf(error), `The store ${location} ${what}.`, error);
}

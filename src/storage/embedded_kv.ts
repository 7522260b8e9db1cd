/**
 * Deno's own KV behind the port: a file that this process alone writes to. Reads have a handle of their own:
 * on the writer's one they would wait behind each large commit.
 */

import { messageOf } from "../base/errors.ts";
import { dirname } from "node:path";
import { BodyFiles } from "./bodies/files.ts";
import type { Kv, ListOptions } from "./port.ts";
import { StoppedAtSum } from "./storage_error.ts";

const SUM_FAILED = /^Failed to perform /;

/** The folder of large bodies beside the database at that path. */
export function bodiesBeside(location: string): string {
  return `${location}-bodies`;
}

/** Opens the file at `location`; its folder is made when missing. */
export async function openEmbedded(
  location: string,
  onError?: (what: string, error: unknown) => void,
): Promise<EmbeddedKv> {
  await Deno.mkdir(dirname(location), { recursive: true, mode: 0o700 });
  await keepPrivate(location).catch((error) => onError?.("store not private", error));
  const writer = await Deno.openKv(location);
  try {
    return new EmbeddedKv(writer, await Deno.openKv(location), new BodyFiles(bodiesBeside(location)));
  } catch (error) {
    writer.close();
    throw error;
  }
}

/** An embedded store that is open. */
export class EmbeddedKv implements Kv {
  readonly #writer: Deno.Kv;
  readonly #reader: Deno.Kv;

  /** Reads from one handle, and writes to one; they may be the same. Without `files` all bodies are in rows. */
  constructor(writer: Deno.Kv, reader: Deno.Kv, readonly files?: BodyFiles) {
    this.#writer = writer;
    this.#reader = reader;
  }

  get<T>(key: Deno.KvKey): Promise<Deno.KvEntryMaybe<T>> {
    return this.#reader.get<T>(key);
  }

  getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
  ): Promise<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    return this.#reader.getMany<T>(keys);
  }

  list<T>(selector: Deno.KvListSelector, options?: ListOptions): AsyncIterable<Deno.KvEntry<T>> {
    return this.#reader.list<T>(selector, options);
  }

  async *watch<T>(key: Deno.KvKey, signal: AbortSignal): AsyncGenerator<Deno.KvEntryMaybe<T>> {
    // only the handle that writes hears of it
    const reader = this.#writer.watch<T[]>([key]).getReader();
    const cancel = () => void reader.cancel().catch(() => {});
    signal.addEventListener("abort", cancel, { once: true });
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        yield next.value[0] as Deno.KvEntryMaybe<T>;
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      cancel();
    }
  }

  async commit(
    checks: readonly Deno.AtomicCheck[],
    mutations: readonly Deno.KvMutation[],
  ): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    try {
      return await this.#writer.atomic().check(...checks).mutate(...mutations).commit();
    } catch (error) {
      throw SUM_FAILED.test(messageOf(error)) ? new StoppedAtSum(error) : error;
    }
  }

  close(): void {
    if (this.#reader !== this.#writer) this.#reader.close();
    this.#writer.close();
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

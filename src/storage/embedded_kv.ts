/**
 * Deno's own KV behind the port: a file that this process alone writes to. Reads have handles of their own: on the
 * writer's one they would wait behind each large commit, and on a single one behind each other.
 */

import { eventTurn } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { dirname } from "node:path";
import { BodyFiles } from "./bodies/files.ts";
import { lastCommitOf } from "./last_commit.ts";
import type { Kv, ListOptions } from "./port.ts";
import { StoppedAtSum } from "./storage_error.ts";

/** With two, 50 sessions of IMAP do a fifth more and wait half as long at worst. */
const READERS = 2;

/**
 * After so many entries, some 4 ms of work, the platform looks at its sockets: who goes through a long list is answered
 * as quickly as he asks, and keeps it from that for 61 turns of the event loop.
 */
const BETWEEN_TURNS = 512;

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
  const opened: Deno.Kv[] = [];
  try {
    for (let n = 0; n < 1 + READERS; n++) opened.push(await Deno.openKv(location));
  } catch (error) {
    for (const one of opened) one.close();
    throw error;
  }
  const [writer, ...readers] = opened;
  return new EmbeddedKv(writer!, readers, { location, files: new BodyFiles(bodiesBeside(location)) });
}

/** An embedded store that is open. */
export class EmbeddedKv implements Kv {
  readonly #writer: Deno.Kv;
  readonly #readers: readonly Deno.Kv[];
  readonly #location: string | undefined;
  readonly files: BodyFiles | undefined;
  #turn = 0;

  /** Reads from handles in turn, and writes to one, which may be among them. Without `files` all bodies are in rows. */
  constructor(
    writer: Deno.Kv,
    readers: readonly Deno.Kv[],
    of: { readonly location?: string; readonly files?: BodyFiles } = {},
  ) {
    this.#writer = writer;
    this.#readers = readers;
    this.#location = of.location;
    this.files = of.files;
  }

  lastCommit(): string | undefined {
    return this.#location === undefined ? undefined : lastCommitOf(this.#location);
  }

  get #reader(): Deno.Kv {
    this.#turn = (this.#turn + 1) % this.#readers.length;
    return this.#readers[this.#turn]!;
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
    const entries = this.#reader.list<T>(selector, options);
    return (options?.limit ?? Infinity) < BETWEEN_TURNS ? entries : withTurns(entries);
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
    for (const one of new Set([...this.#readers, this.#writer])) one.close();
  }
}

/** The same entries, and a look at the sockets now and then. */
function withTurns<T>(entries: AsyncIterableIterator<T>): AsyncIterable<T> {
  let count = 0;
  const next = () => ++count % BETWEEN_TURNS === 0 ? eventTurn().then(() => entries.next()) : entries.next();
  return { [Symbol.asyncIterator]: () => ({ next }) };
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

/**
 * The file of a backup: a tar archive (POSIX.1-2001 pax) that any `tar` reads. In front `dinopost-backup.json`, which
 * says what it is; then the files, below `data/`; at the end `SHA256SUMS`, in the form of sha256sum(1), without which an
 * archive is not whole.
 */

import { createHash } from "node:crypto";
import { createTarDecoder, createTarPacker } from "modern-tar";
import { z } from "zod";
import { messageOf } from "../base/errors.ts";
import { concat, decode, encode } from "../base/bytes.ts";

/** The version of the archive's form. */
export const BACKUP_FORMAT = 1;

const ABOUT = "dinopost-backup.json";
const DATA = "data/";
const SUMS = "SHA256SUMS";
/** What is read whole: the words in front, and a line for each file. */
const MAX_TEXT = 16 * 1024 * 1024;

const aboutSchema = z.object({
  format: z.literal(BACKUP_FORMAT),
  version: z.string(),
  createdAt: z.iso.datetime(),
  bytes: z.int().nonnegative(),
});

/** What an archive says of itself. */
export interface BackupAbout {
  /** {@linkcode BACKUP_FORMAT} of who made it. */
  readonly format: number;
  /** The version of dinopost that made it. */
  readonly version: string;
  /** When: ISO 8601, UTC. */
  readonly createdAt: string;
  /** How much its files take together. */
  readonly bytes: number;
}

/** A file that goes into an archive. */
export interface BackupFile {
  /** Its path within the data directory, with `/`. */
  readonly name: string;
  /** How many octets it has. */
  readonly size: number;
  /** The octets: no more and no less than `size`. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** An archive is damaged, cut off, or none that this program reads. */
export class BackupBroken extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "BackupBroken";
}

/** The archive as a stream. `done` is called once: when it was read to its end, was cancelled, or failed. */
export function packBackup(
  about: BackupAbout,
  files: AsyncIterable<BackupFile>,
  done: () => void,
): ReadableStream<Uint8Array> {
  const { readable, controller } = createTarPacker();
  const mtime = new Date(about.createdAt);
  const add = async ({ name, size, content }: BackupFile) => {
    const writer = controller.add({ name, size, mtime, mode: 0o600, type: "file" }).getWriter();
    const hash = createHash("sha256");
    for await (const piece of content) {
      hash.update(piece);
      await writer.write(piece);
    }
    await writer.close();
    return `${hash.digest("hex")}  ${name}\n`;
  };
  const pack = async () => {
    const words = encode(JSON.stringify(about) + "\n");
    let sums = await add({ name: ABOUT, size: words.length, content: pieces(words) });
    for await (const file of files) sums += await add({ ...file, name: DATA + file.name });
    const last = encode(sums);
    await add({ name: SUMS, size: last.length, content: pieces(last) });
    controller.finalize();
  };
  pack().catch((error) => controller.error(error)).finally(done);
  return readable;
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Who takes what an archive holds. */
export interface BackupReader {
  /** Called first. */
  about?(about: BackupAbout): void | Promise<void>;
  /** Called for each file; takes its content to the end. Nothing of it counts before the whole archive was read. */
  file(name: string, content: AsyncIterable<Uint8Array>): Promise<void>;
}

/**
 * Reads an archive to its end.
 * @throws {BackupBroken} when it is not exactly what was written; then nothing of what was read may be used.
 */
export async function readBackup(
  source: AsyncIterable<Uint8Array>,
  reader: BackupReader,
): Promise<BackupAbout> {
  const found = new Map<string, string>();
  let about: BackupAbout | undefined;
  let sums: string | undefined;
  const entries = ReadableStream.from(source).pipeThrough(
    createTarDecoder({ strict: true }) as ReadableWritablePair<TarEntry, Uint8Array>,
  );
  for await (const { header: { name, type }, body } of inWords(entries)) {
    if (sums !== undefined) throw new BackupBroken(`there is ${name} behind the checksums`);
    if (type !== "file" || found.has(name)) throw new BackupBroken(`there should be no ${type} ${name}`);
    const hash = createHash("sha256");
    const content = hashed(inWords(body), hash);
    if (about === undefined) {
      if (name !== ABOUT) throw new BackupBroken("it is no backup of dinopost");
      about = aboutOf(await textOf(content));
      await reader.about?.(about);
    } else if (name === SUMS) sums = await textOf(content);
    else if (name.startsWith(DATA)) await reader.file(checkedName(name.slice(DATA.length)), content);
    else throw new BackupBroken(`there should be no ${name}`);
    if (name !== SUMS) found.set(name, hash.digest("hex"));
  }
  if (about === undefined) throw new BackupBroken("it is no backup of dinopost");
  if (sums === undefined) throw new BackupBroken("it was cut off");
  for (const [name, digest] of found) {
    if (!sums.includes(`${digest}  ${name}\n`)) throw new BackupBroken(`${name} is damaged`);
  }
  const expected = sums.split("\n").length - 1;
  if (expected !== found.size) throw new BackupBroken(`it has ${found.size} of ${expected} files`);
  return about;
}

interface TarEntry {
  readonly header: { readonly name: string; readonly type?: string };
  readonly body: ReadableStream<Uint8Array>;
}

/** The same; what the decoder says becomes an error of ours. */
async function* inWords<T>(source: ReadableStream<T>): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    if (!(error instanceof Error) || error.constructor !== Error) throw error;
    throw new BackupBroken(`it is damaged or cut off, or no backup of dinopost (${messageOf(error)})`);
  }
}

async function* hashed(
  source: AsyncIterable<Uint8Array>,
  hash: { update(piece: Uint8Array): unknown },
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    hash.update(piece);
    yield piece;
  }
}

async function textOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const piece of content) {
    size += piece.length;
    if (size > MAX_TEXT) throw new BackupBroken("it is no backup of dinopost");
    parts.push(piece);
  }
  return decode(concat(parts));
}

function aboutOf(text: string): BackupAbout {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BackupBroken(`${ABOUT} is damaged`);
  }
  const { format, version } = Object(value) as { format?: unknown; version?: unknown };
  if (typeof format === "number" && format > BACKUP_FORMAT) {
    throw new BackupBroken(
      `it has the format ${format} of a newer dinopost (${String(version)}); this one knows the format ` +
        `${BACKUP_FORMAT}: restore it with the newer one`,
    );
  }
  const parsed = aboutSchema.safeParse(value);
  if (!parsed.success) throw new BackupBroken(`${ABOUT} is damaged`);
  return parsed.data;
}

/** A path that stays within the folder it is joined to. */
function checkedName(name: string): string {
  const isInside = name.split("/").every((part) => part !== "" && part !== "." && part !== "..") &&
    !/[\\\0]/.test(name) && !/^[a-z]:/i.test(name);
  if (!isInside) throw new BackupBroken(`there should be no file ${name}`);
  return name;
}

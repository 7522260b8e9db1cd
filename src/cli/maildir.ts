/** The Maildir folders: written from an mbox, and read as one, message by message. */

import { basename, join } from "node:path";
import { type MboxMessage, MboxWriter } from "../mail/mbox.ts";
import { type MboxPart, MboxReader } from "../mail/mbox_reader.ts";
import { parsePath } from "../mail/address.ts";
import { CliError, ExitCode } from "./cli_error.ts";

/** The mark of a message that somebody looked at, in a file's name behind `:2,`. */
const SEEN = "S";
/** Those of the others, in the order of the alphabet, and the letters that stand for them in X-Status. */
const MARKS = [["D", "T"], ["F", "F"], ["R", "A"], ["T", "D"]] as const;
/** Names of keywords by letters, one a line: `0 $Forwarded` is "a" (as Dovecot has it). */
const KEYWORDS = "dovecot-keywords";
const MOST_KEYWORDS = 26;
/** Windows has no colon in names: programs there write another character. */
const FLAGS = /[:;!_-]2,([A-Za-z]*)$/;

/**
 * Writes the messages of a mbox into a Maildir, which is made when it is missing: each first into `tmp/`, and, when it
 * is on disk, by renaming into `new/`, or `cur/` when it has marks. Lines end with LF. `isFolder`: it is one within a
 * Maildir. Answers how many.
 */
export async function writeMaildir(
  dir: string,
  mbox: AsyncIterable<Uint8Array>,
  { isFolder = false }: { isFolder?: boolean } = {},
): Promise<number> {
  for (const part of ["", "tmp", "new", "cur"]) {
    await Deno.mkdir(join(dir, part), { recursive: true, mode: 0o700 });
  }
  if (isFolder) await Deno.writeTextFile(join(dir, "maildirfolder"), "");
  const keywords = await readKeywords(dir);
  const reader = new MboxReader();
  let current: MaildirFile | undefined;
  let count = 0;
  async function take(parts: readonly MboxPart[]): Promise<void> {
    for (const part of parts) {
      if ("text" in part) await current!.write(part.text);
      if (!("message" in part)) continue;
      await current?.end();
      const marks = marksOf(part.message, keywords);
      current = await MaildirFile.create(dir, { ...part.message, marks, n: count++ });
    }
  }
  try {
    for await (const piece of mbox) await take(reader.push(piece));
    await take(reader.end());
    await current?.end();
    current = undefined;
    await writeKeywords(dir, keywords);
  } finally {
    await current?.discard();
  }
  return count;
}

class MaildirFile {
  readonly #file: Deno.FsFile;
  readonly #from: string;
  readonly #to: string;
  readonly #at: Date | undefined;

  private constructor(file: Deno.FsFile, options: { from: string; to: string; at: Date | undefined }) {
    this.#file = file;
    this.#from = options.from;
    this.#to = options.to;
    this.#at = options.at;
  }

  static async create(
    dir: string,
    of: { n: number; receivedAt: number | undefined; marks: string },
  ): Promise<MaildirFile> {
    const seconds = Math.floor((of.receivedAt ?? 0) / 1000);
    for (let again = 0;; again++) {
      const order = String(of.n).padStart(6, "0");
      const name = `${seconds}.M${order}P${Deno.pid}${again === 0 ? "" : `Q${again}`}.dinopost`;
      const from = join(dir, "tmp", name);
      const to = of.marks === "" ? join(dir, "new", name) : join(dir, "cur", `${name}:2,${of.marks}`);
      if (await exists(to)) continue;
      try {
        const file = await Deno.open(from, { write: true, createNew: true, mode: 0o600 });
        const at = of.receivedAt === undefined ? undefined : new Date(of.receivedAt);
        return new MaildirFile(file, { from, to, at });
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
    }
  }

  async write(text: Uint8Array): Promise<void> {
    // whole lines or parts of them; every CR of a message is one of a CRLF
    const bytes = text.filter((byte) => byte !== 13);
    for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
  }

  async end(): Promise<void> {
    await this.#file.sync();
    if (this.#at) await this.#file.utime(this.#at, this.#at);
    this.#file.close();
    await Deno.rename(this.#from, this.#to);
  }

  async discard(): Promise<void> {
    try {
      this.#file.close();
      await Deno.remove(this.#from);
    } catch {
      // it was ended already, or the disk is away: a file in tmp/ is nobody's message
    }
  }
}

const LETTER_A = 97;

/** The marks behind `:2,`, in the order of the alphabet; `names` gets keywords that it has not. */
function marksOf({ seen, marks = "", keywords = [] }: MboxMessage, names: string[]): string {
  const letters = MARKS.filter(([, letter]) => marks.includes(letter)).map(([mark]) => mark as string);
  if (seen) letters.push(SEEN);
  for (const keyword of keywords) {
    if (!names.includes(keyword) && names.length < MOST_KEYWORDS) names.push(keyword);
    const at = names.indexOf(keyword);
    if (at >= 0) letters.push(String.fromCharCode(LETTER_A + at));
  }
  return letters.sort().join("");
}

async function readKeywords(dir: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for (const line of (await Deno.readTextFile(join(dir, KEYWORDS))).split("\n")) {
      const [, number, name] = /^(\d{1,2}) (\S+)$/.exec(line) ?? [];
      if (name !== undefined && Number(number) < MOST_KEYWORDS) names[Number(number)] = name;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names;
}

async function writeKeywords(dir: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await Deno.writeTextFile(join(dir, KEYWORDS), names.map((name, n) => `${n} ${name}\n`).join(""));
}

/** The messages of a Maildir as mbox, oldest first by name. Throws {@linkcode CliError} when the folder is none. */
export async function readMaildir(dir: string): Promise<AsyncGenerator<Uint8Array>> {
  return asMbox(await messagesIn(dir), await readKeywords(dir));
}

/** Is it a Maildir? */
export async function isMaildir(dir: string): Promise<boolean> {
  return await exists(join(dir, "cur")) && await exists(join(dir, "new"));
}

/** The folders within a Maildir that are Maildirs themselves: `.Sent` (Maildir++) or `Sent`, at any depth. */
export async function subfoldersOf(dir: string, within = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(dir, within))) {
    if (!isDirectory || (within === "" && ["new", "cur", "tmp"].includes(name))) continue;
    const folder = join(within, name);
    if (await isMaildir(join(dir, folder))) found.push(folder);
    if (!["new", "cur", "tmp"].includes(name)) found.push(...await subfoldersOf(dir, folder));
  }
  return found.sort();
}

async function* asMbox(paths: readonly string[], names: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) {
    const flags = FLAGS.exec(path)?.[1] ?? "";
    using file = await Deno.open(path);
    const { mtime } = await file.stat();
    const seconds = Number(/^\d{6,11}(?=\.)/.exec(basename(path))?.[0] ?? 0);
    const receivedAt = seconds > 0 ? seconds * 1000 : mtime?.getTime() ?? 0;
    const writer = new MboxWriter();
    let begun = false;
    for await (const bytes of chunks(file)) {
      if (!begun) {
        const marks = MARKS.map(([mark, letter]) => flags.includes(mark) ? letter : "").join("");
        const keywords = [...flags].flatMap((flag) => names[flag.charCodeAt(0) - LETTER_A] ?? []);
        const seen = flags.includes(SEEN);
        yield writer.begin({ sender: senderOf(bytes), receivedAt, seen, marks, keywords });
      }
      begun = true;
      yield writer.text(bytes);
    }
    if (begun) yield writer.end();
  }
}

async function* chunks(file: Deno.FsFile): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(64 * 1024);
  for (let n = await file.read(buffer); n !== null; n = await file.read(buffer)) yield buffer.subarray(0, n);
}

async function messagesIn(dir: string): Promise<string[]> {
  const found: { name: string; path: string }[] = [];
  for (const part of ["new", "cur"]) {
    try {
      for await (const { name, isFile } of Deno.readDir(join(dir, part))) {
        if (isFile && !name.startsWith(".")) found.push({ name, path: join(dir, part, name) });
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new CliError(ExitCode.badData, `${dir} is no Maildir: it has no folder ${part}`);
    }
  }
  // the name begins with the time
  found.sort((a, b) => parseInt(a.name) - parseInt(b.name) || (a.name < b.name ? -1 : 1));
  return found.map(({ path }) => path);
}

/** The reverse-path, when delivery wrote it on top. */
function senderOf(bytes: Uint8Array): string {
  const header = new TextDecoder().decode(bytes.subarray(0, 1000));
  const path = /^Return-Path: *(<.*>)\r?$/mi.exec(header.split(/\r?\n\r?\n/, 1)[0]!)?.[1];
  const parsed = path === undefined ? undefined : parsePath(path, "reverse");
  return parsed?.ok ? parsed.mailbox : "";
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The command `mailbox`: whole mailboxes exported and imported, as mbox files or Maildir folders. */

import { dirname, join } from "node:path";
import { messageOf } from "../base/errors.ts";
import type { Command } from "commander";
import { formatSize } from "../base/units.ts";
import { type ApiOptions, withApi } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { type MailboxAccess, openMailboxes } from "./mailbox_access.ts";
import { withExamples } from "./command_tree.ts";
import { print, printError, printJson, safe, wholeOut } from "./output.ts";
import { withProgress } from "./progress.ts";

interface ExportOptions extends ApiOptions {
  format: string;
  output?: string;
  folder?: string;
}

interface ImportOptions extends ApiOptions {
  json?: boolean;
  folder?: string;
}

/** Adds the command with its subcommands. */
export function addMailbox(program: Command): void {
  const mailbox = program.command("mailbox").helpCommand(false).description(
    "take whole mailboxes out, and put them in; of a running server, or in the data directory when none runs",
  );
  withExamples(
    mailbox,
    "dinopost mailbox export jo@example.org > jo.mbox",
    "dinopost mailbox import jo@example.org ~/Maildir",
  );

  const out = withApi(mailbox.command("export <address>"))
    .description("write all messages of a mailbox; they stay in it")
    .option("--format <format>", "mbox or maildir", "mbox")
    .option("--folder <name>", "only this folder")
    .option(
      "-o, --output <path>",
      "a file (default: stdout); a folder ends with / and gets a file for each of the mailbox; or the Maildir",
    );
  withExamples(
    out,
    "dinopost mailbox export jo@example.org -o jo.mbox",
    "dinopost mailbox export jo@example.org --folder Sent > sent.mbox",
    "dinopost mailbox export jo@example.org --format maildir -o ./jo",
  ).action(exportOne);

  const into = withApi(mailbox.command("import <address> <path>"))
    .description(
      'add messages to a mailbox: from an mbox file, a Maildir with its folders, a folder of .mbox files (ends with /), or "-" for an mbox on stdin',
    )
    .option("--folder <name>", "into this folder, which is made when it is missing (default: INBOX)")
    .option("--json", "print JSON, for scripts");
  withExamples(
    into,
    "dinopost mailbox import jo@example.org old.mbox",
    "dinopost mailbox import jo@example.org sent.mbox --folder Sent",
    "dinopost mailbox import jo@example.org /home/jo/Maildir",
  ).action(importOne);
}

async function exportOne(address: string, options: ExportOptions): Promise<void> {
  const { format, output, folder } = options;
  if (format !== "mbox" && format !== "maildir") {
    throw new CliError(ExitCode.usage, `--format: received "${safe(format)}", expected mbox or maildir`);
  }
  if (format === "maildir" && output === undefined) {
    throw new CliError(ExitCode.usage, "a Maildir needs a folder; give it with --output");
  }
  await using mailboxes = await openMailboxes(options);
  if (format === "maildir") return await exportMaildir(mailboxes, address, { dir: output!, folder });
  if (output?.endsWith("/")) return await exportFiles(mailboxes, address, { dir: output, folder });
  const mbox = broken(mailboxes.read(address, folder));
  if (output === undefined) return await writeStdout(mbox);
  await writeFile(output, mbox);
  printError(`All messages are in ${safe(output)}.`);
}

interface Target {
  readonly dir: string;
  /** Only this one. */
  readonly folder: string | undefined;
}

async function exportMaildir(
  mailboxes: MailboxAccess,
  address: string,
  { dir, folder }: Target,
): Promise<void> {
  const { writeMaildir } = await import("./maildir.ts");
  if (folder !== undefined) {
    const count = await writeMaildir(dir, broken(mailboxes.read(address, folder)));
    return printError(`${count} messages are in ${safe(dir)}.`);
  }
  const { placeInMaildir } = await import("./mailbox_folders.ts");
  const folders = await mailboxes.folders(address);
  const places = folders.map((name) => ({ name, path: placeInMaildir(dir, name) }));
  let count = 0;
  for (const { name, path } of places) {
    const mbox = broken(mailboxes.read(address, name));
    count += await writeMaildir(path, mbox, { isFolder: path !== dir });
  }
  printError(`${count} messages are in ${safe(dir)}.`);
}

async function exportFiles(
  mailboxes: MailboxAccess,
  address: string,
  { dir, folder }: Target,
): Promise<void> {
  const { placeOfMbox } = await import("./mailbox_folders.ts");
  const folders = folder === undefined ? await mailboxes.folders(address) : [folder];
  const places = folders.map((name) => ({ name, path: placeOfMbox(dir, name) }));
  for (const { name, path } of places) {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, broken(mailboxes.read(address, name)));
  }
  printError(`All messages are in ${safe(dir)}, ${folders.length} folders.`);
}

async function importOne(address: string, path: string, options: ImportOptions): Promise<void> {
  // opened first: a wrong path is an error before anything else
  const sources = await open(path, options.folder);
  await using mailboxes = await openMailboxes(options);
  let [messages, bytes] = [0, 0];
  const warnings: string[] = [];
  for (const { folder, size, read } of sources) {
    const imported = await mailboxes.write(address, withProgress(await read(), size), folder);
    messages += imported.messages;
    bytes += imported.bytes;
    warnings.push(...imported.warnings);
  }
  for (const warning of warnings) printError(`dinopost: warning: ${safe(warning)}`);
  if (options.json) printJson({ messages, bytes, warnings });
  else print(`${messages} messages (${formatSize(bytes)}) were added to ${safe(address)}.`);
}

interface Source {
  /** Undefined: INBOX. */
  folder: string | undefined;
  /** Of a file. */
  size?: number;
  read(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

/** What is at that path, the first of it opened. `folder`: where all of it goes, or what those within it stand below. */
async function open(path: string, folder: string | undefined): Promise<Source[]> {
  if (path === "-") return [{ folder, read: () => Deno.stdin.readable }];
  try {
    const { isDirectory, size } = await Deno.stat(path);
    if (!isDirectory) {
      const { readable } = await Deno.open(path);
      return [{ folder, size, read: () => readable }];
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new CliError(ExitCode.badData, `there is no file or folder ${safe(path)}`);
  }
  const { folderOfMaildir, mboxesIn } = await import("./mailbox_folders.ts");
  const { isMaildir, readMaildir, subfoldersOf } = await import("./maildir.ts");
  const below = (name: string | undefined) =>
    folder === undefined ? name : name === undefined ? folder : `${folder}/${name}`;
  // with its slash it was meant: a whole home has files of many people
  if (path.endsWith("/") && !await isMaildir(path)) {
    const files = await mboxesIn(path);
    if (files.length > 0) {
      return files.map((file) => ({
        folder: below(file.folder),
        read: async () => (await Deno.open(file.path)).readable,
      }));
    }
  }
  const first = await readMaildir(path);
  const within = await subfoldersOf(path);
  return [
    { folder, read: () => first },
    ...within.map((name) => ({
      folder: below(folderOfMaildir(name)),
      read: () => readMaildir(join(path, name)),
    })),
  ];
}

/** The same pieces; a stream that breaks off is an error in words of ours. */
async function* broken(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    if (error instanceof CliError) throw error;
    const reason = messageOf(error);
    throw new CliError(ExitCode.tryAgain, `the mailbox can't be read to its end: ${safe(reason)}`);
  }
}

async function writeStdout(pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) at += await wholeOut.write(piece.subarray(at));
  }
}

/** The file has its name when it is whole. */
async function writeFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const draft = `${path}.part`;
  try {
    const file = await Deno.open(draft, { write: true, create: true, truncate: true, mode: 0o600 });
    try {
      for await (const piece of pieces) {
        for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
      }
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(draft, path);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw error;
  }
}

/** The command `mailbox`: whole mailboxes exported and imported, as mbox files or Maildir folders. */

import { messageOf } from "../base/errors.ts";
import type { Command } from "commander";
import { formatSize } from "../base/units.ts";
import { type ApiOptions, withApi } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { openMailboxes } from "./mailbox_access.ts";
import { withExamples } from "./command_tree.ts";
import { print, printError, printJson, safe } from "./output.ts";
import { withProgress } from "./progress.ts";

interface ExportOptions extends ApiOptions {
  format: string;
  output?: string;
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
    .option("-o, --output <path>", "a file (default: stdout), or the folder of the Maildir");
  withExamples(
    out,
    "dinopost mailbox export jo@example.org -o jo.mbox",
    "dinopost mailbox export jo@example.org --format maildir -o ./jo",
  ).action(exportOne);

  const into = withApi(mailbox.command("import <address> <path>"))
    .description(
      'add messages to a mailbox: from an mbox file, a Maildir folder, or "-" for an mbox on stdin',
    )
    .option("--json", "print JSON, for scripts");
  withExamples(
    into,
    "dinopost mailbox import jo@example.org old.mbox",
    "dinopost mailbox import jo@example.org /home/jo/Maildir",
  ).action(importOne);
}

async function exportOne(address: string, options: ExportOptions): Promise<void> {
  const { format, output } = options;
  if (format !== "mbox" && format !== "maildir") {
    throw new CliError(ExitCode.usage, `--format: received "${safe(format)}", expected mbox or maildir`);
  }
  if (format === "maildir" && output === undefined) {
    throw new CliError(ExitCode.usage, "a Maildir needs a folder; give it with --output");
  }
  await using mailboxes = await openMailboxes(options);
  const mbox = broken(mailboxes.read(address));
  if (format === "maildir") {
    const { writeMaildir } = await import("./maildir.ts");
    const count = await writeMaildir(output!, mbox);
    return printError(`${count} messages are in ${safe(output!)}.`);
  }
  if (output === undefined) return await writeStdout(mbox);
  await writeFile(output, mbox);
  printError(`All messages are in ${safe(output)}.`);
}

async function importOne(
  address: string,
  path: string,
  options: ApiOptions & { json?: boolean },
): Promise<void> {
  // opened first: a wrong path is an error before anything else
  const { source, size, leftOut } = await open(path);
  await using mailboxes = await openMailboxes(options);
  const imported = await mailboxes.write(address, withProgress(source, size));
  const { messages, bytes } = imported;
  const warnings = [...imported.warnings];
  if (leftOut.length > 0) {
    warnings.push(`the folders in it were left out, import each by its path: ${leftOut.join(", ")}`);
  }
  for (const warning of warnings) printError(`dinopost: warning: ${safe(warning)}`);
  if (options.json) printJson({ messages, bytes, warnings });
  else print(`${messages} messages (${formatSize(bytes)}) were added to ${safe(address)}.`);
}

interface Source {
  source: AsyncIterable<Uint8Array>;
  /** Of a file. */
  size?: number;
  /** The folders of a Maildir that are not in `source`. */
  leftOut: string[];
}

async function open(path: string): Promise<Source> {
  if (path === "-") return { source: Deno.stdin.readable, leftOut: [] };
  try {
    const { isDirectory, size } = await Deno.stat(path);
    if (!isDirectory) return { source: (await Deno.open(path)).readable, size, leftOut: [] };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new CliError(ExitCode.badData, `there is no file or folder ${safe(path)}`);
  }
  const { readMaildir, subfoldersOf } = await import("./maildir.ts");
  return { source: await readMaildir(path), leftOut: await subfoldersOf(path) };
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
    for (let at = 0; at < piece.length;) at += await Deno.stdout.write(piece.subarray(at));
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

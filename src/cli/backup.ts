/** The commands `backup` and `restore`: all that a running server keeps as one file, and back. */

import { dirname } from "node:path";
import type { Command } from "commander";
import { formatSize } from "../base/units.ts";
import { withoutLogin } from "../config/error.ts";
import { ApiClient, type ApiOptions, withApi } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./command_tree.ts";
import { type ConfigOptions, loadFor, withConfig } from "./options.ts";
import { print, printError, safe, wholeOut } from "./output.ts";
import { StatusLine, withProgress } from "./progress.ts";

/** Adds the command. */
export function addBackup(program: Command): void {
  const command = withApi(program.command("backup <file>"))
    .description('write a consistent copy of all that a running server keeps to a file, or "-" for stdout');
  withExamples(
    command,
    "dinopost backup /var/backups/mail.tar",
    "dinopost backup - | gpg -e -r ops@example.org > mail.tar.gpg",
  ).action(backup);
}

/** Adds the command. */
export function addRestore(program: Command): void {
  const command = withConfig(program.command("restore <file>"))
    .description(
      'put a backup (a file, or "-" for stdin) into an empty data directory; no server is running on it',
    )
    .option("--data-dir <dir>", "where the data goes");
  withExamples(
    command,
    "dinopost restore /var/backups/mail.tar",
    "dinopost restore mail.tar --data-dir ./data",
  ).action(restore);
}

async function backup(path: string, options: ApiOptions): Promise<void> {
  if (path === "-" && Deno.stdout.isTerminal()) {
    throw new CliError(ExitCode.usage, "a backup is nothing for a terminal; name a file, or pipe it on");
  }
  if (path !== "-") await refuseWrongPath(path);
  const api = await ApiClient.find(options);
  const source = withProgress(checked(await pieces(api)));
  if (path === "-") {
    for await (const piece of source) await writeAll(wholeOut, piece);
    return;
  }
  printError(`A backup of ${formatSize(await writeFile(path, source))} is in ${safe(path)}.`);
}

/** A wrong path is an error before the server does anything. */
async function refuseWrongPath(path: string): Promise<void> {
  const wrong = (what: string) => new CliError(ExitCode.usage, `${safe(path)}: ${what}`);
  const at = await Deno.stat(path).catch(() => undefined);
  if (at?.isDirectory) throw wrong("received a folder, expected the name of a file");
  if (at) throw wrong("there is something already; name another file, or remove this one first");
  const folder = await Deno.stat(dirname(path)).catch(() => undefined);
  if (!folder?.isDirectory) throw wrong(`there is no folder ${safe(dirname(path))}`);
}

async function pieces(api: ApiClient): Promise<AsyncIterable<Uint8Array>> {
  using line = new StatusLine();
  line.show("The server copies its store …");
  return (await api.open("/backup", { method: "POST" })).body!;
}

/** The same pieces; ends with an error unless they are a whole archive. */
async function* checked(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { BackupBroken, readBackup } = await import("../backup/archive.ts");
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const checking = readBackup(readable, {
    file: async (_, content) => {
      for await (const _ of content);
    },
  });
  checking.catch(() => {}); // told below
  const writer = writable.getWriter();
  try {
    for await (const piece of source) {
      await Promise.race([writer.write(piece), checking]);
      yield piece;
    }
    await writer.close();
    await checking;
  } catch (error) {
    await writer.abort(error).catch(() => {});
    if (error instanceof Deno.errors.NotCapable) throw error;
    if (error instanceof BackupBroken) throw cutOff(error.message);
    // what fetch says of a connection that ends
    throw error instanceof TypeError || error instanceof Deno.errors.Http
      ? cutOff("the server went away")
      : error;
  }
}

function cutOff(why: string): CliError {
  return new CliError(ExitCode.tryAgain, `the backup did not come whole: ${safe(why)}; call it again`);
}

/** The file has its name when it is whole. Answers how many octets it has. */
async function writeFile(path: string, source: AsyncIterable<Uint8Array>): Promise<number> {
  const draft = `${path}.part`;
  await remove(draft); // one that is left over may have wider rights, which writing would keep
  const file = await Deno.open(draft, { write: true, createNew: true, mode: 0o600 });
  let size = 0;
  try {
    try {
      for await (const piece of source) {
        await writeAll(file, piece);
        size += piece.length;
      }
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(draft, path);
  } catch (error) {
    await remove(draft);
    throw error;
  }
  return size;
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function writeAll(to: { write(bytes: Uint8Array): Promise<number> }, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length;) at += await to.write(piece.subarray(at));
}

async function restore(path: string, options: ConfigOptions): Promise<void> {
  const { source, size } = await open(path);
  const config = await loadFor(options);
  if (config.kv !== null) {
    throw new CliError(
      ExitCode.badConfig,
      `the configuration has its store elsewhere (kv: ${
        safe(withoutLogin(config.kv))
      }); a backup goes into a data directory`,
    );
  }
  const { restoreBackup } = await import("../backup/restore.ts");
  try {
    const { createdAt, version } = await restoreBackup(withProgress(source, size), config.dataDir);
    print(`The data of ${createdAt} (dinopost ${safe(version)}) is in ${safe(config.dataDir)}.`);
  } catch (error) {
    throw inWords(error, path);
  }
}

function inWords(error: unknown, path: string): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === "BackupBroken") {
    return new CliError(ExitCode.badData, `${path === "-" ? "stdin" : safe(path)}: ${error.message}`);
  }
  if (error.name !== "RestoreRefused") return error;
  const { kind } = error as Error & { kind: string };
  return new CliError(kind === "room" ? ExitCode.tryAgain : ExitCode.badData, safe(error.message));
}

async function open(path: string): Promise<{ source: AsyncIterable<Uint8Array>; size?: number }> {
  if (path === "-") return { source: Deno.stdin.readable };
  try {
    const { isFile, isDirectory, size } = await Deno.stat(path);
    if (isDirectory) {
      throw new CliError(ExitCode.badData, `${safe(path)}: received a folder, expected a file`);
    }
    const source = (await Deno.open(path)).readable;
    return isFile ? { source, size } : { source };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new CliError(ExitCode.badData, `there is no file ${safe(path)}`);
  }
}

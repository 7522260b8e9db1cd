/** The command `replay`: says kept conversations to a server, and tells what it answers otherwise. */

import type { Command } from "commander";
import { messageOf } from "../base/errors.ts";
import { parseDuration } from "../base/units.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./command_tree.ts";
import { withConfig } from "./options.ts";
import { print, printJson, printTable, safe } from "./output.ts";
import type { Script } from "../testing/script.ts";
import type { Replayed } from "../testing/replay.ts";

interface ReplayCommandOptions {
  to: string;
  codes?: boolean;
  tls?: boolean;
  wait?: string;
  json?: boolean;
}

/** What came of one file. */
interface Played {
  readonly file: string;
  readonly sections: readonly string[];
  readonly result: Replayed;
}

/** Adds the command. */
export function addReplay(program: Command): void {
  const command = withConfig(program.command("replay"))
    .description(
      "say conversations with an SMTP, LMTP or POP3 server to another one, and print what it answers otherwise; " +
        "names of hosts, ids and times don't count",
    )
    .argument("<file...>", "files as of GET /api/v1/messages/{id}/dialogue, or folders of them")
    .requiredOption("--to <host:port>", "the server")
    .option("--codes", "compare codes alone, and not what is said to people (RFC 5321 4.2)")
    .option("--tls", "the server speaks TLS from the first octet on")
    .option("--wait <time>", "the longest silence in a conversation that is kept, such as 10m (default: 5s)")
    .option("--json", "print an object for scripts");
  withExamples(
    command,
    "dinopost replay --to 127.0.0.1:2525 dialogue.smtp",
    "dinopost replay --to mail.example.org:25 --codes fixtures/smtp",
  ).action(replayAll);
}

async function replayAll(given: string[], options: ReplayCommandOptions): Promise<void> {
  const target = targetOf(options.to);
  const longestWaitMs = waitOf(options.wait ?? "5s");
  const scripts: { file: string; script: Script }[] = [];
  for (const file of await filesOf(given)) scripts.push({ file, script: await readScript(file) });
  const { replay, sectionsOf } = await import("../testing/replay.ts");
  const played: Played[] = [];
  for (const { file, script } of scripts) {
    const conn = await connect(target, options.tls === true);
    const result = await replay(script, conn, { codesOnly: options.codes === true, longestWaitMs });
    const one = { file, sections: sectionsOf(script), result };
    played.push(one);
    if (!options.json) tell(one);
  }
  if (options.json) printJson(played.map(asJson));
  else summarize(played);
  const count = (is: (result: Replayed) => boolean) => played.filter(({ result }) => is(result)).length;
  const differing = count((result) => result.differing > 0);
  const cut = count((result) => result.stopped !== undefined);
  const faults: string[] = [];
  if (differing > 0) faults.push(`${options.to} differs in ${differing} of ${played.length} dialogues`);
  // what was not heard is no pass
  if (cut > 0) faults.push(`${cut} of ${played.length} not said to the end`);
  if (faults.length > 0) throw new CliError(ExitCode.badData, faults.join("; "));
}

/** `--wait`, in ms. */
function waitOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) {
    throw new CliError(ExitCode.usage, `--wait: received "${text}", expected a time: 30s, 10m`);
  }
  return ms;
}

/** `--to`: a name or an address, and a port. */
function targetOf(text: string): { hostname: string; port: number } {
  const found = /^(?:\[([\da-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text);
  const port = Number(found?.[3]);
  if (!found || port < 1 || port > 65535) {
    throw new CliError(
      ExitCode.usage,
      `--to: received "${text}", expected a host and a port: 127.0.0.1:2525`,
    );
  }
  return { hostname: found[1] ?? found[2]!, port };
}

/** The files, and those of the folders. */
async function filesOf(given: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of given) {
    const { isDirectory } = await Deno.stat(path).catch((error) => {
      throw new CliError(ExitCode.badData, `${path}: ${reasonOf(error)}`);
    });
    if (!isDirectory) {
      files.push(path);
      continue;
    }
    const inside = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name)
      .filter((name) => /\.(?:smtp|pop3|lmtp)$/.test(name)).sort();
    if (inside.length === 0) {
      throw new CliError(ExitCode.badData, `${path}: no file whose name ends in .smtp, .lmtp or .pop3`);
    }
    files.push(...inside.map((name) => `${path.replace(/\/$/, "")}/${name}`));
  }
  return files;
}

async function readScript(file: string): Promise<Script> {
  const { parseScript } = await import("../testing/script.ts");
  let script: Script;
  try {
    script = parseScript(await Deno.readTextFile(file), file);
  } catch (error) {
    const message = error instanceof SyntaxError ? error.message : `${file}: ${reasonOf(error)}`;
    throw new CliError(ExitCode.badData, message);
  }
  if (script.steps.length === 0) {
    throw new CliError(ExitCode.badData, `${file}: there is nothing to say in it`);
  }
  return script;
}

function reasonOf(error: unknown): string {
  return error instanceof Deno.errors.NotFound ? "there is no such file" : messageOf(error);
}

async function connect(target: { hostname: string; port: number }, tls: boolean) {
  const { tcpConn } = await import("../wire/tcp_conn.ts");
  const { clientTls } = await import("../wire/tls.ts");
  try {
    const conn = tcpConn(await Deno.connect(target));
    return tls ? await clientTls(conn, { serverName: target.hostname }) : conn;
  } catch (error) {
    const why = error instanceof Deno.errors.ConnectionRefused ? "nothing listens there" : messageOf(error);
    throw new CliError(ExitCode.unavailable, `${target.hostname}:${target.port}: ${why}`);
  }
}

/** What differs, under the file's name. */
function tell({ file, sections, result }: Played): void {
  if (result.report.length === 0) return;
  print(sections.length > 0 ? `${file} (${sections.join(", ")})` : file);
  for (const line of result.report) print(`  ${safe(line)}`);
  print("");
}

function summarize(played: readonly Played[]): void {
  printTable(
    ["dialogue", "replies", "differ", "unsaid", "RFC", ""],
    played.map(({ file, sections, result: { replies, differing, unsaid, stopped } }) => [
      file,
      String(replies),
      differing === 0 ? "-" : String(differing),
      unsaid === 0 ? "-" : String(unsaid),
      sections.map((section) => section.slice("RFC ".length)).join(", "),
      stopped === undefined ? "" : `not said to the end: ${stopped}`,
    ]),
  );
}

function asJson({ file, sections, result }: Played) {
  const { replies, differing, unsaid, stopped, report } = result;
  return { file, sections, replies, differing, unsaid, stopped: stopped ?? null, report };
}

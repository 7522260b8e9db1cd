/** The `send` command: submits a message from stdin, with the options that callers of sendmail use. */

import { type Command, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { quoteLocal } from "../mail/address.ts";
import {
  ApiClient,
  type ApiOptions,
  RecipientsRefused,
  type RefusedRecipient,
  sayRefused,
  withApi,
} from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./command_tree.ts";
import { printError, safe } from "./output.ts";
import { atHost, prepareMessage, readAddress, readRecipients, upToDot } from "./outgoing_text.ts";

interface SendOptions extends ApiOptions {
  from?: string;
  fullName?: string;
  headers?: boolean;
  ignoreDots?: boolean;
  option?: string[];
  mode?: string;
  verbose?: boolean;
  sender?: string;
  help?: boolean;
  q?: boolean;
  I?: boolean;
}

/**
 * What callers of sendmail say beside. Some of it is the case here anyway (8-bit content passes, the sender is not left out
 * of lists), some can't be had: the API takes no wishes for reports (-N, -R, -V), so failures alone are reported.
 */
const IGNORED = [
  "-A <which>",
  "-C <file>",
  "-G",
  "-L <tag>",
  "-N <when>",
  "-O <option>",
  "-R <return>",
  "-U",
  "-V <id>",
  "-X <file>",
  "-a",
  "-c",
  "-e <mode>",
  "-h <hops>",
  "-m",
  "-n",
  "-p <protocol>",
  "-x",
];

/** Adds the command. */
export function addSend(program: Command): void {
  const command = withApi(program.command("send"))
    .description("submit a message from stdin, as sendmail does")
    .argument("[recipient...]", "who gets it; a name without a domain is one at the server's first domain")
    .option("-f, --from <address>", 'envelope sender ("<>" for none); default: the message\'s From')
    .option("-F, --full-name <name>", "the name for a From field that has to be added")
    .option("-t, --headers", "take recipients from To, Cc and Bcc too; Bcc is taken out of the message")
    .option("-i, --ignore-dots", "a line with only a dot does not end the message")
    .option("-o, --option <value>", "sendmail's options; i is known, the others change nothing here", collect)
    .option("-b, --mode <mode>", "sendmail's mode: m sends (default), s speaks SMTP on stdin and stdout")
    .option("-v, --verbose", "print the id of the message")
    .option("-q", "without a recipient: try again what waits in the queue")
    // -h counts hops, and who is shown this help has sent nothing
    .helpOption(false)
    .option("--help", "display help for command")
    .addOption(new Option("-I").hideHelp())
    .addOption(new Option("-r, --sender <address>", "the same as -f").hideHelp().conflicts("from"))
    .addOption(new Option("-B, --body-type <type>").choices(["7BIT", "8BITMIME"]).hideHelp());
  for (const flags of IGNORED) command.addOption(new Option(flags).hideHelp());
  command.addHelpText("after", `\nTaken and without effect: -B -I -d… -q… ${IGNORED.join(" ")}`);
  withExamples(
    command,
    "dinopost send -f jo@example.org ann@example.net < message.eml",
    "dinopost send -t -i < message.eml",
    'git send-email --sendmail-cmd="dinopost send -i" 0001-fix.patch',
  ).action(async (recipients: string[], options: SendOptions) => {
    if (options.help) return await help(command);
    await send(recipients, options.sender === undefined ? options : { ...options, from: options.sender });
  });
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** How long somebody who writes to stdin has. */
const HELP_WAITS_MS = 200;

/** Help for people: whoever has a message on stdin hears that it was not sent. */
async function help(command: Command): Promise<void> {
  if (!Deno.stdin.isTerminal()) {
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const timer = systemClock.schedule(HELP_WAITS_MS, () => resolve(null));
    const waiting = await Promise.race([late, Deno.stdin.read(new Uint8Array(1)).catch(() => null)]);
    timer.cancel();
    if (waiting !== null) {
      throw new CliError(ExitCode.usage, "--help sends nothing, and a message waits on stdin; leave it out");
    }
    Deno.stdin.close();
  }
  command.outputHelp();
}

async function send(recipients: string[], options: SendOptions): Promise<void> {
  const { mode = "m" } = options;
  if (mode !== "m" && mode !== "s") {
    throw new CliError(
      ExitCode.usage,
      `-b: received "${safe(mode)}", expected "m" or "s"; the other modes are not sending`,
    );
  }
  const api = await ApiClient.find(options, ExitCode.tryAgain);
  if (mode === "s") return await speakSmtp(api, options);
  if (recipients.length === 0 && !options.headers) {
    if (options.q) return await api.call("/queue/flush", { method: "POST", json: {} });
    if (options.I) return; // there is no table of aliases to build
  }
  try {
    const { id, refused = [] } = await submitted(api, await readMessage(recipients, options));
    if (options.verbose) printError(`queued as ${safe(id)}`);
    failFor(refused);
  } catch (error) {
    if (error instanceof RecipientsRefused) failFor(error.refused);
    throw error;
  }
}

async function readMessage(recipients: string[], options: SendOptions): Promise<Outgoing> {
  const ignoreDots = options.ignoreDots || options.option?.includes("i");
  const given = options.from === undefined ? undefined : envelopeSender(options.from);
  const input = new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
  const user = loginName();
  const message = await prepareMessage(ignoreDots ? input : upToDot(input), {
    takeRecipients: options.headers === true,
    // header fields get the server's domain
    sender: given || user,
    fullName: options.fullName,
  });
  const named = (await Promise.all(recipients.map(readRecipients))).flat();
  const to = [...new Set([...named, ...message.recipients])];
  if (to.length === 0) {
    throw new CliError(ExitCode.usage, "no recipients; name them, or take them from the message with -t");
  }
  return { bytes: message.bytes, from: given ?? message.from ?? atHost(user, Deno.hostname()), to };
}

interface Submitted {
  id: string;
  refused?: RefusedRecipient[];
}

interface Outgoing {
  bytes: Uint8Array<ArrayBuffer>;
  from: string;
  to: string[];
}

function submitted(api: ApiClient, { bytes, from, to }: Outgoing): Promise<Submitted> {
  return api.call<Submitted>("/messages", {
    method: "POST",
    query: { from, to },
    body: { type: "message/rfc822", bytes },
  });
}

/** A line on stderr for each recipient that did not get it. */
function failFor(refused: readonly RefusedRecipient[]): void {
  const lines = refused.map(sayRefused);
  for (const line of lines.slice(0, -1)) printError(`dinopost: ${line}`);
  if (lines.length > 0) throw new CliError(ExitCode.noUser, lines.at(-1)!);
}

async function speakSmtp(api: ApiClient, options: SendOptions): Promise<void> {
  const { serveStdin } = await import("./smtp_on_stdin.ts");
  failFor(await serveStdin((message) => submitted(api, message), options));
}

/** The envelope sender that `-f` names; empty for `<>`. */
function envelopeSender(text: string): string {
  const bare = text.replace(/^<(.*)>$/s, "$1");
  if (bare === "") return "";
  const address = readAddress(bare);
  if (address !== undefined) return address;
  throw new CliError(
    ExitCode.usage,
    `-f: received "${safe(text)}", expected an address such as "jo@example.org"`,
  );
}

function loginName(): string {
  return quoteLocal(Deno.env.get("LOGNAME") ?? Deno.env.get("USER") ?? "nobody");
}

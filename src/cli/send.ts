/** In charge of `send`: submits a message from stdin, with the options that callers of sendmail use. */

import { type Command, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { IdMaker } from "../base/ids.ts";
import { systemRandom } from "../base/random.ts";
import { parseLocal } from "../mail/address.ts";
import { ApiClient, type ApiOptions, withApi } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./options.ts";
import { printError, safe } from "./output.ts";
import { prepareMessage, readAddress, upToDot } from "./outgoing_text.ts";

interface SendOptions extends ApiOptions {
  from?: string;
  fullName?: string;
  headers?: boolean;
  ignoreDots?: boolean;
  option?: string[];
  mode?: string;
  verbose?: boolean;
  sender?: string;
}

/**
 * What callers of sendmail say beside. Some of it is the case here anyway (8-bit texts pass, the sender is not left out
 * of lists), some can't be had: the API takes no wishes for reports (-N, -R, -V), so failures alone are reported.
 */
const IGNORED = ["-G", "-m", "-n", "-N <when>", "-O <option>", "-R <return>", "-U", "-V <id>"];

/** Adds the command. */
export function addSend(program: Command): void {
  const command = withApi(program.command("send"))
    .description("submit a message from stdin, as sendmail does")
    .argument("[recipient...]", "who gets it; a name without a domain is one at the server's first domain")
    .option("-f, --from <address>", 'envelope sender ("<>" for none); default: the message\'s From')
    .option("-F, --full-name <name>", "the name for a From field that has to be added")
    .option("-t, --headers", "take recipients from To, Cc and Bcc too; Bcc is taken out of the message")
    .option("-i, --ignore-dots", "a line with only a dot does not end the message")
    .option(
      "-o, --option <value>",
      "sendmail's options; i is known, d…, e… and m change nothing here",
      collect,
    )
    .option("-b, --mode <mode>", "sendmail's mode; only m, sending, is known")
    .option("-v, --verbose", "tell the id of the message")
    .addOption(new Option("-r, --sender <address>", "the same as -f").hideHelp().conflicts("from"))
    .addOption(new Option("-B, --body-type <type>").choices(["7BIT", "8BITMIME"]).hideHelp());
  for (const flags of IGNORED) command.addOption(new Option(flags).hideHelp());
  command.addHelpText("after", `\nTaken and without effect: -B ${IGNORED.join(" ")}`);
  withExamples(
    command,
    "dinopost send -f jo@example.org ann@example.net < letter.eml",
    "dinopost send -t -i < letter.eml",
    'git send-email --sendmail-cmd="dinopost send -i" 0001-fix.patch',
  ).action((recipients: string[], options: SendOptions) =>
    send(recipients, options.sender === undefined ? options : { ...options, from: options.sender })
  );
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

async function send(recipients: string[], options: SendOptions): Promise<void> {
  checkOptions(options);
  const api = await ApiClient.find(options, ExitCode.tryAgain);
  const ignoreDots = options.ignoreDots || options.option?.includes("i");
  const input = new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
  const login = `${Deno.env.get("LOGNAME") ?? Deno.env.get("USER") ?? "nobody"}@${Deno.hostname()}`;
  const message = await prepareMessage(ignoreDots ? input : upToDot(input), {
    takeRecipients: options.headers === true,
    sender: options.from === undefined ? login : withHost(envelopeSender(options.from)) || login,
    fullName: options.fullName,
    now: systemClock.now(),
    id: new IdMaker(systemClock, systemRandom).next(),
    hostname: Deno.hostname(),
  });
  const to = [...new Set([...recipients.flatMap(readRecipients), ...message.recipients])];
  if (to.length === 0) {
    throw new CliError(ExitCode.usage, "no recipients; name them, or take them from the message with -t");
  }
  const from = options.from === undefined ? message.from ?? login : envelopeSender(options.from);
  const { id } = await api.call<{ id: string }>("/messages", {
    method: "POST",
    query: { from, to },
    body: { type: "message/rfc822", bytes: message.bytes },
  });
  if (options.verbose) printError(`queued as ${safe(id)}`);
}

function checkOptions({ mode, option }: SendOptions): void {
  if (mode !== undefined && mode !== "m") {
    const received = safe(mode);
    throw new CliError(
      ExitCode.usage,
      `-b: received "${received}", expected "m"; the other modes are not sending`,
    );
  }
  const unknown = option?.find((value) => !/^(?:i|m|e\w?|d\w?)$/.test(value));
  if (unknown !== undefined) {
    throw new CliError(ExitCode.usage, `-o: received "${safe(unknown)}", expected "i", "m", "e…" or "d…"`);
  }
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

/** For the From field, whose domain the server doesn't add. */
function withHost(address: string): string {
  return parseLocal(address) === undefined ? address : `${address}@${Deno.hostname()}`;
}

/** One argument may hold several addresses with commas between them. */
function readRecipients(argument: string): string[] {
  return argument.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((text) => {
    const address = readAddress(text.trim().replace(/^<(.*)>$/s, "$1"));
    if (address !== undefined) return address;
    const received = safe(text.trim());
    throw new CliError(
      ExitCode.badData,
      `received the recipient "${received}", expected an address such as "jo@example.org"`,
    );
  });
}

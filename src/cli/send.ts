/** In charge of `send`: submits a message from stdin, with the options that callers of sendmail use. */

import { type Command, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { IdMaker } from "../base/ids.ts";
import { systemRandom } from "../base/random.ts";
import { parseMailbox } from "../mail/address.ts";
import { ApiClient, type ApiOptions, withApi } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./options.ts";
import { printError, safe } from "./output.ts";
import { prepareMessage, upToDot } from "./outgoing_text.ts";

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

/** Adds the command. */
export function addSend(program: Command): void {
  const command = withApi(program.command("send"))
    .description("submit a message from stdin, as sendmail does")
    .argument("[recipient...]", "who gets it")
    .option("-f, --from <address>", 'envelope sender ("<>" for none); default: the message\'s From')
    .option("-F, --full-name <name>", "the name for a From field that has to be added")
    .option("-t, --headers", "take recipients from To, Cc and Bcc too; Bcc is taken out of the message")
    .option("-i, --ignore-dots", "a line with only a dot does not end the message")
    .option("-o, --option <value>", "sendmail's options; i is known, e… and d… change nothing here", collect)
    .option("-b, --mode <mode>", "sendmail's mode; only m, sending, is known")
    .option("-v, --verbose", "tell the id of the message")
    .addOption(new Option("-r, --sender <address>", "the same as -f").hideHelp().conflicts("from"))
    // what cron and mail say, and what is the case here anyway: 8-bit texts pass, the sender is not left out of lists
    .addOption(new Option("-B, --body-type <type>").choices(["7BIT", "8BITMIME"]).hideHelp())
    .addOption(new Option("-m, --me-too").hideHelp());
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
    sender: options.from === undefined ? login : envelopeSender(options.from) || login,
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
  const unknown = option?.find((value) => !/^(?:i|e\w?|d\w?)$/.test(value));
  if (unknown !== undefined) {
    throw new CliError(ExitCode.usage, `-o: received "${safe(unknown)}", expected "i", "e…" or "d…"`);
  }
}

/** The envelope sender that `-f` names; empty for `<>`. */
function envelopeSender(text: string): string {
  const bare = text.replace(/^<(.*)>$/s, "$1");
  if (bare === "") return "";
  const mailbox = parseMailbox(bare);
  if (mailbox !== undefined) return mailbox;
  throw new CliError(
    ExitCode.usage,
    `-f: received "${safe(text)}", expected an address such as "jo@example.org"`,
  );
}

/** One argument may hold several addresses with commas between them. */
function readRecipients(argument: string): string[] {
  return argument.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((text) => {
    const mailbox = parseMailbox(text.trim().replace(/^<(.*)>$/s, "$1"));
    if (mailbox !== undefined) return mailbox;
    const received = safe(text.trim());
    throw new CliError(
      ExitCode.badData,
      `received the recipient "${received}", expected an address such as "jo@example.org"`,
    );
  });
}

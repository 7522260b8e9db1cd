/** The answers to HELP: a list of topics and a few lines on each (RFC 5321 4.1.1.8). */

import { type Reply, reply } from "../protocol/reply.ts";

const END = "End of HELP info";

/** What HELP says on each topic; the keys are what may be asked for. */
const TOPICS: Readonly<Record<string, readonly string[]>> = {
  HELO: ["HELO <domain>", "\tIntroduce yourself, without extensions. EHLO is better."],
  EHLO: ["EHLO <domain or [address]>", "\tIntroduce yourself and get the list of extensions."],
  LHLO: [
    "LHLO <domain or [address]>",
    "\tEHLO's name in LMTP, where each recipient gets a reply to the message.",
  ],
  MAIL: [
    "MAIL FROM:<sender> [parameters]",
    "\tBegin a message. <> is the sender of reports. Parameters: SIZE=octets,",
    "\tBODY=7BIT or 8BITMIME, SMTPUTF8, RET=FULL or HDRS, ENVID=xtext.",
  ],
  RCPT: [
    "RCPT TO:<recipient> [parameters]",
    "\tName a recipient; once for each. Parameters: NOTIFY=NEVER or a list of",
    "\tSUCCESS, FAILURE and DELAY; ORCPT=type;address.",
  ],
  DATA: [
    "DATA",
    "\tSend the message after the reply 354. A dot alone on a line ends it;",
    "\ta line that begins with a dot gets a second one before it.",
  ],
  BDAT: [
    "BDAT <octets> [LAST]",
    "\tSend a piece of the message, of exactly that size, right behind the command.",
  ],
  RSET: ["RSET", "\tDrop the message that was begun."],
  NOOP: ["NOOP", "\tDo nothing."],
  QUIT: ["QUIT", "\tEnd the connection."],
  HELP: ["HELP [topic]", "\tList the topics, or explain one."],
  VRFY: ["VRFY <recipient>", "\tVerify an address. EXPN tells what a list expands to."],
  EXPN: ["EXPN <recipient>", "\tExpand a list: every address that mail to it reaches, a line each."],
  VERB: [
    "VERB",
    "\tVerbose: the delivery of each message of this session is told in lines",
    "\tthat begin with 050, before the reply to its text.",
  ],
  AUTH: ["AUTH <mechanism> [initial response]", "\tLog in with PLAIN, LOGIN or what EHLO lists. * cancels."],
  STARTTLS: ["STARTTLS", "\tEncrypt the connection; then introduce yourself again."],
  DSN: ["DSN", "\tReports on delivery: RET and ENVID in MAIL, NOTIFY and ORCPT in RCPT."],
};

const NAMES = Object.keys(TOPICS);
const TOPIC_LIST = helpReply(["Topics:", ...rows(NAMES, 5), 'For more on a topic use "HELP <topic>".']);

/**
 * The reply to HELP. A topic may be cut short: the first that begins with it is explained. Unknown: 504.
 */
export function help(topic: string): Reply {
  if (topic === "") return TOPIC_LIST;
  const wanted = topic.toUpperCase();
  const name = NAMES.find((one) => one === wanted) ?? NAMES.find((one) => one.startsWith(wanted));
  if (name === undefined) return reply(504, "5.3.0", `HELP topic "${topic.slice(0, 20)}" unknown`);
  return helpReply(TOPICS[name]!);
}

function helpReply(lines: readonly string[]): Reply {
  return reply(214, "2.0.0", ...lines, END);
}

function rows(names: readonly string[], perRow: number): string[] {
  const lines: string[] = [];
  for (let i = 0; i < names.length; i += perRow) lines.push(`\t${names.slice(i, i + perRow).join("\t")}`);
  return lines;
}

/** The part of a report that people read: what happened, to whom, why, and what to do. */

import { formatDate, parseFields, printable } from "../mail/header.ts";
import { localDiagnostic, readOrcpt, replyText } from "./words.ts";
import { type Action, ORDER, type ReportRecipient, type ReportRequest } from "./request.ts";

/** The width of the text. */
const WIDTH = 72;
/** What a peer said is quoted up to here; the whole stands in the part for programs. */
const MAX_REPLY = 800;

const OPENINGS: Record<Action, string> = {
  failed: "It could not be delivered to:",
  delayed: "It has not been delivered yet to:",
  delivered: "It was put into the mailbox of:",
  relayed: "It was passed on to the next mail server, which sends no reports of its own, for:",
  expanded: "It was passed on to all members of:",
};

const CLOSINGS: Record<Action, string> = {
  failed: "This server will not try again for these addresses.",
  delayed:
    "You need not send your message again: this server keeps trying by itself, and tells you when it gives up.",
  delivered: "You asked for this report. There is nothing to do.",
  relayed:
    "You asked for this report. There is nothing to do; you will hear of it only if something goes wrong.",
  expanded: "You asked for this report. There is nothing to do; you will get no report for each member.",
};

/** Advice by the status of a failure, first match wins; the statuses are those of RFC 3463 and its registry. */
const ADVICE: readonly [status: RegExp, text: string][] = [
  [
    /^\d\.1\.10$/,
    "The domain of this address takes no mail at all. Ask the recipient for another address.",
  ],
  [
    /^\d\.1\.[2-4]$/,
    "Look for a typo behind the @ of the address, correct it and send your message again.",
  ],
  [
    /^\d\.1\.[0-6]$/,
    "Look for a typo in the address, correct it and send your message again, or ask the " +
    "recipient for the right address.",
  ],
  [/^\d\.2\.2$/, "The mailbox is full. Send your message again when the recipient has made room."],
  [
    /^\d\.(?:2\.3|3\.4)$/,
    "The message is too big for the recipient's server. Send a smaller one, perhaps with a link to a file " +
    "in place of an attachment.",
  ],
  [
    /^\d\.2\.\d+$/,
    "The mailbox takes no mail at present. Ask the recipient, or send your message again later.",
  ],
  [/^\d\.4\.6$/, "The mail went in a circle. The postmaster of the recipient's domain can mend this."],
  [
    /^\d\.(?:3|4)\.\d+$/,
    "The recipient's mail server could not be reached or did not do its work. Send your message again later, " +
    "or tell the recipient by other means.",
  ],
  [
    /^\d\.6\.\d+$/,
    "The recipient's server can't take a message of this form. Send it again as plain text or without " +
    "attachments.",
  ],
  [
    /^\d\.7\.\d+$/,
    "The recipient's server refused the message by its own rules. Only the people there can change this: " +
    "the reason above is what they need.",
  ],
];

const OWN_RULE = "This server itself does not send it, for the reason above. Its postmaster can change this.";
const USUAL_ADVICE = "If the reason above does not help, show this report to your postmaster.";

/** The text, with CRLF line ends. `whole`: all of the message is returned, not its header only. */
export function reportText(request: ReportRequest, whole: boolean): string {
  const lines = [`This is the mail server ${request.reportingMta}.`, ""];
  lines.push(...wrap(opening(request), ""));
  for (const action of ORDER) {
    const recipients = request.recipients.filter((recipient) => recipient.action === action);
    if (recipients.length === 0) continue;
    lines.push("", ...wrap(OPENINGS[action], ""), "");
    for (const recipient of recipients) lines.push(...recipientLines(recipient), "");
    lines.push(...wrap(closing(action, recipients), ""));
  }
  const rest = whole ? "Your message is attached." : "The header of your message is attached.";
  lines.push("", ...wrap(`${rest} Questions? Write to postmaster@${request.reportingMta}.`, ""));
  return lines.map((line) => `${line}\r\n`).join("");
}

function opening(request: ReportRequest): string {
  const subject = parseFields(request.original.head).find(({ name }) => name.toLowerCase() === "subject")
    ?.value;
  // an encoded word would be no help to a reader
  const about = subject && !subject.includes("=?") ? ` with the subject "${short(subject, 150)}"` : "";
  return `Your message${about} reached this server on ${formatDate(request.arrival)}.`;
}

function recipientLines(recipient: ReportRecipient): string[] {
  const { action, address, code, note, remoteMta } = recipient;
  const lines = wrap(`<${address}>${writtenAs(recipient)}`, "  ");
  const text = short(recipient.text, MAX_REPLY);
  const server = remoteMta ? `The server ${short(remoteMta, 255)}` : "The recipient's server";
  if (code !== undefined) {
    if (note !== undefined) lines.push(...wrap(`Reason: ${note}.`, "    "));
    const said = note === undefined ? "said" : "said last";
    lines.push(...wrap(`${server} ${said}: ${replyText(code, text)}`, "    "));
  } else if (action === "failed" || action === "delayed") {
    const reason = localDiagnostic({ ...recipient, text });
    lines.push(...wrap(`Reason: ${reason || recipient.status}`, "    "));
  }
  if (action === "failed") {
    // nobody else was asked: the rule is one of this server's own
    const isOurs = code === undefined && recipient.status === "5.7.1";
    const advice = isOurs
      ? OWN_RULE
      : ADVICE.find(([status]) => status.test(recipient.status))?.[1] ?? USUAL_ADVICE;
    lines.push(...wrap(`What you can do: ${advice}`, "    "));
  }
  return lines;
}

/** The address that the sender knows, when the message was sent on to another. */
function writtenAs({ orcpt, address }: ReportRecipient): string {
  const original = orcpt === undefined ? undefined : readOrcpt(orcpt)?.address;
  if (!original || original.toLowerCase() === address.toLowerCase()) return "";
  return ` (you wrote to ${short(original, 300)})`;
}

function closing(action: Action, recipients: readonly ReportRecipient[]): string {
  const until = Math.max(...recipients.map((recipient) => recipient.willRetryUntil ?? -Infinity));
  if (action !== "delayed" || until === -Infinity) return CLOSINGS[action];
  return `You need not send your message again: this server keeps trying by itself until ` +
    `${formatDate(until)}, and tells you if it gives up then.`;
}

function short(text: string, length: number): string {
  const clean = printable(text).trim();
  return clean.length <= length ? clean : `${clean.slice(0, length).toWellFormed()}...`;
}

/** The text in lines of the width, each behind the indent; a word of over 200 characters is cut (RFC 5322 2.1.1). */
function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of printable(text).match(/[^ ]{1,200}/gu) ?? []) {
    if (line !== "" && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  lines.push(indent + line);
  return lines;
}

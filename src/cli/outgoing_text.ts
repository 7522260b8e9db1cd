/** The message on its way from stdin to the server: its recipients, and the fields it lacks. */

import { binaryString, concat, encode } from "../base/bytes.ts";
import { parseLocal, parseMailbox, quoteLocal } from "../mail/address.ts";
import { normalizeDomain } from "../mail/domain.ts";
import {
  BLIND_FIELDS,
  foldField,
  type HeaderField,
  parseFields,
  scanHeader,
  withoutFields,
} from "../mail/header.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { safe } from "./output.ts";

/** A message that is ready to be submitted. */
export interface OutgoingContent {
  /** The whole text; its lines end as they ended on stdin. */
  bytes: Uint8Array<ArrayBuffer>;
  /** From To, Cc and Bcc, when they were asked for; a name may stand without a domain, which the server adds. */
  recipients: string[];
  /** The first address of its From field, or the name there. */
  from: string | undefined;
}

/** What {@linkcode prepareMessage} needs to know. */
export interface PrepareOptions {
  /** Recipients are taken from the message. */
  takeRecipients: boolean;
  /** For a From field that is missing. */
  sender: string;
  /** The name beside it. */
  fullName: string | undefined;
}

const LF = 10;
const CR = 13;
const DOT = 46;

/** The content up to a line that holds nothing but a dot. */
export function upToDot(bytes: Uint8Array): Uint8Array {
  for (let start = 0; start < bytes.length;) {
    let end = bytes.indexOf(LF, start);
    if (end === -1) end = bytes.length;
    const length = (end > start && bytes[end - 1] === CR ? end - 1 : end) - start;
    if (length === 1 && bytes[start] === DOT) return bytes.subarray(0, start);
    start = end + 1;
  }
  return bytes;
}

/** Takes the recipients (and Bcc) out, and adds a From field where it is missing; the server adds the others. */
export async function prepareMessage(input: Uint8Array, options: PrepareOptions): Promise<OutgoingContent> {
  const { names, end } = scanHeader(input);
  const headerLength = end === -1 ? input.length : end;
  const header = input.subarray(0, headerLength);
  const fields = parseFields(header);
  const recipients = options.takeRecipients ? await addressesIn(fields, recipientFields(names)) : [];
  const [from] = await addressesIn(fields, ["from"], { strict: false });
  const eol = input[input.indexOf(LF) - 1] === CR ? "\r\n" : "\n";
  const added = names.has("from") ? "" : foldField("From", fromText(options));
  const kept = options.takeRecipients ? withoutFields(header, BLIND_FIELDS) : header;
  // a line of a mailbox file stays on top, where the server takes it off
  const top = fields.length === 0 ? 0 : mailboxLines(kept);
  const parts = [kept.subarray(0, top), encode(added.replaceAll("\r\n", eol)), kept.subarray(top)];
  const isText = fields.length === 0 && header.length > 0 && header[0] !== LF && header[0] !== CR;
  if (isText) parts.splice(2, 0, encode(eol)); // no header section at all: it is all body
  return { bytes: concat([...parts, input.subarray(headerLength)]), recipients, from };
}

/** Where the lines `From …` and `>From …` end that a message begins with. */
function mailboxLines(header: Uint8Array): number {
  return /^(?:>?From [^\n]*\n)*/.exec(binaryString(header))![0].length;
}

function fromText({ sender, fullName }: PrepareOptions): string {
  return fullName === undefined ? sender : `"${fullName.replace(/["\\]/g, "\\$&")}" <${sender}>`;
}

function recipientFields(names: ReadonlySet<string>): string[] {
  const resent = ["resent-to", "resent-cc", "resent-bcc"];
  return resent.some((name) => names.has(name)) ? resent : ["to", "cc", "bcc"];
}

/** The addresses in the fields of these names; what is no address is an error when it counts. */
async function addressesIn(
  fields: readonly HeaderField[],
  names: readonly string[],
  { strict }: { strict: boolean } = { strict: true },
): Promise<string[]> {
  const { addressParser } = await import("postal-mime");
  const addresses: string[] = [];
  for (const { name, value } of fields) {
    if (!names.includes(name.toLowerCase())) continue;
    for (const one of addressParser(value, { flatten: true })) {
      // what has no @ comes as a name: a local user, as in "To: root"
      const text = one.address || one.name;
      if (text === "") continue;
      const address = readAddress(text) ?? requoted(text, value);
      if (address !== undefined) addresses.push(address);
      else if (strict) {
        throw new CliError(ExitCode.badData, `${name}: received "${safe(text)}", expected an address`);
      }
    }
  }
  return addresses;
}

/** The addresses of a recipient argument: one, several with commas between them, each with or without a name. */
export async function readRecipients(argument: string): Promise<string[]> {
  const text = argument.trim();
  const plain = readAddress(text.replace(/^<(.*)>$/s, "$1"));
  if (plain !== undefined) return [plain];
  const found = await addressesIn([{ name: "recipients", value: text }], ["recipients"]);
  if (found.length > 0) return found;
  throw new CliError(
    ExitCode.badData,
    `recipients: received "${safe(text)}", expected an address such as "jo@example.org"`,
  );
}

/** An address in its canonical form, or the name of a user of the server, who has no domain yet; undefined for neither. */
export function readAddress(text: string): string | undefined {
  return parseMailbox(text) ?? parseLocal(text);
}

/** A user of a host; the name alone, which gets the server's domain, where the host's is no domain name. */
export function atHost(user: string, hostname: string): string {
  const host = normalizeDomain(hostname);
  return host?.includes(".") ? `${user}@${host}` : user;
}

/** The parser takes the quotes off local parts that need them; what had none is no address. */
function requoted(address: string, source: string): string | undefined {
  const at = address.lastIndexOf("@");
  const local = quoteLocal(address.slice(0, Math.max(0, at)));
  const text = `${local}@${address.slice(at + 1)}`;
  return source.includes(`${local}@`) ? parseMailbox(text) : undefined;
}

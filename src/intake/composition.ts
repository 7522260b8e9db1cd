/** The messages that are given in parts: their envelope and content. */

import { decode } from "../base/bytes.ts";
import { Problem, quoted } from "../http/problem.ts";
import { parseMailbox } from "../mail/address.ts";
import { longLineAt, MAX_LINE_OCTETS } from "../mail/content.ts";
import { buildMessage, type MessageParts } from "../mail/mime_builder.ts";

/** Made of what else is given, so they can't be given twice. */
const OWN_FIELDS = /^(?:from|to|cc|bcc|subject|mime-version|content-.*|received|return-path)$/i;

/** A message in parts, with all whom it goes to. */
export interface Composition extends MessageParts {
  /** Get it too, and stand in no header. */
  readonly bcc?: readonly string[] | undefined;
}

/** A message's content with its envelope. */
export interface Composed {
  readonly from: string;
  readonly to: string[];
  readonly content: Uint8Array;
}

/** Builds the message, dated `now` (milliseconds since 1970). Throws a {@linkcode Problem} for addresses and headers that can't be. */
export async function compose(message: Composition, now: number): Promise<Composed> {
  refuseOwnFields(message);
  const [from, to, cc, bcc] = await Promise.all([
    addresses([message.from], "from"),
    addresses(message.to, "to"),
    addresses(message.cc ?? [], "cc"),
    addresses(message.bcc ?? [], "bcc"),
  ]);
  if (from.length !== 1) throw new Problem(422, "from: must be one address");
  const { bcc: _, ...parts } = message;
  const content = await buildMessage(parts, now);
  refuseLongLines(content);
  return { from: from[0]!, to: [...new Set([...to, ...cc, ...bcc])], content };
}

function refuseOwnFields({ headers = {} }: Pick<Composition, "headers">): void {
  for (const name of Object.keys(headers)) {
    if (OWN_FIELDS.test(name)) {
      throw new Problem(422, `headers: ${quoted(name)} can't stand here; it is made of the other members`);
    }
  }
}

/** A message in parts that is not finished: nobody may be named yet, or not by an address. */
export type Draft = Omit<Composition, "to"> & { readonly to?: readonly string[] | undefined };

/** Builds a draft, with its hidden recipients in the header. Throws a {@linkcode Problem} for headers that can't be. */
export async function buildDraft({ to = [], ...draft }: Draft, now: number): Promise<Uint8Array> {
  refuseOwnFields(draft);
  const content = await buildMessage({ ...draft, to }, now);
  refuseLongLines(content);
  return content;
}

/** What has blanks is folded, and text is encoded: few lines get too long. */
function refuseLongLines(content: Uint8Array): void {
  const start = longLineAt(content);
  if (start === undefined) return;
  const before = decode(content.subarray(0, start + 120));
  const field = before.includes("\r\n\r\n") ? undefined : before.match(/^[!-9;-~]+(?=:)/gm)?.at(-1);
  const where = field === undefined ? "attachments" : `the field ${quoted(field)}`;
  throw new Problem(
    422,
    `${where}: a line would be longer than ${MAX_LINE_OCTETS} octets, which mail can't carry`,
  );
}

/** The canonical addresses in what people write, such as `"Brain" <brain@example.org>`. */
async function addresses(given: readonly string[], name: string): Promise<string[]> {
  const lists = given.map(async (text, i) => {
    const at = given.length > 1 ? `${name}.${i}` : name;
    const plain = parseMailbox(text.trim());
    if (plain !== undefined) return [plain];
    const { addressParser } = await import("postal-mime");
    const found = addressParser(text, { flatten: true });
    if (found.length === 0) throw new Problem(422, `${at}: received "${quoted(text)}", expected an address`);
    return found.map((one) => {
      const mailbox = parseMailbox(one.address ?? "");
      if (mailbox !== undefined) return mailbox;
      throw new Problem(422, `${at}: received "${quoted(text)}", expected an address such as jo@example.org`);
    });
  });
  return (await Promise.all(lists)).flat();
}

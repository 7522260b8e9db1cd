/** The messages that come as JSON: their schema, and their envelope and content. */

import { z } from "@hono/zod-openapi";
import { decode } from "../base/bytes.ts";
import { parseMailbox } from "../mail/address.ts";
import { longLineAt, MAX_LINE_OCTETS } from "../mail/content.ts";
import { buildMessage } from "../mail/mime_builder.ts";
import { Problem, quoted } from "../http/problem.ts";
import { NOT_ONE_LINE, ONE_LINE } from "./schemas.ts";

/** Made of what else is given, so they can't be given twice. */
const OWN_FIELDS = /^(?:from|to|cc|bcc|subject|mime-version|content-.*|received|return-path)$/i;

const person = z.string().min(1).max(1000).regex(ONE_LINE, NOT_ONE_LINE).openapi({
  example: '"Brain" <brain@example.org>',
});
const people = z.array(person).max(1000);
/** What stands before the colon (RFC 5322 2.2). */
const FIELD_NAME = /^[!-9;-~]{1,100}$/;
/** For the document: its library writes nothing of the keys itself. */
const NAMED: object = { propertyNames: { pattern: FIELD_NAME.source } };
const value = z.string().max(10_000).regex(ONE_LINE, NOT_ONE_LINE);

/** What a message is made of. */
export const composeSchema = z.strictObject({
  from: person,
  to: people.min(1),
  cc: people.optional().openapi({ description: "Beyond the recipients in `to`" }),
  bcc: people.optional().openapi({ description: "Get it too, and stand in no header" }),
  subject: z.string().max(10_000).regex(ONE_LINE, NOT_ONE_LINE).optional(),
  text: z.string().optional(),
  html: z.string().optional(),
  headers: z.record(
    z.string().regex(FIELD_NAME, "is no name of a header field"),
    z.union([value, z.array(value).max(100)]),
  ).optional().openapi({ ...NAMED }),
  attachments: z.array(z.strictObject({
    filename: z.string().min(1).max(255).regex(ONE_LINE, NOT_ONE_LINE),
    content: z.base64().openapi({ description: "The bytes in base64", format: "byte" }),
    contentType: z.string().max(200).regex(
      /^[\w.+-]+\/[\w.+-]+(?: *; *[\w-]+="?[\w. +-]*"?)*$/,
      "is no type such as image/png",
    )
      .optional(),
    contentId: z.string().max(200).regex(/^[!-;=?-~]+$/, "is no content id").optional(),
  })).max(100).optional(),
}).openapi("NewMessage");

/** A message in parts. */
export type Composition = z.infer<typeof composeSchema>;

/** A message's content with its envelope. */
export interface Composed {
  readonly from: string;
  readonly to: string[];
  readonly content: Uint8Array;
}

/** Builds the message, dated `now` (milliseconds since 1970). Throws a {@linkcode Problem} for addresses and headers that can't be. */
export async function compose(message: Composition, now: number): Promise<Composed> {
  for (const name of Object.keys(message.headers ?? {})) {
    if (OWN_FIELDS.test(name)) {
      throw new Problem(422, `headers: ${quoted(name)} can't stand here; it is made of the other members`);
    }
  }
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
  const { addressParser } = await import("postal-mime");
  return given.flatMap((text, i) => {
    const at = given.length > 1 ? `${name}.${i}` : name;
    const plain = parseMailbox(text.trim());
    if (plain !== undefined) return [plain];
    const found = addressParser(text, { flatten: true });
    if (found.length === 0) throw new Problem(422, `${at}: received "${quoted(text)}", expected an address`);
    return found.map((one) => {
      const mailbox = parseMailbox(one.address ?? "");
      if (mailbox !== undefined) return mailbox;
      throw new Problem(422, `${at}: received "${quoted(text)}", expected an address such as jo@example.org`);
    });
  });
}

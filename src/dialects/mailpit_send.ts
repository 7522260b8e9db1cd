/** Mailpit's `POST /api/v1/send`: a message in parts, composed and captured. */

import { z } from "@hono/zod-openapi";
import { compose } from "../intake/composition.ts";
import { Problem } from "../http/problem.ts";
import { parseMailbox } from "../mail/address.ts";
import { cleanTags } from "../mail/tags.ts";
import { type Call, type DialectParts, members, Refused } from "./dialect.ts";

const person = z.object({ Email: z.string(), Name: z.string().nullish() });
const people = z.array(person).nullish();

const bodySchema = z.object({
  From: person.nullish(),
  To: people,
  Cc: people,
  Bcc: z.array(z.string()).nullish(),
  ReplyTo: people,
  Subject: z.string().nullish(),
  Text: z.string().nullish(),
  HTML: z.string().nullish(),
  Headers: z.record(z.string(), z.string()).nullish(),
  Tags: z.array(z.string()).nullish(),
  Attachments: z.array(z.object({
    Content: z.base64(),
    Filename: z.string(),
    ContentType: z.string().nullish(),
    ContentID: z.string().nullish(),
  })).nullish(),
});

type Body = z.infer<typeof bodySchema>;

/** Takes it; errors are `{"Error"}`, as Mailpit's. */
export async function sendMessage(c: Call, { options }: DialectParts): Promise<Response> {
  const { submission, clock } = options;
  try {
    const parsed = bodySchema.safeParse(await members(c));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new Refused(400, `${issue!.path.join(".")}: ${issue!.message}`);
    }
    const { from, to, content } = await compose(compositionOf(parsed.data), clock.now());
    const remote = c.env?.remote;
    const message = { from, to, text: content, composed: true, ...(remote === undefined ? {} : { remote }) };
    const result = await submission.submit(message);
    if (result.ok) return c.json({ ID: result.id });
    if (result.refusal.kind === "size") throw new Problem(413, result.refusal.text);
    throw new Refused(400, result.refusal.text);
  } catch (error) {
    const isOurs = error instanceof Refused || (error instanceof Problem && error.status === 422);
    if (isOurs) return c.json({ Error: error.message }, 400);
    throw error;
  }
}

function compositionOf(body: Body) {
  const { From, To, Cc, Bcc, ReplyTo, Subject, Text, HTML, Headers, Tags, Attachments } = body;
  if (!From || From.Email === "") throw new Refused(400, "error building message: from not set");
  const to = addresses(To, "To");
  const cc = addresses(Cc, "Cc");
  const bcc = (Bcc ?? []).map((text) => addressOf(text, "Bcc"));
  if (to.length + cc.length + bcc.length === 0) {
    throw new Refused(400, "error building message: no recipients (to, cc, bcc) set");
  }
  const tags = cleanTags(Tags ?? []);
  const replyTo = addresses(ReplyTo, "ReplyTo");
  return {
    from: written(From, "From"),
    to,
    cc,
    bcc,
    subject: Subject ?? "",
    text: Text ?? undefined,
    html: HTML || undefined,
    headers: {
      ...Headers,
      ...(replyTo.length > 0 && { "Reply-To": replyTo.join(", ") }),
      ...(tags.length > 0 && { "X-Tags": tags.join(", ") }),
    },
    attachments: (Attachments ?? []).map(({ Content, Filename, ContentType, ContentID }) => ({
      filename: Filename,
      content: Content,
      contentType: ContentType || undefined,
      contentId: ContentID || undefined,
    })),
  };
}

function addresses(list: Body["To"], name: string): string[] {
  return (list ?? []).map((one) => written(one, name));
}

/** As people write it: `"Jo" <jo@example.org>`. */
function written({ Email, Name }: z.infer<typeof person>, name: string): string {
  const address = addressOf(Email, name);
  // deno-lint-ignore no-control-regex
  const label = (Name ?? "").replace(/[\x00-\x1f\x7f"\\]/g, " ").trim();
  return label === "" ? address : `"${label}" <${address}>`;
}

function addressOf(text: string, name: string): string {
  const address = parseMailbox(text.trim());
  if (address === undefined) throw new Refused(400, `invalid ${name} address: ${text}`);
  return address;
}

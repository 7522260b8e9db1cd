/** The building of whole messages out of their parts (RFC 5322, MIME), with nothing taken from disk or net. */

import { Buffer } from "node:buffer";

/** What a message is made of. */
export interface MessageParts {
  /** Who writes, as people write it: `"Jo" <jo@example.org>`. */
  readonly from: string;
  /** For whom it is. */
  readonly to: readonly string[];
  /** Who gets it too. */
  readonly cc?: readonly string[] | undefined;
  /** Stand in the header too: of a draft only. */
  readonly bcc?: readonly string[] | undefined;
  /** The subject, in any characters. */
  readonly subject?: string | undefined;
  /** The plain text. */
  readonly text?: string | undefined;
  /** The same in HTML. */
  readonly html?: string | undefined;
  /** Further fields, one or several of a name. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** Files. */
  readonly attachments?: readonly AttachmentPart[] | undefined;
}

/** An attachment to be. */
export interface AttachmentPart {
  /** Its name. */
  readonly filename: string;
  /** In base64. */
  readonly content: string;
  /** Its type, such as `image/png`; default: by its name. */
  readonly contentType?: string | undefined;
  /** What `cid:` in the HTML names. */
  readonly contentId?: string | undefined;
}

/** Builds the message, dated `now` (milliseconds since 1970). */
export async function buildMessage(parts: MessageParts, now: number): Promise<Uint8Array> {
  const { from, to, cc, bcc, subject, text, html, headers = {}, attachments = [] } = parts;
  const { default: MailComposer } = await import("nodemailer/lib/mail-composer/index.js");
  const mail = new MailComposer({
    from,
    to: [...to],
    ...(cc === undefined ? {} : { cc: [...cc] }),
    ...(bcc === undefined ? {} : { bcc: [...bcc] }),
    ...(subject === undefined ? {} : { subject }),
    ...(text === undefined && html === undefined ? { text: "" } : {}),
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
    date: new Date(now),
    headers: Object.entries(headers).flatMap(([key, values]) =>
      [values].flat().map((value) => ({ key, value }))
    ),
    attachments: attachments.map(({ filename, content, contentType, contentId }) => ({
      filename,
      content: Buffer.from(content, "base64"),
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentId === undefined ? {} : { cid: contentId }),
      // by itself nodemailer would show a forwarded mail in place
      ...(/^message\//i.test(contentType ?? "") ? { contentDisposition: "attachment" } : {}),
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const node = mail.compile();
  node.keepBcc = bcc !== undefined;
  return await node.build();
}

/** Mailpit's addresses for browsers: a message's HTML, its text, and the page that shows it. */

import { withPictures } from "../web/html_part.ts";
import { type Call, Dialect, type DialectParts, Refused } from "./dialect.ts";
import type { Letter } from "./reader.ts";
import { readableText } from "./reader.ts";

/** The HTML comes from strangers: nothing of it runs, and it belongs to no origin. */
const POLICY =
  "sandbox; default-src 'none'; style-src * 'unsafe-inline'; img-src * data:; font-src * data:; " +
  "form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** Its calls below `/view`. */
export function mailpitViews(parts: DialectParts): Dialect["app"] {
  const dialect = new Dialect("Mailpit", parts);
  const { mail, reader } = parts;
  dialect.on("GET /view/{id}", "The page, the HTML (.html) or the text (.txt) of a message", async (c) => {
    const [, id = "", kind] = /^(.*?)(?:\.(html|txt))?$/.exec(c.req.param("id") ?? "") ?? [];
    const message = id === "latest" ? mail.latest : mail.get(id);
    if (!message) return notFound();
    if (kind === undefined) {
      if (id === "latest") return c.redirect(`/view/${message.id}`);
      const [box = ""] = message.recipients;
      return c.redirect(`/mailboxes/${encodeURIComponent(box)}/${message.id}`);
    }
    const letter = await reader.letter(message);
    if (!letter) return notFound();
    const answer = kind === "txt" ? c.text(readableText(letter)) : html(c, letter);
    await mail.markSeen([message.id]);
    return answer;
  });
  return dialect.app;
}

function notFound(): never {
  throw new Refused(404, "Message not found");
}

function html(c: Call, { html, attachments }: Letter): Response {
  if (html === null) throw new Refused(404, "This message does not contain a HTML part");
  return c.html(withPictures(html, attachments), 200, { "content-security-policy": POLICY });
}

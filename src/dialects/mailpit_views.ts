/** Mailpit's addresses for browsers: a message's HTML, its text, and the page that shows it. */

import { withPictures } from "../web/html_part.ts";
import { marksRead } from "../http/roles.ts";
import { type Call, Dialect, type DialectParts, Refused } from "./dialect.ts";
import { latestOf } from "./mailpit_messages.ts";
import type { Letter } from "./reader.ts";
import { htmlOf, textOf } from "./mailpit_shapes.ts";

/** The HTML comes from strangers: nothing of it runs, and it belongs to no origin. */
const POLICY = "default-src 'none'; style-src * 'unsafe-inline'; img-src * data:; font-src * data:; " +
  "form-action 'none'; base-uri 'none'";
const ALONE = `sandbox; frame-ancestors 'none'; ${POLICY}`;
/** For a frame, whose links lead out of it. */
const EMBEDDED = `sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'; ${POLICY}`;

/** Its calls below `/view`. */
export function mailpitViews(parts: DialectParts): Dialect["app"] {
  const dialect = new Dialect("Mailpit");
  const { mail, reader } = parts;
  dialect.on("GET /view/{id}", "The page, the HTML (.html) or the text (.txt) of a message", async (c) => {
    const [, id = "", kind] = /^(.*?)(?:\.(html|txt))?$/.exec(c.req.param("id") ?? "") ?? [];
    if (kind === undefined && id === "latest" && mail.count === 0) return c.redirect("/");
    const message = id === "latest" ? await latestOf(c, parts) : mail.get(id);
    if (!message) return notFound();
    if (kind === undefined) {
      if (id === "latest") return c.redirect(`/view/${message.id}`);
      const [box = ""] = message.recipients;
      return c.redirect(`/mailboxes/${encodeURIComponent(box)}/${message.id}`);
    }
    const letter = await reader.letter(message);
    if (!letter) return notFound();
    const answer = kind === "txt" ? c.text(textOf(letter)) : html(c, letter);
    if (marksRead(c.req.method, c.env?.user)) await mail.markSeen([message.id]);
    return answer;
  });
  return dialect.app;
}

function notFound(): never {
  throw new Refused(404, "Message not found");
}

function html(c: Call, letter: Letter): Response {
  const html = htmlOf(letter);
  if (html === null) throw new Refused(404, "This message does not contain a HTML part");
  const shown = withPictures(html, letter.attachments);
  if (c.req.query("embed") !== "1") return c.html(shown, 200, { "content-security-policy": ALONE });
  // of two attributes of one name the first one counts
  const links = shown.replace(/<a(?=[\s/>])/gi, '$& target="_blank" rel="noreferrer noopener"');
  return c.html(links, 200, { "content-security-policy": EMBEDDED, "x-frame-options": "SAMEORIGIN" });
}

/** The text of HTML, quickly: for all the messages of a mailbox, where `html_tags.ts` would take too long. */

import { unescaped } from "./html_tags.ts";

/** Tags that part words, others stand within them. */
const BLOCK =
  /<\/?(?:address|article|aside|blockquote|br|center|d[dlt]|div|f(?:ieldset|ooter|orm)|h[1-6r]|header|li|main|nav|o[lp]|option|p(?:re)?|section|t(?:able|[dhr])|title|ul)\b[^<>]*>/gi;

/** HTML without its tags, styles and scripts; quicker than one that knows its grammar, for all of a mailbox. */
export function readableHtml(html: string): string {
  const shown = UNSHOWN.reduce((text, [open, close]) => withoutRuns(text, open, close), html);
  const text = shown.replace(BLOCK, " ").replace(/<[/a-z!?][^<>]*>/gi, "");
  return text.includes("&")
    ? unescaped(text.replace(NAMED, (whole, name: string) => LETTERS[name] ?? whole))
    : text;
}

const UNSHOWN: readonly (readonly [open: RegExp, close: RegExp])[] = [
  [/<!--/g, /-->/g],
  [/<style\b/gi, /<\/style\b[^<>]*>?/gi],
  [/<script\b/gi, /<\/script\b[^<>]*>?/gi],
  [/<title\b/gi, /<\/title\b[^<>]*>?/gi],
];

/** Without what stands between two marks; what does not end goes to the end. */
function withoutRuns(html: string, open: RegExp, close: RegExp): string {
  let [text, at] = ["", 0];
  open.lastIndex = 0;
  for (let found = open.exec(html); found; found = open.exec(html)) {
    text += html.slice(at, found.index);
    close.lastIndex = open.lastIndex;
    at = open.lastIndex = close.test(html) ? close.lastIndex : html.length;
  }
  return at === 0 ? html : text + html.slice(at);
}

const NAMED = /&([A-Za-z]{2,8});/g;
/** Letters of Western Europe by their names, as programs write them. */
const LETTERS: Readonly<Record<string, string>> = Object.fromEntries(
  ("Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute " +
    "Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil " +
    "egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml " +
    "yacute thorn yuml").split(" ").map((name, i) => [name, String.fromCharCode(0xc0 + i)]),
);

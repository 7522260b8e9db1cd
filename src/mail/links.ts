/** The links of a mail: those in its text, and where its HTML leads. */

import { tagsOf, visibleText } from "./html_tags.ts";

/** In brackets all is the link's own, and it may be broken over lines (RFC 3986, appendix C); bare ones end somewhere. */
const LINK = new RegExp(
  String.raw`<(?:URL:)?\s*(https?://[^\s<>"]+(?:\r?\n[ \t]*[^\s<>"]+)*)\s*>` +
    "|" + String.raw`(?<![A-Za-z\d@])https?://[^\s<>"'${"`"}\\^{|}。、，！？；：）】」』》“”«»]+`,
  "gi",
);
/** Where elements lead. */
const WHERE: Readonly<Record<string, readonly string[]>> = {
  a: ["href"],
  area: ["href"],
  form: ["action"],
  button: ["formaction"],
  input: ["formaction"],
};
const MOST = 100;

/** The links of a message, each once, in their order: of its text, then of its HTML. */
export function linksOf(text: string | null, html: string | null): string[] {
  const links = new Set<string>();
  addTextLinks(links, text ?? "");
  addHtmlLinks(links, html ?? "");
  if (text === null && html !== null) addTextLinks(links, visibleText(html));
  return [...links].slice(0, MOST);
}

/** A text without its links, for what else is looked for in it. */
export function withoutLinks(text: string): string {
  return text.replace(LINK, " ");
}

function addTextLinks(links: Set<string>, text: string): void {
  for (const match of text.matchAll(LINK)) {
    const [whole, bracketed] = match;
    links.add(bracketed?.replace(/\s+/g, "") ?? trimmed(whole, text[match.index - 1]));
  }
}

function addHtmlLinks(links: Set<string>, html: string): void {
  let base: string | undefined;
  for (const { name, attributes } of tagsOf(html)) {
    if (name === "base") base ??= absolute(attributes.get("href"), undefined);
    for (const attribute of WHERE[name] ?? []) {
      const link = absolute(attributes.get(attribute), base);
      if (link !== undefined) links.add(link);
    }
  }
}

/** The link as it is written, where it says it all; what it leaves out comes from the base. */
function absolute(value: string | undefined, base: string | undefined): string | undefined {
  const link = value?.replace(/[\t\r\n]/g, "").trim() ?? "";
  if (/^https?:\/\//i.test(link)) return link;
  if (link.startsWith("//")) return `${base === undefined ? "https:" : new URL(base).protocol}${link}`;
  if (link === "" || base === undefined || /^(?:[a-z][a-z\d+.-]*:|#)/i.test(link)) return undefined;
  return URL.canParse(link, base) ? new URL(link, base).href : undefined;
}

/** A sentence's end is not a link's, nor is a bracket that was not opened within it, nor a mark that was set around it. */
function trimmed(link: string, before: string | undefined): string {
  const surplus = (opening: string, closing: string) => count(link, closing) - count(link, opening);
  const open: Record<string, number> = { ")": surplus("(", ")"), "]": surplus("[", "]") };
  let end = link.length;
  for (; end > 0; end--) {
    const last = link[end - 1]!;
    // many a token ends with an underscore
    const isMark = last === "*" || last === "_" && before === "_";
    if (!(open[last]! > 0) && !isMark && !/[.,;:!?…]/.test(last)) break;
    if (last in open) open[last]!--;
  }
  return link.slice(0, end);
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

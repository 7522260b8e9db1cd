/** HTML of mail as far as it is looked through: its tags, and the text that people see of it. */

/** A tag that opens an element. */
export interface Tag {
  /** Its name in lower case. */
  readonly name: string;
  /** What it has, by name in lower case: the first of each, with entities read. */
  readonly attributes: ReadonlyMap<string, string>;
}

/** A run of markup or text: one of these. */
export interface HtmlPiece {
  readonly text?: string;
  readonly tag?: Tag;
  /** The name of an element that ends. */
  readonly end?: string;
  /** What stands in a style element. */
  readonly style?: string;
  readonly other?: "comment" | "doctype";
}

const NAME = /[a-z][^\s/>]*/iy;
const ATTRIBUTE = /[\s/]*([^\s/>=]+)(?:\s*=\s*(?:"([^"]*)(?:"|$)|'([^']*)(?:'|$)|([^\s>]*)))?/y;
/** What is between such tags is no text. */
const RAW = new Set(["script", "style", "head", "title", "template"]);
const BLOCKS = new Set(
  ("address article aside blockquote br center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hr li main " +
    "nav ol p pre section table tr ul").split(" "),
);
const CELLS = new Set(["td", "th", "option"]);

/** All tags that open elements, in their order; comments and scripts are passed over. */
export function* tagsOf(html: string): Generator<Tag> {
  for (const { tag } of htmlPieces(html)) if (tag) yield tag;
}

/**
 * What people see, a line to a block; within one, what inline elements part stays together. With `links`, where a link
 * leads stands in parentheses behind it, unless it is its text.
 */
export function visibleText(html: string, { links = false }: { links?: boolean } = {}): string {
  let text = "";
  let hidden: string | undefined;
  let link: { readonly href: string; readonly start: number } | undefined;
  for (const { text: piece, tag, end } of htmlPieces(html)) {
    const name = tag?.name ?? end;
    if (hidden !== undefined) {
      if (end === hidden || hidden === "head" && name === "body") hidden = undefined;
      else continue;
    }
    if (links && name === "a") {
      if (link && text.slice(link.start).trim() !== link.href) text += ` ( ${link.href} )`;
      const href = tag?.attributes.get("href")?.trim() ?? "";
      link = href === "" ? undefined : { href, start: text.length };
    }
    if (piece !== undefined) text += unescaped(piece.replace(/\s+/g, " "));
    else if (tag && RAW.has(tag.name)) hidden = tag.name;
    else if (BLOCKS.has(name!)) text += "\n";
    else if (CELLS.has(name!)) text += " ";
  }
  return text.replace(/[ \u00a0]+/g, " ").replace(/ ?\n[ \n]*/g, "\n").trim();
}

/** The whole text as pieces, in their order, whatever is wrong with it; scripts are passed over. */
export function* htmlPieces(html: string): Generator<HtmlPiece> {
  for (let at = 0; at < html.length;) {
    const open = html.indexOf("<", at);
    if (open < 0) return yield { text: html.slice(at) };
    if (open > at) yield { text: html.slice(at, open) };
    if (html.startsWith("<!--", open)) {
      const end = html.indexOf("-->", open + 4);
      yield { other: "comment" };
      at = end < 0 ? html.length : end + 3;
      continue;
    }
    const isEnd = html[open + 1] === "/";
    NAME.lastIndex = open + (isEnd ? 2 : 1);
    const name = NAME.exec(html)?.[0].toLowerCase();
    if (name === undefined) {
      // `<!DOCTYPE`, `<?xml`, or a sign that stands for itself
      const end = /[!?]/.test(html[open + 1] ?? "") ? html.indexOf(">", open) : open;
      if (end === open) yield { text: "<" };
      else if (/^!doctype\b/i.test(html.slice(open + 1, open + 10))) yield { other: "doctype" };
      at = end < 0 ? html.length : end + 1;
      continue;
    }
    const { attributes, end } = attributesAt(html, NAME.lastIndex);
    yield isEnd ? { end: name } : { tag: { name, attributes } };
    at = end;
    if (!isEnd && (name === "script" || name === "style")) {
      const close = closing(html, { name, from: at });
      const start = at;
      at = close < 0 ? html.length : close;
      if (name === "style") yield { style: html.slice(start, at) };
    }
  }
}

function attributesAt(html: string, from: number): { attributes: Map<string, string>; end: number } {
  const attributes = new Map<string, string>();
  let at = from;
  for (;;) {
    ATTRIBUTE.lastIndex = at;
    const found = ATTRIBUTE.exec(html);
    if (!found) break;
    const [, name, double, single, bare] = found;
    const key = name!.toLowerCase();
    if (!attributes.has(key)) attributes.set(key, unescaped(double ?? single ?? bare ?? ""));
    at = ATTRIBUTE.lastIndex;
  }
  const end = html.indexOf(">", at);
  return { attributes, end: end < 0 ? html.length : end + 1 };
}

function closing(html: string, { name, from }: { name: string; from: number }): number {
  const pattern = new RegExp(`</${name}`, "gi");
  pattern.lastIndex = from;
  return pattern.exec(html)?.index ?? -1;
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  colon: ":",
  sol: "/",
  equals: "=",
  lowbar: "_",
};

/** With the entities read that stand for what matters in links and codes. */
export function unescaped(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
    const point = decimal === undefined ? parseInt(hex, 16) : Number(decimal);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

/** The reading of XML as far as reports have it: elements and their text, without attributes, entities of their own or DTDs. */

/** An element; names are without their prefix. */
export interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  /** Its own text. */
  text: string;
}

/** Sticky, and a name ends where it must: neither what never ends nor what is no token is looked at again and again. */
const TOKEN =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<(\/?)([^\s<>\/!?]+)(?=[\s\/>])[^<>]*?(\/?)>|([^<]+)/gy;
const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
const MAX_DEPTH = 30;
const MAX_ELEMENTS = 150_000;

/** The root element; undefined: it is no XML that can be read. */
export function parseXml(text: string): XmlElement | undefined {
  const root: XmlElement = { name: "", children: [], text: "" };
  const open: XmlElement[] = [root];
  let elements = 0;
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    at += match[0].length;
    const [, data, closes, name, isEmpty, words] = match;
    const top = open.at(-1)!;
    if (data !== undefined) top.text += data;
    else if (words !== undefined) top.text += decoded(words);
    else if (name === undefined) continue;
    else if (closes === "/") {
      if (open.length < 2 || top.name !== local(name)) return undefined;
      open.pop();
    } else {
      if (++elements > MAX_ELEMENTS || open.length > MAX_DEPTH) return undefined;
      const element: XmlElement = { name: local(name), children: [], text: "" };
      top.children.push(element);
      if (isEmpty !== "/") open.push(element);
    }
  }
  // what is no token ends it, such as a DTD: what it defines is not read
  if (at < text.length) return undefined;
  return open.length === 1 && root.children.length === 1 ? root.children[0] : undefined;
}

/** The first child by name. */
export function child(of: XmlElement | undefined, name: string): XmlElement | undefined {
  return of?.children.find((one) => one.name === name);
}

/** The text below, by names from an element on, without blanks around it; empty where there is none. */
export function textAt(of: XmlElement | undefined, ...path: string[]): string {
  return path.reduce(child, of)?.text.trim() ?? "";
}

function local(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function decoded(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]+);/gi, (whole, name: string) => {
    if (name[0] !== "#") return ENTITIES[name] ?? whole;
    const code = name[1] === "x" || name[1] === "X" ? parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

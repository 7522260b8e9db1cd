/** The reader of styles: what is used in them, each thing as a short name (`property:margin`, `unit:px`). */

import type { AtRule, Declaration, Node, Rule } from "postcss";
import parse from "postcss-safe-parser";

/** Told of each thing that is used. */
export type Note = (what: string) => void;

const COMBINATORS: readonly [RegExp, string][] = [
  [/\+/, "selector:adjacent-sibling"],
  [/>/, "selector:child"],
  [/~/, "selector:general-sibling"],
  [/[^\s+>~,]\s+[^\s+>~,]/, "selector:descendant"],
  [/\[/, "selector:attribute"],
  [/\.[\w-]+\.[\w-]/, "selector:chaining"],
  [/\./, "selector:class"],
  [/#/, "selector:id"],
  [/(?:^|[\s+>~])[a-z]/i, "selector:type"],
  [/(?:^|[\s+>~])\*/, "selector:universal"],
];
/** Words that are features by themselves. */
const WORDS =
  /^(?:initial|fit-content|min-content|max-content|system-ui|ui-(?:serif|sans-serif|rounded|monospace))$/;
/** The longhands of these count as them. */
const SHORTHANDS =
  /^(margin|padding|border-image|border|outline|overflow|transition|animation|scroll-snap|text-emphasis)-/;

/** Reads a style sheet, or the content of a style attribute; it throws nothing. */
export function readCss(css: string, note: Note): void {
  // without recursion: who nests deep wants to do harm
  const left: Node[] = [parse(css)];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node.type === "comment") note("css:comment");
    else if (node.type === "decl") readDeclaration(node as Declaration, note);
    else if (node.type === "atrule") readAtRule(node as AtRule, note);
    else if (node.type === "rule") readRule(node as Rule, note);
    for (const child of (node as { nodes?: Node[] }).nodes ?? []) left.push(child);
  }
}

function readAtRule({ name, params }: AtRule, note: Note): void {
  const plain = withoutPrefix(name);
  note(`at:${plain}`);
  if (plain !== "media") return;
  for (const [, feature] of params.matchAll(/\(\s*(-?[a-z][\w-]*)/gi)) {
    note(`media:${withoutPrefix(feature!).replace(/^(?:min|max)-/, "")}`);
  }
}

function readRule({ selector, selectors, parent }: Rule, note: Note): void {
  // steps of an animation have no selectors
  if (parent?.type === "atrule" && /keyframes$/i.test((parent as AtRule).name)) return;
  if (selector.includes("&") || parent?.type === "rule") note("css:nesting");
  if (selectors.length > 1) note("selector:grouping");
  for (const one of selectors) {
    for (const [, name] of one.matchAll(/::?([a-z-]+)/gi)) note(`pseudo:${name!.toLowerCase()}`);
    // what stands in brackets or strings is no selector of its own
    const bare = one.replace(/\[[^\]]*\]?/g, "[").replace(/\([^()]*\)?/g, "").trim();
    for (const [pattern, name] of COMBINATORS) if (pattern.test(bare)) note(name);
  }
}

function readDeclaration({ prop, value, important }: Declaration, note: Note): void {
  if (prop.startsWith("--")) note("css:variable");
  else {
    const name = withoutPrefix(prop);
    note(`property:${name}`);
    const shorthand = SHORTHANDS.exec(name)?.[1];
    if (shorthand !== undefined) note(`longhand:${shorthand}:${name}`);
    note(`declaration:${name}:${value.trim().toLowerCase().slice(0, 40)}`);
  }
  if (important) note("css:important");
  readValue(value, note);
}

function readValue(value: string, note: Note): void {
  for (const [, url] of value.matchAll(/url\(\s*["']?([^"')]{1,2000})/gi)) note(`url:${url!.trim()}`);
  const bare = value.replace(/"[^"]*"?|'[^']*'?/g, " ").replace(/url\([^)]*\)?/gi, "url()");
  for (const [, name] of bare.matchAll(/(?<![a-z-])([a-z][a-z-]*)\(/gi)) {
    note(`function:${withoutPrefix(name!).replace(/^repeating-/, "")}`);
  }
  for (const [, unit] of bare.matchAll(/(?<![\w#.-])[-+]?(?:\d+(?:\.\d*)?|\.\d+)(%|[a-z]+)/gi)) {
    note(`unit:${unit!.toLowerCase()}`);
  }
  for (const word of bare.toLowerCase().split(/[^\w-]+/)) if (WORDS.test(word)) note(`word:${word}`);
}

function withoutPrefix(name: string): string {
  return name.toLowerCase().replace(/^-[a-z]+-/, "");
}

/**
 * The check of a message's HTML: which of the features of HTML and CSS it uses are missing in which mail programs, as
 * caniemail.com has tried them. What can be seen from the text alone: a style counts whether it is put to use or not.
 */

import { htmlPieces } from "../mail/html_tags.ts";
import { readCss } from "./css_reader.ts";
import { type FeatureTable, featureTable, type HtmlFeature, marksOf } from "./html_features.ts";

/** What a version of a mail program does with a feature. */
export interface FeatureSupport {
  /** `gmail`, `outlook`. */
  readonly family: string;
  /** `ios`, `desktop-webmail`. */
  readonly platform: string;
  /** For people: `Gmail (iOS)`. */
  readonly program: string;
  readonly version: string;
  readonly support: "yes" | "partial" | "no" | "unknown";
  /** Keys of the feature's notes. */
  readonly notes: readonly string[];
}

/** A feature that the HTML uses. */
export interface UsedFeature {
  /** `css-display-grid`. */
  readonly slug: string;
  readonly title: string;
  /** `css`, `html`, `image` or `others`. */
  readonly category: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly keywords: string;
  /** Its page on caniemail.com. */
  readonly url: string;
  readonly notes: Readonly<Record<string, string>>;
  /** How often it is used. */
  readonly found: number;
  /** Each version of each program that was tried, the oldest first. */
  readonly results: readonly FeatureSupport[];
  /** Percent of the results. What is unknown counts as unsupported. */
  readonly score: { readonly supported: number; readonly partial: number; readonly unsupported: number };
}

/** What came of the check. */
export interface HtmlCheck {
  /** Elements. */
  readonly nodes: number;
  /** Features that were looked for. */
  readonly tests: number;
  /** Those that are used, the least supported first. */
  readonly features: readonly UsedFeature[];
  /** The HTML is longer than what is looked at. */
  readonly cut: boolean;
}

/** Characters that are looked at, and of styles; more than the programs themselves look at. */
const MAX_LENGTH = 1024 * 1024;
const MAX_STYLES = 128 * 1024;
/** So many names that are used once and mean nothing to anybody are kept apart. */
const MAX_MARKS = 20_000;

/** Checks an HTML text; it throws nothing, whatever the text. */
export function checkHtml(html: string): HtmlCheck {
  const table = featureTable();
  const { marks, nodes, cut } = marksIn(html);
  const known = new Set(table.features.flatMap((feature) => marksOf(feature)));
  const counts = counted(marks, known);
  const features = table.features.flatMap((feature) => {
    const found = marksOf(feature).reduce((sum, mark) => sum + (counts.get(mark) ?? 0), 0);
    return found === 0 ? [] : [usedFeature(feature, found, table)];
  });
  features.sort((a, b) =>
    b.score.unsupported - a.score.unsupported || b.score.partial - a.score.partial ||
    (a.slug < b.slug ? -1 : 1)
  );
  return { nodes, tests: table.features.length, features, cut };
}

/** How often each feature's mark is there; longhands that are features themselves don't count for their shorthand. */
function counted(marks: ReadonlyMap<string, number>, known: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [mark, count] of marks) {
    const [, shorthand, name] = /^longhand:([^:]*):(.*)$/.exec(mark) ?? [];
    if (shorthand === undefined) counts.set(mark, (counts.get(mark) ?? 0) + count);
    else if (!known.has(`property:${name}`)) {
      const as = `longhand:${shorthand}`;
      counts.set(as, (counts.get(as) ?? 0) + count);
    }
  }
  return counts;
}

function marksIn(html: string): { marks: Map<string, number>; nodes: number; cut: boolean } {
  const marks = new Map<string, number>();
  let nodes = 0;
  let left = MAX_STYLES;
  const note = (mark: string): void => {
    if (mark.startsWith("url:")) mark = `image:${imageKind(mark.slice(4)) ?? ""}`;
    if (marks.size < MAX_MARKS || marks.has(mark)) marks.set(mark, (marks.get(mark) ?? 0) + 1);
  };
  const readStyle = (css: string): void => {
    if (left > 0) readCss(css.slice(0, left), note);
    left -= css.length;
  };
  for (const { tag, style, other } of htmlPieces(html.slice(0, MAX_LENGTH))) {
    if (other) note(`html:${other}`);
    if (style !== undefined) readStyle(style);
    if (!tag) continue;
    nodes++;
    note(`element:${tag.name}`);
    for (const attribute of tag.attributes.keys()) note(`attribute:${attribute}`);
    const own = tag.attributes.get("style");
    if (own !== undefined) readStyle(own);
    noteSpecial(tag.name, tag.attributes, note);
  }
  return { marks, nodes, cut: html.length > MAX_LENGTH || left < 0 };
}

/** What is recognised by an element and an attribute of it. */
function noteSpecial(
  name: string,
  attributes: ReadonlyMap<string, string>,
  note: (mark: string) => void,
): void {
  const type = attributes.get("type")?.toLowerCase();
  const href = attributes.get("href") ?? "";
  if (name === "a" && href.startsWith("#")) note("link:#");
  if (name === "a" && /^mailto:/i.test(href)) note("link:mailto");
  if (name === "input") note(`input:${type ?? "text"}`);
  if (name === "button") note(`button:${type ?? "submit"}`);
  if (name === "meta") note(`meta:${attributes.get("name")?.toLowerCase()}`);
  const pictures = [
    ...(name === "img" ? [attributes.get("src") ?? ""] : []),
    attributes.get("background") ?? "",
    ...(attributes.get("srcset") ?? "").split(",").map((candidate) =>
      candidate.trim().split(/\s+/, 1)[0] ?? ""
    ),
  ];
  for (const url of pictures) {
    const kind = imageKind(url);
    if (kind !== undefined) note(`image:${kind}`);
    if (/^data:[^,]{0,100};base64,/i.test(url)) note("image:base64");
  }
}

/** The kind of picture, by its address: `png`, `svg`. */
function imageKind(url: string): string | undefined {
  const data = /^data:image\/([a-z0-9.+-]+)/i.exec(url)?.[1];
  if (data !== undefined) return data.toLowerCase().replace("svg+xml", "svg");
  const path = url.slice(0, 2000).split(/[?#]/, 1)[0] ?? "";
  return /\.([a-z0-9]{2,5})$/i.exec(path)?.[1]?.toLowerCase();
}

function usedFeature(feature: HtmlFeature, found: number, table: FeatureTable): UsedFeature {
  const { slug, title, category, description, tags, keywords, notes } = feature;
  const results = Object.entries(feature.support).flatMap(([program, versions]) =>
    versions.map((version) => resultOf(program, version, table))
  );
  const percent = (...kinds: FeatureSupport["support"][]) => {
    const part = results.filter(({ support }) => kinds.includes(support)).length;
    return results.length === 0 ? 0 : 100 * part / results.length;
  };
  return {
    ...{ slug, title, category, description, tags, keywords, notes, found, results },
    url: `https://www.caniemail.com/features/${slug}/`,
    score: {
      supported: percent("yes"),
      partial: percent("partial"),
      unsupported: percent("no", "unknown"),
    },
  };
}

const WORDS: Readonly<Record<string, FeatureSupport["support"]>> = { y: "yes", a: "partial", n: "no" };

function resultOf(key: string, text: string, { families, platforms }: FeatureTable): FeatureSupport {
  const [family = "", platform = ""] = key.split(".");
  const [version = "", word = "", ...notes] = text.split(" ");
  const name = families[family] ?? family;
  return {
    family,
    platform,
    program: `${name} (${platforms[platform] ?? platform})`,
    version,
    support: WORDS[word] ?? "unknown",
    notes: notes.map((note) => note.replace("#", "")),
  };
}

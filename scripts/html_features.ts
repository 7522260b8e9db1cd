/**
 * The table of what mail programs can show, from the data of caniemail.com: `deno task html-features` writes it anew.
 * The package is read here and not by the program, since it brings a formatter and a compiler along (33 MB); so a new
 * table is a change of one file, made by the version below.
 */

const VERSION = "2.0.2";
const TABLE = new URL("../src/preview/html_features.json", import.meta.url);

interface Source {
  last_update_date: string;
  nicenames: { family: Record<string, string>; platform: Record<string, string> };
  data: {
    slug: string;
    title: string;
    description: string | null;
    category: string;
    tags: string[];
    keywords: string | null;
    stats: Record<string, Record<string, Record<string, string>>>;
    notes_by_num: Record<string, string> | null;
  }[];
}

const LICENSE = [
  "MIT License. Copyright © Can I email (www.caniemail.com, Tilt Studio), Avi Goldman,",
  "Andrew Powell. Permission is hereby granted, free of charge, to any person obtaining a copy of this software and",
  'associated documentation files (the "Software"), to deal in the Software without restriction, including without',
  "limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the",
  "Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:",
  "The above copyright notice and this permission notice shall be included in all copies or substantial portions of",
  'the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT',
  "NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO",
  "EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN",
  "ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER",
  "DEALINGS IN THE SOFTWARE.",
].join(" ");

// named here only, so that nothing else that looks at the imports of this tree fetches it
const name = `npm:caniemail@${VERSION}/caniemail.json`;
const { default: source } = await import(name, { with: { type: "json" } }) as { default: Source };
const byNumber = new Intl.Collator("en", { numeric: true }).compare;

/** The oldest first: as the data has them, unless names that are whole numbers were put in front by the parser. */
function versionsOf(versions: Record<string, string>): string[] {
  const names = Object.keys(versions);
  return names.some((name) => /^\d+$/.test(name)) ? names.sort(byNumber) : names;
}

/** Each version and what it can: `2007 n #1`. */
function support(stats: Source["data"][number]["stats"]): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(stats).flatMap(([family, platforms]) =>
      Object.entries(platforms).map(([platform, versions]) => [
        `${family}.${platform}`,
        versionsOf(versions).map((version) => `${version} ${versions[version]}`),
      ])
    ),
  );
}

const features = source.data.map((of) => ({
  slug: of.slug,
  title: of.title.trim(),
  category: of.category,
  description: of.description ?? "",
  tags: of.tags,
  keywords: of.keywords ?? "",
  notes: of.notes_by_num ?? {},
  support: support(of.stats),
}));
const head = {
  from: `caniemail ${VERSION} (npm), data of ${source.last_update_date.slice(0, 10)}`,
  license: LICENSE,
  families: source.nicenames.family,
  platforms: source.nicenames.platform,
};
// a line for each feature: what changed shows in a comparison
const lines = features.map((feature) => JSON.stringify(feature)).join(",\n");
await Deno.writeTextFile(
  TABLE,
  `${JSON.stringify(head, null, 1).slice(0, -2)},\n "features": [\n${lines}\n]}\n`,
);
console.log(`${features.length} features written to ${TABLE.pathname}`);

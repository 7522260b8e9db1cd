/** The site: every page of `docs/` and of the modules as static HTML, readable without scripts. */

import { apiPages } from "./api.ts";
import { escapeHtml, type Heading, readMarkdown } from "./markdown.ts";

const DOCS = new URL("../../docs/", import.meta.url);
const ASSETS = new URL("./assets/", import.meta.url);

/** A page of the site. */
export interface SitePage {
  /** Below the site's root. */
  path: string;
  title: string;
  html: string;
  headings: Heading[];
}

interface Group {
  title: string;
  pages: { path: string; title: string }[];
}

/** Writes the site into a directory, which is made; other files that are in it stay. Answers the pages. */
export async function writeSite(out: URL): Promise<SitePage[]> {
  const pages = [...await docPages(), ...await apiPages()];
  const groups = await groupsOf();
  for (const page of pages) await write(new URL(page.path, out), layout(page, groups));
  for await (const { name } of Deno.readDir(ASSETS)) {
    await write(new URL(name, out), await Deno.readTextFile(new URL(name, ASSETS)));
  }
  await write(new URL("search_index.js", out), `window.searchIndex = ${JSON.stringify(indexOf(pages))};\n`);
  return pages;
}

async function write(file: URL, text: string): Promise<void> {
  await Deno.mkdir(new URL("./", file), { recursive: true });
  await Deno.writeTextFile(file, text);
}

async function docPages(): Promise<SitePage[]> {
  const pages: SitePage[] = [];
  for (const folder of ["", "reference/"]) {
    for await (const { name } of Deno.readDir(new URL(folder, DOCS))) {
      if (!name.endsWith(".md")) continue;
      const text = await Deno.readTextFile(new URL(folder + name, DOCS));
      const { html, title, headings } = readMarkdown(text, pathOf);
      pages.push({ path: pathOf(folder + name), title, html, headings });
    }
  }
  return pages;
}

/** Where the site has what is in a file of Markdown; other links stay. */
function pathOf(link: string): string {
  if (/^[a-z]+:/.test(link)) return link;
  return link.replace(/README\.md(?=#|$)/, "index.html").replace(/\.md(?=#|$)/, ".html");
}

/** The list of pages, as `docs/README.md` has it. */
async function groupsOf(): Promise<Group[]> {
  const groups: Group[] = [];
  for (const line of (await Deno.readTextFile(new URL("README.md", DOCS))).split("\n")) {
    const title = /^## (.*)/.exec(line)?.[1];
    const link = /^- \[([^\]]+)\]\(([^)]+)\)/.exec(line);
    if (title !== undefined) groups.push({ title, pages: [] });
    if (link) groups.at(-1)!.pages.push({ title: link[1]!, path: pathOf(link[2]!) });
  }
  groups.at(-1)!.pages.push({ title: "Modules", path: "api/index.html" });
  return groups;
}

function layout({ path, title, html, headings }: SitePage, groups: readonly Group[]): string {
  const root = "../".repeat(path.split("/").length - 1);
  const isAt = (other: string) => other === path || (other === "api/index.html" && path.startsWith("api/"));
  const inner = headings.filter((one) => one.level === 2 && headings.length < 40);
  const here = inner.length < 2
    ? ""
    : `<ul>${inner.map((one) => `<li><a href="#${one.id}">${escapeHtml(one.text)}</a></li>`).join("")}</ul>`;
  const nav = groups.map((group) =>
    `<h2>${group.title}</h2><ul>${
      group.pages.map((one) => {
        const current = isAt(one.path) ? ' aria-current="page"' : "";
        return `<li><a href="${root}${one.path}"${current}>${escapeHtml(one.title)}</a>${
          one.path === path ? here : ""
        }</li>`;
      }).join("")
    }</ul>`
  ).join("\n");
  const name = path === "index.html" ? "dinopost" : `${escapeHtml(title)} – dinopost`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name}</title>
<link rel="stylesheet" href="${root}style.css">
<script src="${root}search_index.js" defer></script>
<script src="${root}search.js" defer data-root="${root}"></script>
</head>
<body>
<a class="skip" href="#site-text">To the text</a>
<header>
<a class="home" href="${root}index.html">dinopost</a>
<a class="pages" href="#site-pages">All pages</a>
<form role="search" id="site-search" hidden>
<input type="search" aria-label="Search" placeholder="Search ( / )" autocomplete="off">
<ul id="site-found" aria-live="polite"></ul>
</form>
</header>
<div class="columns">
<main id="site-text">
${html}
</main>
<nav id="site-pages" aria-label="Pages">
${nav}
</nav>
</div>
</body>
</html>
`;
}

/** What the search looks through: a title, where it is, and the words there. */
function indexOf(pages: readonly SitePage[]): [title: string, path: string, words: string][] {
  return pages.flatMap(({ path, title, html, headings }) => {
    const [start, ...sections] = html.split(/(?=<h[23] id=)/);
    const anchors = headings.filter((one) => one.level === 2 || one.level === 3);
    return [
      [title, path, words(start!)] as [string, string, string],
      ...sections.flatMap((section, index): [string, string, string][] => {
        const heading = anchors[index];
        return heading ? [[`${heading.text} · ${title}`, `${path}#${heading.id}`, words(section)]] : [];
      }),
    ];
  });
}

function words(html: string): string {
  const signs: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', "#39": "'" };
  return html.replaceAll(/<a class="self".*?<\/a>/g, "").replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/&(lt|gt|amp|quot|#39);/g, (_, sign) => signs[sign]!).replaceAll(/\s+/g, " ").trim();
}

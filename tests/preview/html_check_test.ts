/** The check of HTML: by what each feature is recognised, what is said of it, and that no text keeps it busy. */

import { assert, assertEquals } from "@std/assert";
import { checkHtml } from "../../src/preview/html_check.ts";
import { featureTable, marksOf } from "../../src/preview/html_features.ts";
import { cpuMs } from "../support/cpu_time.ts";

/** The slugs of the features found in an HTML text. */
function slugs(html: string): string[] {
  return checkHtml(html).features.map(({ slug }) => slug).toSorted();
}

const CASES: readonly [html: string, slugs: readonly string[]][] = [
  ["", []],
  ["just text", []],
  ["<!DOCTYPE html><!-- x -->", ["html-comments", "html-doctype"]],
  ["<DIV ALIGN=center>", ["html-align", "html-div"]],
  ["<h2></h2><ol>", ["html-h1-h6", "html-lists"]],
  ['<a href="#top">', ["html-anchor-links"]],
  ['<a href="MAILTO:a@b.example">', ["html-mailto-links"]],
  ["<input><input type=Checkbox>", ["html-input-checkbox", "html-input-text"]],
  ['<meta name="color-scheme" content="dark">', ["html-meta-color-scheme"]],
  ["<article><video>", ["html-semantics", "html-video"]],
  ['<img src="https://a.example/x.WEBP?v=1">', ["html-img", "image-webp"]],
  ['<img src="data:image/svg+xml;base64,AA==">', ["html-img", "image-base64", "image-svg"]],
  ['<img srcset="a.avif 1x, b.png 2x">', ["html-img", "html-srcset", "image-avif", "image-png"]],
  ['<b style="display:grid">', ["css-display", "css-display-grid"]],
  ['<b style="DISPLAY: None !important">', ["css-display", "css-display-none", "css-important"]],
  ['<b style="margin-left:1px">', ["css-margin", "css-unit-px"]],
  ['<b style="margin-inline:auto">', ["css-margin-inline-block"]],
  ['<b style="border-radius:50%">', ["css-border-radius", "css-unit-percent"]],
  ['<b style="border-top:0">', ["css-border"]],
  ['<b style="-webkit-user-select:none">', ["css-user-select"]],
  ['<b style="font-family:x">', []],
  ['<b style="font:1em x">', ["css-font", "css-unit-em"]],
  ['<b style="color:rgba(0,0,0,.5)">', ["css-rgba"]],
  ['<b style="width:calc(1rem + 2vw)">', ["css-unit-calc", "css-unit-rem", "css-unit-vw", "css-width"]],
  ['<b style="background:url(x5px.gif)">', ["css-background", "image-gif"]],
  [
    `<b style="background-image:linear-gradient(red,blue)">`,
    ["css-background-image", "css-linear-gradient"],
  ],
  ['<b style="--x:1;color:var(--x)">', ["css-variables"]],
  ['<b style="broken', []],
  ['<b style="}{;;;:::">', []],
  [
    "<style>@media (prefers-color-scheme:dark){a:hover{}}</style>",
    [
      "css-at-media",
      "css-at-media-prefers-color-scheme",
      "css-pseudo-class-hover",
      "css-selector-type",
      "html-style",
    ],
  ],
  [
    "<style>/* c */ @font-face{} @keyframes k{from{}}</style>",
    ["css-at-font-face", "css-at-keyframes", "css-comments", "html-style"],
  ],
  [
    "<style>.a.b>#c + *{}</style>",
    [
      "css-selector-adjacent-sibling",
      "css-selector-chaining",
      "css-selector-child",
      "css-selector-class",
      "css-selector-id",
      "css-selector-universal",
      "html-style",
    ],
  ],
  [
    '<style>p[x="a b"] i,b::before{}</style>',
    [
      "css-pseudo-element-before",
      "css-selector-attribute",
      "css-selector-descendant",
      "css-selector-grouping",
      "css-selector-type",
      "html-style",
    ],
  ],
  ["<script>var a='<video>'</script>", []],
  ["<!-- <video> -->", ["html-comments"]],
];

Deno.test("checkHtml() recognises features", async (t) => {
  for (const [html, wanted] of CASES) {
    await t.step(html || "nothing", () => assertEquals(slugs(html), wanted.toSorted()));
  }
});

Deno.test("each feature of the table is recognised by something, but for what stands in no HTML", () => {
  const blind = featureTable().features.filter((feature) => marksOf(feature).length === 0);
  assertEquals(blind.map(({ slug }) => slug), ["bimi"]);
});

Deno.test("checkHtml() says how often a feature is used, and who lacks it", () => {
  const { nodes, tests, features, cut } = checkHtml('<p style="display:grid"><p style="display:grid"><b>');
  assertEquals([nodes, tests, cut], [3, featureTable().features.length, false]);
  const grid = features.find(({ slug }) => slug === "css-display-grid")!;
  assertEquals(grid.found, 2);
  assertEquals(grid.url, "https://www.caniemail.com/features/css-display-grid/");
  const outlook = grid.results.filter((r) => r.family === "outlook" && r.platform === "windows");
  assertEquals(new Set(outlook.map(({ support }) => support)), new Set(["no"]));
  assertEquals(outlook[0]!.program, "Outlook (Windows)");
  assertEquals(outlook.map(({ version }) => version), ["2007", "2010", "2013", "2016", "2019"]);
  const { supported, partial, unsupported } = grid.score;
  assertEquals(Math.round(supported + partial + unsupported), 100);
  assert(unsupported > 10 && supported > 10);
  // a note belongs to what it is named by
  const [note] = features.flatMap(({ notes, results }) =>
    results.flatMap((r) => r.notes.map((n) => notes[n]))
  );
  assert(note === undefined || note.length > 0);
  // the least supported first
  const lacks = features.map(({ score }) => score.unsupported);
  assertEquals(lacks, lacks.toSorted((a, b) => b - a));
});

Deno.test("checkHtml() is not kept busy by texts made for it", async (t) => {
  const texts: Record<string, string> = {
    brackets: "<".repeat(1e6),
    "deep elements": "<div>".repeat(2e5),
    "deep rules": `<style>${"a{".repeat(5e5)}`,
    "many rules": `<style>${"a{b:c}".repeat(2e5)}`,
    "a long number": `<p style="width:${"1".repeat(1e6)}">`,
    "a long word": `<p style="x:${"a".repeat(1e6)}">`,
    "open brackets": `<style>a{x:${"url(".repeat(2e5)}`,
    "open comments": `<style>${"/*".repeat(5e5)}`,
    selectors: `<style>${". ".repeat(5e5)}{}`,
    candidates: `<img srcset="${"a,".repeat(5e5)}">`,
    quotes: `<style>${'"a'.repeat(5e5)}`,
  };
  for (const [name, text] of Object.entries(texts)) {
    await t.step(name, async () => {
      const took = await cpuMs(() => checkHtml(text));
      assert(took < 5000, `${took} ms`);
    });
  }
  assertEquals(checkHtml("<b>".repeat(1e6)).cut, true);
});

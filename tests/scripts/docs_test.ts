/** The documentation is true: its references are those of the program, its links lead somewhere, its examples work. */

import { assert, assertEquals } from "@std/assert";
import { type CommandEntry, commandTree } from "../../src/cli/command_tree.ts";
import { buildProgram } from "../../src/cli/main.ts";
import { describedKeys } from "../../src/config/keys.ts";
import { readConfig } from "../../src/config/load.ts";
import { type Page, readMarkdown } from "../../scripts/docs/markdown.ts";
import { nameOf, references } from "../../scripts/docs/references.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGES = ["README.md", ...await markdownIn("docs/"), ...await markdownIn("docs/reference/")];

async function markdownIn(dir: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(new URL(dir, ROOT)));
  return entries.filter((one) => one.name.endsWith(".md")).map((one) => dir + one.name).sort();
}

const read = new Map<string, Page>();
for (const path of PAGES) read.set(path, readMarkdown(await Deno.readTextFile(new URL(path, ROOT))));

/** The blocks of code of all pages in a language, each with the page that it is on. */
function blocks(language: string): [page: string, text: string][] {
  return [...read].flatMap(([path, { code }]) =>
    code.filter((one) => one.language === language).map(({ text }): [string, string] => [path, text])
  );
}

Deno.test("the references are those of schema, commands and API (`deno task docs` writes them)", async () => {
  for (const [name, text] of Object.entries(await references())) {
    assertEquals(await Deno.readTextFile(new URL(`docs/reference/${name}`, ROOT)), text);
  }
});

Deno.test("every key of the configuration and every command has a heading", async () => {
  const headings = (page: string) => read.get(page)!.headings.map((one) => one.text);
  const keys = describedKeys().map(({ path }) => nameOf(path));
  assert(keys.includes("queue.retry") && keys.includes("accounts.*.quota"));
  assertEquals(headings("docs/reference/configuration.md").slice(1), keys);
  const commands = commandTree(await buildProgram()).map(({ path }) => ["dinopost", ...path].join(" "));
  assert(commands.includes("dinopost queue list"));
  assertEquals(headings("docs/reference/commands.md").slice(1), commands.slice(1));
});

Deno.test("every link in README and docs leads to a file, and to a heading of it", async () => {
  const broken: string[] = [];
  for (const [path, { links }] of read) {
    for (const link of links.filter((one) => !/^[a-z]+:/.test(one))) {
      const [file, anchor] = link.split("#");
      const target = new URL(file || path.split("/").at(-1)!, new URL(path, ROOT));
      const page = read.get(target.href.slice(ROOT.href.length));
      const there = page !== undefined || await Deno.stat(target).then(() => true, () => false);
      const found = there && (anchor === undefined || page?.headings.some((one) => one.id === anchor));
      if (!found) broken.push(`${path}: ${link}`);
    }
  }
  assertEquals(broken, []);
});

Deno.test("every page of docs is in the list of pages", () => {
  const listed = read.get("docs/README.md")!.links.map((link) => `docs/${link}`);
  const pages = PAGES.filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
  assertEquals(listed.toSorted(), pages.toSorted());
});

Deno.test("the configurations that README and docs show pass `check`", async () => {
  const shown = blocks("jsonc");
  assert(shown.length > 5);
  for (const [page, text] of shown) {
    await readConfig({ text, env: {} }).catch((error) => {
      throw new Error(`${page}: ${error.message}\n${text}`);
    });
  }
});

Deno.test("TypeScript in README and docs has the types that it needs", async () => {
  assert(blocks("ts").length > 3);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--doc-only", ...PAGES],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
});

Deno.test("every command that README and docs show is one, and has these options", async () => {
  const tree = commandTree(await buildProgram());
  const lines = blocks("sh").flatMap(([page, text]) =>
    text.replaceAll("\\\n", " ").split("\n").flatMap((line) =>
      [...line.replace(/ # .*/, "").matchAll(/\bdinopost ([a-z][^|"()]*)/g)].map((found) => ({
        page,
        words: found[1]!,
      }))
    )
  );
  assert(lines.length > 30);
  const wrong = lines.filter(({ words }) => !isCommand(words.trim().split(/\s+/), tree));
  assertEquals(wrong, []);
});

function isCommand(words: readonly string[], tree: readonly CommandEntry[]): boolean {
  const depth = words.findIndex((_, index) =>
    !tree.some(({ path }) => isEqual(path, words.slice(0, index + 1)))
  );
  const path = depth === -1 ? words : words.slice(0, depth);
  const command = tree.find((one) => one.path.length > 0 && isEqual(one.path, path));
  if (!command) return false;
  const flags = words.filter((word) => word.startsWith("--") && word !== "--");
  return flags.every((flag) => command.options.some((option) => option.long === flag.split("=")[0]));
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((word, index) => word === other[index]);
}

Deno.test("every call that README and docs show is one of the API's", () => {
  const known = read.get("docs/reference/calls.md")!.headings.map((one) => one.text.split(" ").at(-1)!)
    .filter((path) => path.startsWith("/")).map((path) =>
      new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`)
    );
  assert(known.length > 30);
  const shown = [...read].filter(([path]) => path !== "docs/mailpit.md").flatMap(([path, { code, html }]) =>
    [html, ...code.map((one) => one.text)].flatMap((text) =>
      [...text.matchAll(/(?<![\w.])\/api\/v1\/[\w/{}@.-]*[\w}]/g)].map((found) => `${path}: ${found[0]}`)
    )
  );
  assert(shown.length > 10);
  assertEquals(shown.filter((one) => !known.some((path) => path.test(one.split(": ")[1]!))), []);
});

Deno.test("every problem that health tells of is explained", async () => {
  const codes = new Set<string>();
  for (const text of await sources(new URL("src/", ROOT))) {
    for (const [, code] of text.matchAll(/health\??\.(?:set|raise)\(\s*"(\w+)"/gi)) codes.add(code!);
  }
  assert(codes.has("disk") && codes.has("dnsbl"), [...codes].join());
  const page = await Deno.readTextFile(new URL("docs/watching.md", ROOT));
  assertEquals([...codes].filter((code) => !page.includes(`| \`${code}\` `)), []);
});

/** The texts of all files of TypeScript below a folder. */
async function sources(dir: URL): Promise<string[]> {
  const texts: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    if (isDirectory) texts.push(...await sources(new URL(`${name}/`, dir)));
    else if (/\.tsx?$/.test(name)) texts.push(await Deno.readTextFile(new URL(name, dir)));
  }
  return texts;
}

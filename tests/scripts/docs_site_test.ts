/** The site that is made of the documentation: whole, and every way through it leads somewhere. */

import { assert, assertEquals } from "@std/assert";
import { pathToFileURL } from "node:url";
import { denoDoc } from "../../scripts/docs/deno_doc.ts";
import { type SitePage, writeSite } from "../../scripts/docs/site.ts";

const ROOT = new URL("../../", import.meta.url);

async function withSite(test: (out: URL, pages: readonly SitePage[]) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_docs_" });
  const out = pathToFileURL(`${dir}/`);
  try {
    await test(out, await writeSite(out));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** What is in the HTML's attributes of a name. */
function attributes(html: string, name: string): string[] {
  return [...html.matchAll(new RegExp(`\\s${name}="([^"]*)"`, "g"))].map((found) => found[1]!);
}

Deno.test("every link of the site leads to a file of it, and to an anchor that is there", () =>
  withSite(async (out, pages) => {
    const texts = new Map<string, string>();
    for (const { path } of pages) texts.set(path, await Deno.readTextFile(new URL(path, out)));
    const broken: string[] = [];
    let count = 0;
    for (const [path, html] of texts) {
      for (const link of [...attributes(html, "href"), ...attributes(html, "src")]) {
        if (/^[a-z]+:/.test(link)) continue;
        count++;
        const url = new URL(link, new URL(path, out));
        const target = texts.get(url.href.split("#")[0]!.slice(out.href.length));
        const anchor = decodeURIComponent(url.hash.slice(1));
        const isThere = target !== undefined
          ? anchor === "" || attributes(target, "id").includes(anchor)
          : await Deno.stat(url).then(({ isFile }) => isFile, () => false);
        if (!isThere) broken.push(`${path}: ${link}`);
      }
    }
    assert(count > 3000, `${count} links`);
    assertEquals(broken, []);
  }));

Deno.test("anchors are unique, and every name that a module exports has its page", () =>
  withSite(async (out, pages) => {
    for (const { path } of pages) {
      const ids = attributes(await Deno.readTextFile(new URL(path, out)), "id");
      assertEquals(ids.length, new Set(ids).size, path);
    }
    const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    const modules = await denoDoc(
      Object.values(exports as Record<string, string>).map((file) => new URL(file, ROOT)),
    );
    const names = Object.values(modules).flatMap(({ symbols }) => symbols.map(({ name }) => name));
    const titles = new Set(pages.filter(({ path }) => path.startsWith("api/")).map(({ title }) => title));
    assertEquals(names.filter((name) => !titles.has(name)), []);
  }));

Deno.test("types are written as they are meant", () =>
  withSite(async (out) => {
    const text = async (path: string) =>
      (await Deno.readTextFile(new URL(path, out))).replaceAll(/<[^>]*>/g, "").replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">")
        .replaceAll("&quot;", `"`);
    const server = await text("api/dinopost/MailServer.html");
    assert(
      server.includes("static start(config: Config, options?: MailServerOptions): Promise<MailServer>"),
      server,
    );
    assert(!server.includes("private"), server);
    const policy = await text("api/dinopost/CommandPolicy.html");
    const item = await text("api/client/QueueItem.html");
    assert(item.includes("type QueueItem = { … }") && item.includes("recipients: "), item);
    assert(policy.includes('type CommandPolicy = "always" | "authenticated" | "never"'), policy);
  }));

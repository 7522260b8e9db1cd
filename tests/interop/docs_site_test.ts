/** The site of the documentation in Chromium: at a phone's and a desktop's width, light and dark, without scripts too. */

import axe from "axe-core";
import { assert, assertEquals } from "@std/assert";
import { pathToFileURL } from "node:url";
import { type BrowserContext, chromium } from "playwright-core";
import { writeSite } from "../../scripts/docs/site.ts";
import { CHROMIUM } from "./support/desk.ts";
import { testIf } from "./support/post_office.ts";

const PAGES = [
  "index.html",
  "testing.html",
  "mail-programs.html",
  "reference/configuration.html",
  "reference/commands.html",
  "reference/calls.html",
  "api/index.html",
  "api/dinopost/MailServer.html",
];

/** A site in a browser, for the length of a test. */
async function withSite(test: (visit: Visit) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_docs_" });
  const out = pathToFileURL(`${dir}/`);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  try {
    await writeSite(out);
    await test(async ({ width, ...options }, use) => {
      const context = await browser.newContext({ viewport: { width, height: 800 }, ...options });
      await use(context, (path) => new URL(path, out).href);
      await context.close();
    });
  } finally {
    await browser.close();
    await Deno.remove(dir, { recursive: true });
  }
}

type Visit = (
  options: { width: number; colorScheme: "light" | "dark"; javaScriptEnabled?: boolean },
  use: (context: BrowserContext, at: (path: string) => string) => Promise<void>,
) => Promise<void>;

testIf(
  [CHROMIUM],
  "the documentation fits a phone and a desktop, and axe-core finds nothing, light and dark",
  () =>
    withSite(async (visit) => {
      for (const [width, colorScheme] of [[360, "light"], [1280, "dark"]] as const) {
        await visit({ width, colorScheme }, async (context, at) => {
          const page = await context.newPage();
          for (const path of PAGES) {
            await page.goto(at(path));
            assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width, path);
            await page.evaluate(axe.source);
            const { violations } = await page.evaluate("axe.run()") as axe.AxeResults;
            assertEquals(
              violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`),
              [],
              `${path}, ${colorScheme}`,
            );
          }
        });
      }
    }),
);

testIf(
  [CHROMIUM],
  "the documentation is read and walked through without scripts, and searched with them",
  () =>
    withSite(async (visit) => {
      await visit({ width: 360, colorScheme: "light", javaScriptEnabled: false }, async (context, at) => {
        const page = await context.newPage();
        await page.goto(at("index.html"));
        assertEquals(await page.locator("#site-search").isVisible(), false);
        await page.click("header >> text=All pages");
        await page.click("nav >> text=Configuration");
        assertEquals(await page.innerText("h1"), "Configuration");
      });
      await visit({ width: 1280, colorScheme: "light" }, async (context, at) => {
        const page = await context.newPage();
        await page.goto(at("api/dinopost/MailServer.html"));
        await page.keyboard.press("/");
        await page.keyboard.type("queue.retry");
        assertEquals(
          await page.locator("#site-found a").first().innerText().then((text) => text.split("\n")[0]),
          "queue.retry · Configuration",
        );
        await page.keyboard.press("Enter");
        await page.waitForURL("**/reference/configuration.html#queueretry");
        assert(await page.locator("#queueretry").isVisible());
        await page.fill("#site-search input", "xyzzyx");
        assertEquals(await page.innerText("#site-found"), "Nothing has all of these words.");
      });
    }),
);

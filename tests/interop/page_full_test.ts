/** The page with 5,000 waiting for 36 failing destinations: what is wrong is told, and keys alone do something about it. */

import axe from "axe-core";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import type { Zones } from "../../src/testing/mod.ts";
import { SmtpTalk } from "../e2e/support/smtp_talk.ts";
import { BRAIN, CHROMIUM, Desk } from "./support/desk.ts";
import { testIf } from "./support/post_office.ts";

const WAITING = 5_000;
const DESTINATIONS = 36;
const SENDERS = 20;
const LOOKS = [
  { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  { viewport: { width: 360, height: 740 }, colorScheme: "dark" },
] as const;
const VIEWS = [
  "/",
  "/queue",
  "/queue?q=d7.example&sort=newest",
  "/queue?group=subject",
  "/domains",
  "/events",
];

/** Every third destination says 450, the others are down. */
function zones(busy: string): Zones {
  const entries = Array.from({ length: DESTINATIONS }, (_, n) => [
    [`d${n}.busy.example`, { MX: [[10, `mx.d${n}.busy.example`]] }],
    [`mx.d${n}.busy.example`, { A: [n % 3 === 0 ? busy : "127.0.53.1"] }],
  ]);
  return Object.fromEntries(entries.flat());
}

/** Puts them into the queue; each is tried once. */
async function fill(desk: Desk): Promise<void> {
  desk.dns.zones = zones(desk.peer.address.hostname);
  await Promise.all(Array.from({ length: SENDERS }, async (_, first) => {
    using talk = await SmtpTalk.connect(desk.server.address("smtp"));
    for (let n = first; n < WAITING; n += SENDERS) {
      const to = [`user${n}@d${n % DESTINATIONS}.busy.example`];
      await talk.send({ from: BRAIN, to, text: `Subject: Letter ${n} of many\r\n\r\nHello\r\n` });
    }
  }));
  for (let tried = WAITING / 5; tried <= WAITING; tried += WAITING / 5) await desk.deferred(tried);
}

async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run({ iframes: false })") as axe.AxeResults;
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
}

testIf(
  [CHROMIUM],
  "with 5,000 waiting the page tells what is wrong, fits, and is worked by keys alone",
  async () => {
    await using desk = await Desk.open();
    await fill(desk);
    for (const look of LOOKS) {
      const page = await desk.visitor("/", look);
      assertStringIncludes(
        await page.innerText("main"),
        "Of 5,000 delivery attempts in the last ten minutes 5,000 failed",
      );
      assertStringIncludes(await page.innerText("main"), "24 of 36 destinations");
      for (const path of VIEWS) {
        await page.goto(path);
        const wide = await page.evaluate("document.documentElement.scrollWidth");
        assertEquals([await faults(page), wide], [[], look.viewport.width], path);
      }
      await page.context().close();
    }
    await byKeys(await desk.visitor("/", LOOKS[0]));
    const { body } = await desk.api("GET", "/queue/summary");
    assertEquals((body as { byState: { held: number } }).byState.held, 139);
    assertEquals(desk.misdeeds, []);
  },
);

/** From the overview to the messages of one destination, all of them held. */
async function byKeys(page: Page): Promise<void> {
  await page.keyboard.press("g");
  await page.keyboard.press("q");
  await page.waitForURL("**/queue");
  assertStringIncludes(await page.innerText("main"), "1–100 of 5,000");
  await page.keyboard.press("/");
  await page.keyboard.type("@d7.busy.example");
  await page.keyboard.press("Enter");
  await page.waitForURL("**q=**");
  await page.focus("body");
  for (let n = 0; n < 40 && !await isAt(page, "every"); n++) await page.keyboard.press("Tab");
  assert(await isAt(page, "every"), "'all that fit' is not reached by Tab");
  await page.keyboard.press("Space");
  await page.waitForSelector("[data-chosen]:has-text('All 139 selected')");
  await page.keyboard.press("h");
  await page.waitForSelector("text=139 held now");
}

function isAt(page: Page, name: string): Promise<boolean> {
  return page.evaluate(`document.activeElement?.name === "${name}"`);
}

/** The page where mail is captured, in a real Chromium: the list that lives, what is read and removed, and hostile mail. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { testIf } from "./support/post_office.ts";
import { CHROMIUM, Desk } from "./support/desk.ts";

const PHONE = { viewport: { width: 360, height: 740 }, colorScheme: "dark" } as const;

/** Registers a test of a server that captures; at its end no page may have done what none should do. */
function testCapture(name: string, test: (desk: Desk) => Promise<void>): void {
  testIf([CHROMIUM], name, async () => {
    await using desk = await Desk.open({ capture: true });
    await test(desk);
    assertEquals(desk.misdeeds, []);
  });
}

/** A letter to whom it may concern. */
async function letter(
  desk: Desk,
  subject: string,
  to: readonly string[] = ["jo@example.org"],
): Promise<void> {
  const text = `From: app@shop.example\r\nTo: ${to[0]}\r\nSubject: ${subject}\r\n\r\nHello\r\n`;
  const reply = await desk.write({ from: "app@shop.example", to, text });
  assert(reply.startsWith("250"), reply);
}

/** The subjects in the list. */
async function subjects(page: Page): Promise<string[]> {
  const all = await page.locator("tbody a.row-link").allInnerTexts();
  return all.map((text) => text.replace("(not read)", "").trim());
}

testCapture("the page says how to send the first message, and shows it when it comes", async (desk) => {
  const page = await desk.visitor("/");
  const smtp = desk.server.address("smtp");
  assertStringIncludes(await page.innerText(".empty"), `SMTP_URL=smtp://${smtp.hostname}:${smtp.port}`);
  await desk.picture(page, "captured empty");
  await page.waitForSelector("#pulse[data-state=live]");
  await letter(desk, "The first");
  await page.waitForSelector("tr.unread:has-text('The first')");
  assertStringIncludes(await page.innerText("#nav-unseen"), "1");
});

testCapture(
  "the list lives: what comes stands on top, what is chosen and where one is stays",
  async (desk) => {
    for (let i = 1; i <= 40; i++) await letter(desk, `Letter ${i}`, ["jo@example.org", "ann@example.org"]);
    const page = await desk.visitor("/");
    await page.waitForSelector("#pulse[data-state=live]");
    const started = await page.evaluate("performance.timeOrigin");
    await page.getByLabel("Select Letter 20", { exact: true }).check();
    const row = page.locator("tr", { hasText: "Letter 20" });
    await row.locator("a.row-link").focus();
    const place = async () => (await row.boundingBox())!.y;
    const before = await place();
    await letter(desk, "News");
    await page.waitForSelector("tbody tr:first-child:has-text('News')");
    assertEquals(await page.getByLabel("Select Letter 20", { exact: true }).isChecked(), true);
    assertEquals(await page.innerText("[data-chosen]"), "1 selected");
    assertEquals(await page.evaluate("document.activeElement.textContent.includes('Letter 20')"), true);
    assert(Math.abs(await place() - before) < 2, `the row moved from ${before} to ${await place()}`);
    assertEquals(await page.evaluate("performance.timeOrigin"), started);
    assertStringIncludes(await row.innerText(), "ann@example.org");
    await desk.picture(page, "captured list");

    await page.click("main button:has-text('Delete')");
    await page.click("#confirm-yes");
    await page.waitForSelector(".notice:has-text('1 message deleted')");
    assertEquals((await subjects(page)).includes("Letter 20"), false);
  },
);

testCapture("mail is found, read by keys alone, marked as read, and all of it deleted", async (desk) => {
  for (const name of ["Invoice", "Welcome", "Your code"]) await letter(desk, name);
  const page = await desk.visitor("/");
  await page.keyboard.press("/");
  await page.keyboard.type("subject:code is:unread");
  await page.keyboard.press("Enter");
  await page.waitForURL("**q=subject**");
  assertEquals(await subjects(page), ["Your code"]);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/captured/*");
  await page.keyboard.press("n");
  await page.waitForSelector("h1:has-text('Welcome')");
  await page.click("text=Dialogue");
  assertStringIncludes(await page.innerText(".source"), "C: RCPT TO:<jo@example.org>");
  for (const key of ["g", "c"]) await page.keyboard.press(key);
  await page.waitForSelector("tbody");
  assertEquals(await page.locator("tr.unread").count(), 1);
  await page.goto("/?q=size:1");
  assertStringIncludes(await page.innerText("main"), "The search does not parse");
  await page.goto("/");
  await page.click("text=Delete all");
  await page.waitForSelector("#confirm[open]");
  await page.click("#confirm-yes");
  await page.waitForSelector(".notice:has-text('3 messages deleted')");
  assertStringIncludes(await page.innerText("main"), "No mail yet");
});

testCapture("without scripts mail is found, shown and deleted, too", async (desk) => {
  for (const name of ["Invoice", "Welcome"]) await letter(desk, name);
  const page = await desk.visitor("/", { javaScriptEnabled: false });
  await page.click("tbody a.row-link >> nth=0");
  await page.waitForSelector("h1:has-text('Welcome')");
  await page.click("main button:has-text('Delete')");
  await page.waitForSelector("h1:has-text('Delete mail?')");
  await page.click("main button:has-text('Delete')");
  await page.waitForSelector(".notice:has-text('1 message deleted')");
  assertEquals(await subjects(page), ["Invoice"]);
  await page.click("text=Delete all");
  await page.click("main button:has-text('Delete')");
  await page.waitForSelector("main:has-text('No mail yet')");
});

testCapture("on a phone nothing is cut, the navigation neither", async (desk) => {
  await letter(desk, "x".repeat(200), [`${"a".repeat(60)}@${"b".repeat(60)}.example`]);
  const page = await desk.visitor("/", PHONE);
  for (const path of ["/", "/overview", "/queue", "/mailboxes", "/events"]) {
    await page.goto(path);
    assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 360, path);
    for (const link of await page.locator("nav[aria-label=Sections] a").all()) {
      const { x, width } = (await link.boundingBox())!;
      assert(x >= 0 && x + width <= 360, `${await link.innerText()} stands at ${x}, ${width} wide`);
    }
    await desk.picture(page, `captured phone ${path.replaceAll("/", "_")}`);
  }
  await page.goto("/");
  await page.click("tbody a.row-link");
  await page.waitForURL("**/captured/*");
  assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 360);
  await desk.picture(page, "captured phone message");
});

testIf([CHROMIUM], "without a token nobody logs in, and the page's forms work all the same", async () => {
  await using desk = await Desk.open({ capture: true, relay: {} }, { token: false });
  await letter(desk, "To go");
  await letter(desk, "To stay");
  const page = await desk.profile();
  await page.goto("/");
  assertEquals(await page.locator("text=Log out").count(), 0);
  await page.getByLabel("Select To go").check();
  await page.click("main button:has-text('Delete')");
  await page.click("#confirm-yes");
  await page.waitForSelector(".notice:has-text('1 message deleted')");
  assertEquals(await subjects(page), ["To stay"]);
  const foreign = await fetch(`${desk.server.url}/captured`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", origin: "https://evil.example" },
    body: "all=1&sure=1",
  });
  await foreign.body?.cancel();
  assertEquals(foreign.status, 403);
  const unsigned = await fetch(`${desk.server.url}/captured`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "all=1&sure=1",
  });
  await unsigned.body?.cancel();
  assertEquals(unsigned.status, 403);
  await page.reload();
  assertEquals(await subjects(page), ["To stay"]);
  assertEquals(desk.misdeeds, []);
});

/** The folders of a mailbox on the page, in a real Chromium: by mouse and by keyboard, with the page's script and without. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { testIf } from "./support/post_office.ts";
import { BRAIN, CHROMIUM, Desk } from "./support/desk.ts";

const PATH = `/mailboxes/${encodeURIComponent(BRAIN)}`;

/** A folder's name in the navigation, with what stands behind it. */
function folder(page: Page, name: string) {
  return page.locator("#folder-nav a", { hasText: name });
}

testIf([CHROMIUM], "mail is sorted into folders, flagged, searched and thrown away", async () => {
  await using desk = await Desk.open();
  for (const subject of ["An invoice", "A dinner", "A reminder"]) {
    await desk.letter(BRAIN, subject, "jsmith@mindspring.com");
  }
  await desk.api("POST", `/mailboxes/${BRAIN}/folders`, { name: "Clients/Acme" });
  const page = await desk.visitor(PATH);
  await page.waitForSelector("tr:has-text('An invoice')");
  assertEquals((await folder(page, "INBOX").innerText()).replace(/\s+/g, " "), "INBOX 3 not read");
  // what comes meanwhile is counted by itself
  await page.waitForSelector("#pulse[data-state=live]");
  await desk.letter(BRAIN, "A fourth", "jsmith@mindspring.com");
  await page.waitForSelector("#folder-nav a:has-text('INBOX'):has-text('4')");

  await page.locator("tr", { hasText: "A dinner" }).locator(".star").click();
  await page.waitForSelector("tr:has-text('A dinner') .star[aria-pressed=true]");
  await page.locator("tr", { hasText: "An invoice" }).locator("input").check();
  await page.getByLabel("Folder to move to").selectOption("Clients/Acme");
  await page.getByRole("button", { name: "Move" }).click();
  await page.waitForSelector(".notice:has-text('1 message moved to Clients/Acme')");
  await folder(page, "Acme").click();
  await page.waitForSelector("tr:has-text('An invoice')");
  await desk.picture(page, "mailbox folder");
  await page.goto(`${PATH}?folder=`);
  assertEquals(await page.locator("tbody tr").count(), 4);
  await desk.picture(page, "mailbox all");

  // by keyboard: the flagged one is found, chosen and thrown away
  await page.goto(PATH);
  await page.keyboard.press("/");
  await page.keyboard.type("is:flagged");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.searchParams.get("q") === "is:flagged");
  assertEquals(await page.locator("tbody tr").count(), 1);
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.focus("button[value=trash]");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".notice:has-text('moved to Trash')");
  await page.goto(`${PATH}?folder=Trash`);
  await page.getByLabel("Select all").check();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.waitForSelector("#confirm[open]:has-text('for good')");
  await page.click("#confirm-yes");
  await page.waitForSelector("text=There is nothing in Trash");
  assertEquals(desk.misdeeds, []);
});

testIf([CHROMIUM], "without the page's script mail is written, kept, gone on with and sent", async () => {
  await using desk = await Desk.open();
  const page = await desk.visitor(PATH, { javaScriptEnabled: false, viewport: { width: 390, height: 780 } });
  await page.click("text=Write");
  await page.fill("#to", "marshall@howstuffworks.com");
  await page.fill("#text", "Narf!");
  await page.click("text=Keep as draft");
  await page.waitForSelector(".notice:has-text('The draft is kept')");
  await desk.picture(page, "draft phone");
  await page.goto(PATH);
  await folder(page, "Drafts").click();
  await page.click("tbody a.row-link");
  await page.click("text=Go on writing");
  assertEquals(await page.inputValue("#text"), "Narf!\n");
  await page.fill("#subject", "Tonight");
  await page.click("button:has-text('Send')");
  await page.waitForSelector(".notice:has-text('The message is sent')");
  await folder(page, "Sent").click();
  assertStringIncludes(await page.innerText("tbody tr"), "marshall@howstuffworks.com");
  const { body } = await desk.api("GET", "/wait?mailbox=marshall@howstuffworks.com&subject=Tonight");
  assertEquals((body as { text: string }).text.trim(), "Narf!");
  // a folder is made, and goes with a question that needs no script
  await page.click("text=New folder");
  await page.fill("#folder-name", "Clients");
  await page.click("text=Make");
  await page.click("text=Rename or delete this folder");
  await page.click("text=Delete with its mail");
  await page.waitForSelector("h1:has-text('Delete the folder?')");
  await page.click("button:has-text('Delete')");
  await page.waitForSelector(".notice:has-text('The folder Clients is gone')");
  await desk.picture(page, "mailbox phone");
  assertEquals(desk.misdeeds, []);
});

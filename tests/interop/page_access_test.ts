/** The page for everybody: contrast, labels, names and order of all its views, as axe-core finds them in Chromium. */

import axe from "axe-core";
import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { testIf } from "./support/post_office.ts";
import { BRAIN, CHROMIUM, Desk, PASSWORD } from "./support/desk.ts";

/** What axe-core says of a page, a line for each thing that is wrong. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run({ iframes: false })") as axe.AxeResults;
  return violations.map(({ id, help, nodes }) => {
    const [{ target, any }] = nodes as [axe.NodeResult];
    return `${id}: ${help}: ${nodes.length} times, at ${target.join(" ")}. ${any[0]?.message ?? ""}`;
  });
}

const HTML_LETTER =
  `From: jsmith@mindspring.com\r\nTo: ${BRAIN}\r\nSubject: pictures\r\nMIME-Version: 1.0\r\n` +
  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" +
  '<div style="display:grid"><a href="https://there.example/">go</a></div>\r\n' +
  "--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\na,b\r\n--b--\r\n";

/** Fills the server with something for each view, and answers the paths of the views. */
async function views(desk: Desk): Promise<string[]> {
  const id = await desk.letter("fred@busy.example", "An invoice");
  for (const name of ["anna", "bert"]) await desk.letter(`${name}@down.example`, name);
  await desk.letter(BRAIN, "Hello", "jsmith@mindspring.com");
  await desk.write({ from: "jsmith@mindspring.com", to: [BRAIN], text: HTML_LETTER });
  await desk.api("POST", `/accounts/${BRAIN}/app-passwords`, { name: "phone" });
  await desk.api("POST", `/mailboxes/${BRAIN}/folders`, { name: "Clients/Acme" });
  await desk.deferred(3);
  const { body } = await desk.api("GET", `/mailboxes/${BRAIN}/messages?limit=1`);
  const mailbox = `/mailboxes/${encodeURIComponent(BRAIN)}`;
  const mail = `${mailbox}/${(body as { items: { uid: string }[] }).items[0]!.uid}`;
  return [
    ...["/", "/queue", "/queue?q=nobody", `/messages/${id}`, "/mailboxes", "/accounts"],
    ...[
      mailbox,
      `${mailbox}?folder=`,
      `${mailbox}?folder=Clients/Acme`,
      `${mailbox}?q=hello`,
      `${mailbox}/write`,
    ],
    ...["html", "text", "headers", "source", "links", "compatibility"].map((side) => `${mail}?side=${side}`),
    ...[
      `/accounts/${BRAIN}`,
      "/aliases",
      "/webhooks",
      "/deliverability",
      "/events",
      "/audit",
      "/domains",
      "/domains/down.example",
      "/queue?group=subject",
      "/docs",
      "/nowhere",
    ],
  ];
}

/** What is wrong with people's own page, from the login on, by keyboard only; nothing of it is wider than the window. */
async function ownFaults(page: Page): Promise<string[]> {
  const found: string[] = [];
  const look = async (at: string) => {
    found.push(...(await faults(page)).map((fault) => `${at}: ${fault}`));
    if (await page.evaluate("document.documentElement.scrollWidth > innerWidth")) {
      found.push(`${at}: too wide`);
    }
  };
  await page.goto("/own");
  await look("/own/login");
  for (const [key, text] of [["Tab", BRAIN], ["Tab", PASSWORD], ["Enter", ""]] as const) {
    await page.keyboard.press(key);
    await page.keyboard.type(text);
  }
  await page.waitForURL((url) => url.pathname === "/own");
  await look("/own");
  await page.focus("#name");
  await page.keyboard.type("phone");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".own-made code");
  await look("/own, with an app password");
  await page.focus("[aria-label='Remove phone']");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=Remove the app password?");
  await look("/own/app-passwords/remove");
  await page.goto("/own");
  return found;
}

const LOOKS = [
  { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { viewport: { width: 360, height: 740 }, colorScheme: "dark" },
] as const;

for (const look of LOOKS) {
  const name = `${look.colorScheme}, ${look.viewport.width} wide`;
  testIf([CHROMIUM], `every view has its contrast, labels and names: ${name}`, async () => {
    await using desk = await Desk.open();
    const paths = await views(desk);
    const stranger = await desk.profile(look);
    await stranger.goto("/login");
    const found = (await faults(stranger)).map((fault) => `/login: ${fault}`);
    const page = await desk.visitor("/", look);
    for (const path of paths) {
      await page.goto(path);
      found.push(...(await faults(page)).map((fault) => `${path}: ${fault}`));
    }
    assertEquals(found, []);
  });
  testIf([CHROMIUM], `people's own page, by keyboard only, has them too: ${name}`, async () => {
    await using desk = await Desk.open();
    const person = await desk.profile(look);
    assertEquals(await ownFaults(person), []);
    await desk.picture(person, `own-${look.colorScheme}`);
    assertEquals(desk.misdeeds, []);
  });
}

testIf([CHROMIUM], "captured mail has its contrast, labels and names", async () => {
  await using desk = await Desk.open({ capture: true });
  for (const look of LOOKS) {
    const page = await desk.visitor("/", look);
    const found = [...await faults(page)];
    await desk.write({ from: "app@shop.example", to: ["jo@example.org"], text: HTML_LETTER });
    await desk.write({
      from: "app@shop.example",
      to: ["jo@example.org", "ann@example.org"],
      text: HTML_LETTER,
    });
    for (const path of ["/", "/?q=size:1", "/?q=nobody", "/overview"]) {
      await page.goto(path);
      found.push(...(await faults(page)).map((fault) => `${path}: ${fault}`));
    }
    await page.goto("/");
    await page.locator("tbody a.row-link").first().click();
    await page.waitForURL("**/captured/*");
    found.push(...await faults(page));
    await page.click("text=Dialogue");
    await page.waitForSelector(".source");
    found.push(...await faults(page));
    assertEquals(found, []);
  }
});

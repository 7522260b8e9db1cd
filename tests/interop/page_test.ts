/** The page in a real Chromium: what operators do with it, by mouse, by keys, on a phone, and without scripts. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { testIf } from "./support/post_office.ts";
import { BRAIN, CHROMIUM, Desk, TOKEN } from "./support/desk.ts";

/** Registers a test of the page; at its end no page may have done what none should do. */
function testPage(name: string, test: (desk: Desk) => Promise<void>): void {
  testIf([CHROMIUM], name, async () => {
    await using desk = await Desk.open();
    await test(desk);
    assertEquals(desk.misdeeds, []);
  });
}

/** The texts of what the selector finds. */
async function texts(page: Page, selector: string): Promise<string[]> {
  return (await page.locator(selector).allInnerTexts()).map((text) => text.trim());
}

/** What leads on in the rows of a table: recipients, or subjects. */
async function rows(page: Page): Promise<string[]> {
  return (await texts(page, "tbody a.row-link")).map((text) => text.split("\n")[0]!);
}

/** Five letters for a host that is down, two for one that is busy. */
async function fill(desk: Desk): Promise<void> {
  for (const name of ["anna", "bert", "carl", "dora", "emil"]) {
    await desk.letter(`${name}@down.example`, name);
  }
  for (const name of ["fred", "gina"]) await desk.letter(`${name}@busy.example`, name);
  await desk.deferred(7);
}

testPage("the page opens with the token and with nothing else, and closes again", async (desk) => {
  const page = await desk.profile();
  assertEquals((await page.goto("/queue"))?.status(), 401);
  await page.fill("#token", "a guess");
  await page.press("#token", "Enter");
  await page.waitForSelector(".complaint");
  await page.fill("#token", TOKEN);
  await page.click("text=Log in >> nth=-1");
  await page.waitForURL("**/queue");
  const [cookie] = await page.context().cookies();
  assertEquals([cookie?.httpOnly, cookie?.sameSite], [true, "Strict"]);
  assertEquals(await page.evaluate("document.cookie"), "");
  await page.click("text=Log out");
  await page.waitForURL("**/login");
  assertEquals((await page.goto("/queue"))?.status(), 401);
});

testPage("the queue is filtered, sorted and acted on, with a way back or a question", async (desk) => {
  await fill(desk);
  const page = await desk.visitor("/queue");
  assertEquals((await rows(page)).length, 7);
  await page.fill("main input[type=search]", "@busy.example");
  await page.click("text=Find");
  assertEquals(await rows(page), ["fred@busy.example", "gina@busy.example"]);
  await page.selectOption("select[name=sort]", "newest");
  await page.waitForURL("**sort=newest**");
  assertEquals(await rows(page), ["gina@busy.example", "fred@busy.example"]);

  await page.goto("/queue");
  const boxes = page.locator("tbody input[type=checkbox]");
  await boxes.nth(0).check();
  await boxes.nth(2).click({ modifiers: ["Shift"] });
  assertEquals(await texts(page, "[data-chosen]"), ["3 selected"]);
  await page.click("main button:has-text('Hold')");
  await page.waitForSelector(".notice:has-text('3 messages are held')");
  assertStringIncludes((await page.innerText("#queue-tabs")).replace(/\s+/g, " "), "Deferred4 Held3");
  await desk.picture(page, "queue");
  await page.click("text=Undo: release");
  await page.waitForSelector(".notice:has-text('on their way again')");
  await desk.deferred(7);

  await page.goto("/queue?q=anna");
  await page.locator("thead input[type=checkbox]").check();
  await page.click("main button:has-text('Delete')");
  await page.waitForSelector("#confirm[open]");
  await page.keyboard.press("Escape");
  assertEquals(await rows(page), ["anna@down.example"]);
  await page.click("main button:has-text('Delete')");
  await page.click("#confirm-yes");
  await page.waitForSelector(".notice:has-text('1 message was deleted')");

  await page.goto("/queue?q=bert");
  await page.locator("thead input[type=checkbox]").check();
  await page.click("main button:has-text('Bounce')");
  await page.click("#confirm-yes");
  await page.waitForSelector(".notice:has-text('was returned to its sender')");
  await page.goto(`/mailboxes/${encodeURIComponent(BRAIN)}`);
  assertEquals(await rows(page), ["Your message was not delivered"]);

  await page.goto("/queue");
  assertEquals((await rows(page)).length, 5);
  await page.click("text=Try all now");
  await page.waitForSelector(".notice:has-text('failed again')");
});

testPage(
  "one message's history: accepted, put off with the peer's words, held, tried again",
  async (desk) => {
    const id = await desk.letter("fred@busy.example", "An invoice");
    await desk.deferred(1);
    const page = await desk.visitor(`/messages/${id}`);
    assertStringIncludes(await page.innerText("h1"), "An invoice");
    const history = await page.innerText("#message-history");
    assertMatch(
      history,
      /Accepted[^]*Deferred[^]*fred@busy\.example[^]*450 4\.2\.1 The mailbox is busy, come back later/,
    );
    await page.click("text=What was said");
    assertMatch(
      await page.innerText("#message-history details pre"),
      /^> RCPT TO:<fred@busy\.example>$[^]*^< 450 4\.2\.1 /m,
    );
    await page.click("main button:has-text('Hold')");
    await page.waitForSelector("#message-history:has-text('It waits until you release it')");
    await desk.picture(page, "message");
    await page.click("main button:has-text('Release')");
    await page.locator("#message-history li.l-deferred").nth(1).waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Download")]);
    assertMatch(await Deno.readTextFile(await download.path()), /^Received: [^]*Subject: An invoice\r\n/);
  },
);

testPage("the overview lives: letters that come and go show without a reload", async (desk) => {
  const page = await desk.visitor("/");
  await page.waitForSelector("#pulse[data-state=live]");
  const started = await page.evaluate("performance.timeOrigin");
  await desk.letter(BRAIN, "Hello", "jsmith@mindspring.com");
  await page.waitForSelector("#lately:has-text('jsmith@mindspring.com')");
  await desk.letter("anna@down.example", "There?");
  await page.waitForSelector("#destinations:has-text('down.example')");
  assertMatch(await page.innerText("#destinations"), /refused/);
  assertStringIncludes(await page.innerText("#queue-card"), "1 message");
  assertEquals(await page.evaluate("performance.timeOrigin"), started);
  await desk.picture(page, "overview");
  await page.click("#destinations >> text=Try now");
  await page.waitForSelector(".notice");
});

testPage("events come as they happen, are paused, and go on", async (desk) => {
  const page = await desk.visitor("/events");
  await page.waitForSelector("#pulse[data-state=live]");
  await desk.letter(BRAIN, "First", "jsmith@mindspring.com");
  await page.waitForSelector("main:has-text('jsmith@mindspring.com')");
  await page.click("#pause");
  await desk.letter(BRAIN, "Second", "second@mindspring.com");
  await page.click("#pause");
  await page.waitForSelector("main:has-text('second@mindspring.com')");
});

testPage("accounts and aliases are made, corrected, changed and removed", async (desk) => {
  const page = await desk.visitor("/accounts");
  await page.fill("#new-address", "pinky@howstuffworks.com");
  await page.fill("#new-password", "x");
  await page.click("text=Make the account");
  await page.waitForSelector(".complaint");
  assertEquals(await page.inputValue("#new-address"), "pinky@howstuffworks.com");
  await page.fill("#new-password", "narf narf narf");
  await page.fill("#new-quota", "1MiB");
  await page.click("text=Make the account");
  await page.waitForSelector("#accounts:has-text('pinky@howstuffworks.com')");
  await page.click("a:has-text('pinky@howstuffworks.com')");
  await page.fill("#name", "Pinky <script>alert(1)</script>");
  await page.click("button:has-text('Save')");
  await page.waitForSelector(".notice");
  const { body } = await desk.api("GET", "/accounts/pinky@howstuffworks.com");
  const account = body as { name: string; quota: number };
  assertEquals([account.name, account.quota], ["Pinky <script>alert(1)</script>", 1024 * 1024]);

  await page.goto("/aliases");
  await page.fill("#alias-address", "lab@howstuffworks.com");
  await page.fill("#alias-targets", `${BRAIN}\npinky@howstuffworks.com`);
  await page.click("button:has-text('Save')");
  await page.waitForSelector("#aliases:has-text('lab@howstuffworks.com')");

  await page.goto("/accounts/pinky%40howstuffworks.com");
  await page.click("button:has-text('Remove')");
  await page.click("#confirm-yes");
  await page.waitForSelector(".notice");
  assertEquals((await desk.api("GET", "/accounts/pinky@howstuffworks.com")).status, 404);
});

testPage("keys alone do: go to the queue, choose, hold, and the list of keys", async (desk) => {
  await fill(desk);
  const page = await desk.visitor("/");
  await page.keyboard.press("?");
  await page.waitForSelector("#keys[open]");
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press("q");
  await page.waitForURL("**/queue");
  for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
  assertEquals(await texts(page, "[data-chosen]"), ["2 selected"]);
  await page.keyboard.press("/");
  await page.keyboard.type("bert");
  await page.keyboard.press("Enter");
  await page.waitForURL("**q=bert**");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/messages/*");
  // everything that can be clicked can be reached, and shows that it is
  const reached = new Set<string>();
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate("document.activeElement?.textContent?.trim() ?? ''") as string);
  }
  for (const button of ["Queue", "Try now", "Hold", "Delete"]) {
    assert([...reached].some((t) => t.startsWith(button)), button);
  }
});

testPage("on a phone, dark and light, nothing runs out of the screen", async (desk) => {
  await fill(desk);
  const long = `${"a".repeat(60)}@${"b".repeat(60)}.down.example`;
  await desk.letter(long, "x".repeat(200));
  await desk.letter(BRAIN, "y".repeat(300), "jsmith@mindspring.com");
  for (const colorScheme of ["dark", "light"] as const) {
    const page = await desk.visitor("/", { viewport: { width: 360, height: 740 }, colorScheme });
    for (
      const path of [
        "/",
        "/queue",
        `/mailboxes/${BRAIN}`,
        "/accounts",
        "/aliases",
        "/deliverability",
        "/events",
        "/domains/down.example",
      ]
    ) {
      await page.goto(path);
      const [wide, ground] = await page.evaluate(
        "[document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]",
      ) as [number, string];
      assertEquals(wide, 360, `${colorScheme} ${path}`);
      const [, red = ""] = /rgba?\((\d+)/.exec(ground) ?? [];
      assertEquals(Number(red) < 128, colorScheme === "dark", ground);
      if (path === "/queue") {
        const box = await page.locator("tbody input[type=checkbox]").first().boundingBox();
        const text = await page.locator("tbody a.row-link").first().boundingBox();
        assert(box!.x + box!.width <= text!.x, `the box is on the text: ${colorScheme}`);
      }
      await desk.picture(page, `phone ${colorScheme} ${path.replaceAll("/", "_")}`);
    }
    await page.context().close();
  }
});

testPage(
  "without scripts the page still does its work, and asks before what can't be undone",
  async (desk) => {
    await fill(desk);
    const page = await desk.visitor("/queue", { javaScriptEnabled: false });
    await page.locator("tbody input[type=checkbox]").nth(0).check();
    await page.click("main button:has-text('Hold')");
    await page.waitForSelector(".notice:has-text('1 message is held')");
    await page.locator("tbody input[type=checkbox]").nth(1).check();
    await page.click("main button:has-text('Delete')");
    await page.waitForSelector("h1:has-text('Delete for good?')");
    await page.click("button:has-text('Delete for good')");
    await page.waitForSelector(".notice:has-text('1 message was deleted')");
    assertEquals((await rows(page)).length, 6);
  },
);

testIf(
  [CHROMIUM],
  "webhooks: how they do, a test, and what was given up comes to be posted after all",
  async () => {
    const got: string[] = [];
    let status = 410;
    await using receiver = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      got.push((await request.json()).type);
      return new Response(null, { status });
    });
    const url = `http://127.0.0.1:${receiver.addr.port}/hook`;
    const webhooks = [{ url, events: ["mailbox"], secret: "a secret", allowPrivate: true }];
    await using desk = await Desk.open({ webhooks });
    const page = await desk.visitor("/webhooks");
    await page.click("text=Send a test");
    await page.waitForSelector(".notice:has-text('410 Gone')");
    await desk.letter(BRAIN, "Hello", "jsmith@mindspring.com");
    // it is given up a moment later, of which the page is not told
    while (!await page.locator("#dead-posts:has-text('410 Gone')").count()) await page.reload();
    await desk.picture(page, "webhooks");
    status = 204;
    await page.click("text=Try again");
    await page.waitForSelector(".notice:has-text('posted once more')");
    await page.locator("#dead-posts").waitFor({ state: "detached" });
    await page.waitForSelector("#webhooks:has-text('204')");
    assertEquals(got, ["test", "mailbox", "mailbox"]);
    assertEquals(desk.misdeeds, []);
  },
);

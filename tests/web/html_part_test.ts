/** The frame of a message's HTML part: what its policy lets through, and what is taken out of the text before. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { framedHtml } from "../../src/web/html_part.ts";

const PNG = new Uint8Array([137, 80, 78, 71]);
const attachment = (contentId: string, contentType: string) => ({
  filename: null,
  contentType,
  contentId,
  inline: true,
  disposition: "inline",
  place: "2",
  bytes: PNG,
});

async function framed(html: string, remote = false): Promise<{ policy: string; text: string }> {
  const attachments = [attachment("one@x", "image/png"), attachment("two@x", "image/svg+xml")];
  const response = framedHtml({ html, attachments }, { remote });
  const policy = response.headers.get("content-security-policy") ?? "";
  return { policy, text: (await response.text()).replace(/^.*?<\/style>/s, "") };
}

Deno.test("nothing runs in the frame, whether it may load from elsewhere or not", async () => {
  for (const remote of [false, true]) {
    const { policy } = await framed("<p>", remote);
    const rules = new Map(policy.split("; ").map((rule) => [rule.split(" ")[0], rule]));
    assertEquals(rules.get("sandbox"), "sandbox");
    assertEquals(rules.get("default-src"), "default-src 'none'");
    assertEquals(rules.has("script-src"), false);
    assertEquals(rules.get("form-action"), "form-action 'none'");
    assertEquals(rules.get("base-uri"), "base-uri 'none'");
    assertEquals(rules.get("frame-ancestors"), "frame-ancestors 'self'");
    assertEquals(rules.get("img-src"), remote ? "img-src data: http: https:" : "img-src data:");
  }
});

Deno.test("elements that lead away or open connections are none any more", async (t) => {
  const cases: [html: string, closed: string, remote: string][] = [
    ["<META http-equiv=refresh>", "<x-META http-equiv=refresh>", "<x-META http-equiv=refresh>"],
    ["<base href=x>", "<x-base href=x>", "<x-base href=x>"],
    ["<link rel=preconnect>", "<x-link rel=preconnect>", "<link rel=preconnect>"],
    ["<p>metal</p>", "<p>metal</p>", "<p>metal</p>"],
  ];
  for (const [html, closed, remote] of cases) {
    await t.step(html, async () => {
      assertEquals((await framed(html)).text, closed);
      assertEquals((await framed(html, true)).text, remote);
    });
  }
});

Deno.test("a message's own pictures stand in it, and only pictures", async () => {
  const { text } = await framed('<img src="cid:one@x"><img src="cid:two@x"><img src="cid:none@x">');
  assertStringIncludes(text, `<img src="data:image/png;base64,${PNG.toBase64()}">`);
  assertStringIncludes(text, '<img src="cid:two@x"><img src="cid:none@x">');
});

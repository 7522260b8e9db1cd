import { assertEquals } from "@std/assert";
import { visibleText } from "../../src/mail/html_tags.ts";

Deno.test("visibleText() tells where links lead, unless that is what they say", () => {
  const html = '<h1>Hi</h1><p>Reset <a href="https://x.example/?a=1&amp;b=2">your <b>word</b></a>, or copy ' +
    '<a href=https://x.example/r>https://x.example/r</a><a name=here></a> <a href="">no</a></p>' +
    '<a href="mailto:a@b.example"><img src=x></a><a href="/open';
  assertEquals(
    visibleText(html, { links: true }),
    "Hi\nReset your word ( https://x.example/?a=1&b=2 ), or copy https://x.example/r no\n( mailto:a@b.example )",
  );
  assertEquals(visibleText(html), "Hi\nReset your word, or copy https://x.example/r no");
});

import { assert, assertEquals } from "@std/assert";
import { linksOf } from "../../src/mail/links.ts";
import { cpuMs } from "../support/cpu_time.ts";

Deno.test("linksOf() takes a link of a text to its end and no further", async (t) => {
  const texts: [string, string[]][] = [
    ["Open https://example.com/reset?token=Zm9vYmFy_ now", ["https://example.com/reset?token=Zm9vYmFy_"]],
    ["<https://example.com/reset?token=YmFy_>", ["https://example.com/reset?token=YmFy_"]],
    ["<https://a.example/x.>", ["https://a.example/x."]],
    ["<https://a.example/x?q=1!>", ["https://a.example/x?q=1!"]],
    ["<URL:https://a.example/x>", ["https://a.example/x"]],
    ["<https://a.example/a-long-\r\n  token_>", ["https://a.example/a-long-token_"]],
    ["Reset (https://a.example/x_(y)) or [https://b.example/z_]", [
      "https://a.example/x_(y)",
      "https://b.example/z_",
    ]],
    ["_https://a.example/x_ and *https://a.example/y*", ["https://a.example/x", "https://a.example/y"]],
    ["https://a.example/x-, https://a.example/y~. https://a.example/z==", [
      "https://a.example/x-",
      "https://a.example/y~",
      "https://a.example/z==",
    ]],
    ["“https://a.example/x” «https://a.example/y»", ["https://a.example/x", "https://a.example/y"]],
    ["https://a.example/x。次", ["https://a.example/x"]],
    ["HTTPS://A.example/X", ["HTTPS://A.example/X"]],
    ["no@http://x", []],
  ];
  for (const [text, links] of texts) {
    await t.step(text.slice(0, 40), () => assertEquals(linksOf(text, null), links));
  }
});

Deno.test("linksOf() finds where HTML leads, whatever stands around it", async (t) => {
  const texts: [string, string[]][] = [
    ['<a title="a > b" href="https://a.example/x">x</a>', ["https://a.example/x"]],
    ["<a data-x='>' class=y href=https://a.example/x>x</a>", ["https://a.example/x"]],
    ["<A\nHREF = 'https://a.example/\nx'>x</A>", ["https://a.example/x"]],
    ['<a href="//host.example/x">x</a>', ["https://host.example/x"]],
    ['<map><area shape="rect" href="https://a.example/x"></map>', ["https://a.example/x"]],
    ['<form action="https://a.example/x"><button formaction="https://b.example/y">', [
      "https://a.example/x",
      "https://b.example/y",
    ]],
    ['<base href="http://a.example/z/"><a href="x?y=1">x</a><a href="//b.example/y">', [
      "http://a.example/z/x?y=1",
      "http://b.example/y",
    ]],
    ['<a href="x">x</a><a href="#y">y</a><a href="mailto:z@a.example">z</a>', []],
    ['<a href="https&colon;//a.example/?a=1&amp;b=2&#95;">x</a>', ["https://a.example/?a=1&b=2_"]],
    ['<!-- <a href="https://a.example/x"> --><script>"<a href=https://b.example>"</script>', []],
    ["<p>Open https://a.example/x_<br>now</p>", ["https://a.example/x_"]],
    ['1 < 2 <a href="https://a.example/x">', ["https://a.example/x"]],
    ['<a href="https://a.example/x', ["https://a.example/x"]],
  ];
  for (const [html, links] of texts) {
    await t.step(html.slice(0, 40), () => assertEquals(linksOf(null, html), links));
  }
});

Deno.test("linksOf() takes little time over what was made to take much", async () => {
  const ms = await cpuMs(() => {
    for (const hostile of ['<a "', "<a '", "<!--", "<a href=x ", "<script>", "<https://", "<a / ", "&#"]) {
      linksOf(hostile.repeat(50_000), hostile.repeat(50_000));
    }
    assertEquals(linksOf(`https://a.example/x(y${")".repeat(200_000)}`, null), ["https://a.example/x(y)"]);
  });
  assert(ms < 5_000, `${ms} ms`);
});

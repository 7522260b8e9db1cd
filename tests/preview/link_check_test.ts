/** The check of links: what it finds in a message, what it says of each, and where it does not go. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { eventTurn, systemClock } from "../../src/base/clock.ts";
import { checkLinks, type LinkCheckOptions, messageLinks } from "../../src/preview/link_check.ts";

const options: LinkCheckOptions = {
  clock: systemClock,
  allowPrivate: true,
  signal: new AbortController().signal,
};
const link = (url: string) => ({ url, kind: "link" as const });

/** A web server on loopback that notes what it is asked. */
function site(
  answer: (path: string, method: string) => Response | Promise<Response>,
): AsyncDisposable & { base: string; asked: string[] } {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const path = new URL(request.url).pathname;
    asked.push(`${request.method} ${path}`);
    return answer(path, request.method);
  });
  const base = `http://127.0.0.1:${server.addr.port}`;
  return { base, asked, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("messageLinks() finds links, pictures and styles, each once, and no cid or mailto", () => {
  const html =
    `<link rel="stylesheet" href="https://a.example/s.css"><link rel=icon href="https://a.example/i.ico">
    <a href="https://a.example/go?x=1&amp;y=2">go</a><a href="mailto:a@b.example">write</a><a href="#top">up</a>
    <img src="https://a.example/p.png"><img src="cid:one"><img src="data:image/png;base64,AA==">
    <td background="http://a.example/ground.gif"></td><a href="https://a.example/p.png">again</a>`;
  assertEquals(messageLinks({ text: "See https://t.example/1.", html }), [
    { url: "https://t.example/1", kind: "link" },
    { url: "https://a.example/go?x=1&y=2", kind: "link" },
    { url: "https://a.example/p.png", kind: "link" },
    { url: "https://a.example/s.css", kind: "style" },
    { url: "http://a.example/ground.gif", kind: "image" },
  ]);
  assertEquals(messageLinks({ text: null, html: null }), []);
});

Deno.test("checkLinks() tells of each link what it answers, and asks by GET where HEAD is not known", async () => {
  await using web = site((path, method) => {
    if (path === "/no-head" && method === "HEAD") return new Response(null, { status: 405 });
    if (path === "/gone") return new Response("gone", { status: 410 });
    if (path === "/long") return new Response(new Uint8Array(8 * 1024 * 1024));
    return new Response("fine");
  });
  const paths = ["/fine", "/no-head", "/gone", "/long"];
  const { links, left } = await checkLinks(paths.map((path) => link(web.base + path)), options);
  assertEquals(links.map(({ status, ok }) => [status, ok]), [[200, true], [200, true], [410, false], [
    200,
    true,
  ]]);
  assertEquals(links[2]!.text, "410 Gone");
  assertEquals(left, 0);
  assertEquals(web.asked.toSorted(), [
    "GET /gone",
    "GET /no-head",
    "HEAD /fine",
    "HEAD /gone",
    "HEAD /long",
    "HEAD /no-head",
  ]);
});

Deno.test("checkLinks() follows redirects hop by hop, so many and no more, or none at all", async () => {
  await using web = site((path) => {
    if (path === "/round") return new Response(null, { status: 302, headers: { location: "/round" } });
    if (path === "/mail") {
      return new Response(null, { status: 301, headers: { location: "mailto:a@b.example" } });
    }
    const left = Number(path.slice(1));
    return left > 0
      ? new Response(null, { status: 307, headers: { location: `/${left - 1}` } })
      : new Response("there");
  });
  const of = (path: string) => link(web.base + path);
  const { links } = await checkLinks([of("/3"), of("/round"), of("/mail")], options);
  assertEquals(links[0], {
    ...of("/3"),
    status: 200,
    text: "200 OK",
    ok: true,
    redirects: ["/2", "/1", "/0"].map((path) => web.base + path),
  });
  assertEquals([links[1]!.status, links[1]!.text], [0, "It leads on more than 5 times"]);
  assertEquals([links[2]!.status, links[2]!.text], [0, "It leads to mailto:, which is not asked"]);
  const [here] = (await checkLinks([of("/3")], { ...options, follow: false })).links;
  assertEquals([here!.status, here!.ok, here!.redirects], [307, true, []]);
});

Deno.test("checkLinks() never asks a private address, by number or by name, nor a wrong one behind a redirect", async () => {
  await using web = site(() => new Response("secret"));
  const port = new URL(web.base).port;
  const urls = [
    web.base,
    `http://localhost:${port}/`,
    `http://[::1]:${port}/`,
    `http://[::ffff:127.0.0.1]:${port}/`,
    `http://2130706433:${port}/`,
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
  ];
  const { links } = await checkLinks(urls.map(link), { ...options, allowPrivate: false });
  for (const { url, status, text } of links) {
    assertEquals(status, 0, url);
    assert(/is (?:loopback|link-local|private)/.test(text), `${url}: ${text}`);
  }
  assertEquals(web.asked, []);

  // what is no host's address is refused to all, so the second hop can be seen to be looked at
  const headers = { location: `http://0.0.0.0:${port}/inner` };
  await using open = site(() => new Response(null, { status: 302, headers }));
  const [led] = (await checkLinks([link(open.base)], options)).links;
  assertEquals([led!.status, led!.text], [0, "0.0.0.0 is unspecified"]);
  assertEquals(web.asked, []);
});

Deno.test("checkLinks() asks for a hundred at most, and not for longer than it may", async () => {
  await using web = site(() => new Response("fine"));
  const many = Array.from({ length: 130 }, (_, i) => link(`${web.base}/${i}`));
  const { links, left } = await checkLinks(many, options);
  assertEquals([links.length, left, web.asked.length], [100, 30, 100]);

  const { promise: silence, resolve: speak } = Promise.withResolvers<Response>();
  await using slow = site(() => silence);
  const clock = new ManualClock();
  const check = checkLinks([link(slow.base)], { ...options, clock });
  while (slow.asked.length === 0) await eventTurn();
  clock.advance(10_000);
  const [late] = (await check).links;
  assertEquals(late!.status, 0);
  assertStringIncludes(late!.text, "No answer within 10 seconds");
  speak(new Response("late"));
});

Deno.test("checkLinks() tells why nobody answers", async () => {
  const [gone] = (await checkLinks([link("http://127.0.0.1:1/")], options)).links;
  assertEquals([gone!.status, gone!.ok], [0, false]);
  assert(gone!.text.length > 5, gone!.text);
});

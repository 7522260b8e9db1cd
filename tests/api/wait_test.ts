import { assertEquals, assertStringIncludes } from "@std/assert";
import { codesOf } from "../../src/mail/codes.ts";
import { linksOf } from "../../src/mail/links.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Surface } from "./harness.ts";

const TEXT =
  "From: Shop <shop@example.com>\r\nSubject: Your code\r\n\r\nIt is 482913, see https://shop.example/c?t=1.\r\n";

Deno.test("wait answers a message that is there already", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["brain@example.org"] }, TEXT);
  const mail = await surface.json("GET", "/wait?mailbox=brain@example.org&timeout=1s");
  assertEquals(mail.uid, id);
  assertEquals(mail.mailbox, "brain@example.org");
  assertEquals(mail.links, ["https://shop.example/c?t=1"]);
  assertEquals(mail.codes, ["482913"]);
});

Deno.test("wait answers as soon as the one that fits comes", async () => {
  await using surface = await Surface.start();
  const waiting = surface.json(
    "GET",
    "/wait?to=brain@example.org&from=shop@example.com&subject=CODE&timeout=20s",
  );
  await surface.send({ to: ["brain@example.org"] }, "Subject: Something else\r\n\r\nx\r\n");
  const id = await surface.send({ to: ["brain@example.org"] }, TEXT);
  assertEquals((await waiting).uid, id);
});

Deno.test("wait answers the newest that fits, none that came before since", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 5));
  await using surface = await Surface.start({ clock });
  await surface.send({ to: ["brain@example.org"] }, TEXT);
  clock.advance(60_000);
  const second = await surface.send({ to: ["brain@example.org"] }, TEXT);
  assertEquals((await surface.json("GET", "/wait?subject=code")).uid, second);
  assertEquals((await surface.json("GET", "/wait?since=2026-01-05T00:00:30Z")).uid, second);
  // an hour is more than anybody waits
  for (
    const [timeout, ms, told] of [["10s", 10_000, "10s"], ["500", 500, "500ms"], [
      "1h",
      300_000,
      "5m",
    ]] as const
  ) {
    const underWay = scheduled(clock, ms);
    const waiting = surface.call("GET", `/wait?since=2026-01-05T00:05:00Z&timeout=${timeout}`);
    await underWay;
    clock.advance(ms);
    const response = await waiting;
    assertEquals(response.status, 408);
    assertStringIncludes((await response.json()).detail, `within ${told}`);
  }
});

Deno.test("wait refuses what it can't wait for", async () => {
  await using surface = await Surface.start();
  for (const query of ["since=yesterday", "timeout=long", "form=x"]) {
    await surface.json("GET", `/wait?${query}`, { status: 400 });
  }
  await surface.json("GET", "/wait?mailbox=nonsense", { status: 422 });
});

Deno.test("who waits is let go when the server stops", async () => {
  const surface = await Surface.start();
  const waiting = surface.call("GET", "/wait?subject=never&timeout=5m");
  await surface.call("GET", "/queue").then((r) => r.body?.cancel());
  await surface.server.stop();
  const response = await waiting;
  assertEquals(response.status, 503);
  await response.body?.cancel();
});

Deno.test("linksOf() finds links in text and HTML", () => {
  assertEquals(
    linksOf("See (https://a.example/x_(y)), http://b.example. And https://a.example/x_(y)!", null),
    [
      "https://a.example/x_(y)",
      "http://b.example",
    ],
  );
  assertEquals(
    linksOf(
      null,
      "<a class=x href=\"https://c.example/?a=1&amp;b=2\">x</a><a href='javascript:alert(1)'>y</a>",
    ),
    [
      "https://c.example/?a=1&b=2",
    ],
  );
  assertEquals(linksOf(null, null), []);
});

Deno.test("codesOf() finds what is to be typed in", async (t) => {
  const texts: [string, string, string[]][] = [
    ["Your code", "It is 482913.", ["482913"]],
    ["Hi", "Your verification code: 123-456", ["123-456"]],
    ["Hi", "Use AB12-CD34 as your one-time password.", ["AB12-CD34"]],
    ["Hi", "PIN 0042", ["0042"]],
    // without the word any number will do
    ["Hi", "It is 482913.", ["482913"]],
    // not these
    ["Your code", "It is 12.", []],
    ["Your code", "https://x.example/123456", []],
    ["Your code", "VERIFY NOW", []],
    ["Your code 7788", "Ordered long ago. " + "x ".repeat(100) + "Copyright 2026", ["7788"]],
  ];
  for (const [subject, text, codes] of texts) {
    await t.step(`${subject}: ${text.slice(0, 40)}`, () => assertEquals(codesOf(subject, text, null), codes));
  }
  assertEquals(codesOf("", null, "<style>a{width:1234px}</style><p>Code <b>5&#53;55</b></p>"), ["5555"]);
});

/** Resolves when somebody has set a timer for so long. */
function scheduled(clock: ManualClock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule = (delayMs, fn) => {
      if (delayMs === ms) resolve();
      return ManualClock.prototype.schedule.call(clock, delayMs, fn);
    };
  });
}

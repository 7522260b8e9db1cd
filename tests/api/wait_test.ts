import { assertEquals, assertStringIncludes } from "@std/assert";
import { codesOf } from "../../src/mail/codes.ts";
import { linksOf } from "../../src/mail/links.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Surface, TOKEN } from "./harness.ts";

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
  for (const [timeout, ms, told] of [["10s", 10_000, "10s"], ["500", 500, "500ms"]] as const) {
    const underWay = scheduled(clock, ms);
    const waiting = surface.call("GET", `/wait?since=2026-01-05T00:05:00Z&timeout=${timeout}`);
    await underWay;
    clock.advance(ms);
    const response = await waiting;
    assertEquals(response.status, 408);
    assertStringIncludes((await response.json()).detail, `within ${told}`);
  }
});

Deno.test("wait refuses what it can't wait for, and names it", async (t) => {
  await using surface = await Surface.start();
  const refused: [query: string, name: string, told: string][] = [
    ["since=yesterday", "since", "2026-01-05T09:00:00Z"],
    ["since=2026-02-30T25:00Z", "since", "ISO 8601"],
    ["since=01kb8y4zq2m3n4p5", "since", "the ID of a message"],
    ["timeout=long", "timeout", '"30s"'],
    ["timeout=10m", "timeout", '"5m" at most'],
    ["timeout=-1", "timeout", '"30s"'],
    ["count=x", "count", "whole number"],
    ["count=-1", "count", "whole number"],
    ["count=5000", "count", "1000 at most"],
    ["count=0", "for", "for=300ms"],
    ["count=0&timeout=1s", "for", "for=300ms"],
    ["count=0&for=10m", "for", '"5m" at most'],
    ["for=300ms", "for", "count=0"],
    ["count=2&for=300ms", "for", "count=0"],
    ["form=x", "form", "known are mailbox, to, from, subject, since"],
  ];
  for (const [query, name, told] of refused) {
    await t.step(query, async () => {
      const problem = await surface.json("GET", `/wait?${query}`, { status: 400 });
      assertEquals(problem.errors[0].name, name);
      assertStringIncludes(problem.detail, told);
    });
  }
  await surface.json("GET", "/wait?mailbox=nonsense", { status: 422 });
});

Deno.test("wait answers a message as it is shown, with its id and mailbox", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["brain@example.org"] }, TEXT);
  const mail = await surface.json("GET", "/wait?mailbox=Brain@Example.org&timeout=0");
  const shown = await surface.json("GET", `/mailboxes/brain@example.org/messages/${id}`);
  assertEquals([mail.id, mail.uid, mail.mailbox], [id, id, "brain@example.org"]);
  for (const name of ["text", "html", "headers", "attachments", "from", "subject", "folder", "date"]) {
    assertEquals(mail[name], shown[name], name);
  }
});

Deno.test("a part of sender, recipient or subject is enough, of envelope or header", async (t) => {
  await using surface = await Surface.start();
  const text = "From: Shop <shop@example.com>\r\nTo: Staff <staff@x.example>\r\nCc: carol@x.example\r\n" +
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= today\r\n\r\nx\r\n";
  await surface.send({ from: "bounce@example.com", to: ["brain@example.org"] }, text);
  const waits: [query: string, status: number][] = [
    ["from=SHOP", 200],
    ["from=bounce@", 200],
    ["to=brain", 200],
    ["to=STAFF@x", 200],
    ["to=carol", 200],
    ["subject=GRÜSSE", 408],
    ["subject=grüße+TODAY", 200],
    ["from=shop&to=brain&subject=today", 200],
    ["from=shop&to=brain&subject=tomorrow", 408],
    ["mailbox=other@example.org", 408],
  ];
  for (const [query, status] of waits) {
    await t.step(query, () => surface.json("GET", `/wait?${query}&timeout=0`, { status }));
  }
});

Deno.test("what came after a message is what came after its id", async () => {
  await using surface = await Surface.start();
  const first = await surface.send({ to: ["brain@example.org"] }, TEXT);
  await surface.json("GET", `/wait?since=${first}&timeout=0`, { status: 408 });
  const waiting = surface.json("GET", `/wait?mailbox=brain@example.org&since=${first}&timeout=20s`);
  const second = await surface.send({ to: ["brain@example.org"] }, TEXT);
  assertEquals((await waiting).id, second);
  const third = await surface.send({ to: ["brain@example.org"] }, TEXT);
  const both = await surface.json("GET", `/wait?since=${first}&count=2`);
  assertEquals(both.items.map((m: { id: string }) => m.id), [second, third]);
});

Deno.test("since takes the times that people and programs write", async (t) => {
  const clock = new ManualClock(Date.UTC(2026, 0, 5, 9));
  await using surface = await Surface.start({ clock });
  await surface.send({ to: ["brain@example.org"] }, TEXT);
  const times: [since: string, isThere: boolean][] = [
    [String(clock.now()), true],
    [String(clock.now() + 1), false],
    ["2026-01-05T09:00:00Z", true],
    ["2026-01-05T09:00:00.001Z", false],
    ["2026-01-05T09:00:00.000123+00:00", true],
    ["2026-01-05T10:00:00+01:00", true],
    ["2026-01-05T10:00:00", false],
    ["2026-01-05T08:59", true],
  ];
  for (const [since, isThere] of times) {
    for (const mailbox of ["", "&mailbox=brain@example.org"]) {
      await t.step(since + mailbox, async () => {
        const waiting = surface.call("GET", `/wait?since=${since}${mailbox}&timeout=0`);
        // what is not there is given up when the time is over
        let response: Response | undefined;
        void waiting.then((answer) => response = answer);
        while (!response) {
          clock.advance(1);
          await new Promise((resolve) => setTimeout(resolve, 1));
          clock.advance(-1);
        }
        await response.body?.cancel();
        assertEquals(response.status, isThere ? 200 : 408);
      });
    }
  }
});

Deno.test("count answers so many, the newest, in the order in which they came", async () => {
  await using surface = await Surface.start();
  const ids: string[] = [];
  ids.push(await surface.send({ to: ["brain@example.org"] }, TEXT));
  const waiting = surface.json("GET", "/wait?mailbox=brain@example.org&subject=code&count=3&timeout=20s");
  ids.push(await surface.send({ to: ["brain@example.org"] }, TEXT));
  await surface.send({ to: ["brain@example.org"] }, "Subject: other\r\n\r\nx\r\n");
  ids.push(await surface.send({ to: ["brain@example.org"] }, TEXT));
  assertEquals((await waiting).items.map((m: { id: string }) => m.id), ids);
  const two = await surface.json("GET", "/wait?subject=code&count=2&timeout=0");
  assertEquals(two.items.map((m: { id: string }) => m.id), ids.slice(1));
  const one = await surface.json("GET", "/wait?subject=code&count=1&timeout=0");
  assertEquals(one.items.map((m: { id: string }) => m.id), ids.slice(2));
  const problem = await surface.json("GET", "/wait?subject=code&count=4&timeout=0", { status: 408 });
  assertStringIncludes(problem.detail, "Not as many as 4");
});

Deno.test("a wait that fails tells what came instead, and what was nearest", async () => {
  await using surface = await Surface.start({
    config: { accounts: { "brain@example.org": { password: "x" }, "pinky@example.org": { password: "x" } } },
  });
  const nothing = await surface.json("GET", "/wait?timeout=0", { status: 408 });
  assertEquals([nothing.arrived, nothing.nearest], [[], null]);
  const old = await surface.send({ to: ["brain@example.org"] }, "Subject: Old\r\n\r\nx\r\n");
  await surface.send({ to: ["brain@example.org"] }, "Subject: Newsletter\r\n\r\nx\r\n");
  const near = await surface.send({ to: ["pinky@example.org"] }, TEXT);
  const { arrived, nearest, detail } = await surface.json(
    "GET",
    `/wait?mailbox=brain@example.org&subject=Your+code&since=${old}&timeout=0`,
    { status: 408 },
  );
  assertEquals(arrived.map((m: { subject: string }) => m.subject), ["Newsletter"]);
  assertEquals(Object.keys(arrived[0]), ["uid", "mailbox", "from", "to", "subject", "folder", "date", "url"]);
  assertEquals([nearest.uid, nearest.mailbox], [near, "pinky@example.org"]);
  assertStringIncludes(detail, "Your code");
  const { pathname, origin } = new URL(nearest.url);
  assertEquals(origin, "http://localhost");
  const page = await surface.fetch(pathname, { headers: { authorization: `Bearer ${TOKEN}` } });
  assertStringIncludes(await page.text(), "Your code");
  // of all mailboxes, the nearest subject of two that miss the same
  const all = await surface.json("GET", "/wait?subject=News+letter&timeout=0", { status: 408 });
  assertEquals(all.arrived.map((m: { subject: string }) => m.subject), ["Your code", "Newsletter", "Old"]);
  assertEquals(all.nearest.subject, "Newsletter");
});

Deno.test("a failed wait tells of twenty messages at most", async () => {
  await using surface = await Surface.start();
  for (let i = 0; i < 25; i++) {
    await surface.send({ to: ["brain@example.org"] }, `Subject: n${i}\r\n\r\nx\r\n`);
  }
  for (const mailbox of ["", "&mailbox=brain@example.org"]) {
    const { arrived } = await surface.json("GET", `/wait?subject=none&timeout=0${mailbox}`, { status: 408 });
    assertEquals(arrived.map((m: { subject: string }) => m.subject)[0], "n24");
    assertEquals(arrived.length, 20);
  }
});

Deno.test("200 waits at once each get their own message, and several get the same", async () => {
  await using surface = await Surface.start();
  const waits = Array.from(
    { length: 200 },
    (_, i) => surface.json("GET", `/wait?to=brain%2Bt${i}-@example.org&timeout=60s`),
  );
  const shared = Array.from({ length: 20 }, () => surface.json("GET", "/wait?subject=t77-&timeout=60s"));
  const ids = await Promise.all(
    Array.from(
      { length: 200 },
      (_, i) => surface.send({ to: [`brain+t${i}-@example.org`] }, `Subject: t${i}-\r\n\r\nx\r\n`),
    ),
  );
  assertEquals((await Promise.all(waits)).map((mail) => mail.id), ids);
  for (const mail of await Promise.all(shared)) assertEquals(mail.id, ids[77]);
});

Deno.test("a message that comes while a wait looks back is not lost", async () => {
  await using surface = await Surface.start();
  await surface.json("GET", "/wait?timeout=0", { status: 408 });
  const { mailStore } = surface.server;
  const list = mailStore.list;
  let id: string | undefined;
  mailStore.list = async function (...args) {
    const seen = await list.apply(this, args);
    // it comes behind the look, before its answer is known
    id ??= await surface.send({ to: ["brain@example.org"] }, TEXT);
    return seen;
  };
  const mail = await surface.json("GET", "/wait?mailbox=brain@example.org&timeout=10s");
  assertEquals(mail.id, id);
});

Deno.test("a message that is removed is not waited for", async () => {
  await using surface = await Surface.start();
  const ids: string[] = [];
  for (let i = 0; i < 2; i++) ids.push(await surface.send({ to: ["brain@example.org"] }, TEXT));
  assertEquals((await surface.json("GET", "/wait?timeout=0")).id, ids[1]);
  await surface.json("DELETE", `/mailboxes/brain@example.org/messages/${ids[1]}`, { status: 204 });
  assertEquals((await surface.json("GET", "/wait?timeout=0")).id, ids[0]);
  await surface.json("DELETE", `/mailboxes/brain@example.org/messages/${ids[0]}`, { status: 204 });
  for (const mailbox of ["", "&mailbox=brain@example.org"]) {
    const { arrived } = await surface.json("GET", `/wait?timeout=0${mailbox}`, { status: 408 });
    assertEquals(arrived, []);
  }
});

Deno.test("what was there before the server started is found, too", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    let id: string;
    {
      await using surface = await Surface.start({ config: { dataDir }, onDisk: true });
      id = await surface.send({ to: ["brain@example.org"] }, TEXT);
    }
    await using surface = await Surface.start({ config: { dataDir }, onDisk: true });
    assertEquals((await surface.json("GET", "/wait?subject=code&timeout=0")).id, id);
    assertEquals((await surface.json("GET", "/wait?mailbox=brain@example.org&timeout=0")).id, id);
    const { nearest } = await surface.json("GET", "/wait?subject=x&timeout=0", { status: 408 });
    assertEquals(nearest.uid, id);
    await surface.json("GET", `/wait?since=${id}&timeout=0`, { status: 408 });
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
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

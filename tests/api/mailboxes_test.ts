import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { readQueuedHeader } from "../../src/web/queued_header.ts";
import { BodyAborted } from "../../src/wire/http_exchange.ts";
import { Surface, TOKEN } from "./harness.ts";

const BOX = "/mailboxes/brain@example.org/messages";

const NASTY = [
  'From: "<script>alert(1)</script>" <ann@example.com>',
  "To: brain@example.org",
  "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_=3Cimg_src=3Dx=3E?=",
  "MIME-Version: 1.0",
  'Content-Type: multipart/mixed; boundary="b"',
  "",
  "--b",
  "Content-Type: text/html",
  "",
  "<script>alert(2)</script>",
  "--b",
  "Content-Type: text/html",
  'Content-Disposition: attachment; filename="../../evil\u202egpj.html"',
  "",
  "<script>alert(3)</script>",
  "--b",
  "Content-Type: image/png",
  'Content-Disposition: inline; filename="a.png"',
  "Content-ID: <pic@x>",
  "Content-Transfer-Encoding: base64",
  "",
  btoa("pixels"),
  "--b--",
  "",
].join("\r\n");

Deno.test("a mailbox is listed newest first, in pages", async () => {
  await using surface = await Surface.start();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    ids.push(
      await surface.send(
        { to: ["brain@example.org"] },
        `Subject: letter ${i}\r\nTo: The Brain <b@x.example>\r\n\r\nx\r\n`,
      ),
    );
  }
  const first = await surface.json("GET", `${BOX}?limit=2`);
  assertEquals(first.items.map((m: { subject: string }) => m.subject), ["letter 4", "letter 3"]);
  assertEquals([first.items[0].from, first.items[0].to, first.items[0].seen], [
    "ann@example.com",
    "The Brain <b@x.example>",
    false,
  ]);
  // one of the next page goes, a new one comes: nothing is skipped or shown twice
  await surface.json("DELETE", `${BOX}/${ids[2]}`, { status: 204 });
  await surface.send({ to: ["brain@example.org"] }, "Subject: new\r\n\r\nx\r\n");
  const next = await surface.json("GET", `${BOX}?limit=2&cursor=${first.cursor}`);
  assertEquals(next.items.map((m: { subject: string }) => m.subject), ["letter 1", "letter 0"]);
  assertEquals(next.cursor, null);
  await surface.json("GET", "/mailboxes/nobody@example.org/messages", { status: 404 });
  await surface.json("GET", "/mailboxes/nonsense/messages", { status: 404 });
});

Deno.test("a mailbox is searched in head, text and attachments' names", async (t) => {
  await using surface = await Surface.start();
  await surface.send({ to: ["brain@example.org"] }, "Subject: Plain\r\n\r\nneedle in the hay\r\n");
  await surface.send({ to: ["brain@example.org"] }, NASTY);
  for (let i = 0; i < 30; i++) {
    await surface.send({ to: ["brain@example.org"] }, "Subject: filler\r\n\r\nx\r\n");
  }
  const searches: [string, string[]][] = [
    ["NEEDLE", ["Plain"]],
    ["grüße", ["Grüße <img src=x>"]],
    ["a.png", ["Grüße <img src=x>"]],
    ["nothing of this", []],
  ];
  for (const [q, subjects] of searches) {
    await t.step(q, async () => {
      const { items, cursor } = await surface.json("GET", `${BOX}?q=${encodeURIComponent(q)}`);
      assertEquals(items.map((m: { subject: string }) => m.subject), subjects);
      assertEquals(cursor, null);
    });
  }
});

Deno.test("a search takes the words of its language, and refuses others by name", async (t) => {
  await using surface = await Surface.start();
  const ids: Record<string, string> = {};
  ids.ann = await surface.send(
    { from: "ann@example.com", to: ["brain@example.org"] },
    "From: ann@example.com\r\nTo: staff@example.org\r\nDate: Sat, 31 Jan 2026 09:00:00 +0000\r\n" +
      "Subject: Your code\r\n\r\nIt is 1234\r\nfor you.\r\n",
  );
  ids.nasty = await surface.send({ to: ["brain@example.org"] }, NASTY);
  await surface.json("GET", `${BOX}/${ids.nasty}`);
  const searches: [q: string, found: string[]][] = [
    ["from:ann is:unread", ["ann"]],
    ["is:read", ["nasty"]],
    ["has:attachment", ["nasty"]],
    ["-has:attachment", ["ann"]],
    ['subject:"your code" after:2026-01-31 before:2026-02-01', ["ann"]],
    ["before:2026-01-31", []],
    ['"1234 for you"', ["ann"]],
    ["to:brain@example.org", ["nasty", "ann"]],
    ["to:staff", ["ann"]],
  ];
  for (const [q, found] of searches) {
    await t.step(q, async () => {
      const { items, looked } = await surface.json("GET", `${BOX}?q=${encodeURIComponent(q)}`);
      assertEquals(items.map((m: { uid: string }) => m.uid), found.map((name) => ids[name]));
      assertEquals(looked, { messages: 2, of: 2 });
    });
  }
  assertEquals(Object.keys(await surface.json("GET", BOX)), ["items", "cursor"], "nothing was searched");
  for (const q of ["form:ann", "is:green", "before:soon", 'from:"ann', "from:", "-"]) {
    await t.step(`refused: ${q}`, async () => {
      const response = await surface.call("GET", `${BOX}?q=${encodeURIComponent(q)}`);
      assertEquals(response.headers.get("content-type"), "application/problem+json");
      const problem = await response.json();
      assertEquals([problem.status, problem.errors[0].in, problem.errors[0].name], [422, "query", "q"]);
      assertStringIncludes(problem.detail, "expected");
    });
  }
});

Deno.test("the page searches in the same language, and shows what it can't read", async () => {
  await using surface = await Surface.start();
  await surface.send({ to: ["brain@example.org"] }, "Subject: Wanted\r\n\r\nneedle\r\n");
  await surface.send({ to: ["brain@example.org"] }, "Subject: Other\r\n\r\nneedle\r\n");
  const page = async (q: string) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await surface.fetch(`/mailboxes/brain@example.org?q=${encodeURIComponent(q)}`, {
      headers,
    });
    assertEquals(answer.status, 200);
    return await answer.text();
  };
  const found = await page("needle -subject:other is:unread");
  assertStringIncludes(found, "Wanted");
  assert(!found.includes("Other"));
  assertStringIncludes(await page("form:<b>"), "form: is unknown; expected one of from:");
  assert(!(await page("is:<b>x")).includes("<b>x"));
});

Deno.test("a message is parsed, marked as seen, and given as it is", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["brain@example.org"] }, NASTY);
  const mail = await surface.json("GET", `${BOX}/${id}`);
  assertEquals(mail.seen, false);
  assertEquals(mail.subject, "Grüße <img src=x>");
  assertStringIncludes(mail.html, "<script>alert(2)</script>");
  assertEquals(mail.attachments.map((a: { contentType: string }) => a.contentType), [
    "text/html",
    "image/png",
  ]);
  assertEquals(mail.attachments[1].size, 6);
  assertEquals(mail.headers[0], { name: "Return-Path", value: "<ann@example.com>" });
  assertEquals((await surface.json("GET", BOX)).items[0].seen, true);
  const raw = await surface.call("GET", `${BOX}/${id}`, undefined, { accept: "message/rfc822" });
  const text = await raw.text();
  assertEquals(raw.headers.get("content-type"), "message/rfc822");
  assertEquals(mail.size, new TextEncoder().encode(text).length);
  assert(text.endsWith(NASTY));
  await surface.json("GET", `${BOX}/0000000000000000`, { status: 404 });
});

Deno.test("a forwarded mail is an attachment, whatever its disposition", async (t) => {
  await using surface = await Surface.start();
  for (const disposition of ["", "Content-Disposition: inline\r\n"]) {
    await t.step(disposition, async () => {
      const text = 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nouter\r\n--b\r\n' +
        `Content-Type: message/rfc822\r\n${disposition}\r\nSubject: inner\r\n\r\ninner\r\n--b--\r\n`;
      const id = await surface.send({ to: ["brain@example.org"] }, text);
      const mail = await surface.json("GET", `${BOX}/${id}`);
      assertEquals([mail.text.trim(), mail.attachments.length], ["outer", 1]);
      assertEquals(mail.attachments[0].contentType, "message/rfc822");
    });
  }
});

Deno.test("a message comes in the form that the client wants most", async (t) => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["brain@example.org"] }, "Subject: x\r\n\r\nx\r\n");
  const forms: [accept: string | undefined, type: string][] = [
    [undefined, "application/json"],
    ["*/*", "application/json"],
    ["message/rfc822", "message/rfc822"],
    ["Message/RFC822", "message/rfc822"],
    ["message/rfc822, */*;q=0.1", "message/rfc822"],
    ["application/json;q=0.5, message/rfc822", "message/rfc822"],
    ["application/json, message/rfc822;q=0.5", "application/json"],
    ["application/json, message/rfc822;q=0", "application/json"],
    ["message/rfc822;q=0", "application/json"],
    ["*/*, message/rfc822;q=0", "application/json"],
  ];
  for (const [accept, type] of forms) {
    await t.step(String(accept), async () => {
      const headers = accept === undefined ? {} : { accept };
      const response = await surface.call("GET", `${BOX}/${id}`, undefined, headers);
      await response.body?.cancel();
      assertEquals([response.headers.get("content-type"), response.headers.get("vary")], [type, "accept"]);
    });
  }
});

Deno.test("an attachment is only ever saved, and never of a type that runs", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["brain@example.org"] }, NASTY);
  const evil = await surface.call("GET", `${BOX}/${id}/attachments/0`);
  assertEquals(evil.headers.get("content-type"), "application/octet-stream");
  const disposition = evil.headers.get("content-disposition")!;
  assert(disposition.startsWith("attachment; "), disposition);
  assert(!/[/\\]|%2f|%e2%80%ae/i.test(disposition.replace("attachment; ", "")), disposition);
  assertStringIncludes(evil.headers.get("content-security-policy")!, "sandbox");
  assertStringIncludes(await evil.text(), "alert(3)");
  const picture = await surface.call("GET", `${BOX}/${id}/attachments/1`);
  assertEquals(picture.headers.get("content-type"), "image/png");
  assertEquals(await picture.text(), "pixels");
  for (const n of ["2", "-1", "x", "1e0"]) {
    await surface.json("GET", `${BOX}/${id}/attachments/${n}`, { status: 404 });
  }
});

Deno.test("parts within parts within parts are told as a fault", async () => {
  await using surface = await Surface.start();
  let text = "Subject: bomb\r\n";
  for (let i = 0; i < 60; i++) text += `Content-Type: multipart/mixed; boundary="b${i}"\r\n\r\n--b${i}\r\n`;
  const id = await surface.send({ to: ["brain@example.org"] }, `${text}\r\nx\r\n`);
  const mail = await surface.json("GET", `${BOX}/${id}`);
  assertEquals([mail.subject, mail.text, mail.attachments], ["bomb", null, []]);
  assert(mail.fault.length > 0);
});

Deno.test("a raw header is read alike in lists, views, searches, waiting, and the queue", async () => {
  await using surface = await Surface.start();
  const raw = await Deno.readFile(new URL("../../fixtures/mail/latin1_header.eml", import.meta.url));
  const id = await surface.send({ to: ["brain@example.org"] }, raw);
  const { items: [item] } = await surface.json("GET", BOX);
  assertEquals([item.subject, item.from], ["Grüße", "Jürgen <j@example.net>"]);
  assertEquals((await surface.json("GET", `${BOX}/${id}`)).subject, "Grüße");
  assertEquals(
    (await surface.json("GET", `${BOX}?q=${encodeURIComponent("GRÜSSE".slice(0, 3))}`)).items.length,
    1,
  );
  assertEquals(
    (await surface.json("GET", `/wait?subject=${encodeURIComponent("Grüße")}&timeout=1s`)).uid,
    id,
  );
  const queued = await readQueuedHeader(ReadableStream.from([raw]));
  assertEquals(queued, { subject: "Grüße", from: "Jürgen <j@example.net>" });
});

Deno.test("what is wrong with a message is told beside what can be shown of it", async () => {
  await using surface = await Surface.start();
  const raw = await Deno.readFile(new URL("../../fixtures/mail/base64_footer.eml", import.meta.url));
  const mail = await surface.json("GET", `${BOX}/${await surface.send({ to: ["brain@example.org"] }, raw)}`);
  assertStringIncludes(mail.text, "Grüße an alle");
  assertStringIncludes(mail.text, "list@lists.example.org");
  assertStringIncludes(mail.fault, "in clear");
});

Deno.test("links and codes of a mail are those that are meant", async () => {
  await using surface = await Surface.start();
  for (
    const [name, links, codes] of [
      [
        "reset_link",
        ["https://example.com/reset?token=Zm9vYmFy_", "https://example.com/reset?token=YmFy_"],
        [],
      ],
      ["codes", [], ["G-482913", "8675309"]],
    ] as const
  ) {
    const raw = await Deno.readFile(new URL(`../../fixtures/mail/${name}.eml`, import.meta.url));
    await surface.send({ to: ["brain@example.org"] }, raw);
    const found = await surface.json("GET", "/wait?mailbox=brain@example.org");
    assertEquals([found.links, found.codes], [links, codes]);
  }
});

Deno.test("a message that is removed while a mailbox is read is left out, and is no error", async () => {
  await using surface = await Surface.start();
  const { mailStore, journal } = surface.server;
  const notes: unknown[] = [];
  journal.on((event) => event.type === "note" && notes.push(event));
  const removed = await surface.send({ to: ["brain@example.org"] }, "Subject: one\r\n\r\nword\r\n");
  const stays = await surface.send({ to: ["brain@example.org"] }, "Subject: two\r\n\r\nword\r\n");
  const { list, get } = mailStore;
  const remove = () => mailStore.remove("brain@example.org", [removed]);
  mailStore.list = async (...of) => {
    const entries = await list.apply(mailStore, of);
    await remove();
    return entries;
  };
  for (const query of ["", "?q=word"]) {
    const { items } = await surface.json("GET", `/mailboxes/brain@example.org/messages${query}`);
    assertEquals(items.map(({ uid }: { uid: string }) => uid), [stays], query);
  }
  assertEquals((await surface.json("GET", "/wait?subject=o&timeout=1s")).uid, stays);
  for (const path of ["", "/attachments/0"]) {
    const uid = await surface.send({ to: ["brain@example.org"] }, "Subject: three\r\n\r\nx\r\n");
    mailStore.get = async (...of) => {
      const entry = await get.apply(mailStore, of);
      mailStore.get = get;
      await mailStore.remove("brain@example.org", [uid]);
      return entry;
    };
    await surface.json("GET", `/mailboxes/brain@example.org/messages/${uid}${path}`, { status: 404 });
  }
  const { read } = mailStore;
  mailStore.read = async function* (entry) {
    await mailStore.remove("brain@example.org", [entry.uid]);
    yield* read.call(mailStore, entry);
  };
  const raw = await surface.call("GET", `/mailboxes/brain@example.org/messages/${stays}`, undefined, {
    accept: "message/rfc822",
  });
  const { message } = await assertRejects(() => raw.text(), BodyAborted);
  assertEquals(message, "It was removed while it was read");
  assertEquals(notes, []);
});

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { Surface, TOKEN } from "./harness.ts";

const RFC822 = { authorization: `Bearer ${TOKEN}`, "content-type": "message/rfc822" };

async function raw(surface: Surface, id: string): Promise<string> {
  const response = await surface.call("GET", `/mailboxes/brain@example.org/messages/${id}`, undefined, {
    accept: "message/rfc822",
  });
  return await response.text();
}

Deno.test("a text with any line ends arrives with CRLF and with the fields it lacked", async (t) => {
  await using surface = await Surface.start();
  const bodies: [string, string][] = [
    ["LF", "Subject: Hi\n\none\n.\ntwo\n"],
    ["CR", "Subject: Hi\r\rone\r.\rtwo\r"],
    ["CRLF", "Subject: Hi\r\n\r\none\r\n.\r\ntwo\r\n"],
    ["mixed, without an end", "Subject: Hi\r\n\none\r.\ntwo"],
  ];
  for (const [name, text] of bodies) {
    await t.step(name, async () => {
      const id = await surface.send({ to: ["brain@example.org"] }, text);
      const whole = await raw(surface, id);
      assert(!/(?<!\r)\n|\r(?!\n)/.test(whole));
      assert(whole.endsWith("Subject: Hi\r\n\r\none\r\n.\r\ntwo\r\n"), whole);
      assertMatch(
        whole,
        /^Return-Path: <ann@example\.com>\r\nDelivered-To: brain@example\.org\r\nReceived: from /,
      );
      for (const field of ["Date: ", "Message-ID: <", "From: ann@example.com"]) {
        assertStringIncludes(whole, field);
      }
    });
  }
});

Deno.test("a text without a header is all body, one without a blank line is all header", async () => {
  await using surface = await Surface.start();
  const body = await raw(
    surface,
    await surface.send({ to: ["brain@example.org"] }, "Only words\nand more\n"),
  );
  assert(body.endsWith("\r\n\r\nOnly words\r\nand more\r\n"), body);
  const head = await raw(surface, await surface.send({ to: ["brain@example.org"] }, "Subject: x"));
  assert(head.endsWith("\r\nSubject: x\r\n\r\n"), head);
  const empty = await raw(surface, await surface.send({ to: ["brain@example.org"] }, ""));
  assert(empty.endsWith("\r\n\r\n"), empty);
});

Deno.test("a name without a domain is one at the first domain", async () => {
  await using surface = await Surface.start({ config: { domains: ["example.org", "example.net"] } });
  const id = await surface.send({ from: "root", to: ["brain", "brain@example.org"] }, "Subject: x\n\nx\n");
  const life = await surface.json("GET", `/messages/${id}`);
  assertEquals([life.sender, life.recipients], ["root@example.org", ["brain@example.org"]]);
  assertStringIncludes(await raw(surface, id), "\r\nFrom: root@example.org\r\n");
});

Deno.test("what cron and procmail write becomes a message: domains are added, a mailbox line goes", async () => {
  await using surface = await Surface.start();
  const file = (name: string) =>
    Deno.readTextFileSync(new URL(`../../fixtures/messages/${name}`, import.meta.url));
  const cron = await raw(
    surface,
    await surface.send({ to: ["brain@example.org"] }, file("send_cron_debian.eml")),
  );
  assertStringIncludes(
    cron,
    "\r\nFrom: root@example.org (Cron Daemon)\r\nTo: root@example.org\r\nSubject: Cron <root@vm>",
  );
  assertStringIncludes(cron, "\r\nX-Cron-Env: <HOME=/root>\r\n\r\nfailed: B");
  const mail = file("send_from_line.eml");
  const forwarded = await raw(surface, await surface.send({ to: ["brain@example.org"] }, mail));
  assert(forwarded.endsWith(mail.slice(mail.indexOf("\n") + 1).replaceAll("\n", "\r\n")), forwarded);
  assert(!/^>?From /m.test(forwarded));
});

Deno.test("own fields stay as they are", async () => {
  await using surface = await Surface.start();
  const text =
    "From: me@example.com\r\nDate: Mon, 5 Jan 2026 09:00:00 +0100\r\nMessage-ID: <x@y>\r\n\r\nhi\r\n";
  const whole = await raw(surface, await surface.send({ to: ["brain@example.org"] }, text));
  assert(whole.endsWith(text));
  assertEquals(whole.match(/^(?:from|date|message-id):/gim)?.length, 3);
});

Deno.test("a large text goes through in pieces", async () => {
  await using surface = await Surface.start();
  const line = "0123456789".repeat(7) + "\n";
  const text = "Subject: large\n\n" + line.repeat(4000);
  const whole = await raw(surface, await surface.send({ to: ["brain@example.org"] }, text));
  assert(whole.endsWith(text.replaceAll("\n", "\r\n")));
});

Deno.test("messages that can't be sent are refused with what is wrong", async (t) => {
  await using surface = await Surface.start();
  const tries: [string, string, string, number, string][] = [
    // the envelope
    ["from=a@example.com", "message/rfc822", "x", 422, "to"],
    ["to=brain@example.org", "message/rfc822", "x", 422, "from"],
    ["from=no body&to=brain@example.org", "message/rfc822", "x", 422, "from"],
    ["from=ann&to=@example.org", "message/rfc822", "x", 422, "to"],
    ["from=ann&to=nobody", "message/rfc822", "x", 422, "nobody@example.org: no such user"],
    ["from=a@example.com&to=b%0d%0aRCPT@example.org", "message/rfc822", "x", 422, "to"],
    ["from=a@example.com&to=nobody@example.org", "message/rfc822", "x", 422, "no such user"],
    ["from=a@example.com&to=brain@example.org&cc=x", "message/rfc822", "x", 400, "cc"],
    // the text
    ["from=a@example.com&to=brain@example.org", "text/plain", "x", 415, "message/rfc822"],
    ["from=a@example.com&to=brain@example.org", "message/rfc822", "Subject: x\n\n\0", 422, "NUL"],
    ["from=a@example.com&to=brain@example.org", "message/rfc822", "x".repeat(300 * 1024 + 1), 413, "larger"],
    ["from=a@example.com&to=brain@example.org", "message/rfc822", "Received: x\n".repeat(51), 422, "circles"],
    // JSON
    ["", "application/json", "{", 400, "JSON"],
    ["", "application/json", "[]", 400, "expected object"],
    [
      "to=brain@example.org",
      "application/json",
      '{"from":"a@example.com","to":["brain@example.org"]}',
      422,
      "body",
    ],
    ["", "application/json", '{"from":"a@example.com","to":[]}', 400, "to"],
    ["", "application/json", '{"from":"a@example.com","to":["nobody"]}', 422, "to"],
    ["", "application/json", '{"from":"a@example.com","to":["nobody@example.org"]}', 422, "no such user"],
    [
      "",
      "application/json",
      '{"from":"a@example.com","to":["brain@example.org"],"subject":"a\\r\\nBcc: x"}',
      400,
      "line break",
    ],
    [
      "",
      "application/json",
      '{"from":"a@example.com","to":["brain@example.org"],"headers":{"X-A":"a\\nB: c"}}',
      400,
      "line break",
    ],
    [
      "",
      "application/json",
      '{"from":"a@example.com","to":["brain@example.org"],"headers":{"X A":"a"}}',
      400,
      "header",
    ],
    [
      "",
      "application/json",
      '{"from":"a@example.com","to":["brain@example.org"],"headers":{"Content-Type":"a"}}',
      422,
      "Content-Type",
    ],
    [
      "",
      "application/json",
      '{"from":"a@example.com","to":["brain@example.org"],"path":"/etc/passwd"}',
      400,
      "path",
    ],
    [
      "",
      "application/json",
      '{"from":"a@example.com","to":["brain@example.org"],"attachments":[{"filename":"a","path":"/etc/passwd"}]}',
      400,
      "path",
    ],
    [
      "",
      "application/json",
      '{"from":"a@example.com","to":["brain@example.org"],"attachments":[{"filename":"a","content":"%"}]}',
      400,
      "attachments.0.content",
    ],
  ];
  for (const [query, type, body, status, part] of tries) {
    await t.step(`${type} ${query} ${body.slice(0, 60)}`, async () => {
      const response = await surface.fetch(`/api/v1/messages?${query}`, {
        method: "POST",
        headers: { ...RFC822, "content-type": type },
        body,
      });
      assertEquals(response.headers.get("content-type"), "application/problem+json");
      const problem = await response.json();
      assertEquals([response.status, problem.status], [status, status], problem.detail);
      assertStringIncludes(problem.detail, part);
    });
  }
  assertEquals((await surface.json("GET", "/queue")).items, []);
});

Deno.test("JSON becomes a message with everything in its place", async () => {
  await using surface = await Surface.start();
  const { id } = await surface.json("POST", "/messages", {
    status: 202,
    body: {
      from: '"Ann Ü." <ann@example.com>',
      to: ["Brain <brain@example.org>"],
      bcc: ["jo@example.net"],
      subject: "Größe: 5 €",
      text: "Hello",
      html: "<b>Hello</b>",
      headers: { "X-Tag": ["one", "two"], "Reply-To": "reply@example.com" },
      attachments: [{ filename: "dé.txt", content: btoa("bytes"), contentType: "text/plain" }],
    },
  });
  const mail = await surface.json("GET", `/mailboxes/brain@example.org/messages/${id}`);
  assertEquals(mail.subject, "Größe: 5 €");
  assertStringIncludes(mail.from, "ann@example.com");
  assertEquals(mail.text.trim(), "Hello");
  assertStringIncludes(mail.html, "<b>Hello</b>");
  assertEquals(mail.attachments, [{
    filename: "dé.txt",
    contentType: "text/plain",
    size: 5,
    contentId: null,
  }]);
  const values = (name: string) =>
    mail.headers.filter((h: { name: string }) => h.name === name).map((h: { value: string }) => h.value);
  assertEquals(values("X-Tag"), ["one", "two"]);
  assertEquals(values("Bcc"), []);
  assertEquals(values("Reply-To"), ["reply@example.com"]);
  // the blind copy goes its way
  const [item] = (await surface.json("GET", "/queue")).items;
  assertEquals(item.recipients[0].address, "jo@example.net");
});

Deno.test("a mail within a mail and the ids of pictures come back as they were given", async () => {
  await using surface = await Surface.start();
  const inner = "From: x@example.net\r\nSubject: inner\r\n\r\ninner words\r\n";
  const attachments = [
    { filename: "fwd.eml", content: btoa(inner), contentType: "message/rfc822" },
    { filename: "a.png", content: btoa("pixels"), contentType: "image/png", contentId: "img1" },
  ];
  const { id } = await surface.json("POST", "/messages", {
    status: 202,
    body: { from: "ann@example.com", to: ["brain@example.org"], text: "outer", attachments },
  });
  const mail = await surface.json("GET", `/mailboxes/brain@example.org/messages/${id}`);
  assertEquals(mail.text.trim(), "outer");
  assertEquals(
    mail.attachments.map((a: Record<string, unknown>) => [a.filename, a.contentType, a.contentId]),
    [
      ["fwd.eml", "message/rfc822", null],
      ["a.png", "image/png", "img1"],
    ],
  );
  const bytes = await surface.call("GET", `/mailboxes/brain@example.org/messages/${id}/attachments/0`);
  assertEquals(await bytes.text(), inner);
});

Deno.test("JSON that would need lines over 998 octets is refused, what can be folded is not", async (t) => {
  await using surface = await Surface.start();
  const eml = (text: string) => ({
    attachments: [{
      filename: "a.eml",
      content: btoa(`Subject: x\n\n${text}`),
      contentType: "message/rfc822",
    }],
  });
  const tries: [string, Record<string, unknown>, number, string?][] = [
    ["a subject", { subject: "y".repeat(1500) }, 422, "the field Subject"],
    ["a field", { headers: { "X-A": "y".repeat(5000) } }, 422, "the field X-A"],
    ["a forwarded mail", eml("y".repeat(1500)), 422, "attachments"],
    ["with blanks", { subject: "yy ".repeat(500), headers: { "X-A": "y ".repeat(2500) }, ...eml("y") }, 202],
    ["to be encoded", { subject: "ü".repeat(1500), text: "y".repeat(5000), html: "y".repeat(5000) }, 202],
  ];
  for (const [name, parts, status, told = ""] of tries) {
    await t.step(name, async () => {
      const body = { from: "ann@example.com", to: ["brain@example.org"], ...parts };
      const answer = await surface.json("POST", "/messages", { status, body });
      if (status === 422) {
        return assertStringIncludes(answer.detail, `${told}: a line would be longer than 998`);
      }
      for (const line of (await raw(surface, answer.id)).split("\r\n")) assert(line.length <= 998, line);
    });
  }
});

Deno.test("an alias reaches all of its targets, and the life tells it", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["staff@example.org"] }, "Subject: x\n\nx\n");
  const life = await surface.json("GET", `/messages/${id}`);
  assertEquals(life.sender, "ann@example.com");
  assertEquals(life.events.map((e: { type: string }) => e.type), ["accepted", "mailbox"]);
  assertEquals(life.events[1].mailbox, "brain@example.org");
  assert(life.recipients.includes("pinky@example.net"));
  await surface.json("POST", `/queue/${id}/bounce`);
  const after = await surface.json("GET", `/messages/${id}`);
  assertEquals(after.events.map((e: { type: string }) => e.type), ["accepted", "mailbox", "bounced"]);
  await surface.json("GET", "/messages/0000000000000000", { status: 404 });
  await surface.json("GET", "/messages/x", { status: 404 });
});

Deno.test("the life of a message goes on being told when it was taken out of its mailbox, or dropped", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["staff@example.org"] }, "Subject: x\n\nx\n");
  const told = async () => await surface.json("GET", `/messages/${id}`);
  const before = await told();
  await surface.call("DELETE", `/mailboxes/brain@example.org/messages/${id}`);
  await surface.call("DELETE", `/queue/${id}`);
  const after = await told();
  assertEquals([after.sender, after.recipients.toSorted()], [
    "ann@example.com",
    before.recipients.toSorted(),
  ]);
  const events = after.events.map(({ at: _, ...event }: { at: string }) => event);
  assertEquals(events.slice(0, 2), before.events.map(({ at: _, ...event }: { at: string }) => event));
  assertEquals(
    events.slice(2).toSorted((a: { type: string }, b: { type: string }) => a.type < b.type ? -1 : 1),
    [
      { type: "deleted", recipients: ["pinky@example.net"] },
      { type: "removed", mailbox: "brain@example.org" },
    ],
  );
  await surface.json("GET", `/queue/${id}`, { status: 404 });
});

Deno.test("lists that stand for too much together are refused, not tried for ever", async () => {
  await using surface = await Surface.start();
  const lists = ["one", "two", "three", "four"].map((name) => `${name}@example.org`);
  const targets = (length: number) =>
    Array.from({ length }, (_, i) => `${"x".repeat(60)}${i}@there.example.net`);
  const { detail } = await surface.json("PUT", `/aliases/${lists[0]}`, {
    body: { targets: targets(900) },
    status: 422,
  });
  assertStringIncludes(detail, "58000 octets");
  for (const address of lists) {
    await surface.json("PUT", `/aliases/${address}`, { body: { targets: targets(600) } });
  }
  await surface.send({ to: lists.slice(0, 2) }, "Subject: x\n\nx\n");
  const error = await assertRejects(() => surface.send({ to: lists }, "Subject: x\n\nx\n"), Error);
  assertStringIncludes(error.message, "stand for too many");
});

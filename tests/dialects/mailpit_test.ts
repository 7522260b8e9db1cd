/** Mailpit's API v1 over a server that captures, as its clients meet it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CapturingServer } from "../capture/capturing_server.ts";
import { ask, townWithLetters } from "./letters.ts";

const PIC = {
  PartID: "1.2",
  FileName: "pic.png",
  ContentType: "image/png",
  ContentID: "pic@x",
  Size: 70,
  Checksums: {
    MD5: "f829b914fc47cfc9c0747c119c27cf1b",
    SHA1: "4a5eb7171b58e08a6881721e3b43d5a44419a2be",
    SHA256: "6b7fa434f92a8b80aab02d9bf1a12e49ffcae424e4013a1c4f68b67e3d2bbcd0",
  },
};
const NAMED = {
  From: { Name: "Ann Lee", Address: "ann@example.com" },
  To: [{ Name: "Bob", Address: "bob@example.net" }, { Name: "", Address: "carl@example.net" }],
  Cc: [{ Name: "Dee, D.", Address: "dee@example.net" }],
  Bcc: [{ Name: "", Address: "hidden@example.net" }],
  ReplyTo: [{ Name: "", Address: "help@example.com" }],
  Subject: "Your code café",
  MessageID: "one@example.com",
  Tags: ["blue", "Red"],
  Username: "",
};

Deno.test("A list has what Mailpit's has, the newest first", async () => {
  await using all = await townWithLetters();
  const { town, letter, plain } = all;
  const { json } = await ask(town, "GET /api/v1/messages");
  const { messages: [first, second], ...counts } = json;
  assertEquals(counts, {
    ...{ total: 2, unread: 2, count: 2, messages_count: 2, messages_unread: 2, start: 0 },
    tags: ["blue", "Red"],
  });
  const { ID, Created, Size, ...rest } = second;
  assertEquals([ID, new Date(Created).toISOString(), Size > 1000], [letter, Created, true]);
  assertEquals(rest, { ...NAMED, Read: false, Attachments: 1, Snippet: "Hello there & you" });
  assertEquals(
    [first.ID, first.To, first.Cc, first.Bcc, first.ReplyTo, first.Snippet, first.MessageID],
    [plain, null, null, [{ Name: "", Address: "bob@example.net" }], [], "long text", ""],
  );
  for (
    const [query, ids] of [["start=1", [letter]], ["limit=1", [plain]], ["start=-1&limit=x", [plain, letter]]]
  ) {
    const { json } = await ask(town, `GET /api/v1/messages?${query}`);
    assertEquals(json.messages.map((one: { ID: string }) => one.ID), ids);
  }
});

Deno.test("A message has its parts, and is read then", async () => {
  await using all = await townWithLetters();
  const { town, letter } = all;
  const { json } = await ask(town, `GET /api/v1/message/${letter}`);
  const { ID, Size, Text, HTML, Inline, Attachments, ...rest } = json;
  assertEquals([ID, Size > 1000, Inline], [letter, true, [PIC]]);
  assertEquals(Text, "Hello   there, your code is 1234.\r\nhttp://127.0.0.1:9/x");
  assertMatch(HTML, /^<style>.*<img src="cid:pic@x">$/s);
  assertEquals(Attachments.map((one: typeof PIC) => [one.PartID, one.FileName, one.Size]), [[
    "2",
    "a b.pdf",
    9,
  ]]);
  assertEquals(rest, {
    ...NAMED,
    ReturnPath: "me@example.org",
    Date: "2026-11-27T10:00:00+01:00",
    ListUnsubscribe: {
      Header: "<mailto:u@example.com>, <https://example.com/u>",
      Links: ["mailto:u@example.com", "https://example.com/u"],
      Errors: "",
      HeaderPost: "",
    },
  });
  const list = await ask(town, "GET /api/v1/messages");
  assertEquals([list.json.unread, list.json.messages[1].Read], [1, true]);
  const [item] = await town.mailbox("bob@example.net").then((items) => items.filter((i) => i.uid === letter));
  assertEquals(item?.seen, true);
  const headers = await ask(town, `GET /api/v1/message/${letter}/headers`);
  assertEquals(headers.json["Message-Id"], ["<one@example.com>"]);
  assertEquals(headers.json["Subject"], ["=?utf-8?q?Your_code_caf=C3=A9?="]);
  const raw = await ask(town, `GET /api/v1/message/${letter}/raw`);
  assert(raw.text.includes("Content-Type: multipart/mixed"));
  assertEquals(raw.type, "text/plain");
  const part = await ask(town, `GET /api/v1/message/${letter}/part/2`);
  assertEquals([part.type, part.text], ["application/pdf", "%PDF-1.4\n"]);
  const thumb = await ask(town, `GET /api/v1/message/${letter}/part/1.2/thumb`);
  assertEquals([thumb.status, thumb.type], [200, "image/jpeg"]);
  const none = await ask(town, `GET /api/v1/message/${letter}/part/2/thumb`);
  assertEquals([none.status, none.type], [200, "image/jpeg"]);
  const html = await ask(town, `GET /api/v1/message/${letter}/html-check`);
  assert(html.json.Warnings.some((one: { Slug: string }) => one.Slug === "css-display-grid"));
  assert(html.json.Platforms.windows.includes("Outlook") && html.json.Total.Supported < 100);
  const links = await ask(town, `GET /api/v1/message/${letter}/link-check`);
  assertEquals(links.json.Errors, 1);
  assertEquals(links.json.Links.map((one: { URL: string }) => one.URL), ["http://127.0.0.1:9/x"]);
});

Deno.test("What is not there has Mailpit's status and form", async () => {
  await using town = await CapturingServer.start();
  assertEquals((await ask(town, "GET /api/v1/message/latest")).text, "Message not found");
  assertEquals((await ask(town, "GET /api/v1/messages")).json.messages, []);
  const id = await town.send({ to: ["a@x.example"], text: "Subject: x\r\n\r\ntext\r\n" });
  for (
    const [call, status, body] of [
      ["GET /api/v1/message/nope", 404],
      ["GET /api/v1/message/nope/raw", 404],
      ["GET /api/v1/message/nope/headers", 404],
      ["GET /api/v1/message/nope/html-check", 404],
      ["GET /api/v1/message/nope/link-check", 404],
      [`GET /api/v1/message/${id}/part/7`, 404],
      [`GET /api/v1/message/${id}/part/7/thumb`, 400],
      [`GET /api/v1/message/${id}/html-check`, 400],
      [`GET /api/v1/message/${id}/sa-check`, 404],
      [`POST /api/v1/message/${id}/release`, 400, { To: [] }],
      [`POST /api/v1/message/${id}/release`, 400, { To: ["bad"] }],
      ["POST /api/v1/message/nope/release", 404, { To: ["a@b.example"] }],
      [`GET /view/${id}.html`, 404],
      ["GET /view/nope.txt", 404],
      ["GET /api/v1/search", 400],
      ["DELETE /api/v1/search", 400],
      ["PUT /api/v1/messages", 400],
      ["PUT /api/v1/messages", 400, "bad"],
      ["PUT /api/v1/messages", 400, "[]"],
      ["DELETE /api/v1/messages", 400, "bad"],
      ["PUT /api/v1/tags", 400, { IDs: [1] }],
      ["PUT /api/v1/tags/nope", 400, { Name: "x" }],
      ["DELETE /api/v1/tags/nope", 400],
    ] as const
  ) {
    const answer = await ask(town, call, body);
    assertEquals([answer.status, call], [status, call]);
  }
  assertEquals((await ask(town, "GET /api/v1/messages")).json.total, 1);
});

Deno.test("Messages are found, marked and deleted", async () => {
  await using all = await townWithLetters();
  const { town, letter, plain } = all;
  const found = async (query: string) => {
    const { json } = await ask(town, `GET /api/v1/search?query=${encodeURIComponent(query)}`);
    assertEquals([json.count, json.messages_count], [json.messages.length, json.messages.length]);
    return json.messages.map((one: { ID: string }) => one.ID);
  };
  for (
    const [query, ids] of [
      ["code", [letter]],
      ["to:carl@example.net", [letter]],
      ["bcc:hidden", [letter]],
      ['subject:"plain words"', [plain]],
      ["has:attachment", [letter]],
      ["has:inline", [letter]],
      ["-has:attachment", [plain]],
      ["tag:red", [letter]],
      ["!is:tagged", [plain]],
      ["bob@example.net", [plain, letter]],
      ["larger:1K", [letter]],
      ["message-id:one@example.com", [letter]],
      // a phrase needs no end, and what is no term is a word
      ['"your code', [letter]],
      ["is:odd", []],
      ["tag:new", []],
      // words of tags, names and dates
      ["before:2100-01-01 has:attachments", [letter]],
      ["after:2100-01-01", []],
      ["nokey:x", []],
    ] as const
  ) {
    assertEquals([query, await found(query)], [query, [...ids]]);
  }
  assertEquals((await ask(town, "PUT /api/v1/messages", { IDs: [letter, "nope"], Read: true })).text, "ok");
  assertEquals(await found("is:read"), [letter]);
  await ask(town, "PUT /api/v1/messages", { Search: "subject:plain", Read: true });
  assertEquals(await found("is:unread"), []);
  await ask(town, "PUT /api/v1/messages", { Read: false });
  assertEquals(await found("is:unread"), [plain, letter]);
  assertEquals((await ask(town, "DELETE /api/v1/search?query=subject:plain")).text, "ok");
  assertEquals(await found("bob@example.net"), [letter]);
  const gone = await ask(town, "DELETE /api/v1/messages", { IDs: [letter] });
  assertEquals([gone.status, gone.text, town.server.captured!.count], [200, "", 0]);
  await town.send({ to: ["a@x.example"], text: "Subject: x\r\n\r\n\r\n" });
  await ask(town, "DELETE /api/v1/messages");
  assertEquals([town.server.captured!.count, await town.mailbox("a@x.example")], [0, []]);
});

Deno.test("The latest is the newest that a search finds, and pages stay where they are", async () => {
  await using all = await townWithLetters();
  const { town, letter, plain } = all;
  const latest = async (query: string) => {
    const { status, json } = await ask(town, `GET /api/v1/message/latest?query=${encodeURIComponent(query)}`);
    return status === 200 ? json.ID : status;
  };
  assertEquals([await latest("bob@example.net"), await latest("has:attachment"), await latest("nobody@x")], [
    plain,
    letter,
    404,
  ]);
  assertEquals((await ask(town, "GET /view/latest.txt?query=subject:code")).text.slice(0, 5), "Hello");
  const { messages } = (await ask(town, "GET /api/v1/messages")).json;
  const newest = encodeURIComponent(messages[0].Created);
  const page = await ask(town, `GET /api/v1/messages?before=${newest}`);
  assertEquals(page.json.messages.map((one: { ID: string }) => one.ID), [letter]);
  const found = await ask(town, `GET /api/v1/search?query=bob&before=${newest}`);
  assertEquals(found.json.messages_count, 1);
  assertEquals((await ask(town, "GET /api/v1/messages?limit=0")).json.messages, []);
  // which zone it is in decides whether a day is over; no two zones are farther apart
  const day = messages[0].Created.slice(0, 10);
  const hits = await Promise.all(["Etc/GMT+12", "Etc/GMT-14"].map(async (tz) => {
    const query = encodeURIComponent(`after:${day} before:${day}T23:59:59`);
    const tzone = encodeURIComponent(tz);
    return (await ask(town, `GET /api/v1/search?query=${query}&tz=${tzone}`)).json.messages_count;
  }));
  assert(hits.includes(0), `${hits}`);
  const both = await ask(town, "PUT /api/v1/messages", { IDs: [plain], Search: "x", Read: true });
  assertEquals([both.status, both.text], [400, "You may specify either IDs or a search query, not both"]);
});

Deno.test("Tags are set, renamed and taken off", async () => {
  await using all = await townWithLetters();
  const { town, letter, plain } = all;
  const tags = async () => (await ask(town, "GET /api/v1/tags")).json;
  await ask(town, "PUT /api/v1/tags", { IDs: [plain], Tags: [" new!one ", "RED", "new one"] });
  assertEquals(await tags(), ["blue", "new one", "RED"]);
  assertEquals((await ask(town, "PUT /api/v1/tags/red", { Name: "green" })).text, "ok");
  assertEquals(await tags(), ["blue", "green", "new one"]);
  assertEquals((await ask(town, "PUT /api/v1/tags/green", { Name: "a!" })).status, 400);
  assertEquals((await ask(town, "DELETE /api/v1/tags/new%20one")).text, "ok");
  const own = async (query: string) =>
    (await ask(town, `GET /api/v1/mailboxes/bob@example.net/messages?q=${query}`)).json.items.length;
  assertEquals([await own("tag:red"), await own("tag:later"), await own("is:tagged")], [0, 0, 2]);
  await ask(town, "PUT /api/v1/tags", { IDs: [letter], Tags: ["Later"] });
  assertEquals([await own("tag:green"), await own("tag:later"), await own("-tag:later")], [1, 1, 1]);
  assertEquals((await ask(town, "GET /api/v1/search?query=tag:later")).json.messages_count, 1);
  await ask(town, "PUT /api/v1/tags", { IDs: [letter], Tags: [] });
  assertEquals((await ask(town, "GET /api/v1/search?query=tag:later")).json.messages_count, 0);
  assertEquals(await tags(), ["green"]);
  assertEquals((await ask(town, `GET /api/v1/message/${plain}`)).json.Tags, ["green"]);
  assertEquals((await ask(town, "GET /api/v1/info")).json.Tags, { green: 1 });
});

Deno.test("A message is sent in parts", async () => {
  await using town = await CapturingServer.start();
  const sent = await ask(town, "POST /api/v1/send", {
    From: { Email: "a@b.example", Name: "A" },
    To: [{ Email: "t@b.example", Name: "T" }],
    Cc: [{ Email: "c@b.example" }],
    Bcc: ["b@b.example"],
    ReplyTo: [{ Email: "r@b.example" }],
    Subject: "sent",
    Text: "txt",
    HTML: '<p>h<img src="cid:c1"></p>',
    Headers: { "X-IP": "1.2.3.4" },
    Tags: ["T1"],
    Attachments: [{ Content: "aGk=", Filename: "h.txt", ContentType: "text/plain" }],
  });
  assertEquals(sent.status, 200);
  const { json } = await ask(town, "GET /api/v1/message/latest");
  assertEquals([json.ID, json.Subject, json.Tags, json.HTML], [
    sent.json.ID,
    "sent",
    ["T1"],
    '<p>h<img src="cid:c1"></p>',
  ]);
  assertEquals([json.To, json.Cc, json.Bcc, json.ReplyTo].map((list) => list[0].Address), [
    "t@b.example",
    "c@b.example",
    "b@b.example",
    "r@b.example",
  ]);
  assertEquals(json.Attachments.map((one: typeof PIC) => [one.FileName, one.Size]), [["h.txt", 2]]);
  for (
    const [body, error] of [
      ["bad", /JSON/],
      [{}, /from not set/],
      [{ From: { Email: "a@b.example" } }, /no recipients/],
      [{ From: { Email: "a@b.example" }, To: [{ Email: "bad" }] }, /invalid To address: bad/],
      [{ From: { Email: "a@b.example" }, To: "x" }, /^To: /],
      [{ From: { Email: "a@b.example" }, Bcc: ["c@b.example"], Headers: { To: "x" } }, /To/],
    ] as const
  ) {
    const refused = await ask(town, "POST /api/v1/send", body);
    assertEquals([refused.status, Object.keys(refused.json)], [400, ["Error"]]);
    assertMatch(refused.json.Error, error);
  }
});

Deno.test("Chaos is told as rules of faults, and rules as chaos", async () => {
  await using town = await CapturingServer.start();
  const kept = { stage: "data", reply: "452 4.3.1 full" };
  await ask(town, "PUT /api/v1/faults", [kept, { stage: "rcpt", reply: "550 5.1.1 no", probability: 0.25 }]);
  const chaos = await ask(town, "GET /api/v1/chaos");
  assertEquals(chaos.json, {
    Sender: { ErrorCode: 451, Probability: 0 },
    Recipient: { ErrorCode: 550, Probability: 25 },
    Authentication: { ErrorCode: 535, Probability: 0 },
  });
  const set = await ask(town, "PUT /api/v1/chaos", { Sender: { ErrorCode: 421, Probability: 100 } });
  assertEquals([set.json.Sender, set.json.Recipient.Probability], [{ ErrorCode: 421, Probability: 100 }, 0]);
  const { json } = await ask(town, "GET /api/v1/faults");
  assertEquals(json.items.map((one: { stage: string }) => one.stage), ["data", "mail"]);
  using talk = await town.talk();
  await talk.ask("MAIL FROM:<a@b.example>", "421 Chaos sender error");
  for (const wrong of [{ ErrorCode: 200, Probability: 1 }, { ErrorCode: 451, Probability: 101 }]) {
    assertEquals((await ask(town, "PUT /api/v1/chaos", { Sender: wrong })).status, 400);
  }
});

Deno.test("A message of a stranger runs nowhere, and is shown with its pictures", async () => {
  await using all = await townWithLetters();
  const { town, letter, plain } = all;
  const shown = await town.ask(`/view/${letter}.html`);
  const text = await shown.text();
  assert(text.includes('<img src="data:image/png;base64,'));
  assertMatch(
    shown.headers.get("content-security-policy")!,
    /^sandbox; frame-ancestors 'none'; default-src 'none'/,
  );
  const framed = await town.ask(`/view/${letter}.html?embed=1`);
  assertMatch(await framed.text(), /<a target="_blank" rel="noreferrer noopener" href=/);
  assertMatch(
    framed.headers.get("content-security-policy")!,
    /^sandbox allow-popups .*frame-ancestors 'self'/,
  );
  assertEquals((await ask(town, "GET /view/latest.txt")).text, "long text\r\n");
  const latest = await town.ask("/view/latest", { redirect: "manual" });
  await latest.body?.cancel();
  assertEquals([latest.status, latest.headers.get("location")], [302, `/view/${plain}`]);
  const twice = await town.ask("//view//latest.txt?x=1", { redirect: "manual" });
  await twice.body?.cancel();
  assertEquals([twice.status, twice.headers.get("location")], [307, "/view/latest.txt?x=1"]);
  const page = await town.ask("/view/latest");
  assertEquals([page.status, (await page.text()).includes("plain words")], [200, true]);
  const part = await town.ask(`/api/v1/message/${letter}/part/1.2`);
  await part.body?.cancel();
  assertMatch(part.headers.get("content-security-policy")!, /sandbox/);
});

Deno.test("The dialects are there where mail is captured, behind the token, and nowhere else", async () => {
  const token = "x".repeat(40);
  await using town = await CapturingServer.start({ config: { admin: { token } } });
  const asked = ["/api/v1/messages", "/api/v1/search?query=x", "/view/latest.txt"];
  for (const path of asked) {
    assertEquals(await town.status(path), 401);
    const authorization = `Basic ${btoa(`anybody:${token}`)}`;
    assert([200, 404].includes(await town.status(path, { headers: { authorization } })));
  }
  assertEquals([await town.status("/livez"), await town.status("/readyz")], [200, 200]);
  const headers = { authorization: `Bearer ${token}` };
  const document = await (await town.ask("/openapi.json", { headers })).json();
  assertEquals(document.paths["/api/v1/message/{id}/raw"].get.tags, ["Mailpit"]);
  await using live = await CapturingServer.start({ config: { capture: false, admin: { token } } });
  for (const path of [...asked, "/livez", "/api/v1/tags"]) {
    assertEquals([path, await live.status(path, { headers })], [
      path,
      path.startsWith("/api/v1/messages") ? 405 : 404,
    ]);
  }
  const other = await (await live.ask("/openapi.json", { headers })).json();
  assertEquals(Object.keys(other.paths).filter((path) => path.includes("/message/")), []);
});

/** The npm clients of Mailpit and MailHog, pointed at a server that captures: all that they can ask. */

import mailhog from "mailhog";
import { MailpitClient } from "mailpit-api";
import { MailpitClient as ListeningClient } from "mailpit-api-1";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { CapturingServer } from "../capture/capturing_server.ts";
import { townWithLetters } from "../dialects/letters.ts";

function clientsOf(town: CapturingServer, token?: string) {
  const { hostname: host, port } = town.at("admin");
  const auth = token === undefined ? undefined : { username: "anybody", password: token };
  return {
    mailpit: new MailpitClient(`http://${host}:${port}`, auth && { auth }),
    hog: mailhog({ host, port, ...(token !== undefined && { auth: `anybody:${token}` }) }),
  };
}

Deno.test("mailpit-api reads messages, their parts and their checks", async () => {
  await using all = await townWithLetters();
  const { town, letter } = all;
  const { mailpit } = clientsOf(town);
  const list = await mailpit.listMessages();
  assertEquals([list.total, list.messages[1]!.ID, list.messages[1]!.From.Address], [
    2,
    letter,
    "ann@example.com",
  ]);
  const message = await mailpit.getMessageSummary(letter);
  assertEquals([message.Subject, message.Attachments[0]!.FileName], ["Your code café", "a b.pdf"]);
  const file = await mailpit.getMessageAttachment(letter, message.Attachments[0]!.PartID);
  assertEquals([file.type, await file.text()], ["application/pdf", "%PDF-1.4\n"]);
  const thumb = await mailpit.getAttachmentThumbnail(letter, message.Inline[0]!.PartID);
  assertEquals([thumb.type, thumb.size > 100], ["image/jpeg", true]);
  assertEquals((await mailpit.getMessageHeaders(letter))["Message-Id"], ["<one@example.com>"]);
  assertMatch(await mailpit.getMessageSource(letter), /^Received: .*\r\nFrom: "Ann Lee"/s);
  assert((await mailpit.htmlCheck(letter)).Total.Tests > 100);
  assertEquals((await mailpit.linkCheck(letter)).Errors, 1);
  assertMatch(await mailpit.renderMessageHTML(letter), /Hello <b>there<\/b>/);
  assertMatch(await mailpit.renderMessageText(), /^long text/);
  await assertRejects(() => mailpit.spamAssassinCheck(letter), Error, "404");
  await assertRejects(() => mailpit.htmlCheck(), Error, "400");
  await assertRejects(() => mailpit.getMessageSummary("nope"), Error, "404");
  assertEquals((await mailpit.getInfo()).Messages, 2);
  assertEquals((await mailpit.getConfiguration()).ChaosEnabled, true);
});

Deno.test("mailpit-api sends, waits, marks, tags, releases and deletes", async () => {
  await using town = await CapturingServer.start({ config: { queue: { concurrency: 0 } } });
  const { mailpit } = clientsOf(town);
  const { ID } = await mailpit.sendMessage({
    From: { Email: "a@b.example", Name: "A" },
    To: [{ Email: "t@b.example" }],
    Subject: "Welcome",
    Text: "hello",
    Tags: ["one"],
  });
  const found = await mailpit.waitForMessage({ query: "subject:Welcome to:t@b.example" });
  assertEquals([found.ID, found.Text.trim(), found.Tags], [ID, "hello", ["one"]]);
  assertEquals((await mailpit.waitForMessages({ query: "is:read", count: 1 })).messages_count, 1);
  assertEquals(await mailpit.setReadStatus({ IDs: [ID], Read: false }), "ok");
  assertEquals((await mailpit.searchMessages({ query: "is:unread" })).messages_count, 1);
  assertEquals(await mailpit.setTags({ IDs: [ID], Tags: ["two"] }), "ok");
  assertEquals(await mailpit.renameTag("two", "three"), "ok");
  assertEquals(await mailpit.getTags(), ["three"]);
  assertEquals(await mailpit.deleteTag("three"), "ok");
  assertEquals(await mailpit.releaseMessage("latest", { To: ["real@person.example"] }), "ok");
  const wanted = { Recipient: { ErrorCode: 451, Probability: 50 } };
  assertEquals((await mailpit.setChaosTriggers(wanted)).Recipient, wanted.Recipient);
  assertEquals((await mailpit.setChaosTriggers()).Recipient.Probability, 0);
  assertEquals((await mailpit.getChaosTriggers()).Sender.Probability, 0);
  await mailpit.deleteMessagesBySearch({ query: "subject:Welcome" });
  assertEquals((await mailpit.listMessages()).messages, []);
  await town.send({ to: ["a@x.example"], text: "Subject: x\r\n\r\n\r\n" });
  await mailpit.deleteMessages();
  assertEquals((await mailpit.listMessages()).total, 0);
});

Deno.test("mailpit-api 1 hears what happens", async () => {
  await using town = await CapturingServer.start();
  const { hostname, port } = town.at("admin");
  const client = new ListeningClient(`http://${hostname}:${port}`);
  try {
    // it connects when it first waits, and nobody is told of what came before
    let connected = false;
    const told = client.waitForEvent("stats").then(() => connected = true);
    while (!connected) await town.send({ to: ["a@x.example"], text: "Subject: x\r\n\r\n\r\n" });
    await told;
    const added = Promise.withResolvers<string>();
    client.onEvent("new", ({ Data }) => {
      if (Data.Subject === "told") added.resolve(Data.ID);
    });
    const id = await town.send({ to: ["a@x.example"], text: "Subject: told\r\n\r\n\r\n" });
    assertEquals(await added.promise, id);
  } finally {
    client.disconnect();
  }
});

Deno.test("mailhog reads, searches, releases and deletes", async () => {
  await using all = await townWithLetters({ queue: { concurrency: 0 } });
  const { town, letter, plain } = all;
  const { hog } = clientsOf(town);
  const list = await hog.messages();
  assertEquals([list?.total, list?.items.map(({ ID }) => ID)], [2, [plain, letter]]);
  const found = await hog.latestTo("hidden@example.net");
  assert(found);
  // this client takes the _ of an encoded word for itself
  assertEquals([found.ID, found.subject, found.cc], [
    letter,
    "Your_code_café",
    '"Dee, D." <dee@example.net>',
  ]);
  assertEquals(found.attachments.map(({ name, type }) => [name, type]), [[
    "a b.pdf",
    'application/pdf; name="a b.pdf"',
  ]]);
  assertEquals(found.date.toISOString(), "2026-11-27T09:00:00.000Z");
  assertEquals((await hog.latestFrom("ann@example.com"))?.ID, letter);
  assertEquals((await hog.latestContaining("long text"))?.ID, plain);
  assertEquals((await hog.search("nowhere"))?.count, 0);
  const released = await hog.releaseMessage(plain, { host: "x", port: "25", email: "real@person.example" });
  assertEquals(released.statusCode, 200);
  assertEquals((await hog.deleteMessage(plain)).statusCode, 200);
  assertEquals((await hog.deleteAll()).statusCode, 200);
  assertEquals((await hog.messages())?.total, 0);
});

Deno.test("Both clients show a token as a password", async () => {
  const token = "x".repeat(40);
  await using town = await CapturingServer.start({ config: { admin: { token } } });
  const { mailpit, hog } = clientsOf(town, token);
  assertEquals((await mailpit.listMessages()).total, 0);
  assertEquals((await hog.messages())?.total, 0);
  await assertRejects(() => clientsOf(town).mailpit.listMessages(), Error, "401");
});

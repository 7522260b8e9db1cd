/** MailHog's API over a server that captures. */

import { assert, assertEquals } from "@std/assert";
import { CapturingServer } from "../capture/capturing_server.ts";
import { ask, TO, townWithLetters } from "./letters.ts";

Deno.test("MailHog's list has messages as they came, the newest first", async () => {
  await using all = await townWithLetters();
  const { town, letter, plain } = all;
  const { json } = await ask(town, "GET /api/v2/messages");
  const { items: [first, second], ...counts } = json;
  assertEquals(counts, { total: 2, count: 2, start: 0 });
  assertEquals([first.ID, first.MIME, first.Content.Body], [plain, null, "long text"]);
  assertEquals(second.ID, letter);
  assertEquals(second.From, { Relays: null, Mailbox: "me", Domain: "example.org", Params: "" });
  assertEquals(second.To.map((to: Record<string, string>) => `${to.Mailbox}@${to.Domain}`), TO);
  assertEquals(second.Content.Headers.Subject, ["=?utf-8?q?Your_code_caf=C3=A9?="]);
  assertEquals([second.Raw.From, second.Raw.To], ["me@example.org", TO]);
  const [related, pdf] = second.MIME.Parts;
  assertEquals(pdf.Body, "JVBERi0xLjQK");
  assertEquals(pdf.Headers["Content-Disposition"], ['attachment; filename="a b.pdf"']);
  const [alternative, picture] = related.MIME.Parts;
  assertEquals(picture.Headers["Content-ID"], ["<pic@x>"]);
  assertEquals(
    alternative.MIME.Parts.map((part: { Body: string }) => part.Body.slice(0, 7)),
    ["Hello  ", "<style>"],
  );
  const { json: page } = await ask(town, "GET /api/v2/messages?start=1&limit=1");
  assertEquals([page.total, page.count, page.start, page.items[0].ID], [2, 1, 1, letter]);
});

Deno.test("MailHog's searches find, and its messages are deleted", async () => {
  await using all = await townWithLetters();
  const { town, letter, plain } = all;
  const found = async (kind: string, query: string) => {
    const { json } = await ask(town, `GET /api/v2/search?kind=${kind}&query=${encodeURIComponent(query)}`);
    assertEquals(json.total, json.items.length);
    return json.items.map((one: { ID: string }) => one.ID);
  };
  for (
    const [kind, query, ids] of [
      ["from", "ann@example.com", [letter]],
      ["to", "HIDDEN@example.net", [letter]],
      ["to", "bob@example.net", [plain, letter]],
      ["containing", "your code is", [letter]],
      ["containing", "nowhere", []],
      // as it stands in the message, where it is encoded
      ["containing", "caf=C3=A9", [letter]],
      ["containing", "JVBERi0xLjQK", [letter]],
    ] as const
  ) assertEquals([query, await found(kind, query)], [query, [...ids]]);
  for (const wrong of ["", "?kind=x&query=y", "?kind=to", "?kind=toString&query=y"]) {
    assertEquals((await ask(town, `GET /api/v2/search${wrong}`)).status, 400);
  }
  // the path is ours too
  assertEquals((await ask(town, `GET /api/v1/messages/${letter}`)).json.id, letter);
  const gone = await ask(town, `DELETE /api/v1/messages/${letter}`);
  assertEquals([gone.status, gone.text, town.server.captured!.count], [200, "", 1]);
  assertEquals((await ask(town, `DELETE /api/v1/messages/${letter}`)).status, 404);
});

Deno.test("MailHog's messages and their parts are saved", async () => {
  await using all = await townWithLetters();
  const { town, letter, plain } = all;
  const get = async (path: string) => {
    const answer = await town.ask(path);
    return [answer.status, answer.headers.get("content-disposition"), await answer.text()] as const;
  };
  const [status, name, text] = await get(`/api/v1/messages/${letter}/download`);
  assertEquals([status, name, /^Received: .*\r\n--m--\r\n$/s.test(text)], [
    200,
    `attachment; filename="${letter}.eml"`,
    true,
  ]);
  assertEquals(await get(`/api/v1/messages/${letter}/mime/part/1/download`), [
    200,
    `attachment; filename="${letter}-part-1"`,
    "%PDF-1.4\n",
  ]);
  for (const path of [`${letter}/mime/part/2`, `${letter}/mime/part/x`, `${plain}/mime/part/0`, "nope"]) {
    assertEquals([path, (await get(`/api/v1/messages/${path}/download`))[0]], [path, 404]);
  }
  assertEquals((await get("/api/v2/outgoing-smtp"))[2], "{}");
});

Deno.test("MailHog's release goes the way of the queue, and Mailpit's does", async () => {
  await using next = await CapturingServer.start();
  const { hostname: host, port } = next.at("smtp");
  await using town = await CapturingServer.start({
    config: { relay: { smartHost: { host, port, tls: "never" } } },
  });
  const id = await town.send({ to: ["a@x.example"], text: "Subject: on\r\n\r\ntext\r\n" });
  const path = `POST /api/v1/messages/${id}/release`;
  for (const wrong of [{}, { email: "no address" }, "bad"]) {
    assertEquals((await ask(town, path, wrong)).status, 400);
  }
  const sent = await ask(town, path, { host: "mail.example", port: "25", email: "real@person.example" });
  assertEquals([sent.status, sent.text], [200, ""]);
  const released = await ask(town, `POST /api/v1/message/${id}/release`, { To: ["also@person.example"] });
  assertEquals(released.text, "ok");
  for (const to of ["real@person.example", "also@person.example"]) {
    assertEquals(await next.status(`/api/v1/wait?mailbox=${to}&timeout=20s`), 200);
  }
});

Deno.test("Jim is told as rules of faults", async () => {
  await using town = await CapturingServer.start();
  const kept = { stage: "data", reply: "452 4.3.1 full" };
  await ask(town, "PUT /api/v1/faults", [kept]);
  for (const call of ["GET /api/v2/jim", "DELETE /api/v2/jim", "PUT /api/v2/jim"]) {
    assertEquals((await ask(town, call)).status, 404);
  }
  assertEquals((await ask(town, "POST /api/v2/jim", { RejectSenderChance: 2 })).status, 400);
  assertEquals((await ask(town, "POST /api/v2/jim")).status, 201);
  assertEquals((await ask(town, "POST /api/v2/jim")).status, 400);
  assertEquals((await ask(town, "GET /api/v2/jim")).json.RejectSenderChance, 0.05);
  const none = { DisconnectChance: 0, AcceptChance: 1, RejectRecipientChance: 0, RejectAuthChance: 0 };
  assertEquals((await ask(town, "PUT /api/v2/jim", { ...none, RejectSenderChance: 1 })).status, 200);
  using talk = await town.talk();
  await talk.ask("MAIL FROM:<a@b.example>", "550 5.3.0 Jim rejects the sender");
  assertEquals((await ask(town, "PUT /api/v2/jim", { RejectSenderChance: 0 })).status, 200);
  assertEquals((await ask(town, "GET /api/v2/jim")).json, {
    ...none,
    ...{ RejectSenderChance: 0, LinkSpeedMin: 0, LinkSpeedMax: 0, LinkSpeedAffect: 0 },
  });
  assertEquals((await ask(town, "DELETE /api/v2/jim")).status, 200);
  const { items } = (await ask(town, "GET /api/v1/faults")).json;
  assert(items.length === 1 && items[0].stage === "data");
});

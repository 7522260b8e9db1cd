/** The calls of a server that captures: inboxes, reset, and the release to the real world. */

import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { ScriptedPeer } from "../../src/testing/mod.ts";
import { CapturingServer } from "./capturing_server.ts";

const JSON_TYPE = { "content-type": "application/json" };
const LETTER = "Subject: caf\xe9\r\nBcc: x@y.example\r\n\r\n.dots\r\n\xff\xe9 and trailing blanks  \r\n";

function post(town: CapturingServer, path: string, body?: unknown): Promise<Response> {
  const init = body === undefined ? {} : { headers: JSON_TYPE, body: JSON.stringify(body) };
  return town.ask(path, { method: "POST", ...init });
}

/** Waits for a message, with the means of the house. */
async function arrival(town: CapturingServer, mailbox: string): Promise<{ id: string }> {
  const answer = await town.ask(`/api/v1/wait?mailbox=${encodeURIComponent(mailbox)}&timeout=20s`);
  assertEquals(answer.status, 200);
  return await answer.json();
}

/** What a server needs to send all that is released to another one. */
function towards(next: CapturingServer): Record<string, unknown> {
  const { hostname: host, port } = next.at("smtp");
  return { relay: { smartHost: { host, port, tls: "never" } } };
}

Deno.test("An inbox is a fresh address, in a domain of one's own or not", async () => {
  await using town = await CapturingServer.start();
  const made = await post(town, "/api/v1/inboxes");
  const { address } = await made.json();
  assertEquals(made.status, 201);
  assertMatch(address, /^[a-z0-9]{16}@mail\.howstuffworks\.com$/);
  assertEquals(await town.mailbox(address), []);
  const id = await town.send({ to: [address], text: LETTER });
  assertEquals((await town.mailbox(address)).map(({ uid }) => uid), [id]);
  const other = await (await post(town, "/api/v1/inboxes", { domain: "B\u00fccher.example" })).json();
  assertMatch(other.address, /^[a-z0-9]{16}@xn--bcher-kva\.example$/);
  assertNotEquals(address.split("@")[0], other.address.split("@")[0]);
  for (
    const [status, body] of [[422, { domain: "no domain" }], [400, { domian: "x" }], [400, { domain: 1 }]]
  ) {
    const answer = await post(town, "/api/v1/inboxes", body);
    assertEquals([answer.status, answer.headers.get("content-type")], [status, "application/problem+json"]);
    assert((await answer.text()).includes("domain") || status === 400);
  }
});

Deno.test("A reset empties mailboxes, queue and faults", async () => {
  // nothing goes out, so what is released waits in the queue
  await using town = await CapturingServer.start({ config: { queue: { concurrency: 0 } } });
  const id = await town.send({ to: ["a@x.example"], text: LETTER });
  const released = await post(town, `/api/v1/mailboxes/a@x.example/messages/${id}/release`, {
    to: ["b@y.example"],
  });
  assertEquals(released.status, 202);
  const rules = JSON.stringify([{ stage: "rcpt", reply: "451 4.3.0 later" }]);
  assertEquals(await town.status("/api/v1/faults", { method: "PUT", headers: JSON_TYPE, body: rules }), 200);
  assertEquals((await (await town.ask("/api/v1/queue")).json()).items.length, 1);
  const { id: queued } = await released.json();
  assertEquals((await (await town.ask(`/api/v1/queue/${queued}`)).json()).source, "release");
  assertEquals(await town.status("/api/v1/reset", { method: "POST" }), 204);
  assertEquals((await (await town.ask("/api/v1/queue")).json()).items, []);
  assertEquals((await (await town.ask("/api/v1/faults")).json()).items, []);
  assertEquals([await town.mailbox("a@x.example"), town.server.captured!.count], [[], 0]);
  await town.send({ to: ["a@x.example"], text: LETTER });
  assertEquals((await town.mailbox("a@x.example")).length, 1);
});

Deno.test("A message is released to the octet, and its reports are captured", async () => {
  await using next = await CapturingServer.start();
  await using town = await CapturingServer.start({ config: towards(next) });
  const id = await town.send({
    from: "me@example.org",
    to: ["a@x.example", "hidden@x.example"],
    text: LETTER,
  });
  const path = `/api/v1/mailboxes/a@x.example/messages/${id}/release`;
  const to = ["real@person.example", "fault-rcpt-550@person.example"];
  const released = await post(town, path, { to });
  assertEquals(released.status, 202);
  const arrived = await arrival(next, to[0]!);
  const raw = await next.raw(to[0]!, arrived.id);
  assert(raw.endsWith(LETTER), raw);
  assertEquals(raw.match(/^Received: /gm)?.length, 2, "ours, and that of the next server");
  assertEquals(raw.match(/^Delivered-To: /gm)?.length, 1, "what a mailbox writes does not go on");
  assertEquals([await next.mailbox("a@x.example"), await next.mailbox("hidden@x.example")], [[], []]);
  const report = await arrival(town, "me@example.org");
  const text = await town.raw("me@example.org", report.id);
  assertMatch(text, /^Content-Type: multipart\/report;/m);
  assertMatch(text, /Final-Recipient: rfc822;\s*fault-rcpt-550@person\.example/i);
  assertEquals((await town.mailbox("a@x.example")).length, 1, "it stays where it is");
  assertEquals(town.server.captured!.get(report.id)?.recipients, ["me@example.org"]);
  const { id: queued } = await released.json();
  assertEquals(await town.status(`/api/v1/messages/${queued}`), 200);
});

Deno.test("What can't be released is said", async () => {
  await using town = await CapturingServer.start({ config: { queue: { concurrency: 0 } } });
  const id = await town.send({ to: ["a@x.example"], text: LETTER });
  const path = `/api/v1/mailboxes/a@x.example/messages/${id}/release`;
  const table: [number, string, unknown][] = [
    [400, path, {}],
    [400, path, { to: [] }],
    [400, path, { to: ["b@y.example"], too: 1 }],
    [422, path, { to: ["b@y.example", "not an address"] }],
    [404, `/api/v1/mailboxes/b@x.example/messages/${id}/release`, { to: ["b@y.example"] }],
    [404, "/api/v1/mailboxes/a@x.example/messages/none/release", { to: ["b@y.example"] }],
  ];
  for (const [status, where, body] of table) {
    const answer = await post(town, where, body);
    assertEquals([answer.status, answer.headers.get("content-type")], [status, "application/problem+json"]);
    await answer.body?.cancel();
  }
  assertEquals(await town.status(path, { method: "POST" }), 400);
  assertEquals((await (await town.ask("/api/v1/queue")).json()).items, []);
});

Deno.test("A live server has none of these calls", async () => {
  await using town = await CapturingServer.start({
    inMemory: true,
    config: { capture: false, admin: { token: "s3cret" }, accounts: {}, domains: ["howstuffworks.com"] },
  });
  const headers = { authorization: "Bearer s3cret", ...JSON_TYPE };
  const body = JSON.stringify({ to: ["a@b.example"] });
  const uid = "1M85X0GES17DRES7";
  for (
    const [path, init] of [
      ["/api/v1/inboxes", {}],
      ["/api/v1/reset", {}],
      [`/api/v1/mailboxes/postmaster@howstuffworks.com/messages/${uid}/release`, { body }],
    ] as const
  ) {
    const answer = await town.ask(path, {
      method: "POST",
      headers: "body" in init ? headers : { authorization: headers.authorization },
      ...init,
    });
    assertEquals(answer.status, 409, path);
    assertMatch((await answer.json()).detail, /serve --capture/);
  }
});

Deno.test("What a live server had queued is not delivered by one that captures", async () => {
  const dir = await Deno.makeTempDir({ prefix: "dinopost-capture-" });
  try {
    await using next = await CapturingServer.start();
    const to = ["a@y.example", "b@y.example", "c@z.example"];
    {
      const config = {
        ...towards(next),
        queue: { concurrency: 0 },
        relay: { networks: ["127.0.0.0/8"], smartHost: null },
      };
      await using live = await CapturingServer.start({ config: { ...config, capture: false, dataDir: dir } });
      await live.send({ to, text: LETTER });
    }
    await using town = await CapturingServer.start({ config: { ...towards(next), dataDir: dir } });
    await town.server.queue.flush();
    for (const address of to) {
      assertEquals((await arrival(town, address)).id, town.server.captured!.latest!.id);
    }
    await town.server.queue.idle();
    assertEquals([next.server.captured!.count, town.server.captured!.count], [0, 1]);
    assertEquals(town.server.captured!.latest?.recipients.toSorted(), to);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("Nothing is converted for a next server that says it can't take it", async () => {
  await using peer = ScriptedPeer.start({ extensions: [] });
  const smartHost = { host: peer.address.hostname, port: peer.address.port, tls: "never" };
  await using town = await CapturingServer.start({ config: { relay: { smartHost } } });
  const id = await town.send({ to: ["a@x.example"], text: LETTER });
  const path = `/api/v1/mailboxes/a@x.example/messages/${id}/release`;
  const released = await post(town, path, { to: ["real@person.example"] });
  await released.body?.cancel();
  await town.server.queue.idle();
  const [message] = peer.messages;
  assertEquals(message?.text.endsWith(LETTER), true, message?.text);
});

Deno.test("The page releases a captured message, and says what can't be", async () => {
  await using town = await CapturingServer.start({ config: { queue: { concurrency: 0 } } });
  const id = await town.send({ to: ["a@x.example"], text: "Subject: Out\r\n\r\nHello\r\n" });
  const page = await (await town.ask(`/captured/${id}`)).text();
  const fields = /action="\/captured\/[^"]*\/release"[^>]*>(.*?)<\/form>/s.exec(page)![1]!;
  const hidden = [...fields.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
    .map(([, name, value]) => [name!, value!]);
  assertStringIncludes(fields, 'value="a@x.example"');
  const released = async (to: string) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = new URLSearchParams([...hidden, ["to", to]]).toString();
    const answer = await town.ask(`/captured/${id}/release`, {
      method: "POST",
      headers,
      body,
      redirect: "manual",
    });
    await answer.body?.cancel();
    assertEquals(answer.status, 303);
    return await (await town.ask(answer.headers.get("location")!)).text();
  };
  assertStringIncludes(await released("nobody"), "expected an address");
  assertStringIncludes(await released(" , "), "Nobody is named");
  assertEquals((await (await town.ask("/api/v1/queue")).json()).items, []);
  assertStringIncludes(
    await released("jo@y.example, ann@y.example"),
    "Released to jo@y.example, ann@y.example",
  );
  const [item] = (await (await town.ask("/api/v1/queue")).json()).items;
  assertEquals(item.recipients.map((one: { address: string }) => one.address), [
    "jo@y.example",
    "ann@y.example",
  ]);
});

/** Tests of `/api/v1/clock`: time passes, and all that it brings about has happened when the call answers. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { MovableClock } from "../../src/base/movable_clock.ts";
import { ScriptedPeer } from "../../src/testing/scripted_peer.ts";
import { LoopbackInternet } from "../../src/testing/mod.ts";
import { House } from "../smtp/server/whole_server.ts";
import { Surface } from "./harness.ts";

const FIVE_DAYS = 5 * 86_400_000;
const LETTER = { from: "brain@example.org", to: ["jsmith@far.example"], subject: "Hello", text: "Hi" };

/** A server with a clock that may be moved, which delivers to a peer that is far away. */
async function surfaceTo(
  peer: ScriptedPeer,
  queue: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): Promise<Surface> {
  const { hostname, port } = peer.address;
  return await Surface.start({
    clock: new MovableClock(systemClock),
    names: { "far.example": { mx: [[10, "mx.far.example"]] }, "mx.far.example": { a: [hostname] } },
    config: { queue, outbound: { port, allowPrivate: true }, ...more },
  });
}

async function subjects(surface: Surface): Promise<string[]> {
  const { items } = await surface.json("GET", "/mailboxes/brain@example.org/messages");
  return items.map(({ subject }: { subject: string }) => subject).reverse();
}

Deno.test("five days of retries, the warning and the return have happened when the call answers", async () => {
  await using peer = ScriptedPeer.start({ rcpt: "451 4.2.1 Not today" });
  await using surface = await surfaceTo(peer, { retry: "6h" });
  await surface.json("POST", "/messages", { body: LETTER, status: 202 });
  const before = systemClock.now();
  const early = await surface.json("POST", "/clock", { body: { advance: "5h" } });
  assert(Math.abs(Date.parse(early.now) - before - 5 * 3600_000) < 60_000, early.now);
  const [warning, ...none] = await subjects(surface);
  assertMatch(warning!, /delay|late|not yet/i);
  assertEquals(none, []);
  const { now } = await surface.json("POST", "/clock", { body: { advance: "5d" } });
  assert(Date.parse(now) - Date.parse(early.now) >= FIVE_DAYS);
  assertEquals((await subjects(surface)).length, 2);
  assertEquals((await surface.json("GET", "/queue")).items, []);
  // at 0, at the warning (4h), every 6 h behind it, and at the end
  const tries = peer.sessions.flatMap(({ lines }) => lines).filter((line) => line.startsWith("RCPT")).length;
  assertEquals(tries, 22);
});

Deno.test("a peer that comes back gets its mail at the next try", async () => {
  await using peer = ScriptedPeer.start({ greeting: "421 4.3.2 Down" });
  await using surface = await surfaceTo(peer);
  await surface.json("POST", "/messages", { body: LETTER, status: 202 });
  await surface.json("POST", "/clock", { body: { advance: "1h" } });
  peer.script = {};
  assertEquals(peer.messages, []);
  await surface.json("POST", "/clock", { body: { advance: "15m" } });
  assertEquals(peer.messages.length, 1);
});

Deno.test("what is posted to webhooks meanwhile has been posted when the call answers, with its retries", async () => {
  await using peer = ScriptedPeer.start({ rcpt: "451 4.2.1 Not today" });
  const posts: { id: string; type: string; at: number }[] = [];
  await using receiver = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { type, timestamp } = await request.json();
      const id = request.headers.get("webhook-id")!;
      posts.push({ id, type, at: Date.parse(timestamp) });
      // the first one is taken at the third try: that is due after 5 s and 5 min
      return new Response(null, { status: id === posts[0]!.id && countOf(id) < 3 ? 500 : 204 });
    },
  );
  const countOf = (id: string) => posts.filter((one) => one.id === id).length;
  const url = `http://127.0.0.1:${receiver.addr.port}/`;
  const events = ["deferred", "bounced"];
  await using surface = await surfaceTo(peer, { retry: "6h" }, {
    webhooks: [{ url, events, allowPrivate: true }],
  });
  await surface.json("POST", "/messages", { body: LETTER, status: 202 });
  await surface.json("POST", "/clock", { body: { advance: "5d" } });
  assertEquals(countOf(posts[0]!.id), 3);
  const told = new Map(posts.map(({ id, type }) => [id, type]));
  assertEquals([...told.values()].filter((type) => type === "deferred").length, 21);
  assertEquals([...told.values()].at(-1), "bounced");
  assertEquals(told.size, 22);
});

Deno.test("a receiver of webhooks that says nothing holds the call up for a moment only", async () => {
  await using peer = ScriptedPeer.start({ rcpt: "451 4.2.1 Not today" });
  // it takes connections, and reads nothing
  using receiver = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${receiver.addr.port}/`;
  await using surface = await surfaceTo(peer, { retry: "6h" }, {
    webhooks: [{ url, events: ["deferred"], allowPrivate: true }],
  });
  await surface.json("POST", "/messages", { body: LETTER, status: 202 });
  const began = systemClock.monotonic();
  await surface.json("POST", "/clock", { body: { advance: "1d" } });
  assert(systemClock.monotonic() - began < 15_000);
  assertEquals((await surface.json("GET", "/queue")).items[0].recipients[0].attempts, 5);
});

Deno.test("calls at the same time each get all of their time", async () => {
  await using peer = ScriptedPeer.start();
  await using surface = await surfaceTo(peer);
  const before = systemClock.now();
  const answers = await Promise.all(
    ["1d", "1d", 86_400_000].map((advance) => surface.json("POST", "/clock", { body: { advance } })),
  );
  const latest = Math.max(...answers.map(({ now }) => Date.parse(now)));
  assert(Math.abs(latest - before - 3 * 86_400_000) < 60_000);
});

Deno.test("what is no time is refused by its name, and so is any on a server of real mail", async () => {
  await using peer = ScriptedPeer.start();
  {
    await using surface = await surfaceTo(peer);
    for (const advance of ["soon", "-1d", -1, "400d", null, undefined]) {
      const problem = await surface.json("POST", "/clock", { body: { advance }, status: 400 });
      assertEquals(problem.errors[0].name, "advance", JSON.stringify(problem));
      assertStringIncludes(problem.detail, "must be");
    }
    await surface.json("POST", "/clock", { body: { advance: "1d", back: true }, status: 400 });
  }
  await using live = await Surface.start();
  const { detail } = await live.json("POST", "/clock", { body: { advance: "5d" }, status: 409 });
  assertStringIncludes(detail, "serve --capture");
});

Deno.test("connections and whoever waits for mail don't notice that the clock is moved", async () => {
  await using house = await House.start({ clock: new MovableClock(systemClock) });
  const call = async (path: string, init: RequestInit = {}) => {
    const headers = {
      authorization: `Bearer ${house.server.adminToken}`,
      "content-type": "application/json",
    };
    return await house.server.fetch(new Request(`http://localhost/api/v1${path}`, { ...init, headers }));
  };
  using talk = await house.talk();
  using pop = await house.dial("pop3");
  await pop.send("CAPA\r\n");
  const waiting = call("/wait?mailbox=brain@howstuffworks.com&timeout=60s");
  await talk.ask("MAIL FROM:<jsmith@mindspring.com>", /^250/);
  const moved = await call("/clock", { method: "POST", body: JSON.stringify({ advance: "5d" }) });
  assertEquals(moved.status, 200);
  const { now } = await moved.json();
  await talk.ask("RCPT TO:<brain@howstuffworks.com>", /^250/);
  await talk.ask("DATA", /^354/);
  await talk.send("Subject: Hello\r\n\r\nHi\r\n.\r\n");
  await talk.reply(/^250 2\.0\.0 Ok/);
  const awaited = await waiting;
  assertEquals(awaited.status, 200);
  assertEquals((await awaited.json()).subject, "Hello");
  const since = encodeURIComponent(now);
  const later = await call(`/wait?mailbox=brain@howstuffworks.com&since=${since}&timeout=1s`);
  assertEquals(later.status, 200);
  await later.body?.cancel();
});

Deno.test("a host of a loopback internet moves the time of all of it", async () => {
  await using internet = await LoopbackInternet.start();
  const { server } = await internet.host("howstuffworks.com", { accounts: { brain: "secret" } });
  const before = internet.clock.now();
  const response = await server.fetch(
    new Request("http://localhost/api/v1/clock", {
      method: "POST",
      headers: { authorization: `Bearer ${server.adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({ advance: "1h" }),
    }),
  );
  assertEquals(await response.json(), { now: new Date(before + 3600_000).toISOString() });
  assertEquals(internet.clock.now(), before + 3600_000);
});

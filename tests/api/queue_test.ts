import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Surface } from "./harness.ts";

const TEXT = "Subject: Hello\r\n\r\nA letter.\r\n";

Deno.test("the queue shows what waits", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["jo@example.net", "ann@example.com", "bob@example.net"] }, TEXT);
  const { items, cursor } = await surface.json("GET", "/queue");
  assertEquals(cursor, null);
  assertEquals(items.length, 1);
  const [item] = items;
  assertEquals(item.id, id);
  assertEquals(item.sender, "ann@example.com");
  assertEquals(item.state, "queued");
  assertEquals(item.source, "http");
  assertEquals(item.recipients.map((r: { address: string }) => r.address).sort(), [
    "ann@example.com",
    "bob@example.net",
    "jo@example.net",
  ]);
  assertEquals(Date.parse(item.expiresAt) - Date.parse(item.receivedAt), 5 * 24 * 3600_000);
  const whole = await surface.json("GET", `/queue/${id}`);
  assertEquals(whole, { ...item, attempts: [] });
});

Deno.test("the queue is filtered, and wrong filters are told", async (t) => {
  await using surface = await Surface.start();
  const first = await surface.send({ from: "a@example.com", to: ["jo@example.net"] }, TEXT);
  const second = await surface.send(
    { from: "b@example.com", to: ["jo@example.net", "ann@example.com"] },
    TEXT,
  );
  await surface.json("POST", `/queue/${first}/hold`);
  const good: [string, string[]][] = [
    ["", [first, second]],
    ["?state=held", [first]],
    ["?state=queued", [second]],
    ["?state=delivered", []],
    ["?domain=EXAMPLE.com", [second]],
    ["?domain=example.net.", [first, second]],
    ["?sender=A@example.com", [first]],
    ["?recipient=jo@example.net&sender=b@example.com", [second]],
    ["?limit=1000", [first, second]],
  ];
  for (const [query, ids] of good) {
    await t.step(`/queue${query}`, async () => {
      const { items } = await surface.json("GET", `/queue${query}`);
      assertEquals(items.map((i: { id: string }) => i.id), ids);
    });
  }
  const wrong: [string, string][] = [
    ["?state=waiting", "state"],
    ["?limit=0", "limit"],
    ["?limit=1001", "limit"],
    ["?limit=many", "limit"],
    ["?cursor=abc", "cursor"],
    ["?stat=held", "stat"],
  ];
  for (const [query, name] of wrong) {
    await t.step(`/queue${query}`, async () => {
      const problem = await surface.json("GET", `/queue${query}`, { status: 400 });
      assertStringIncludes(problem.detail, name);
      assertEquals(problem.errors[0].in, "query");
    });
  }
});

Deno.test("a cursor stays valid while the queue moves", async () => {
  await using surface = await Surface.start();
  const ids: string[] = [];
  for (let i = 0; i < 10; i++) ids.push(await surface.send({ to: [`u${i}@example.net`] }, TEXT));
  const first = await surface.json("GET", "/queue?limit=4");
  assertEquals(first.items.map((i: { id: string }) => i.id), ids.slice(0, 4));
  // the message the cursor names goes, one behind it goes, a new one comes
  await surface.json("DELETE", `/queue/${ids[3]}`, { status: 204 });
  await surface.json("DELETE", `/queue/${ids[5]}`, { status: 204 });
  ids.push(await surface.send({ to: ["late@example.net"] }, TEXT));
  const rest: string[] = [];
  let cursor: string | null = first.cursor;
  while (cursor !== null) {
    const page: { items: { id: string }[]; cursor: string | null } = await surface.json(
      "GET",
      `/queue?limit=4&cursor=${cursor}`,
    );
    rest.push(...page.items.map((i) => i.id));
    cursor = page.cursor;
  }
  assertEquals(rest, [4, 6, 7, 8, 9, 10].map((i) => ids[i]));
});

Deno.test("a full last page has no cursor", async () => {
  await using surface = await Surface.start();
  for (let i = 0; i < 2; i++) await surface.send({ to: [`u${i}@example.net`] }, TEXT);
  assertEquals((await surface.json("GET", "/queue?limit=2")).cursor, null);
});

Deno.test("the operator holds, releases, retries, bounces and deletes", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ from: "brain@example.org", to: ["jo@example.net"] }, TEXT);
  assertEquals((await surface.json("POST", `/queue/${id}/hold`)).state, "held");
  assertStringIncludes((await surface.json("POST", `/queue/${id}/retry`, { status: 409 })).detail, "release");
  const released = await surface.json("POST", `/queue/${id}/release`);
  assertEquals(released.state, "queued");
  assertStringIncludes(
    (await surface.json("POST", `/queue/${id}/release`, { status: 409 })).detail,
    "not held",
  );
  assertEquals((await surface.json("POST", `/queue/${id}/retry`)).id, id);
  const bounced = await surface.json("POST", `/queue/${id}/bounce`);
  assertEquals([bounced.state, bounced.recipients[0].state], ["failed", "failed"]);
  await surface.json("GET", `/queue/${id}`, { status: 404 });
  // its sender was told
  const { items } = await surface.json("GET", "/mailboxes/brain@example.org/messages");
  assertEquals(items.length, 1);
  assertStringIncludes(items[0].to, "brain@example.org");

  const other = await surface.send({ to: ["jo@example.net"] }, TEXT);
  await surface.json("DELETE", `/queue/${other}`, { status: 204 });
  await surface.json("DELETE", `/queue/${other}`, { status: 404 });
  for (const action of ["hold", "release", "retry", "bounce"]) {
    await surface.json("POST", `/queue/${other}/${action}`, { status: 404 });
    await surface.json("POST", `/queue/no-id/${action}`, { status: 404 });
  }
});

Deno.test("the text comes as queued", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["jo@example.net"] }, TEXT);
  const response = await surface.call("GET", `/queue/${id}/message`);
  assertEquals(response.headers.get("content-type"), "message/rfc822");
  const text = await response.text();
  assertEquals(Number(response.headers.get("content-length")), text.length);
  assert(text.startsWith("Received: from "));
  assert(text.endsWith(TEXT));
});

Deno.test("the summary counts by state, domain and age; flush makes all due", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 5));
  await using surface = await Surface.start({ clock });
  const old = await surface.send({ to: ["jo@example.net"] }, TEXT);
  clock.advance(2 * 3600_000);
  await surface.send({ to: ["jo@example.net", "ann@example.com"] }, TEXT);
  await surface.json("POST", `/queue/${old}/hold`);
  const summary = await surface.json("GET", "/queue/summary");
  assertEquals(summary.total, 2);
  assertEquals(summary.byState, { queued: 1, deferred: 0, held: 1, delivered: 0, failed: 0 });
  assertEquals(summary.byDomain, [
    { domain: "example.net", count: 2, oldest: "2026-01-05T00:00:00.000Z" },
    { domain: "example.com", count: 1, oldest: "2026-01-05T02:00:00.000Z" },
  ]);
  assertEquals(summary.ageBuckets.map((b: { count: number }) => b.count), [1, 0, 0, 1, 0, 0, 0]);
  // nothing waits for a later time: what is due already is not counted
  assertEquals((await surface.json("POST", "/queue/flush", { body: { domain: "example.net" } })).count, 0);
  assertEquals((await surface.json("POST", "/queue/flush")).count, 0);
  await surface.json("POST", "/queue/flush", { body: { domains: "x" }, status: 400 });
});

Deno.test("a suspension is told by retry, flush and the route", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 5));
  await using surface = await Surface.start({ clock, config: { queue: { concurrency: 5 } } });
  const until = "2026-01-06T00:00:00.000Z";
  const body = { until, reason: "A break" };
  await surface.json("PUT", "/suspensions/example.net", { body });
  const id = await surface.send({ to: ["jo@example.net"] }, TEXT);
  await surface.server.queue.idle();
  const why = `Delivery to example.net is suspended until ${until}: A break`;
  const item = await surface.json("GET", `/queue/${id}`);
  assertEquals([item.state, item.recipients[0].attempts, item.attempts], ["deferred", 0, []]);
  assertEquals(item.recipients[0].lastError, why);
  assertEquals((await surface.json("POST", `/queue/${id}/retry`, { status: 409 })).detail, why);
  assertEquals((await surface.json("POST", "/queue/flush")).count, 0);
  assertEquals((await surface.json("GET", "/domains/example.net/route")).steps[0], `${why}.`);
  // a suspension that is changed is told anew
  await surface.json("PUT", "/suspensions/example.net", { body: { reason: "A longer one" } });
  await surface.server.queue.idle();
  assertEquals(
    (await surface.json("GET", `/queue/${id}`)).recipients[0].lastError,
    "Delivery to example.net is suspended: A longer one",
  );
});

Deno.test("what is done for some recipients only is told, and is in the audit log", async () => {
  using slow = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const smartHost = { host: "127.0.0.1", port: slow.addr.port, tls: "never" };
  await using surface = await Surface.start({
    config: {
      queue: { concurrency: 5 },
      outbound: { allowPrivate: true, domains: { "slow.example": { smartHost } } },
    },
  });
  await surface.json("PUT", "/suspensions/later.example", { body: {} });
  const id = await surface.send({ to: ["jo@slow.example", "jo@later.example"] }, TEXT);
  using _conn = await slow.accept();
  while (
    !(await surface.json("GET", `/queue/${id}`)).recipients.some((r: { lastError: string | null }) =>
      r.lastError?.includes("suspended")
    )
  );
  const { detail } = await surface.json("DELETE", `/queue/${id}`, { status: 409 });
  assertStringIncludes(detail, "for the others it was done");
  const { recipients } = await surface.json("GET", `/queue/${id}`);
  assertEquals(recipients.map((r: { address: string }) => r.address), ["jo@slow.example"]);
  await surface.json("DELETE", `/queue/${id}`, { status: 409 });
  const { items } = await surface.json("GET", "/audit");
  assertEquals(items.map((e: { action: string }) => e.action), ["queue.delete", "suspensions.set"]);
});

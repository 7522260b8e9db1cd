import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createAdminClient } from "../../src/api/client.ts";
import { Surface, TOKEN } from "./harness.ts";

Deno.test("the document holds every call, with its problems", async () => {
  await using surface = await Surface.start();
  const response = await surface.fetch("/openapi.json");
  const document = await response.json();
  const calls = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item as object).map((method) => `${method.toUpperCase()} ${path.replace("/api/v1", "")}`)
  );
  const wanted = [
    "DELETE /accounts/{address}",
    "DELETE /aliases/{address}",
    "DELETE /faults",
    "DELETE /mailboxes/{address}/messages/{uid}",
    "DELETE /queue/{id}",
    "DELETE /session",
    "GET /accounts",
    "GET /accounts/{address}",
    "GET /aliases",
    "GET /aliases/{address}",
    "GET /domains/{domain}/route",
    "GET /events",
    "GET /faults",
    "GET /mailboxes/{address}/messages",
    "GET /mailboxes/{address}/messages/{uid}",
    "GET /mailboxes/{address}/messages/{uid}/attachments/{n}",
    "GET /messages/{id}",
    "GET /queue",
    "GET /queue/summary",
    "GET /queue/{id}",
    "GET /queue/{id}/message",
    "GET /wait",
    "PATCH /accounts/{address}",
    "PATCH /aliases/{address}",
    "POST /accounts",
    "POST /clock",
    "POST /messages",
    "POST /queue/flush",
    "POST /queue/{id}/bounce",
    "POST /queue/{id}/hold",
    "POST /queue/{id}/release",
    "POST /queue/{id}/retry",
    "POST /session",
    "PUT /aliases/{address}",
    "PUT /faults",
  ];
  assertEquals(wanted.filter((call) => !calls.includes(call)), []);
  for (const item of Object.values(document.paths)) {
    for (const operation of Object.values(item as Record<string, { responses: object; summary: string }>)) {
      for (const status of ["400", "401", "403", "421", "429", "500"]) assert(status in operation.responses);
      assert(operation.summary.length > 0);
    }
  }
  const body = document.paths["/api/v1/messages"].post.requestBody;
  assertEquals([body.required, Object.keys(body.content)], [true, ["application/json", "message/rfc822"]]);
  // patterns of JavaScript's own kind are of no use to others
  assert(!/"pattern":"[^"]*\/u"/.test(JSON.stringify(document)));
});

Deno.test("each call has a name of its own, for clients that are generated", async () => {
  await using surface = await Surface.start();
  const { paths } = await (await surface.fetch("/openapi.json")).json();
  const calls = Object.values<Record<string, { operationId?: string }>>(paths).flatMap(Object.values);
  const names = calls.map(({ operationId }) => operationId ?? "none");
  for (const name of names) assertMatch(name, /^[a-z]+(?:[A-Z][a-z]+)*$/);
  assertEquals(new Set(names).size, calls.length);
  assert(names.includes("retryQueuedMessage"));
});

Deno.test("/docs shows the document with examples, tries calls, and needs no other host", async () => {
  await using surface = await Surface.start();
  const response = await surface.fetch("/docs");
  assertStringIncludes(response.headers.get("content-type")!, "text/html");
  const policy = response.headers.get("content-security-policy")!;
  assertMatch(policy, /style-src 'sha256-[\w+/=]+'; script-src 'sha256-[\w+/=]+'; connect-src 'self'/);
  assert(!policy.includes("unsafe"));
  const html = await response.text();
  // the script is the one that the policy names
  const [, script] = /<script type="module">([\s\S]*?)<\/script>/.exec(html)!;
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
  assertStringIncludes(policy, `script-src 'sha256-${new Uint8Array(hash).toBase64()}'`);
  const rest = html.replace(script!, "").replace(
    /<pre[^>]*>[\s\S]*?<\/pre>|<code>[\s\S]*?<\/code>| data-\w+="[^"]*"/g,
    "",
  );
  assert(!/\son\w+=|https?:\/\//i.test(rest));
  assertStringIncludes(html, '<a href="/">');
  for (const path of ["/api/v1/queue/{id}/retry", "/api/v1/wait"]) assertStringIncludes(html, path);
});

Deno.test("/metrics tells what happened and what waits", async () => {
  await using surface = await Surface.start();
  await surface.send({ to: ["brain@example.org", "jo@example.net"] }, "Subject: x\n\nx\n");
  const response = await surface.fetch("/metrics");
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const lines = (await response.text()).split("\n");
  assert(lines.includes('dinopost_messages_accepted_total{source="http"} 1'));
  assert(lines.includes('dinopost_queue_messages{state="queued"} 1'));
  for (
    const name of [
      "dinopost_queue_oldest_seconds",
      "dinopost_webhook_dead",
      "process_resident_memory_bytes",
      "dinopost_event_loop_lag_seconds_count",
    ]
  ) assert(lines.some((line) => line.startsWith(`${name} `)), name);
});

Deno.test("the typed client calls the API", async () => {
  await using surface = await Surface.start();
  const client = createAdminClient("http://localhost", TOKEN, {
    fetch: (input, init) => Promise.resolve(surface.server.fetch(new Request(input, init))),
  });
  const sent = await client.api.v1.messages.$post({
    query: {},
    json: { from: "ann@example.com", to: ["jo@example.net"], subject: "Hi", text: "Hello" },
  });
  assertEquals(sent.status, 202);
  const { id } = await sent.json();
  const answer = await client.api.v1.queue.$get({ query: { state: "queued" } });
  const { items } = await answer.json();
  assertEquals(items.map((item) => [item.id, item.recipients[0]?.address]), [[id, "jo@example.net"]]);
  const held = await client.api.v1.queue[":id"].hold.$post({ param: { id } });
  assertEquals((await held.json()).state, "held");
  assertEquals((await (await client.api.v1.webhooks.$get()).json()).items, []);
  assertEquals((await (await client.api.v1.suspensions.$get()).json()).items, []);
});

Deno.test("the API answers HEAD as GET without a body", async () => {
  await using surface = await Surface.start();
  const response = await surface.call("HEAD", "/queue");
  assertEquals([response.status, await response.text()], [200, ""]);
});

Deno.test("whatever fails inside is told to nobody", async () => {
  await using surface = await Surface.start();
  const { queue } = surface.server;
  queue.message = () => Promise.reject(new Error("secret of the house"));
  const response = await surface.call("GET", "/queue/0000000000000000");
  assertEquals(response.status, 500);
  assert(!(await response.text()).includes("secret"));
});

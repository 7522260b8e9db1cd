/** Who may look at what was captured. */

import { assertEquals, assertRejects } from "@std/assert";
import { ConfigError, loadConfig } from "../../src/config/load.ts";
import { CapturingServer } from "./capturing_server.ts";

const OFF_LOOPBACK = { smtp: ["0.0.0.0:0"], pop3: [], admin: ["127.0.0.1:0"] };

Deno.test("On loopback without a token nobody is asked for one; a page elsewhere gets nothing all the same", async () => {
  await using town = await CapturingServer.start({ config: { admin: { hosts: ["dinopost"] } } });
  const table: [number, RequestInit & { path?: string }][] = [
    [200, {}],
    [200, { path: "/" }],
    [200, { headers: { authorization: "Bearer whatever" } }],
    [403, { headers: { origin: "https://evil.example" } }],
    [403, { headers: { origin: "null" }, path: "/api/v1/messages", method: "POST" }],
    [403, { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" } }],
    [200, { headers: { "sec-fetch-site": "same-origin" } }],
    [200, { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, path: "/" }],
    [204, { method: "POST", path: "/api/v1/session", headers: JSON_TYPE, body: '{"token":"x"}' }],
  ];
  for (const [status, { path = "/api/v1/queue", ...init }] of table) {
    assertEquals(await town.status(path, init), status, JSON.stringify({ path, ...init }));
  }
  const { port } = town.at("admin");
  assertEquals(await hostStatus(port, "evil.example"), 421);
  assertEquals(await hostStatus(port, "dinopost"), 200, "admin.hosts names those of a container network");
});

const JSON_TYPE = { "content-type": "application/json" };

/** By hand: fetch doesn't let the Host be chosen. */
async function hostStatus(port: number, host: string): Promise<number> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `GET /api/v1/queue HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`;
  await conn.write(new TextEncoder().encode(request));
  const answer = await new Response(conn.readable).text();
  return Number(answer.split(" ")[1]);
}

Deno.test("A token that is configured is asked for, and taken as Bearer and as the password of Basic", async () => {
  await using town = await CapturingServer.start({ config: { admin: { token: "s3cret" } } });
  const basic = (text: string) => ({ headers: { authorization: `Basic ${btoa(text)}` } });
  const table: [number, RequestInit][] = [
    [401, {}],
    [200, { headers: { authorization: "Bearer s3cret" } }],
    [200, basic("anybody:s3cret")],
    [200, basic(":s3cret")],
    [401, basic("s3cret:")],
    [401, basic("anybody:wrong")],
    [401, { headers: { authorization: "Basic ***" } }],
    [403, { headers: { ...basic("a:s3cret").headers, origin: "https://evil.example" } }],
  ];
  for (const [status, init] of table) assertEquals(await town.status("/api/v1/queue", init), status);
});

Deno.test("People with tokens of their own are asked for them", async () => {
  const users = { anna: { token: "s3cret", role: "read-only" } };
  await using town = await CapturingServer.start({ config: { admin: { users } } });
  const headers = { authorization: "Bearer s3cret" };
  assertEquals(await town.status("/api/v1/queue"), 401);
  assertEquals(await town.status("/api/v1/queue", { headers }), 200);
  assertEquals(await town.status("/api/v1/reset", { method: "POST", headers }), 403);
});

Deno.test("Off loopback there is a token, or somebody said that it may be insecure", async () => {
  const load = (more: object) =>
    loadConfig({ env: {}, overrides: { capture: true, listen: OFF_LOOPBACK, ...more } });
  await assertRejects(() => load({}), ConfigError, "admin.token, or admin.allowInsecure");
  await load({ admin: { token: "s3cret" } });
  const pop3 = { smtp: [], pop3: ["192.0.2.1:110"], admin: [] };
  await assertRejects(() => load({ listen: pop3 }), ConfigError, "listen.pop3");
  await using town = await CapturingServer.start({
    config: { listen: OFF_LOOPBACK, admin: { allowInsecure: true } },
  });
  assertEquals(await town.status("/api/v1/queue"), 401, "the token that was made is asked for");
  const headers = { authorization: `Bearer ${town.server.adminToken}` };
  assertEquals(await town.status("/api/v1/queue", { headers }), 200);
});

Deno.test("Without a configuration it listens where programs look for it, and writes nothing", async () => {
  const config = await loadConfig({ env: {}, capture: true });
  const ports = Object.values(config.listen).flat().map(({ hostname, port }) => `${hostname}:${port}`);
  assertEquals(ports.sort(), ["127.0.0.1:1025", "127.0.0.1:1110", "127.0.0.1:8025"]);
  assertEquals(config.capture, { messages: 100_000, age: null, size: 256 * 1024 * 1024, memory: true });
  assertEquals(config.checks.spf, "off");
  const named = await loadConfig({ env: { DINOPOST_DATA_DIR: "/srv/mail" }, capture: true });
  assertEquals(named.capture && named.capture.memory, false);
  const text = '{ "capture": { "messages": 10, "age": "1h" } }';
  const kept = await loadConfig({ env: {}, text, capture: true });
  assertEquals(kept.capture && [kept.capture.messages, kept.capture.age, kept.capture.memory], [
    10,
    3600_000,
    false,
  ]);
  assertEquals(kept.listen.smtp[0]?.port, 2525, "a file says where, or means what it means elsewhere");
});

Deno.test("The calls of dialects stand in the audit log once each, and leave mail unread for who may only read", async () => {
  const users = {
    ron: { token: "rons-token", role: "read-only" },
    anna: { token: "annas-token", role: "operator" },
  };
  await using town = await CapturingServer.start({ config: { admin: { token: "s3cret", users } } });
  const as = async (token: string, path: string, method = "GET", body?: unknown) => {
    const headers = { ...JSON_TYPE, authorization: `Bearer ${token}` };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const answer = await town.ask(path, init);
    const text = await answer.text();
    assertEquals(answer.ok, true, `${method} ${path}: ${text}`);
    return text;
  };
  const letter = { From: { Email: "a@b.example" }, To: [{ Email: "c@d.example" }], Subject: "x", Text: "x" };
  const { ID } = JSON.parse(await as("annas-token", "/api/v1/send", "POST", letter));
  const isRead = async () =>
    JSON.parse(await as("rons-token", "/api/v1/messages")).messages[0].Read as boolean;
  for (const path of [`/api/v1/message/${ID}`, `/view/${ID}.txt`, `/captured/${ID}`]) {
    await as("rons-token", path);
    await as("annas-token", path, "HEAD");
    assertEquals(await isRead(), false, path);
  }
  await as("annas-token", `/view/${ID}.txt`);
  assertEquals(await isRead(), true);
  await as("annas-token", "/api/v1/messages", "PUT", { IDs: [ID], Read: false });
  await as("annas-token", "/api/v1/tags", "PUT", { IDs: [ID], Tags: ["links"] });
  await as("annas-token", "/api/v1/tags/links", "DELETE");
  await as("annas-token", "/api/v2/jim", "POST");
  const refused = await town.status("/api/v1/tags/links", {
    method: "DELETE",
    headers: { authorization: "Bearer annas-token" },
  });
  assertEquals(refused, 400);
  const { items } = JSON.parse(await as("rons-token", "/api/v1/audit"));
  assertEquals(items.map((e: Record<string, string>) => `${e.user} ${e.action} ${e.target}`), [
    "anna jim.create ",
    "anna tags.delete links",
    `anna tags.set ${ID}`,
    `anna messages.set ${ID}`,
  ]);
});

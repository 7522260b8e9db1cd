/** Over real HTTP, where requests are not quite what they are in a test. */

import { assertEquals } from "@std/assert";
import { Surface, TOKEN } from "../api/harness.ts";

const headers = { authorization: `Bearer ${TOKEN}` };

async function exchange(address: string, request: string): Promise<string> {
  const [hostname, port] = address.split(":");
  using conn = await Deno.connect({ hostname: hostname!, port: Number(port) });
  await conn.write(new TextEncoder().encode(request));
  const bytes = new Uint8Array(4096);
  return new TextDecoder().decode(bytes.subarray(0, await conn.read(bytes) ?? 0));
}

Deno.test("over a connection: no body is no body, the Host header counts, and stopping ends streams", async () => {
  const surface = await Surface.start({ config: { listen: { smtp: [], pop3: [], admin: ["127.0.0.1:0"] } } });
  const [address] = surface.server.addresses["admin"]!;
  const url = `http://${address}/api/v1`;
  const flush = await fetch(`${url}/queue/flush`, { method: "POST", headers });
  assertEquals([flush.status, await flush.json()], [200, { count: 0 }]);
  const bare = await exchange(
    address!,
    `POST /api/v1/queue/flush HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: close\r\n\r\n`,
  );
  assertEquals(bare.split("\r\n")[0], "HTTP/1.1 200 OK");
  const foreign = await exchange(
    address!,
    "GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
  );
  assertEquals(foreign.split("\r\n")[0], "HTTP/1.1 421 Misdirected Request");
  const empty = await fetch(`${url}/accounts`, { method: "POST", headers });
  assertEquals([empty.status, (await empty.json()).detail], [400, "The body is missing; send JSON"]);
  const events = await fetch(`${url}/events`, { headers });
  const waiting = fetch(`${url}/wait?subject=never`, { headers });
  const queue = await fetch(`${url}/queue`, { headers });
  await queue.body?.cancel();
  await surface.server.stop();
  await events.text();
  const late = await waiting;
  await late.body?.cancel();
  assertEquals(late.status, 503);
});

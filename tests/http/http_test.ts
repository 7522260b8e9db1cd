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
  assertEquals([flush.status, (await flush.json()).count], [200, 0]);
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

Deno.test("limits.connections holds for HTTP too, counted apart from mail and not by address", async () => {
  const listen = { smtp: ["127.0.0.1:0"], pop3: [], admin: ["127.0.0.1:0"] };
  const limits = { connections: 2, connectionsPerIp: 1 };
  await using surface = await Surface.start({ config: { listen, limits } });
  const [smtp, http] = [surface.server.addresses["smtp"]![0]!, surface.server.addresses["admin"]![0]!];
  const [hostname, port] = smtp.split(":");
  using mail = await Deno.connect({ hostname: hostname!, port: Number(port) });
  const greeting = new Uint8Array(100);
  assertEquals(
    new TextDecoder().decode(greeting.subarray(0, await mail.read(greeting) ?? 0)).slice(0, 4),
    "220 ",
  );
  const events = await Promise.all([1, 2].map(() => fetch(`http://${http}/api/v1/events`, { headers })));
  assertEquals(events.map(({ status }) => status), [200, 200]);
  const refused = await exchange(http, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assertEquals(refused.split("\r\n")[0], "HTTP/1.1 503 Service Unavailable");
  for (const { body } of events) await body?.cancel();
});

Deno.test("a client that breaks off its body is no error in the log", async () => {
  const listen = { smtp: [], pop3: [], admin: ["127.0.0.1:0"] };
  await using surface = await Surface.start({ config: { listen } });
  const notes: unknown[] = [];
  surface.server.journal.on((event) => event.type === "note" && notes.push(event));
  const [hostname, port] = surface.server.addresses["admin"]![0]!.split(":");
  for (const type of ["message/rfc822", "application/json"]) {
    for (const length of ["Content-Length: 1000", "Transfer-Encoding: chunked"]) {
      const conn = await Deno.connect({ hostname: hostname!, port: Number(port) });
      const head = `POST /api/v1/messages?${
        type === "message/rfc822" ? "from=&to=brain@example.org" : ""
      } HTTP/1.1`;
      const fields =
        `Host: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: ${type}\r\n${length}`;
      await conn.write(new TextEncoder().encode(`${head}\r\n${fields}\r\n\r\n5\r\n{"a":`));
      // answered in turn: the one before has been read by then
      assertEquals(
        (await fetch(`http://${hostname}:${port}/api/v1/queue`, { headers }).then((r) => r.json())).items,
        [],
      );
      conn.close();
      await (await fetch(`http://${hostname}:${port}/healthz`)).body?.cancel();
    }
  }
  await surface.server.stop();
  assertEquals(notes, []);
});

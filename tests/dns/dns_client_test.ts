import { assert, assertEquals, assertMatch } from "@std/assert";
import { createSocket } from "node:dgram";
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { DnsClient } from "../../src/dns/dns_client.ts";
import { parseNameServer } from "../../src/dns/name_servers.ts";
import { decodePacket, type DnsPacket, encodePacket, type OutgoingPacket } from "../../src/dns/packet.ts";
import { DnsServer } from "../../src/testing/dns_server.ts";

const zones = { "a.test": { A: ["192.0.2.1"] } };
const question = { name: "a.test", type: "A" } as const;

function clientOf(addresses: string[], onTimeout: () => void = () => {}): DnsClient {
  const servers = addresses.map((address) => parseNameServer(address)!);
  return new DnsClient({ servers: () => servers, clock: systemClock, random: systemRandom, onTimeout });
}

/** A UDP server that answers each query with the packets that `replies` makes of it. */
async function liar(replies: (query: DnsPacket) => (Uint8Array | OutgoingPacket)[]) {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => {
    for (const reply of replies(decodePacket(bytes)!)) {
      socket.send(reply instanceof Uint8Array ? reply : encodePacket(reply), from.port, from.address);
    }
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

function answer(query: DnsPacket, data: string, more: Partial<OutgoingPacket> = {}): OutgoingPacket {
  const name = query.questions[0]!.name;
  return {
    type: "response",
    id: query.id,
    flags: 0,
    questions: query.questions,
    answers: [{ type: "A", name, ttl: 60, data }],
    ...more,
  };
}

function addressOf(reply: Awaited<ReturnType<DnsClient["ask"]>>): unknown {
  return reply.kind === "packet" ? reply.packet.answers[0]?.data : reply.why;
}

Deno.test("DnsClient goes on to the next server after silence, and starts with it the next time", async () => {
  await using silent = await DnsServer.start();
  await using good = await DnsServer.start({ zones });
  silent.fail("a.test", "silent");
  let late = 0;
  const client = clientOf([silent.address, good.address], () => late++);
  assertEquals(addressOf(await client.ask(question, 400)), "192.0.2.1");
  assertEquals(late, 1);
  assertEquals(addressOf(await client.ask(question, 400)), "192.0.2.1");
  assertEquals([silent.queries.length, good.queries.length], [1, 2]);
  client.close();
});

Deno.test("DnsClient goes on to the next server after SERVFAIL, REFUSED and garbage, and asks each once", async () => {
  for (const fault of ["servfail", "refused", "garbage"] as const) {
    await using ill = await DnsServer.start();
    await using good = await DnsServer.start({ zones });
    ill.fail("a.test", fault);
    const client = clientOf([ill.address, good.address]);
    assertEquals(addressOf(await client.ask(question, 2000)), "192.0.2.1");
    good.fail("a.test", fault);
    assertEquals((await client.ask(question, 2000)).kind, "temporaryFailure");
    assertEquals([ill.queries.length, good.queries.length], [2, 2]);
    client.close();
  }
});

Deno.test("DnsClient asks a silent server twice within the whole time", async () => {
  await using silent = await DnsServer.start();
  silent.fail("a.test", "silent");
  const client = clientOf([silent.address]);
  const start = systemClock.monotonic();
  const reply = await client.ask(question, 200);
  assertMatch(String(addressOf(reply)), /^Name server 127\.0\.0\.1:\d+ didn't answer in time$/);
  const took = systemClock.monotonic() - start;
  assert(took >= 190 && took < 1000, `took ${took} ms`);
  assertEquals(silent.queries.length, 2);
  client.close();
});

Deno.test("DnsClient speaks to a server from before EDNS", async () => {
  await using old = await DnsServer.start({ zones, withoutEdns: true });
  const client = clientOf([old.address]);
  assertEquals(addressOf(await client.ask(question, 2000)), "192.0.2.1");
  assertEquals(old.queries.length, 2);
  client.close();
});

Deno.test("DnsClient asks over TCP when the name comes back in another case, and believes that", async () => {
  await using server = await DnsServer.start({
    zones: { "a-name-long-enough.test": { A: ["192.0.2.1"] } },
    lowerCases: true,
  });
  const client = clientOf([server.address]);
  const reply = await client.ask({ name: "a-name-long-enough.test", type: "A" }, 2000);
  assertEquals(addressOf(reply), "192.0.2.1");
  assertEquals(server.queries.map(({ over }) => over), ["udp", "tcp"]);
  client.close();
});

Deno.test("DnsClient doesn't believe replies to other questions", async () => {
  await using server = await liar((query) => [
    // another id, another name, another type, no reply but a query, no octets
    answer(query, "6.6.6.6", { id: query.id ^ 1 }),
    answer(query, "6.6.6.6", { questions: [{ name: "b.test", type: "A" }] }),
    answer(query, "6.6.6.6", { questions: [{ name: query.questions[0]!.name, type: "AAAA" }] }),
    answer(query, "6.6.6.6", { questions: [] }),
    answer(query, "6.6.6.6", { type: "query" }),
    new Uint8Array(0),
    new Uint8Array(5),
    answer(query, "192.0.2.1"),
  ]);
  const client = clientOf([server.address]);
  assertEquals(addressOf(await client.ask(question, 2000)), "192.0.2.1");
  client.close();
});

Deno.test("DnsClient doesn't believe a reply from another port", async () => {
  const stranger = createSocket("udp4");
  await new Promise<void>((resolve) => stranger.bind(0, "127.0.0.1", resolve));
  const server = createSocket("udp4");
  server.on("message", (bytes, from) => {
    const query = decodePacket(bytes)!;
    stranger.send(encodePacket(answer(query, "6.6.6.6")), from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  const client = clientOf([`127.0.0.1:${server.address().port}`]);
  assertEquals((await client.ask(question, 150)).kind, "temporaryFailure");
  client.close();
  for (const socket of [stranger, server]) {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
});

Deno.test("DnsClient uses another id and another case for each query", async () => {
  const seen: { id: number; name: string }[] = [];
  await using server = await liar((query) => {
    seen.push({ id: query.id, name: query.questions[0]!.name });
    return [answer(query, "192.0.2.1")];
  });
  const client = clientOf([server.address]);
  for (let i = 0; i < 20; i++) await client.ask({ name: "a-name-long-enough.test", type: "A" }, 2000);
  assert(new Set(seen.map(({ id }) => id)).size > 15);
  assert(new Set(seen.map(({ name }) => name)).size > 15);
  client.close();
});

Deno.test("DnsClient tells of a temporary failure when the connection for a truncated answer is refused", async () => {
  await using server = await liar((query) => [answer(query, "192.0.2.1", { flags: 1 << 9, answers: [] })]);
  const client = clientOf([server.address]);
  assertMatch(
    String(addressOf(await client.ask(question, 2000))),
    /^Name server \S+ can't be asked: .*refused/i,
  );
  client.close();
});

Deno.test("DnsClient tells of a temporary failure when the name servers aren't known", async () => {
  const nobody = clientOf([]);
  assertEquals(await nobody.ask(question, 100), { kind: "temporaryFailure", why: "No name server is known" });
  const unknown = new DnsClient({
    servers: () => Promise.reject(new Error("no access")),
    clock: systemClock,
    random: systemRandom,
  });
  assertEquals(await unknown.ask(question, 100), {
    kind: "temporaryFailure",
    why: "The system's name servers aren't known: no access",
  });
});

/** The module as another program uses it: what `mod.ts` promises is there, and its parts work alone. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as dinopost from "../mod.ts";
import { systemClock } from "../src/base/clock.ts";
import { FakeResolver } from "./dns/fake_resolver.ts";
import { Harness } from "./pop3/harness.ts";
import { FakeReception } from "./smtp/server/fake_reception.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

Deno.test("mod.ts exports the server, its parts and loadConfig", () => {
  assertEquals(Object.keys(dinopost).sort(), [
    "DeliveryQueue",
    "FolderError",
    "MailServer",
    "MailStore",
    "MxResolver",
    "Pop3Server",
    "SmtpClient",
    "SmtpServer",
    "createAdminApp",
    "loadConfig",
  ]);
});

Deno.test("SmtpServer alone takes a letter from SmtpClient, on each of its addresses", async () => {
  const reception = new FakeReception();
  await using server = smtpServer({ reception });
  for (const address of [server.listen(LOOPBACK), server.listen(LOOPBACK)]) {
    const result = await dinopost.SmtpClient.connect(
      { host: "mail.howstuffworks.com", address: address.hostname, port: address.port },
      { hostname: "client.mindspring.com", clock: systemClock, tls: "never" },
    );
    assert(result.ok);
    const text = new TextEncoder().encode("Subject: x\r\n\r\nHello\r\n");
    const outcomes = await result.client.send({
      sender: "jsmith@mindspring.com",
      recipients: [{ address: "brain@howstuffworks.com" }],
      parameters: {},
      size: text.length,
      text: () => [text],
    });
    assertEquals(outcomes.map((o) => o.kind), ["delivered"]);
    await result.client.quit();
  }
  assertEquals(reception.taken.length, 2);
  assertEquals(server.addresses.length, 2);
});

Deno.test("SmtpServer refuses connections beyond its limit with 421, and says goodbye when it stops", async () => {
  const limiter = { enter: () => "connections" as const };
  await using full = smtpServer({ limiter: limiter as unknown as dinopost.ConnectionLimiter });
  assertMatch(await firstWords(full.listen(LOOPBACK)), /^421 4\.7\.0 Too many connections/);

  const server = smtpServer({});
  const { hostname, port } = server.listen(LOOPBACK);
  using conn = await Deno.connect({ hostname, port });
  assertMatch(await read(conn), /^220 /);
  const stopped = server.stop();
  assertMatch(await read(conn), /^421 4\.3\.2 /);
  await stopped;
});

Deno.test("Pop3Server alone serves a mail store, and tells what happens under the session's name", async () => {
  await using house = await Harness.start();
  const events: string[] = [];
  await using server = new dinopost.Pop3Server({
    accounts: house.accounts,
    mailStore: house.mailStore,
    guard: house.guard,
    hostname: "mail.howstuffworks.com",
    watch: (id) => (event) => void events.push(`${id} ${event.kind}`),
  });
  const { hostname, port } = server.listen(LOOPBACK);
  const conn = await Deno.connect({ hostname, port });
  assertMatch(await read(conn), /^\+OK mail\.howstuffworks\.com /);
  await conn.write(new TextEncoder().encode("QUIT\r\n"));
  assertMatch(await read(conn), /^\+OK/);
  conn.close();
  await server.stop();
  assertEquals(events, ["s1 ended"]);
});

Deno.test("MxResolver finds the mail hosts of a domain by any resolver", async () => {
  const resolver = new FakeResolver({
    "mindspring.com": { mx: [[10, "mx.mindspring.com"]] },
    "mx.mindspring.com": { a: ["8.8.4.4"] },
  });
  using mx = new dinopost.MxResolver({ resolver });
  const found = await mx.resolve("mindspring.com");
  assert(found.kind === "hosts");
  assertEquals(found.hosts, [{ preference: 10, host: "mx.mindspring.com", addresses: ["8.8.4.4"] }]);
  const host = await mx.host("mx.mindspring.com");
  assert(host.kind === "hosts");
  assertEquals([host.how, host.hosts[0]?.addresses], ["host", ["8.8.4.4"]]);
});

function smtpServer(options: Partial<dinopost.SmtpServerOptions>): dinopost.SmtpServer {
  return new dinopost.SmtpServer({
    reception: new FakeReception(),
    hostname: "mail.howstuffworks.com",
    service: "smtp",
    auth: "never",
    limits: {
      messageSize: 1 << 20,
      recipients: 100,
      commandTimeoutMs: 300_000,
      dataTimeoutMs: 600_000,
      errorsPerSession: 20,
    },
    ...options,
  });
}

async function firstWords(address: dinopost.ServerAddress): Promise<string> {
  using conn = await Deno.connect({ hostname: address.hostname, port: address.port });
  return await read(conn);
}

async function read(conn: Deno.Conn): Promise<string> {
  const into = new Uint8Array(1000);
  return new TextDecoder().decode(into.subarray(0, await conn.read(into) ?? 0));
}

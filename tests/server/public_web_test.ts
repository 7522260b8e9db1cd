import { assertEquals, assertMatch } from "@std/assert";
import { request } from "node:https";
import { loadConfig } from "../../src/config/load.ts";
import { MailServer } from "../../src/mail_server.ts";
import { selfSigned } from "../../src/server/own_certificate.ts";

const HOST = "mta-sts.example.org";
const POLICY = "version: STSv1\r\nmode: testing\r\nmx: mail.example.org\r\nmax_age: 86400\r\n";

const config = await loadConfig({
  env: {},
  overrides: {
    hostname: "mail.example.org",
    domains: ["example.org"],
    listen: { smtp: [], pop3: [], admin: ["127.0.0.1:0"], http: ["127.0.0.1:0"], https: ["127.0.0.1:0"] },
  },
});
const certificate = await selfSigned([HOST], Date.now());

const start = () => MailServer.start(config, { inMemory: true, certificate });

function portOf(server: MailServer, kind: string): number {
  return Number(server.addresses[kind]![0]!.split(":").at(-1));
}

interface Answer {
  status: number;
  type: string | undefined;
  text: string;
}

function ask(
  server: MailServer,
  { path = "/.well-known/mta-sts.txt", method = "GET", host = HOST } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: "127.0.0.1",
      port: portOf(server, "https"),
      servername: HOST,
      ca: certificate.cert,
      path,
      method,
      headers: { host },
      agent: false,
    }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (piece) => text += piece).on(
        "end",
        () => resolve({ status: answer.statusCode!, type: answer.headers["content-type"], text }),
      );
    });
    outgoing.on("error", reject).end();
  });
}

Deno.test("listen.https serves the policy of RFC 8461 over TLS, and nothing else", async () => {
  await using server = await start();
  const found = await ask(server);
  assertEquals(found, { status: 200, type: "text/plain; charset=utf-8", text: POLICY });
  assertEquals((await ask(server, { host: `${HOST.toUpperCase()}:443` })).text, POLICY);
  assertEquals((await ask(server, { method: "POST" })).status, 405);
  for (const path of ["/", "/api/v1/queue", "/.well-known/acme-challenge/x", "/.well-known/mta-sts.txt/"]) {
    assertEquals((await ask(server, { path })).status, 404, path);
  }
  for (const host of ["mail.example.org", "mta-sts.example.com", "127.0.0.1"]) {
    assertEquals((await ask(server, { host })).status, 404, host);
  }
});

Deno.test("listen.https ends what is no TLS, and listen.http has nothing to tell", async () => {
  await using server = await start();
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: portOf(server, "https") });
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  const buffer = new Uint8Array(1000);
  const count = await conn.read(buffer).catch(() => null);
  // an alert of TLS at the most
  assertEquals(count === null || buffer[0] === 21, true);
  const plain = await fetch(`http://127.0.0.1:${portOf(server, "http")}/.well-known/mta-sts.txt`);
  assertEquals([plain.status, await plain.text()], [404, "Nothing here\n"]);
});

Deno.test("the admin surface has the policy for the policy's host alone, without a token", async () => {
  await using server = await start();
  const get = (host: string, path: string) => server.fetch(new Request(`http://${host}:8025${path}`));
  const policy = await get(HOST, "/.well-known/mta-sts.txt");
  assertEquals([policy.status, await policy.text()], [200, POLICY]);
  assertMatch(policy.headers.get("content-type")!, /^text\/plain/);
  assertEquals(policy.headers.get("x-content-type-options"), "nosniff");
  assertEquals((await get(HOST, "/")).status, 404);
  assertEquals((await get(HOST, "/healthz")).status, 404);
  assertEquals((await get("mta-sts.example.com", "/.well-known/mta-sts.txt")).status, 421);
  assertEquals((await get("127.0.0.1", "/.well-known/mta-sts.txt")).status !== 200, true);
});

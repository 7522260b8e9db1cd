/** Plays a disk that really fills: a server on 24 MB, whose mail and whose neighbours leave no page. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Pop3Client } from "../../src/testing/mod.ts";
import { SmallDisk } from "../support/small_disk.ts";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";
import { SmtpTalk } from "./support/smtp_talk.ts";

const BRAIN = "brain@example.org";
const PASSWORD = "correct horse battery";
const TOKEN = "a-token-for-this-test-only";
const REFUSED = /^452 4\.3\.1 /;

/** A server that has something due each second: it retries a message whose smart host isn't there. */
function start(cwd: string): Promise<ServerProcess> {
  const config = {
    hostname: "mail.example.org",
    domains: ["example.org"],
    accounts: { [BRAIN]: { password: PASSWORD } },
    relay: { networks: ["127.0.0.0/8"], smartHost: { host: "127.0.0.1", port: 1, tls: "never" } },
    queue: { retry: "1s" },
    webhooks: [{ url: "http://127.0.0.1:1/", events: ["deferred"], allowPrivate: true }],
    admin: { token: TOKEN },
  };
  Deno.writeTextFileSync(`${cwd}/dinopost.jsonc`, JSON.stringify(config));
  return ServerProcess.ready({ cwd, env: { ...FREE_PORTS, DINOPOST_DATA_DIR: `${cwd}/disk` } });
}

async function send(server: ServerProcess, to: string, octets: number): Promise<string> {
  using talk = await SmtpTalk.connect(server.address("smtp"));
  const mail = await talk.ask("MAIL FROM:<pinky@example.org>", "");
  if (!mail.startsWith("250")) return mail;
  await talk.ask(`RCPT TO:<${to}>`, "250");
  await talk.ask("DATA", "354");
  await talk.write(`Subject: Hello\r\n\r\n${`${"x".repeat(76)}\r\n`.repeat(octets / 78)}.\r\n`);
  return await talk.reply(60_000);
}

async function ask(
  server: ServerProcess,
  path: string,
  { method = "GET", json }: { method?: string; json?: unknown } = {},
): Promise<[number, string]> {
  const answer = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  return [answer.status, await answer.text()];
}

/** It lives on: what is due is tried, again and again. */
async function triesOn(server: ServerProcess): Promise<void> {
  const tries = () => server.err.split(" deferred ").length;
  const before = tries();
  await server.until(() => tries() > before + 2, "more attempts");
}

async function login(server: ServerProcess): Promise<Pop3Client> {
  const pop = await Pop3Client.connect(server.address("pop3"));
  await pop.login(BRAIN, PASSWORD);
  return pop;
}

/** Mail until no more is taken; answers how many messages were. */
async function sendAll(server: ServerProcess): Promise<number> {
  for (let count = 0;; count++) {
    const reply = await send(server, BRAIN, 300_000);
    if (reply.startsWith("250")) continue;
    assertMatch(reply, REFUSED);
    await server.said("the disk is full: ");
    return count;
  }
}

/** Everything but new mail goes on; the log has spoken once. */
async function servesOnFullDisk(server: ServerProcess): Promise<void> {
  assertMatch(await send(server, BRAIN, 1000), REFUSED);
  const health = JSON.parse((await ask(server, "/healthz?verbose"))[1]);
  assertEquals(health.status, "degraded");
  assertEquals(health.problems.map((p: { code: string }) => p.code), ["disk"]);
  assertMatch(health.problems[0].text, /^The disk is full: new mail is refused until \d.*B more are free$/);
  assertMatch((await ask(server, "/metrics"))[1], /^dinopost_problem\{code="disk"\} 1$/m);
  assertEquals((await ask(server, "/healthz"))[0], 200);
  assertEquals((await ask(server, "/readyz"))[0], 200);
  assertEquals((await ask(server, "/api/v1/queue"))[0], 200);
  assertEquals((await ask(server, "/login"))[0], 200);
  const json = { from: BRAIN, to: [BRAIN], subject: "Hello", text: "Hello" };
  assertEquals((await ask(server, "/api/v1/messages", { method: "POST", json }))[0], 503);
  await triesOn(server);
  assertEquals(server.err.split(" the disk is full: ").length, 2, server.err);
}

const LIVES_ON = "on a full disk the server lives on and deletes, and takes mail again when there is room";

Deno.test(LIVES_ON, { timeout: 300_000 }, async () => {
  await using disk = await SmallDisk.mount(24);
  if (!disk) return; // the test of the store itself, with a KV that fails, has to do
  const cwd = await Deno.makeTempDir({ prefix: "dinopost_full_" });
  try {
    await Deno.symlink(disk.path, `${cwd}/disk`);
    await onSmallDisk(cwd, disk);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

async function onSmallDisk(cwd: string, disk: SmallDisk): Promise<void> {
  let count = 0;
  {
    await using server = await start(cwd);
    assertMatch(await send(server, "there@elsewhere.example", 1000), /^250 /);
    count = await sendAll(server);
    assert(count > 10, `${count} messages of 300 KB fitted`);
    await disk.fill();
    await servesOnFullDisk(server);

    // all that was answered 250 is there, and can be taken away
    const pop = await login(server);
    assertEquals((await pop.command("STAT")).split(" ")[0], String(count));
    assert((await pop.lines("RETR 1")).length > 300_000);
    for (let n = 1; n <= count - 2; n++) await pop.command(`DELE ${n}`);
    await pop.quit();
    const [, list] = await ask(server, `/api/v1/mailboxes/${BRAIN}/messages`);
    const { items: [{ uid }] } = JSON.parse(list);
    assertEquals(
      (await ask(server, `/api/v1/mailboxes/${BRAIN}/messages/${uid}`, { method: "DELETE" }))[0],
      204,
    );

    // what was deleted is room within the store's file, although the disk has none
    await server.said("there is room on the disk again");
    const more = await sendAll(server);
    assert(more > 0);
    count = 1 + more;
    await disk.fill();
    await triesOn(server);
    server.signal("SIGKILL");
    await server.end();
  }
  await disk.fill();
  {
    // a start on such a disk
    await using server = await start(cwd);
    count += await sendAll(server);
    await servesOnFullDisk(server);
    const pop = await login(server);
    assertEquals((await pop.command("STAT")).split(" ")[0], String(count));
    for (let n = 1; n < count; n++) await pop.command(`DELE ${n}`);
    await pop.quit();
    await disk.empty();
    await server.said("there is room on the disk again");
    assertEquals(JSON.parse((await ask(server, "/healthz?verbose"))[1]), { status: "ok", problems: [] });
    assert(await sendAll(server) > 0);
    server.signal("SIGTERM");
    assertEquals((await server.end()).code, 0);
  }
  // stopped in order, SQLite gives its log's room to whoever is quicker
  await disk.fill();
  await using server = await start(cwd);
  await sendAll(server);
  await servesOnFullDisk(server);
}

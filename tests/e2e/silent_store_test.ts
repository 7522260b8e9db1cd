/** Plays a store over a network as its operator meets it: removals there, a store that does not answer, the stop meanwhile. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Pop3Client } from "../../src/testing/mod.ts";
import { Denokv, findDenokv } from "../support/denokv.ts";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";
import { SmtpTalk } from "./support/smtp_talk.ts";

const BRAIN = "brain@example.org";
const PASSWORD = "correct horse battery";
const STOP_MS = 10_000;

async function start(cwd: string, kv: Denokv): Promise<ServerProcess> {
  const config = {
    hostname: "mail.example.org",
    domains: ["example.org"],
    kv: kv.url,
    accounts: { [BRAIN]: { password: PASSWORD } },
  };
  await Deno.writeTextFile(`${cwd}/dinopost.jsonc`, JSON.stringify(config));
  return await ServerProcess.ready({ cwd, env: { ...FREE_PORTS, DENO_KV_ACCESS_TOKEN: kv.token } });
}

/** The reply to the first command that is refused, or to the message. */
async function send(server: ServerProcess, subject: string): Promise<string> {
  using talk = await SmtpTalk.connect(server.address("smtp"));
  for (const command of ["MAIL FROM:<pinky@example.net>", `RCPT TO:<${BRAIN}>`, "DATA"]) {
    const reply = await talk.ask(command, "");
    if (!/^[23]/.test(reply)) return reply;
  }
  await talk.write(`Subject: ${subject}\r\n\r\nNarf\r\n.\r\n`);
  return await talk.reply(60_000);
}

async function login(server: ServerProcess): Promise<Pop3Client> {
  const pop = await Pop3Client.connect(server.address("pop3"));
  await pop.login(BRAIN, PASSWORD);
  return pop;
}

async function ask(server: ServerProcess, path: string): Promise<[number, Record<string, unknown>]> {
  const answer = await fetch(server.url + path);
  return [answer.status, await answer.json()];
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !await condition(); tries++) {
    assert(tries < 300, "what was waited for did not happen");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

if (await findDenokv() !== undefined) {
  Deno.test("A store that does not answer: 451, not ready, and all goes on; the stop does not wait (denokv)", async () => {
    const cwd = await Deno.makeTempDir({ prefix: "dinopost-silent-" });
    await using kv = await Denokv.start();
    await using server = await start(cwd, kv);
    try {
      for (let i = 0; i < 20; i++) assertMatch(await send(server, `Message ${i}`), /^250 /);
      {
        await using pop = await login(server);
        for (let i = 1; i <= 20; i++) await pop.command(`DELE ${i}`);
        assertMatch(await pop.command("QUIT"), /20 messages removed/);
      }
      {
        await using pop = await login(server);
        assertMatch(await pop.command("STAT"), /^0 0/);
      }

      kv.freeze();
      assertMatch(await send(server, "While it is frozen"), /^451 4\.3\.0 /);
      const [ready, why] = await ask(server, "/readyz");
      assertEquals([ready, why.status], [503, "waiting"]);
      assertMatch(String(why.text), /has not answered since 20/);
      const [, health] = await ask(server, "/healthz?verbose");
      assertEquals((health.problems as { code: string }[]).map(({ code }) => code), ["store"]);
      await server.said("the store does not answer");
      const from = performance.now();
      assertMatch(await send(server, "Again"), /^451 4\.3\.0 /);
      assert(performance.now() - from < 2000, "who comes next does not wait");

      kv.thaw();
      await until(async () => (await ask(server, "/readyz"))[0] === 200);
      await server.said("the store answers again");
      assertMatch(await send(server, "Thawed"), /^250 /);

      kv.freeze();
      const last = send(server, "Last").catch(() => "");
      const stopped = performance.now();
      server.signal("SIGTERM");
      const { code } = await server.end();
      assert(performance.now() - stopped < STOP_MS, `it took ${performance.now() - stopped} ms to stop`);
      assertEquals(code, 0);
      assertEquals(/^250 /.test(await last), false);
    } finally {
      kv.thaw();
      await Deno.remove(cwd, { recursive: true });
    }
  });
}

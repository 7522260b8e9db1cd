/** Plays an operator: starts `serve` as a process, looks at what it says, signals it, gives it wrong things. */

import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { DnsServer, Pop3Client, ScriptedPeer } from "../../src/testing/mod.ts";
import { fetchByCurl, sendByCurl } from "./support/curl.ts";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";
import { SmtpTalk } from "./support/smtp_talk.ts";

const ROOT = new URL("../../", import.meta.url);
const PASSWORD = /postmaster@localhost, password (\S+)/;

/** An empty directory for the length of a test. */
async function within(test: (cwd: string) => Promise<void>): Promise<void> {
  const cwd = await Deno.makeTempDir({ prefix: "dinopost-serve-" });
  try {
    await test(cwd);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

/** Runs a command that must end by itself, with one line on stderr. */
async function refusal(options: ConstructorParameters<typeof ServerProcess>[0]) {
  await using server = new ServerProcess(options);
  const { code, err, out } = await server.end(20_000);
  assertEquals(out, "");
  assertEquals(err.trimEnd().split("\n").length, 1, `more than a line: ${err}`);
  assertMatch(err, /^dinopost: /);
  return { code, err };
}

async function config(cwd: string, values: unknown): Promise<void> {
  await Deno.writeTextFile(`${cwd}/dinopost.jsonc`, JSON.stringify(values, null, 2));
}

Deno.test("serve without a configuration is a safe mail server whose letters can be read back", () =>
  within(async (cwd) => {
    await using server = await ServerProcess.ready({ cwd, env: FREE_PORTS });
    const password = PASSWORD.exec(server.out)?.[1];
    assert(password !== undefined && password.length >= 16, server.out);
    assertEquals(server.out.split(password).length - 1, 2, "shown once, and once in the example");
    for (const kind of ["smtp", "pop3", "admin"] as const) {
      const { hostname, port } = server.address(kind);
      assertEquals(hostname, "127.0.0.1");
      assert(server.out.includes(`127.0.0.1:${port}`), `${kind} ${port} is not in ${server.out}`);
    }
    assert(server.out.includes(`${cwd}/data`), server.out);
    const ready = await fetch(`${server.url}/readyz`);
    assertEquals([ready.status, await ready.text()], [200, '{"status":"ready"}']);
    const queue = await fetch(`${server.url}/api/v1/queue`);
    await queue.body?.cancel();
    assertEquals(queue.status, 401);

    const text = "Subject: Hello\r\n\r\n.A dot, and caf\u00e9\r\n";
    const to = "postmaster@localhost";
    await sendByCurl(server.address("smtp"), { from: "me@example.org", to, text });
    const fetched = await fetchByCurl(server.address("pop3"), to, password);
    assert(fetched.endsWith(text), fetched);
    assertMatch(
      fetched,
      /^Return-Path: <me@example\.org>\r\nDelivered-To: postmaster@localhost\r\nAuthentication-Results: .*\r\n(?:\t.*\r\n)+Received: /,
    );

    // strangers get no relay, unknown users no mail
    using talk = await SmtpTalk.connect(server.address("smtp"));
    await talk.ask("MAIL FROM:<me@example.org>", "250");
    await talk.ask("RCPT TO:<jsmith@mindspring.com>", "550 5.7.1");
    await talk.ask("RCPT TO:<nobody@localhost>", "550 5.1.1");
    await talk.ask("QUIT", "221");

    server.signal("SIGTERM");
    const { code, out, err } = await server.end();
    assertEquals(code, 0, err);
    assertNotMatch(err, / (WARN|ERROR) /);
    for (const part of (await Array.fromAsync(Deno.readDir(`${cwd}/data`))).map((entry) => entry.name)) {
      const { mode } = await Deno.stat(`${cwd}/data/${part}`);
      const dirMode = (await Deno.stat(`${cwd}/data`)).mode;
      assertEquals((mode! & 0o077) && (dirMode! & 0o077), 0, `others may read data/${part}`);
    }

    // the second start: the same account, and no word about its password
    await using again = await ServerProcess.ready({ cwd, env: FREE_PORTS });
    assert(!again.out.includes(password) && !PASSWORD.test(again.out), again.out);
    assertEquals(out.includes("A first account was made"), true);
    assertEquals(again.out.includes("was made"), false);
    assertEquals(await fetchByCurl(again.address("pop3"), to, password), fetched);
    again.signal("SIGINT");
    assertEquals((await again.end()).code, 0);
  }));

Deno.test("A second server on the same data is refused in one line", () =>
  within(async (cwd) => {
    await using server = await ServerProcess.ready({ cwd, env: FREE_PORTS });
    const { code, err } = await refusal({ cwd, env: FREE_PORTS });
    assertEquals(code, 75);
    assert(err.includes(`${cwd}/data`) && err.includes(String(server.pid)), err);
    using _alive = await SmtpTalk.connect(server.address("smtp"));
  }));

for (const [name, cut] of [["SIGTERM", ", a stuck one is cut off"], ["SIGINT", ""]] as const) {
  Deno.test(`${name}: who waits hears 421, a text on its way is taken${cut}; 0 within 10 s`, () =>
    within(async (cwd) => {
      await config(cwd, { domains: ["d.test"], accounts: { "a@d.test": { password: "pw" } } });
      await using server = await ServerProcess.ready({ cwd, env: FREE_PORTS });
      const smtp = server.address("smtp");
      using idle = await SmtpTalk.connect(smtp);
      using inMail = await SmtpTalk.connect(smtp);
      await inMail.ask("MAIL FROM:<x@y.test>", "250");
      using writing = await SmtpTalk.connect(smtp);
      await writing.envelope({ from: "x@y.test", to: ["a@d.test"] });
      await writing.write("Subject: on its way\r\n\r\nFirst half");
      using stuck = await SmtpTalk.connect(smtp);
      if (cut) {
        await stuck.envelope({ from: "x@y.test", to: ["a@d.test"] });
        await stuck.write("Subject: never ends\r\n\r\n");
      }
      const pop3 = await Pop3Client.connect(server.address("pop3"));

      const from = performance.now();
      server.signal(name);
      assertEquals((await idle.closed()).slice(0, 9), "421 4.3.2");
      assertEquals((await inMail.closed()).slice(0, 9), "421 4.3.2");
      server.signal("SIGHUP"); // there is nothing to reload any more
      assertEquals(await SmtpTalk.dial(smtp).then(() => "taken", () => "refused"), "refused");
      await writing.write(", second half\r\n.\r\n");
      await writing.expect("250 2.0.0");
      assertEquals((await writing.closed()).slice(0, 9), "421 4.3.2");
      const { code, err } = await server.end();
      const seconds = (performance.now() - from) / 1000;
      assertEquals(code, 0, err);
      assert(seconds < 10, `it took ${seconds} s`);
      assertEquals((await stuck.closed()).startsWith("250"), false);
      await pop3[Symbol.asyncDispose]();

      await using again = await ServerProcess.ready({ cwd, env: FREE_PORTS });
      const reader = await Pop3Client.connect(again.address("pop3"));
      await reader.login("a@d.test", "pw");
      const texts = await reader.all();
      await reader.quit();
      assertEquals(texts.length, 1);
      assert(texts[0]!.endsWith("\r\n\r\nFirst half, second half\r\n"), texts[0]);
    }));
}

Deno.test("A second SIGINT ends at once", () =>
  within(async (cwd) => {
    await using server = await ServerProcess.ready({ cwd, env: FREE_PORTS });
    using stuck = await SmtpTalk.connect(server.address("smtp"));
    await stuck.envelope({ from: "x@y.test", to: ["postmaster@localhost"] });
    server.signal("SIGINT");
    await server.said("stopping");
    const from = performance.now();
    server.signal("SIGINT");
    const { code, err } = await server.end();
    assertEquals(code, 130, err);
    assert(performance.now() - from < 2000);
  }));

Deno.test("SIGHUP takes over accounts, aliases and log level; a wrong file changes nothing", () =>
  within(async (cwd) => {
    const accounts = { "a@d.test": { password: "pw" } };
    await config(cwd, { domains: ["d.test"], accounts, aliases: { "old@d.test": ["a@d.test"] } });
    const env = { ...FREE_PORTS };
    await using server = await ServerProcess.ready({ cwd, env });
    using talk = await SmtpTalk.connect(server.address("smtp"));
    await talk.ask("MAIL FROM:<x@y.test>", "250");
    await talk.ask("RCPT TO:<b@d.test>", "550 5.1.1");
    await talk.ask("RCPT TO:<new@d.test>", "550 5.1.1");
    await talk.ask("RCPT TO:<old@d.test>", "250");
    await talk.ask("RSET", "250");
    assert(server.err.includes("INFO ready"));

    await config(cwd, { domains: ["d.test"], accounts: { "a@d.test": { pasword: "pw" } } });
    server.signal("SIGHUP");
    await server.said("reload refused");
    assertMatch(server.err, /dinopost\.jsonc:\d+: .*pasword.*did you mean/);
    await talk.ask("MAIL FROM:<x@y.test>", "250");
    await talk.ask("RCPT TO:<old@d.test>", "250");
    await talk.ask("RSET", "250");

    await config(cwd, {
      domains: ["d.test"],
      accounts: { ...accounts, "b@d.test": { password: "other" } },
      aliases: { "new@d.test": ["a@d.test", "b@d.test"] },
      log: { level: "INFO", format: "json" },
    });
    server.signal("SIGHUP");
    await server.said('"event":"reloaded"');
    await talk.ask("MAIL FROM:<x@y.test>", "250");
    await talk.ask("RCPT TO:<old@d.test>", "550 5.1.1");
    await talk.ask("RSET", "250");
    assertMatch(
      await talk.send({ from: "x@y.test", to: ["new@d.test"], text: "Subject: To both\r\n\r\n" }),
      /^250 2\.0\.0/,
    );
    await server.said('"event":"accepted"');
    const reader = await Pop3Client.connect(server.address("pop3"));
    await reader.login("b@d.test", "other");
    assertEquals((await reader.all()).length, 1);
    await reader.quit();
    // the last that is logged at this level
    await server.said('"event":"login"');

    await config(cwd, { domains: ["d.test"], accounts, log: { level: "ERROR" } });
    server.signal("SIGHUP");
    using probe = await SmtpTalk.connect(server.address("smtp"));
    // the alias goes with the reload: that is how one sees it at a level where nothing is logged
    const deadline = performance.now() + 10_000;
    for (let taken = true; taken;) {
      assert(performance.now() < deadline, "the reload never came");
      await probe.ask("MAIL FROM:<x@y.test>", "250");
      await probe.write("RCPT TO:<new@d.test>\r\n");
      taken = (await probe.reply()).startsWith("250");
      await probe.ask("RSET", "250");
    }
    const before = server.err.length;
    await probe.send({ from: "x@y.test", to: ["a@d.test"], text: "Subject: Quiet\r\n\r\n" });
    server.signal("SIGTERM");
    const { code, err } = await server.end();
    assertEquals([code, err.slice(before)], [0, ""]);
  }));

Deno.test("What can't be is told in one line: configuration, ports, data", () =>
  within(async (cwd) => {
    // configuration: 78, with key, line and the nearest known one
    await Deno.writeTextFile(`${cwd}/dinopost.jsonc`, '{\n  // comment\n  "queue": { "rety": "15m" }\n}\n');
    const unknown = await refusal({ cwd, env: FREE_PORTS });
    assertEquals(unknown.code, 78);
    assertMatch(unknown.err, /dinopost\.jsonc:3: queue\.rety: .*did you mean queue\.retry\?/);
    await config(cwd, { capture: true, listen: { imap: ["127.0.0.1:0"] } });
    const impossible = await refusal({ cwd, env: FREE_PORTS });
    assertMatch(impossible.err, /listen\.imap: captured mail is read by page, API and POP3, not by IMAP/);
    assertEquals(impossible.code, 78);
    await Deno.remove(`${cwd}/dinopost.jsonc`);
    const variable = await refusal({ cwd, env: { ...FREE_PORTS, DINOPOST_DATADIR: "x" } });
    assertEquals(variable.code, 78);
    assertMatch(variable.err, /DINOPOST_DATADIR.*did you mean DINOPOST_DATA_DIR\?/);

    // a port that another program has: 69, for the configuration is right and the port may become free
    using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    for (const kind of ["SMTP", "POP3", "ADMIN"]) {
      const taken = `127.0.0.1:${other.addr.port}`;
      const busy = await refusal({ cwd, env: { ...FREE_PORTS, [`DINOPOST_LISTEN_${kind}`]: taken } });
      assertEquals(busy.code, 69, busy.err);
      assertMatch(
        busy.err,
        new RegExp(`listen\\.${kind.toLowerCase()} ${taken}: another program listens there`),
      );
    }

    // data of another program
    await Deno.mkdir(`${cwd}/other`);
    await Deno.writeTextFile(
      `${cwd}/other/dinopost.db`,
      "This is no database, but it is long enough.".repeat(50),
    );
    const foreign = await refusal({ cwd, args: ["serve", "--data-dir", "other"], env: FREE_PORTS });
    assertEquals(foreign.code, 69, foreign.err);
    assertMatch(foreign.err, /other\/dinopost\.db .*not a Deno KV database/);
    await Deno.writeTextFile(`${cwd}/file`, "");
    const noDir = await refusal({ cwd, args: ["serve", "--data-dir", "file"], env: FREE_PORTS });
    assert(noDir.code === 69 && noDir.err.includes(`${cwd}/file`), `${noDir.code} ${noDir.err}`);
  }));

Deno.test("The permissions of the start task are enough for everything, and hardly more than that", () =>
  within(async (cwd) => {
    const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    const words = (tasks.start.command as string).split(" ");
    assertEquals([words.slice(0, 2), words.slice(-2)], [["deno", "run"], ["mod.ts", "serve"]]);
    const flags = words.slice(2, -2).map((flag) => flag.replace(/^(--lock=)/, `$1${ROOT.pathname}`));
    assert(!flags.some((flag) => /^(-A|--allow-(all|run|ffi|hrtime|import))/.test(flag)), flags.join(" "));
    assertEquals(flags.filter((flag) => flag.startsWith("--allow-write")), ["--allow-write=./data"]);

    await using peer = ScriptedPeer.start({
      rcpt: (line) => line.includes("no") ? "550 5.1.1 No" : "250 Ok",
    });
    await using dns = await DnsServer.start({
      zones: {
        "far.test": { MX: [[10, "mx.far.test"]] },
        "mx.far.test": { A: ["127.0.0.1"] },
        "bare.test": { A: ["127.0.0.1"] },
        "none.test": { MX: [[0, "."]] },
      },
    });
    await config(cwd, {
      hostname: "mail.d.test",
      domains: ["d.test"],
      accounts: { "a@d.test": { password: "pw" } },
      relay: { networks: ["127.0.0.1/32"] },
      dns: { nameServer: dns.address },
      outbound: { port: peer.address.port, allowPrivate: true },
    });
    await using server = await ServerProcess.ready({ cwd, env: FREE_PORTS, flags });
    using talk = await SmtpTalk.connect(server.address("smtp"));
    const large = `Subject: Large\r\n\r\n${"x".repeat(70)}\r\n`.padEnd(
      200_000,
      "Line after line after line\r\n",
    );
    // MX, implicit MX, a mailbox; and what comes back: a refusal, a null MX, a domain that isn't there
    const to = ["x@far.test", "x@bare.test", "a@d.test", "no@far.test", "x@none.test", "x@gone.test"];
    assertMatch(await talk.send({ from: "a@d.test", to, text: large }), /^250 2\.0\.0/);
    await peer.until((p) => p.messages.flatMap((m) => m.rcpts).length === 2);
    await server.until(() => (server.err.match(/ report /g) ?? []).length >= 3, "three reports");
    const reader = await Pop3Client.connect(server.address("pop3"));
    await reader.login("a@d.test", "pw");
    const texts = await reader.all();
    const reported = texts.flatMap((text) => /^Final-Recipient: rfc822; (.*?)\r?$/m.exec(text)?.[1] ?? [])
      .sort();
    assertEquals(reported, ["no@far.test", "x@gone.test", "x@none.test"]);
    assertEquals(texts.filter((text) => text.includes("Subject: Large\r\n\r\n")).length >= 1, true);
    await reader.quit();
    const health = await fetch(`${server.url}/healthz`);
    assertEquals([health.status, await health.text()], [200, '{"status":"ok"}']);
    server.signal("SIGHUP");
    await server.said(" reloaded");
    server.signal("SIGTERM");
    const { code, err } = await server.end();
    assertEquals(code, 0, err);
    assertNotMatch(err, / ERROR |NotCapable|Requires/);
    // nothing was written beside the data
    const files = (await Array.fromAsync(Deno.readDir(cwd))).map((entry) => entry.name).sort();
    assertEquals(files, ["data", "dinopost.jsonc"]);
  }));

import { assert, assertEquals, assertMatch } from "@std/assert";
import { atHost } from "../../src/cli/outgoing_text.ts";
import { FREE_PORTS, ServerProcess } from "../e2e/support/server_process.ts";
import { type CliOptions, runCli } from "./run_cli.ts";

const CONFIG = `{
  "hostname": "mail.example.org",
  "domains": ["example.org"],
  "accounts": {
    "brain@example.org": { "password": "zort-zort" },
    "root@example.org": { "password": "narf-narf" },
  },
}`;

Deno.test("atHost() keeps a host's name when it is a domain, and leaves the domain to the server", () => {
  const table: [string, string][] = [
    ["vm.example.net", "app@vm.example.net"],
    ["mail_server.example.net", "app@mail_server.example.net"],
    ["app_web_1", "app"],
    ["3f2a1b0c9d8e", "app"],
    ["localhost", "app"],
    ["Jo's MacBook.local", "app"],
    ["", "app"],
  ];
  for (const [hostname, expected] of table) assertEquals(atHost("app", hostname), expected, hostname);
});

interface House {
  /** `dinopost send …`. */
  send(
    args: string[],
    stdin: string,
    options?: CliOptions,
  ): Promise<{ code: number; out: string; err: string }>;
  /** The newest message of a mailbox, without the trace that the server put on it. */
  newest(address: string): Promise<string>;
}

async function withServer(test: (house: House) => Promise<void>): Promise<void> {
  const cwd = await Deno.makeTempDir({ prefix: "dinopost_send_" });
  try {
    await Deno.writeTextFile(`${cwd}/dinopost.jsonc`, CONFIG);
    await using server = await ServerProcess.ready({ cwd, env: FREE_PORTS });
    await test({
      send: (args, stdin, options) => runCli(["send", ...args], { cwd, stdin, ...options }),
      async newest(address) {
        const { out } = await runCli(["mailbox", "export", address], { cwd });
        const [, last = ""] = /(?:^|\n)From [^\n]*\nStatus: O\n((?:(?!\nFrom ).)*)$/s.exec(out) ?? [];
        return last.replace(/^.*?\n(?=Date: [^\n]*\nMessage-ID: )/s, "");
      },
    });
    assert(!server.err.includes("ERROR"), server.err);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

function fixture(name: string): string {
  return Deno.readTextFileSync(new URL(`../../fixtures/send/${name}.eml`, import.meta.url));
}

/** The fields that the server adds. */
const ADDED = "Date: .*\\nMessage-ID: <\\w+@mail\\.example\\.org>\\n";

Deno.test("send takes what cron, scripts and people say", () =>
  withServer(async ({ send, newest }) => {
    // Debian's cron
    const cron = fixture("cron_debian");
    assertEquals(await send(["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"], cron), {
      code: 0,
      out: "",
      err: "",
    });
    const completed = cron.replace("From: root", "From: root@example.org").replace(
      "To: root",
      "To: root@example.org",
    );
    const letter = await newest("root@example.org");
    assertMatch(letter, new RegExp(`^${ADDED}`));
    assertEquals(letter.replace(new RegExp(`^${ADDED}`), "").trimEnd(), completed.trimEnd());

    // the line of a mailbox file on top is no field, with a From field behind it and without
    for (const text of [fixture("from_line"), `>${fixture("from_line")}`]) {
      for (const to of ["'Jo <brain@example.org>'", "Jo <brain@example.org>", "brain"]) {
        assertEquals(await send([to], text), { code: 0, out: "", err: "" });
        assertMatch(
          await newest("brain@example.org"),
          new RegExp(`^${ADDED}From: Jay <jsmith@example.net>\\nTo: `),
        );
      }
      const bare = text.replace(/^From: .*\n/m, "");
      assertEquals((await send(["brain"], bare, { env: { LOGNAME: "app" } })).code, 0);
      assertMatch(await newest("brain@example.org"), new RegExp(`^${ADDED}From: app@example\\.org\\nTo: `));
    }

    // a text without any header
    assertEquals((await send(["brain"], "hello\n\nworld\n", { env: { LOGNAME: "app" } })).code, 0);
    assertMatch(
      await newest("brain@example.org"),
      new RegExp(`^${ADDED}From: app@example\\.org\\n\\nhello\\n\\nworld\\n+$`),
    );
  }));

Deno.test("send names the recipients that are unknown and serves the others", () =>
  withServer(async ({ send, newest }) => {
    const refused =
      "dinopost: nobody@example.org: no such user here\ndinopost: gone@example.org: no such user here\n";
    const some = await send(["nobody@example.org", "brain@example.org", "gone"], "Subject: some\n\nx\n");
    assertEquals(some, { code: 67, out: "", err: refused });
    assertMatch(await newest("brain@example.org"), /^Subject: some$/m);
    const none = await send(["-t"], "To: nobody@example.org, gone\nSubject: none\n\nx\n");
    assertEquals(none, { code: 67, out: "", err: refused });
    // one grammar of addresses everywhere: what no command of SMTP could say is no recipient
    for (const to of ["a@b@example.org", "x..@-a.test", "<@>"]) {
      assertEquals((await send(["-t"], `To: ${to}\n\nx\n`)).code, 65, to);
      assertEquals((await send([to], "x\n")).code, 65, to);
    }
    for (const to of ["a..b@example.org", "a.@example.org", "n@example.org."]) {
      const { code, err } = await send(["-t"], `To: ${to}\n\nx\n`);
      assertEquals([code, err], [67, `dinopost: ${to.replace(/\.$/, "")}: no such user here\n`]);
    }
  }));

Deno.test("send -bs speaks SMTP on stdin, whichever line ends it has", () =>
  withServer(async ({ send, newest }) => {
    for (const eol of ["\r\n", "\n"]) {
      const lines = [
        "EHLO my vm",
        "MAIL FROM:app@example.org",
        "RCPT TO:<nobody@example.org>",
        "DATA",
        "Subject: none",
        "",
        ".",
        "MAIL FROM:<>",
        "RCPT TO:<brain@example.org>",
        "RCPT TO:<nobody@example.org>",
        "DATA",
        "From: root",
        "Subject: some",
        "",
        "..x",
        ".",
        "QUIT",
        "",
      ];
      const { code, out, err } = await send(["-bs"], lines.join(eol));
      assertEquals([code, err], [67, "dinopost: nobody@example.org: no such user here\n"]);
      const replies = out.split("\r\n").filter((line) => !line.startsWith("250-") || line.includes("queued"));
      assertEquals(replies.map((line) => line.replace(/ as \w+$/, "")), [
        "220 mail.example.org ESMTP dinopost",
        "250 HELP",
        "250 2.1.0 Sender ok",
        "250 2.1.5 Recipient ok",
        "354 End data with <CR><LF>.<CR><LF>",
        "550 5.1.1 nobody@example.org: no such user here",
        "250 2.1.0 Sender ok",
        "250 2.1.5 Recipient ok",
        "250 2.1.5 Recipient ok",
        "354 End data with <CR><LF>.<CR><LF>",
        "250-2.0.0 Ok: queued",
        "250 2.0.0 but not for nobody@example.org: no such user here",
        "221 2.0.0 mail.example.org closes the connection",
        "",
      ]);
      assertMatch(
        await newest("brain@example.org"),
        new RegExp(`^${ADDED}From: root@example\\.org\\nSubject: some\\n\\n\\.x\\n+$`),
      );
    }
    // a client that goes away has sent nothing
    assertEquals(
      (await send(["-bs"], "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<brain@example.org>\r\nDATA\r\nx")).code,
      0,
    );
    assertMatch(await newest("brain@example.org"), /^Subject: some$/m);
  }));

Deno.test("send without a recipient does what newaliases and sendmail -q do, and sends nothing", () =>
  withServer(async ({ send }) => {
    for (const args of [["-q"], ["-q30m"], ["-I"]]) {
      assertEquals(await send(args, ""), { code: 0, out: "", err: "" });
    }
    const help = await send(["--help"], "");
    assertEquals([help.code, help.out.startsWith("Usage: dinopost send ")], [0, true]);
  }));

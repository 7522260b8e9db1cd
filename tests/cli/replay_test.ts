import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { House } from "../smtp/server/whole_server.ts";
import { runCli } from "./run_cli.ts";

/** Runs `replay` on a folder with these files. */
async function replay(files: Record<string, string>, ...args: string[]) {
  const cwd = await Deno.makeTempDir({ prefix: "dinopost-" });
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${cwd}/${name}`, text);
    return await runCli(["replay", ...args], { cwd });
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

const LETTER = `# RFC 5321 appendix D
S: 220 other.example ESMTP dinopost
C: EHLO client.example
S: 250-other.example
S~ 250-.*
S~ 250-.*
S~ 250-.*
S~ 250-.*
S~ 250-.*
S~ 250-.*
S~ 250-.*
S~ 250-.*
S~ 250-.*
S~ 250-.*
S: 250 HELP
C: MAIL FROM:<jo@client.example>
S: 250 2.1.0 Sender ok
C: RCPT TO:<brain@howstuffworks.com>
S: 250 2.1.5 Recipient ok
C: DATA
S: 354 End data with <CR><LF>.<CR><LF>
C: Subject: Hi
C:
C: Hi
C: .
S: 250 2.0.0 Ok: queued as 1M8MAC82V2VYEQC4
C: QUIT
S: 221 2.0.0 other.example closes the connection
X:
`;

Deno.test("replay says files to a server, and prints what differs", async (t) => {
  await using house = await House.start();
  const to = `127.0.0.1:${house.at("smtp").port}`;
  await t.step("what names hosts and ids does not count", async () => {
    const { code, out, err } = await replay({ "a.smtp": LETTER }, "--to", to, "a.smtp");
    assertEquals([code, err], [0, ""], out);
    assertEquals(out.split("\n")[1]!.split(/ +/), ["a.smtp", "7", "-", "-", "5321", "D"]);
    assertEquals((await house.mailbox("brain")).length, 1);
  });
  await t.step("another reply does, over TLS too", async () => {
    const files = {
      "b.smtp": LETTER,
      "a.smtp":
        `S: 220 *\nC: EHLO x\nS~ 250-.*\n${"S~ 250-.*\n".repeat(10)}S: 250 *\nC: STARTTLS\nS: 220 *\n` +
        "C: EHLO x\nS~ 250-mail.*\nS~ 250 .*\nC: VRFY brain\nS: 250 *\n",
    };
    const { code, out, err } = await replay(files, "--to", to, ".");
    assertEquals(code, 65);
    assertStringIncludes(err, `${to} differs in 1 of 2 dialogues`);
    assertStringIncludes(out, "  C: VRFY brain\n  - 250 *\n  + 252 2.5.2 ");
    assertStringIncludes(out, "  + 250-VRFY\n    250 HELP\n");
  });
  await t.step("what was not said to the end is no pass, unless the silence is kept", async () => {
    const files = { "a.smtp": "# RFC 5321 4.5.3.2\nS: 220 *\nT: 50ms\nC: NOOP\nS: 250 *\n" };
    const { code, out, err } = await replay(files, "--to", to, "--wait", "20ms", "a.smtp");
    assertEquals([code, err], [65, "dinopost: 1 of 1 not said to the end\n"]);
    assertMatch(out, /^a\.smtp +1 +- +1 +5321 4\.5\.3\.2 +not said to the end: What comes after 0\.05 s/m);
    const json = await replay(files, "--to", to, "--wait", "20ms", "--json", "a.smtp");
    const [{ unsaid, stopped }] = JSON.parse(json.out);
    assertEquals([json.code, unsaid], [65, 1]);
    assertStringIncludes(stopped, "is not waited for");
    assertEquals((await replay(files, "--to", to, "a.smtp")).code, 0);
  });
});

Deno.test("replay tells what is wrong with what it is given", async () => {
  const rows: [Record<string, string>, string[], number, string][] = [
    [{ "a.smtp": "Q: x\n" }, ["--to", "127.0.0.1:1", "a.smtp"], 65, "a.smtp:1: A line begins with"],
    [{ "a.smtp": "# x\n" }, ["--to", "127.0.0.1:1", "a.smtp"], 65, "a.smtp: there is nothing to say in it"],
    [{}, ["--to", "127.0.0.1:1", "none.smtp"], 65, "none.smtp: there is no such file"],
    [{}, ["--to", "127.0.0.1:1", "."], 65, "no file whose name ends in"],
    [{ "a.smtp": LETTER }, ["--to", "127.0.0.1", "a.smtp"], 64, "expected a host and a port"],
    [{ "a.smtp": LETTER }, ["a.smtp"], 64, "--to"],
    [{ "a.smtp": LETTER }, ["--to", "127.0.0.1:1", "--wait", "5", "a.smtp"], 64, "--wait: received"],
    [{ "a.smtp": LETTER }, ["--to", "127.0.0.1:1", "a.smtp"], 69, "127.0.0.1:1: nothing listens there"],
  ];
  for (const [files, args, code, text] of rows) {
    const result = await replay(files, ...args);
    assertEquals(result.code, code, result.err);
    assertEquals(result.err.trimEnd().split("\n").length, 1);
    assertStringIncludes(result.err, text);
  }
});

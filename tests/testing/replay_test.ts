import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { replay, type ReplayOptions, sectionsOf } from "../../src/testing/replay.ts";
import { neutral } from "../../src/testing/reply_comparison.ts";
import { parseScript } from "../../src/testing/script.ts";
import { memoryPair } from "../../src/wire/memory_conn.ts";

/** Replays a script against a server that says these lines, whatever it hears. */
async function against(script: string, says: string, options: ReplayOptions = {}) {
  const [client, server] = memoryPair();
  await server.write(encode(says.replaceAll("\n", "\r\n")));
  await server.closeWrite();
  return await replay(parseScript(script, "x"), client, { patienceMs: 100, ...options });
}

const HELLO = "S: 220 a.example ESMTP dinopost\nC: EHLO x\nS: 250-a.example\nS: 250-SIZE 100\nS: 250 HELP\n";

/** The script, what the server says, and what differs then. */
const ROWS: [string, string, string[]][] = [
  // names of hosts, ids and times don't count; the order of keywords neither
  [HELLO, "220 mail.b.test ESMTP dinopost\n250-mail.b.test\n250-HELP\n250 SIZE 100\n", []],
  [HELLO, "220 localhost ESMTP dinopost\n250-localhost\n250-SIZE 100\n250 HELP\n", []],
  ["S: 250 2.0.0 Ok: queued as 1M8MAC\n", "250 2.0.0 Ok: queued as 4xyz-9\n", []],
  ["S: 250 2.0.0 Ok: queued as 1M8MAC\n", "250 2.0.0 Ok: taken as 1M8MAC\n", [
    "- 250 2.0.0 Ok: queued as 1M8MAC",
    "+ 250 2.0.0 Ok: taken as 1M8MAC",
  ]],
  [HELLO, "220 b.test ESMTP dinopost\n250-b.test\n250 HELP\n", [
    "C: EHLO x",
    "250-b.test",
    "- 250-SIZE 100",
    "250 HELP",
  ]],
  ["S: 220 *\nC: A\nS: 250 2.1.0 *\n", "220 hi\n550 5.1.1 no\n", ["C: A", "- 250 2.1.0 *", "+ 550 5.1.1 no"]],
  // a text that was not asked for is not sent
  ["S: 220 *\nC: DATA\nS: 354 *\nC: Hi\nC: .\nS: 250 *\n", "220 hi\n503 5.5.1 no\n", [
    "C: DATA",
    "- 354 *",
    "+ 503 5.5.1 no",
    "C: Hi (not said: it was not asked for)",
    "C: . (not said: it was not asked for)",
    "- 250 *",
  ]],
  // and one that is asked for and is not there can't be said
  ["S: 220 *\nC: DATA\nS: 503 *\nC: QUIT\nS: 221 *\n", "220 hi\n354 go\n", [
    "C: DATA",
    "- 503 *",
    "+ 354 go",
    "* The server waits for what the conversation does not have",
  ]],
  ["S: 220 *\nC: QUIT\nS: 221 *\nX:\n", "220 hi\n221 bye\n221 bye\n", [
    "C: QUIT",
    "- the end of the connection",
    "+ 221 bye",
  ]],
  ["S: 220 *\nC: NOOP\nS: 250 *\n", "220 hi\n", ["C: NOOP", "- 250 *", "* The server ended the connection"]],
  ["S: 220 *\nT: 5m\nS: 421 *\nX:\n", "220 hi\n", [
    "* What comes after 300 s of silence is not waited for",
  ]],
  [
    "S: +OK *\nC: AUTH PLAIN\nS: + \nC: AGEAYg==\nS: +OK *\nC: QUIT\nS: +OK *\n",
    "+OK hi\n-ERR no\n+OK bye\n",
    [
      "C: AUTH PLAIN",
      "- + ",
      "+ -ERR no",
      "C: AGEAYg== (not said: it was not asked for)",
      "- +OK *",
    ],
  ],
  ["S: +OK *\nC: AUTH PLAIN\nS: -ERR *\nC: QUIT\nS: +OK *\n", "+OK hi\n+ \n", [
    "C: AUTH PLAIN",
    "- -ERR *",
    "+ + ",
    "* The server waits for what the conversation does not have",
  ]],
  // POP3: lists end with a dot
  ["S: +OK *\nC: LIST\nS: +OK *\nS: 1 250\nS: .\n", "+OK <123.4567@a.b> hi\n+OK one\n1 300\n.\n", [
    "C: LIST",
    "+OK one",
    "- 1 250",
    "+ 1 300",
    ".",
  ]],
  ["S: +OK *\nC: LIST\nS: +OK *\nS: 1 250\nS: .\nC: QUIT\nS: +OK *\n", "+OK hi\n-ERR no\n+OK bye\n", [
    "C: LIST",
    "- +OK *",
    "- 1 250",
    "- .",
    "+ -ERR no",
  ]],
];

Deno.test("replay() tells what a server answers otherwise", async (t) => {
  for (const [script, says, expected] of ROWS) {
    await t.step(JSON.stringify(says), async () => {
      const { report } = await against(script, says);
      assertEquals(report.map((line) => line.replace(/^ {2}/, "")), expected);
    });
  }
});

Deno.test("replay() compares codes alone, where that is wanted", async () => {
  const script = "S: 220 a ready\nC: A\nS: 250 2.1.0 Fine\nC: B\nS: 550 5.1.1 No\n";
  const rows: [string, number][] = [
    ["220 b\n250 Ok\n550 5.1.1 Nobody\n", 0],
    ["220 b\n250 2.1.5 Ok\n550 5.1.1 Nobody\n", 1],
    ["220 b\n251 2.1.0 Ok\n450 4.1.1 Nobody\n", 2],
  ];
  for (const [says, differing] of rows) {
    assertEquals((await against(script, says, { codesOnly: true })).differing, differing, says);
  }
});

Deno.test("replay() compares the data of POP3, where codes alone count", async () => {
  const script = "S: +OK *\nC: LIST\nS: +OK 1 message\nS: 1 250\nS: .\n";
  const rows: [string, number][] = [
    ["+OK a\n+OK here they are\n1 250\n.\n", 0],
    ["+OK a\n+OK here they are\n1 251\n.\n", 1],
    ["+OK a\n+OK here they are\n.\n", 1],
    ["+OK a\n-ERR no\n", 1],
  ];
  for (const [says, differing] of rows) {
    assertEquals((await against(script, says, { codesOnly: true })).differing, differing, says);
  }
});

Deno.test("replay() counts what it does not say, and says it when time passes", async () => {
  const script = "S: 220 *\nT: 5m\nS: 421 *\nC: NOOP\nS: 250 *\nX:\n";
  const says = "220 hi\n421 late\n250 ok\n";
  const cut = await against(script, says);
  assertEquals([cut.replies, cut.differing, cut.unsaid], [1, 0, 2]);
  assertEquals(cut.stopped, "What comes after 300 s of silence is not waited for");
  const waits: number[] = [];
  const pass = (ms: number) => Promise.resolve(void waits.push(ms));
  const whole = await against(script, says, { pass });
  assertEquals([whole.replies, whole.differing, whole.unsaid, whole.stopped], [3, 0, 0, undefined]);
  assertEquals(waits, [300_000]);
  const longer = await against(script.replace("5m", "5100ms"), says, { longestWaitMs: 5050 });
  assertEquals(longer.unsaid, 2);
  const short = await against(script.replace("5m", "20ms"), says, { longestWaitMs: 20 });
  assertEquals(short.unsaid, 0);
});

Deno.test("replay() does not wait for ever", async () => {
  const [client] = memoryPair();
  const result = await replay(parseScript("S: 220 *\n", "x"), client, { patienceMs: 10 });
  assertEquals([result.stopped, result.differing > 0], ["The server says nothing", true]);
});

Deno.test("sectionsOf() finds the sections of RFCs", () => {
  const script = parseScript(
    "# RFC 5321 4.1.1.1: hello; RFC 2920 3.1, and RFC 3030.\n# RFC 1939 5, 6\nC: x\n",
    "x",
  );
  assertEquals(sectionsOf(script).slice(0, 3), ["RFC 5321 4.1.1.1", "RFC 2920 3.1", "RFC 3030"]);
  assertEquals(sectionsOf(parseScript("# RFC 2449 section 8.1.2\nC: x\n", "x")), ["RFC 2449 8.1.2"]);
});

Deno.test("neutral() takes out what differs from run to run and nothing else", () => {
  const same: [string, string][] = [
    [
      "Received: by a.example; Mon, 5 Jan 2026 09:00:00 +0000",
      "Received: by b.test; Tue, 17 Feb 2026 10:11:12 +0100",
    ],
    ["+OK <1896.697170952@dbc.mtview.ca.us>", "+OK <9876.123456789@x.test>"],
    ["250 2.1.5 <jo@a.example> [192.0.2.1]", "250 2.1.5 <jo@b.test> [127.0.0.1]"],
    ["050 sent in 12 ms", "050 sent in 3 ms"],
  ];
  for (const [a, b] of same) assertEquals(neutral(a, new Set()), neutral(b, new Set()));
  for (const line of ["250-8BITMIME", "250-SMTPUTF8", "250 2.1.0 Sender ok", "250-SIZE 52428800"]) {
    assertEquals(neutral(line, new Set()), line);
  }
  assertStringIncludes(neutral("334 PDE4OTYuNjk3MTcwOTUyQHBvc3Q+", new Set()), "334 ");
});

Deno.test("each dialogue of fixtures/ names the section of an RFC", () => {
  for (const folder of ["smtp", "pop3"]) {
    const url = new URL(`../../fixtures/${folder}/`, import.meta.url);
    for (const { name } of Deno.readDirSync(url)) {
      const sections = sectionsOf(parseScript(Deno.readTextFileSync(new URL(name, url)), name));
      assert(sections.length > 0, name);
    }
  }
});

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { binaryString, encode } from "../../src/base/bytes.ts";
import { memoryPair } from "../../src/wire/memory_conn.ts";
import { parseScript, playScript, ScriptMismatch } from "../../src/testing/script.ts";

Deno.test("parseScript() reads settings, steps and escapes", () => {
  const script = parseScript(
    "# about\n@ service lmtp\n\nC: a\\x00\\{3*xy}\\\\\nC> b\\r\nT: 5m\nM: Gr\\xc3\n",
    "x",
  );
  assertEquals(script.settings, new Map([["service", "lmtp"]]));
  assertEquals(script.steps.map((step) => step.kind === "send" ? binaryString(step.bytes) : step), [
    "a\0xyxyxy\\\r\n",
    "b\r",
    { kind: "time", ms: 300_000, text: "5m" },
  ]);
  assertEquals(script.messages, ["Gr\xc3"]);
});

Deno.test("parseScript() names the line that it does not understand", () => {
  assertThrows(() => parseScript("C: a\nQ: b", "x"), SyntaxError, "x:2");
  assertThrows(() => parseScript("T: soon", "x"), SyntaxError, "x:1");
});

/** Plays a script against a server that says these lines, whatever it hears. */
async function play(script: string, says: string): Promise<void> {
  const [client, server] = memoryPair();
  await server.write(encode(says));
  await server.closeWrite();
  await playScript(parseScript(script, "x"), client, { patienceMs: 100 });
}

const kept: [string, string][] = [
  // exact, wildcards, patterns, octets
  ["S: 250 ok\nX:", "250 ok\r\n"],
  ["S: 250 *k (*)\nX:", "250 o.k (x)\r\n"],
  ["S: 2\\*0\nX:", "2*0\r\n"],
  ["S: a\\tb\nX:", "a\tb\r\n"],
  ["S: grün\nX:", "grün\r\n"],
  ["S~ 25\\d.*\nX:", "251 x\r\n"],
];
for (const [script, says] of kept) {
  Deno.test(`playScript() is content: ${JSON.stringify(script)}`, () => play(script, says));
}

const broken: [string, string][] = [
  ["S: 250 ok", "250 okay\r\n"],
  ["S: 2*0", "2x\r\n"],
  ["S: 250.ok", "250 ok\r\n"],
  ["S~ 25\\d", "250 ok\r\n"],
  // one line too few, one too many
  ["S: 250 ok\nS: 250 ok", "250 ok\r\n"],
  ["S: 250 ok\nX:", "250 ok\r\n250 ok\r\n"],
  ["S: 250 ok", "250 ok\r\n250 ok\r\n"],
];
for (const [script, says] of broken) {
  Deno.test(`playScript() fails: ${JSON.stringify(script)} against ${JSON.stringify(says)}`, async () => {
    await assertRejects(() => play(script, says), ScriptMismatch);
  });
}

Deno.test("playScript() fails when the server says nothing", async () => {
  const [client] = memoryPair();
  await assertRejects(
    () => playScript(parseScript("S: 250 ok", "x"), client, { patienceMs: 10 }),
    ScriptMismatch,
    "says nothing",
  );
});

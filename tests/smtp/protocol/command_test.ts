import { assert, assertEquals } from "@std/assert";
import { encode } from "../../../src/base/bytes.ts";
import { lineText, parseCommand, startsWithAuth, VERBS } from "../../../src/smtp/protocol/command.ts";
import { ORDER, PHASES } from "../../../src/smtp/protocol/phase.ts";

const parsed: [string, string, string][] = [
  // verbs in any case
  ["NOOP", "NOOP", ""],
  ["noop", "NOOP", ""],
  ["nOoP", "NOOP", ""],
  // blanks around the argument
  ["HELO  client.example ", "HELO", "client.example"],
  ["RSET   ", "RSET", ""],
  ["MAIL FROM:<a@b.example> SIZE=5", "MAIL", "FROM:<a@b.example> SIZE=5"],
  // known and not implemented
  ["etrn x", "ETRN", "x"],
  // UTF-8 in the argument
  ["VRFY jürgen", "VRFY", "jürgen"],
];
for (const [line, verb, argument] of parsed) {
  Deno.test(`parseCommand() understands ${JSON.stringify(line)}`, () => {
    assertEquals(parseCommand(encode(line)), { ok: true, verb, argument } as ReturnType<typeof parseCommand>);
  });
}

const refused: [Uint8Array, string][] = [
  // no verb
  [encode(""), "500 5.5.2"],
  [encode(" NOOP"), "500 5.5.2"],
  [encode("XYZZY"), "500 5.5.1"],
  [encode("toString"), "500 5.5.1"],
  [encode("NOOP\tx"), "500 5.5.1"],
  // octets that no command has
  [encode("NOOP\0"), "501 5.5.4"],
  [encode("NOOP\r"), "500 5.5.2"],
  [Uint8Array.of(78, 79, 79, 80, 32, 0xff), "501 5.5.2"],
  [Uint8Array.of(78, 79, 79, 80, 32, 0xc0, 0x80), "501 5.5.2"],
  // other protocols
  [encode("get / HTTP/1.1"), "421 5.5.1"],
  [encode("SSH-2.0-OpenSSH_9.6"), "421 5.5.1"],
  [encode("PRI * HTTP/2.0"), "421 5.5.1"],
];
for (const [line, expected] of refused) {
  Deno.test(`parseCommand() refuses ${JSON.stringify(new TextDecoder().decode(line))}`, () => {
    const command = parseCommand(line);
    assert(!command.ok);
    assertEquals(`${command.reply.code} ${command.reply.status}`, expected);
  });
}

Deno.test("lineText() is the same for short and long lines", () => {
  for (const length of [0, 1, 255, 256, 257, 4096]) {
    assertEquals(lineText(encode("x".repeat(length))), "x".repeat(length));
  }
});

Deno.test("startsWithAuth() is about the verb alone", () => {
  for (const input of ["AUTH PLAIN", "auth x", "aUtH "]) assert(startsWithAuth(encode(input)), input);
  for (const input of ["AUTHX", "AUTH", "NOOP AUTH ", ""]) assert(!startsWithAuth(encode(input)), input);
});

Deno.test("ORDER answers every verb in every phase: go, or a 503 5.5.1 that does not close", () => {
  for (const verb of VERBS) {
    for (const phase of PHASES) {
      const rule = ORDER[verb][phase];
      if (rule === "go") continue;
      assertEquals([rule.code, rule.status, rule.close], [503, "5.5.1", undefined], `${verb} in ${phase}`);
    }
  }
});

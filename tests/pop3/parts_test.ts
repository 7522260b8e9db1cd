import { assertEquals } from "@std/assert";
import { binaryString, concat, encode } from "../../src/base/bytes.ts";
import { language } from "../../src/pop3/capabilities.ts";
import { parseCommand, type State } from "../../src/pop3/command.ts";
import { TopCutter } from "../../src/pop3/top_cutter.ts";

const COMMANDS: readonly [string, State, string][] = [
  // what follows the first blank is one text, blanks and all
  ["PASS a b  c ", "authorization", "PASS 'a b  c '"],
  ["USER  x", "authorization", "USER ' x'"],
  ["pass x", "authorization", "PASS 'x'"],
  ["USER", "authorization", "Usage: USER name"],
  ["USER ", "authorization", "Usage: USER name"],
  // numbers
  ["LIST", "transaction", "LIST"],
  ["list 7", "transaction", "LIST 7"],
  ["TOP 007 10", "transaction", "TOP 7,10"],
  ["TOP 1", "transaction", "Usage: TOP message lines"],
  ["RETR +1", "transaction", "Usage: RETR message"],
  ["RETR 1.0", "transaction", "Usage: RETR message"],
  ["RETR ١", "transaction", "Usage: RETR message"],
  // words
  ["AUTH PLAIN =", "authorization", "AUTH PLAIN|="],
  ["AUTH a b c", "authorization", "Usage: AUTH [mechanism [initial-response]]"],
  ["QUIT now", "transaction", "Usage: QUIT"],
  ["QUIT ", "transaction", "QUIT"],
  // states
  ["STAT", "authorization", "Log in first"],
  ["STLS", "transaction", "STLS is for before the login only"],
  ["CAPA", "transaction", "CAPA"],
  ["CAPA", "authorization", "CAPA"],
  // nothing of ours
  ["", "authorization", "Unknown command"],
  [" QUIT", "authorization", "Unknown command"],
  ["constructor", "authorization", "Unknown command"],
  ["XTND XMIT", "transaction", "Unknown command"],
];

Deno.test("parseCommand() knows states and arguments", () => {
  for (const [line, state, expected] of COMMANDS) {
    const command = parseCommand(line, state);
    let got: string;
    if (!command.ok) got = command.reason;
    else if (command.verb === "PASS" || command.verb === "USER") got = `${command.verb} '${command.text}'`;
    else {got = [command.verb, command.numbers.join(","), command.words.join("|")].filter((part) => part)
        .join(" ");}
    assertEquals(got, expected, `${line} (${state})`);
  }
});

Deno.test("language() finds ours", () => {
  const cases = [["*", "en"], ["EN", "en"], ["en-GB", "en"], ["i-default", "i-default"], [
    "de",
    undefined,
  ]] as const;
  for (const [wish, tag] of cases) assertEquals(language(wish), tag);
});

const TOPS: readonly [string, number, string][] = [
  ["A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\n", 0, "A: 1\r\nB: 2\r\n\r\n"],
  ["A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\n", 1, "A: 1\r\nB: 2\r\n\r\none\r\n"],
  ["A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\n", 9, "A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\n"],
  // blank lines of the body are lines
  ["A: 1\r\n\r\n\r\n\r\nx\r\n", 2, "A: 1\r\n\r\n\r\n\r\n"],
  // no body, no blank line, no header
  ["A: 1\r\n", 3, "A: 1\r\n"],
  ["A: 1\r\n\r\n", 3, "A: 1\r\n\r\n"],
  ["\r\nbody\r\nmore\r\n", 1, "\r\nbody\r\n"],
  ["", 1, ""],
  // an incomplete last line
  ["A: 1\r\n\r\nx", 1, "A: 1\r\n\r\nx"],
];

Deno.test("TopCutter cuts the same wherever the pieces end", () => {
  for (const [text, lines, expected] of TOPS) {
    const bytes = encode(text);
    for (let size = 1; size <= bytes.length + 1; size++) {
      const cutter = new TopCutter(lines);
      const shown: Uint8Array[] = [];
      for (let i = 0; i < bytes.length; i += size) {
        shown.push(cutter.push(bytes.subarray(i, i + size)).slice());
      }
      assertEquals(binaryString(concat(shown)), expected, `${JSON.stringify(text)} in pieces of ${size}`);
    }
  }
});

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { binaryString, octetsOf } from "../../src/base/bytes.ts";
import { CommandReader, type ReaderLimits, type Received } from "../../src/imap/command_reader.ts";
import { LineConn } from "../../src/wire/line_conn.ts";
import { memoryPair } from "../../src/wire/memory_conn.ts";

const LIMITS: ReaderLimits = { line: 100, literal: 50, literals: 3, command: 200, unwanted: 1000 };

/** All that a reader makes of octets that come in these pieces, and what it says meanwhile. */
async function read(pieces: readonly string[], limits: ReaderLimits = LIMITS): Promise<string[]> {
  const [client, server] = memoryPair({ capacity: 1024 * 1024 });
  const lines = new LineConn(server, { bufferSize: 16 });
  const reader = new CommandReader(lines, limits);
  const heard: string[] = [];
  const writing = (async () => {
    for (const piece of pieces) {
      await client.write(octetsOf(piece));
      for (let i = 0; i < 3; i++) await Promise.resolve();
    }
    await client.closeWrite();
  })();
  for (;;) {
    const received = reader.take();
    if (!received) {
      if (!await lines.fill()) break;
      continue;
    }
    heard.push(await describe(received, reader, lines));
    if (received.kind === "refused" && received.last || heard.at(-1)!.endsWith(" cut off")) break;
  }
  await writing;
  if (lines.pending > 0) {
    await lines.flush();
    const said = new Uint8Array(1000);
    heard.push(
      `said ${(binaryString(said.subarray(0, (await client.read(said))!))).split("\r\n").length - 1}`,
    );
  }
  return heard;
}

async function describe(received: Received, reader: CommandReader, lines: LineConn): Promise<string> {
  if (received.kind === "command") return `command ${binaryString(received.bytes)}`;
  if (received.kind === "skipped") return "skipped";
  if (received.kind === "refused") {
    return `refused ${received.tag} ${received.code} ${received.text}${received.last ? ", the last" : ""}`;
  }
  const text = `message ${binaryString(received.bytes)}`;
  if (received.bytes.includes(33)) return `${text} ${reader.giveUpMessage() ? "over" : "goes by"}`;
  reader.acceptMessage();
  let content = "";
  while (reader.left > 0) {
    const piece = reader.takePiece();
    if (piece.length > 0) content += binaryString(piece);
    else if (!await lines.fill()) return `${text} cut off`;
  }
  reader.messageTaken();
  return `${text}${content}`;
}

const TALKS: Readonly<Record<string, { says: string; heard: readonly string[]; limits?: ReaderLimits }>> = {
  "commands in one packet": {
    says: "a NOOP\r\nb UID FETCH 1:* (FLAGS)\r\nc LOGOUT\r\n",
    heard: ["command a NOOP", "command b UID FETCH 1:* (FLAGS)", "command c LOGOUT"],
  },
  "literals, waited for and not": {
    says: "a LOGIN {5}\r\nbrain {9+}\r\nnarf zort\r\nb NOOP\r\n",
    heard: ["command a LOGIN {5}\r\nbrain {9+}\r\nnarf zort", "command b NOOP", "said 1"],
  },
  "a literal that holds what looks like commands": {
    says: "a X {22+}\r\nb NOOP\r\nc Y {3}\r\nd E\r\n (1)\r\ne NOOP\r\n",
    heard: ["command a X {22+}\r\nb NOOP\r\nc Y {3}\r\nd E\r\n (1)", "command e NOOP"],
  },
  "an empty literal": {
    says: "a SELECT {0+}\r\n\r\nb NOOP\r\n",
    heard: ["command a SELECT {0+}\r\n", "command b NOOP"],
  },
  "a literal of eight bits": {
    says: "a X ~{3+}\r\n\0\xff\n\r\nb NOOP\r\n",
    heard: ["command a X ~{3+}\r\n\0\xff\n", "command b NOOP"],
  },
  "a literal over the limit is refused before it is read": {
    says: "a LOGIN {51}\r\nb NOOP\r\n",
    heard: ["refused a TOOBIG The literal is over 50 octets", "command b NOOP"],
  },
  "a literal over the limit goes by, with the rest of its command": {
    says: "a LOGIN {51+}\r\n\\{51*x} {4+}\r\nb Y\n z\r\nc NOOP\r\n",
    heard: ["refused a TOOBIG The literal is over 50 octets", "command c NOOP"],
  },
  "the client waits within what goes by": {
    says: "a LOGIN {51+}\r\n\\{51*x} {4}\r\nc NOOP\r\n",
    heard: ["refused a TOOBIG The literal is over 50 octets", "command c NOOP"],
  },
  "too much goes by": {
    says: "a LOGIN {1001+}\r\nb NOOP\r\n",
    heard: ["refused a TOOBIG The literal is over 1000 octets, the last"],
  },
  "a size beyond all numbers": {
    says: "a LOGIN {99999999999999999999+}\r\nb NOOP\r\n",
    heard: ["refused a TOOBIG The literal is over 1000 octets, the last"],
  },
  "too many literals": {
    says: "a X {1+}\r\nx {1+}\r\nx {1+}\r\nx {1+}\r\nx\r\nb NOOP\r\n",
    heard: ["refused a LIMIT More than 3 literals", "command b NOOP"],
  },
  "too large a command": {
    says: "a X {49+}\r\n\\{49*x} {49+}\r\n\\{49*x} {49+}\r\n\\{49*x} {50+}\r\n\\{50*x}\r\nb NOOP\r\n",
    heard: ["refused a LIMIT The command is over 200 octets", "command b NOOP"],
    limits: { ...LIMITS, literals: 10 },
  },
  "a line that is too long": {
    says: "a1 NOOP \\{100*x}\r\nb NOOP\r\n",
    heard: ["refused a1 LIMIT The line is over 100 octets, the last"],
  },
  "a line that never ends": {
    says: "a1 NOOP \\{1000*x}",
    heard: ["refused a1 LIMIT The line is over 100 octets, the last"],
  },
  "messages of an APPEND, whatever their size": {
    says: "a APPEND INBOX {300+}\r\n\\{300*x} (\\Seen) {4}\r\na\r\nb\r\nb NOOP\r\n",
    heard: [
      "message a APPEND INBOX {300+}\r\n\\{300*x}",
      "message  (\\Seen) {4}\r\na\r\nb",
      "command ",
      "command b NOOP",
      "said 1",
    ],
  },
  "an APPEND whose mailbox is a literal": {
    says: "a append {5+}\r\nDraft () {2+}\r\nhi\r\nb NOOP\r\n",
    heard: ["message a append {5+}\r\nDraft () {2+}\r\nhi", "command ", "command b NOOP"],
  },
  "an APPEND in UTF8 (…)": {
    says: "a APPEND x UTF8 (~{2+}\r\nhi)\r\nb NOOP\r\n",
    heard: ["message a APPEND x UTF8 (~{2+}\r\nhi", "command )", "command b NOOP"],
  },
  "an APPEND that is given up while the client waits": {
    says: "a APPEND ! {300}\r\nb NOOP\r\n",
    heard: ["message a APPEND ! {300}\r\n over", "command b NOOP"],
  },
  "an APPEND that is given up while the client sends": {
    says: "a APPEND ! {300+}\r\n\\{300*x} (\\Seen) {4+}\r\na\r\nb\r\nb NOOP\r\n",
    heard: ["message a APPEND ! {300+}\r\n goes by", "skipped", "command b NOOP"],
  },
  "what looks like a literal, and is none": {
    says: 'a X "{3}"\r\nb X {}\r\nc X {3\r\nd X {3}x\r\ne X {x}\r\n',
    heard: ['command a X "{3}"', "command b X {}", "command c X {3", "command d X {3}x", "command e X {x}"],
  },
};

/** `\{300*x}` is 300 times x. */
function spelled(text: string): string {
  return text.replace(/\\\{(\d+)\*(.)\}/g, (_, times, letter) => letter.repeat(Number(times)));
}

for (const [name, { says, heard, limits }] of Object.entries(TALKS)) {
  const [octets, expected] = [spelled(says), heard.map(spelled)];
  Deno.test(`reader: ${name}, cut at every octet`, async () => {
    assertEquals(await read([octets], limits), expected);
    assertEquals(await read([...octets], limits), expected, "octet by octet");
    for (let at = 1; at < octets.length; at++) {
      assertEquals(await read([octets.slice(0, at), octets.slice(at)], limits), expected, `cut at ${at}`);
    }
  });
}

Deno.test("reader: any octets, in any pieces, give the same, in bounded memory", async () => {
  const scrap = fc.constantFrom(
    ...'a b {5} {5+} {60} {60+} {2000+} ~{3+} APPEND append \r\n \n " \\ ( ) \0 \xff x'.split(" "),
    " ",
    "a APPEND x {7+}\r\n",
    "xxxxxxxxxxxxxxxxxxxxxxxx",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(scrap, { maxLength: 40 }),
      fc.array(fc.nat(200), { maxLength: 8 }),
      async (words, cuts) => {
        const text = words.join("");
        const at = [...new Set(cuts.filter((cut) => cut < text.length))].sort((a, b) => a - b);
        const pieces = [0, ...at].map((from, i) => text.slice(from, at[i] ?? text.length));
        const whole = await read([text]);
        assertEquals(await read(pieces), whole);
        for (const one of whole) {
          if (one.startsWith("command")) assert(one.length < LIMITS.command + LIMITS.line + 20, one);
        }
      },
    ),
    { numRuns: 300 },
  );
});

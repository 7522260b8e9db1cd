import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { binaryString, concat, encode } from "../../src/base/bytes.ts";
import { MboxError, type MboxMessage, MboxReader, MboxWriter } from "../../src/mail/mbox.ts";

const AT = Date.UTC(2026, 0, 5, 9, 0, 0);
const FIRST: MboxMessage = { sender: "jsmith@mindspring.com", receivedAt: AT, seen: false };

/** Messages with their texts, a character per octet. */
function read(pieces: readonly Uint8Array[]): [MboxMessage, string][] {
  const reader = new MboxReader();
  const found: [MboxMessage, Uint8Array[]][] = [];
  for (const part of [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()]) {
    if ("message" in part) found.push([part.message, []]);
    else found.at(-1)![1].push(part.text);
  }
  return found.map(([message, texts]) => [message, binaryString(concat(texts))]);
}

/** Cut after every `step` octets. */
function cut(bytes: Uint8Array, step: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += step) pieces.push(bytes.slice(at, at + step));
  return pieces;
}

function write(messages: readonly [MboxMessage, string][], step = 1e9): Uint8Array {
  const writer = new MboxWriter();
  return concat(
    messages.flatMap(([message, text]) => [
      writer.begin(message),
      ...cut(encode(text), step).map((piece) => writer.text(piece)),
      writer.end(),
    ]),
  );
}

Deno.test("MboxWriter writes what mail programs know as mboxrd", () => {
  const messages: [MboxMessage, string][] = [
    [FIRST, "Subject: One\r\n\r\nFrom here\r\n>From there\r\nfrom me\r\n From you\r\n"],
    [{ sender: "", receivedAt: AT + 86_400_000 * 10, seen: true }, "Subject: Two\r\n\r\n\r\n"],
  ];
  assertEquals(
    binaryString(write(messages)),
    "From jsmith@mindspring.com Mon Jan  5 09:00:00 2026\nStatus: O\n" +
      "Subject: One\n\n>From here\n>>From there\nfrom me\n From you\n\n" +
      "From MAILER-DAEMON Thu Jan 15 09:00:00 2026\nStatus: RO\nSubject: Two\n\n\n\n",
  );
});

Deno.test("MboxReader reads what others write", () => {
  const table: [string, string, [Partial<MboxMessage>, string][]][] = [
    ["an empty file", "", []],
    ["blank lines alone", "\n\n", []],
    ["no blank line at the end", "From a@b.test Mon Jan  5 09:00:00 2026\nA: 1\n\nx", [
      [{ sender: "a@b.test", receivedAt: AT }, "A: 1\r\n\r\nx\r\n"],
    ]],
    ["CRLF line ends", "From a@b.test Mon Jan  5 09:00:00 2026\r\nA: 1\r\n\r\nx\r\n\r\n", [
      [{ receivedAt: AT }, "A: 1\r\n\r\nx\r\n"],
    ]],
    [
      "a zone before or behind the year",
      "From a@b.test Mon Jan  5 09:00:00 GMT 2026\nA: 1\n\nFrom a@b.test Mon Jan  5 09:00:00 2026 +0000\nA: 2\n",
      [
        [{ receivedAt: AT }, "A: 1\r\n"],
        [{ receivedAt: AT }, "A: 2\r\n"],
      ],
    ],
    ["no seconds; a name that is no address", "From jsmith Mon Jan 15 09:00 2026\nA: 1\n\n", [
      [{ sender: "", receivedAt: AT + 864_000_000 }, "A: 1\r\n"],
    ]],
    [
      "other kinds of date",
      "From a@b.test 2026-01-05 09:00:00\nA: 1\n\nFrom a@b.test Mon, 5 Jan 2026 09:00:00 +0000\nA: 2\n",
      [
        [{ sender: "a@b.test", receivedAt: undefined }, "A: 1\r\n"],
        [{ sender: "a@b.test", receivedAt: undefined }, "A: 2\r\n"],
      ],
    ],
    [
      "sentences are no From lines",
      "From a@b.test Mon Jan  5 09:00:00 2026\nA: 1\n\nFrom here on\nFrom a@b.test Mon Jan  5 09:00:00 2026\n",
      [
        [{}, "A: 1\r\n\r\nFrom here on\r\nFrom a@b.test Mon Jan  5 09:00:00 2026\r\n"],
      ],
    ],
    ["a Status of the sender's is text", "From a@b.test Mon Jan  5 09:00:00 2026\nA: 1\nStatus: RO\n\nx\n", [
      [{ seen: false }, "A: 1\r\nStatus: RO\r\n\r\nx\r\n"],
    ]],
    ["bare CR and NUL", "From a@b.test Mon Jan  5 09:00:00 2026\nA: 1\n\na\rb\0c\r\r\n", [
      [{}, "A: 1\r\n\r\na\r\nbc\r\n\r\n"],
    ]],
    [
      "a message without text",
      "From a@b.test Mon Jan  5 09:00:00 2026\n\nFrom a@b.test Mon Jan  5 09:00:00 2026\n",
      [
        [{}, ""],
        [{}, ""],
      ],
    ],
  ];
  for (const [name, file, expected] of table) {
    for (const step of [1, 2, 7, 1000]) {
      const found = read(cut(encode(file), step));
      assertEquals(found.map(([, text]) => text), expected.map(([, text]) => text), `${name}, by ${step}`);
      for (const [i, [facts]] of expected.entries()) {
        assertEquals({ ...found[i]![0], ...facts }, found[i]![0], `${name}, by ${step}`);
      }
    }
  }
});

Deno.test("MboxReader tells From lines of all times from sentences", () => {
  const lines: [string, boolean][] = [
    ["From a@b.test Mon Jan  5 09:00:00 2026", true],
    ["From a@b.test  Mon Jan 05 09:00:00 2026 ", true],
    ["From - Mon Jan 05 09:00:00 2026", true], // Mozilla
    ["From 1766543210987654321@xxx Mon Jan 05 09:00:00 +0000 2026", true], // Google Takeout
    ["From jo at b.test  Mon Jan  5 09:00:00 2026", true], // Mailman
    ["From jo Mon Jan  5 09:00 PST 2026", true],
    ["From jo Mon Jan  5 09:00:00 MET DST 2026", true],
    ["From a@b.test Mon Jan  5 09:00:00 Europe/Berlin 2026", true],
    ["From a@b.test Mon Jan  5 09:00:00 2026 -0800", true],
    ["From a@b.test Mon Jan  5 09:00:00 2026 PST", true],
    ["From uucp Mon Jan  5 09:00:00 2026 remote from mindspring", true],
    ["From Mon Jan  5 09:00:00 2026", true], // no sender at all
    ["From the office I leave at 17:45, see you there.", false],
    ["From the office on Mon I leave at 17:45 2026", false],
    ["From jo Mon Jan 5 at 09:00 2026", false],
    ["From jo Mon Jan  5 09:00:00 2026 it went on.", false],
    ["From jo Mon Jun  5 2026", false],
    ["From a@b.test 2026-01-05 09:00 on", false],
  ];
  for (const [line, isFrom] of lines) {
    const found = read([encode(`From x Mon Jan  5 09:00:00 2026\nA: 1\n\n\n${line}\nmore\n`)]);
    assertEquals(found.length, isFrom ? 2 : 1, line);
    assertEquals(found[0]![1], isFrom ? "A: 1\r\n\r\n" : `A: 1\r\n\r\n\r\n${line}\r\nmore\r\n`, line);
    if (isFrom) assertEquals(found[1]![0].receivedAt, AT, line);
  }
});

Deno.test("MboxReader refuses what is no mbox", () => {
  for (const file of ["Subject: x\n\n", "\nhello\n", "PK\x03\x04", "From here on\n"]) {
    assertThrows(() => read([encode(file)]), MboxError, "no mbox");
  }
});

Deno.test("What MboxWriter writes, MboxReader reads, whatever is in it and however it is cut", () => {
  const line = fc.oneof(
    fc.constantFrom(
      "",
      "From ",
      "From a@b.test Mon Jan  5 09:00:00 2026",
      ">From x",
      ">>From ",
      ">",
      "Status: RO",
      ".",
    ),
    fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\r\n\0]/g, "")),
    fc.constantFrom(150_000, 65_536, 65_535).map((length) => "x".repeat(length)),
  );
  const text = fc.array(line, { maxLength: 8 }).map((lines) => lines.map((one) => `${one}\r\n`).join(""));
  const message = fc.record({
    sender: fc.constantFrom("", "jsmith@mindspring.com", "grå@xn--gr-zia.example"),
    receivedAt: fc.integer({ min: 0, max: 4e9 }).map((seconds) => seconds * 1000),
    seen: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(message, text), { maxLength: 4 }),
      fc.constantFrom(1, 3, 100, 70_000),
      (messages, step) => {
        // small cuts of long lines take long and show nothing new
        const size = messages.reduce((sum, [, text]) => sum + text.length, 0);
        const by = size > 10_000 ? Math.max(step, 1009) : step;
        const expected = messages.map(([m, text]) => [m, binaryString(encode(text))]);
        assertEquals(read(cut(write(messages, by), by)), expected as [MboxMessage, string][]);
      },
    ),
    { numRuns: 100 },
  );
});

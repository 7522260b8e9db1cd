import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { binaryString, concat, encode } from "../../src/base/bytes.ts";
import { type MboxMessage, MboxWriter } from "../../src/mail/mbox.ts";
import { MboxError, MboxReader } from "../../src/mail/mbox_reader.ts";

const AT = Date.UTC(2026, 0, 5, 9, 0, 0);
const FIRST: MboxMessage = { sender: "jsmith@mindspring.com", receivedAt: AT, seen: false };

/** Messages with their texts, a character per octet. */
function read(pieces: readonly Uint8Array[], warnings: string[] = []): [MboxMessage, string][] {
  const reader = new MboxReader();
  const found: [MboxMessage, Uint8Array[]][] = [];
  for (const part of [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()]) {
    if ("message" in part) found.push([part.message, []]);
    else if ("text" in part) found.at(-1)![1].push(part.text);
    else warnings.push(part.warning);
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

Deno.test("A From line is ASCII, and names a sender who is not", () => {
  const text = "Subject: One\r\n\r\n";
  for (
    const [sender, written] of [
      ["grå@xn--gr-zia.example", "gr\\x{E5}@xn--gr-zia.example"],
      ['"用户@"@b.example', '"\\x{7528}\\x{6237}@"@b.example'],
      ['"grå \\"x"@b.example', "MAILER-DAEMON"],
    ] as const
  ) {
    const file = write([[{ ...FIRST, sender }, text]]);
    assertEquals(binaryString(file).split("\n")[0], `From ${written} Mon Jan  5 09:00:00 2026`);
    const kept = written === "MAILER-DAEMON" ? "" : sender;
    assertEquals(read([file]), [[{ ...FIRST, sender: kept }, text]]);
  }
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
        [{ sender: "a@b.test", receivedAt: AT }, "A: 1\r\n"],
        [{ sender: "a@b.test", receivedAt: AT }, "A: 2\r\n"],
      ],
    ],
    [
      "sentences are no From lines",
      "From a@b.test Mon Jan  5 09:00:00 2026\nA: 1\n\nFrom here on\nFrom a@b.test Mon Jan  5 09:00:00 2026\n",
      [
        [{}, "A: 1\r\n\r\nFrom here on\r\nFrom a@b.test Mon Jan  5 09:00:00 2026\r\n"],
      ],
    ],
    ["a Status that is not ours", "From a@b.test Mon Jan  5 09:00:00 2026\nA: 1\nStatus: RO\n\nx\n", [
      [{ seen: true }, "A: 1\r\n\r\nx\r\n"],
    ]],
    [
      "a Status of the sender's behind ours is text",
      "From a@b.test Mon Jan  5 09:00:00 2026\nStatus: O\nA: 1\nStatus: RO\nContent-Length: 1\n\nx\n",
      [[{ seen: false }, "A: 1\r\nStatus: RO\r\nContent-Length: 1\r\n\r\nx\r\n"]],
    ],
    [
      "what programs keep for themselves",
      "\n\nFrom MAILER-DAEMON Mon Jan  5 09:00:00 2026\nX-IMAP: 1 2\n" +
      "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n\ntext\n\n" +
      "From a@b.test Mon Jan  5 09:00:00 2026\nX-Status: A\nX-UID: 3\nX-Keywords: a\n b\nA: 1\n\nx\n",
      [[{ seen: false }, "A: 1\r\n\r\nx\r\n"]],
    ],
    [
      "a From line twice",
      "From a@b.test Mon Jan  5 09:00:00 2026\nFrom x@b.test Mon Jan  5 09:00:01 2026\nA: 1\n\nx\n",
      [[{ sender: "a@b.test", receivedAt: AT }, "A: 1\r\n\r\nx\r\n"]],
    ],
    [
      "a mark of UTF-8 amid the file, where another was put behind it",
      "From a@b.test Mon Jan  5 09:00:00 2026\nA: 1\n\nx\n\uFEFFFrom - Mon Jan  5 09:00:00 2026\nA: 2\n\ny\n",
      [[{}, "A: 1\r\n\r\nx\r\n"], [{}, "A: 2\r\n\r\ny\r\n"]],
    ],
    [
      "a time in the message where the From line has none",
      "From - So 04 Jan 09:00:00 2026\nReceived: by x;\n  Mon, 5 Jan 2026 10:00:00 +0100 (CET)\n\nx\n",
      [[{ receivedAt: AT }, "Received: by x;\r\n  Mon, 5 Jan 2026 10:00:00 +0100 (CET)\r\n\r\nx\r\n"]],
    ],
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

const HOUR = 3_600_000;

Deno.test("MboxReader tells From lines of all times from sentences", () => {
  // when it came, beside AT; "loose": a From line whose date is not read
  const lines: [string, number | "loose" | "text"][] = [
    ["From a@b.test Mon Jan  5 09:00:00 2026", 0],
    ["From a@b.test  Mon Jan 05 09:00:00 2026 ", 0],
    ["From a@b.test Mon Jan  5  9:00:00 2026", 0],
    ["From a@b.test Mon Jan  5 9:00 26", 0],
    ["From a@b.test Mon Jan 5 9:00:00 AM 2026", 0],
    ["From a@b.test Mon Jan 5 9:00:00 p.m. 2026", 12 * HOUR],
    ["From a@b.test Mon Jan 5 12:00 AM 2026", -9 * HOUR],
    ["From a@b.test Monday, January 5, 2026 9:00:00", 0],
    ["From a@b.test Jan  5 09:00:00 2026", 0],
    ["From a@b.test 5 Jan 2026 10:00:00 +0100", 0],
    ["From a@b.test Mon Jan  5 2026 09:00:00", 0], // Mozilla, at times
    ["From a@b.test 2026-01-05T09:00:00Z", 0],
    ['From "Jane Doe" Mon Jan  5 09:00:00 2026', 0], // readpst
    ["From ???@??? Mon Jan 05 09:00:00 2026", 0], // Eudora
    ["From - Mon Jan 05 09:00:00 2026", 0], // Mozilla
    ["From 1766543210987654321@xxx Mon Jan 05 09:00:00 +0000 2026", 0], // Google Takeout
    ["From jo at b.test  Mon Jan  5 09:00:00 2026", 0], // Mailman
    ["From jo Mon Jan  5 09:00 PST 2026", 8 * HOUR],
    ["From jo Mon Jan  5 09:00:00 MET DST 2026", 0],
    ["From a@b.test Mon Jan  5 09:00:00 Europe/Berlin 2026", 0],
    ["From a@b.test Mon Jan  5 09:00:00 2026 -0800", 8 * HOUR],
    ["From a@b.test Mon Jan  5 09:00:00 2026 PST", 8 * HOUR],
    ["From uucp Mon Jan  5 09:00:00 2026 remote from mindspring", 0],
    ["From Mon Jan  5 09:00:00 2026", 0], // no sender at all
    ["From - Mo Jan 05 09:00:00 2026", 0],
    ["From - lun. janv. 05 09:00:00 2026", "loose"],
    ["From - Mo, 05. Mai 2026 09:00:00", "loose"],
    ["From a@b.test 05/01/2026 09:00:00", "loose"],
    ["From the office I leave at 17:45, see you there.", "text"],
    ["From the office on Mon I leave at 17:45 2026", "text"],
    ["From jo Mon Jan 5 at 09:00 2026", "text"],
    ["From jo Mon Jan  5 09:00:00 2026 it went on.", "text"],
    ["From jo Mon Jan  5 29:00:00 2026", "text"],
    ["From jo Mon Jun  5 2026", "text"],
    ["From a@b.test", "text"],
    ["From a@b.test 2026-01-05 09:00 on", "text"],
  ];
  for (const [line, at] of lines) {
    for (const apart of [true, false]) {
      const before = `From x Mon Jan  5 09:00:00 2026\nA: 1\n\nx\n${apart ? "\n" : ""}`;
      const warnings: string[] = [];
      const found = read([encode(`${before}${line}\nB: 2\n\nmore\n`)], warnings);
      const isText = at === "text" || (at === "loose" && !apart);
      assertEquals(found.length, isText ? 1 : 2, line);
      const rest = `${apart ? "\r\n" : ""}${line}\r\nB: 2\r\n\r\nmore\r\n`;
      assertEquals(found[0]![1], `A: 1\r\n\r\nx\r\n${isText ? rest : ""}`, line);
      const isDoubtful = isText && /\d:\d\d/.test(line);
      const number = apart ? 6 : 5;
      assertEquals(
        warnings,
        isDoubtful
          ? [`line ${number}: "${line}" was taken for text, not for the beginning of a message`]
          : [],
      );
      if (!isText) assertEquals(found[1]![0].receivedAt, at === "loose" ? undefined : AT + at, line);
      if (at === "text") continue;
      // at the file's beginning
      assertEquals(read([encode(`${line}\nB: 2\n\nmore\n`)])[0]![1], "B: 2\r\n\r\nmore\r\n", line);
    }
  }
});

Deno.test("MboxReader takes a From line that no header field follows for text", () => {
  const begin = "From a@b.test Mon Jan  5 09:00:00 2026\nA: 1\n\nx\n\n";
  for (const next of ["this was quoted", "http://a.test", "12:30 we left", "From now on"]) {
    const warnings: string[] = [];
    const [one, ...others] = read(
      [encode(`${begin}From jim@b.test Mon Jan  5 09:00:00 2026\n${next}\n`)],
      warnings,
    );
    assertEquals([others, warnings.length], [[], 1], next);
    assertEquals(one![1].endsWith(`From jim@b.test Mon Jan  5 09:00:00 2026\r\n${next}\r\n`), true, next);
  }
});

/** Of a file in fixtures/mbox/: sender, time and flag of each message, its subject and its text. */
const FOLDERS: [string, string[]][] = [
  ["ampm", ["a1@example.net 2025-04-11T09:36:11 M1 one"]],
  ["bom", [" 2026-01-05T09:00:00 M1 one"]],
  ["cl2", [
    "a1@example.net 2025-04-11T09:36:11 seen M1 see:||From jim@example.net Mon Jan  5 09:00:00 2026|this was quoted",
    "a2@example.net 2025-04-11T09:36:11 M2 two",
  ]],
  ["cr", [" 2026-01-05T09:00:00 M1 one", " 2026-01-05T09:00:00 M2 two"]],
  ["gtfrom_head", [
    "a1@example.net 2025-04-11T15:36:11 seen M1 one",
    "a2@example.net 2025-04-11T15:36:11 M2 two",
  ]],
  ["locale", [" 2026-01-04T09:00:00 M1 one", " 2026-01-05T09:00:00 M2 two"]],
  ["mixed_hour", [
    "a1@example.net 2025-04-11T09:36:11 M1 x1",
    "a2@example.net 2025-04-11T09:36:11 M2 x2",
    "a3@example.net 2025-04-11T19:36:11 M3 x3",
  ]],
  ["no_blank", [
    " 2026-01-05T09:00:00 seen M1 --b--",
    " 2026-01-05T09:00:00 seen M2 body two (deleted, 0009)",
    " 2026-01-05T09:00:00 M3 three",
  ]],
  ["nodate", ["a1@example.net 2026-01-05T09:00:00 M1 one", "a2@example.net 2026-01-05T09:00:00 M2 two"]],
  ["noday", ["a1@example.net 2025-04-11T09:36:11 M1 one", "a2@example.net 2025-04-11T09:36:11 M2 two"]],
  ["readpst", [" 2025-04-11T09:36:11 M1 one", " 2025-04-11T09:36:11 M2 two"]],
  ["thunder_dmy", [" 2025-04-12T15:59:28 M1 one", " 2025-04-12T15:59:29 M2 two"]],
  ["utf16", [" 2026-01-05T09:00:00 M1 one"]],
];

function described([{ sender, receivedAt, seen }, text]: [MboxMessage, string]): string {
  const [head, body] = text.split(/\r\n\r\n(.*)/s) as [string, string];
  assertEquals(/^[>F]*From |^(?:Status|Content-Length):/m.test(head.replace(/^From:/gm, "")), false, head);
  const at = new Date(receivedAt!).toISOString().slice(0, 19);
  const subject = /^Subject: (.*)\r$/m.exec(head)![1];
  return `${sender} ${at}${seen ? " seen" : ""} ${subject} ${body.trimEnd().replaceAll("\r\n", "|")}`;
}

for (const [name, expected] of FOLDERS) {
  Deno.test(`MboxReader reads the folder ${name}`, () => {
    const file = Deno.readFileSync(new URL(`../../fixtures/mbox/${name}.mbox`, import.meta.url));
    for (const step of [1, 3, 64, 1e6]) {
      const warnings: string[] = [];
      assertEquals(read(cut(file, step), warnings).map(described), expected, `by ${step}`);
      const isExpunged = name === "no_blank";
      assertEquals(
        warnings.map((text) => text.slice(0, 44)),
        isExpunged ? ["1 of the messages were deleted in Thunderbir"] : [],
      );
    }
  });
}

/** A message whose text is counted, with `off` octets too many. */
function counted(text: string, off = 0, between = "\n"): string {
  return `From a@b.test Mon Jan  5 09:00:00 2026\nContent-Length: ${text.length + off}\n\n${text}${between}`;
}

Deno.test("MboxReader believes a Content-Length where a From line or the end is at its place", () => {
  const inner = "hello\n\nFrom b@b.test Mon Jan  5 09:00:00 2026\nSubject: inner\n\n>From here\n";
  const asText = `\r\n${inner.replaceAll("\n", "\r\n")}`;
  const other = "From c@b.test Mon Jan  5 09:00:00 2026\nC: 3\n\nz\n";
  const split = ["\r\nhello\r\n", "Subject: inner\r\n\r\nFrom here\r\n"];
  const table: [string, string, string[]][] = [
    ["a From line follows", counted(inner) + other, [asText, "C: 3\r\n\r\nz\r\n"]],
    ["at once", counted(inner, 0, "") + other, [asText, "C: 3\r\n\r\nz\r\n"]],
    ["the end follows", counted(inner), [asText]],
    ["the end, at once", counted(inner, 0, ""), [asText]],
    ["without its last line end", counted(inner.trimEnd(), 0, ""), [asText]],
    ["twice", counted(inner) + counted(inner), [asText, asText]],
    ["the blank line is counted too", counted(inner, 1) + other, [`${asText}\r\n`, "C: 3\r\n\r\nz\r\n"]],
    ["too many", counted(inner, 2) + other, [...split, "C: 3\r\n\r\nz\r\n"]],
    ["two too few", counted(inner, -2) + other, [...split, "C: 3\r\n\r\nz\r\n"]],
    ["to within the next", counted(inner, 60) + other, [...split, "C: 3\r\n\r\nz\r\n"]],
    ["beyond the end", counted(inner, 1000) + other, [...split, "C: 3\r\n\r\nz\r\n"]],
    ["wrong, and right within it", counted(counted(inner), 7) + other, [
      "", // of the outer
      asText,
      "C: 3\r\n\r\nz\r\n",
    ]],
    ["absurd", counted(inner, 1e11) + other, [...split, "C: 3\r\n\r\nz\r\n"]],
  ];
  for (const [name, file, expected] of table) {
    for (const step of [1, 7, 1e6]) {
      assertEquals(read(cut(encode(file), step)).map(([, text]) => text), expected, `${name}, by ${step}`);
    }
  }
});

Deno.test("MboxReader tells of NULs", () => {
  const warnings: string[] = [];
  read([encode("From a@b.test Mon Jan  5 09:00:00 2026\nA: 1\n\nx\0\0\n")], warnings);
  assertEquals(warnings, ["2 NUL octets were left out; the file may have been damaged"]);
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

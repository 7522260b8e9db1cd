import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { binaryString, decode, encode, octetsOf } from "../../src/base/bytes.ts";
import { readCard, writeCard } from "../../src/mail/facts_card.ts";
import type { StructureBytes } from "../../src/mail/imap_structure.ts";
import {
  factsOf,
  factsOfBytes,
  type MessageFacts,
  type PlacedPart,
  placesOfParts,
  readFacts,
} from "../../src/mail/message_facts.ts";
import { MimeScanner } from "../../src/mail/mime_scan.ts";
import { foldBody } from "../../src/mail/search_text.ts";
import { cpuMs } from "../support/cpu_time.ts";
import { STRUCTURE_CASES } from "./structure_cases.ts";

const ALL_NIL = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";

function octets(text: string, lineEnd = "\r\n"): Uint8Array {
  return octetsOf(text.replaceAll("\n", lineEnd));
}

/** What BODY has of a BODYSTRUCTURE. */
function withoutExtras({ bytes, extras }: StructureBytes): string {
  let [text, at] = ["", 0];
  for (let i = 0; i < extras.length; i += 2) {
    text += decode(bytes.subarray(at, extras[i]));
    at = extras[i + 1]!;
  }
  return text + decode(bytes.subarray(at));
}

function inPieces(message: Uint8Array, cuts: readonly number[]): MessageFacts {
  const scanner = new MimeScanner();
  let at = 0;
  for (const cut of [...cuts, message.length]) {
    // a piece that is used again for something else afterwards
    const piece = message.slice(at, cut);
    scanner.push(piece);
    piece.fill(45);
    at = cut;
  }
  return factsOf(scanner.finish());
}

for (const [name, { message, envelope, structure }] of Object.entries(STRUCTURE_CASES)) {
  Deno.test(`ENVELOPE and BODYSTRUCTURE of a message: ${name}`, () => {
    const facts = factsOfBytes(octets(message));
    assertEquals(decode(facts.envelope), envelope === "-" ? ALL_NIL : envelope);
    assertEquals(decode(facts.structure.bytes), structure);
  });
}

Deno.test("a message that is cut anywhere has the same facts", () => {
  for (const { message } of Object.values(STRUCTURE_CASES)) {
    for (const whole of [octets(message), octets(message, "\n")]) {
      const card = writeCard(factsOfBytes(whole));
      for (let cut = 0; cut <= whole.length; cut++) assertEquals(writeCard(inPieces(whole, [cut])), card);
      const each = Array.from({ length: whole.length }, (_, i) => i);
      assertEquals(writeCard(inPieces(whole, each)), card);
    }
  }
});

Deno.test("parts have their octets exactly, with either line end", () => {
  const text = "Content-Type: multipart/mixed; boundary=b\n\npre\n--b\nContent-Type: message/rfc822\n\n" +
    "Subject: in\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\none\n\n--i\nX: y\n\n--i--\npost\n--b\n\n\nlast\n--b--\n";
  for (const lineEnd of ["\r\n", "\n"]) {
    const message = octets(text, lineEnd);
    const { parts } = factsOfBytes(message);
    const of = (from: number, to: number) =>
      binaryString(message.subarray(from, to)).replaceAll(lineEnd, "\n");
    const header = ({ headerStart, contentStart }: PlacedPart) => of(headerStart, contentStart);
    const content = ({ contentStart, contentEnd }: PlacedPart) => of(contentStart, contentEnd);
    assertEquals(header(parts), "Content-Type: multipart/mixed; boundary=b\n\n");
    assertEquals(content(parts), text.slice(text.indexOf("pre")));
    const [forwarded, last] = parts.parts as [PlacedPart, PlacedPart];
    assertEquals(header(forwarded), "Content-Type: message/rfc822\n\n");
    assertEquals(
      content(forwarded),
      text.slice(text.indexOf("Subject: in"), text.indexOf("\n--b\n\n\nlast")),
    );
    const inner = forwarded.parts[0]!;
    assertEquals(header(inner) + content(inner), content(forwarded));
    assertEquals(inner.parts.map((part) => [header(part), content(part)]), [["\n", "one\n"], [
      "X: y\n\n",
      "",
    ]]);
    assertEquals([header(last), content(last)], ["\n", "\nlast"]);
  }
});

Deno.test("BODY is BODYSTRUCTURE without its extension data", () => {
  const { structure } = factsOfBytes(octets(
    'Content-Type: multipart/mixed; boundary=b\nContent-Language: de\n\n--b\nContent-Disposition: inline; filename="Gr\xc3\xbc\xc3\x9fe"\n' +
      "Content-Description: \xc3\xbc\n\nx\n--b\nContent-Type: message/rfc822\nContent-MD5: QQ==\n\nSubject: \xc3\xbc\n\ny\n--b\nContent-Type: image/png; name=x\n\n--b--\n",
  ));
  assertEquals(
    decode(structure.bytes),
    `(("text" "plain" ("charset" "us-ascii") NIL {2}\r\nü "7bit" 1 0 NIL ("inline" ("filename" {7}\r\nGrüße)) NIL NIL)` +
      `("message" "rfc822" NIL NIL NIL "7bit" 16 (NIL {2}\r\nü NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL) 2 "QQ==" NIL NIL NIL)` +
      `("image" "png" ("name" "x") NIL NIL "7bit" 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL ("de") NIL)`,
  );
  assertEquals(
    withoutExtras(structure),
    `(("text" "plain" ("charset" "us-ascii") NIL {2}\r\nü "7bit" 1 0)("message" "rfc822" NIL NIL NIL "7bit" 16 ` +
      `(NIL {2}\r\nü NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0) 2)("image" "png" ("name" "x") NIL NIL "7bit" 0) "mixed")`,
  );
});

Deno.test("message/global is a message for IMAP4rev2, and a file for IMAP4rev1", () => {
  const message = octets("Content-Type: message/global\n\nSubject: x\n\nbody\n");
  const { structure, oldStructure } = factsOfBytes(message);
  assertEquals(decode(oldStructure!.bytes), '("message" "global" NIL NIL NIL "7bit" 20 NIL NIL NIL NIL)');
  assert(decode(structure.bytes).startsWith('("message" "global" NIL NIL NIL "7bit" 20 (NIL "x"'));
  assertEquals(factsOfBytes(octets("Content-Type: message/rfc822\n\n\n")).oldStructure, undefined);
});

Deno.test("eight bits in a header that are not UTF-8 are read by the message's charset, or as Windows-1252", () => {
  const subject = (header: string) => decode(factsOfBytes(octets(`${header}\n\n`)).envelope).slice(0, 30);
  assertEquals(subject("Subject: Gr\xfc\xdfe").startsWith("(NIL {7}\r\nGrüße "), true);
  assert(
    subject("Subject: \xf0\xd2\nContent-Type: text/plain; charset=koi8-r").startsWith("(NIL {4}\r\nПр "),
  );
});

Deno.test("facts to sort and thread by", async () => {
  const facts = await readFacts([octets(
    "Date: Tue, 1 Dec 2026 00:30:00 +0200 (EET)\nSubject: Re: [list] =?utf-8?Q?Gr=C3=BC=C3=9Fe?= (fwd)\nFrom: =?utf-8?Q?J=C3=BCrgen?= <J@x.example>\n" +
      'To: Team: a@b.example;\nCc: "c c"@d.example\nMessage-ID: <"1 1"@x> (id)\nReferences: <a@b> garbage <"c"@d>\n <broken>\nIn-Reply-To: <e@f>\n\n',
  )]);
  assertEquals(facts.sort, {
    sentAt: Date.UTC(2026, 10, 30, 22, 30),
    sentDay: Date.UTC(2026, 11, 1) / 86_400_000,
    from: "J",
    to: "Team",
    cc: "c c",
    displayFrom: "Jürgen",
    displayTo: "Team",
    baseSubject: "Grüße",
  });
  assertEquals(facts.thread, { messageId: "11@x", references: ["a@b", "c@d"], isReply: true });
  const { sort, thread } = factsOfBytes(
    octets("In-Reply-To: your mail of <x@y> and <z@y>\nTo: jo@x.example\n\n"),
  );
  assertEquals(sort, {
    from: "",
    to: "jo",
    cc: "",
    displayFrom: "",
    displayTo: "jo@x.example",
    baseSubject: "",
  });
  assertEquals(thread, { references: ["x@y"], isReply: false });
});

Deno.test("a card gives back the facts that it was made of", () => {
  for (const { message } of Object.values(STRUCTURE_CASES)) {
    const facts = factsOfBytes(octets(message));
    const read = readCard(writeCard(facts))!;
    for (
      const name of [
        "size",
        "envelope",
        "structure",
        "oldStructure",
        "parts",
        "preview",
        "sort",
        "thread",
      ] as const
    ) {
      assertEquals(read[name], facts[name]);
    }
  }
  const facts = factsOfBytes(octets(STRUCTURE_CASES.rfc822_multi!.message));
  const far: MessageFacts = {
    ...facts,
    size: 2 ** 40 + 5,
    parts: { ...facts.parts, contentEnd: 2 ** 40 + 5, encoding: "x-uuencode" },
    sort: { ...facts.sort, sentAt: -5_000_000_000_001, sentDay: -57871 },
    thread: { references: ["a@b", "ü@c"], isReply: true },
  };
  const read = readCard(writeCard(far))!;
  assertEquals([read.size, read.parts, read.sort, read.thread], [far.size, far.parts, far.sort, far.thread]);
});

Deno.test("what is no card of this version is none", () => {
  const card = writeCard(factsOfBytes(octets("Subject: x\n\n")));
  assertEquals(readCard(card.subarray(0, card.length - 1)), undefined);
  assertEquals(readCard(card.with(0, 2)), undefined);
  assertEquals(readCard(new Uint8Array(0)), undefined);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const facts = readCard(Uint8Array.of(1, ...bytes));
    // lengths that fit by chance
    if (facts) assert(facts.envelope.length <= bytes.length);
  }));
});

Deno.test("any octets have facts, the same however they are cut", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...[
        "\r\n",
        "\n",
        "\r",
        "--b",
        "--b--",
        "--bc",
        " ",
        "\t",
        ":",
        "Content-Type: multipart/mixed; boundary=b\r\n",
      ],
      ...[
        "Content-Type: multipart/digest; boundary=bc\r\n",
        "Content-Type: message/rfc822\r\n",
        "Subject: x",
        "\0",
        "\xfc",
      ],
      ...[
        "From: ",
        '"',
        "<",
        ">",
        "(",
        ")",
        "@",
        ",",
        ";",
        "a",
        "\\",
        "=?utf-8?q?x?=",
        "\r\n\r\n",
        "\r\n--b\r\n\r\n",
      ],
    ),
    fc.string({ maxLength: 3 }),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }),
      fc.array(fc.nat(400), { maxLength: 6 }),
      (pieces, cuts) => {
        const message = octetsOf(pieces.join(""));
        const facts = factsOfBytes(message);
        checkPlaces(facts.parts, 0, message.length);
        const sorted = cuts.map((cut) => Math.min(cut, message.length)).sort((a, b) => a - b);
        assertEquals(writeCard(inPieces(message, sorted)), writeCard(facts));
      },
    ),
    { numRuns: 2000 },
  );
});

function checkPlaces(part: PlacedPart, from: number, to: number): void {
  const { headerStart, contentStart, contentEnd, kind, parts } = part;
  assert(
    from <= headerStart && headerStart <= contentStart && contentStart <= contentEnd && contentEnd <= to,
  );
  assertEquals(parts.length > 0, kind !== "leaf");
  for (const [i, one] of parts.entries()) {
    checkPlaces(one, i === 0 ? contentStart : parts[i - 1]!.contentEnd, contentEnd);
  }
}

Deno.test("who nests parts without end gets a bounded structure", async () => {
  const nested = "Content-Type: multipart/mixed; boundary=b\n\n--b\n".repeat(5000);
  const messages = "Content-Type: message/rfc822\n\n".repeat(5000);
  const many = `Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(200_000)}`;
  const wide = `From: ${"a@b.example, ".repeat(200_000)}\n${"Subject: x\n".repeat(200_000)}\n`;
  const lines = `Content-Type: multipart/mixed; boundary=b\n\n${"--bx".repeat(1_000_000)}`;
  const lone = `Subject: ${"x".repeat(4_000_000)}`;
  for (const text of [nested, messages, many, wide, lines, lone]) {
    const message = octets(text);
    const ms = await cpuMs(() => {
      const facts = factsOfBytes(message);
      assert(writeCard(facts).length < 1_000_000);
      assert(depthOf(facts.parts) <= 60 && countOf(facts.parts) <= 1000);
    });
    assert(ms < 3000, `${ms} ms`);
  }
});

Deno.test("fields and texts of nothing but signs take time by their length", async () => {
  const signs = [
    "(",
    '"',
    "<",
    ">",
    "@",
    ",",
    ";",
    ":",
    "[",
    "]",
    "[re:",
    "\\",
    "(\\",
    "=?",
    "=?a?q?",
    "re:",
    "(fwd)",
    "[a]",
    "a*0*=b;",
  ];
  const fields = [
    "From",
    "Subject",
    "Date",
    "References",
    "Content-Type: multipart/mixed; boundary",
    "Content-Disposition",
  ];
  for (const sign of signs) {
    for (const field of fields) {
      const message = octets(`${field}: ${sign.repeat(120_000 / sign.length)}\n\n`);
      const ms = await cpuMs(() => factsOfBytes(message));
      assert(ms < 1000, `${field} of ${sign}: ${ms} ms`);
    }
  }
  for (
    const sign of [
      "<",
      "<!--",
      "<style",
      "<script>",
      "<a ",
      "<a href=",
      "&",
      "&#",
      "<title",
      " ",
      "\n",
      "</style",
    ]
  ) {
    const message = octets(`Content-Type: text/html\n\n${sign.repeat(1_000_000 / sign.length)}`);
    const ms = await cpuMs(() => {
      factsOfBytes(message);
      foldBody(message, placesOfParts(message));
    });
    assert(ms < 2000, `${sign}: ${ms} ms`);
  }
});

Deno.test("a large message is read without being held", () => {
  const scanner = new MimeScanner();
  scanner.push(
    octets(
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\nContent-Type: image/png\n\n",
    ),
  );
  const piece = encode(`${"A".repeat(76)}\r\n`.repeat(800));
  const before = Deno.memoryUsage().heapUsed + Deno.memoryUsage().external;
  for (let i = 0; i < 3000; i++) scanner.push(piece);
  assert(Deno.memoryUsage().heapUsed + Deno.memoryUsage().external - before < 20_000_000);
  scanner.push(octets("\n--b--\n"));
  const { parts } = factsOf(scanner.finish());
  assertEquals(parts.parts[0]!.contentEnd - parts.parts[0]!.contentStart, 3000 * piece.length);
});

function depthOf({ parts }: PlacedPart): number {
  return 1 + Math.max(0, ...parts.map(depthOf));
}

function countOf({ parts }: PlacedPart): number {
  return 1 + parts.reduce((sum, part) => sum + countOf(part), 0);
}

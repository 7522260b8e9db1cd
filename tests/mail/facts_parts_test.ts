import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { binaryString, concat, octetsOf } from "../../src/base/bytes.ts";
import { baseSubject } from "../../src/mail/base_subject.ts";
import { parseSentDate } from "../../src/mail/sent_date.ts";
import { messageIds } from "../../src/mail/thread_ids.ts";
import { decodeTransfer, type Transfer, transferDecoder } from "../../src/mail/transfer_decoding.ts";
import { encodeBase64Lines, encodeQuoted } from "../../src/mail/transfer_encoding.ts";

const SUBJECTS: readonly (readonly [subject: string, base: string, isReply: boolean])[] = [
  ["Lunch", "Lunch", false],
  ["", "", false],
  ["Re: Lunch", "Lunch", true],
  ["RE : re[2]:Fwd: FW:  Lunch (fwd) (FWD)", "Lunch", true],
  ["[list] Lunch", "Lunch", false],
  ["[list] Re: [other] Lunch", "Lunch", true],
  ["[list]", "[list]", false],
  ["Re: [list]", "[list]", true],
  ["[a][b]", "[b]", false],
  ["[fwd: Re: Lunch]", "Lunch", true],
  ["[Fwd: [fwd: Lunch]]", "Lunch", true],
  ["Re:", "", true],
  ["Re: Re:", "", true],
  ["Regarding: Lunch", "Regarding: Lunch", false],
  ["  a \t b\n c ", "a b c", false],
  ["=?utf-8?Q?Re=3A_Gr=C3=BC=C3=9Fe?=", "Grüße", true],
  ["Re [x] : a", "a", true],
  ["AW: Lunch", "AW: Lunch", false],
];

Deno.test("the base of a subject is what replies leave of it", () => {
  for (const [subject, text, isReply] of SUBJECTS) assertEquals(baseSubject(subject), { text, isReply });
  assertEquals(baseSubject("[".repeat(100_000)).text.length, 1000);
  assertEquals(baseSubject("Re: ".repeat(100_000)).isReply, true);
});

const DATES: readonly (readonly [date: string, at: string | undefined, day?: string])[] = [
  ["Mon, 30 Nov 2026 06:35:08 +0000", "2026-11-30T06:35:08Z", "2026-11-30"],
  ["Tue, 1 Dec 2026 00:30:00 +0200", "2026-11-30T22:30:00Z", "2026-12-01"],
  ["Mon, 30 Nov 2026 23:30:00 -0730 (X)", "2026-12-01T07:00:00Z", "2026-11-30"],
  ["30 Nov 26 06:35 EST", "2026-11-30T11:35:00Z", "2026-11-30"],
  ["30 nov 1999 06:35:08 GMT", "1999-11-30T06:35:08Z", "1999-11-30"],
  ["Mon,30 Nov 2026 6:05:08 GMT+1", "2026-11-30T05:05:08Z", "2026-11-30"],
  ["1 Jan 70 00:00:00 -0000", "1970-01-01T00:00:00Z", "1970-01-01"],
  ["1 Jan 101 00:00:00 Z", "2001-01-01T00:00:00Z", "2001-01-01"],
  ["Mon Nov 30 06:35:08 2026", "2026-11-30T06:35:08Z", "2026-11-30"],
  ["Mon Nov 30 06:35:08 EST 2026", "2026-11-30T11:35:08Z", "2026-11-30"],
  ["2026-11-30T06:35:08+01:00", "2026-11-30T05:35:08Z", "2026-11-30"],
  ["Mon, 30 Nov 2026", "2026-11-30T00:00:00Z", "2026-11-30"],
  ["Mon, 30 November 2026 06.35.08 +0000", "2026-11-30T06:35:08Z", "2026-11-30"],
  ["29 Feb 2024 23:59:60 +0000", "2024-03-01T00:00:00Z", "2024-02-29"],
  ["31 Jun 2026 00:00:00 +0000", undefined],
  ["30 Xyz 2026 00:00:00 +0000", undefined],
  ["yesterday", undefined],
  ["", undefined],
  [" ".repeat(50_000), undefined],
];

Deno.test("dates are read as they are written", () => {
  for (const [date, at, day] of DATES) {
    const expected = at === undefined
      ? undefined
      : { at: Date.parse(at), day: Date.parse(`${day}T00:00:00Z`) / 86_400_000 };
    assertEquals(parseSentDate(date), expected, date);
  }
});

Deno.test("message ids are taken out of what stands around them", () => {
  assertEquals(messageIds("<a@b> (c) <d@e>, text < f @ g >"), ["a@b", "d@e", "f@g"]);
  assertEquals(messageIds('<"a\\"b"@c><<x@y>'), ['a"b@c', "x@y"]);
  assertEquals(messageIds("a@b <c> <> <@> <d@e"), []);
  const many = messageIds(Array.from({ length: 500 }, (_, i) => `<${i}@x>`).join(" "));
  assertEquals([many.length, many[0], many[1], many.at(-1)], [100, "0@x", "401@x", "499@x"]);
});

const DECODED: readonly (readonly [encoding: string, octets: string, decoded: string | undefined])[] = [
  ["7bit", "a\r\n", "a\r\n"],
  ["8BIT", "\xfc", "\xfc"],
  ["Binary", "\0", "\0"],
  ["x-uuencode", "x", undefined],
  ["base64", "YWJj\r\nZA==\r\n", "abcd"],
  ["base64", "YWJjZA", "abcd"],
  ["base64", "YQ==YmM=", "abc"],
  ["base64", " Y!W-J_j * ", "abc"],
  ["base64", "YWJjZ", "abc"],
  ["base64", "====", ""],
  ["quoted-printable", "a=3Db=\r\nc  \r\nd\t", "a=bc\r\nd"],
  ["quoted-printable", "=\t \r\nx=\ny", "xy"],
  ["quoted-printable", "=fc=FC", "\xfc\xfc"],
  ["quoted-printable", "a=zb=4 =", "a=zb=4 "],
  ["quoted-printable", "a = b =\rc", "a = b =\rc"],
];

Deno.test("transfer encodings are read, whatever is wrong in them, and however they are cut", () => {
  for (const [encoding, octets, expected] of DECODED) {
    const decoded = decodeTransfer(octetsOf(octets), encoding);
    assertEquals(decoded && binaryString(decoded), expected, octets);
    if (expected === undefined) continue;
    for (let cut = 0; cut <= octets.length; cut++) {
      const decoder = transferDecoder(
        encoding.toLowerCase() === "base64"
          ? "base64"
          : encoding === "quoted-printable"
          ? encoding
          : "identity",
      );
      const pieces = [octets.slice(0, cut), octets.slice(cut)].map((piece) => decoder.push(octetsOf(piece)));
      assertEquals(binaryString(concat([...pieces, decoder.finish()])), expected, `${octets} cut at ${cut}`);
    }
  }
});

Deno.test("what is encoded is decoded again", () => {
  const cuts = fc.array(fc.nat(300), { maxLength: 5 });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (octets, places) => {
    for (const transfer of ["base64", "quoted-printable"] satisfies Transfer[]) {
      // lines of text end with CRLF
      const plain = transfer === "base64"
        ? octets
        : octets.map((octet) => octet === 13 || octet === 10 ? 46 : octet);
      const encoded = transfer === "base64" ? encodeBase64Lines(plain) : encodeQuoted(plain);
      const decoder = transferDecoder(transfer);
      let at = 0;
      const decoded: Uint8Array[] = [];
      for (const place of [...places.sort((a, b) => a - b), encoded.length]) {
        decoded.push(decoder.push(encoded.slice(at, place)).slice());
        at = Math.max(at, Math.min(place, encoded.length));
      }
      decoded.push(decoder.finish());
      assertEquals(concat(decoded), Uint8Array.from(plain));
    }
  }));
});

Deno.test("a run of blanks without end is neither held nor looked at again and again", () => {
  const decoder = transferDecoder("quoted-printable");
  const blanks = octetsOf(" ".repeat(60_000));
  let octets = 0;
  for (let i = 0; i < 200; i++) octets += decoder.push(blanks).length;
  assertEquals(200 * 60_000 - octets <= 1001, true);
});

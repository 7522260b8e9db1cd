import { assertEquals } from "@std/assert";
import { binaryString } from "../../src/base/bytes.ts";
import { charsetName, decodeCharset, knowsCharset, withCharsets } from "../../src/mail/charset.ts";
import { decodeFieldValue } from "../../src/mail/decoded_words.ts";
import { parseFields } from "../../src/mail/header.ts";

Deno.test("decodeFieldValue() reads fields as they are in the wild", async (t) => {
  const values: [string, string][] = [
    ["=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"],
    // cut within a character, and within base64
    ["=?utf-8?B?R3LD?= =?utf-8?B?vMOfZQ==?=", "Grüße"],
    ["=?utf-8?B?R3LDvA==?=\r\n =?UTF-8?B?w58=?=", "Grüß"],
    ["=?utf-8?B?R3LDvM?= =?utf-8?B?OfZQ==?=", "Grüße"],
    ["=?utf-8?Q?Gr=C3?= =?utf-8?B?vMOfZQ==?=", "Grüße"],
    // shift states begin anew in each word
    ["=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= =?ISO-2022-JP?B?GyRCOGwbKEI=?=", "日本語"],
    ["=?utf-7?Q?Gr+APwA3w-e?=", "Grüße"],
    ["=?cp850?Q?Gr=81=E1e?=", "Grüße"],
    ["=?windows-31j?B?k/qWew==?=", "日本"],
    ["=?gb18030?B?1tDOxA==?=", "中文"],
    ["=?macintosh?Q?Gr=9F=A7e?=", "Grüße"],
    ["=?x-unknown?Q?Gr=FC?=", "Grü"],
    ["=?us-ascii?Q?Gr=C3=BC?=", "Grü"],
    ["=?'utf-8'?Q?=C3=BC?=", "ü"],
    ["=?utf-8*de?Q?=C3=BC?=", "ü"],
    // blanks between words are none, around them they are
    ["=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"],
    ["=?utf-8?Q?a_?= =?utf-8?Q?b?=", "a b"],
    ["=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"],
    ["=?utf-8?Q??=", ""],
    ["=?utf-8?X?abc?=", "=?utf-8?X?abc?="],
    // not encoded at all
    ["Gr\xfc\xdfe", "Grüße"],
    ["voil\xc3\xa0", "voilà"],
    ["\x1b$BF|K\\8l\x1b(B", "日本語"],
    ["Gr\xfc =?utf-8?Q?=C3=9F?=", "Grü ß"],
  ];
  for (const [octets, text] of values) {
    await t.step(octets, async () => assertEquals(await withCharsets(() => decodeFieldValue(octets)), text));
  }
  assertEquals(decodeFieldValue("\xf0\xd2\xc9\xd7\xc5\xd4", "koi8-r"), "Привет");
});

Deno.test("a value that ends within bytes that look like a blank is whole", () => {
  const head = Uint8Array.from("Subject: voil\xc3\xa0\r\n\r\n", (c) => c.charCodeAt(0));
  assertEquals(parseFields(head, binaryString).map(({ value }) => value), ["voil\xc3\xa0"]);
  assertEquals(parseFields(head).map(({ value }) => value), ["voilà"]);
});

Deno.test("charsetName() knows a charset by the names that programs give it", () => {
  const names: Readonly<Record<string, readonly (string | undefined)[]>> = {
    "": [undefined, "", "us-ascii", "US-ASCII", "x-unknown", "unknown-8bit", "ANSI_X3.4-1968", "cp20127"],
    "utf-8": [
      "utf8",
      "UTF8",
      "UTF-8",
      '"utf-8"',
      "'utf-8'",
      "utf_8",
      "cp65001",
      "unicode-1-1-utf-8",
      "charset=utf-8",
    ],
    "windows-1252": [
      "cp1252",
      "windows-1252",
      "iso-8859-1",
      "ISO8859-1",
      "iso_8859-1:1987",
      "8859-1",
      "latin-1",
    ],
    "iso-8859-15": ["ISO-8859-15", "iso8859_15", "latin-9"],
    "shift_jis": ["cp932", "sjis", "windows-932"],
    "gbk": ["cp936", "ms936"],
    "cp850": ["ibm850", "CP-850", "cp850", "IBM00850"],
    "utf-7": ["utf-7", "unicode-1-1-utf-7", "utf7", "65000"],
  };
  for (const [name, labels] of Object.entries(names)) {
    for (const label of labels) assertEquals(charsetName(label), name, String(label));
  }
  for (
    const label of [
      "koi8-r",
      "windows-31j",
      "macintosh",
      "iso-2022-jp",
      "gb18030",
      "tis-620",
      "iso-2022-kr",
      "cp437",
    ]
  ) {
    assertEquals(knowsCharset(label), true, label);
  }
  for (const label of ["x-klingon", "hex", "base64", "__proto__", "constructor"]) {
    assertEquals(knowsCharset(label), false, label);
  }
});

Deno.test("decodeCharset() knows what the platform does not, and bytes that claim to be something else", async () => {
  const of = (octets: string, label?: string) =>
    withCharsets(() => decodeCharset(Uint8Array.from(octets, (c) => c.charCodeAt(0)), label));
  assertEquals(await of("~{<:Ky2;S{~}Bye.", "hz-gb-2312"), "己所不欲Bye.");
  assertEquals(await of("\x1b$)C\x0e0!\x0f abc", "iso-2022-kr"), "가 abc");
  assertEquals(await of("Hi +AOQ-", "utf-7"), "Hi ä");
  assertEquals(await of("\xfe\xff\x00G\x00r", "utf-16"), "Gr");
  assertEquals(await of("G\x00r\x00", "utf-16"), "Gr");
  // some damage leaves UTF-8 what it is
  assertEquals(await of("Gr\xc3\xbc\xdfe", "utf-8"), "Grü\ufffde");
  assertEquals(await of("Gr\xfc\xdfe", "utf-8"), "Grüße");
  assertEquals(await of("Gr\xfc\xdfe", "constructor"), "Grüße");
});

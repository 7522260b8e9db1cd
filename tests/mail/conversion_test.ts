import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { binaryString, concat, encode } from "../../src/base/bytes.ts";
import { type ConversionNeeds, convert } from "../../src/mail/conversion.ts";

/** The text as it is needed (in seven bits unless told), checked for its size; pieces of `step` octets. */
async function recode(
  text: string | Uint8Array,
  step = 1000,
  needs: ConversionNeeds = { sevenBit: true },
): Promise<string | undefined> {
  const bytes = typeof text === "string" ? encode(text) : text;
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / step) },
    (_, i) => bytes.subarray(i * step, (i + 1) * step),
  );
  const found = await convert(() => pieces, needs);
  if (!found.ok) return undefined;
  const out = concat(await Array.fromAsync(found.text()));
  assertEquals(out.length, found.size);
  const result = binaryString(out);
  if (needs.sevenBit) assert(!/[\u0080-\uffff]/.test(result));
  return result;
}

function crlf(text: string): string {
  return text.replaceAll("\n", "\r\n");
}

const PLAIN = crlf(`MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße = Greetings \u0020
the end
`);

Deno.test("convert() writes a text as quoted-printable, blanks at the ends of lines too", async () => {
  assertEquals(
    await recode(PLAIN),
    crlf(`MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe =3D Greetings =20
the end
`),
  );
});

Deno.test("convert() encodes the parts that need it, nested ones too, and no others", async () => {
  const text = crlf(`Subject: mixed
MIME-Version: 1.0
Content-Type: multipart/mixed;
 boundary="a b"
Content-Transfer-Encoding: 8bit

a preamble
--a b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<p>Grüße</p>
--a b
Content-Type: text/plain

plain = plain
--a b
Content-Type: message/rfc822
Content-Transfer-Encoding: 8bit

Subject: inner

Größe
--a b
Content-Type: application/octet-stream
Content-Transfer-Encoding: binary

ü
--a b--
an epilogue
`);
  const expected = crlf(`Subject: mixed
MIME-Version: 1.0
Content-Type: multipart/mixed;
 boundary="a b"
Content-Transfer-Encoding: 7bit

a preamble
--a b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Gr=C3=BC=C3=9Fe</p>
--a b
Content-Type: text/plain

plain = plain
--a b
Content-Type: message/rfc822
Content-Transfer-Encoding: 7bit

Subject: inner
MIME-Version: 1.0
Content-Type: text/plain; charset=unknown-8bit
Content-Transfer-Encoding: quoted-printable

Gr=C3=B6=C3=9Fe
--a b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

w7w=
--a b--
an epilogue
`);
  for (const step of [1, 2, 7, 10_000]) assertEquals(await recode(text, step), expected);
});

Deno.test("convert() encodes within the messages of a digest, which must not be encoded themselves", async () => {
  const digest = (inner: string) =>
    crlf(`MIME-Version: 1.0
Content-Type: multipart/digest; boundary=x

--x

Subject: first

${inner}
--x
Content-Type: text/plain

a note
--x--
`);
  const head = "MIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n" +
    "Content-Transfer-Encoding: quoted-printable\n";
  assertEquals(
    await recode(digest("Grüße")),
    digest("Gr=C3=BC=C3=9Fe").replace("Subject: first\r\n", `Subject: first\r\n${crlf(head)}`),
  );
  assertEquals(await recode(digest("Hello")), digest("Hello"));
});

Deno.test("convert() encodes messages with UTF-8 in their headers as a whole (RFC 6532 3.7)", async () => {
  for (const type of ["message/global", "message/global-headers", "message/global-delivery-status"]) {
    const part = (encoding: string, ue: string) =>
      crlf(`MIME-Version: 1.0
Content-Type: ${type}
Content-Transfer-Encoding: ${encoding}

Subject: Gr${ue}n
`);
    assertEquals(await recode(part("8bit", "ü")), part("quoted-printable", "=C3=BC"));
  }
});

Deno.test("convert() changes nothing that would lose something", async () => {
  const cases: [string, string][] = [
    ["an address", "From: j\xfcrgen@example.net\n\nHello\n"],
    ["an address in brackets", "To: Jo <j\xfcrgen@example.net>\n\nHello\n"],
    ["a name of a field", "S\xfcbject: x\n\nHello\n"],
    ["a signed header", "DKIM-Signature: v=1; h=from:subject; b=x\nSubject: Grüße\n\nHello\n"],
    ["a signed text", "DKIM-Signature: v=1; h=from; b=x\nSubject: x\n\nGrüße\n"],
    ["a signed part", "Content-Type: multipart/signed; boundary=x\n\n--x\n\nü\n--x\n\n--x--\n"],
    ["a preamble", "Content-Type: multipart/mixed; boundary=x\n\nü\n--x\n\nHello\n--x--\n"],
    ["a report", "Content-Type: message/delivery-status\n\nStatus: ü\n"],
    ["what is encoded already", "Content-Transfer-Encoding: base64\n\nü\n"],
    ["a multipart without a boundary", "Content-Type: multipart/mixed\n\nü\n"],
  ];
  for (const [what, text] of cases) assertEquals(await recode(crlf(text)), undefined, what);
});

Deno.test("convert() keeps what is in seven bits as it is", async () => {
  const text = crlf("Content-Type: multipart/mixed; boundary=x\n\n--x\n\nHello = hello \n--x--\n");
  assertEquals(await recode(text), text);
  assertEquals(await recode("no head at all, and no line end"), "no head at all, and no line end");
});

Deno.test("convert() writes a header section by RFC 2047 and 2231, addresses as they are", async () => {
  const rows: [string, string][] = [
    // Latin-1 as windows-1252 (the field's own words say nothing), UTF-8 as UTF-8
    ["Subject: Gr\xfc\xdfe", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?="],
    ["Subject: \x80 5 for you", "Subject: =?utf-8?B?4oKs?= 5 for you"],
    [
      "Subject: all the best, Gr\xc3\xbc\xc3\x9fe to all",
      "Subject: all the best, =?utf-8?Q?Gr=C3=BC=C3=9Fe?= to all",
    ],
    ["From: J\xfcrgen <j@example.net>", "From: =?utf-8?Q?J=C3=BCrgen?= <j@example.net>"],
    [
      'To: "M\xfcller, J\xf6rg" <j@x.example>, b@x.example',
      "To: =?utf-8?Q?M=C3=BCller=2C_J=C3=B6rg?= <j@x.example>, b@x.example",
    ],
    [
      'Cc: "Plain, Name" <p@x.example>, j@x.example (J\xfcrgen)',
      'Cc: "Plain, Name" <p@x.example>, j@x.example (=?utf-8?Q?J=C3=BCrgen?=)',
    ],
    [
      "Reply-To: Gr\xfc\xdfe: a@x.example, b@x.example;",
      "Reply-To: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=: a@x.example, b@x.example;",
    ],
    [
      'Content-Disposition: attachment; filename="Gr\xfc\xdfe.pdf"; size=3',
      "Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf; size=3",
    ],
    ["X-Note: \xfc", "X-Note: =?utf-8?B?w7w=?="],
    ["X-Plain: as it is", "X-Plain: as it is"],
  ];
  for (const [field, expected] of rows) {
    const bytes = Uint8Array.from(`${field}\r\n\r\nHello\r\n`, (c) => c.charCodeAt(0));
    assertEquals(await recode(bytes), `${expected}\r\n\r\nHello\r\n`);
  }
  // what the content says of its characters holds for the header section too
  const koi8 = Uint8Array.from(
    "Subject: \xf0\xd2\xc9\xd7\xc5\xd4\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nx\r\n",
    (c) => c.charCodeAt(0),
  );
  const { subject } = await PostalMime.parse((await recode(koi8))!);
  assertEquals(subject, "Привет");
});

Deno.test("convert() makes a header section ASCII for a peer that takes eight bits in the body", async () => {
  const text = crlf("Subject: Grüße\nContent-Type: text/plain; charset=utf-8\n\nGrüße\n");
  const out = await recode(text, 1000, { asciiHeaders: true });
  assertEquals(
    out,
    binaryString(encode(text)).replace(/Subject: .*(?=\r\n)/, "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?="),
  );
});

Deno.test("convert() writes what readers decode to the same words (property, read by postal-mime)", async () => {
  const words = fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 8,
  })
    .map((list) => list.join(" ").replace(/[\p{Cc}\p{Zl}\p{Zp}"\\()<>=?]|\s+/gu, " ").trim()).filter((s) =>
      s !== "" && /[^ -~]/.test(s)
    );
  await fc.assert(
    fc.asyncProperty(words, words, async (subject, name) => {
      const text = `Subject: ${subject}\r\nFrom: "${name}" <jo@example.net>\r\n\r\nx\r\n`;
      const out = await recode(text);
      assert(out !== undefined && out.split("\r\n").every((line) => line.length <= 78), out);
      const mail = await PostalMime.parse(out);
      assertEquals(mail.subject, subject);
      assertEquals(mail.from, { name, address: "jo@example.net" });
    }),
    { numRuns: 300 },
  );
});

/** Short of everything that is not ASCII it may stay. */
const LINES: ConversionNeeds = {};

Deno.test("convert() folds fields of over 998 octets at blanks: unfolded they are what they were", async () => {
  const subject = Array.from({ length: 150 }, (_, i) => `host${i}.example.org ok,`).join(" ");
  const blanks = subject.replaceAll("ok, ", "ok, \t ");
  const unfold = (text: string) => text.replace(/\r\n(?=[ \t])/g, "");
  for (const value of [subject, blanks]) {
    const text = `From: a@x.example\r\nSubject: ${value}\r\nX-Short: ${
      "x ".repeat(60)
    }x\r\n\r\nAll is well.\r\n`;
    const out = await recode(text, 100, LINES);
    assertEquals(unfold(out!), text);
    const folded = /Subject: .*(?:\r\n[ \t].*)*/.exec(out!)![0].split("\r\n");
    assert(folded.every((line) => line.length <= 78 && line.trim() !== ""), out);
    assert(out!.includes(`X-Short: ${"x ".repeat(60)}x\r\n`)); // within bounds: as it is
  }
});

Deno.test("convert() leaves words over 998 octets as they are, but in text for people", async () => {
  const long = "x".repeat(1200);
  const token = `References: <a@x>\r\n <${long}@x>\r\n\r\nx\r\n`;
  assertEquals(await recode(token, 1000, LINES), token);
  const out = await recode(`Subject: ${long}\r\n\r\nx\r\n`, 1000, LINES);
  assert(out!.split("\r\n").every((line) => line.length <= 78));
  assertEquals((await PostalMime.parse(out!)).subject, long);
});

Deno.test("convert() keeps signed fields as they were signed", async () => {
  const value = "word ".repeat(300).trim();
  const signed = (c: string, h: string) =>
    `DKIM-Signature: v=1; a=rsa-sha256;${c} h=${h}; bh=x; b=y\r\nSubject: ${value}\r\n\r\nx\r\n`;
  for (
    const [c, h, folded] of [
      [" c=relaxed/simple;", "from : Subject", true],
      [" c=simple/relaxed;", "from : Subject", false],
      ["", "subject", false],
      ["", "from:to", true],
    ] as const
  ) {
    const out = await recode(signed(c, h), 1000, LINES);
    assertEquals(out !== signed(c, h), folded, c + h);
  }
});

Deno.test("convert() counts 998 octets without the line end, which the last line may lack", async () => {
  for (const end of ["", "\r\n"]) {
    for (const length of [998, 999, 1000]) {
      const text = `Subject: x\r\n\r\n${"y".repeat(length)}${end}`;
      const out = await recode(text, 1000, LINES);
      if (length === 998) assertEquals(out, text);
      else assert(out!.split("\r\n").every((line) => line.length <= 76), out);
    }
  }
});

Deno.test("convert() encodes content with lines over 998 octets, and cuts what is encoded already", async () => {
  const long = `${"Grüße = ".repeat(400)}end`;
  const html = `<p>${"x".repeat(3000)}</p>`;
  const data = encode("data ".repeat(500)).toBase64();
  const quoted = `${"=C3=BC".repeat(300)}.`;
  const text = crlf(`Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

${long}
--b
Content-Type: text/html

${html}
--b
Content-Type: text/plain

short = short
--b
Content-Type: application/json

${`"${"x".repeat(2000)}"`}
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

${data}
--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

${quoted}
--b
Content-Type: multipart/signed; boundary=s

--s

${"signed ".repeat(200)}
--s--
--b--
`);
  const before = await PostalMime.parse(text);
  for (const step of [13, 10_000]) {
    const out = (await recode(text, step, LINES))!;
    const rest = out.split("\r\n").filter((line) => line.length > 998);
    assertEquals(rest, ["signed ".repeat(200)]);
    assert(out.includes("short = short\r\n"));
    const after = await PostalMime.parse(out);
    assertEquals([after.text, after.html], [before.text, before.html]);
    assert(contentsOf(after).every((content, i) => content === contentsOf(before)[i]));
  }
});

Deno.test("convert() says what a text without MIME fields is, when it encodes its long lines", async () => {
  const [plain, latin] = [`${"word ".repeat(300)}\r\n`, `\xfc\r\n${"word ".repeat(300)}\r\n`];
  const octets = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  const head = (charset: string) =>
    `Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=${charset}\r\n` +
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n";
  assert((await recode(octets(`Subject: x\r\n\r\n${plain}`), 100, LINES))!.startsWith(head("us-ascii")));
  assert((await recode(octets(`Subject: x\r\n\r\n${latin}`), 100, LINES))!.startsWith(head("unknown-8bit")));
});

Deno.test("convert() changes no octet of a message with a DKIM or ARC signature that counts it", async () => {
  const text = (name: string) =>
    `${name}: c=simple/simple; h=from:subject; b=x\r\nSubject: ${"y ".repeat(600)}\r\n\r\n${
      "x".repeat(2000)
    }\r\n`;
  for (const name of ["DKIM-Signature", "ARC-Message-Signature"]) {
    assertEquals(await recode(text(name), 1000, LINES), text(name));
  }
});

/** Words, some lines of them far too long. */
const words = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).map((s) =>
  s.replace(/\p{Cc}/gu, "x")
);
const lines = fc.oneof(
  { weight: 5, arbitrary: fc.array(words, { maxLength: 10 }).map((list) => list.join(" ")) },
  { weight: 1, arbitrary: fc.array(words, { minLength: 150, maxLength: 300 }).map((list) => list.join(" ")) },
  { weight: 1, arbitrary: fc.integer({ min: 990, max: 1100 }).map((n) => "y".repeat(n)) },
);
const contents = fc.array(lines, { maxLength: 6 }).map((list) =>
  list.filter((l) => !l.startsWith("--")).join("\r\n")
);
const leaves = fc.tuple(
  fc.constantFrom("text/plain; charset=utf-8", "text/html; charset=utf-8", "application/x-y"),
  fc.constantFrom("8bit", "base64", "quoted-printable"),
  contents,
).map(([type, encoding, text]) => {
  const octets = encode(text);
  const hex = (octet: number) => `=${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  const written = {
    "8bit": text,
    base64: octets.toBase64(),
    "quoted-printable": [...octets].map(hex).join(""),
  }[encoding]!;
  return `Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${written}`;
});
const { part: parts } = fc.letrec<{ part: string }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 3 },
    leaves,
    fc.tuple(fc.array(tie("part"), { minLength: 1, maxLength: 3 }), fc.uuid()).map(([inner, boundary]) =>
      `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n` +
      `${inner.map((one) => `--${boundary}\r\n${one}\r\n`).join("")}--${boundary}--\r\n`
    ),
    tie("part").map((one) =>
      `Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nMIME-Version: 1.0\r\n${one}`
    ),
  ),
}));

Deno.test("convert() says the same as before, whatever the parts and their lines (property, read by postal-mime)", async () => {
  await fc.assert(
    fc.asyncProperty(parts, fc.boolean(), fc.integer({ min: 1, max: 3000 }), async (part, sevenBit, step) => {
      const text = `Subject: top\r\nMIME-Version: 1.0\r\n${part}`;
      const out = (await recode(text, step, { sevenBit }))!;
      assert(out.split("\r\n").every((l) => l.length <= 998));
      const octets = Uint8Array.from(out, (c) => c.charCodeAt(0));
      const [before, after] = [await PostalMime.parse(encode(text)), await PostalMime.parse(octets)];
      assertEquals([norm(after.text ?? ""), norm(after.html ?? "")], [
        norm(before.text ?? ""),
        norm(before.html ?? ""),
      ]);
      assertEquals(contentsOf(after), contentsOf(before));
    }),
    { numRuns: 200 },
  );
});

Deno.test("convert() says the same as before, whatever the text (property, read by postal-mime)", async () => {
  const line = fc.string({ unit: "binary", maxLength: 200 }).map((s) => s.replace(/[\r\n\0]/g, " "));
  const body = fc.array(line, { maxLength: 8 }).map((lines) => lines.join("\r\n"));
  await fc.assert(
    fc.asyncProperty(body, body, fc.integer({ min: 1, max: 50 }), async (first, second, step) => {
      const text = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_never"\r\n\r\n' +
        `--=_never\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${first}\r\n` +
        `--=_never\r\nContent-Type: application/x-y\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${second}\r\n` +
        "--=_never--\r\n";
      const out = await recode(text, step);
      assert(out !== undefined);
      assert(out.split("\r\n").every((l) => l.length <= 998));
      const part = out.split("--=_never")[2]!;
      const content = part.slice(part.indexOf("\r\n\r\n") + 4);
      const bytes = /base64/.test(part)
        ? Uint8Array.fromBase64(content)
        : encode(content.replace(/\r\n$/, ""));
      assertEquals(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), encodeDecode(second));
      const mail = await PostalMime.parse(out);
      assertEquals(norm(mail.text ?? ""), norm(encodeDecode(first)));
    }),
    { numRuns: 200 },
  );
});

/** What is attached; the CRLF before a delimiter is none of it, though postal-mime shows one of 7bit. */
function contentsOf({ attachments }: Awaited<ReturnType<typeof PostalMime.parse>>): string[] {
  return attachments.filter(({ mimeType }) => mimeType !== "message/rfc822")
    .map(({ content }) => norm(binaryString(new Uint8Array(content as ArrayBuffer))));
}

/** Lone surrogates are U+FFFD in UTF-8. */
function encodeDecode(text: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(encode(text));
}

/** What postal-mime makes of line ends is its own. */
function norm(text: string): string {
  return text.replace(/\r?\n/g, "\n").trimEnd().replace(/^\ufeff/, "");
}

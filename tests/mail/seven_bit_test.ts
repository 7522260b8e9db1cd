import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { binaryString, concat, encode } from "../../src/base/bytes.ts";
import { toSevenBit } from "../../src/mail/seven_bit.ts";

/** The text in seven bits, checked for its size; pieces of `step` octets. */
async function recode(text: string | Uint8Array, step = 1000): Promise<string | undefined> {
  const bytes = typeof text === "string" ? encode(text) : text;
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / step) },
    (_, i) => bytes.subarray(i * step, (i + 1) * step),
  );
  const found = await toSevenBit(() => pieces);
  if (!found) return undefined;
  const out = concat(await Array.fromAsync(found.text()));
  assertEquals(out.length, found.size);
  const result = binaryString(out);
  assert(!/[\u0080-\uffff]/.test(result));
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

Deno.test("toSevenBit() writes a text as quoted-printable, blanks at the ends of lines too", async () => {
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

Deno.test("toSevenBit() encodes the parts that need it, nested ones too, and no others", async () => {
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

Deno.test("toSevenBit() encodes within the messages of a digest, which must not be encoded themselves", async () => {
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

Deno.test("toSevenBit() encodes messages with UTF-8 in their headers as a whole (RFC 6532 3.7)", async () => {
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

Deno.test("toSevenBit() changes nothing that would lose something", async () => {
  const cases: [string, string][] = [
    ["a header", "Subject: Grüße\n\nHello\n"],
    ["a header of a part", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Name: ü\n\nü\n--x--\n"],
    ["a signed part", "Content-Type: multipart/signed; boundary=x\n\n--x\n\nü\n--x\n\n--x--\n"],
    ["a preamble", "Content-Type: multipart/mixed; boundary=x\n\nü\n--x\n\nHello\n--x--\n"],
    ["a report", "Content-Type: message/delivery-status\n\nStatus: ü\n"],
    ["what is encoded already", "Content-Transfer-Encoding: base64\n\nü\n"],
    ["a multipart without a boundary", "Content-Type: multipart/mixed\n\nü\n"],
  ];
  for (const [what, text] of cases) assertEquals(await recode(crlf(text)), undefined, what);
});

Deno.test("toSevenBit() keeps what is in seven bits as it is", async () => {
  const text = crlf("Content-Type: multipart/mixed; boundary=x\n\n--x\n\nHello = hello \n--x--\n");
  assertEquals(await recode(text), text);
  assertEquals(await recode("no head at all, and no line end"), "no head at all, and no line end");
});

Deno.test("toSevenBit() says the same as before, whatever the text (property, read by postal-mime)", async () => {
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

/** Lone surrogates are U+FFFD in UTF-8. */
function encodeDecode(text: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(encode(text));
}

/** What postal-mime makes of line ends is its own. */
function norm(text: string): string {
  return text.replace(/\r?\n/g, "\n").trimEnd().replace(/^\ufeff/, "");
}

import { assertEquals } from "@std/assert";
import { octetsOf } from "../../src/base/bytes.ts";
import { factsOfBytes, readFacts } from "../../src/mail/message_facts.ts";

function preview(message: string): string {
  return factsOfBytes(octetsOf(message.replaceAll("\n", "\r\n"))).preview;
}

const CASES: readonly (readonly [message: string, preview: string])[] = [
  ["Subject: x\n\n  Hello\n\n\tyou  \n", "Hello you"],
  ["\n", ""],
  ["\nmy answer\n\nOn Monday Jo wrote:\n> her text\n-- \nMe\n", "my answer On Monday Jo wrote:"],
  ["\n> only\n> quoted\n", "> only > quoted"],
  [
    "Content-Type: text/html\n\n<style>p{}</style><p>Gr&#252;&szlig;e<br>to <b>you</b></p><script>x</script>\n",
    "Grüße to you",
  ],
  ["Content-Type: text/plain; charset=iso-8859-1\n\nGr\xfc\xdfe\n", "Grüße"],
  ["Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nR3LDvMOfZQ==\n", "Grüße"],
  [
    "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9F=\ne\n",
    "Grüße",
  ],
  ["Content-Type: image/png\n\nxx\n", ""],
  [
    "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\nContent-Disposition: attachment\n\nfile\n--b\n\ntext\n--b--\n",
    "text",
  ],
  [
    "Content-Type: multipart/alternative; boundary=b\n\n--b\n\n \n--b\nContent-Type: text/html\n\n<p>html</p>\n--b--\n",
    "html",
  ],
  [
    "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>html</p>\n--b\n\nplain\n--b--\n",
    "plain",
  ],
  ["Content-Type: message/rfc822\n\nSubject: x\n\nforwarded\n", ""],
  ["\na\0b\x1b[1mc\n", "ab[1mc"],
];

for (const [message, expected] of CASES) {
  Deno.test(`a message's preview: ${JSON.stringify(expected)} of ${JSON.stringify(message.slice(0, 40))}`, () => {
    assertEquals(preview(message), expected);
  });
}

Deno.test("a preview has 256 characters at most, and no half ones", () => {
  assertEquals(preview(`\n${"word ".repeat(4000)}`).length, 256);
  assertEquals(preview(`\n${"x".repeat(300)}\n`), "x".repeat(256));
  const smiles = preview(`Content-Type: text/plain; charset=utf-8\n\n${"\xf0\x9f\x98\x80".repeat(3000)}\n`);
  assertEquals(smiles, "😀".repeat(256));
  // what is kept of a text ends within a character
  const cut = `${"\n".repeat(4095)}x\xf0\x9f\x98\x80${"y".repeat(9000)}`;
  assertEquals(preview(`Content-Type: text/plain; charset=utf-8\n\n${cut}`), "x");
});

Deno.test("a preview reads charsets that need the library", async () => {
  const message = octetsOf("Content-Type: text/plain; charset=utf-7\r\n\r\nGr+APwA3w-e\r\n");
  assertEquals((await readFacts([message])).preview, "Grüße");
});

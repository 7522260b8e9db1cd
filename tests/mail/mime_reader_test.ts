import { assert, assertEquals } from "@std/assert";
import { withCharsets } from "../../src/mail/charset.ts";
import { readMessage } from "../../src/mail/mime_reader.ts";
import { cpuMs } from "../support/cpu_time.ts";

const FIXTURES = new URL("../../fixtures/mail/", import.meta.url);

interface Expected {
  readonly text?: string;
  readonly html?: string;
  readonly files?: readonly string[];
  /** What the complaint speaks of. */
  readonly fault?: string;
}

const CASES: Readonly<Record<string, Expected>> = {
  ascii_but_utf8: { text: "Grüße\n" },
  cp850: { text: "Grüße\n" },
  utf7: { text: "Grüße + more\n" },
  quoted_charset: { text: "5 €\n" },
  cut_characters: { files: ["Grüße.txt"] },
  flowed_depths: { text: "> one two\n>> three \n> four \nfive six\n>not quoted\n-- \nsig nature\n" },
  flowed_delsp: { text: "Donaudampf schiff\n> 引用\n" },
  base64_footer: {
    text: "Grüße an alle, die dies lesen können und wollen\n" +
      "_______________________________________________\nlist mailing list\nUnsubscribe\nlist@lists.example.org\n",
    fault: "in clear",
  },
  base64_banner: { text: "[EXTERNAL]\nGrüße an alle, die dies lesen können und wollen", fault: "in clear" },
  base64_noise: { text: "Grüße an alle, die dies lesen können und wollen" },
  no_boundary: { text: "hello\n", files: ["a.png"], fault: "what stands between" },
  wrong_boundary: { text: "hello\n", html: "<p>hello</p>\n", fault: "what stands between" },
  no_parts: { text: "just text\n", fault: "shown as text" },
  latin1_parts: { text: "Grüße\n", files: ["Grüße.pdf"] },
  utf8_but_latin1: { text: "Grüße\n" },
  koi8_header: { text: "Привет\n" },
  jis: { text: "日本語\n" },
  meta_charset: {
    html: '<meta http-equiv=Content-Type content="text/html; charset=windows-1251"><p>Привет</p>\n',
  },
  unknown_charset: { text: "Grüße\n", fault: "charset" },
};

Deno.test("readMessage() reads what senders get wrong as it was meant, and says what is wrong", async (t) => {
  for (const [name, expected] of Object.entries(CASES)) {
    await t.step(name, async () => {
      const bytes = await Deno.readFile(new URL(`${name}.eml`, FIXTURES));
      const { email, faults } = await withCharsets(() => readMessage(bytes, {}));
      const { text, html, files = [], fault } = expected;
      assertEquals(
        [email.text?.replaceAll("\r\n", "\n"), email.html, email.attachments.map((a) => a.filename)],
        [text, html, files],
      );
      assertEquals(faults.length, fault === undefined ? 0 : 1, faults.join());
      if (fault !== undefined) assert(faults[0]!.includes(fault), faults[0]);
    });
  }
});

Deno.test("readMessage() leaves what is right as it is", async () => {
  const message = [
    "Content-Type: multipart/mixed; boundary=b",
    "",
    "--b",
    "Content-Type: multipart/alternative; boundary=c",
    "",
    "--c",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    "R3LDvMOfZQ0K",
    "",
    "--c",
    "Content-Type: text/html; charset=iso-8859-1",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "<p>Gr=FC=DFe</p>",
    "--c--",
    "--b",
    "Content-Type: application/octet-stream",
    "Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.bin",
    "Content-Transfer-Encoding: base64",
    "",
    "AAECAw==",
    "--b--",
    "",
  ].join("\r\n");
  const { email, faults } = await readMessage(new TextEncoder().encode(message), {});
  assertEquals([email.text?.trim(), email.html?.trim()], ["Grüße", "<p>Grüße</p>"]);
  assertEquals(
    email.attachments.map(({ filename, content }) => [filename, new Uint8Array(content as ArrayBuffer)]),
    [
      ["Grüße.bin", Uint8Array.of(0, 1, 2, 3)],
    ],
  );
  assertEquals(faults, []);
});

Deno.test("an attachment in base64 keeps its bytes when a list put a footer behind it", async () => {
  const message = "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
    "AAECAw==\r\n\r\n-- \r\nUnsubscribe\r\n";
  const { email, faults } = await readMessage(new TextEncoder().encode(message), {});
  assertEquals(new Uint8Array(email.attachments[0]!.content as ArrayBuffer), Uint8Array.of(0, 1, 2, 3));
  assertEquals(faults.length, 1);
});

Deno.test("an attachment that is not in base64 keeps its octets (RFC 2045 6.7, RFC 2046 5.1.1)", async () => {
  const cases: [encoding: string, sent: string, octets: string][] = [
    ["7bit", "a,b\r\n1,2", "a,b\r\n1,2"],
    ["8bit", "a,b\r\n1,2\r\n", "a,b\r\n1,2\r\n"],
    ["binary", "", ""],
    ["quoted-printable", "a=3Db\r\n1,2", "a=b\r\n1,2"],
    ["quoted-printable", "a=0Ab=0D=0A1=\r\n,2=", "a\nb\r\n1,2"],
    ["quoted-printable", "a=\r\n\r\n\r\n", "a\r\n\r\n"],
    ["quoted-printable", "soft= \t\r\nly \r\n \t\r\nb=20 = \r\n", "softly\r\n\r\nb  "],
  ];
  for (const [encoding, sent, octets] of cases) {
    for (const type of ["text/csv", "text/calendar", "application/json"]) {
      const head =
        `Content-Type: ${type}\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: ${encoding}`;
      const parts = `--b\r\n${head}\r\n\r\n${sent}\r\n`;
      const message = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts}${parts}--b--\r\n`;
      const { email } = await readMessage(new TextEncoder().encode(message), {});
      for (const { content } of email.attachments) {
        assertEquals(new TextDecoder().decode(content as ArrayBuffer), octets, `${type} ${encoding} ${sent}`);
      }
      assertEquals(email.attachments.length, 2);
    }
  }
  const alone = "Content-Type: text/csv\r\nContent-Disposition: attachment\r\n\r\na,b\r\n1,2\r\n";
  const { email } = await readMessage(new TextEncoder().encode(alone), {});
  assertEquals(new TextDecoder().decode(email.attachments[0]!.content as ArrayBuffer), "a,b\r\n1,2\r\n");
});

Deno.test("what is no type, or a text of an unknown kind, is shown as text", async () => {
  for (
    const type of ["text", "text/plain charset=iso-8859-1", "text/enriched; charset=iso-8859-1", "", "/;"]
  ) {
    const bytes = Uint8Array.from(`Content-Type: ${type}\r\n\r\nGr\xfc\xdfe\r\n`, (c) => c.charCodeAt(0));
    assertEquals((await readMessage(bytes, {})).email.text, "Gr\u00fc\u00dfe\n", type);
  }
});

Deno.test("readMessage() takes little time over parts without a boundary", async () => {
  const lines = Array.from({ length: 100_000 }, (_, i) => `--${i.toString().padStart(8, "0")}`).join("\r\n");
  const bytes = new TextEncoder().encode(`Content-Type: multipart/mixed\r\n\r\n${lines}\r\n`);
  const ms = await cpuMs(() => readMessage(bytes, {}));
  assert(ms < 5_000, `${ms} ms`);
});

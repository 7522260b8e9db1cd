/** The letters that Mailpit and a server that captures are both sent. */

import { LETTER, PLAIN, TO } from "../../dialects/letters.ts";

interface Letter {
  readonly to?: readonly string[];
  readonly text: string;
  readonly login?: string;
  readonly calls?: readonly string[];
}

function withAttachments(count: number): string {
  const head =
    `From: m@example.com\nTo: bob@example.net\nSubject: ${count} attachments\nMessage-ID: <11@example.com>\n` +
    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nmany\n";
  const parts = Array.from(
    { length: count },
    (_, i) =>
      `--m\nContent-Type: text/csv; name="${i}.csv"\nContent-Disposition: attachment; filename="${i}.csv"\n\n` +
      `${i};${i * i}\n`,
  );
  return `${head}${parts.join("")}--m--\n`;
}

/** Those that Mailpit refuses and we take, with its reply. */
export const REFUSED_THERE: readonly { readonly text: string; readonly reply: string }[] = [
  { text: withAttachments(500), reply: "554 5.6.0 Unable to parse message" },
  { text: "a line that is no field\n\n", reply: "451 4.3.5 Unable to process mail" },
];

/** By subject; an octet for each character. `calls`: what is asked of it, where not all is, since either takes a second. */
export const LETTERS: Readonly<Record<string, Letter>> = {
  "Your code café": { to: TO, text: LETTER },
  "plain words": { text: PLAIN, login: "ann" },
  "html only": {
    text: "From: h@example.com\nTo: bob@example.net\nSubject: html only\nMessage-ID: <2@example.com>\n" +
      "Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n" +
      "<h1>Gr=FC=DFe</h1><p>only html</p>\n",
  },
  "latin": {
    text: "From: l@example.com\nTo: bob@example.net\nSubject: latin\nMessage-ID: <3@example.com>\n" +
      "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\nGr\xfc\xdfe\n",
  },
  "rohes Grüße": {
    text: "From: J\xc3\xbcrgen <j@example.com>\nTo: bob@example.net\nSubject: rohes Gr\xc3\xbc\xc3\x9fe\n" +
      "Message-ID: <4@example.com>\nContent-Type: text/plain; charset=utf-8\n\nk\xc3\xb6rper\n",
  },
  "signed": {
    text: "From: s@example.com\nTo: bob@example.net\nSubject: signed\nMessage-ID: <5@example.com>\n" +
      "MIME-Version: 1.0\nContent-Type: multipart/signed; micalg=sha-256; boundary=s;\n" +
      ' protocol="application/pkcs7-signature"\n\n--s\nContent-Type: text/plain\n\nsigned text\n--s\n' +
      'Content-Type: application/pkcs7-signature; name="smime.p7s"\nContent-Transfer-Encoding: base64\n' +
      'Content-Disposition: attachment; filename="smime.p7s"\n\nMIIB\n--s--\n',
  },
  "carried": {
    text: "From: f@example.com\nTo: bob@example.net\nSubject: carried\nMessage-ID: <6@example.com>\n" +
      "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nsee\n" +
      "--m\nContent-Type: message/rfc822; name=in.eml\nContent-Disposition: attachment; filename=in.eml\n\n" +
      "From: in@example.com\nSubject: inner\n\ninner text\n\n--m\n" +
      "Content-Type: text/calendar; method=REQUEST; charset=utf-8\n\nBEGIN:VCALENDAR\nEND:VCALENDAR\n--m--\n",
  },
  // no header at all
  "": { text: "\njust a line\n" },
  "no more than a header": { text: "Subject: no more than a header\nFrom: n@example.com" },
  "encrypted": {
    text: "From: s@example.com\nTo: bob@example.net\nSubject: encrypted\nMessage-ID: <7@example.com>\n" +
      'MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\n' +
      'Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="smime.p7m"\n\nMIIB\n',
  },
  "many people": {
    to: ["a@example.net", "b@example.net", "c@example.net", "d@example.net", "e@example.net"],
    text:
      'From: "Doe, J." <j@example.com>\nTo: A <a@example.net>, Friends: b@example.net, "C" <c@example.net>;\n' +
      "Cc: D <d@example.net>\nReply-To: R <r@example.com>, s@example.com\nSubject: many people\n" +
      "Message-ID: <8@example.com>\nDate: Mon, 30 Nov 2026 01:02:03 -0800\n\nhi\n",
  },
  ...Object.fromEntries([
    "https://shop.example/u",
    "x <https://shop.example/u>",
    "<https://shop.example/u> <mailto:u@shop.example>",
    "<https://shop.example/u>, <https://shop.example/v>",
    "<mailto:u@shop.example?subject=out>, <ftp://shop.example/u>",
    "<https://shop.example/u v>(a comment)",
    "<https://shop.example/1>, <mailto:u@shop.example>, <https://shop.example/2>",
    "<mailto:u@shop.example> , <https://shop.example/u>",
  ].map((field, i) => [`news ${i}`, {
    calls: [""],
    text: `From: n@example.com\nTo: bob@example.net\nSubject: news ${i}\nMessage-ID: <n${i}@example.com>\n` +
      `List-Unsubscribe: ${field}\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nnews\n`,
  }])),
  "a folded and encoded subject": {
    text: "From: =?iso-8859-1?q?J=FCrgen?= <j@example.com>\nTo: bob@example.net\n" +
      "Subject: =?utf-8?q?a_folded_and?=\n =?utf-8?b?IGVuY29kZWQ=?= subject\nMessage-ID: <9@example.com>\n" +
      "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nR3LDvMOfZQo=\n",
  },
  "pictures": {
    text: `From: p@example.com\nTo: bob@example.net\nSubject: pictures\nMessage-ID: <10@example.com>\n` +
      "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n" +
      '<p>see <img src="cid:one"> <a href="http://127.0.0.1:9/y">there</a></p>\n--m\n' +
      'Content-Type: image/gif; name="dot.gif"\nContent-ID: <one>\nContent-Disposition: inline\n' +
      "Content-Transfer-Encoding: base64\n\nR0lGODlhAQABAIAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==\n--m\n" +
      'Content-Type: image/png\nContent-Disposition: attachment; filename="broken.png"\n\nno picture\n--m--\n',
  },
  "490 attachments": { text: withAttachments(490) },
  "25 MiB": {
    calls: ["", "/part/2"],
    text: "From: b@example.com\nTo: bob@example.net\nSubject: 25 MiB\nMessage-ID: <12@example.com>\n" +
      "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nlarge\n" +
      "--m\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n" +
      `Content-Disposition: attachment; filename="large.bin"\n\n${
        `${"QUJD".repeat(19)}\n`.repeat(335_900)
      }--m--\n`,
  },
};

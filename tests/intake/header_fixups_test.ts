import { assertEquals } from "@std/assert";
import { binaryString, encode } from "../../src/base/bytes.ts";
import { fixHeader, type Trust } from "../../src/intake/header_fixups.ts";
import { scanHeader } from "../../src/mail/header.ts";

const ACCOUNT = "brain@here.example";
const DATE = "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n";
const MESSAGE_ID = "Message-ID: <ID@mail.here.example>\r\n";
const WHOLE = "Date: x\r\nMessage-ID: <x@y>\r\n";

/** What is added and the header section that goes on, for one that came (with CRLF line ends, or LF in a file). */
function fixed(text: string, trust: Trust, account?: string): { added: string; header: string } {
  const header = encode(text.replace(/\r?\n/g, "\r\n"));
  const { added, header: kept } = fixHeader(header, {
    trust,
    ...scanHeader(header),
    account,
    author: account,
    domain: "here.example",
    now: 0,
    id: "ID",
    hostname: "mail.here.example",
  });
  return { added, header: binaryString(kept) };
}

Deno.test("fixHeader() adds what a user's message lacks, and nothing else (RFC 6409 8)", () => {
  const cases: [string, string | undefined, string][] = [
    [`${WHOLE}From: brain@here.example\r\n`, ACCOUNT, ""],
    [`${WHOLE}From: The Brain <Brain@here.example>\r\n`, ACCOUNT, ""],
    [`${WHOLE}From: brain\r\n`, ACCOUNT, ""],
    [WHOLE.toLowerCase(), ACCOUNT, "From: brain@here.example\r\n"],
    [`${WHOLE}From: pinky@here.example\r\n`, ACCOUNT, "Sender: brain@here.example\r\n"],
    [`${WHOLE}From: a@x.example, brain@here.example\r\n`, ACCOUNT, "Sender: brain@here.example\r\n"],
    [`${WHOLE}From: pinky@here.example\r\nSender: pinky@here.example\r\n`, ACCOUNT, ""],
    [`${WHOLE}From: pinky@here.example\r\n`, undefined, ""],
    ["From: brain@here.example\r\n", ACCOUNT, DATE + MESSAGE_ID],
    // MIME-Version only where MIME is used
    [`${WHOLE}From: brain\r\nContent-Type: text/plain\r\n`, ACCOUNT, "MIME-Version: 1.0\r\n"],
    [`${WHOLE}From: brain\r\nContent-Transfer-Encoding: 8bit\r\n`, ACCOUNT, "MIME-Version: 1.0\r\n"],
    [`${WHOLE}From: brain\r\nContent-Type: text/plain\r\nMime-Version: 1.0\r\n`, ACCOUNT, ""],
  ];
  for (const [text, who, expected] of cases) {
    assertEquals(fixed(`${text}\r\n`, "user", who).added, expected, text);
  }
});

Deno.test("fixHeader() adds Date, Message-ID and MIME-Version for a trusted network, nothing for strangers", () => {
  const text = "From: app\r\nContent-Type: text/plain\r\n\r\n";
  assertEquals(fixed(text, "network").added, `${DATE}${MESSAGE_ID}MIME-Version: 1.0\r\n`);
  assertEquals(fixed(text, "stranger").added, "");
  // a signature may say that a field is not there
  assertEquals(fixed(`DKIM-Signature: v=1\r\n${text}`, "network").added, "");
});

Deno.test("fixHeader() writes an empty Date and Message-ID anew for our own, and leaves those of strangers", () => {
  const rest = "From: brain@here.example\r\nSubject:\r\n\r\n";
  for (const id of ["<>", "", " \t", "< >"]) {
    const text = `Message-ID: ${id}\r\nDate:\r\n${rest}`;
    for (const trust of ["user", "network"] as const) {
      assertEquals(fixed(text, trust, ACCOUNT), { added: DATE + MESSAGE_ID, header: rest }, id);
    }
    assertEquals(fixed(text, "stranger"), { added: "", header: text });
  }
  // folded behind its colon, as long ids are; beside one that says something; signed as it is
  for (
    const text of [
      `Date: x\r\nMessage-ID:\r\n <x@y>\r\n${rest}`,
      `${WHOLE}Message-ID: <>\r\n${rest}`,
      `Message-ID: <>\r\n${WHOLE}${rest}`,
      `DKIM-Signature: v=1\r\nDate: x\r\nMessage-ID: <>\r\n${rest}`,
    ]
  ) {
    assertEquals(fixed(text, "user", ACCOUNT), { added: "", header: text });
  }
});

Deno.test("fixHeader() completes addresses of users only", () => {
  const text = "From: root (Cron Daemon)\r\nSender: cron\r\nReply-To: ops,\r\n dev\r\nTo: root\r\n" +
    "Cc: Jo <jo>\r\nResent-From: a\r\nResent-To: b\r\nX-To: root\r\nSubject: From: root\r\n\r\n";
  assertEquals(
    fixed(text, "user").header,
    "From: root@here.example (Cron Daemon)\r\nSender: cron@here.example\r\nReply-To: ops@here.example,\r\n" +
      " dev@here.example\r\nTo: root@here.example\r\nCc: Jo <jo@here.example>\r\nResent-From: a@here.example\r\n" +
      "Resent-To: b@here.example\r\nX-To: root\r\nSubject: From: root\r\n\r\n",
  );
  for (const trust of ["network", "stranger"] as const) assertEquals(fixed(text, trust).header, text);
});

Deno.test("fixHeader() writes as usual what verifiers of signatures read differently, unless it is signed already", () => {
  const text = "Subject \t: a\vb\r\n\fc\r\nX-Y : d\r\n\r\n";
  assertEquals(fixed(text, "user").header, "Subject: a b\r\n c\r\nX-Y: d\r\n\r\n");
  const signed = `DKIM-Signature: v=1\r\n${text}`;
  assertEquals(fixed(signed, "user").header, signed);
  for (const trust of ["network", "stranger"] as const) assertEquals(fixed(text, trust).header, text);
});

Deno.test("fixHeader() leaves octets beyond ASCII as they are", () => {
  const header = new Uint8Array([...encode("From: J\xfc <jo>\r\nX: "), 0xe9, 0xff, 13, 10, 13, 10]);
  const options = {
    trust: "user",
    ...scanHeader(header),
    account: undefined,
    author: undefined,
    domain: "d",
    now: 0,
    id: "I",
    hostname: "h",
  } as const;
  const after = fixHeader(header, options).header;
  assertEquals(binaryString(after), binaryString(header).replace("<jo>", "<jo@d>"));
});

Deno.test("fixHeader() takes out what is nobody else's business", () => {
  const text = "Return-Path: <a@b>\r\nDelivered-To: x\r\nBcc: ann@here.example,\r\n jo@here.example\r\n" +
    "Resent-Bcc: x\r\nContent-Length: 3\r\nSTATUS: RO\r\nX-UIDL: abc\r\nSubject: x\r\n\r\n";
  const clean = "Delivered-To: x\r\nSubject: x\r\n\r\n";
  assertEquals(fixed(text, "user").header, clean);
  assertEquals(fixed(text, "network").header, clean);
  assertEquals(fixed(text, "stranger").header, text.slice(text.indexOf("Delivered-To")));
});

Deno.test("fixHeader() takes off the line that mailbox files put before a message", async () => {
  const file = await Deno.readTextFile(
    new URL("../../fixtures/messages/send_from_line.eml", import.meta.url),
  );
  const [line, ...rest] = file.slice(0, file.indexOf("\n\n") + 2).split("\n");
  assertEquals(line!.slice(0, 5), "From ");
  const fields = rest.join("\r\n");
  const lines: string[] = [
    line!,
    `>${line}`,
    "From jo@example.org",
    ">From - Mon Jan 05 09:00:00 2026",
    "From MAILER-DAEMON lun. janv. 5 9:00 2026",
  ];
  for (const trust of ["user", "network", "stranger"] as const) {
    for (const first of lines) {
      assertEquals(fixed(`${first}\r\n${fields}`, trust).header, fields, first);
      assertEquals(
        fixed(`${first}\r\n>From x Mon Jan  5 09:00:00 2026\r\n${fields}`, trust).header,
        fields,
        first,
      );
    }
    assertEquals(fixed("From x Mon Jan  5 09:00:00 2026\r\n\r\n", trust).header, "\r\n");
    for (
      const text of [
        "From the start it was clear.\r\n\r\n",
        "From now on:\r\n\r\n",
        ...(trust === "user" ? [] : ["From : jo@example.org\r\nTo: x@example.org\r\n\r\n"]),
        "From: jo@example.org\r\n\r\n",
        "Subject: x\r\nFrom x Mon Jan  5 09:00:00 2026\r\n\r\n",
      ]
    ) {
      assertEquals(fixed(text, trust).header, text, JSON.stringify(text));
    }
  }
});

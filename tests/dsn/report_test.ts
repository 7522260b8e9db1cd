import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { decode, encode } from "../../src/base/bytes.ts";
import { parseFields, scanHeader } from "../../src/mail/header.ts";
import { bodyTypeOf, buildReport } from "../../src/dsn/report.ts";
import type { ReportRecipient, ReportRequest } from "../../src/dsn/request.ts";

const ARRIVAL = Date.UTC(2026, 10, 24, 3, 51, 22);
const HOUR = 3_600_000;

const HEAD =
  "Received: from pc.howstuffworks.com ([192.0.2.7])\r\n by mail.howstuffworks.com with ESMTPSA\r\n" +
  " id 01JDFMW3X4A7B2CD; Tue, 24 Nov 2026 03:51:22 +0000\r\n" +
  "From: Brain <brain@howstuffworks.com>\r\nTo: J. Smith <jsmith@mindspring.com>\r\nSubject: Lunch on Friday?\r\n" +
  "Date: Tue, 24 Nov 2026 03:51:20 +0000\r\nMessage-ID: <lunch-1@howstuffworks.com>\r\n\r\n";
const MESSAGE = `${HEAD}Shall we say noon?\r\n`;

const RECIPIENT: ReportRecipient = {
  address: "jsmith@mindspring.com",
  action: "failed",
  status: "5.1.1",
  text: "5.1.1 No such user here",
  code: 550,
  remoteMta: "mx1.mindspring.com",
  lastAttempt: ARRIVAL + 2_000,
};

const REQUEST: ReportRequest = {
  kind: "failed",
  reportingMta: "mail.howstuffworks.com",
  to: "brain@howstuffworks.com",
  arrival: ARRIVAL,
  now: ARRIVAL + 3_000,
  recipients: [RECIPIENT],
  original: { head: encode(HEAD) },
  id: "01JDFMW6Z0K1M2NP",
};

const MESSAGE_UTF8 =
  "From: Jürgen <jürgen@bücher.example>\r\nTo: 用户@例子.example\r\nSubject: Grüße\r\n\r\nHallo\r\n";

/** The scenarios of fixtures/dsn: a file each. */
const SCENARIOS: Record<string, ReportRequest> = {
  failed: REQUEST,
  failed_full: {
    ...REQUEST,
    envid: "order+2B7",
    recipients: [{ ...RECIPIENT, orcpt: "rfc822;staff+2Blunch@howstuffworks.com" }],
    original: { head: encode(HEAD), full: encode(MESSAGE) },
  },
  gave_up: {
    ...REQUEST,
    now: ARRIVAL + 120 * HOUR,
    recipients: [{
      address: "jsmith@mindspring.com",
      action: "failed",
      status: "4.4.1",
      text: "Connection to mx1.mindspring.com [192.0.2.25] timed out; gave up after 5 days",
      remoteMta: "mx1.mindspring.com",
      lastAttempt: ARRIVAL + 120 * HOUR - 5_000,
    }],
  },
  delayed: {
    ...REQUEST,
    kind: "delayed",
    now: ARRIVAL + 4 * HOUR,
    recipients: [{
      address: "jsmith@mindspring.com",
      action: "delayed",
      status: "4.7.1",
      text: "4.7.1 Greylisted, come back later",
      code: 451,
      remoteMta: "mx1.mindspring.com",
      lastAttempt: ARRIVAL + 4 * HOUR - 60_000,
      willRetryUntil: ARRIVAL + 120 * HOUR,
    }],
  },
  success: {
    ...REQUEST,
    kind: "delivered",
    recipients: [
      {
        address: "brain@howstuffworks.com",
        action: "delivered",
        status: "2.1.5",
        text: "Delivered",
        lastAttempt: ARRIVAL,
      },
      {
        address: "jsmith@mindspring.com",
        action: "relayed",
        status: "2.0.0",
        text: "2.0.0 Ok: queued as 4711",
        code: 250,
        remoteMta: "mx1.mindspring.com",
        lastAttempt: ARRIVAL + 2_000,
      },
      {
        address: "staff@howstuffworks.com",
        action: "expanded",
        status: "2.1.5",
        text: "Expanded",
        lastAttempt: ARRIVAL,
      },
    ],
    // RET=FULL is for failures only
    original: { head: encode(HEAD), full: encode(MESSAGE) },
  },
  mixed: {
    ...REQUEST,
    recipients: [
      {
        ...RECIPIENT,
        address: "slow@mindspring.com",
        action: "delayed",
        status: "4.2.0",
        text: "Busy",
        code: 450,
      },
      RECIPIENT,
      {
        address: '"odd name"@mindspring.com',
        action: "failed",
        status: "5.2.2",
        text: "5.2.2 Boîte pleine",
        code: 552,
        lastAttempt: ARRIVAL + 2_000,
      },
    ],
  },
  utf8: {
    ...REQUEST,
    to: "jürgen@xn--bcher-kva.example",
    utf8: true,
    recipients: [{
      ...RECIPIENT,
      address: "用户@xn--fsqu00a.example",
      orcpt: "utf-8;\\x{7528}\\x{6237}@例子.example",
    }],
    original: { head: encode(MESSAGE_UTF8), full: encode(MESSAGE_UTF8) },
  },
  utf8_recipient_ascii_report: {
    ...REQUEST,
    recipients: [{
      ...RECIPIENT,
      address: "用户@xn--fsqu00a.example",
      orcpt: "utf-8;\\x{7528}\\x{6237}@a.example",
    }],
  },
};

/** A report taken apart by a foreign parser. */
async function taken(report: Uint8Array) {
  const mail = await PostalMime.parse(report, { forceRfc822Attachments: true });
  const header = (name: string) => mail.headers.find((field) => field.key === name)?.value;
  const part = (type: RegExp) => {
    const found = mail.attachments.find((attachment) => type.test(attachment.mimeType));
    if (!found) return undefined;
    const { content } = found;
    const text = typeof content === "string" ? content : decode(new Uint8Array(content as ArrayBuffer));
    // the parser hands line ends out as LF, and one too many
    return `${text.replace(/\r?\n/g, "\r\n").trimEnd()}\r\n`;
  };
  const status = (part(/delivery-status$/) ?? "").split(/\r?\n\r?\n/).map((group) =>
    Object.fromEntries(parseFields(encode(`${group}\r\n\r\n`)).map(({ name, value }) => [name, value]))
  );
  return { mail, header, part, status };
}

/** What must be true of every report. */
function wellFormed(report: Uint8Array): void {
  const text = decode(report);
  assert(text.endsWith("\r\n"));
  assert(!/\r(?!\n)|(?<!\r)\n|\0/.test(text));
  for (const line of text.split("\r\n")) assert(encode(line).length <= 998, `${line.length}`);
}

for (const [name, request] of Object.entries(SCENARIOS)) {
  Deno.test(`buildReport() writes fixtures/dsn/${name}.eml byte for byte`, async () => {
    const report = buildReport(request);
    wellFormed(report);
    const golden = new URL(`../../fixtures/dsn/${name}.eml`, import.meta.url);
    // WRITE_GOLDEN=1 writes the file anew: read what changed before keeping it
    if (Deno.env.get("WRITE_GOLDEN") === "1") await Deno.writeFile(golden, report);
    assertEquals(decode(report), decode(await Deno.readFile(golden)));
    assertEquals(report, await Deno.readFile(golden));
  });

  Deno.test(`buildReport() makes a report that a foreign parser reads: ${name}`, async () => {
    const { mail, header, status } = await taken(buildReport(request));
    assert(header("content-type")!.startsWith("multipart/report; report-type=delivery-status"));
    assertEquals(header("auto-submitted"), "auto-replied");
    assertEquals(mail.from, {
      name: "Mail Delivery System",
      address: "MAILER-DAEMON@mail.howstuffworks.com",
    });
    assertEquals(mail.to?.[0]?.address, request.to);
    assertEquals(mail.messageId, "<01JDFMW6Z0K1M2NP@mail.howstuffworks.com>");
    assertEquals(Date.parse(mail.date!), request.now);
    for (const { address } of request.recipients) assert(mail.text!.includes(`<${address}>`), mail.text);
    assertEquals(status[0]!["Reporting-MTA"], "dns; mail.howstuffworks.com");
    assertEquals(Date.parse(status[0]!["Arrival-Date"]!), ARRIVAL);
    const groups = status.slice(1, 1 + request.recipients.length);
    const told = groups.map((group) => `${group["Action"]} ${group["Status"]}`);
    assertEquals(told.toSorted(), request.recipients.map((one) => `${one.action} ${one.status}`).toSorted());
  });
}

Deno.test("buildReport() tells of a failure what the server said and what to do, and returns the header", async () => {
  const { mail, header, part, status } = await taken(buildReport(SCENARIOS.failed!));
  assertEquals(header("in-reply-to"), "<lunch-1@howstuffworks.com>");
  assert(/The server mx1\.mindspring\.com said: 550 5\.1\.1 No such\s+user here/.test(mail.text!), mail.text);
  assert(mail.text!.includes('subject "Lunch on Friday?"'));
  assert(mail.text!.includes("What you can do: Look for a typo"));
  assertEquals(status[1], {
    "Final-Recipient": "rfc822; jsmith@mindspring.com",
    "Action": "failed",
    "Status": "5.1.1",
    "Remote-MTA": "dns; mx1.mindspring.com",
    "Diagnostic-Code": "smtp; 550 5.1.1 No such user here",
    "Last-Attempt-Date": "Tue, 24 Nov 2026 03:51:24 +0000",
  });
  assertEquals(part(/^text\/rfc822-headers$/), `${HEAD.trimEnd()}\r\n`);
});

Deno.test("buildReport() repeats ENVID and ORCPT decoded, and returns the whole message for RET=FULL", async () => {
  const { mail, part, status } = await taken(buildReport(SCENARIOS.failed_full!));
  assertEquals(status[0]!["Original-Envelope-Id"], "order+7");
  assertEquals(status[1]!["Original-Recipient"], "rfc822; staff+lunch@howstuffworks.com");
  assert(/\(you wrote to\s+staff\+lunch@howstuffworks\.com\)/.test(mail.text!), mail.text);
  assertEquals(part(/^message\/rfc822$/), MESSAGE);
  assert(decode(buildReport(SCENARIOS.failed_full!)).includes(`\r\n\r\n${MESSAGE}\r\n--=_report_`));
});

Deno.test("buildReport() tells of a delay until when it is tried, and that nothing need be done", async () => {
  const { mail, status } = await taken(buildReport(SCENARIOS.delayed!));
  assert(/need\s+not\s+send\s+your\s+message\s+again/.test(mail.text!), mail.text);
  assert(/until\s+Sun,\s+29\s+Nov\s+2026\s+03:51:22/.test(mail.text!), mail.text);
  assertEquals(status[1]!["Will-Retry-Until"], "Sun, 29 Nov 2026 03:51:22 +0000");
  assertEquals(mail.subject, "Your message is delayed, but still on its way");
});

Deno.test("buildReport() adds its own words to what the server said for people, never for programs", async () => {
  const late = { ...RECIPIENT, status: "5.4.7" as const, note: "Delivery time expired" };
  const said = await taken(buildReport({
    ...REQUEST,
    recipients: [{ ...late, code: 450, text: "4.2.0 grey" }],
  }));
  assert(said.mail.text!.includes("Reason: Delivery time expired.\n"), said.mail.text);
  assert(said.mail.text!.includes("The server mx1.mindspring.com said last: 450 4.2.0 grey"), said.mail.text);
  assertEquals(said.status[1]!["Diagnostic-Code"], "smtp; 450 4.2.0 grey");
  const { code: _, ...silent } = { ...late, text: "Connection refused" };
  const own = await taken(buildReport({ ...REQUEST, recipients: [silent] }));
  assert(own.mail.text!.includes("Reason: Delivery time expired: Connection refused"), own.mail.text);
  assertEquals(own.status[1]!["Diagnostic-Code"], "X-Dinopost; Delivery time expired: Connection refused");
});

Deno.test("buildReport() returns the header only when nothing failed", async () => {
  const { part } = await taken(buildReport(SCENARIOS.success!));
  assertEquals(part(/^message\/rfc822$/), undefined);
  assert(part(/^text\/rfc822-headers$/)!.includes("Subject: Lunch on Friday?"));
});

Deno.test("buildReport() is 7-bit when the original is, whatever the server said", async () => {
  for (const name of ["failed", "failed_full", "delayed", "mixed", "utf8_recipient_ascii_report"]) {
    assertEquals(bodyTypeOf(buildReport(SCENARIOS[name]!)), "7BIT", name);
  }
  const { mail, status } = await taken(buildReport(SCENARIOS.mixed!));
  assert(mail.text!.includes("552 5.2.2 Boîte pleine"), mail.text);
  assertEquals(status[2]!["Diagnostic-Code"], "smtp; 552 5.2.2 Bo?te pleine");
});

Deno.test("buildReport() tells of failures first, for programs that go by the first recipient alone", async () => {
  const { status } = await taken(buildReport(SCENARIOS.mixed!));
  assertEquals(status.slice(1, 4).map((group) => group["Action"]), ["failed", "failed", "delayed"]);
});

Deno.test("buildReport() speaks UTF-8 to those who wrote in UTF-8 (RFC 6533)", async () => {
  const report = buildReport(SCENARIOS.utf8!);
  assertEquals(bodyTypeOf(report), "8BITMIME");
  const text = decode(report);
  assert(text.includes("Content-Type: message/global-delivery-status\r\n"));
  assert(text.includes("Content-Type: message/global\r\n"));
  const { status } = await taken(report);
  assertEquals(status[1]!["Final-Recipient"], "utf-8; 用户@xn--fsqu00a.example");
  assertEquals(status[1]!["Original-Recipient"], "utf-8; 用户@例子.example");
});

Deno.test("buildReport() writes addresses beyond ASCII in ASCII for those who may not read UTF-8", async () => {
  const { mail, status } = await taken(buildReport(SCENARIOS.utf8_recipient_ascii_report!));
  assertEquals(status[1]!["Final-Recipient"], "utf-8; \\x{7528}\\x{6237}@xn--fsqu00a.example");
  assertEquals(status[1]!["Original-Recipient"], "utf-8; \\x{7528}\\x{6237}@a.example");
  assert(mail.text!.includes("<用户@xn--fsqu00a.example>"));
});

Deno.test("buildReport() returns heads that break the rules as quoted-printable", async () => {
  const rows: [what: string, head: string][] = [
    ["bytes beyond ASCII", "Subject: Gr\u00fc\u00dfe  \r\nTo: a\r\n\r\n"],
    ["a line too long", `X-Long: ${"x".repeat(5000)}\r\n\r\n`],
    ["bare line ends", "Subject: a\nTo: b\r\n\r\n"],
    ["a NUL", "Subject: a\0b\r\n\r\n"],
  ];
  for (const [what, head] of rows) {
    const original = { head: encode(head), full: encode(`${head}${"y".repeat(3000)}\0\r\n`) };
    const report = buildReport({ ...REQUEST, original });
    wellFormed(report);
    assertEquals(bodyTypeOf(report), "7BIT", what);
    const { part } = await taken(report);
    const sent = head.replace(/\r?\n/g, "\r\n").trimEnd();
    assertEquals(part(/^text\/rfc822-headers$/), `${sent}\r\n`, what);
  }
});

Deno.test("buildReport() takes a boundary that the returned message doesn't hold", async () => {
  const first = decode(buildReport(REQUEST)).match(/boundary="([^"]+)"/)![1]!;
  const full = encode(`${HEAD}--${first}\r\nContent-Type: text/plain\r\n\r\nsmuggled\r\n--${first}--\r\n`);
  const report = buildReport({ ...REQUEST, original: { head: encode(HEAD), full } });
  assert(decode(report).match(/boundary="([^"]+)"/)![1] !== first);
  const { part } = await taken(report);
  assertEquals(part(/^message\/rfc822$/), decode(full));
});

Deno.test("buildReport() lets no field bring in another, whatever it holds", () => {
  const noise = fc.oneof(
    fc.string({ unit: "binary", maxLength: 80 }),
    fc.constantFrom(
      "a\r\nBcc: evil@x.example\r\n\r\nbody",
      "x".repeat(3000),
      "a\n\n--=_report_01JDFMW6Z0K1M2NP--\n",
    ),
  );
  const expected = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "auto-submitted",
  ]
    .concat("mime-version", "content-type").sort().join();
  fc.assert(
    fc.property(fc.record({ a: noise, b: noise, c: noise, utf8: fc.boolean() }), ({ a, b, c, utf8 }) => {
      const report = buildReport({
        ...REQUEST,
        reportingMta: a,
        to: b,
        envid: c,
        id: a,
        utf8,
        recipients: [{ ...RECIPIENT, address: a, orcpt: `rfc822;${b}`, text: c, remoteMta: a }],
      });
      wellFormed(report);
      const { names, end } = scanHeader(report);
      assertEquals([...names].sort().join(), expected);
      assertEquals(parseFields(report.subarray(0, end)).length, 10);
      const boundary = decode(report.subarray(0, end)).match(/boundary="([^"]+)"/)![1]!;
      const delimiters = decode(report).split("\r\n").filter((line) => line.startsWith(`--${boundary}`));
      assertEquals(delimiters.length, 4);
    }),
    { numRuns: 200 },
  );
});

Deno.test("buildReport() makes one report for a thousand recipients", () => {
  const recipients = Array.from(
    { length: 1000 },
    (_, n) => ({ ...RECIPIENT, address: `user${n}@mindspring.com` }),
  );
  const report = buildReport({ ...REQUEST, recipients });
  wellFormed(report);
  assert(report.length < 700 * 1024, `${report.length}`);
});

Deno.test("buildReport() blames no other server for what our own rules keep back", async () => {
  const { address, action } = RECIPIENT;
  const text = `${address} is on the suppression list of this server since 2026-11-30`;
  const recipients = [{ address, action, status: "5.7.1" as const, text, lastAttempt: ARRIVAL }];
  const { mail } = await taken(buildReport({ ...REQUEST, recipients }));
  assert(/What you can do: This server itself does not send it/.test(mail.text!), mail.text);
});

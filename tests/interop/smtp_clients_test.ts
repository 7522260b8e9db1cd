/** Foreign programs send mail: in clear, after STARTTLS and over TLS, with every mechanism they know. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createTransport } from "nodemailer";
import type { Kind } from "../e2e/support/server_process.ts";
import { PASSWORD, type PostOffice, testWith, USER } from "./support/post_office.ts";

const EMPTY = { letters: false };

/** A letter as programs read it from stdin, with lines that dot-stuffing and mbox readers stumble over. */
function letter(subject: string): string {
  return `From: ${USER}\nTo: ${USER}\nSubject: ${subject}\n\n.\n..\nFrom here on\n${"x".repeat(900)}\n`;
}

/** What became of it in the mailbox, behind the head. */
const BODY = `.\r\n..\r\nFrom here on\r\n${"x".repeat(900)}\r\n`;

/** The letter of that subject, which is there once. */
async function arrived(office: PostOffice, subject: string): Promise<string> {
  const found = (await office.texts()).filter((text) => text.includes(`\r\nSubject: ${subject}\r\n`));
  assertEquals(found.length, 1, `letters with the subject ${subject}`);
  return found[0]!;
}

/** The `with` of the first Received field: ours. */
function protocolOf(text: string): string | undefined {
  return /^Received: from [^;]*? with (\w+)/m.exec(text)?.[1];
}

testWith(["curl"], "curl sends in clear, after STARTTLS and over TLS, and logs in", async (office) => {
  const ca = ["--cacert", office.certificate];
  const user = ["--user", `${USER}:${PASSWORD}`];
  const submission = `smtp://localhost:${office.port("submission")}`;
  const ways: [string, string, string, ...string[]][] = [
    ["clear", "ESMTP", `smtp://localhost:${office.port("smtp")}`],
    ["starttls", "ESMTPS", `smtp://localhost:${office.port("smtp")}`, "--ssl-reqd", ...ca],
    ["plain", "ESMTPSA", submission, "--ssl-reqd", ...ca, ...user, "--login-options", "AUTH=PLAIN"],
    ["login", "ESMTPSA", submission, "--ssl-reqd", ...ca, ...user, "--login-options", "AUTH=LOGIN"],
    ["loopback", "ESMTPA", submission, ...user],
    ["tls", "ESMTPSA", `smtps://localhost:${office.port("submissions")}`, ...ca, ...user],
  ];
  const curl = (url: string, options: readonly string[], subject: string) =>
    office.run(
      "curl",
      ["-sS", "--max-time", "20", "--url", url, "--mail-from", USER, "--mail-rcpt", USER, "--crlf"]
        .concat(options, "--upload-file", "-"),
      { stdin: letter(subject) },
    );
  for (const [subject, protocol, url, ...options] of ways) {
    const { code, err } = await curl(url, options, subject);
    assertEquals([err, code], ["", 0], subject);
    const text = await arrived(office, subject);
    assert(text.endsWith(`\r\n\r\n${BODY}`), text);
    assertEquals(protocolOf(text), protocol, text);
  }
  const wrong = await curl(submission, ["--user", `${USER}:wrong`], "wrong");
  assertEquals(wrong.code, 67, wrong.err); // "Login denied"
  const asked = await office.run("curl", ["-sS", "--url", ways[0]![2], "--request", `VRFY ${USER}`]);
  assertStringIncludes(asked.out, "252 2.5.2");
}, EMPTY);

testWith(
  ["swaks"],
  "swaks: every mechanism, STARTTLS and TLS, pipelining, LMTP, and a relay that is refused",
  async (office) => {
    const at = (kind: Kind) => `127.0.0.1:${office.port(kind)}`;
    const login = ["--auth-user", USER, "--auth-password", PASSWORD];
    const ways: [string, string, number, ...string[]][] = [
      ["clear", at("smtp"), 0],
      ["pipeline", at("smtp"), 0, "--pipeline"],
      ["tls", at("smtp"), 0, "--tls"],
      ["lmtp", at("lmtp"), 0, "--protocol", "LMTP"],
      ["submission-plain", at("submission"), 0, "--auth", "PLAIN", ...login],
      ["submission-login", at("submission"), 0, "--auth", "LOGIN", ...login],
      ["submission-tls-plain", at("submission"), 0, "--tls", "--auth", "PLAIN", ...login],
      ["submission-tls-login", at("submission"), 0, "--tls", "--auth", "LOGIN", ...login],
      ["submissions-plain", at("submissions"), 0, "--tls-on-connect", "--auth", "PLAIN", ...login],
      ["submissions-login", at("submissions"), 0, "--tls-on-connect", "--auth", "LOGIN", ...login],
      ["wrong", at("submission"), 28, "--auth", "PLAIN", "--auth-user", USER, "--auth-password", "wrong"],
      ["anonymous", at("submission"), 23],
    ];
    const swaks = (server: string, options: readonly string[], subject: string, to = USER) =>
      office.run("swaks", [
        ...["--server", server, "--from", USER, "--to", to, "--timeout", "20"],
        ...["--header", `Subject: ${subject}`, "--body", "One line\n.\nanother", ...options],
      ]);
    for (const [subject, server, expected, ...options] of ways) {
      const { code, out } = await swaks(server, options, subject);
      assertEquals(code, expected, `${subject}\n${out}`);
      if (expected !== 0) continue;
      const text = await arrived(office, subject);
      assertMatch(text, /\r\n\r\nOne line\r\n\.\r\nanother\r\n/);
      const [tls, auth] = [options.some((o) => o.startsWith("--tls")), options.includes("--auth")];
      const protocol = subject === "lmtp" ? "LMTP" : `ESMTP${tls ? "S" : ""}${auth ? "A" : ""}`;
      assertEquals(protocolOf(text), protocol, text);
    }
    const relay = await swaks(at("smtp"), [], "relay", "anybody@elsewhere.example");
    assertEquals(relay.code, 24, relay.out); // no recipient was accepted
    assertStringIncludes(relay.out, "550 5.7.1");
    const capabilities = await swaks(at("submission"), ["--quit-after", "EHLO"], "none");
    assertMatch(capabilities.out, /250[- ]AUTH SCRAM-SHA-256 PLAIN LOGIN\r?\n/);
  },
  EMPTY,
);

testWith(["msmtp"], "msmtp sends as sendmail does, by every mechanism that both have", async (office) => {
  const ways: [string, "submission" | "submissions", ...string[]][] = [
    ["plain", "submission", "tls on", "auth plain"],
    ["login", "submission", "tls on", "auth login"],
    ["scram-sha-256", "submission", "tls on", "auth scram-sha-256"],
    ["tls", "submissions", "tls on", "tls_starttls off", "auth on"],
  ];
  for (const [subject, kind, ...lines] of ways) {
    const rc = await office.file(
      "msmtprc",
      [
        "account default",
        "host localhost",
        `port ${office.port(kind)}`,
        `from ${USER}`,
        `user ${USER}`,
        `password ${PASSWORD}`,
        `tls_trust_file ${office.certificate}`,
        "timeout 20",
        ...lines,
        "",
      ].join("\n"),
    );
    const { code, err } = await office.run("msmtp", [`--file=${rc}`, "-t"], { stdin: letter(subject) });
    assertEquals([err, code], ["", 0], subject);
    const text = await arrived(office, subject);
    assert(text.endsWith(`\r\n\r\n${BODY}`), text);
    assertEquals(protocolOf(text), "ESMTPSA");
  }
}, EMPTY);

testWith(
  [],
  "nodemailer: a pool of connections, a long text, an attachment and a refused recipient",
  async (office) => {
    const transport = createTransport({
      host: "localhost",
      port: office.port("submission"),
      requireTLS: true,
      pool: true,
      maxConnections: 3,
      auth: { user: USER, pass: PASSWORD },
      tls: { ca: await Deno.readTextFile(office.certificate), servername: "localhost" },
    });
    try {
      await transport.verify();
      const sent = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          transport.sendMail({
            from: `Brain <${USER}>`,
            to: USER,
            subject: `pool ${i}`,
            text: `.\r\n${"All work and no play\r\n".repeat(2000)}`,
            attachments: [{ filename: "grüße.bin", content: "\0\r\n.\r\n\n" }],
          })),
      );
      for (const { response } of sent) assertMatch(response, /^250 2\.0\.0 Ok: queued as [0-9A-Z]{16}$/);
      for (let i = 0; i < 12; i++) assertEquals(protocolOf(await arrived(office, `pool ${i}`)), "ESMTPSA");
      const some = await transport.sendMail({
        from: USER,
        to: [USER, "nobody@localhost"],
        subject: "some",
        text: "x",
      });
      assertEquals([some.accepted, some.rejected], [[USER], ["nobody@localhost"]]);
    } finally {
      transport.close();
    }
  },
  EMPTY,
);

/** What Python's smtplib does, on all its ways in. */
const SMTPLIB = `
import smtplib, ssl, sys
smtp, submission, submissions, lmtp = map(int, sys.argv[1:5])
cafile, user, password = sys.argv[5:8]
context = ssl.create_default_context(cafile=cafile)
def text(subject): return f"From: {user}\\nTo: {user}\\nSubject: {subject}\\n\\n.\\n..\\nFrom here on\\n{'x' * 900}\\n"

with smtplib.SMTP("localhost", smtp, timeout=20) as c:
    assert c.ehlo()[0] == 250
    for word in ("size", "pipelining", "8bitmime", "smtputf8", "enhancedstatuscodes", "chunking", "dsn", "starttls"):
        assert c.has_extn(word), word
    assert not c.has_extn("auth")
    c.sendmail(user, [user], text("clear"), mail_options=["BODY=8BITMIME"], rcpt_options=["NOTIFY=NEVER"])
    assert c.noop()[0] == 250 and c.rset()[0] == 250 and c.help().startswith(b"2.0.0") and c.verify(user)[0] == 252
    try: c.sendmail(user, ["anybody@elsewhere.example"], text("relay")); raise SystemExit("relayed")
    except smtplib.SMTPRecipientsRefused as e: assert list(e.recipients.values())[0][0] == 550, e
    try: c.sendmail(user, ["nobody@localhost"], text("nobody")); raise SystemExit("taken")
    except smtplib.SMTPRecipientsRefused as e: assert b"5.1.1" in list(e.recipients.values())[0][1], e
    try: c.login(user, password); raise SystemExit("AUTH on port 25")
    except smtplib.SMTPNotSupportedError: pass
    c.starttls(context=context); c.ehlo()
    assert not c.has_extn("starttls")
    c.sendmail(user, [user], text("starttls"))

for mechanism in ("auth_plain", "auth_login"):
    with smtplib.SMTP("localhost", submission, timeout=20) as c:
        c.starttls(context=context); c.ehlo(); c.user, c.password = user, password
        try: c.mail(user) and c.rcpt(user); assert c.docmd("NOOP")[0] == 250
        except smtplib.SMTPException: pass
        c.rset()
        c.auth(mechanism.removeprefix("auth_").upper(), getattr(c, mechanism))
        c.sendmail(user, [user], text(mechanism))
        try: c.sendmail("marshall@localhost", [user], text("forged")); raise SystemExit("forged")
        except smtplib.SMTPSenderRefused as e: assert e.smtp_code == 553 and b"5.7.1" in e.smtp_error, e

with smtplib.SMTP_SSL("localhost", submissions, context=context, timeout=20) as c:
    try: c.login(user, "wrong"); raise SystemExit("a wrong password was taken")
    except smtplib.SMTPAuthenticationError as e: assert e.smtp_code == 535 and b"5.7.8" in e.smtp_error, e
    c.login(user, password)
    c.sendmail(user, [user], text("tls"))

with smtplib.LMTP("localhost", lmtp) as c:
    refused = c.sendmail(user, [user, "nobody@localhost"], text("lmtp"))
    assert list(refused) == ["nobody@localhost"], refused
print("done")
`;

testWith(["python3"], "Python's smtplib sends, and is refused what it should be", async (office) => {
  const kinds = ["smtp", "submission", "submissions", "lmtp"] as const;
  const args = [...kinds.map((kind) => String(office.port(kind))), office.certificate, USER, PASSWORD];
  const { code, out, err } = await office.run("python3", ["-c", SMTPLIB, ...args]);
  assertEquals([err, out, code], ["", "done\n", 0]);
  assertEquals(await office.subjects(), ["clear", "starttls", "auth_plain", "auth_login", "tls", "lmtp"]);
  for (const text of await office.texts()) assert(text.endsWith(`\r\n\r\n${BODY}`), text);
}, EMPTY);

testWith(
  ["openssl"],
  "openssl s_client: STARTTLS and TLS of both versions, and nothing older",
  async (office) => {
    const client = (more: readonly string[], after?: RegExp) =>
      office.run("openssl", [
        ...["s_client", "-quiet", "-verify_return_error", "-CAfile", office.certificate],
        ...["-servername", "localhost", "-ign_eof", ...more],
      ], { stdin: "EHLO openssl.example\r\nQUIT\r\n", ...(after && { after }) });
    const starttls = ["-connect", `localhost:${office.port("smtp")}`, "-starttls", "smtp"];
    const implicit = ["-connect", `localhost:${office.port("submissions")}`];
    // after STARTTLS the client speaks first, on a new connection the server does
    for (const [i, way] of [starttls, implicit].entries()) {
      const after = i === 0 ? undefined : /^220 .*\r\n/;
      for (const version of ["-tls1_2", "-tls1_3"]) {
        const { code, out, err } = await client([...way, version], after);
        assertEquals(code, 0, err);
        assertMatch(out, /^221 2\.0\.0 /m);
        assertEquals(/^250[- ]STARTTLS/m.test(out), false, "not offered again");
        assertEquals(/^250[- ]AUTH /m.test(out), i === 1);
      }
      const old = await client([...way, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
      assert(old.code !== 0, old.out);
    }
  },
  EMPTY,
);

testWith(
  ["openssl", "posttls-finger"],
  "clients that come back resume their TLS sessions: OpenSSL on each listener, and Postfix",
  async (office) => {
    const ways: [Kind, ...string[]][] = [
      ["smtp", "-starttls", "smtp"],
      ["submission", "-starttls", "smtp"],
      ["submissions"],
      ["pop3", "-starttls", "pop3"],
      ["pop3s"],
      ["imap", "-starttls", "imap"],
      ["imaps"],
    ];
    for (const [kind, ...starttls] of ways) {
      for (const [version, name] of [["-tls1_2", "TLSv1.2"], ["-tls1_3", "TLSv1.3"]] as const) {
        const session = `${office.dir}/${kind}${version}`;
        const bye = kind.startsWith("imap") ? "a LOGOUT\r\n" : "QUIT\r\n";
        const connect = async (...more: string[]) => {
          const args = [
            "s_client",
            "-verify_return_error",
            "-CAfile",
            office.certificate,
            "-ign_eof",
            version,
          ];
          args.push("-servername", "localhost", "-connect", `localhost:${office.port(kind)}`, ...starttls);
          // the goodbye comes behind the tickets of TLS 1.3
          const after = /^ *Verify return code: 0 /m;
          const { out } = await office.run("openssl", [...args, ...more], { stdin: bye, after });
          return /^(?:New|Reused), TLSv1\.\d/m.exec(out)?.[0];
        };
        assertEquals(await connect("-sess_out", session), `New, ${name}`, kind);
        assertEquals(await connect("-sess_in", session), `Reused, ${name}`, kind);
      }
    }
    await office.file("main.cf", "compatibility_level = 3.6\ninet_protocols = ipv4\n");
    const { out, err } = await office.run("posttls-finger", [
      ...["-c", "-l", "secure", "-F", office.certificate, "-r", "1", "-L", "summary,cache", "-T", "20"],
      ...["-h", "native", `[localhost]:${office.port("smtp")}`, "localhost"],
    ], { env: { MAIL_CONFIG: office.dir } });
    assertMatch(out + err, /localhost\[127\.0\.0\.1\]:\d+: Reusing old session\n/);
  },
  EMPTY,
);

testWith(
  ["smtp-source", "posttls-finger"],
  "Postfix's smtp-source under load, and posttls-finger's verified connection",
  async (office) => {
    const [host, port] = ["127.0.0.1", office.port("smtp")];
    const sets: string[][] = [
      ["-s", "10", "-m", "200", "-l", "4096"],
      ["-d", "-s", "5", "-m", "100", "-l", "20000"], // connections are reused
      ["-s", "2", "-m", "4", "-l", "2000000"],
    ];
    for (const set of sets) {
      const args = [...set, "-f", "jsmith@mindspring.com", "-t", USER, `${host}:${port}`];
      const { code, err } = await office.run("smtp-source", args);
      assertEquals([err, code], ["", 0], set.join(" "));
    }
    const sizes = (await office.texts()).map((text) => text.length);
    assertEquals(sizes.length, 304);
    assertEquals(sizes.filter((size) => size >= 2_000_000).length, 4);
    const main = await office.file("main.cf", "compatibility_level = 3.6\ninet_protocols = ipv4\n");
    const finger = await office.run("env", [
      `MAIL_CONFIG=${main.replace("/main.cf", "")}`,
      ...[
        "posttls-finger",
        "-c",
        "-l",
        "secure",
        "-F",
        office.certificate,
        "-L",
        "summary",
        "-T",
        "20",
        "-h",
        "native",
      ],
      ...[`[localhost]:${port}`, "localhost"],
    ]);
    assertMatch(finger.out + finger.err, /Verified TLS connection established to .*: TLSv1\.3 with cipher /);
    assertEquals(finger.code, 0, finger.err);
  },
  EMPTY,
);

testWith(["nmap"], "nmap finds the extensions, and no open relay", async (office) => {
  const port = String(office.port("smtp"));
  const scan = (script: string) =>
    office.run("nmap", [
      "-Pn",
      "-n",
      "-sT",
      "-p",
      port,
      "--script",
      `+${script}`,
      "127.0.0.1",
    ]);
  const commands = await scan("smtp-commands");
  assertEquals(commands.code, 0, commands.err);
  assertMatch(commands.out, /smtp-commands: .*PIPELINING.*SIZE 52428800.*8BITMIME.*ENHANCEDSTATUSCODES/s);
  const relay = await scan("smtp-open-relay");
  assertEquals(relay.code, 0, relay.err);
  assertMatch(relay.out, /smtp-open-relay: Server doesn't seem to be an open relay|all tests failed/);
}, EMPTY);

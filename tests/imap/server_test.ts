/** IMAP as part of a whole server: its doors, real TLS, the log, and mail that comes while a client waits. */

import { assert, assertEquals } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { MailServer } from "../../src/mail_server.ts";
import { Journal, type JournalEvent } from "../../src/observe/journal.ts";
import { tcpConn } from "../../src/wire/tcp_conn.ts";
import { clientTls } from "../../src/wire/tls.ts";
import { CERTIFICATE } from "../smtp/client/certificate.ts";
import { SmtpTalk } from "../e2e/support/smtp_talk.ts";
import { BRAIN, PASSWORD } from "../support/mailbox_harness.ts";
import { Client } from "./harness.ts";

function portOf(server: MailServer, kind: string): number {
  return Number(server.addresses[kind]![0]!.split(":").at(-1));
}

async function connect(port: number) {
  return tcpConn(await Deno.connect({ hostname: "127.0.0.1", port }));
}

Deno.test("a whole server serves IMAP at both doors, logs it, and tells of mail that comes by SMTP", async () => {
  const config = await loadConfig({
    text: JSON.stringify({
      hostname: "mail.howstuffworks.com",
      domains: ["howstuffworks.com"],
      accounts: { [BRAIN]: { password: PASSWORD } },
      listen: { smtp: ["127.0.0.1:0"], pop3: [], admin: [], imap: ["127.0.0.1:0"], imaps: ["127.0.0.1:0"] },
      checks: { spf: "off", dkim: "off", dmarc: "off", arc: "off", dnsbl: [], greylist: false },
    }),
    env: {},
  });
  const journal = new Journal(undefined);
  const events: JournalEvent[] = [];
  journal.on((event) => void events.push(event));
  await using server = await MailServer.start(config, { inMemory: true, certificate: CERTIFICATE, journal });

  const plain = new Client(await connect(portOf(server, "imap")));
  await plain.logIn("INBOX");
  await plain.send("i IDLE\r\n");
  assertEquals(await plain.line(), "+ Idling");

  const encrypted = await clientTls(await connect(portOf(server, "imaps")), { serverName: "localhost" });
  const safe = new Client(encrypted);
  await safe.logIn("INBOX");
  assert((await safe.command("APPEND Drafts {3+}\r\nabc")).at(-1)!.startsWith("tag OK [APPENDUID "));

  using talk = await SmtpTalk.connect({ hostname: "127.0.0.1", port: portOf(server, "smtp") });
  await talk.ask("MAIL FROM:<jsmith@mindspring.com>", "250");
  await talk.ask(`RCPT TO:<${BRAIN}>`, "250");
  await talk.ask("DATA", "354");
  await talk.ask("Subject: hello\r\n\r\nNarf!\r\n.", "250");
  assertEquals(await plain.line(), "* 1 EXISTS");
  assertEquals(await plain.line(), "* 1 RECENT");
  await plain.send("DONE\r\n");
  await plain.until("i");
  await safe.command("NOOP");
  const fetched = await safe.command("UID FETCH 1:* (FLAGS ENVELOPE)");
  assert(fetched[0]!.includes('"hello"'), fetched[0]);

  await plain.command("LOGOUT");
  await safe.command("LOGOUT");
  plain.close();
  safe.close();
  while (
    events.filter(({ type, ...rest }) => type === "session" && "why" in rest && rest.why === "logout")
      .length < 2
  ) {
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
  }
  const logins = events.filter((event) => event.type === "login");
  assertEquals(logins.map(({ service, ok }) => [service, ok]), [["imap", true], ["imaps", true]]);
  const [session] = events.filter((event) => event.type === "session" && event.service === "imaps");
  assert(session?.type === "session");
  assertEquals([session.messages, session.why], [1, "logout"]);
});

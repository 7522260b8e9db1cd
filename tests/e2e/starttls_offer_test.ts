/** Where STARTTLS is offered (README: a listener of `smtp` on loopback does so only where `tls` is configured). */

import { assertEquals } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { MailServer } from "../../src/mail_server.ts";
import { Journal } from "../../src/observe/journal.ts";
import { tcpConn } from "../../src/wire/tcp_conn.ts";
import { Talk } from "../smtp/server/whole_server.ts";
import { tempDir } from "../storage/stores.ts";

const PEM = new URL("../../fixtures/certificates/good_key_first.pem", import.meta.url).pathname;
const LISTEN = {
  smtp: ["127.0.0.1:0", "0.0.0.0:0"],
  submission: ["127.0.0.1:0"],
  lmtp: ["127.0.0.1:0"],
  pop3: [],
  admin: [],
};

/** Which of the listeners offer it to a client on this machine. */
async function offers(tls: unknown): Promise<Record<string, boolean>> {
  await using dir = await tempDir();
  const config = await loadConfig({
    text: "{}",
    env: {},
    overrides: { hostname: "mail.example.org", dataDir: dir.path, listen: LISTEN, tls },
  });
  await using server = await MailServer.start(config, { journal: new Journal(undefined) });
  const found: Record<string, boolean> = {};
  for (const [kind, addresses] of Object.entries(server.addresses)) {
    for (const address of addresses) {
      const [host, port] = address.split(":");
      using talk = new Talk(tcpConn(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })));
      await talk.reply(/^220 /);
      const reply = await talk.ask(`${kind === "lmtp" ? "LHLO" : "EHLO"} client.example`, /^250/);
      const offered = reply.includes("STARTTLS");
      found[`${kind} ${host}`] = offered;
      await talk.ask("STARTTLS", offered ? /^220 / : /^502 /);
    }
  }
  return found;
}

Deno.test("without a certificate of its own smtp on loopback offers no STARTTLS, the others do", async () => {
  assertEquals(await offers(null), {
    "smtp 127.0.0.1": false,
    "smtp 0.0.0.0": true,
    "submission 127.0.0.1": true,
    "lmtp 127.0.0.1": true,
  });
});

Deno.test("with a configured certificate all offer STARTTLS", async () => {
  const all = await offers({ cert: PEM });
  assertEquals(Object.entries(all).filter(([, offered]) => !offered), []);
  assertEquals(Object.keys(all).length, 4);
});

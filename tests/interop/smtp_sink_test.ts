/** Postfix's smtp-sink as the peer, with its faults: what arrives, what waits, and what is returned. */

import { assertEquals } from "@std/assert";
import { DnsServer } from "../../src/testing/mod.ts";
import { FREE_PORTS, ServerProcess } from "../e2e/support/server_process.ts";
import { SmtpTalk } from "../e2e/support/smtp_talk.ts";
import { latin1, testIf } from "./support/post_office.ts";
import { answers, end, removeTree, until } from "./support/programs.ts";

const TOKEN = "sink-town";
const BRAIN = "brain@howstuffworks.com";
/** Eight bits, dots and a long line. */
const BODY = `.\r\n..\r\nGr\u00c3\u00bc\u00c3\u009fe\r\n${"x".repeat(900)}\r\nThe end\r\n`;
/** The same as quoted-printable. */
const CODED = `.\n..\nGr=C3=BC=C3=9Fe\n${`${"x".repeat(75)}=\n`.repeat(11)}${"x".repeat(75)}\nThe end`;

interface Case {
  readonly what: string;
  readonly flags: readonly string[];
  /** What is to become of a message: it arrives, it waits with such an error, or it is returned with one. */
  readonly fate: "arrives" | "deferred" | "failed";
  readonly error?: RegExp;
}

const STAGES = ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."];
const CASES: readonly Case[] = [
  { what: "everything", flags: [], fate: "arrives" },
  { what: "no ESMTP", flags: ["-e"], fate: "arrives" },
  { what: "a Cisco PIX in between", flags: ["-P"], fate: "arrives" },
  { what: "no 8BITMIME", flags: ["-8"], fate: "arrives" },
  { what: "no PIPELINING", flags: ["-p"], fate: "arrives" },
  { what: "no DSN", flags: ["-N"], fate: "arrives" },
  { what: "no ENHANCEDSTATUSCODES", flags: ["-E"], fate: "arrives" },
  { what: "a slow answer to the text", flags: ["-W", ".:1"], fate: "arrives" },
  { what: "no EHLO, but HELO", flags: ["-f", "EHLO"], fate: "arrives" },
  { what: "550 right behind 354", flags: ["-A", "0"], fate: "failed" },
  ...STAGES.map((at): Case => ({ what: `hang-up at ${at}`, flags: ["-q", at], fate: "deferred" })),
  ...STAGES.map((at): Case => ({
    what: `421 at ${at}`,
    flags: ["-Q", at],
    fate: "deferred",
    error: /421|4\.\d\.\d|closed/,
  })),
  ...STAGES.map((at): Case => ({
    what: `450 at ${at}`,
    flags: ["-r", at],
    fate: "deferred",
    error: /command failed/,
  })),
  ...["MAIL", "RCPT", "DATA", "."].map((at): Case => ({
    what: `500 at ${at}`,
    flags: ["-f", at],
    fate: "failed",
  })),
];

/** Our server, and one sink for each case at an address of its own. */
class SinkTown implements AsyncDisposable {
  readonly #sinks: Deno.ChildProcess[] = [];

  private constructor(
    readonly dir: string,
    readonly dns: DnsServer,
    readonly server: ServerProcess,
    /** The sinks' port. */
    readonly port: number,
  ) {}

  static async build(): Promise<SinkTown> {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_sink_" });
    const dns = await DnsServer.start();
    const port = freePort();
    const config = {
      hostname: "mail.howstuffworks.com",
      domains: ["howstuffworks.com"],
      accounts: { [BRAIN]: { password: "gRiZZly+bear:7" } },
      dns: { nameServer: dns.address },
      outbound: { allowPrivate: true, port },
      relay: { networks: ["127.0.0.1"] },
    };
    await Deno.writeTextFile(`${dir}/dinopost.jsonc`, JSON.stringify(config));
    const env = { ...FREE_PORTS, DINOPOST_ADMIN_TOKEN: TOKEN };
    return new SinkTown(dir, dns, await ServerProcess.ready({ cwd: dir, env }), port);
  }

  /** Opens a sink that dumps what it gets into files; with `-q CONNECT` and the like it is there, but says little. */
  async sink(domain: string, address: string, flags: readonly string[]): Promise<void> {
    this.dns.zones[domain] = { MX: [[10, `mx.${domain}`]] };
    this.dns.zones[`mx.${domain}`] = { A: [address] };
    const args = [
      "-u",
      "root",
      "-d",
      `${this.dir}/${domain}.`,
      ...flags,
      `inet:${address}:${this.port}`,
      "100",
    ];
    this.#sinks.push(
      new Deno.Command("smtp-sink", { args, stdin: "null", stdout: "null", stderr: "null" }).spawn(),
    );
    await answers(address, this.port);
  }

  /** brain writes; answers the queue id. */
  async write(to: string): Promise<string> {
    using talk = await SmtpTalk.connect(this.server.address("smtp"));
    const text = `From: ${BRAIN}\r\nTo: ${to}\r\nSubject: A letter\r\nMIME-Version: 1.0\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${BODY}`;
    const reply = await talk.send({ from: BRAIN, to: [to], text });
    const [, id] = /queued as (\w+)$/.exec(reply) ?? [];
    if (id === undefined) throw new Error(`Our server said: ${reply}`);
    return id;
  }

  /** What became of a message, once something has: the event as text. */
  async fate(id: string): Promise<{ type: string; text: string }> {
    return await until(`the fate of ${id}`, async () => {
      const response = await fetch(`${this.server.url}/api/v1/messages/${id}`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      const { events } = await response.json() as { events: { type: string }[] };
      const last = events.findLast(({ type }) => ["delivered", "deferred", "bounced"].includes(type));
      return last && { type: last.type, text: JSON.stringify(last) };
    });
  }

  /** What a sink got, without what it writes above each message; the files have LF line ends. */
  async got(domain: string): Promise<string[]> {
    const texts: string[] = [];
    for await (const { name } of Deno.readDir(this.dir)) {
      if (!name.startsWith(`${domain}.`)) continue;
      const text = latin1(await Deno.readFile(`${this.dir}/${name}`));
      if (text.includes("\nReceived:")) texts.push(text.slice(text.indexOf("\nReceived:") + 1).trimEnd());
    }
    return texts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Promise.all(this.#sinks.map(end));
    await this.dns[Symbol.asyncDispose]();
    await removeTree(this.dir);
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

testIf(["smtp-sink"], "smtp-sink with each of its faults: arrives once, waits, or is returned", async () => {
  await using town = await SinkTown.build();
  const ids: string[] = [];
  for (const [i, { flags }] of CASES.entries()) {
    await town.sink(`case${i}.example`, `127.0.51.${i + 1}`, flags);
    ids.push(await town.write(`somebody@case${i}.example`));
  }
  const wrong: string[] = [];
  for (const [i, { what, flags, fate, error }] of CASES.entries()) {
    const { type, text } = await town.fate(ids[i]!);
    const expected = { arrives: "delivered", deferred: "deferred", failed: "bounced" }[fate];
    if (type !== expected || error?.test(text) === false) wrong.push(`${what}: ${text}`);
    if (fate !== "arrives") continue;
    // Nor do -e, -P and HELO offer 8BITMIME: what has eight bits is coded anew, without a loss.
    const coded = ["-8", "-e", "-P"].includes(flags[0] ?? "") || flags[1] === "EHLO";
    const end = coded ? CODED : BODY.replaceAll("\r\n", "\n").trimEnd();
    const texts = await town.got(`case${i}.example`);
    if (texts.length !== 1 || !texts[0]!.endsWith(`\n\n${end}`)) wrong.push(`${what}: ${texts.join("\n\n")}`);
  }
  assertEquals(wrong, []);
});

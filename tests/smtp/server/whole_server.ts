/** A whole mail server for tests, in this process, with every listener, and a way to talk to it by hand. */

import { assert, assertMatch } from "@std/assert";
import { binaryString, concat, decode } from "../../../src/base/bytes.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { FaultRules } from "../../../src/faults/rules.ts";
import { MailServer } from "../../../src/mail_server.ts";
import { Journal, type JournalEvent } from "../../../src/observe/journal.ts";
import type { ByteConn } from "../../../src/wire/byte_conn.ts";
import { tcpConn } from "../../../src/wire/tcp_conn.ts";
import { clientTls, type TlsMaterial } from "../../../src/wire/tls.ts";
import { CERTIFICATE } from "../client/certificate.ts";

/** Listeners that speak SMTP or LMTP. */
export type Door = "smtp" | "submission" | "submissions" | "lmtp";

/** What differs from the defaults. */
export interface HouseOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
  readonly certificate?: TlsMaterial | null;
  readonly faults?: FaultRules;
}

/** A password of every account here. */
export const PASSWORD = "gRiZZly bear";

/** A server for `howstuffworks.com` with brain, marshall and a few aliases; it relays for nobody. */
export class House implements AsyncDisposable {
  readonly events: JournalEvent[] = [];

  private constructor(readonly server: MailServer) {}

  static async start(options: HouseOptions = {}): Promise<House> {
    const any = ["127.0.0.1:0"];
    const config = await loadConfig({
      env: {},
      overrides: {
        hostname: "mail.howstuffworks.com",
        domains: ["howstuffworks.com"],
        listen: { smtp: any, submission: any, submissions: any, lmtp: any, pop3: any, pop3s: any, admin: [] },
        accounts: {
          "brain@howstuffworks.com": { password: PASSWORD, name: "Marshall Brain" },
          "marshall@howstuffworks.com": { password: PASSWORD },
        },
        aliases: {
          "info@howstuffworks.com": ["brain@howstuffworks.com"],
          "staff@howstuffworks.com": ["brain@howstuffworks.com", "marshall@howstuffworks.com"],
        },
        // nothing leaves this machine: what is for other servers waits
        queue: { concurrency: 0 },
        ...options.config,
      },
    });
    const journal = new Journal(undefined);
    const server = await MailServer.start(config, {
      inMemory: true,
      journal,
      certificate: options.certificate === undefined ? CERTIFICATE : options.certificate,
      ...(options.clock && { clock: options.clock }),
      ...(options.faults && { faults: options.faults }),
    });
    const house = new House(server);
    journal.on((event) => void house.events.push(event));
    return house;
  }

  /** Where a listener is bound. */
  at(door: Door | "pop3" | "pop3s"): { hostname: string; port: number } {
    const [address] = this.server.addresses[door] ?? [];
    assert(address !== undefined, `Nothing listens for ${door}`);
    return { hostname: "127.0.0.1", port: Number(address.split(":").at(-1)) };
  }

  /** Connects and reads nothing yet. `from`: the client's address on loopback. */
  async dial(door: Door | "pop3", from = "127.0.0.1"): Promise<Talk> {
    const { port } = this.at(door);
    const conn = await Deno.connect({ hostname: from === "127.0.0.1" ? from : "127.0.0.1", port });
    return new Talk(tcpConn(conn));
  }

  /** Connects, and over TLS where that comes first; reads the greeting and says EHLO. */
  async talk(door: Door = "smtp"): Promise<Talk> {
    const talk = await this.dial(door);
    if (door === "submissions") await talk.encrypt();
    await talk.reply(/^220 /);
    await talk.ask(`${door === "lmtp" ? "LHLO" : "EHLO"} client.example`, /^250/);
    return talk;
  }

  /** The texts in a mailbox, oldest first, an octet per character. */
  async mailbox(name: string): Promise<string[]> {
    const { mailStore } = this.server;
    const texts: string[] = [];
    for (const entry of await mailStore.list(`${name}@howstuffworks.com`)) {
      const pieces: Uint8Array[] = [];
      for await (const piece of mailStore.read(entry)) pieces.push(piece);
      texts.push(binaryString(concat(pieces)));
    }
    return texts;
  }

  /** How many messages were taken, wherever they are. */
  get accepted(): number {
    return this.events.filter((event) => event.type === "accepted").length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }
}

/** One connection, spoken on by hand. */
export class Talk implements Disposable {
  #received = "";

  constructor(public conn: ByteConn) {}

  /** Sends each character as the octet of that number. */
  async send(text: string): Promise<void> {
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    await this.conn.write(bytes);
  }

  /** Takes one reply with all its lines; undefined at the end of the connection. */
  async maybeReply(): Promise<string | undefined> {
    let reply = "";
    for (;;) {
      const end = this.#received.indexOf("\r\n");
      if (end < 0) {
        if (!await this.#fill()) return undefined;
        continue;
      }
      const line = this.#received.slice(0, end + 2);
      this.#received = this.#received.slice(end + 2);
      reply += line;
      if (line[3] !== "-") return reply;
    }
  }

  /** Takes one reply, which must match. */
  async reply(pattern: RegExp): Promise<string> {
    const reply = await this.maybeReply();
    assert(reply !== undefined, `Expected ${pattern}, and the server closed`);
    assertMatch(reply, pattern);
    return reply;
  }

  /** Sends a line and takes its reply. */
  async ask(line: string, pattern: RegExp): Promise<string> {
    await this.send(`${line}\r\n`);
    return await this.reply(pattern);
  }

  /** Sender, recipients, DATA, up to the 354. */
  async envelope(from = "jsmith@mindspring.com", to = "brain@howstuffworks.com"): Promise<void> {
    await this.ask(`MAIL FROM:<${from}>`, /^250 2\.1\.0 /);
    await this.ask(`RCPT TO:<${to}>`, /^250 2\.1\.5 /);
    await this.ask("DATA", /^354 /);
  }

  /** All that the server still says until it closes. */
  async rest(): Promise<string> {
    while (await this.#fill());
    const rest = this.#received;
    this.#received = "";
    return rest;
  }

  /** Does the handshake. */
  async encrypt(serverName = "mail.howstuffworks.com"): Promise<void> {
    this.conn = await clientTls(this.conn, { serverName });
  }

  /** STARTTLS, the handshake, and EHLO again. */
  async startTls(): Promise<void> {
    await this.ask("STARTTLS", /^220 2\.0\.0 /);
    await this.encrypt();
    await this.ask("EHLO client.example", /^250/);
  }

  close(): void {
    this.conn.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #fill(): Promise<boolean> {
    const into = new Uint8Array(16_384);
    const count = await this.conn.read(into).catch(() => null);
    if (count === null) return false;
    this.#received += binaryString(into.subarray(0, count));
    return true;
  }
}

/** Logs in by PLAIN. */
export function plain(name: string, password = PASSWORD): string {
  return `AUTH PLAIN ${new TextEncoder().encode(`\0${name}\0${password}`).toBase64()}`;
}

/** UTF-8 octets as text. */
export function utf8(octets: string): string {
  return decode(Uint8Array.from(octets, (one) => one.charCodeAt(0)));
}

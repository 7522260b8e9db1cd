/** The scenery of the stories: one real server and the remote ones it meets, on an internet of their own. */

import {
  type Host,
  type HostOptions,
  LoopbackInternet,
  Pop3Client,
  ScriptedPeer,
  type ZoneEntry,
} from "../../../src/testing/mod.ts";
import type { PeerScript } from "../../../src/testing/peer_script.ts";
import type { QueueRecord } from "../../../src/queue/record.ts";
import { SmtpTalk } from "./smtp_talk.ts";

/** The password of all. */
export const PASSWORD = "correct horse";
/** Who writes. */
export const BRAIN = "brain@howstuffworks.com";

/** howstuffworks.com and its neighbours. */
export class Town implements AsyncDisposable {
  readonly #peers: ScriptedPeer[] = [];

  private constructor(readonly internet: LoopbackInternet, readonly ours: Host) {}

  /** Builds it; `config` lies over the server's configuration. */
  static async build(options: Pick<HostOptions, "config" | "accounts"> = {}): Promise<Town> {
    const internet = await LoopbackInternet.start({ seed: 1982 });
    try {
      const ours = await internet.host("howstuffworks.com", { accounts: { brain: PASSWORD }, ...options });
      return new Town(internet, ours);
    } catch (error) {
      await internet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A remote server at an address of its own. */
  peer(script: PeerScript = {}, address = this.internet.address()): ScriptedPeer {
    const peer = ScriptedPeer.start(script, { hostname: address, port: this.internet.smtpPort });
    this.#peers.push(peer);
    return peer;
  }

  /** The MX host of a domain, which is a remote server. */
  domain(domain: string, script: PeerScript = {}): ScriptedPeer {
    const peer = this.peer(script);
    this.zone(domain, { MX: [[10, `mx.${domain}`]] });
    this.zone(`mx.${domain}`, { A: [peer.address.hostname] });
    return peer;
  }

  /** What the DNS says of a name. */
  zone(name: string, entry: ZoneEntry): void {
    this.internet.dns.zones[name] = entry;
  }

  /** brain writes; resolves when the first attempts are over. Answers the id of the message. */
  async write(to: string | readonly string[], subject = "Hello"): Promise<string> {
    const { reply } = await this.sendAs(BRAIN, to, `Subject: ${subject}\r\n\r\nHow are you, old friend?\r\n`);
    const id = /queued as (\w+)/.exec(reply)?.[1];
    if (id === undefined) throw new Error(reply);
    await this.internet.settled();
    return id;
  }

  /** One message over a connection of its own. */
  async sendAs(from: string, to: string | readonly string[], text: string): Promise<{ reply: string }> {
    using talk = await SmtpTalk.connect(this.ours.smtp);
    const reply = await talk.send({ from, to: typeof to === "string" ? [to] : to, text });
    await talk.ask("QUIT", "221");
    return { reply };
  }

  /** What waits in the queue. */
  async queue(): Promise<QueueRecord[]> {
    return (await Array.fromAsync(this.ours.server.queue.messages())).flat();
  }

  /** The recipients that still wait, and why. */
  async waiting(): Promise<Record<string, string>> {
    const recipients = (await this.queue()).flatMap((record) => record.recipients);
    return Object.fromEntries(recipients.map((r) => [r.address, r.lastReply ?? r.lastError ?? ""]));
  }

  /** What the reports in brain's mailbox say: recipient → action and status. */
  async reports(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const text of await this.ours.mailbox("brain")) {
      const [, status] = text.split(/^Content-Type: message\/(?:global-)?delivery-status.*$/m);
      for (const part of status?.split("\r\n\r\n") ?? []) {
        const recipient = /^Final-Recipient: rfc822; *(\S+)/m.exec(part)?.[1];
        const action = /^Action: (\w+)/m.exec(part)?.[1];
        const code = /^Status: ([\d.]+)/m.exec(part)?.[1];
        if (recipient !== undefined) found[recipient] = `${action} ${code}`;
      }
    }
    return found;
  }

  /** A maildrop, logged in. */
  async maildrop(user = BRAIN, password = PASSWORD): Promise<Pop3Client> {
    const client = await Pop3Client.connect(this.ours.pop3);
    try {
      await client.login(user, password);
      return client;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.internet[Symbol.asyncDispose]();
    await Promise.all(this.#peers.map((peer) => peer.close()));
  }
}

/** The recipients of all messages that a peer took, as it was told them. */
export function recipientsAt(peer: ScriptedPeer): string[] {
  return peer.messages.flatMap(({ rcpts }) => rcpts.map((line) => /<(.*)>/.exec(line)![1]!));
}

/** A server that captures, for tests: on real sockets, in this process, in memory unless a directory is named. */

import { loadConfig } from "../../src/config/load.ts";
import { MailServer, type MailServerOptions } from "../../src/mail_server.ts";
import { Journal, type JournalEvent } from "../../src/observe/journal.ts";
import { Pop3Client } from "../../src/testing/mod.ts";
import { SmtpTalk } from "../e2e/support/smtp_talk.ts";

/** What the API's list of a mailbox tells of a message. */
export interface Item {
  readonly uid: string;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly seen: boolean;
}

/** What differs from the defaults. */
export interface CapturingOptions extends MailServerOptions {
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The server, and the ways to it. */
export class CapturingServer implements AsyncDisposable {
  readonly events: JournalEvent[] = [];

  private constructor(readonly server: MailServer) {}

  static async start({ config: more = {}, ...options }: CapturingOptions = {}): Promise<CapturingServer> {
    const any = ["127.0.0.1:0"];
    const listen = { smtp: any, submission: any, lmtp: any, pop3: any, admin: any };
    const overrides = { capture: true, hostname: "mail.howstuffworks.com", listen, ...more };
    const config = await loadConfig({ env: {}, overrides });
    const journal = new Journal(undefined);
    const started = new CapturingServer(await MailServer.start(config, { journal, ...options }));
    journal.on((event) => void started.events.push(event));
    return started;
  }

  /** Where a listener is bound. */
  at(kind: string): { hostname: string; port: number } {
    const address = this.server.addresses[kind]![0]!;
    return { hostname: "127.0.0.1", port: Number(address.split(":").at(-1)) };
  }

  /** A session that has said EHLO. */
  talk(kind = "smtp"): Promise<SmtpTalk> {
    return SmtpTalk.connect(this.at(kind));
  }

  /** Sends a message by hand, an octet for each character; answers its id. */
  async send(
    { from = "me@example.org", to, text, login, kind = "smtp" }: {
      from?: string;
      login?: string;
      to: readonly string[];
      text: string;
      kind?: string;
    },
  ): Promise<string> {
    using talk = await this.talk(kind);
    if (login !== undefined) await talk.ask(`AUTH PLAIN ${btoa(`\0${login}\0secret`)}`, "235");
    const reply = await talk.send({ from, to, text });
    await talk.ask("QUIT", "221");
    const id = /^250 2\.0\.0 Ok: queued as (\S+)/.exec(reply)?.[1];
    if (id === undefined) throw new Error(reply);
    return id;
  }

  /** Asks the HTTP surface. */
  ask(path: string, init: RequestInit = {}): Promise<Response> {
    const { hostname, port } = this.at("admin");
    return fetch(`http://${hostname}:${port}${path}`, init);
  }

  /** The status of an answer that nobody reads. */
  async status(path: string, init: RequestInit = {}): Promise<number> {
    const answer = await this.ask(path, init);
    await answer.body?.cancel();
    return answer.status;
  }

  /** The list of a mailbox, newest first. */
  async mailbox(address: string): Promise<Item[]> {
    const answer = await this.ask(`/api/v1/mailboxes/${encodeURIComponent(address)}/messages`);
    if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
    return (await answer.json()).items;
  }

  /** A message as it is kept, an octet for each character. */
  async raw(address: string, uid: string): Promise<string> {
    const path = `/api/v1/mailboxes/${encodeURIComponent(address)}/messages/${uid}`;
    const answer = await this.ask(path, { headers: { accept: "message/rfc822" } });
    return new TextDecoder("latin1").decode(await answer.arrayBuffer());
  }

  /** What somebody reads by POP3 who logs in with a password of no meaning. */
  async drop(name: string): Promise<string[]> {
    const { hostname, port } = this.at("pop3");
    await using client = await Pop3Client.connect({ hostname, port });
    await client.login(name, "whatever");
    return await client.all();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.stop();
  }
}

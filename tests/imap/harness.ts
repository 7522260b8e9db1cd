/** IMAP sessions for tests: real accounts, and mailboxes in memory. */

import { encode } from "../../src/base/bytes.ts";
import { eventTurn } from "../../src/base/clock.ts";
import { IdMaker } from "../../src/base/ids.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Accounts } from "../../src/auth/accounts.ts";
import { LoginGuard } from "../../src/auth/login_guard.ts";
import { type ImapEvent, type ImapSessionOptions, serveImap } from "../../src/imap/session.ts";
import { readCard, writeCard } from "../../src/mail/facts_card.ts";
import { readFacts } from "../../src/mail/message_facts.ts";
import { mailEntry } from "../../src/mailbox/mail_entry.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { Quotas } from "../../src/mailbox/quotas.ts";
import { BodyWriter, draftOf } from "../../src/storage/bodies/bodies.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { together, type Write, type WriteResult } from "../../src/storage/write.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { Deadlines } from "../../src/wire/deadlines.ts";
import { memoryPair } from "../../src/wire/memory_conn.ts";
import { tcpConn } from "../../src/wire/tcp_conn.ts";
import type { ServerTls } from "../../src/wire/tls.ts";

export const BRAIN = "brain@howstuffworks.com";
export const PASSWORD = "narf zort";

/** What is in brain's INBOX. */
export const MESSAGES: readonly string[] = [
  "Subject: one\r\n\r\nHello, Brain.\r\n",
  "Subject: two\r\n\r\nAre you pondering what I'm pondering?\r\n",
  "Subject: three\r\n\r\nNarf!\r\n",
];

/** What both ends of {@linkcode pretendedTls} see of the connection. */
export const END_POINT = encode("a hash of the certificate");

/** TLS that encrypts nothing: the session can't tell. */
export const pretendedTls: ServerTls = {
  expiresSoon: false,
  daysLeft: 90,
  endsAt: 0,
  reload() {},
  upgrade: (conn) =>
    Promise.resolve(
      wrapped(conn, { tls: { protocol: "TLSv1.3", cipher: "TLS_PRETENDED", endPoint: END_POINT } }),
    ),
};

export interface HarnessOptions {
  readonly messages?: readonly string[];
  /** Session options that replace the usual ones. */
  readonly session?: Partial<ImapSessionOptions>;
  /** Brain's quota in bytes. */
  readonly quota?: number;
  /** The client's address instead of loopback. */
  readonly remote?: string;
  readonly tcp?: boolean;
  readonly bytewise?: boolean;
}

/** A mail server with brain's mailbox, on which sessions can be started. */
export class Harness implements AsyncDisposable {
  readonly deadlines: Deadlines;
  readonly closing = new AbortController();
  readonly events: ImapEvent[] = [];
  readonly ids: IdMaker;
  readonly #sessions: Promise<void>[] = [];
  readonly #conns: ByteConn[] = [];

  private constructor(
    readonly clock: ManualClock,
    /** While `failure` is set all writes to the store fail with it. */
    readonly disk: { failure: Error | undefined },
    readonly store: Store,
    readonly accounts: Accounts,
    readonly mailStore: MailStore,
    readonly guard: LoginGuard,
    readonly options: HarnessOptions,
  ) {
    this.deadlines = new Deadlines(clock);
    this.ids = new IdMaker(clock, seededRandom(3));
  }

  static async start(options: HarnessOptions = {}): Promise<Harness> {
    const clock = new ManualClock();
    const inner = await openStore({ location: ":memory:", clock });
    const disk: { failure: Error | undefined } = { failure: undefined };
    const store: Store = {
      kv: inner.kv,
      embedded: true,
      limits: inner.limits,
      write(change: Write): Promise<WriteResult> {
        return disk.failure ? Promise.reject(disk.failure) : inner.write(change);
      },
      close: () => inner.close(),
    };
    const mailStore = new MailStore(store, { clock });
    mailStore.useFacts({
      make: async (pieces) => writeCard(await readFacts(pieces)),
      isGood: (card) => readCard(card) !== undefined,
    });
    const accounts = new Accounts(store, {
      clock,
      mailStore,
      random: seededRandom(1),
      domains: ["howstuffworks.com"],
      cost: { memory: 8, passes: 1, parallelism: 1 },
      scramIterations: 16,
    });
    await accounts.load();
    const { quota } = options;
    await accounts.add({ address: BRAIN, password: PASSWORD, ...(quota === undefined ? {} : { quota }) });
    const quotas = new Quotas({ accounts, mailStore });
    mailStore.useRoom((address, size) => quotas.take(address, size));
    const harness = new Harness(clock, disk, store, accounts, mailStore, new LoginGuard({ clock }), options);
    for (const text of options.messages ?? MESSAGES) await harness.deliver(text);
    return harness;
  }

  /** Puts a message into brain's INBOX. */
  async deliver(text: string): Promise<void> {
    const uid = this.ids.next();
    const draft = draftOf(uid, encode(text));
    const entry = mailEntry({
      uid,
      receivedAt: this.clock.now(),
      body: draft.ref(1),
      prefix: "",
      sender: "jsmith@mindspring.com",
      recipient: BRAIN,
    });
    await this.store.write(together(draft.write(1), this.mailStore.deliveryWrite(BRAIN, entry)));
    // by then it has its number
    (await this.mailStore.open(BRAIN))[Symbol.dispose]();
  }

  /** Starts a session; the client's end of its connection. */
  async connect(): Promise<ByteConn> {
    const { tcp, bytewise, remote, session } = this.options;
    const [conn, plain] = tcp ? await tcpPair() : memoryPair({ bytewise: bytewise ?? false });
    const server = remote === undefined
      ? plain
      : wrapped(plain, { remote: { hostname: remote, port: 50000 } });
    this.#conns.push(conn);
    this.#sessions.push(serveImap(server, {
      accounts: this.accounts,
      mailStore: this.mailStore,
      newBody: () => new BodyWriter(this.store, { id: this.ids.next(), clock: this.clock }),
      guard: this.guard,
      clock: this.clock,
      deadlines: this.deadlines,
      hostname: "mail.howstuffworks.com",
      id: `imap-${this.#sessions.length}`,
      closing: this.closing.signal,
      random: seededRandom(7),
      messageSize: 100_000,
      onEvent: (event) => this.events.push(event),
      ...session,
    }));
    return conn;
  }

  /** Waits until all sessions have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#sessions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const conn of this.#conns) conn.close();
    await this.ended();
    // what is \Recent no more is written behind the session
    await eventTurn();
    this.deadlines.close();
    await this.store.close();
  }
}

function wrapped(conn: ByteConn, facts: Partial<Pick<ByteConn, "remote" | "tls">>): ByteConn {
  return {
    read: (into) => conn.read(into),
    write: (bytes) => conn.write(bytes),
    close: () => conn.close(),
    closeWrite: () => conn.closeWrite!(),
    remote: conn.remote,
    local: conn.local,
    ...facts,
  };
}

async function tcpPair(): Promise<[ByteConn, ByteConn]> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const client = await Deno.connect({ hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port });
  const server = await accepted;
  listener.close();
  return [tcpConn(client), tcpConn(server)];
}

/** A client that sends what it is told and reads all that comes. */
export class Client {
  readonly #conn: ByteConn;
  readonly #decoder = new TextDecoder();
  #text = "";
  #ended = false;
  #tag = 0;

  constructor(conn: ByteConn) {
    this.#conn = conn;
  }

  async send(text: string): Promise<void> {
    await this.#conn.write(encode(text));
  }

  /** The next line, without CRLF; undefined at the end. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      if (this.#ended) return undefined;
      const into = new Uint8Array(65536);
      const count = await this.#conn.read(into).catch(() => null);
      if (count === null) this.#ended = true;
      else this.#text += this.#decoder.decode(into.subarray(0, count), { stream: true });
    }
  }

  /** Sends a command, and answers all lines of the reply; the tag of the last one is `tag`. */
  async command(text: string): Promise<string[]> {
    const tag = `t${++this.#tag}`;
    await this.send(`${tag} ${text}\r\n`);
    return await this.until(tag);
  }

  /** The lines up to the one with that tag, which is written as `tag` (so they don't depend on it). */
  async until(tag: string): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === undefined) return [...lines, "the end"];
      if (line.startsWith(`${tag} `)) return [...lines, `tag${line.slice(tag.length)}`];
      lines.push(line);
    }
  }

  /** Reads the greeting, logs brain in, and selects a mailbox. */
  async logIn(mailbox?: string): Promise<void> {
    await this.line();
    await this.command(`LOGIN ${BRAIN} "${PASSWORD}"`);
    if (mailbox !== undefined) await this.command(`SELECT ${mailbox}`);
  }

  close(): void {
    this.#conn.close();
  }
}

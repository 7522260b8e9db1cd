/** POP3 sessions for tests: real accounts and mailboxes on a store in memory. */

import { encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Accounts } from "../../src/auth/accounts.ts";
import { LoginGuard } from "../../src/auth/login_guard.ts";
import { mailEntry } from "../../src/mailbox/mail_entry.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { type Pop3Event, type Pop3SessionOptions, servePop3 } from "../../src/pop3/session.ts";
import { BodyWriter, draftOf } from "../../src/storage/bodies/bodies.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { together, type Write, type WriteResult } from "../../src/storage/write.ts";
import { memoryPair } from "../../src/wire/memory_conn.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { Deadlines } from "../../src/wire/deadlines.ts";
import { tcpConn } from "../../src/wire/tcp_conn.ts";
import type { ServerTls } from "../../src/wire/tls.ts";

export const BRAIN = "brain@howstuffworks.com";
export const PASSWORD = "narf zort";
export const PREFIX = "Return-Path: <jsmith@mindspring.com>\r\n";

/** What is in brain's maildrop. */
export const MESSAGES: readonly string[] = [
  "Subject: one\r\n\r\nHello, Brain.\r\n",
  "Subject: dots\r\n\r\n.\r\n..two\r\nnot a dot .\r\n.end\r\n",
  "Subject: lines\r\n\r\nline 1\r\nline 2\r\nline 3\r\n",
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

/** The uid of the message of that number. */
export function uidOf(number: number): string {
  return `06FZ${String(number).padStart(12, "0")}`;
}

export interface HarnessOptions {
  readonly messages?: readonly string[];
  /** Session options that replace the usual ones. */
  readonly session?: Partial<Pop3SessionOptions>;
  /** The client's address instead of loopback. */
  readonly remote?: string;
  readonly tcp?: boolean;
  readonly bytewise?: boolean;
}

/** A mail server with brain's maildrop, on which sessions can be started. */
export class Harness implements AsyncDisposable {
  readonly deadlines: Deadlines;
  readonly closing = new AbortController();
  readonly events: Pop3Event[] = [];
  readonly #sessions: Promise<void>[] = [];
  readonly #conns: ByteConn[] = [];
  #next = 0;

  private constructor(
    readonly clock: ManualClock,
    /** While `broken` is true all writes to the store fail. */
    readonly disk: { broken: boolean },
    readonly store: Store,
    readonly accounts: Accounts,
    readonly mailStore: MailStore,
    readonly guard: LoginGuard,
    readonly options: HarnessOptions,
  ) {
    this.deadlines = new Deadlines(clock);
  }

  static async start(options: HarnessOptions = {}): Promise<Harness> {
    const clock = new ManualClock();
    const inner = await openStore({ location: ":memory:", clock });
    const disk = { broken: false };
    const store: Store = {
      kv: inner.kv,
      embedded: true,
      limits: inner.limits,
      write(change: Write): Promise<WriteResult> {
        return disk.broken ? Promise.reject(new Error("The disk is full")) : inner.write(change);
      },
      close: () => inner.close(),
    };
    const mailStore = new MailStore(store, { clock });
    const accounts = new Accounts(store, {
      clock,
      mailStore,
      random: seededRandom(1),
      domains: ["howstuffworks.com"],
      cost: { memory: 8, passes: 1, parallelism: 1 },
      scramIterations: 16,
    });
    await accounts.load();
    await accounts.add({ address: BRAIN, password: PASSWORD });
    await accounts.add({ address: "pinky@howstuffworks.com", password: "poit" });
    const harness = new Harness(clock, disk, store, accounts, mailStore, new LoginGuard({ clock }), options);
    for (const text of options.messages ?? MESSAGES) await harness.deliver(text);
    return harness;
  }

  /** Puts a message into brain's maildrop. */
  async deliver(text: string): Promise<void> {
    const uid = uidOf(++this.#next);
    const bytes = encode(text);
    let draft;
    if (bytes.length < 60_000) draft = draftOf(uid, bytes);
    else {
      const writer = new BodyWriter(this.store, { id: uid, clock: this.clock });
      await writer.append(bytes);
      draft = writer.finish();
    }
    const entry = mailEntry({
      uid,
      receivedAt: this.clock.now(),
      body: draft.ref(1),
      prefix: PREFIX,
      sender: "jsmith@mindspring.com",
      recipient: BRAIN,
    });
    await this.store.write(together(draft.write(1), this.mailStore.deliveryWrite(BRAIN, entry)));
  }

  /** Starts a session; the client's end of its connection. */
  async connect(): Promise<ByteConn> {
    const { tcp, bytewise, remote, session } = this.options;
    const [conn, plain] = tcp ? await tcpPair() : memoryPair({ bytewise: bytewise ?? false });
    const server = remote === undefined
      ? plain
      : wrapped(plain, { remote: { hostname: remote, port: 50000 } });
    this.#conns.push(conn);
    this.#sessions.push(servePop3(server, {
      accounts: this.accounts,
      mailStore: this.mailStore,
      guard: this.guard,
      clock: this.clock,
      deadlines: this.deadlines,
      hostname: "mail.howstuffworks.com",
      id: `pop3-${this.#sessions.length}`,
      closing: this.closing.signal,
      random: seededRandom(7),
      onEvent: (event) => this.events.push(event),
      ...session,
    }));
    return conn;
  }

  /** Waits until all sessions have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#sessions);
  }

  /** The uids in brain's mailbox. */
  async uids(): Promise<string[]> {
    return (await this.mailStore.list(BRAIN)).map((entry) => entry.uid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const conn of this.#conns) conn.close();
    await this.ended();
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

  /** Sends a command and answers the first line of the reply. */
  async command(text: string): Promise<string | undefined> {
    await this.send(`${text}\r\n`);
    return await this.line();
  }

  /** The lines up to the dot, as they come. */
  async lines(): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === undefined) throw new Error("The connection ended within a multi-line reply");
      if (line === ".") return lines;
      lines.push(line);
    }
  }

  /** Reads the greeting and logs brain in. */
  async logIn(): Promise<string | undefined> {
    await this.line();
    await this.command(`USER ${BRAIN}`);
    return await this.command(`PASS ${PASSWORD}`);
  }

  close(): void {
    this.#conn.close();
  }
}

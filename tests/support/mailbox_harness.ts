/** Sessions that read a mailbox, for tests: real accounts, and mailboxes on a store in memory. */

import { encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Accounts } from "../../src/auth/accounts.ts";
import { LoginGuard } from "../../src/auth/login_guard.ts";
import { mailEntry } from "../../src/mailbox/mail_entry.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { BodyWriter } from "../../src/storage/bodies/bodies.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { together, type Write, type WriteResult } from "../../src/storage/write.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { Deadlines } from "../../src/wire/deadlines.ts";
import { memoryPair } from "../../src/wire/memory_conn.ts";
import { fromAddress, tcpPair } from "./conns.ts";

export const BRAIN = "brain@howstuffworks.com";
export const PASSWORD = "narf zort";

/** How the clients come. */
export interface MailboxHarnessOptions {
  /** The client's address instead of loopback. */
  readonly remote?: string;
  /** Over TCP on loopback instead of memory. */
  readonly tcp?: boolean;
  readonly bytewise?: boolean;
}

/** What a server with mailboxes has, before anybody connects. */
export interface Ground {
  readonly clock: ManualClock;
  /** While `failure` is set all writes to the store fail with it. */
  readonly disk: { failure: Error | undefined };
  readonly store: Store;
  readonly accounts: Accounts;
  readonly mailStore: MailStore;
  readonly guard: LoginGuard;
}

/** Lays it, without an account. */
export async function layGround(): Promise<Ground> {
  const clock = new ManualClock();
  const inner = await openStore({ location: ":memory:", clock });
  const disk: Ground["disk"] = { failure: undefined };
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
  const accounts = new Accounts(store, {
    clock,
    mailStore,
    random: seededRandom(1),
    domains: ["howstuffworks.com"],
    cost: { memory: 8, passes: 1, parallelism: 1 },
    scramIterations: 16,
  });
  await accounts.load();
  return { clock, disk, store, accounts, mailStore, guard: new LoginGuard({ clock }) };
}

/** A mail server with brain's mailbox, on which sessions can be started. */
export abstract class MailboxHarness implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly disk: Ground["disk"];
  readonly store: Store;
  readonly accounts: Accounts;
  readonly mailStore: MailStore;
  readonly guard: LoginGuard;
  readonly deadlines: Deadlines;
  readonly closing = new AbortController();
  readonly #come: MailboxHarnessOptions;
  readonly #sessions: Promise<void>[] = [];
  readonly #conns: ByteConn[] = [];

  protected constructor(ground: Ground, come: MailboxHarnessOptions) {
    ({ clock: this.clock, disk: this.disk, store: this.store } = ground);
    ({ accounts: this.accounts, mailStore: this.mailStore, guard: this.guard } = ground);
    this.#come = come;
    this.deadlines = new Deadlines(ground.clock);
  }

  /** Serves the `nth` client of this server, from 0. */
  protected abstract serve(conn: ByteConn, nth: number): Promise<void>;

  /** What the sessions of all protocols get. */
  protected get common() {
    const { accounts, mailStore, guard, clock, deadlines } = this;
    return {
      accounts,
      mailStore,
      guard,
      clock,
      deadlines,
      hostname: "mail.howstuffworks.com",
      closing: this.closing.signal,
      random: seededRandom(7),
    };
  }

  /** Puts a message from jsmith under that id into brain's mailbox; the server has put `prefix` before the text. */
  protected async deliverAs(uid: string, text: string, prefix: string): Promise<void> {
    const writer = new BodyWriter(this.store, { id: uid, clock: this.clock });
    await writer.append(encode(text));
    const draft = writer.finish();
    const entry = mailEntry({
      uid,
      receivedAt: this.clock.now(),
      body: draft.ref(1),
      prefix,
      sender: "jsmith@mindspring.com",
      recipient: BRAIN,
    });
    await this.store.write(together(draft.write(1), this.mailStore.deliveryWrite(BRAIN, entry)));
  }

  /** Starts a session; the client's end of its connection. */
  async connect(): Promise<ByteConn> {
    const { tcp, bytewise = false, remote } = this.#come;
    const [conn, server] = tcp ? await tcpPair() : memoryPair({ bytewise });
    this.#conns.push(conn);
    this.#sessions.push(this.serve(fromAddress(server, remote), this.#sessions.length));
    return conn;
  }

  /** Waits until all sessions have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#sessions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const conn of this.#conns) conn.close();
    await this.ended();
    this.deadlines.close();
    await this.store.close();
  }
}

/** A client that sends what it is told and reads all that comes, by lines. */
export class LineClient {
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

  close(): void {
    this.#conn.close();
  }
}

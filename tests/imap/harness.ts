/** IMAP sessions for tests. */

import { eventTurn } from "../../src/base/clock.ts";
import { IdMaker } from "../../src/base/ids.ts";
import { seededRandom } from "../../src/base/random.ts";
import { type ImapEvent, type ImapSessionOptions, serveImap } from "../../src/imap/session.ts";
import { readCard, writeCard } from "../../src/mail/facts_card.ts";
import { readFacts } from "../../src/mail/message_facts.ts";
import { Quotas } from "../../src/mailbox/quotas.ts";
import { BodyWriter } from "../../src/storage/bodies/bodies.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import {
  BRAIN,
  type Ground,
  layGround,
  LineClient,
  MailboxHarness,
  type MailboxHarnessOptions,
  PASSWORD,
} from "../support/mailbox_harness.ts";

/** What is in brain's INBOX. */
export const MESSAGES: readonly string[] = [
  "Subject: one\r\n\r\nHello, Brain.\r\n",
  "Subject: two\r\n\r\nAre you pondering what I'm pondering?\r\n",
  "Subject: three\r\n\r\nNarf!\r\n",
];

export interface HarnessOptions extends MailboxHarnessOptions {
  readonly messages?: readonly string[];
  /** Session options that replace the usual ones. */
  readonly session?: Partial<ImapSessionOptions>;
  /** Brain's quota in bytes. */
  readonly quota?: number;
}

/** A mail server with brain's mailbox. */
export class Harness extends MailboxHarness {
  readonly events: ImapEvent[] = [];
  readonly ids: IdMaker;
  readonly #session: Partial<ImapSessionOptions> | undefined;

  private constructor(ground: Ground, options: HarnessOptions) {
    super(ground, options);
    this.ids = new IdMaker(ground.clock, seededRandom(3));
    this.#session = options.session;
  }

  static async start(options: HarnessOptions = {}): Promise<Harness> {
    const ground = await layGround();
    const { accounts, mailStore } = ground;
    mailStore.useFacts({
      make: async (pieces) => writeCard(await readFacts(pieces)),
      isGood: (card) => readCard(card) !== undefined,
    });
    const { quota } = options;
    await accounts.add({ address: BRAIN, password: PASSWORD, ...(quota === undefined ? {} : { quota }) });
    const quotas = new Quotas({ accounts, mailStore });
    mailStore.useRoom((address, size) => quotas.take(address, size));
    const harness = new Harness(ground, options);
    for (const text of options.messages ?? MESSAGES) await harness.deliver(text);
    return harness;
  }

  /** Puts a message into brain's INBOX. */
  async deliver(text: string): Promise<void> {
    await this.deliverAs(this.ids.next(), text, "");
    // by then it has its number
    (await this.mailStore.open(BRAIN))[Symbol.dispose]();
  }

  protected override serve(conn: ByteConn, nth: number): Promise<void> {
    return serveImap(conn, {
      ...this.common,
      newBody: () => new BodyWriter(this.store, { id: this.ids.next(), clock: this.clock }),
      id: `imap-${nth}`,
      messageSize: 100_000,
      onEvent: (event) => this.events.push(event),
      ...this.#session,
    });
  }

  override async ended(): Promise<void> {
    await super.ended();
    // what is \Recent no more is written behind the session
    await eventTurn();
  }
}

/** A client of IMAP. */
export class Client extends LineClient {
  #tag = 0;

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
}

/** POP3 sessions for tests. */

import { type Pop3Event, type Pop3SessionOptions, servePop3 } from "../../src/pop3/session.ts";
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

export const PREFIX = "Return-Path: <jsmith@mindspring.com>\r\n";

/** What is in brain's maildrop. */
export const MESSAGES: readonly string[] = [
  "Subject: one\r\n\r\nHello, Brain.\r\n",
  "Subject: dots\r\n\r\n.\r\n..two\r\nnot a dot .\r\n.end\r\n",
  "Subject: lines\r\n\r\nline 1\r\nline 2\r\nline 3\r\n",
];

/** The uid of the message of that number. */
export function uidOf(number: number): string {
  return `06FZ${String(number).padStart(12, "0")}`;
}

export interface HarnessOptions extends MailboxHarnessOptions {
  readonly messages?: readonly string[];
  /** Session options that replace the usual ones. */
  readonly session?: Partial<Pop3SessionOptions>;
}

/** A mail server with brain's maildrop. */
export class Harness extends MailboxHarness {
  readonly events: Pop3Event[] = [];
  readonly #session: Partial<Pop3SessionOptions> | undefined;
  #next = 0;

  private constructor(ground: Ground, options: HarnessOptions) {
    super(ground, options);
    this.#session = options.session;
  }

  static async start(options: HarnessOptions = {}): Promise<Harness> {
    const ground = await layGround();
    await ground.accounts.add({ address: BRAIN, password: PASSWORD });
    await ground.accounts.add({ address: "pinky@howstuffworks.com", password: "poit" });
    const harness = new Harness(ground, options);
    for (const text of options.messages ?? MESSAGES) await harness.deliver(text);
    return harness;
  }

  /** Puts a message into brain's maildrop. */
  deliver(text: string): Promise<void> {
    return this.deliverAs(uidOf(++this.#next), text, PREFIX);
  }

  protected override serve(conn: ByteConn, nth: number): Promise<void> {
    const onEvent = (event: Pop3Event) => void this.events.push(event);
    return servePop3(conn, { ...this.common, id: `pop3-${nth}`, onEvent, ...this.#session });
  }

  /** The uids in brain's mailbox. */
  async uids(): Promise<string[]> {
    return (await this.mailStore.list(BRAIN)).map((entry) => entry.uid);
  }
}

/** A client of POP3. */
export class Client extends LineClient {
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
}

/** The commands of the TRANSACTION state (RFC 1939 5, 7). */

import { BodyMissing } from "../storage/bodies/bodies.ts";
import type { Maildrop } from "./maildrop.ts";
import type { Output } from "./output.ts";
import { err, ok } from "./reply.ts";
import { sendMessage } from "./send_message.ts";

/** What the commands need. */
export interface MaildropTransactionOptions {
  /** The maildrop, locked. */
  readonly maildrop: Maildrop;
  /** Where replies go. */
  readonly out: Output;
  /** The store failed. */
  readonly onError: (error: unknown) => void;
  /** A message broke off in the middle: the connection has to end, or half of it would be taken for all. */
  readonly onBroken: () => void;
}

/** The TRANSACTION state of one session. Each command puts its reply. */
export class MaildropTransaction {
  /** The maildrop. */
  readonly maildrop: Maildrop;
  /** Messages sent by RETR. */
  retrieved = 0;
  readonly #out: Output;
  readonly #options: MaildropTransactionOptions;

  /** The maildrop is this one's to close from now on. */
  constructor(options: MaildropTransactionOptions) {
    this.maildrop = options.maildrop;
    this.#out = options.out;
    this.#options = options;
  }

  /** STAT. */
  stat(): void {
    this.#out.put(ok(`${this.maildrop.count} ${this.maildrop.octets}`));
  }

  /** LIST, of one message or all. */
  list(number: number | undefined): void | Promise<void> {
    if (number === undefined) {
      return this.#out.multiLine(this.#scan(), this.maildrop.lines("size"));
    }
    const mail = this.maildrop.at(number);
    this.#out.put(mail ? ok(`${number} ${mail.size}`) : noSuchMessage(number));
  }

  /** UIDL, of one message or all. */
  uidl(number: number | undefined): void | Promise<void> {
    if (number === undefined) {
      return this.#out.multiLine("Unique ids follow", this.maildrop.lines("uid"));
    }
    const mail = this.maildrop.at(number);
    this.#out.put(mail ? ok(`${number} ${mail.uid}`) : noSuchMessage(number));
  }

  /** RETR, or TOP with a number of lines. Answers at once when the message was read ahead. */
  send(number: number, lines?: number): void | Promise<void> {
    const { maildrop } = this;
    const mail = maildrop.at(number);
    if (!mail) return this.#out.put(noSuchMessage(number));
    if (lines === undefined) this.retrieved++;
    const top = lines === undefined ? {} : { lines };
    const done = sendMessage({ maildrop, number, mail, out: this.#out, ...top });
    return done?.then(async (failure) => {
      if (!failure) return;
      if (!await maildrop.wasRemoved(mail, failure.error)) this.#options.onError(failure.error);
      if (failure.begun) this.#options.onBroken();
      else if (failure.error instanceof BodyMissing) this.#out.put(err("The message is gone", "SYS/PERM"));
      else this.#out.put(err("The message can't be read", "SYS/TEMP"));
    });
  }

  /** DELE. */
  dele(number: number): void {
    const marked = this.maildrop.delete(number);
    this.#out.put(marked ? ok(`Message ${number} is marked as deleted`) : noSuchMessage(number));
  }

  /** RSET. */
  rset(): void {
    this.maildrop.reset();
    this.#out.put(ok(this.#scan()));
  }

  /** The UPDATE state: removes what is marked and gives the lock back. Answers how many messages were removed. */
  async update(): Promise<number> {
    const marked = this.maildrop.deleted;
    let reply = ok(marked === 0 ? "Goodbye" : `Goodbye, ${marked} messages removed`);
    let removed = 0;
    try {
      await this.maildrop.update();
      removed = marked;
    } catch (error) {
      this.#options.onError(error);
      reply = err("No message was removed", "SYS/TEMP");
    }
    // unlocked before the reply, so that who reads it may come back at once
    await this.maildrop.close();
    this.#out.put(reply);
    return removed;
  }

  #scan(): string {
    return `${this.maildrop.count} messages, ${this.maildrop.octets} octets`;
  }
}

function noSuchMessage(number: number): string {
  return err(`There is no message ${number}`);
}

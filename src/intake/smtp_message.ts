/**
 * In charge of the instant of responsibility: a text comes in, and when it is durable with its recipients and due
 * times, and not before, the answer is 250.
 */

import { encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { needsUtf8 } from "../mail/address.ts";
import type { Envelope, Mailbox, SenderParameters } from "../mail/envelope.ts";
import { scanHeader } from "../mail/header.ts";
import { protocolName, receivedField } from "../mail/trace.ts";
import type { Journal } from "../observe/journal.ts";
import type { NewMessage } from "../queue/message.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import type { DeliveryTarget } from "../recipients/expand.ts";
import type { Router } from "../recipients/router.ts";
import { type Reply, reply } from "../smtp/protocol/reply.ts";
import type { MessageSink, SessionFacts } from "../smtp/server/reception.ts";
import { BodyWriter } from "../storage/bodies/bodies.ts";
import { isDiskFull } from "../storage/storage_error.ts";
import type { Store } from "../storage/store.ts";
import { type Destinations, type Dispatch, MAILBOX_FULL } from "./destinations.ts";
import { fixHeader, type Origin } from "./header_fixups.ts";
import { HeaderScanner } from "./header_scanner.ts";
import { FirstAttempts } from "./verbose.ts";

/** What a {@linkcode IncomingMessage} works with. */
export interface IntakeOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly queue: DeliveryQueue;
  readonly destinations: Destinations;
  readonly router: Router;
  readonly hostname: string;
  /** More Received fields than this are a loop. */
  readonly maxHops: number;
  /** VERB waits this long for deliveries, then lets them go on in the queue: milliseconds. */
  readonly verboseMs: number;
}

const LF = 10;
const CRLF = Uint8Array.of(13, LF);
const STORAGE_FAILING = reply(451, "4.3.0", "The message could not be stored; try again later");
/** No mail is taken for want of room on the disk. */
export const DISK_FULL: Reply = reply(452, "4.3.1", "Not enough room on this server's disk; try again later");
const LOOP = reply(554, "5.4.6", "Too many Received fields: the message is going in circles");
const LONG_HEADER = reply(552, "5.3.4", "The header is too long");

/** One text on its way in. */
export class IncomingMessage implements MessageSink {
  readonly #options: IntakeOptions;
  readonly #session: SessionFacts;
  readonly #envelope: Envelope;
  readonly #origin: Origin;
  readonly #body: BodyWriter;
  readonly #header = new HeaderScanner();
  #headerDone = false;
  #utf8Head = false;
  #lineEnded = true;
  #refusal: Reply | undefined;
  #storageError: unknown;

  constructor(
    id: string,
    of: { session: SessionFacts; envelope: Envelope; origin: Origin },
    options: IntakeOptions,
  ) {
    this.id = id;
    this.#options = options;
    this.#session = of.session;
    this.#envelope = of.envelope;
    this.#origin = of.origin;
    this.#body = new BodyWriter(options.store, { id, clock: options.clock });
  }

  /** The message's id. */
  readonly id: string;

  write(piece: Uint8Array): void | Promise<void> {
    if (this.#refusal || piece.length === 0) return;
    this.#lineEnded = piece[piece.length - 1] === LF;
    if (this.#headerDone) return this.#append(piece);
    const found = this.#header.push(piece);
    if (found === "more") return;
    if (found === "tooLong") return this.#refuse(LONG_HEADER);
    const waiting = this.#begin(found.head);
    if (this.#refusal || found.rest.length === 0) return waiting;
    // The rest is a view that the caller will reuse, but nothing is reused before the promise resolves.
    return waiting ? waiting.then(() => this.#append(found.rest)) : this.#append(found.rest);
  }

  async finish(tell?: (line: string) => void): Promise<Reply | Reply[]> {
    if (!this.#headerDone && !this.#refusal) await this.#begin(this.#header.whole());
    // Chunks (RFC 3030) may end within a line, which every reader of the text would have to complete and count anew.
    if (!this.#lineEnded) await this.#append(CRLF);
    const answer = await this.#finish(tell);
    return this.#session.service === "lmtp" && !Array.isArray(answer)
      ? this.#envelope.recipients.map(() => answer)
      : answer;
  }

  async abort(): Promise<void> {
    await this.#drop();
  }

  #append(piece: Uint8Array): void | Promise<void> {
    if (this.#refusal) return;
    const waiting = this.#body.append(piece);
    return waiting?.catch((error) => this.#refuse(storageReply(error), error));
  }

  #refuse(why: Reply, error?: unknown): void {
    this.#refusal ??= why;
    this.#storageError ??= error;
  }

  /** The head is complete: trace fields go before it, and a submission gets what it lacks (RFC 6409 8). */
  #begin(head: Uint8Array): void | Promise<void> {
    this.#headerDone = true;
    const { received, names } = scanHeader(head);
    if (received > this.#options.maxHops) return this.#refuse(LOOP);
    this.#utf8Head = this.#envelope.utf8 === true && head.some((octet) => octet > 127);
    const { clock, hostname, router } = this.#options;
    const fixed = fixHeader(head, {
      origin: this.#origin,
      names,
      account: this.#session.account,
      domain: router.domains[0]!,
      now: clock.now(),
      id: this.id,
      hostname,
    });
    const first = this.#append(encode(this.#trace() + fixed.added));
    return first ? first.then(() => this.#append(fixed.head)) : this.#append(fixed.head);
  }

  #trace(): string {
    const { helo, remote, service, extended, tls, account } = this.#session;
    const { recipients, utf8 } = this.#envelope;
    return receivedField({
      helo,
      remote: remote.hostname,
      by: this.#options.hostname,
      protocol: protocolName({
        lmtp: service === "lmtp",
        extended,
        tls: tls !== undefined,
        authenticated: account !== undefined,
        utf8: utf8 ?? false,
      }),
      id: this.id,
      at: this.#options.clock.now(),
      ...(recipients.length === 1 ? { for: recipients[0]!.address } : {}),
      ...(tls === undefined ? {} : { tls }),
    });
  }

  async #finish(tell: ((line: string) => void) | undefined): Promise<Reply | Reply[]> {
    if (this.#refusal) return this.#failed(this.#refusal, this.#storageError);
    const { destinations, queue } = this.#options;
    const { recipients } = this.#envelope;
    const lmtp = this.#session.service === "lmtp";
    const watcher = tell ? new FirstAttempts(tell, this.#options) : undefined;
    let to: Dispatch | undefined;
    let message: NewMessage;
    let mailboxes: readonly Mailbox[] | false;
    try {
      to = await destinations.of(this.#envelope, { size: this.#body.size, oneAnswer: !lmtp });
      const { successes, refused } = to;
      if (to.destinations.length === 0) {
        const answers = recipients.map((r) => refused.get(r.address) ?? MAILBOX_FULL);
        // With one answer for all, one that may change is worth another try.
        await this.#failed(answers[0]!, undefined);
        return lmtp ? answers : answers.find((a) => a.code < 500) ?? answers[0]!;
      }
      message = this.#message(to.destinations);
      mailboxes = await queue.accept(message, { watcher, successes });
      if (!mailboxes) return await this.#failed(STORAGE_FAILING, "the text was swept away");
    } catch (error) {
      return await this.#failed(storageReply(error), error);
    } finally {
      to?.release();
    }
    this.#tell(message, mailboxes);
    await watcher?.ended(to.destinations);
    const accepted = reply(250, "2.0.0", `Ok: queued as ${this.id}`);
    const { refused } = to;
    return lmtp ? recipients.map((r) => refused.get(r.address) ?? accepted) : accepted;
  }

  #message(destinations: readonly DeliveryTarget[]): NewMessage {
    const { sender } = this.#envelope;
    const { service, account } = this.#session;
    return {
      id: this.id,
      sender,
      parameters: this.#parameters(),
      body: this.#body.finish(),
      receivedAt: this.#options.clock.now(),
      source: service === "submissions" ? "submission" : service,
      targets: destinations,
      ...(account === undefined ? {} : { authenticatedAs: account }),
    };
  }

  /** What MAIL said; SMTPUTF8 only where something needs it, since many programs ask for it each time. */
  #parameters(): SenderParameters {
    const { recipients, sender, utf8, ...parameters } = this.#envelope;
    const needed = this.#utf8Head || needsUtf8(sender) || recipients.some((r) => needsUtf8(r.address));
    return utf8 && needed ? { ...parameters, utf8 } : parameters;
  }

  #tell(message: NewMessage, mailboxes: readonly Mailbox[]): void {
    const { journal } = this.#options;
    const { id, sender, source } = message;
    const size = message.body.size;
    journal.emit({
      type: "accepted",
      id,
      sender,
      recipients: this.#envelope.recipients.map((r) => r.address),
      size,
      source,
      session: this.#session.id,
      remote: this.#session.remote.hostname,
      ...(this.#session.account === undefined ? {} : { account: this.#session.account }),
    });
    for (const mailbox of mailboxes) journal.emit({ type: "mailbox", id, mailbox, sender, size });
  }

  async #failed(why: Reply, error: unknown): Promise<Reply> {
    // of a full disk the log speaks once, not for each message
    if (error !== undefined && why !== DISK_FULL) {
      this.#options.journal.note("ERROR", "message not stored", { id: this.id, error: String(error) });
    }
    await this.#drop();
    return why;
  }

  /** What was written ahead is dropped; where that fails too, the sweeper finds it. */
  async #drop(): Promise<void> {
    try {
      await this.#body.abort();
    } catch (error) {
      this.#options.journal.note("WARN", "text not dropped", { id: this.id, error: String(error) });
    }
  }
}

function storageReply(error: unknown): Reply {
  return isDiskFull(error) ? DISK_FULL : STORAGE_FAILING;
}

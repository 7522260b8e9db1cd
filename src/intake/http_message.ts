/** In charge of messages that come over HTTP: made fit for mail, resolved, and taken over like any other. */

import type { Clock } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import { concat, encode } from "../base/bytes.ts";
import { needsUtf8 } from "../mail/address.ts";
import { literalOf } from "../mail/domain.ts";
import type { Envelope, EnvelopeRecipient, Mailbox } from "../mail/envelope.ts";
import { scanHeader } from "../mail/header.ts";
import { receivedField } from "../mail/trace.ts";
import type { Journal } from "../observe/journal.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import type { NewMessage } from "../queue/message.ts";
import { ExpansionBudget } from "../recipients/expansion_budget.ts";
import type { Router } from "../recipients/router.ts";
import type { Reply } from "../smtp/protocol/reply.ts";
import { BodyWriter } from "../storage/bodies/bodies.ts";
import { isDiskFull } from "../storage/storage_error.ts";
import type { Store } from "../storage/store.ts";
import type { Destinations, Dispatch } from "./destinations.ts";
import { LineEnds } from "./line_ends.ts";
import { fixHeader } from "./header_fixups.ts";
import { HeaderScanner } from "./header_scanner.ts";

/** What an {@linkcode HttpSubmission} works with. */
export interface HttpSubmissionOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdMaker;
  readonly journal: Journal;
  readonly queue: DeliveryQueue;
  readonly router: Router;
  readonly destinations: Destinations;
  readonly hostname: string;
  /** The largest text in bytes. */
  readonly messageSize: number;
  /** The most recipients. */
  readonly recipients: number;
  /** More Received fields than this are a loop. */
  readonly maxHops: number;
}

/** A message to be sent. */
export interface SubmittedMessage {
  /** The reverse-path, canonical; empty for none. */
  readonly from: Mailbox;
  /** The recipients, canonical; at least one. */
  readonly to: readonly Mailbox[];
  /** The whole text; any line ends. */
  readonly text: Uint8Array | AsyncIterable<Uint8Array>;
  /** The submitter's IP address, when it is known. */
  readonly remote?: string;
}

/** Why a message was not taken. */
export interface SubmissionRefusal {
  /** `content`: never as it is; `size`: too large; `full`: a mailbox is full; `storage`: try again. */
  readonly kind: "content" | "size" | "full" | "storage";
  /** A sentence for people. */
  readonly text: string;
  /** The recipients it is about, with what is wrong with each. */
  readonly recipients?: readonly RefusedRecipient[];
}

/** A recipient that gets no copy, and what is wrong with it. */
export interface RefusedRecipient {
  /** As it was submitted, canonical. */
  readonly address: Mailbox;
  /** A sentence for people. */
  readonly text: string;
}

/** What became of a message; `refused` are recipients that were left out, since they are unknown here. */
export type SubmissionResult =
  | { readonly ok: true; readonly id: string; readonly refused: readonly RefusedRecipient[] }
  | { readonly ok: false; readonly refusal: SubmissionRefusal };

/** Takes messages over HTTP. */
export class HttpSubmission {
  readonly #options: HttpSubmissionOptions;

  /** Takes nothing over before it is asked. */
  constructor(options: HttpSubmissionOptions) {
    this.#options = options;
  }

  /**
   * Takes a message over: line ends become CRLF, Received is put before it, Date, Message-ID and From are added when
   * they are missing. One unknown recipient does not keep it from the others. Resolves with its id when it is durable.
   * Rejects only when reading `text` fails.
   */
  async submit(message: SubmittedMessage): Promise<SubmissionResult> {
    const refused = message.to.flatMap((address) => this.#wrong(address) ?? []);
    const to = message.to.filter((address) => !refused.some((one) => one.address === address));
    const refusal = this.#check(message.to, to, refused);
    if (refusal) return { ok: false, refusal };
    const result = await new Incoming({ ...message, to }, this.#options).run();
    return result.ok ? { ...result, refused } : result;
  }

  /** More than one commit takes of what they stand for. */
  #tooMany(to: readonly Mailbox[]): boolean {
    const budget = new ExpansionBudget();
    const soFar: EnvelopeRecipient[] = [];
    return to.some((address) => {
      const recipient = { address };
      if (!budget.takes(recipient, this.#options.router.resolve(address), soFar)) return true;
      soFar.push(recipient);
      return false;
    });
  }

  #wrong(address: Mailbox): RefusedRecipient | undefined {
    const found = this.#options.router.resolve(address);
    if (found.kind === "unknown") return { address, text: `${address}: no such user here` };
    if (found.kind !== "loop") return undefined;
    return { address, text: `${address}: the alias leads in a circle at ${found.at}` };
  }

  #check(
    all: readonly Mailbox[],
    to: readonly Mailbox[],
    refused: readonly RefusedRecipient[],
  ): SubmissionRefusal | undefined {
    const { recipients: most } = this.#options;
    if (all.length === 0) return { kind: "content", text: "The message has no recipients" };
    if (all.length > most) {
      return { kind: "content", text: `The message has ${all.length} recipients; at most ${most} are taken` };
    }
    if (to.length === 0) {
      return {
        kind: "content",
        text: refused.slice(0, 10).map((w) => w.text).join("; "),
        recipients: refused,
      };
    }
    if (!this.#tooMany(to)) return undefined;
    return {
      kind: "content",
      text: "The recipients stand for too many; send to some of them in another message",
    };
  }
}

/** One message on its way in. */
class Incoming {
  readonly #id: string;
  readonly #message: SubmittedMessage;
  readonly #options: HttpSubmissionOptions;
  readonly #body: BodyWriter;
  readonly #header = new HeaderScanner();
  readonly #ends = new LineEnds();
  #headerDone = false;
  #eightBit = false;

  constructor(message: SubmittedMessage, options: HttpSubmissionOptions) {
    this.#message = message;
    this.#options = options;
    this.#id = options.ids.next();
    this.#body = new BodyWriter(options.store, { id: this.#id, clock: options.clock });
  }

  async run(): Promise<{ ok: true; id: string } | { ok: false; refusal: SubmissionRefusal }> {
    let taken = false;
    try {
      const refusal = await this.#read() ?? await this.#accept();
      taken = refusal === undefined;
      return refusal ? { ok: false, refusal } : { ok: true, id: this.#id };
    } finally {
      if (!taken) await this.#body.abort();
    }
  }

  async #read(): Promise<SubmissionRefusal | undefined> {
    const { text } = this.#message;
    let size = 0;
    for await (const piece of text instanceof Uint8Array ? [text] : text) {
      size += piece.length;
      if (size > this.#options.messageSize) return this.#tooLarge();
      const refusal = this.#look(piece) ?? await this.#write(this.#ends.convert(piece));
      if (refusal) return refusal;
    }
    return await this.#write(this.#ends.end()) ??
      (this.#headerDone ? undefined : await this.#begin(this.#header.whole(), false));
  }

  #tooLarge(): SubmissionRefusal {
    return { kind: "size", text: `The message is larger than ${this.#options.messageSize} bytes` };
  }

  #look(piece: Uint8Array): SubmissionRefusal | undefined {
    if (piece.includes(0)) {
      return { kind: "content", text: "The text has a NUL in it; mail can't carry that" };
    }
    this.#eightBit ||= piece.some((byte) => byte > 127);
    return undefined;
  }

  async #write(piece: Uint8Array): Promise<SubmissionRefusal | undefined> {
    if (piece.length === 0) return undefined;
    if (this.#headerDone) return await this.#append(piece);
    const found = this.#header.push(piece);
    if (found === "more") return undefined;
    if (found === "tooLong") return { kind: "size", text: "The header is too long" };
    return await this.#begin(found.head, true) ?? await this.#append(found.rest);
  }

  /** The head is here: the trace field and what is missing go before it (RFC 6409 8). */
  async #begin(head: Uint8Array, ended: boolean): Promise<SubmissionRefusal | undefined> {
    this.#headerDone = true;
    const { clock, hostname, maxHops, router } = this.#options;
    const { from, to, remote } = this.#message;
    const { received, names } = scanHeader(head);
    if (received > maxHops) {
      return { kind: "content", text: "Too many Received fields: the message is going in circles" };
    }
    const now = clock.now();
    const id = this.#id;
    // what came through no connection came from within this machine
    const client = remote ?? "127.0.0.1";
    const trace = receivedField({
      helo: literalOf(client),
      remote: client,
      by: hostname,
      protocol: "HTTP",
      id,
      at: now,
      ...(to.length === 1 ? { for: to[0]! } : {}),
    });
    // only a missing From is the submitter's; who uses the token may write in anybody's name
    const account = names.has("from") || from === "" ? undefined : from;
    const domain = router.domains[0]!;
    const fixed = fixHeader(head, { origin: "user", names, account, domain, now, id, hostname });
    // a text without a single field is all body
    const isBody = names.size === 0 && fixed.head.length > 2 &&
      !(fixed.head[0] === 13 && fixed.head[1] === 10);
    const gap = isBody ? "\r\n" : "";
    const end = ended || isBody ? "" : "\r\n";
    return await this.#append(concat([encode(trace + fixed.added + gap), fixed.head, encode(end)]));
  }

  async #append(piece: Uint8Array): Promise<SubmissionRefusal | undefined> {
    try {
      await this.#body.append(piece);
      return undefined;
    } catch (error) {
      return this.#storageFails(error);
    }
  }

  #storageFails(error: unknown): SubmissionRefusal {
    if (isDiskFull(error)) {
      return { kind: "storage", text: "There is not enough room on this server's disk; try again later" };
    }
    this.#options.journal.note("ERROR", "message not stored", { id: this.#id, error: String(error) });
    return { kind: "storage", text: "The message could not be stored; try again later" };
  }

  async #accept(): Promise<SubmissionRefusal | undefined> {
    const { queue, destinations, clock } = this.#options;
    const envelope = this.#envelope();
    let ways: Dispatch | undefined;
    try {
      ways = await destinations.of(envelope, { size: this.#body.size, oneAnswer: true });
      if (ways.destinations.length === 0) return refusalOf(ways.refused.values().next().value);
      const { recipients: _, sender, ...parameters } = envelope;
      const body = this.#body.finish();
      const message: NewMessage = {
        id: this.#id,
        sender,
        parameters,
        body,
        receivedAt: clock.now(),
        source: "http",
        targets: ways.destinations,
      };
      const mailboxes = await queue.accept(message, { successes: ways.successes });
      if (!mailboxes) return this.#storageFails("the text was swept away");
      this.#tell(body.size, mailboxes);
      return undefined;
    } catch (error) {
      return this.#storageFails(error);
    } finally {
      ways?.release();
    }
  }

  #envelope(): Envelope {
    const { from, to } = this.#message;
    const utf8 = needsUtf8(from) || to.some(needsUtf8);
    return {
      sender: from,
      recipients: to.map((address) => ({ address })),
      ...(this.#eightBit ? { bodyType: "8BITMIME" } : {}),
      ...(utf8 ? { utf8: true } : {}),
    };
  }

  #tell(size: number, mailboxes: readonly Mailbox[]): void {
    const { journal } = this.#options;
    const { from: sender, to: recipients, remote } = this.#message;
    const id = this.#id;
    journal.emit({
      type: "accepted",
      id,
      sender,
      recipients,
      size,
      source: "http",
      ...(remote === undefined ? {} : { remote }),
    });
    for (const mailbox of mailboxes) journal.emit({ type: "mailbox", id, mailbox, sender, size });
  }
}

/** The one who refused was a full mailbox, or a user who has gone since the recipients were looked up. */
function refusalOf(why: Reply | undefined): SubmissionRefusal {
  if (why !== undefined && why.code >= 500) return { kind: "content", text: why.lines.join(" ") };
  return { kind: "full", text: "The mailbox is full; try again later" };
}

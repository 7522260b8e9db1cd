/** The release of captured messages: sent on for real, to the octet, by the way that any message would take. */

import type { Clock } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import type { Captured } from "../capture/captured.ts";
import type { CapturedMail } from "../capture/captured_mail.ts";
import { needsUtf8 } from "../mail/address.ts";
import type { Mailbox, SenderParameters } from "../mail/envelope.ts";
import { scanHeader } from "../mail/header.ts";
import type { Journal } from "../observe/journal.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import { BodyWriter } from "../storage/bodies/bodies.ts";
import type { Store } from "../storage/store.ts";

/** What {@linkcode Releases} works with. */
export interface ReleaseOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdMaker;
  readonly journal: Journal;
  readonly queue: DeliveryQueue;
  readonly captured: CapturedMail;
}

/** Sends captured messages on. */
export class Releases {
  readonly #options: ReleaseOptions;

  constructor(options: ReleaseOptions) {
    this.#options = options;
  }

  /**
   * Puts a copy into the queue for these recipients, each once, in the name of the envelope's sender; answers its id when
   * it is durable. Throws `BodyMissing` when the message is gone meanwhile.
   */
  async release(message: Captured, to: readonly Mailbox[]): Promise<string> {
    const { store, clock, ids, queue, captured, journal } = this.#options;
    const id = ids.next();
    const body = new BodyWriter(store, { id, clock });
    const seen = new EightBit();
    try {
      for await (const piece of captured.content(message)) {
        seen.push(piece);
        await body.append(piece);
      }
      const { sender } = message;
      const recipients = [...new Set(to)];
      const receivedAt = clock.now();
      const draft = body.finish();
      const taken = await queue.accept({
        id,
        sender,
        receivedAt,
        body: draft,
        source: "release",
        parameters: seen.parameters([sender, ...recipients]),
        targets: recipients.map((address) => ({ kind: "queue", address, recipient: { address } })),
      });
      if (!taken) throw new Error("the content was swept away");
      journal.emit({ type: "accepted", id, sender, recipients, size: draft.size, source: "release" });
      return id;
    } catch (error) {
      await body.abort();
      throw error;
    }
  }
}

/** A header section that is longer has what it needs SMTPUTF8 for in its beginning. */
const MAX_HEADER = 100 * 1024;

/** Looks at a text as it goes by: has it octets above 127, and has its header section? */
class EightBit {
  #head: Uint8Array = new Uint8Array(0);
  #any = false;

  push(piece: Uint8Array): void {
    this.#any ||= piece.some((octet) => octet > 127);
    if (this.#head.length >= MAX_HEADER) return;
    const head = new Uint8Array(this.#head.length + piece.length);
    head.set(this.#head);
    head.set(piece, this.#head.length);
    this.#head = head;
  }

  /** What MAIL has to say of it. */
  parameters(addresses: readonly Mailbox[]): SenderParameters {
    const { end } = scanHeader(this.#head);
    const header = end < 0 ? this.#head : this.#head.subarray(0, end);
    const utf8 = addresses.some(needsUtf8) || header.some((octet) => octet > 127);
    return { ...(this.#any && { bodyType: "8BITMIME" }), ...(utf8 && { utf8 }) };
  }
}

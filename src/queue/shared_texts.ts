/**
 * What many records of the queue have in common, in memory once: each comes from the store with texts of its own, and a
 * long queue has few domains, senders and answers.
 */

import type { BodyRef } from "../storage/bodies/bodies.ts";
import type { QueueRecipient, QueueRecord } from "./record.ts";

/** So many texts are remembered at a time. */
const MOST = 10_000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The texts of the records that were read last. */
export class SharedTexts {
  readonly #known = new Map<string, string>();

  /** The same text, as it was met first. */
  one<T extends string>(text: T): T {
    const known = this.#known.get(text);
    if (known !== undefined) return known as T;
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(text, text);
    return text;
  }

  /** Puts the texts that were met first in place of a record's own, which nobody else has yet. */
  shareIn(record: QueueRecord): void {
    const own: Writable<QueueRecord> = record;
    own.sender = this.one(own.sender);
    own.domain = this.one(own.domain);
    own.source = this.one(own.source);
    if (own.signFor !== undefined) own.signFor = this.one(own.signFor);
    if (own.authenticatedAs !== undefined) own.authenticatedAs = this.one(own.authenticatedAs);
    const body: Writable<BodyRef> = own.body;
    if (body.id === own.id) body.id = own.id;
    for (const recipient of own.recipients) this.#shareIn(recipient);
  }

  #shareIn(own: Writable<QueueRecipient>): void {
    own.address = this.one(own.address);
    if (own.lastReply !== undefined) own.lastReply = this.one(own.lastReply);
    if (own.lastError !== undefined) own.lastError = this.one(own.lastError);
    if (own.lastStatus !== undefined) own.lastStatus = this.one(own.lastStatus);
    if (own.lastHost !== undefined) own.lastHost = this.one(own.lastHost);
  }
}

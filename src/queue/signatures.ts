/** The signatures of messages on their way to other servers: made once for each, however many records and attempts it has. */

import type { Awaitable } from "../base/awaitable.ts";
import type { Signed, SizedContent } from "../authentication/dkim_outgoing.ts";
import type { QueueRecord } from "./record.ts";

/** Signs messages. */
export interface MessageSigner {
  /** Signs content in the name of a domain; undefined: there is no key for it. Rejects when it can't be read. */
  sign(content: SizedContent, domain: string): Promise<Signed | undefined>;
}

/** Messages of several records are remembered up to this number: about a KiB each. */
const MAX_REMEMBERED = 1000;

/** Has messages signed. */
export class Signatures {
  /** By message, of those whose other records may still come. */
  readonly #made = new Map<string, Promise<Signed | undefined>>();

  constructor(private readonly signer: MessageSigner | undefined) {}

  /** The signatures of a record's message; undefined: it goes without. Rejects when the content can't be read. */
  of(record: QueueRecord, content: SizedContent): Awaitable<Signed | undefined> {
    const { signed, signFor, id, body } = record;
    if (signed || signFor === undefined || !this.signer) return signed;
    if (!body.shared) return this.signer.sign(content, signFor);
    const before = this.#made.get(id);
    if (before) return before;
    const made = this.signer.sign(content, signFor);
    this.#made.set(id, made);
    if (this.#made.size > MAX_REMEMBERED) this.#made.delete(this.#made.keys().next().value!);
    // a key may be there by the next attempt
    const forget = () => void this.#made.delete(id);
    made.then((signed) => signed ?? forget(), forget);
    return made;
  }
}

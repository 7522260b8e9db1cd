/** In charge of keeping the list of a mailbox in little memory: some 70 bytes a message, so 100,000 may be open. */

import type { MailEntry, MailRef } from "./mail_entry.ts";

/** The messages of a mailbox at one instant, oldest first, by index from 0. */
export class MailList {
  readonly #uids: string[] = [];
  readonly #sizes: number[] = [];
  readonly #bodySizes: number[] = [];
  /** How many chunks the body has; negative less one for a shared one. */
  readonly #chunks: number[] = [];
  readonly #prefixes: string[] = [];
  /** Bodies that don't have their message's name; hardly any. */
  readonly #bodyIds = new Map<number, string>();
  readonly #prefixTexts = new Map<string, string>();

  /** How many messages there are. */
  get length(): number {
    return this.#uids.length;
  }

  /** Adds what is needed of an entry. */
  push({ uid, size, body, prefix }: MailEntry): void {
    if (body.id !== uid) this.#bodyIds.set(this.#uids.length, body.id);
    this.#uids.push(uid);
    this.#sizes.push(size);
    this.#bodySizes.push(body.size);
    this.#chunks.push(body.shared ? -1 - body.chunks : body.chunks);
    this.#prefixes.push(this.#oneTextOf(prefix));
  }

  /** The uid of the message at an index that exists. */
  uid(index: number): string {
    return this.#uids[index]!;
  }

  /** The octets of the message at an index that exists. */
  size(index: number): number {
    return this.#sizes[index]!;
  }

  /** The message at an index; undefined when there is none. */
  at(index: number): MailRef | undefined {
    const uid = this.#uids[index];
    if (uid === undefined) return undefined;
    const chunks = this.#chunks[index]!;
    const body = {
      id: this.#bodyIds.get(index) ?? uid,
      size: this.#bodySizes[index]!,
      chunks: chunks < 0 ? -1 - chunks : chunks,
      shared: chunks < 0,
    };
    return { uid, size: this.#sizes[index]!, body, prefix: this.#prefixes[index]! };
  }

  /** All uids. */
  get uids(): readonly string[] {
    return this.#uids;
  }

  /** Few senders write most messages: equal texts are kept once, as long as the table of them stays small. */
  #oneTextOf(prefix: string): string {
    const known = this.#prefixTexts.get(prefix);
    if (known !== undefined) return known;
    if (this.#prefixTexts.size > 1000) this.#prefixTexts.clear();
    this.#prefixTexts.set(prefix, prefix);
    return prefix;
  }
}

/**
 * The list of a mailbox in little memory: some 70 bytes a message, so 100,000 may be open. All of
 * it is in few large arrays of bytes and numbers: a hundred thousand strings that stay, among all those that the store
 * makes and drops while it reads, would have V8 take ten times their size.
 */

import type { MailEntry, MailRef } from "./mail_entry.ts";

/** How many texts of prefixes are compared with new ones. */
const RECENT = 1000;

/** The messages of a mailbox at one instant, oldest first, by index from 0. */
export class MailList {
  readonly #uids = new Texts();
  readonly #sizes = new Numbers();
  readonly #bodySizes = new Numbers();
  /** How many chunks the body has; negative less one for a shared one. */
  readonly #chunks = new Numbers();
  /** Which of the prefixes it has. */
  readonly #prefixOf = new Numbers();
  readonly #prefixes = new Texts();
  readonly #recent = new Map<string, number>();
  /** Bodies that don't have their message's name; hardly any. */
  readonly #bodyIds = new Map<number, string>();

  /** How many messages there are. */
  get length(): number {
    return this.#uids.length;
  }

  /** Adds what is needed of an entry. */
  push({ uid, size, body, prefix }: MailEntry): void {
    if (body.id !== uid) this.#bodyIds.set(this.length, body.id);
    this.#uids.push(uid);
    this.#sizes.push(size);
    this.#bodySizes.push(body.size);
    this.#chunks.push(body.shared ? -1 - body.chunks : body.chunks);
    this.#prefixOf.push(this.#indexOf(prefix));
  }

  /** The uid of the message at an index that exists. */
  uid(index: number): string {
    return this.#uids.at(index);
  }

  /** The octets of the message at an index that exists. */
  size(index: number): number {
    return this.#sizes.at(index);
  }

  /** The message at an index; undefined when there is none. */
  at(index: number): MailRef | undefined {
    if (!(index >= 0 && index < this.length)) return undefined;
    const uid = this.#uids.at(index);
    const chunks = this.#chunks.at(index);
    const body = {
      id: this.#bodyIds.get(index) ?? uid,
      size: this.#bodySizes.at(index),
      chunks: chunks < 0 ? -1 - chunks : chunks,
      shared: chunks < 0,
    };
    return { uid, size: this.#sizes.at(index), body, prefix: this.#prefixes.at(this.#prefixOf.at(index)) };
  }

  /** All uids. */
  get uids(): readonly string[] {
    return Array.from({ length: this.length }, (_, index) => this.uid(index));
  }

  /** Few senders write most messages: equal texts are kept once, as long as the table of them stays small. */
  #indexOf(prefix: string): number {
    const known = this.#recent.get(prefix);
    if (known !== undefined) return known;
    if (this.#recent.size >= RECENT) this.#recent.clear();
    this.#recent.set(prefix, this.#prefixes.length);
    this.#prefixes.push(prefix);
    return this.#prefixes.length - 1;
  }
}

/** Numbers that grow at their end. */
class Numbers {
  #values = new Float64Array(16);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const grown = new Float64Array(2 * this.length);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index]!;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Texts, one behind the other in one array of bytes. */
class Texts {
  #bytes = new Uint8Array(256);
  #end = 0;
  /** Where each one ends. */
  readonly #ends = new Numbers();

  get length(): number {
    return this.#ends.length;
  }

  push(text: string): void {
    const most = this.#end + 3 * text.length;
    if (most > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(most, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = grown;
    }
    this.#end += encoder.encodeInto(text, this.#bytes.subarray(this.#end)).written;
    this.#ends.push(this.#end);
  }

  at(index: number): string {
    const begin = index === 0 ? 0 : this.#ends.at(index - 1);
    return decoder.decode(this.#bytes.subarray(begin, this.#ends.at(index)));
  }
}

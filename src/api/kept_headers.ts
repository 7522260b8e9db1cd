/**
 * The header sections that lists and waits have read, as far as they look at them: a message does not change, so what
 * was read once need not be read again. No index: which messages there are is asked of the mailbox each time.
 */

import type { Mailbox } from "../mail/envelope.ts";
import type { MailEntry, MailStore } from "../mailbox/mail_store.ts";
import { type HeaderView, readHeader, unlessRemoved } from "./mail_reader.ts";

/** The fields that are kept beside those of the view, in lower case. */
const FIELDS = ["cc"] as const;
/** About what all of them take: some 150 octets for a usual message. */
const MOST_CHARACTERS = 16 * 1024 * 1024;
/** Longer ones are read again each time. */
const LONGEST = 8 * 1024;
const ALL: WeakMap<MailStore, KeptHeaders> = new WeakMap();

/** The kept headers of one store, each packed into one text. */
export class KeptHeaders {
  readonly #mailStore: MailStore;
  readonly #packed = new Map<string, string>();
  #characters = 0;

  private constructor(mailStore: MailStore) {
    this.#mailStore = mailStore;
  }

  /** Those of that store. */
  static of(mailStore: MailStore): KeptHeaders {
    let kept = ALL.get(mailStore);
    if (!kept) ALL.set(mailStore, kept = new KeptHeaders(mailStore));
    return kept;
  }

  /** The header of a message, with {@linkcode FIELDS} only, each once; undefined: the message was removed. */
  async read(address: Mailbox, entry: MailEntry): Promise<HeaderView | undefined> {
    return this.kept(address, entry) ?? await this.#readAnew(address, entry);
  }

  /** The same, at once, when it is kept. */
  kept(address: Mailbox, entry: MailEntry): HeaderView | undefined {
    const packed = this.#packed.get(`${entry.uid} ${address}`);
    return packed === undefined ? undefined : unpacked(packed);
  }

  async #readAnew(address: Mailbox, entry: MailEntry): Promise<HeaderView | undefined> {
    const header = await unlessRemoved(this.#mailStore, { address, entry }, readHeader);
    if (!header) return undefined;
    const packed = pack(header);
    this.#keep(`${entry.uid} ${address}`, packed);
    return unpacked(packed);
  }

  #keep(key: string, packed: string): void {
    if (packed.length > LONGEST || this.#packed.has(key)) return;
    this.#packed.set(key, packed);
    this.#characters += key.length + packed.length;
    // the oldest go first
    for (const [key, packed] of this.#packed) {
      if (this.#characters <= MOST_CHARACTERS) break;
      this.#packed.delete(key);
      this.#characters -= key.length + packed.length;
    }
  }
}

/** No field has a NUL in it that anybody could search for. */
function pack({ from, to, subject, date, headers }: HeaderView): string {
  const values = new Map<string, string>();
  for (const { name, value } of headers) {
    const key = name.toLowerCase();
    const before = values.get(key);
    values.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  const all = [from, to, subject, ...FIELDS.map((name) => values.get(name) ?? "")];
  return `${date}\0${all.map((text) => text.replaceAll("\0", " ")).join("\0")}`;
}

function unpacked(packed: string): HeaderView {
  const [date, from, to, subject, ...values] = packed.split("\0") as [
    string,
    string,
    string,
    string,
    ...string[],
  ];
  const headers = FIELDS.flatMap((name, i) => values[i] === "" ? [] : [{ name, value: values[i]! }]);
  return { from, to, subject, date: Number(date), headers };
}

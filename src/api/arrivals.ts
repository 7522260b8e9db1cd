/** The messages that came lately, and what is known of each: who waits for mail hears of them here, and looks back. */

import type { Clock } from "../base/clock.ts";
import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { fieldValue } from "../mail/decoded_header.ts";
import { addressesToSearch } from "../mail/message.ts";
import type { MailEntry, MailStore } from "../mailbox/mail_store.ts";
import type { Journal } from "../observe/journal.ts";
import { KeptHeaders } from "./kept_headers.ts";
import type { HeaderView } from "./mail_reader.ts";

/** A message in a mailbox, as far as a wait looks at it. */
export interface Arrival {
  readonly mailbox: Mailbox;
  readonly entry: MailEntry;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly date: number;
  /** What parts are looked for in, in lower case: made once, for many waits. */
  readonly searched: { readonly from: string; readonly to: string; readonly subject: string };
}

/** That a message came. */
export interface Notice {
  readonly mailbox: Mailbox;
  readonly uid: string;
  /** Notices are numbered in their order. */
  readonly number: number;
  /** When: milliseconds since 1970. */
  readonly at: number;
}

interface Kept extends Notice {
  arrival?: Promise<Arrival | undefined>;
}

/** At least so many are remembered, each with some hundred bytes; so many more, and the oldest are forgotten. */
const KEPT = 4000;
const MORE = 1000;

/** What is looked up among those that are remembered. */
interface Index {
  /** By {@linkcode nameOf}. */
  readonly notices: Map<string, Kept>;
  /** The numbers of the first notices of messages. */
  readonly numbers: Map<string, number>;
  /** So many of them it has. */
  count: number;
}

/** Listens to the journal. */
export class Arrivals {
  readonly #mailStore: MailStore;
  /** What is remembered, oldest first. */
  #kept: Kept[] = [];
  /** Made when somebody asks: mail comes by the thousand where nobody does. */
  #index: Index | undefined;
  /** Who listens, by mailbox; undefined: to all. */
  readonly #listeners = new Map<Mailbox | undefined, Set<(notice: Notice) => void>>();
  #number = 0;
  /** All that came since then is remembered: milliseconds since 1970. */
  #completeSince: number;

  /** From now on. */
  constructor(
    { journal, mailStore, clock }: {
      readonly journal: Journal;
      readonly mailStore: MailStore;
      readonly clock: Clock;
    },
  ) {
    this.#mailStore = mailStore;
    this.#completeSince = clock.now() + 1;
    journal.on((event) => {
      if (event.type === "mailbox") this.#came(localKey(event.mailbox), event.id, clock.now());
    });
  }

  /** All that came since then is among {@linkcode recent}, as far as it came to this server: milliseconds since 1970. */
  get completeSince(): number {
    return this.#completeSince;
  }

  /** What came lately, newest first, back to the notice of that number. */
  *recent(number = 0): Generator<Notice> {
    const kept = this.#kept;
    for (let at = kept.length - 1; at >= 0 && kept[at]!.number > number; at--) yield kept[at]!;
  }

  /** The number of that message's first notice; undefined when it is not remembered. */
  numberOf(uid: string): number | undefined {
    return this.#indexed().numbers.get(uid);
  }

  /** The notice of a message in a mailbox (its key), when it is remembered. */
  notice(mailbox: Mailbox, uid: string): Notice | undefined {
    return this.#keptOf(mailbox, uid);
  }

  /** Calls `listener` for what comes from now on into that mailbox (its key), or any; the answer ends that. */
  watch(mailbox: Mailbox | undefined, listener: (notice: Notice) => void): () => void {
    const listeners = this.#listeners.get(mailbox) ?? new Set();
    this.#listeners.set(mailbox, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(mailbox) === listeners) this.#listeners.delete(mailbox);
    };
  }

  /** What is known of a message: read once, however many ask. Undefined: it is gone. */
  async read(mailbox: Mailbox, of: { readonly uid: string } | MailEntry): Promise<Arrival | undefined> {
    const kept = this.#keptOf(mailbox, of.uid);
    if (!kept) return await this.#read(mailbox, of);
    const reading = kept.arrival ??= this.#read(mailbox, of);
    try {
      const arrival = await reading;
      if (!arrival) delete kept.arrival;
      // its flags and its folder may be others since it was read
      return arrival && "body" in of ? { ...arrival, entry: of } : arrival;
    } catch (error) {
      delete kept.arrival;
      throw error;
    }
  }

  /** The message is gone: nothing is known of it any more but when it came. */
  forget(mailbox: Mailbox, uid: string): void {
    delete this.#keptOf(mailbox, uid)?.arrival;
  }

  async #read(mailbox: Mailbox, of: { readonly uid: string } | MailEntry): Promise<Arrival | undefined> {
    const entry = "body" in of ? of : await this.#mailStore.get(mailbox, of.uid);
    if (!entry) return undefined;
    const header = await KeptHeaders.of(this.#mailStore).read(mailbox, entry);
    return header && arrivalOf(mailbox, entry, header);
  }

  #keptOf(mailbox: Mailbox, uid: string): Kept | undefined {
    return this.#indexed().notices.get(nameOf(mailbox, uid));
  }

  /** The index, with all that has come since it was asked last. */
  #indexed(): Index {
    const index = this.#index ??= { notices: new Map(), numbers: new Map(), count: 0 };
    for (; index.count < this.#kept.length; index.count++) {
      const notice = this.#kept[index.count]!;
      const { mailbox, uid, number } = notice;
      index.notices.set(nameOf(mailbox, uid), notice);
      if (!index.numbers.has(uid)) index.numbers.set(uid, number);
    }
    return index;
  }

  #came(mailbox: Mailbox, uid: string, at: number): void {
    const notice: Kept = { mailbox, uid, at, number: ++this.#number };
    this.#kept.push(notice);
    if (this.#kept.length > KEPT + MORE) {
      this.#completeSince = Math.max(this.#completeSince, this.#kept.at(-KEPT - 1)!.at + 1);
      this.#kept = this.#kept.slice(-KEPT);
      this.#index = undefined;
    }
    if (this.#listeners.size === 0) return;
    for (const to of [mailbox, undefined]) {
      for (const listener of this.#listeners.get(to) ?? []) listener(notice);
    }
  }
}

function nameOf(mailbox: Mailbox, uid: string): string {
  return `${uid} ${mailbox}`;
}

function arrivalOf(
  mailbox: Mailbox,
  entry: MailEntry,
  { from, to, subject, date, headers }: HeaderView,
): Arrival {
  const recipients = [to, fieldValue(headers, "cc"), entry.recipient].filter((text) => text !== "").join(
    ", ",
  );
  const searched = {
    from: addressesToSearch(`${from}, ${entry.sender}`),
    to: addressesToSearch(recipients),
    subject: subject.toLowerCase(),
  };
  return { mailbox, entry, from, to, subject, date, searched };
}

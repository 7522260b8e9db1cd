/** Waiting for messages: a look at what is there, and then at whatever comes, without a gap between the two. */

import { timeOfId } from "../base/ids.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { MailChange, MailEntry } from "../mailbox/mail_store.ts";
import { type Arrival, Arrivals, type Notice } from "./arrivals.ts";
import { type MailView, readMail, unlessRemoved } from "./mail_reader.ts";
import type { AdminOptions } from "./options.ts";
import {
  asksNoHeader,
  cameAfter,
  fitsFolder,
  fitsHeader,
  nearestOf,
  tooOld,
  type Wanted,
} from "./wait_match.ts";

/** What waiting works with. */
export type WaitingOptions = Pick<
  AdminOptions,
  "clock" | "journal" | "store" | "mailStore" | "queue" | "underWay" | "closing"
>;

/** How a wait ends. */
export interface WaitBounds {
  /** As soon as so many fit; one at least. */
  readonly count: number;
  /** After so long at the latest: milliseconds. */
  readonly ms: number;
  /** Only when nothing is under way; so much longer may that take: milliseconds. */
  readonly quietMs?: number;
  /** Whoever waits has gone. */
  readonly signal: AbortSignal;
}

/** A message that was waited for, parsed. */
export interface AwaitedMail extends Arrival {
  readonly mail: MailView;
}

/** What a wait came to. */
export interface WaitResult {
  /** As many as were asked for, the newest, in the order in which they came; empty: there were fewer at the end. */
  readonly mails: readonly AwaitedMail[];
  /** A message is still on its way, which may be one that fits. */
  readonly underWay: boolean;
}

/** A mailbox is looked through so far back. */
const LOOK_BACK = 5000;
/** A thousand who begin to wait at once would have all mailboxes in memory a thousand times. */
const LOOKS_AT_ONCE = 8;
/** A look takes at least so long before it is cut off. */
const LEAST_LOOK_MS = 1000;
const LISTED = 200;
/** Most wait for what came just now. */
const FIRST_LISTED = 10;
const BATCH = 25;
/** On a shared store a delivery by another server is not heard of here; nor is it when the queue lets a message go. */
const LOOK_AGAIN_MS = 1000;
const QUEUE_AGAIN_MS = 100;
/** What a failed wait tells of. */
const TOLD = 20;
const COMPARED = 100;
const MAX_MAILBOXES = 500;

/** All waits of one server. */
export class Waiting {
  readonly arrivals: Arrivals;
  readonly #options: WaitingOptions;
  readonly #looks = new Semaphore(LOOKS_AT_ONCE);

  /** Hears of messages from now on. */
  constructor(options: WaitingOptions) {
    this.#options = options;
    this.arrivals = new Arrivals(options);
  }

  /** Waits. Ends early, with what there is, when the server stops or nobody waits any more. */
  async wait(wanted: Wanted, bounds: WaitBounds): Promise<WaitResult> {
    using one = new Wait(wanted, {
      bounds,
      options: this.#options,
      arrivals: this.arrivals,
      looks: this.#looks,
    });
    return await one.run();
  }

  /** What did arrive, newest first, and the message that misses least of what was wanted. */
  async missed(wanted: Wanted): Promise<{ arrived: Arrival[]; nearest: Arrival | undefined }> {
    const { arrivals } = this;
    const own = await this.#newest(wanted.mailbox);
    const others = wanted.mailbox === undefined ? [] : await this.#newest(undefined);
    const arrived = own.filter((mail) => cameAfter(wanted.since, mail, arrivals)).slice(0, TOLD);
    return { arrived, nearest: nearestOf(wanted, [...own, ...others], arrivals) };
  }

  /** The newest of a mailbox, or of all. */
  async #newest(mailbox: Mailbox | undefined): Promise<Arrival[]> {
    const { mailStore } = this.#options;
    const found = new Map<string, { mailbox: Mailbox; uid: string }>();
    const add = (mailbox: Mailbox, one: { uid: string }) =>
      found.set(`${one.uid} ${mailbox}`, { ...one, mailbox });
    const list = async (mailbox: Mailbox) => {
      for (const entry of await mailStore.list(mailbox, { reverse: true, limit: COMPARED })) {
        add(mailbox, entry);
      }
    };
    if (mailbox !== undefined) await list(mailbox);
    else {
      for (const { mailbox, uid } of this.arrivals.recent().take(COMPARED)) add(mailbox, { uid });
      if (found.size < COMPARED) {
        let looked = 0;
        for await (const { address, messages } of mailStore.mailboxes()) {
          if (messages > 0) await list(address);
          if (++looked === MAX_MAILBOXES) break;
        }
      }
    }
    const newest = [...found.values()].sort((a, b) => a.uid < b.uid ? 1 : -1).slice(0, COMPARED);
    const read = await Promise.all(newest.map(async (one) => {
      const entry = await mailStore.get(one.mailbox, one.uid);
      return entry && await this.arrivals.read(one.mailbox, entry);
    }));
    return read.filter((mail) => mail !== undefined);
  }
}

/** One wait. */
class Wait implements Disposable {
  readonly #wanted: Wanted;
  readonly #bounds: WaitBounds;
  readonly #options: WaitingOptions;
  readonly #arrivals: Arrivals;
  readonly #looks: Semaphore;
  readonly #found = new Map<string, Arrival>();
  readonly #over = new DisposableStack();
  readonly #began: number;
  /** On a shared store: what was looked at and does not fit, nor ever will. */
  readonly #unfit = new Set<string>();
  #news: Pick<Notice, "mailbox" | "uid">[] = [];
  #wake = () => {};
  #isLate = false;
  #isTooLate = false;

  constructor(
    wanted: Wanted,
    of: { bounds: WaitBounds; options: WaitingOptions; arrivals: Arrivals; looks: Semaphore },
  ) {
    this.#wanted = wanted;
    this.#bounds = of.bounds;
    this.#options = of.options;
    this.#arrivals = of.arrivals;
    this.#looks = of.looks;
    const { ms, quietMs = 0, signal } = of.bounds;
    const { closing, clock } = of.options;
    this.#began = clock.monotonic();
    // listening begins before the first look, so nothing gets lost between
    this.#over.defer(of.arrivals.watch(wanted.mailbox, (notice) => {
      this.#news.push(notice);
      this.#wake();
    }));
    // into a folder a message may be moved
    if (wanted.folder !== undefined) {
      this.#over.defer(of.options.mailStore.on((change) => this.#changed(change)));
    }
    this.#after(ms, () => this.#isLate = true);
    if (of.bounds.quietMs !== undefined) {
      this.#after(ms + quietMs, () => this.#isTooLate = true);
      this.#over.defer(of.options.underWay?.watch(() => this.#wake()) ?? (() => {}));
    }
    for (const end of [closing, signal]) {
      const wake = () => this.#wake();
      end.addEventListener("abort", wake);
      this.#over.defer(() => end.removeEventListener("abort", wake));
    }
  }

  [Symbol.dispose](): void {
    this.#over.dispose();
  }

  async run(): Promise<WaitResult> {
    const { signal } = this.#bounds;
    const { closing, store } = this.#options;
    await this.#look();
    for (;;) {
      for (let notice = this.#news.shift(); notice; notice = this.#news.shift()) await this.#heard(notice);
      if (this.#found.size >= this.#bounds.count) {
        const mails = await this.#parsed();
        if (mails) return { mails, underWay: false };
        // there may be older ones that fit
        await this.#look();
        continue;
      }
      if (closing.aborted || signal.aborted) return { mails: [], underWay: false };
      if (this.#isLate) {
        const underWay = await this.#isUnderWay();
        // what was under way until now has been heard of
        if (this.#news.length > 0) continue;
        if (!underWay || this.#isTooLate) return { mails: [], underWay };
        await this.#sleep(QUEUE_AGAIN_MS);
      } else if (store.embedded) await this.#sleep(undefined);
      else {
        await this.#sleep(LOOK_AGAIN_MS);
        await this.#look();
      }
    }
  }

  /** Has a look taken too long? However short the time, what is there already counts. */
  get #isOver(): boolean {
    if (this.#bounds.signal.aborted || this.#options.closing.aborted) return true;
    return this.#isLate && this.#options.clock.monotonic() - this.#began > LEAST_LOOK_MS;
  }

  async #isUnderWay(): Promise<boolean> {
    if (this.#bounds.quietMs === undefined) return false;
    return await this.#options.underWay?.mayReach(this.#wanted.mailbox, this.#options.queue) ?? false;
  }

  /** Resolves when something happened, or after that time. */
  async #sleep(ms: number | undefined): Promise<void> {
    if (this.#news.length > 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const { closing, clock } = this.#options;
    if (closing.aborted || this.#bounds.signal.aborted || (ms === undefined && this.#isLate)) return;
    const timer = ms === undefined ? undefined : clock.schedule(ms, resolve);
    await promise;
    timer?.cancel();
  }

  #after(ms: number, what: () => void): void {
    const timer = this.#options.clock.schedule(ms, () => {
      what();
      this.#wake();
    });
    this.#over.defer(() => timer.cancel());
  }

  #changed(change: MailChange): void {
    const { mailbox } = this.#wanted;
    if (!("came" in change) || (mailbox !== undefined && mailbox !== change.address)) return;
    this.#news.push({ mailbox: change.address, uid: change.came.uid });
    this.#wake();
  }

  async #heard({ mailbox, uid }: Pick<Notice, "mailbox" | "uid">): Promise<void> {
    const isMoved = this.#wanted.folder !== undefined;
    const of = isMoved ? await this.#options.mailStore.get(mailbox, uid) : { uid };
    const mail = of && await this.#arrivals.read(mailbox, of);
    if (mail) this.#consider(mail);
  }

  #consider(mail: Arrival): void {
    const key = `${mail.entry.uid} ${mail.mailbox}`;
    if (!fitsFolder(this.#wanted, mail.entry)) return; // it may be moved there
    const fits = cameAfter(this.#wanted.since, mail, this.#arrivals) && fitsHeader(this.#wanted, mail);
    if (fits) this.#found.set(key, mail);
    else if (!this.#options.store.embedded) this.#unfit.add(key);
  }

  /** The newest that fit, parsed, in the order in which they came; undefined: one of them is gone. */
  async #parsed(): Promise<AwaitedMail[] | undefined> {
    const all = [...this.#found].sort(([, a], [, b]) => order(a.entry, b.entry));
    const newest = all.slice(-this.#bounds.count);
    const mails: AwaitedMail[] = [];
    for (const [key, found] of newest) {
      const { mailbox: address } = found;
      // as it is now: it may have been moved, or read
      const entry = await this.#options.mailStore.get(address, found.entry.uid);
      const isThere = entry && fitsFolder(this.#wanted, entry);
      const mail = isThere && await unlessRemoved(this.#options.mailStore, { address, entry }, readMail);
      if (mail) mails.push({ ...found, entry, mail });
      else {
        this.#arrivals.forget(address, found.entry.uid);
        this.#found.delete(key);
      }
    }
    return mails.length === newest.length ? mails : undefined;
  }

  /** Looks at what is there, newest first, until there is enough. */
  #look(): Promise<void> {
    return this.#looks.run(() => this.#lookNow());
  }

  async #lookNow(): Promise<void> {
    const { mailbox, since } = this.#wanted;
    const isCovered = this.#isCovered;
    if (mailbox === undefined || isCovered) {
      const number = since && "id" in since ? since.number : undefined;
      for (const notice of this.#arrivals.recent(number)) {
        if (this.#hasEnough || this.#isOver) return;
        if (mailbox === undefined || notice.mailbox === mailbox) await this.#heard(notice);
      }
    }
    if (this.#hasEnough) return;
    // what came by another way than by mail, such as an import, is not heard of
    if (mailbox !== undefined) return await this.#lookInto(mailbox, tooOld(since, isCovered));
    if (isCovered) return;
    for await (const { address, messages } of this.#options.mailStore.mailboxes()) {
      if (this.#isOver) return;
      if (messages > 0) await this.#lookInto(address, tooOld(since, false));
    }
  }

  get #hasEnough(): boolean {
    return this.#found.size >= this.#bounds.count;
  }

  /** Is all that may count among what is remembered? */
  get #isCovered(): boolean {
    const { since } = this.#wanted;
    if (since === undefined || !this.#options.store.embedded) return false;
    const { completeSince } = this.#arrivals;
    if ("at" in since) return since.at >= completeSince;
    return since.number !== undefined || timeOfId(since.id) >= completeSince;
  }

  /** Takes the newest of a mailbox that fit, as many as are wanted. */
  async #lookInto(mailbox: Mailbox, isTooOld: (uid: string) => boolean): Promise<void> {
    const { mailStore } = this.#options;
    let after: string | undefined;
    let enough = this.#bounds.count;
    for (let looked = 0, limit = 0; looked < LOOK_BACK; looked += limit) {
      const first = asksNoHeader(this.#wanted) ? enough : FIRST_LISTED;
      limit = Math.min(LISTED, looked === 0 ? first : LISTED);
      const { folder } = this.#wanted;
      const entries = await mailStore.list(mailbox, {
        reverse: true,
        limit,
        ...(folder === undefined ? {} : { folder }),
        ...(after === undefined ? {} : { after }),
      });
      const inTime = entries.filter((entry) =>
        !isTooOld(entry.uid) && !this.#unfit.has(`${entry.uid} ${mailbox}`) &&
        cameAfter(this.#wanted.since, { mailbox, entry }, this.#arrivals)
      );
      for (let at = 0; at < inTime.length && enough > 0; at += BATCH) {
        if (this.#isOver) return;
        enough -= await this.#takeFitting(mailbox, inTime.slice(at, at + BATCH));
      }
      const last = entries.at(-1);
      if (!last || enough <= 0 || isTooOld(last.uid)) return;
      after = last.uid;
    }
  }

  /** Answers how many of them fit. */
  async #takeFitting(mailbox: Mailbox, entries: readonly MailEntry[]): Promise<number> {
    const before = this.#found.size;
    const mails = await Promise.all(entries.map((entry) => this.#arrivals.read(mailbox, entry)));
    for (const mail of mails) if (mail) this.#consider(mail);
    return this.#found.size - before;
  }
}

function order(a: MailEntry, b: MailEntry): number {
  return a.receivedAt - b.receivedAt || (a.uid < b.uid ? -1 : 1);
}

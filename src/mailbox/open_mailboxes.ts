/** The mailboxes that are in memory: those in use, and a few that were just now. */

import type { Clock, Timer } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { FactsAhead } from "./facts_ahead.ts";
import { type FactMaker, FolderFacts } from "./folder_facts.ts";
import type { Told } from "./folder_batch.ts";
import type { Folders } from "./folders.ts";
import { makeFirstFolders, raiseRestored, readState } from "./folder_loading.ts";
import { HeldFolders, type TakeRoom } from "./held_folders.ts";
import type { MailEntry } from "./mail_entry.ts";
import type { MailboxState } from "./folder_state.ts";
import { takeOut } from "./named_mail.ts";
import { hasArrivals } from "./numbering.ts";
import { type FolderSource, StoredFolders } from "./stored_folders.ts";
import { WholeChanges } from "./whole_changes.ts";

/** A mailbox that nobody uses stays in memory for so long, milliseconds. */
const KEPT_MS = 60_000;
/** At most so many that nobody uses, and with so many messages together. */
const KEPT = 128;
const KEPT_MESSAGES = 200_000;

/** So many arrivals of a mailbox that nobody looks at get their places by themselves when it is swept; so many at once. */
const MANY_ARRIVALS = 2000;
const TOO_MANY_ARRIVALS = 50_000;

/**
 * What no change has taken along is written so long after the end of a mailbox's last session, milliseconds: a client
 * that comes and goes again and again is not made to wait for it.
 */
const REST_MS = 2000;

/** On a shared store mailboxes in use are looked at so often, milliseconds; so many at once. */
const LOOK_MS = 1000;
const PER_LOOK = 5;

/** A mailbox in memory. */
interface OpenMailbox {
  readonly folders: StoredFolders;
  readonly facts: FolderFacts;
  readonly ahead: FactsAhead;
  readonly changes: WholeChanges;
  holders: number;
  /** How many of them stay, and want to hear of what others do. */
  sessions: number;
  /** The versionstamp of its sums, when it was looked at last. */
  sums?: string | null;
  /** How many use the index of a folder. */
  readonly using: Map<number, number>;
  /** When it was used last, by the clock's monotonic time. */
  usedAt: number;
  /** Set between its last session and the next one, when there is something left to write. */
  resting?: Timer | undefined;
}

/** What mailboxes are opened with. */
export interface OpenOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly rememberMs: number;
  /** Carries out what must have happened before a mailbox is looked at. */
  readonly finish: (address: string) => Promise<void>;
  /** Hears of all changes of mailboxes in memory. */
  readonly onTold: (folders: StoredFolders, told: Told) => void;
}

/** The open mailboxes of one store. Addresses are local keys. */
export class OpenMailboxes {
  readonly #store: Store;
  readonly #options: OpenOptions;
  readonly #open = new Map<string, OpenMailbox>();
  readonly #opening = new Map<string, Promise<OpenMailbox | undefined>>();
  /** How many messages this process delivered into mailboxes that are not in memory. */
  readonly #arrivals = new Map<string, number>();
  #sweeping: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  /** Takes room in quotas; without it there is always some. */
  room: TakeRoom = () => () => {};
  /** The detail of a recipient whose account wants its folder by that; without it all mail goes to INBOX. */
  detailOf: FolderSource["detailOf"] = () => undefined;
  /** Makes facts of messages. */
  maker: FactMaker | undefined;

  /** On that store. */
  constructor(store: Store, options: OpenOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** A hold on a mailbox, which is made when there is none. */
  async hold(address: string): Promise<Folders> {
    const box = (await this.#get(address, true))!;
    const { folders, facts, changes, using } = box;
    box.sessions++;
    box.resting?.cancel();
    box.resting = undefined;
    box.ahead.begin();
    this.#watch();
    const use = (id: number, more: 1 | -1) => {
      const users = (using.get(id) ?? 0) + more;
      if (users === 0) using.delete(id);
      else using.set(id, users);
    };
    const held = { folders, facts, changes, use, room: this.room };
    return new HeldFolders(held, () => {
      box.sessions--;
      if (box.sessions === 0) this.#rest(box);
      this.#used(box, -1);
      if (![...this.#open.values()].some(({ sessions }) => sessions > 0)) this.#timer?.cancel();
    });
  }

  /** Does something with a mailbox, whose arrivals are numbered; undefined: there is none. */
  async use<T>(address: string, work: (folders: StoredFolders) => Promise<T>): Promise<T | undefined> {
    const box = await this.#get(address, false);
    if (!box) return undefined;
    try {
      return await work(box.folders);
    } finally {
      this.#used(box, -1);
    }
  }

  /**
   * Looks at a mailbox. Where arrivals can't be given their place now, such as on a full disk, they are there all the
   * same: oldest first, behind what is in folders. Without folders there may be no mailbox.
   */
  async look<T>(
    address: string,
    work: (folders: StoredFolders | undefined, arrivals: readonly MailEntry[]) => Promise<T>,
  ): Promise<T> {
    let arrivals: readonly MailEntry[] = [];
    let box: OpenMailbox | undefined;
    try {
      box = await this.#get(address, false);
    } catch (error) {
      const list = this.#store.kv.list<MailEntry>(keys.mails(address), { batchSize: 500 });
      arrivals = await Array.fromAsync(list, ({ value }) => value);
      if (arrivals.length === 0) throw error;
      box = this.#open.get(address);
      if (box) box.holders++;
    }
    try {
      return await work(box?.folders, arrivals);
    } finally {
      if (box) this.#used(box, -1);
    }
  }

  /** A message was delivered: it gets its place at once where the mailbox is in memory, and soon where many wait. */
  arrived(address: string): void {
    const folders = this.peek(address);
    // what fails now is tried by who looks next
    if (folders) {
      folders.arrivals.add();
      return void folders.number().catch(() => {});
    }
    const count = (this.#arrivals.get(address) ?? 0) + 1;
    this.#arrivals.set(address, count);
    if (count >= TOO_MANY_ARRIVALS) this.#sweep(address).catch(() => {});
  }

  /** Gives many arrivals of mailboxes that nobody looks at their places. Rejects when the store fails. */
  async sweepArrivals(): Promise<void> {
    for (const [address, count] of this.#arrivals) if (count >= MANY_ARRIVALS) await this.#sweep(address);
  }

  /** One mailbox after the other. */
  #sweep(address: string): Promise<void> {
    this.#arrivals.delete(address);
    const swept = this.#sweeping.then(() => this.use(address, () => Promise.resolve()));
    this.#sweeping = swept.then(() => {}, () => {});
    return swept;
  }

  /** Does away with what is unfinished in the mailboxes in memory. Never rejects. */
  async settle(): Promise<void> {
    for (const { changes } of this.#open.values()) if (changes.areLeft) await changes.settle();
  }

  /** Takes messages out of the folders of a mailbox that is perhaps being opened just now. */
  async takeOut(address: string, names: readonly string[]): Promise<void> {
    const open = this.peek(address);
    if (open) return await takeOut(open, names);
    const state = await readState(this.#store.kv, address);
    if (state) await takeOut(this.#folders(address, state), names);
  }

  /** A mailbox in memory. */
  peek(address: string): StoredFolders | undefined {
    return this.#open.get(address)?.folders;
  }

  /** All of them. */
  *all(): Generator<StoredFolders> {
    for (const { folders } of this.#open.values()) yield folders;
  }

  /** The account of that mailbox has ended. */
  end(address: string): void {
    const box = this.#open.get(address);
    this.#open.delete(address);
    box?.ahead.rest();
    box?.resting?.cancel();
    box?.folders.end();
  }

  /** Writes what waits for more, or for the next change. No session is there any more. Never rejects. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((box) => settle(box)));
  }

  /** Gives up what nobody has used for a while, or what is too much; of what is held, all but what is in use. */
  tidy(): void {
    const now = this.#options.clock.monotonic();
    const idle = [...this.#open.values()].filter((box) =>
      box.holders === 0 && !box.resting && box.folders.isIdle
    );
    let left = idle.length;
    let messages = 0;
    for (const { folders } of idle) messages += held(folders);
    // those that were used last are at the end
    for (const box of idle) {
      if (box.usedAt + KEPT_MS > now && left <= KEPT && messages <= KEPT_MESSAGES) break;
      left--;
      messages -= held(box.folders);
      this.#open.delete(box.folders.address);
    }
    for (const { folders, facts, using, usedAt, sessions, holders } of this.#open.values()) {
      if (sessions === 0 || holders > sessions || usedAt + KEPT_MS > now) continue;
      folders.giveUpIndexes(new Set(using.keys()));
      facts.forget();
    }
  }

  #rest(box: OpenMailbox): void {
    const { folders, facts, ahead } = box;
    ahead.rest();
    if (!folders.hasClaims && !facts.areWaiting) facts.gather(false);
    else box.resting ??= this.#options.clock.schedule(REST_MS, () => void settle(box));
  }

  #used(box: OpenMailbox, by: 1 | -1): void {
    box.holders += by;
    box.usedAt = this.#options.clock.monotonic();
    const { address } = box.folders;
    if (this.#open.get(address) !== box) return;
    this.#open.delete(address);
    this.#open.set(address, box);
    if (by < 0) this.tidy();
  }

  /** On a shared store others change mailboxes, and tell nobody: what is held is looked at again and again. */
  #watch(): void {
    if (this.#store.embedded) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.schedule(LOOK_MS, async () => {
      const held = [...this.#open.values()].filter(({ sessions }) => sessions > 0);
      if (held.length === 0) return;
      try {
        for (let i = 0; i < held.length; i += PER_LOOK) await this.#look(held.slice(i, i + PER_LOOK));
      } catch {
        // the store is away: who wants something of it hears of that
      }
      this.#watch();
    });
  }

  async #look(boxes: readonly OpenMailbox[]): Promise<void> {
    const wanted = boxes.flatMap((
      { folders: { address } },
    ) => [keys.mailbox(address), keys.mailCount(address)]);
    const rows = await this.#store.kv.getMany(wanted);
    for (const [i, box] of boxes.entries()) {
      const [head, sums] = [rows[2 * i]!.versionstamp, rows[2 * i + 1]!.versionstamp];
      try {
        if (head !== box.folders.state.versionstamp) await box.folders.look();
        if (box.changes.areLeft) await box.changes.settle();
        if (sums === box.sums) continue;
        await box.folders.number();
        box.sums = sums;
      } catch {
        // damaged, perhaps: the others are looked at all the same, and this one again the next time
      }
    }
  }

  /** A mailbox whose arrivals are numbered up to now, with one holder more. */
  async #get(address: string, make: boolean): Promise<OpenMailbox | undefined> {
    for (;;) {
      const { kv } = this.#store;
      const box = await this.#find(address, make);
      if (!box) return undefined;
      // given up meanwhile: nobody would tell it of anything
      if (this.#open.get(address) !== box) continue;
      box.holders++;
      const { folders } = box;
      try {
        if (!this.#store.embedded) await folders.look();
        if (box.changes.areLeft) await box.changes.settle();
        // asked behind the look: what a commit has just taken from the arrivals is in folders when that is told of
        const { arrived, areNumbered } = folders.arrivals;
        if (!this.#store.embedded || !areNumbered) {
          if (await hasArrivals(kv, address) || folders.isNumbering) await folders.number();
          else folders.arrivals.sawNothingWait(arrived);
        }
      } catch (error) {
        if (!folders.hasEnded) {
          this.#used(box, -1);
          throw error;
        }
      }
      if (!folders.hasEnded) return box;
      box.holders--;
      if (this.#open.get(address) === box) this.#open.delete(address);
    }
  }

  async #find(address: string, make: boolean): Promise<OpenMailbox | undefined> {
    const found = this.#open.get(address);
    if (found) return found;
    for (;;) {
      const running = this.#opening.get(address);
      if (running) {
        const box = await running;
        if (box || !make) return box;
        continue;
      }
      const opening = this.#load(address, make).finally(() => this.#opening.delete(address));
      this.#opening.set(address, opening);
      return await opening;
    }
  }

  async #load(address: string, make: boolean): Promise<OpenMailbox | undefined> {
    const { kv } = this.#store;
    const { clock, random, finish } = this.#options;
    for (;;) {
      await finish(address);
      const state = await readState(kv, address);
      if (state && await raiseRestored(this.#store, address, state, clock.now())) continue;
      if (state) {
        const folders = this.#folders(address, state);
        const facts = new FolderFacts(folders, () => this.maker);
        const box: OpenMailbox = {
          folders,
          facts,
          ahead: new FactsAhead(folders, facts),
          changes: new WholeChanges(folders, random),
          holders: 0,
          sessions: 0,
          using: new Map(),
          usedAt: clock.monotonic(),
        };
        this.#open.set(address, box);
        this.#arrivals.delete(address);
        folders.release().catch(() => {}); // what is left of a process before; the next look goes on
        return box;
      }
      if (!make && !(await hasArrivals(kv, address))) return undefined;
      await makeFirstFolders(this.#store, address, clock.now());
    }
  }

  #folders(address: string, state: MailboxState): StoredFolders {
    const { clock, rememberMs } = this.#options;
    const onTold = (folders: StoredFolders, told: Told) => {
      if (told.change.kind === "came") this.#open.get(address)?.ahead.wake();
      this.#options.onTold(folders, told);
    };
    const detailOf: FolderSource["detailOf"] = (recipient, of) => this.detailOf(recipient, of);
    return new StoredFolders({ store: this.#store, clock, rememberMs, onTold, detailOf }, address, state);
  }
}

/** Writes what waits for more, or for the next change of a mailbox. Never rejects. */
async function settle(box: OpenMailbox): Promise<void> {
  box.resting?.cancel();
  box.resting = undefined;
  box.facts.gather(false);
  await box.folders.writeClaims();
  await box.facts.idle();
}

/** The messages of a mailbox whose index is in memory. */
function held({ state }: StoredFolders): number {
  let messages = 0;
  for (const { index } of state.folders.values()) messages += index?.length ?? 0;
  return messages;
}

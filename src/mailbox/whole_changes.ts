/** The changes of one mailbox that take several commits and are whole all the same: those of this process, and what others left. */

import type { Random } from "../base/random.ts";
import { StorageError } from "../storage/storage_error.ts";
import type { FolderBatch } from "./folder_batch.ts";
import { FolderError } from "./folders.ts";
import { type Mark, marksOf, type Unfinished } from "./folder_state.ts";
import type { StoredFolders } from "./stored_folders.ts";
import { planFinish } from "./unfinished.ts";

/** On a shared store a change is given up that made no commit for so long, milliseconds: a client may be slow to send. */
const GIVEN_UP_MS = 30 * 60_000;

/** Plans one commit of a change: what is answered, and what is unfinished when no other commit follows; if anything. */
export type PartPlan<T> = (
  batch: FolderBatch,
  before: Unfinished | undefined,
) => Promise<readonly [T, Unfinished | undefined]>;

/** Those of one mailbox. */
export class WholeChanges {
  readonly #folders: StoredFolders;
  readonly #random: Random;
  /** The marks of this process, and whether somebody works on what they are of. */
  readonly #own = new Map<string, "in work" | "left">();
  #settling: Promise<void> | undefined;

  /** `random` names the marks. */
  constructor(folders: StoredFolders, random: Random) {
    this.#folders = folders;
    this.#random = random;
  }

  /** A change that begins. */
  begin(): WholeChange {
    return new WholeChange(this.#folders, {
      begin: () => {
        const id = this.#random.bytes(12).toBase64();
        this.#own.set(id, "in work");
        return id;
      },
      done: (id) => void this.#own.delete(id),
      leave: (id) => void this.#own.set(id, "left"),
      finish: (id) => this.#finish(id),
    });
  }

  /** Is there something unfinished that nobody works on? Asks nothing of the store. */
  get areLeft(): boolean {
    const { head } = this.#folders.state;
    return head.unfinished !== undefined && marksOf(head).some((mark) => this.#isLeft(mark));
  }

  /** Does away with what is unfinished. Never rejects: what fails now is tried by who looks next. */
  settle(): Promise<void> {
    return this.#settling ??= this.#settle().finally(() => this.#settling = undefined);
  }

  async #settle(): Promise<void> {
    for (const mark of marksOf(this.#folders.state.head)) {
      if (this.#isLeft(mark)) await this.#finish(mark.id).catch(() => {});
    }
  }

  #isLeft({ id, until }: Mark): boolean {
    const own = this.#own.get(id);
    if (own) return own === "left";
    // the process that has an embedded store is alone: what it does not know is from the one before
    const { store, clock } = this.#folders.source;
    return store.embedded || until <= clock.now();
  }

  async #finish(id: string): Promise<void> {
    this.#own.set(id, "left");
    try {
      while (await this.#folders.run((batch) => planFinish(batch, id)));
    } catch (error) {
      if (!(error instanceof FolderError)) throw error;
      // it can't be done, now or later
      await this.#folders.run((batch) => batch.mark(id, undefined));
    }
    this.#own.delete(id);
  }
}

/** What keeps the marks. */
interface Marks {
  begin(): string;
  done(id: string): void;
  leave(id: string): void;
  finish(id: string): Promise<void>;
}

/** A change: one commit or several. Whoever does not come to its last one has to {@linkcode undo} or {@linkcode leave} it. */
export class WholeChange {
  readonly #folders: StoredFolders;
  readonly #marks: Marks;
  #id: string | undefined;
  #isUnfinished = false;

  /** Of that mailbox. */
  constructor(folders: StoredFolders, marks: Marks) {
    this.#folders = folders;
    this.#marks = marks;
  }

  /** Makes one commit of it; the last one is that whose plan leaves nothing unfinished. `octets`: what it brings along. */
  async run<T>(plan: PartPlan<T>, octets = 0): Promise<T> {
    let isUnfinished = false;
    const value = await this.#folders.run(async (batch) => {
      const before = batch.marks.find(({ id }) => id === this.#id);
      if (this.#isUnfinished && !before) {
        throw new StorageError("failed", "The change was taken for given up by another server.");
      }
      const [value, of] = await plan(batch, before?.of);
      isUnfinished = of !== undefined;
      if (of) {
        const id = this.#id ??= this.#marks.begin();
        batch.mark(id, { id, until: batch.source.now + GIVEN_UP_MS, of });
      } else if (before) batch.mark(before.id, undefined);
      return value;
    }, octets);
    this.#isUnfinished = isUnfinished;
    if (!isUnfinished) this.#end();
    return value;
  }

  /** Undoes what was done. Rejects when that fails now: it is tried again when the mailbox is looked at next. */
  async undo(): Promise<void> {
    const id = this.#id;
    this.#id = undefined;
    if (id !== undefined) await this.#marks.finish(id);
  }

  /** Leaves the rest of it to who looks at the mailbox next; answers whether there is a rest. */
  leave(): boolean {
    if (!this.#isUnfinished) this.#end();
    else this.#marks.leave(this.#id!);
    return this.#isUnfinished;
  }

  #end(): void {
    if (this.#id !== undefined) this.#marks.done(this.#id);
    this.#id = undefined;
  }
}

/** The putting of new messages into a folder, by one commit or by several that are one. */

import { costOf } from "../storage/limits.ts";
import { StorageError } from "../storage/storage_error.ts";
import type { FolderFacts } from "./folder_facts.ts";
import { type Appended, type Appending, type By, FolderError, type NewMessage } from "./folders.ts";
import { type Fitting, fitting } from "./large_appends.ts";
import { planAppend } from "./message_changes.ts";
import type { StoredFolders } from "./stored_folders.ts";
import { withPut } from "./unfinished.ts";
import type { WholeChange } from "./whole_changes.ts";

/** What it is done with. */
export interface AppendingOptions extends By {
  readonly folders: StoredFolders;
  readonly facts: FolderFacts;
  readonly change: WholeChange;
  /** The folder. */
  readonly id: number;
  /** Takes room in the account's quota, or throws. */
  take(size: () => number): Promise<() => void>;
}

/** Messages on their way into a folder. */
export class HeldAppending implements Appending {
  readonly #options: AppendingOptions;

  constructor(options: AppendingOptions) {
    this.#options = options;
  }

  async put(messages: readonly NewMessage[], isLast: boolean): Promise<Appended> {
    const { folders, facts, take } = this.#options;
    const release = await take(() => messages.reduce((sum, { body }) => sum + body.size, 0));
    const { store, clock } = folders.source;
    let fit: Fitting | undefined;
    try {
      fit = await fitting(store, messages, clock);
      const done = this.#put(fit.messages, isLast);
      const placed = done.then(({ objects }) => objects);
      facts.makeNew(messages.map(({ body }) => body.inMemory), placed);
      placed.catch(() => {}); // who appends hears of it
      const { uidValidity, uids } = await done;
      return { uidValidity, uids };
    } catch (error) {
      await fit?.abandon();
      if (messages.length > 1 && error instanceof StorageError && error.kind === "refused") {
        throw new FolderError("limit", "So many messages can't be put into a folder at once");
      }
      throw error;
    } finally {
      release();
    }
  }

  undo(): Promise<void> {
    return this.#options.change.undo();
  }

  #put(messages: readonly NewMessage[], isLast: boolean): Promise<Appended & { objects: readonly number[] }> {
    const { change, id, by } = this.#options;
    const octets = messages.reduce((sum, { body }) => sum + costOf(body.write(1)).bytes, 0);
    return change.run(async (batch, before) => {
      const put = await planAppend(batch, id, { messages, by });
      return [put, isLast ? undefined : withPut(before, { folder: id, uids: put.uids })];
    }, octets);
  }
}

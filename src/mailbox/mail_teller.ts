/** What is told of a mailbox to those who know messages by name and no folders, in the order in which it happened. */

import type { FolderChange } from "./folders.ts";
import type { Told } from "./folder_batch.ts";
import { entriesAt } from "./mail_entries.ts";
import type { MailEntry } from "./mail_entry.ts";
import type { StoredFolders } from "./stored_folders.ts";

/** An entry came or is another one now, messages went, or folders have other names. */
export type MailChange =
  | { readonly address: string; readonly came: MailEntry }
  | { readonly address: string; readonly went: readonly string[] }
  | { readonly address: string; readonly renamed: true };

/** Tells of one mailbox. */
export class MailTeller {
  readonly #folders: StoredFolders;
  readonly #emit: (change: MailChange) => void;
  #telling: Promise<void> | undefined;

  /** Of those folders, to `emit`. */
  constructor(folders: StoredFolders, emit: (change: MailChange) => void) {
    this.#folders = folders;
    this.#emit = emit;
  }

  /** All that has happened is told when this resolves. */
  async settled(): Promise<void> {
    await this.#telling;
  }

  /** Tells of a change. An entry has to be read first: what comes behind it waits. */
  tell({ change, gone, known, renamed }: Told): void {
    if (gone) this.#then(() => this.#emit({ address: this.#folders.address, went: gone() }));
    else if (renamed) this.#then(() => this.#emit({ address: this.#folders.address, renamed }));
    else if ((change.kind === "came" && !known) || change.kind === "flags") {
      this.#then(() => this.#entries(change));
    }
  }

  async #entries({ folder, uids }: Extract<FolderChange, { kind: "came" | "flags" }>): Promise<void> {
    const index = this.#folders.state.folders.get(folder)?.index;
    if (!index) return;
    for (const came of await entriesAt(this.#folders, folder, { index, places: index.places(uids) })) {
      if (came) this.#emit({ address: this.#folders.address, came });
    }
  }

  #then(work: () => void | Promise<void>): void {
    if (!this.#telling) {
      const working = work();
      if (!working) return;
      this.#follow(working);
    } else this.#follow(this.#telling.then(work));
  }

  #follow(working: Promise<void>): void {
    // what can't be read now is read by whoever asks for it
    const telling = working.catch(() => {}).then(() => {
      if (this.#telling === telling) this.#telling = undefined;
    });
    this.#telling = telling;
  }
}

/** Changes of messages by name, in whichever folders they are. */

import type { FlagChange } from "./folders.ts";
import { FolderError } from "./folders.ts";
import { normalName } from "./folder_names.ts";
import { folderNamed } from "./folder_state.ts";
import { pieces, planFlags, planMove } from "./message_changes.ts";
import { findUids } from "./named_mail.ts";
import type { StoredFolders } from "./stored_folders.ts";

/** What becomes of messages: their flags first, then their place. */
export interface NamedChange {
  /** One after the other. */
  readonly flags?: readonly FlagChange[];
  /** The name of the folder that they are moved into; absent: they stay. */
  readonly to?: string | undefined;
}

/** So often it is looked anew for messages that others moved meanwhile. */
const LOOKS = 3;
/** In each piece the rows of both folders change. */
const ROWS_PER_PIECE = 3;

/**
 * Changes messages; each is changed as a whole, few together in one commit. Answers how many are there. Throws a
 * {@linkcode FolderError} when there is no such folder to move them into.
 */
export async function changeNamed(
  folders: StoredFolders,
  names: readonly string[],
  { flags = [], to }: NamedChange,
): Promise<number> {
  const target = to === undefined ? undefined : folderIn(folders, to);
  for (let looks = 1;; looks++) {
    let [found, changed] = [0, 0];
    for (const [folder, uids] of await findUids(folders, names)) {
      found += uids.length;
      const index = folders.state.folders.get(folder)?.index;
      for (const some of index ? pieces(index, uids, ROWS_PER_PIECE) : []) {
        changed += await folders.run(async (batch) => {
          const there = (await batch.indexed(folder)).index.places(some).length;
          for (const change of flags) await planFlags(batch, folder, { uids: some, change });
          if (target !== undefined && target !== folder) {
            await planMove(batch, folder, { uids: some, to: target });
          }
          return there;
        });
      }
    }
    if (changed === found || looks === LOOKS) return changed;
  }
}

function folderIn(folders: StoredFolders, name: string): number {
  const folder = folderNamed(folders.state.folders.values(), normalName(name));
  if (folder) return folder.id;
  throw new FolderError("nonexistent", `There is no folder ${name}`);
}

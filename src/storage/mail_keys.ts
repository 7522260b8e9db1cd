/** The keys of mailboxes, as they are part of `keys.ts`. */

/** One arrival in the mailbox of `address`, which has no place in a folder yet: a `MailEntry`. */
export function mail(address: string, uid: string): Deno.KvKey {
  return ["mail", address, uid];
}

/** All arrivals in all mailboxes, by address. */
export const mailsAll: Deno.KvListSelector = { prefix: ["mail"] };

/** All arrivals in the mailbox of `address`, oldest first. */
export function mails(address: string): Deno.KvListSelector {
  return { prefix: ["mail", address] };
}

/** A mark that a restored backup has, and no other: a text. */
export const restored: Deno.KvKey = ["restored"];

/** The head of the mailbox of `address`, which every change of its folders checks and writes: a `HeadRecord`. */
export function mailbox(address: string): Deno.KvKey {
  return ["mailbox", address];
}

/** All of them, by address. */
export const mailboxesAll: Deno.KvListSelector = { prefix: ["mailbox"] };

/** A folder of the mailbox of `address`: a `FolderRecord`. */
export function folder(address: string, id: number): Deno.KvKey {
  return ["folder", address, id];
}

/** All folders of the mailbox of `address`. */
export function folders(address: string): Deno.KvListSelector {
  return { prefix: ["folder", address] };
}

/** All folders of all mailboxes, by address. */
export const foldersAll: Deno.KvListSelector = { prefix: ["folder"] };

/** The `n`th row of a folder's index: an `IndexRow` as bytes. */
export function folderIndex(address: string, id: number, n: number): Deno.KvKey {
  return ["index", address, id, n];
}

/** The index of a folder, by rising UIDs. */
export function folderIndexes(address: string, id: number): Deno.KvListSelector {
  return { prefix: ["index", address, id] };
}

/** The indexes of all folders of the mailbox of `address`. */
export function folderIndexesOf(address: string): Deno.KvListSelector {
  return { prefix: ["index", address] };
}

/** The `n`th row of message objects in the mailbox of `address`, see `object_row.ts`: bytes. */
export function mailObjects(address: string, n: number): Deno.KvKey {
  return ["object", address, n];
}

/** All rows of message objects of a mailbox. */
export function mailObjectsOf(address: string): Deno.KvListSelector {
  return { prefix: ["object", address] };
}

/** The `n`th row of copies in the mailbox of `address`, see `copy_row.ts`: bytes. */
export function mailCopies(address: string, n: number): Deno.KvKey {
  return ["copies", address, n];
}

/** All rows of copies of a mailbox. */
export function mailCopiesOf(address: string): Deno.KvListSelector {
  return { prefix: ["copies", address] };
}

/** Facts of the messages whose objects are in row `n`, see `fact_row.ts`: bytes. */
export function mailFacts(address: string, n: number, part: number): Deno.KvKey {
  return ["facts", address, n, part];
}

/** All parts of the facts of a row of objects. */
export function mailFactsOfRow(address: string, n: number): Deno.KvListSelector {
  return { prefix: ["facts", address, n] };
}

/** All facts of a mailbox. */
export function mailFactsOf(address: string): Deno.KvListSelector {
  return { prefix: ["facts", address] };
}

/** What went out of the folders of `address` from a mod-sequence on, see `change_row.ts`: bytes. */
export function mailChanges(address: string, from: number): Deno.KvKey {
  return ["changes", address, from];
}

/** All rows of changes of a mailbox, oldest first. */
export function mailChangesOf(address: string): Deno.KvListSelector {
  return { prefix: ["changes", address] };
}

/** Objects that lost a placement at a mod-sequence and are to be let go, see `dead_objects.ts`: bytes. */
export function deadObjects(address: string, modseq: number, part: number): Deno.KvKey {
  return ["dead", address, modseq, part];
}

/** All of them of a mailbox, oldest first. */
export function deadObjectsOf(address: string): Deno.KvListSelector {
  return { prefix: ["dead", address] };
}

/** All of them, by address. */
export const deadObjectsAll: Deno.KvListSelector = { prefix: ["dead"] };

/** How many messages the mailbox of `address` holds: a `Deno.KvU64`, changed by sums. */
export function mailCount(address: string): Deno.KvKey {
  return ["mailcount", address];
}

/** How many bytes the mailbox of `address` holds: a `Deno.KvU64`, changed by sums. */
export function mailBytes(address: string): Deno.KvKey {
  return ["mailbytes", address];
}

/** Of all mailboxes, how many messages they hold, by address. */
export const mailCounts: Deno.KvListSelector = { prefix: ["mailcount"] };

/** Of all mailboxes, how many bytes they hold, by address. */
export const mailByteCounts: Deno.KvListSelector = { prefix: ["mailbytes"] };

/**
 * A removal of many messages from the mailbox of `address`: its list of uids in parts from 0; part -1 says that the
 * list is complete and that the removal has happened.
 */
export function mailRemoval(address: string, id: string, part: number): Deno.KvKey {
  return ["mailremoval", address, id, part];
}

/** The removals in the mailbox of `address` that are not carried out yet. */
export function mailRemovals(address: string): Deno.KvListSelector {
  return { prefix: ["mailremoval", address] };
}

/** That everything in the mailbox of `address` goes: one of its {@linkcode mailRemovals}. */
export function mailboxRemoval(address: string): Deno.KvKey {
  return ["mailremoval", address, "all", -1];
}

/** All removals that are not carried out yet, by address. */
export const mailRemovalsAll: Deno.KvListSelector = { prefix: ["mailremoval"] };

/** Who has the mailbox of `address` locked, and until when. */
export function mailLock(address: string): Deno.KvKey {
  return ["maillock", address];
}

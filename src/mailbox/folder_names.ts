/** The names of folders, and those that every mailbox has from the start. */

import { FolderError, type SpecialUse } from "./folders.ts";

/** The folder that mail comes into. */
export const INBOX = "INBOX";
/** Its id. */
export const INBOX_ID = 1;

/** What a new mailbox has, by rising ids from 1. */
export const FIRST_FOLDERS: readonly { readonly name: string; readonly specialUse?: SpecialUse }[] = [
  { name: INBOX },
  { name: "Drafts", specialUse: "Drafts" },
  { name: "Sent", specialUse: "Sent" },
  { name: "Trash", specialUse: "Trash" },
  { name: "Junk", specialUse: "Junk" },
  { name: "Archive", specialUse: "Archive" },
];

/** The most octets of a name. */
const MAX_NAME = 512;
/** The most levels of a name. */
const MAX_LEVELS = 20;

/** The one way to write a name: NFC, INBOX in capitals, as a folder and as a parent. */
export function normalName(name: string): string {
  const text = name.normalize("NFC");
  return /^inbox(?=\/|$)/i.test(text) ? INBOX + text.slice(INBOX.length) : text;
}

/** Throws a {@linkcode FolderError} when no folder can be named so. Wants it normal. */
export function checkName(name: string): void {
  const levels = name.split("/");
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ufffd*%]/.test(name) || !name.isWellFormed()) {
    throw new FolderError("cannot", "A folder's name can't have control characters, % or * in it");
  }
  if (levels.some((level) => level.trim() === "")) {
    throw new FolderError("cannot", "A folder's name can't be empty, nor a part of it between slashes");
  }
  if (levels.length > MAX_LEVELS) {
    throw new FolderError("limit", `A folder can't be more than ${MAX_LEVELS} levels deep`);
  }
  if (new TextEncoder().encode(name).length > MAX_NAME) {
    throw new FolderError("limit", `A folder's name can't have more than ${MAX_NAME} octets`);
  }
}

/** The names of the folders that a folder is in, the outermost first. */
export function parentsOf(name: string): string[] {
  const levels = name.split("/");
  return levels.slice(1).map((_, i) => levels.slice(0, i + 1).join("/"));
}

/** INBOX first, then by name, children behind their parent. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  const [x, y] = [sortable(a.name), sortable(b.name)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function sortable(name: string): string {
  const text = name.replaceAll("/", "\0");
  return name === INBOX || name.startsWith(`${INBOX}/`) ? `\0${text}` : text;
}

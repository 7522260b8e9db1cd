/** The folders of a mailbox as folders on disk: Maildir++ (`.Archive.2025`), or an mbox file each (`Archive/2025.mbox`). */

import { join } from "node:path";
import { decodeUtf7, encodeUtf7 } from "../imap/utf7.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { safe } from "./output.ts";

/** A folder, and where it is on disk. */
export interface PlacedFolder {
  /** Undefined: INBOX. */
  readonly folder: string | undefined;
  readonly path: string;
}

const INBOX = "INBOX";
const MBOX = ".mbox";

/** Where a folder is within a Maildir: INBOX is the Maildir itself. Throws {@linkcode CliError} for what has no name there. */
export function placeInMaildir(dir: string, folder: string): string {
  if (folder === INBOX) return dir;
  if (folder.includes(".")) {
    throw new CliError(
      ExitCode.badData,
      `the folder "${
        safe(folder)
      }" has a dot, which parts folders in a Maildir: rename it, or export it by --folder`,
    );
  }
  return join(dir, `.${encodeUtf7(folder).replaceAll("/", ".")}`);
}

/** The folder that a folder within a Maildir stands for: `.Archive.2025` (Maildir++), or `Archive/2025`. */
export function folderOfMaildir(within: string): string {
  const levels = within.split(/[/\\]/).flatMap((name) =>
    name.startsWith(".") ? name.slice(1).split(".") : [name]
  );
  const name = levels.join("/");
  return decodeUtf7(name) ?? name;
}

/** The file of a folder. Throws {@linkcode CliError} for a name that leads elsewhere. */
export function placeOfMbox(dir: string, folder: string): string {
  if (folder.split("/").some((level) => level === "." || level === ".." || /[\\\0]/.test(level))) {
    throw new CliError(ExitCode.badData, `the folder "${safe(folder)}" can't be the name of a file`);
  }
  return join(dir, `${folder}${MBOX}`);
}

/** The mbox files in a folder on disk and those within it, each a folder of the mailbox. */
export async function mboxesIn(dir: string, within = ""): Promise<PlacedFolder[]> {
  const found: PlacedFolder[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(join(dir, within))) {
    const path = join(dir, within, name);
    if (isDirectory && !name.startsWith(".")) found.push(...await mboxesIn(dir, join(within, name)));
    if (!isFile || !name.endsWith(MBOX)) continue;
    const folder = [...within.split(/[/\\]/), name.slice(0, -MBOX.length)].filter((level) => level !== "")
      .join("/");
    found.push({ folder: folder === INBOX ? undefined : folder, path });
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

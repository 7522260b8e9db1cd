/** What is told of where a message is. */

import { flagNames, SEEN } from "./flags.ts";
import { INBOX } from "./folder_names.ts";
import type { MailEntry } from "./mail_entry.ts";

/** The folder of a message, and its flags and keywords by name, such as `\Seen`. */
export function placeOf(entry: MailEntry): { folder: string; flags: string[] } {
  const { folder = INBOX, flags = 0, seen = false, keywords = [] } = entry;
  return { folder, flags: [...flagNames(seen ? flags | SEEN : flags), ...keywords] };
}

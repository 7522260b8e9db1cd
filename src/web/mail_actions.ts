/** What the forms of a mailbox do to its messages. */

import { foldersOf, type FolderView, orProblem } from "../api/mail_folders.ts";
import type { AdminOptions } from "../api/options.ts";
import { Problem } from "../http/problem.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { FLAGGED, SEEN } from "../mailbox/flags.ts";
import type { FlagChange } from "../mailbox/folders.ts";
import { isMailName } from "../mailbox/mail_entry.ts";
import type { FlashMessage } from "./flash_messages.ts";
import { count } from "./format.ts";
import { type Form, pathTo } from "./forms.ts";

type Options = Pick<AdminOptions, "mailStore" | "captures">;

/** The name of the folder that what is deleted goes into first; undefined: it goes for good. */
export function trashOf(folders: readonly FolderView[]): string | undefined {
  const marked = folders.find(({ specialUse }) => specialUse === "Trash");
  return (marked ?? folders.find(({ name }) => name === "Trash"))?.name;
}

interface Chosen {
  readonly address: Mailbox;
  readonly uids: readonly string[];
}

const FLAGS: Readonly<Record<string, readonly [change: FlagChange, word: string]>> = {
  read: [{ mode: "add", flags: SEEN, keywords: [] }, "marked as read"],
  unread: [{ mode: "remove", flags: SEEN, keywords: [] }, "marked as not read"],
  flag: [{ mode: "add", flags: FLAGGED, keywords: [] }, "flagged"],
  unflag: [{ mode: "remove", flags: FLAGGED, keywords: [] }, "not flagged any more"],
};

/** Does what a form asks for, and answers what to say of it; "sure?": it deletes for good, and nobody was asked yet. */
export async function actOnMail(
  form: Form,
  chosen: Chosen,
  options: Options,
): Promise<FlashMessage | "sure?" | undefined> {
  const { address, uids } = chosen;
  const { mailStore } = options;
  const star = form.text("star");
  if (isMailName(star)) return await turnFlag(address, star, options);
  if (uids.length === 0) return { kind: "error", text: "Nothing was selected" };
  const word = form.text("do");
  const flags = FLAGS[word];
  if (flags) {
    const changed = await orProblem(() => mailStore.change(address, uids, { flags: [flags[0]] }));
    return { kind: "done", text: `${count(changed, "message")} ${flags[1]}` };
  }
  switch (word) {
    case "move":
      return await move(chosen, form.raw("to"), options);
    case "trash": {
      const trash = trashOf(await foldersOf(address, options));
      return trash === undefined ? "sure?" : await move(chosen, trash, options);
    }
    case "":
    case "delete":
      if (form.text("sure") === "") return "sure?";
      await mailStore.remove(address, uids);
      return { kind: "done", text: `${count(uids.length, "message")} deleted` };
  }
  throw new Problem(422, "The form asks for what this page does not know; load it again");
}

/** A flag is put on a message, or taken off; the list shows that, nothing is said. */
async function turnFlag(address: Mailbox, uid: string, { mailStore }: Options): Promise<undefined> {
  const entry = await mailStore.get(address, uid);
  const [change] = FLAGS[((entry?.flags ?? 0) & FLAGGED) === 0 ? "flag" : "unflag"]!;
  await orProblem(() => mailStore.change(address, [uid], { flags: [change] }));
}

async function move(
  { address, uids }: Chosen,
  to: string,
  { mailStore }: Options,
): Promise<FlashMessage> {
  if (to === "") return { kind: "error", text: "No folder was chosen" };
  const froms = await Promise.all(
    uids.map(async (uid) => (await mailStore.get(address, uid))?.folder ?? "INBOX"),
  );
  const moved = await orProblem(() => mailStore.change(address, uids, { to }));
  const from = new Set(froms);
  const text = `${count(moved, "message")} moved to ${to}`;
  // they came out of one folder: they can go back there
  if (from.size !== 1 || from.has(to)) return { kind: "done", text };
  const fields: [string, string][] = [
    ["do", "move"],
    ["to", froms[0]!],
    ...uids.map((uid): [string, string] => ["uid", uid]),
  ];
  return { kind: "done", text, undo: { label: "Undo", action: pathTo("mailboxes", address), fields } };
}

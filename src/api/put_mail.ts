/** A message put into a folder by its owner, such as a draft: written as it comes, in one commit with its place. */

import { LineEnds } from "../intake/line_ends.ts";
import { Problem } from "../http/problem.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { DRAFT, SEEN } from "../mailbox/flags.ts";
import type { Folder } from "../mailbox/folders.ts";
import { BodyWriter } from "../storage/bodies/bodies.ts";
import type { FlagSet } from "./flag_changes.ts";
import { noFolder, withFolders } from "./mail_folders.ts";
import type { AdminOptions } from "./options.ts";

type Options = Pick<AdminOptions, "mailStore" | "captures" | "store" | "clock" | "ids" | "messageSize">;

/** A message, and where it is put. */
export interface PutMail {
  /** Its octets, with any line ends. */
  readonly text: Uint8Array | AsyncIterable<Uint8Array>;
  /** The folder's name; absent: the one for drafts. */
  readonly folder?: string | undefined;
  /** Absent: it is read, and in the folder for drafts a draft. */
  readonly flags?: FlagSet | undefined;
}

/** Puts a message into a mailbox that exists; answers its name. Throws a {@linkcode Problem} when it can't be. */
export async function putMail(address: Mailbox, mail: PutMail, options: Options): Promise<string> {
  return await withFolders(address, options, async (folders) => {
    const { folder: name } = mail;
    const info = name === undefined
      ? folders.list().find(({ specialUse }) => specialUse === "Drafts") ?? folders.byName("Drafts")
      : folders.byName(name);
    if (!info) throw noFolder(name ?? "Drafts", address);
    const usual = { flags: SEEN | (info.specialUse === "Drafts" ? DRAFT : 0), keywords: [] };
    using folder = await folders.select(info.id);
    return await append(folder, { text: mail.text, flags: mail.flags ?? usual }, options);
  });
}

async function append(
  folder: Folder,
  { text, flags }: { text: PutMail["text"]; flags: FlagSet },
  { store, clock, ids, messageSize }: Options,
): Promise<string> {
  const name = ids.next();
  const writer = new BodyWriter(store, { id: name, clock });
  const ends = new LineEnds();
  let isOver = false;
  let size = 0;
  try {
    for await (const piece of text instanceof Uint8Array ? [text] : text) {
      size += piece.length;
      if (size > messageSize) throw new Problem(413, `The message is larger than ${messageSize} bytes`);
      if (piece.includes(0)) throw new Problem(422, "The text has a NUL in it; mail can't carry that");
      await writer.append(ends.convert(piece));
    }
    await writer.append(ends.end());
    await folder.append([{ body: writer.finish(), ...flags, internalDate: clock.now() }]);
    isOver = true;
    return name;
  } finally {
    if (!isOver) await writer.abort();
  }
}

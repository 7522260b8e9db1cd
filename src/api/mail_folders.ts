/** The folders of mailboxes by name, for API and page; where mail is captured there is INBOX and no other. */

import { Problem, quoted } from "../http/problem.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { INBOX, normalName } from "../mailbox/folder_names.ts";
import { FolderError, type FolderErrorKind, type FolderInfo, type Folders } from "../mailbox/folders.ts";
import type { AdminOptions } from "./options.ts";

type Options = Pick<AdminOptions, "mailStore" | "captures">;

/** What is told of a folder. */
export type FolderView = Pick<
  FolderInfo,
  "name" | "specialUse" | "subscribed" | "messages" | "unseen" | "bytes"
>;

const STATUS: Readonly<Record<FolderErrorKind, 404 | 409 | 422>> = {
  nonexistent: 404,
  exists: 409,
  limit: 422,
  cannot: 422,
  overquota: 409,
};

/** What `work` answers. A folder's error becomes a {@linkcode Problem}. */
export async function orProblem<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FolderError) throw new Problem(STATUS[error.kind], error.message);
    throw error;
  }
}

/** Does something with the folders of a mailbox that exists. Throws a {@linkcode Problem} when it can't be done. */
export async function withFolders<T>(
  address: Mailbox,
  { mailStore }: Options,
  work: (folders: Folders) => T | Promise<T>,
): Promise<T> {
  return await orProblem(async () => {
    using folders = await mailStore.open(address);
    return await work(folders);
  });
}

/** All folders of a mailbox that exists, by name, INBOX first. */
export async function foldersOf(address: Mailbox, options: Options): Promise<readonly FolderView[]> {
  if (!options.captures) return await withFolders(address, options, (folders) => folders.list());
  const all = await options.mailStore.list(address);
  const { messages, bytes } = await options.mailStore.usage(address);
  const unseen = all.reduce((sum, { seen }) => seen ? sum : sum + 1, 0);
  return [{ name: INBOX, subscribed: true, messages, unseen, bytes }];
}

/** The folder of that name. Throws a {@linkcode Problem} when there is none. */
export async function folderOf(name: string, address: Mailbox, options: Options): Promise<FolderView> {
  const wanted = normalName(name);
  const folder = (await foldersOf(address, options)).find((one) => one.name === wanted);
  if (!folder) throw noFolder(name, address);
  return folder;
}

/** There is none of that name. */
export function noFolder(name: string, address: Mailbox): Problem {
  return new Problem(404, `There is no folder ${quoted(name)} in the mailbox ${address}`);
}

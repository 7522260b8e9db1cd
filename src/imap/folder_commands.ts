/** The commands on mailboxes: CREATE, DELETE, RENAME, SUBSCRIBE, STATUS, NAMESPACE (RFC 9051 6.3) and quotas (RFC 9208). */

import { DELETED } from "../mailbox/flags.ts";
import { FolderError, type FolderInfo, type SpecialUse } from "../mailbox/folders.ts";
import type { StatusItem } from "./list_parser.ts";
import type { CommandOf } from "./message_commands.ts";
import { no, type SessionState } from "./session_state.ts";

const USES: ReadonlyMap<string, SpecialUse> = new Map(
  (["All", "Archive", "Drafts", "Flagged", "Junk", "Sent", "Trash"] as const)
    .map((use) => [`\\${use.toUpperCase()}`, use]),
);

/** CREATE. */
export async function create(state: SessionState, command: CommandOf<"CREATE">): Promise<void> {
  const { mailbox, use } = command.args;
  const specialUse = USES.get(use[0]?.toUpperCase() ?? "");
  if (use.length > 1 || use.length === 1 && !specialUse) {
    throw no(
      "A mailbox has one use: \\Archive, \\Drafts, \\Flagged, \\Junk, \\Sent, \\Trash or \\All",
      "USEATTR",
    );
  }
  const taken = specialUse && state.folders.list().find((info) => info.specialUse === specialUse);
  // RFC 6154 3
  if (taken) throw no(`${taken.name} is the folder for ${specialUse} already`, "USEATTR");
  // RFC 9051 6.3.4: a separator at the end says that there will be names below
  const name = state.nameOf(mailbox).replace(/\/$/, "");
  const made = await state.folders.create(name, specialUse ? { specialUse } : {});
  state.ok(command, "Created", `MAILBOXID (${made.mailboxId})`);
}

/** DELETE. */
export async function deleteMailbox(state: SessionState, command: CommandOf<"DELETE">): Promise<void> {
  const { name } = state.folderOf(command.args.mailbox);
  await state.folders.delete(name);
  state.ok(command, "Deleted");
}

/** RENAME. */
export async function rename(state: SessionState, command: CommandOf<"RENAME">): Promise<void> {
  const { from, to } = command.args;
  const { name } = state.folderOf(from);
  await state.folders.rename(name, state.nameOf(to).replace(/\/$/, ""));
  state.ok(command, "Renamed");
}

/** SUBSCRIBE and UNSUBSCRIBE. */
export async function subscribe(
  state: SessionState,
  command: CommandOf<"SUBSCRIBE"> | CommandOf<"UNSUBSCRIBE">,
): Promise<void> {
  const yes = command.verb === "SUBSCRIBE";
  try {
    await state.folders.subscribe(state.nameOf(command.args.mailbox), yes);
  } catch (error) {
    // what is not there is not subscribed to
    if (yes || !(error instanceof FolderError && error.kind === "nonexistent")) throw error;
  }
  state.ok(command, yes ? "Subscribed" : "Unsubscribed");
}

/** NAMESPACE (RFC 2342): one's own mailboxes, and no others. */
export function namespace(state: SessionState, command: CommandOf<"NAMESPACE">): void {
  state.out.untagged('NAMESPACE (("" "/")) NIL NIL');
  state.ok(command, "Done");
}

/** STATUS. */
export async function status(state: SessionState, command: CommandOf<"STATUS">): Promise<void> {
  const { mailbox, items } = command.args;
  const info = state.folderOf(mailbox);
  if (items.includes("HIGHESTMODSEQ")) state.turnOnCondstore();
  state.out.untagged(await statusLine(state, info, items));
  state.ok(command, "Done");
}

/** `STATUS name (MESSAGES 3)`: only what was asked for. */
export async function statusLine(
  state: SessionState,
  info: FolderInfo,
  items: readonly StatusItem[],
): Promise<string> {
  const looksInside = items.includes("RECENT") && !state.rev2 || items.includes("DELETED-STORAGE");
  const inside = looksInside ? await lookInside(state, info) : { recent: 0, deletedBytes: 0 };
  const values = items.map((item) => `${item} ${statusValue(state, { item, info, ...inside })}`);
  return `STATUS ${state.written(info.name)} (${values.join(" ")})`;
}

function statusValue(
  state: SessionState,
  { item, info, recent, deletedBytes }: {
    item: StatusItem;
    info: FolderInfo;
    recent: number;
    deletedBytes: number;
  },
): string {
  switch (item) {
    case "APPENDLIMIT":
      return `${state.options.messageSize}`;
    case "DELETED":
      return `${info.deleted}`;
    case "DELETED-STORAGE":
      return `${deletedBytes}`;
    case "HIGHESTMODSEQ":
      return `${info.highestModseq}`;
    case "MAILBOXID":
      return `(${info.mailboxId})`;
    case "MESSAGES":
      return `${info.messages}`;
    case "RECENT":
      return `${recent}`;
    case "SIZE":
      return `${info.bytes}`;
    case "UIDNEXT":
      return `${info.uidNext}`;
    case "UIDVALIDITY":
      return `${info.uidValidity}`;
    case "UNSEEN":
      return `${info.unseen}`;
  }
}

/** What the folder's row does not say: how many messages are \Recent, and the octets of those with \Deleted. */
async function lookInside(
  state: SessionState,
  info: FolderInfo,
): Promise<{ recent: number; deletedBytes: number }> {
  const { selected } = state;
  using opened = await state.folders.select(info.id);
  const { messages } = opened;
  // RFC 3501 6.3.10: of the selected mailbox, what is \Recent to this session
  const recent = selected?.id === info.id
    ? selected.recent
    : messages.length - messages.lowerBound(opened.recentFrom(false));
  let deletedBytes = 0;
  if (info.deleted > 0) {
    for (let i = 0; i < messages.length; i++) {
      if (messages.flags(i) & DELETED) deletedBytes += messages.size(i);
    }
  }
  return { recent, deletedBytes };
}

/** The one quota root: all of an account's mailboxes. */
const ROOT = '""';

/** GETQUOTA (RFC 9208 4.1.1). */
export async function getQuota(state: SessionState, command: CommandOf<"GETQUOTA">): Promise<void> {
  if (command.args.root !== "") throw no("There is no such quota root", "NONEXISTENT");
  state.out.untagged(await quotaLine(state));
  state.ok(command, "Done");
}

/** GETQUOTAROOT (RFC 9208 4.1.2). */
export async function getQuotaRoot(state: SessionState, command: CommandOf<"GETQUOTAROOT">): Promise<void> {
  const { name } = state.folderOf(command.args.mailbox);
  const line = await quotaLine(state);
  state.out.untagged(`QUOTAROOT ${state.written(name)} ${ROOT}`);
  state.out.untagged(line);
  state.ok(command, "Done");
}

/** Used and allowed, in units of 1,024 octets; nothing where there is no limit. */
async function quotaLine(state: SessionState): Promise<string> {
  const { address } = state.loggedIn!.account;
  const quota = state.options.accounts.get(address)?.quota;
  if (quota === undefined) return `QUOTA ${ROOT} ()`;
  const { bytes } = await state.options.mailStore.usage(address);
  return `QUOTA ${ROOT} (STORAGE ${Math.ceil(bytes / 1024)} ${Math.floor(quota / 1024)})`;
}

/** NOTIFY (RFC 5465 8). */

import type { Cursor } from "./cursor.ts";
import { parseItems } from "./fetch_parser.ts";
import { parseMailbox } from "./mailbox_parser.ts";
import type { FetchItem } from "./request.ts";

/** What of a mailbox may be told. */
export type NotifyEvent =
  | "FLAGCHANGE"
  | "MAILBOXNAME"
  | "MESSAGEEXPUNGE"
  | "MESSAGENEW"
  | "SUBSCRIPTIONCHANGE";

/** The events of RFC 5465 5 that we never have to tell: of annotations and metadata, which there are none of. */
const NEVER: ReadonlySet<string> = new Set([
  "ANNOTATIONCHANGE",
  "MAILBOXMETADATACHANGE",
  "SERVERMETADATACHANGE",
]);
const EVENTS: ReadonlySet<string> = new Set<NotifyEvent>([
  "FLAGCHANGE",
  "MAILBOXNAME",
  "MESSAGEEXPUNGE",
  "MESSAGENEW",
  "SUBSCRIPTIONCHANGE",
]);

/** Which mailboxes a group of events is for (RFC 5465 6). */
export type MailboxFilter =
  | { readonly of: "selected" | "selected-delayed" | "inboxes" | "personal" | "subscribed" }
  | { readonly of: "subtree" | "mailboxes"; readonly mailboxes: readonly string[] };

/** What is told of some mailboxes. */
export interface EventGroup {
  readonly filter: MailboxFilter;
  readonly events: ReadonlySet<NotifyEvent>;
  /** Of events that there are none of here (RFC 5465 5). */
  readonly unknown: readonly string[];
  /** What is fetched of messages that come into the selected mailbox. */
  readonly items?: readonly FetchItem[] | undefined;
}

/** NOTIFY NONE: no groups, undefined. */
export interface NotifyCommand {
  readonly groups: readonly EventGroup[] | undefined;
  /** STATUS: what is so now is told first. */
  readonly status: boolean;
}

/** Groups of one command, and mailboxes of one group. */
const MAX_GROUPS = 100;
const MAX_MAILBOXES = 1000;

/** ` NONE`, ` SET [STATUS] (selected (MessageNew (UID) MessageExpunge)) (personal …)`. */
export function parseNotify(cursor: Cursor): NotifyCommand {
  cursor.sp();
  const start = cursor.at;
  const word = cursor.word("NONE or SET");
  if (word === "NONE") {
    cursor.end();
    return { groups: undefined, status: false };
  }
  if (word !== "SET") throw cursor.fault("Expected NONE or SET", start);
  cursor.sp();
  const status = cursor.takeWord("STATUS");
  if (status) cursor.sp();
  const groups = [parseGroup(cursor)];
  while (cursor.take(" ") && !cursor.done) {
    groups.push(parseGroup(cursor));
    if (groups.length > MAX_GROUPS) throw cursor.fault(`Expected at most ${MAX_GROUPS} groups`);
  }
  cursor.end();
  return { groups, status };
}

function parseGroup(cursor: Cursor): EventGroup {
  cursor.expect("(");
  const filter = parseFilter(cursor);
  cursor.sp();
  const start = cursor.at;
  const events = new Set<NotifyEvent>();
  const unknown: string[] = [];
  let items: readonly FetchItem[] | undefined;
  if (!cursor.takeWord("NONE")) {
    cursor.list(() => {
      const name = cursor.word("an event");
      if (EVENTS.has(name)) events.add(name as NotifyEvent);
      else if (!NEVER.has(name)) unknown.push(name);
      if (name === "MESSAGENEW") items = parseItemsOfNew(cursor);
    }, { empty: false });
  }
  cursor.expect(")");
  checkGroup(cursor, { filter, events, unknown, items }, start);
  return { filter, events, unknown, items };
}

/** RFC 5465 5, 6.1: MessageNew and MessageExpunge go together, FlagChange needs them; only some are for `selected`. */
function checkGroup(cursor: Cursor, { filter, events, items }: EventGroup, at: number): void {
  if (events.has("MESSAGENEW") !== events.has("MESSAGEEXPUNGE")) {
    throw cursor.fault("Expected MessageNew and MessageExpunge together", at);
  }
  if (events.has("FLAGCHANGE") && !events.has("MESSAGENEW")) {
    throw cursor.fault("Expected MessageNew and MessageExpunge with FlagChange", at);
  }
  const ofSelected = filter.of === "selected" || filter.of === "selected-delayed";
  if (ofSelected && (events.has("MAILBOXNAME") || events.has("SUBSCRIPTIONCHANGE"))) {
    throw cursor.fault("Expected only events of messages for the selected mailbox", at);
  }
  if (!ofSelected && items) throw cursor.fault("Expected items only for the selected mailbox", at);
}

function parseItemsOfNew(cursor: Cursor): readonly FetchItem[] | undefined {
  const { at } = cursor;
  if (cursor.take(" ") && cursor.opens) return parseItems(cursor);
  cursor.at = at;
  return undefined;
}

function parseFilter(cursor: Cursor): MailboxFilter {
  const start = cursor.at;
  const word = cursor.word("which mailboxes").toLowerCase();
  switch (word) {
    case "selected":
    case "selected-delayed":
    case "inboxes":
    case "personal":
    case "subscribed":
      return { of: word };
    case "subtree":
    case "mailboxes": {
      cursor.sp();
      const mailboxes = cursor.opens ? cursor.list(() => parseMailbox(cursor)) : [parseMailbox(cursor)];
      if (mailboxes.length > MAX_MAILBOXES) throw cursor.fault(`Expected at most ${MAX_MAILBOXES} mailboxes`);
      return { of: word, mailboxes };
    }
  }
  throw cursor.fault("Expected selected, inboxes, personal, subscribed, subtree or mailboxes", start);
}

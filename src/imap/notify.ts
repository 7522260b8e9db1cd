/** What is told without being asked, in IDLE (RFC 2177) and by NOTIFY (RFC 5465). */

import type { FolderChange, FolderInfo } from "../mailbox/folders.ts";
import { fetchMessages } from "./fetch_output.ts";
import { statusLine } from "./folder_commands.ts";
import type { StatusItem } from "./list_parser.ts";
import type { CommandOf } from "./message_commands.ts";
import type { EventGroup, MailboxFilter, NotifyEvent } from "./notify_parser.ts";
import { quoted } from "./output.ts";
import type { FetchItem } from "./request.ts";
import type { TellOptions } from "./selected_folder.ts";
import { no, Refusal, type SessionState } from "./session_state.ts";

const ALL_EVENTS = "FlagChange MailboxName MessageExpunge MessageNew SubscriptionChange";

/** What is remembered of a folder, to tell what has become of it. */
interface Known {
  readonly name: string;
  readonly subscribed: boolean;
}

/** Knows what a session's client wants to hear of, and tells it. */
export class Notifier {
  readonly #state: SessionState;
  #groups: readonly EventGroup[] | undefined;
  /** Folders, other than the selected one, of which there is something to tell. */
  readonly #dirty = new Set<number>();
  #known: Map<number, Known> | undefined;
  #foldersChanged = false;

  constructor(state: SessionState) {
    this.#state = state;
  }

  /** A client said what it wants to hear of. */
  get isOn(): boolean {
    return this.#groups !== undefined;
  }

  /** NOTIFY: what was said before does not count any more. */
  async set(state: SessionState, command: CommandOf<"NOTIFY">): Promise<void> {
    const { groups, status } = command.args;
    const unknown = groups?.find((group) => group.unknown.length > 0);
    if (unknown) throw no(`There is no event ${unknown.unknown[0]}`, `BADEVENT (${ALL_EVENTS})`);
    const named = groups?.map((group) => ({ ...group, filter: this.#named(group.filter) }));
    this.#groups = named;
    this.#dirty.clear();
    this.#foldersChanged = false;
    const names = named?.some(({ events }) => events.has("MAILBOXNAME") || events.has("SUBSCRIPTIONCHANGE"));
    this.#known = names ? this.#snapshot() : undefined;
    if (status) {
      for (const info of state.folders.list()) {
        if (info.id !== state.selected?.id && this.#eventsOf(info)?.has("MESSAGENEW")) {
          state.out.untagged(await statusLine(state, info, this.#statusItems));
        }
      }
    }
    state.ok(command, "Done");
  }

  /** Mailboxes as they are called here; what stands for none is none. */
  #named(filter: MailboxFilter): MailboxFilter {
    if (filter.of !== "subtree" && filter.of !== "mailboxes") return filter;
    const mailboxes = filter.mailboxes.flatMap((written) => {
      try {
        return [this.#state.nameOf(written)];
      } catch (error) {
        if (error instanceof Refusal) return [];
        throw error;
      }
    });
    return { of: filter.of, mailboxes };
  }

  #snapshot(): Map<number, Known> {
    const list = this.#state.folders.list();
    return new Map(list.map(({ id, name, subscribed }) => [id, { name, subscribed }]));
  }

  get #selectedGroup(): EventGroup | undefined {
    return this.#groups?.find(({ filter }) => filter.of === "selected" || filter.of === "selected-delayed");
  }

  /** The events of a folder that are wanted: the first group that it is in says it (RFC 5465 6). */
  #eventsOf(info: FolderInfo): ReadonlySet<NotifyEvent> | undefined {
    return this.#groups?.find(({ filter }) => isIn(filter, info))?.events;
  }

  /** Hears of a change; true: there is something to tell beyond the selected mailbox. */
  hear(change: FolderChange): boolean {
    if (!this.#groups) return false;
    if (change.kind === "folders") return this.#foldersChanged = this.#known !== undefined;
    if (change.kind === "reloaded" || change.kind === "ended") return false;
    if (change.folder === this.#state.selected?.id) return false;
    const info = this.#state.folders.byId(change.folder);
    const event = EVENT_OF[change.kind];
    if (!info || !this.#eventsOf(info)?.has(event)) return false;
    this.#dirty.add(change.folder);
    return true;
  }

  /** Is there something to tell beyond the selected mailbox? */
  get hasNews(): boolean {
    return this.#dirty.size > 0 || this.#foldersChanged;
  }

  /** How the selected mailbox's news is told to a client that waits; undefined: not at all. */
  pushOptions(idle: boolean): TellOptions | undefined {
    const options = this.#state.tellOptions(undefined);
    const group = this.#selectedGroup;
    if (!group) return idle ? options : undefined;
    if (group.events.size === 0) return idle ? options : undefined;
    return {
      ...options,
      expunges: idle || group.filter.of === "selected",
      flags: idle || group.events.has("FLAGCHANGE"),
    };
  }

  /** Tells what is new; nothing else may be put meanwhile. */
  async tell(idle: boolean): Promise<void> {
    const state = this.#state;
    const { selected } = state;
    const options = this.pushOptions(idle);
    if (selected && options && selected.hasNews(options)) {
      const before = selected.lastUid;
      selected.tell(state.out, options);
      const items = this.#selectedGroup?.items;
      if (items) await this.#fetchNew(before, items);
    }
    if (this.#foldersChanged) this.#tellFolders();
    for (const id of [...this.#dirty]) {
      this.#dirty.delete(id);
      const info = state.folders.byId(id);
      if (info) state.out.untagged(await statusLine(state, info, this.#statusItems));
    }
  }

  async #fetchNew(after: number, items: readonly FetchItem[]): Promise<void> {
    const state = this.#state;
    const { folder, view } = state.selected!;
    const places: number[] = [];
    for (let place = view.length - 1; place >= 0 && view.uids[place]! > after; place--) places.push(place);
    if (places.length === 0) return;
    places.reverse();
    await fetchMessages({
      folder,
      view,
      places: Uint32Array.from(places),
      items,
      withUid: true,
      uidOnly: state.uidOnly,
      rev2: state.rev2,
      out: state.out,
      isOver: () => state.isOver(),
    });
  }

  get #statusItems(): readonly StatusItem[] {
    const items: StatusItem[] = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN"];
    return this.#state.enabled.has("CONDSTORE") ? [...items, "HIGHESTMODSEQ"] : items;
  }

  /** RFC 5465 5.4, 5.5. */
  #tellFolders(): void {
    const state = this.#state;
    this.#foldersChanged = false;
    const before = this.#known!;
    const now = this.#known = this.#snapshot();
    for (const info of state.folders.list()) {
      const events = this.#eventsOf(info);
      const old = before.get(info.id);
      const renamed = old?.name !== info.name && events?.has("MAILBOXNAME");
      const changed = old && old.subscribed !== info.subscribed && events?.has("SUBSCRIPTIONCHANGE");
      if (!renamed && !changed) continue;
      const attributes = info.subscribed ? "\\Subscribed" : "";
      const oldName = renamed && old ? ` ("OLDNAME" (${quoted(state.coded(old.name))}))` : "";
      state.out.untagged(`LIST (${attributes}) "/" ${state.written(info.name)}${oldName}`);
    }
    for (const [id, { name, subscribed }] of before) {
      if (now.has(id)) continue;
      // which group it was in is told from what it was
      const events = this.#groups!.find(({ filter }) => isIn(filter, { name, subscribed }))?.events;
      if (events?.has("MAILBOXNAME")) state.out.untagged(`LIST (\\NonExistent) "/" ${state.written(name)}`);
    }
  }
}

const EVENT_OF = { came: "MESSAGENEW", went: "MESSAGEEXPUNGE", flags: "FLAGCHANGE" } as const;

function isIn(filter: MailboxFilter, { name, subscribed }: Pick<FolderInfo, "name" | "subscribed">): boolean {
  switch (filter.of) {
    case "selected":
    case "selected-delayed":
      return false;
    case "inboxes":
      return name === "INBOX";
    case "personal":
      return true;
    case "subscribed":
      return subscribed;
    case "subtree":
      return filter.mailboxes.some((one) => name === one || name.startsWith(`${one}/`));
    case "mailboxes":
      return filter.mailboxes.includes(name);
  }
}

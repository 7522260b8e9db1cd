/** The searches of mailboxes: over a list that is kept of each one that was searched lately. */

import { encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { foldContent, type FoldedContent, foldHead } from "../mail/folded_mail.ts";
import { FLAGGED } from "../mailbox/flags.ts";
import type { ReadMail } from "../mailbox/kept_blocks.ts";
import { type FoundPage, KeptList, type MailSource, type Wanted } from "../mailbox/kept_list.ts";
import { KeptLists } from "../mailbox/kept_lists.ts";
import type { MailEntry, MailStore } from "../mailbox/mail_store.ts";
import { readSmallBodies } from "../storage/bodies/bodies.ts";
import { type HeaderView, readHeader, readMail, unlessRemoved } from "./mail_reader.ts";

/** A message as searches find it. */
export interface FoundRow {
  readonly uid: string;
  readonly size: number;
  readonly seen: boolean;
  readonly flagged: boolean;
  /** The folder that it is in; absent: INBOX. */
  readonly folder?: string;
  /** Where they can be set. */
  readonly tags?: readonly string[];
  /** The message's own date, or when it came: milliseconds since 1970. */
  readonly date: number;
  /** As long as it is not read. */
  readonly entry?: MailEntry;
}

/** A larger message is not searched for words, and its header says whether it has attachments. */
const MAX_SEARCHED = 8 * 1024 * 1024;

const ALL = new WeakMap<MailStore, MailSearches>();

/** Searches the mailboxes of one store. */
export class MailSearches {
  readonly #mailStore: MailStore;
  readonly #clock: Clock;
  readonly #lists: KeptLists;
  /** By local key. */
  readonly #kept = new Map<string, KeptList<FoundRow>>();

  /** `lists` bounds what is kept of all mailboxes. */
  constructor(mailStore: MailStore, { clock, lists = new KeptLists() }: { clock: Clock; lists?: KeptLists }) {
    this.#mailStore = mailStore;
    this.#clock = clock;
    this.#lists = lists;
    mailStore.on((change) => {
      const list = this.#kept.get(change.address);
      if ("went" in change) list?.went(change.went);
      else if ("renamed" in change) list?.forget();
      else list?.came(rowOf(change.came));
    });
  }

  /** Those of that store. */
  static of(mailStore: MailStore, clock: Clock): MailSearches {
    let searches = ALL.get(mailStore);
    if (!searches) ALL.set(mailStore, searches = new MailSearches(mailStore, { clock }));
    return searches;
  }

  /** Searches a mailbox; keys are uids. */
  async search(address: Mailbox, wanted: Wanted<FoundRow>): Promise<FoundPage<FoundRow>> {
    const key = localKey(address);
    let list = this.#kept.get(key);
    if (!list) {
      const source = new Source(this.#mailStore, key);
      this.#kept.set(key, list = new KeptList(source, { clock: this.#clock, lists: this.#lists }));
    }
    const page = await list.search(wanted);
    for (const [address, list] of this.#kept) if (list.isEmpty) this.#kept.delete(address);
    return page;
  }
}

class Source implements MailSource<FoundRow> {
  constructor(private readonly mailStore: MailStore, private readonly address: Mailbox) {}

  readonly nameOf = ({ uid }: FoundRow): string => uid;
  readonly keyOf = ({ uid }: FoundRow): string => uid;
  readonly factsOf = (row: FoundRow): FoundRow => row;

  renewed({ date }: FoundRow, { uid, size, seen, flagged, folder, tags }: FoundRow): FoundRow {
    return { uid, size, seen, flagged, date, ...(folder !== undefined && { folder }), ...(tags && { tags }) };
  }

  version(): Promise<string | undefined> {
    return this.mailStore.version(this.address);
  }

  async list(before: string | undefined, limit: number): Promise<FoundRow[]> {
    const after = before === undefined ? {} : { after: before };
    const entries = await this.mailStore.list(this.address, { reverse: true, limit, ...after });
    return entries.map(rowOf);
  }

  async read(rows: readonly FoundRow[]): Promise<(ReadMail<FoundRow> | undefined)[]> {
    const entries = await Promise.all(rows.map(({ uid, entry }) => entry ?? this.#entry(uid)));
    return await this.#each(entries, async (entry, content) => {
      const header = await readHeader(this.mailStore, entry, content);
      const { headers: fields, date } = header;
      const { sender, recipient } = entry;
      const row = rowOf(entry);
      return {
        item: this.renewed({ ...row, date }, row),
        head: foldHead({ sender, recipients: [recipient], fields }),
        ...(entry.size > MAX_SEARCHED && { content: guessed(header) }),
      };
    });
  }

  async contents(rows: readonly FoundRow[]): Promise<(FoldedContent | undefined)[]> {
    const entries = await Promise.all(rows.map(({ uid }) => this.#entry(uid)));
    return await this.#each(entries, async (entry, content) => {
      if (entry.size > MAX_SEARCHED) return guessed(await readHeader(this.mailStore, entry, content));
      return foldContent(await readMail(this.mailStore, entry, content));
    });
  }

  #entry(uid: string): Promise<MailEntry | undefined> {
    return this.mailStore.get(this.address, uid);
  }

  /** What `read` makes of each message; undefined: it was removed. */
  async #each<R>(
    entries: readonly (MailEntry | undefined)[],
    read: (entry: MailEntry, content: AsyncIterable<Uint8Array>) => Promise<R>,
  ): Promise<(R | undefined)[]> {
    const there = entries.filter((entry) => entry !== undefined);
    const bodies = await readSmallBodies(this.mailStore.kv, there.map(({ body }) => body));
    const small = new Map(there.map((entry, i) => [entry, bodies[i]]));
    return await Promise.all(entries.map((entry) => {
      if (!entry) return undefined;
      const body = small.get(entry);
      const content = body ? piecesOf(entry.prefix, body) : this.mailStore.read(entry);
      const { address } = this;
      return unlessRemoved(this.mailStore, { address, entry }, () => read(entry, content));
    }));
  }
}

async function* piecesOf(prefix: string, body: Uint8Array): AsyncGenerator<Uint8Array> {
  if (prefix !== "") yield encode(prefix);
  yield body;
}

function rowOf(entry: MailEntry): FoundRow {
  const { uid, size, seen = false, flags = 0, folder, tags, receivedAt: date } = entry;
  const flagged = (flags & FLAGGED) !== 0;
  return {
    uid,
    size,
    seen,
    flagged,
    date,
    entry,
    ...(folder !== undefined && { folder }),
    ...(tags && { tags }),
  };
}

/** Nobody writes so much text: what is not text alone has an attachment. */
function guessed({ headers }: HeaderView): FoldedContent {
  const type = headers.find(({ name }) => name.toLowerCase() === "content-type")?.value ?? "text/plain";
  return { text: "", attached: !/^\s*text\//i.test(type), inline: false };
}

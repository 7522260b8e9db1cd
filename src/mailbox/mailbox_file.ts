/** The mailboxes as files: one written as mbox, and an mbox put into one. */

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { IdMaker } from "../base/ids.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { type MboxMessage, MboxWriter } from "../mail/mbox.ts";
import { type MboxPart, MboxReader } from "../mail/mbox_reader.ts";
import { type BodyDraft, BodyWriter } from "../storage/bodies/bodies.ts";
import type { Store } from "../storage/store.ts";
import { together } from "../storage/write.ts";
import { ANSWERED, DELETED, DRAFT, FLAGGED, isKeyword, MAX_KEYWORDS } from "./flags.ts";
import { type MailEntry, mailEntry } from "./mail_entry.ts";
import type { MailStore } from "./mail_store.ts";

/** How many entries are read at a time. */
const PAGE = 200;
/** How many messages are on their way into the store at a time. */
const ABREAST = 32;
/** How many warnings are kept; the others are counted. */
const MAX_WARNINGS = 100;

/**
 * All of a mailbox, or of one folder, as mbox, in pieces; what comes meanwhile may be in it. A message that is removed meanwhile is left
 * out. Throws when a body can't be read: a file that looks whole is whole.
 */
export async function* exportMbox(
  mailStore: MailStore,
  address: Mailbox,
  folder?: string,
): AsyncGenerator<Uint8Array> {
  let after: string | undefined;
  for (;;) {
    const wanted = { limit: PAGE, ...(folder !== undefined && { folder }) };
    const page = await mailStore.list(address, { ...wanted, ...(after !== undefined && { after }) });
    for (const entry of page) yield* exportOne(mailStore, { address, entry });
    after = page.at(-1)?.uid;
    if (page.length < PAGE) return;
  }
}

async function* exportOne(
  mailStore: MailStore,
  { address, entry }: { address: Mailbox; entry: MailEntry },
): AsyncGenerator<Uint8Array> {
  const { sender, receivedAt, seen = false, keywords } = entry;
  const writer = new MboxWriter();
  const begun: Uint8Array[] = [
    writer.begin({ sender, receivedAt, seen, marks: marksOf(entry.flags ?? 0), keywords }),
  ];
  const fromBody = entry.prefix === "" ? 1 : 2;
  let pieces = 0;
  try {
    for await (const piece of mailStore.read(entry)) {
      const text = writer.text(piece);
      // nothing is written before the body is seen to be there
      if (++pieces < fromBody) begun.push(text);
      else {
        yield* begun.splice(0);
        yield text;
      }
    }
  } catch (error) {
    if (begun.length > 0 && await mailStore.wasRemoved(address, entry.uid, error)) return;
    throw error;
  }
  yield* begun;
  yield writer.end();
}

/** What {@linkcode importMbox} works with. */
export interface ImportOptions {
  readonly store: Store;
  readonly mailStore: MailStore;
  readonly clock: Clock;
  /** Names the messages: they are new here, whatever they were elsewhere. */
  readonly ids: IdMaker;
  /** How many bytes the mailbox may hold in all; absent: any. */
  readonly quota?: number | undefined;
  /** The folder that they go into, which is made when it is missing. Default: INBOX. */
  readonly folder?: string | undefined;
  /** Is the account still the one that the messages are meant for? */
  readonly isThere?: () => boolean;
}

/** What was put into a mailbox. */
export interface Imported {
  readonly messages: number;
  /** As the mailbox counts them. */
  readonly bytes: number;
  /** What is doubtful in the file, with line numbers; no more than a reader can use. */
  readonly warnings: readonly string[];
}

/** An import ended before the file did; what came before stays in the mailbox. */
export class ImportStopped extends Error {
  override readonly name = "ImportStopped";

  /** `imported` messages were put into the mailbox; `why` they were not more. */
  constructor(
    readonly imported: Imported,
    readonly why: "full" | "gone" | "source" | "storage",
    cause?: unknown,
  ) {
    const reason = messageOf(cause);
    super(`Stopped after ${imported.messages} messages, which are in the mailbox: ${reason}`, { cause });
  }
}

/**
 * Puts all messages of a mbox into a mailbox, in their order. Throws {@linkcode ImportStopped} when it can't,
 * and a `FolderError` for a folder that can't be.
 */
export async function importMbox(
  address: Mailbox,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<Imported> {
  await makeFolder(address, options);
  const importer = new Importer(address, options, (await options.mailStore.usage(address)).bytes);
  let why: ImportStopped["why"] = "source";
  try {
    const reader = new MboxReader();
    const take = async (parts: readonly MboxPart[]) => {
      why = "storage";
      for (const part of parts) await importer.take(part);
      why = "source";
    };
    for await (const piece of source) await take(reader.push(piece));
    await take(reader.end());
    why = "storage";
    return await importer.end();
  } catch (error) {
    const imported = await importer.abort();
    throw new ImportStopped(imported, error instanceof Refused ? error.why : why, error);
  }
}

async function makeFolder(address: Mailbox, { mailStore, folder }: ImportOptions): Promise<void> {
  if (folder === undefined) return;
  using folders = await mailStore.open(address);
  if (folders.byName(folder) === undefined) await folders.create(folder);
}

/** The letters of X-Status, and the flags that they stand for. */
const MARKS = [["A", ANSWERED], ["F", FLAGGED], ["D", DELETED], ["T", DRAFT]] as const;

function marksOf(flags: number): string {
  return MARKS.filter(([, bit]) => (flags & bit) !== 0).map(([mark]) => mark).join("");
}

function flagsOf(marks: string): number {
  return MARKS.reduce((flags, [mark, bit]) => marks.includes(mark) ? flags | bit : flags, 0);
}

/** The mailbox can't take any more of it. */
class Refused extends Error {
  constructor(readonly why: "full" | "gone") {
    super(why === "full" ? "the mailbox is full" : "the account was removed");
  }
}

class Importer {
  readonly #address: Mailbox;
  readonly #options: ImportOptions;
  readonly #before: number;
  readonly #writing = new Set<Promise<void>>();
  #current: { message: MboxMessage; id: string; body: BodyWriter } | undefined;
  #planned = 0;
  #messages = 0;
  #bytes = 0;
  readonly #warnings: string[] = [];
  #unnamed = 0;
  #failed: { error: unknown } | undefined;

  constructor(address: Mailbox, options: ImportOptions, before: number) {
    this.#address = address;
    this.#options = options;
    this.#before = before;
  }

  async take(part: MboxPart): Promise<void> {
    if ("message" in part) await this.#begin(part.message);
    else if ("text" in part) await this.#text(part.text);
    else if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(part.warning);
    else this.#unnamed++;
  }

  async #begin(message: MboxMessage): Promise<void> {
    await this.#finish();
    const { store, clock, ids } = this.#options;
    const id = ids.next();
    this.#current = { message, id, body: new BodyWriter(store, { id, clock }) };
  }

  async #text(piece: Uint8Array): Promise<void> {
    const { body } = this.#current!;
    const waiting = body.append(piece);
    if (waiting) await waiting;
    this.#checkRoom(body.size);
  }

  async end(): Promise<Imported> {
    await this.#finish();
    await Promise.all(this.#writing);
    this.#checkWrites();
    return this.#imported();
  }

  /** Gives up what is not in the mailbox yet; answers what is. */
  async abort(): Promise<Imported> {
    await this.#current?.body.abort();
    await Promise.all(this.#writing);
    return this.#imported();
  }

  #imported(): Imported {
    const more = this.#unnamed === 0 ? [] : [`and ${this.#unnamed} more`];
    return { messages: this.#messages, bytes: this.#bytes, warnings: [...this.#warnings, ...more] };
  }

  async #finish(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (!current) return;
    const { message, id, body } = current;
    const { clock } = this.#options;
    const draft = body.finish();
    const entry = mailEntry({
      uid: id,
      receivedAt: message.receivedAt ?? clock.now(),
      body: draft.ref(1),
      // its Return-Path and Delivered-To, if any, are in the content
      prefix: "",
      sender: message.sender,
      recipient: this.#address,
    });
    this.#planned += entry.size;
    const writing = this.#write(this.#marked(entry, message), { draft, body })
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
    if (this.#writing.size >= ABREAST) await Promise.race(this.#writing);
    this.#checkWrites();
  }

  #marked(entry: MailEntry, { seen, marks = "", keywords = [] }: MboxMessage): MailEntry {
    const flags = flagsOf(marks);
    const known = keywords.filter(isKeyword).slice(0, MAX_KEYWORDS);
    const { folder } = this.#options;
    return {
      ...entry,
      ...(seen && { seen: true as const }),
      ...(flags > 0 && { flags }),
      ...(known.length > 0 && { keywords: known }),
      ...(folder !== undefined && { folder }),
    };
  }

  /** Never rejects. */
  async #write(entry: MailEntry, { draft, body }: { draft: BodyDraft; body: BodyWriter }): Promise<void> {
    const { store, mailStore, isThere } = this.#options;
    try {
      if (isThere?.() === false) throw new Refused("gone");
      const result = await store.write(
        together(draft.write(1), mailStore.deliveryWrite(this.#address, entry)),
      );
      if (!result.ok) throw new Error("a body was swept away before it was in the mailbox");
      this.#messages++;
      this.#bytes += entry.size;
    } catch (error) {
      this.#failed ??= { error };
      await body.abort();
    }
  }

  #checkWrites(): void {
    if (this.#failed) throw this.#failed.error;
  }

  #checkRoom(size: number): void {
    const { quota } = this.#options;
    if (quota !== undefined && this.#before + this.#planned + size > quota) throw new Refused("full");
  }
}

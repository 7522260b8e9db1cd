/** The searches of captured messages: over a list that is kept of them. */

import { concat } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { foldContent, type FoldedContent, foldHead } from "../mail/folded_mail.ts";
import { fieldValue, MAX_HEADER_OCTETS, parseHeader } from "../mail/decoded_header.ts";
import { type ParsedMessage, parseMessage } from "../mail/message.ts";
import type { MailQuery } from "../mail/query.ts";
import type { ReadMail } from "../mailbox/kept_blocks.ts";
import { KeptList, type MailSource } from "../mailbox/kept_list.ts";
import { KeptLists } from "../mailbox/kept_lists.ts";
import { BodyMissing, readSmallBodies } from "../storage/bodies/bodies.ts";
import type { Captured } from "./captured.ts";
import type { Kept } from "./kept.ts";
import type { CapturedMail } from "./captured_mail.ts";

/** A captured message with all that is in it. */
export interface Letter extends ParsedMessage {
  readonly message: Captured;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What is looked for. */
export interface CapturedWanted {
  readonly query: MailQuery;
  /** `before:` and `after:` look at the time that a message names, or at that when it came. */
  readonly by: "date" | "arrival";
  /** Only messages that came before the one of that id; without effect when there is none. */
  readonly before?: string | undefined;
  /** At most so many. Default: all. */
  readonly limit?: number;
  /** By the clock's monotonic time it comes back with what it has. Default: with all. */
  readonly until?: number;
}

/** A page of what was found. */
export interface CapturedFound {
  /** Newest first. */
  readonly found: Captured[];
  /** The id behind which the next page begins; undefined at the end. */
  readonly next: string | undefined;
  /** Messages that were looked at. */
  readonly looked: number;
}

interface Row {
  readonly message: Kept;
  /** The message's own date, or when it came: milliseconds since 1970. */
  readonly date: number;
}

const ALL = new WeakMap<CapturedMail, CapturedSearch>();

/** Searches the captured messages of one server. */
export class CapturedSearch {
  readonly #mail: CapturedMail;
  readonly #list: KeptList<Row>;

  private constructor(mail: CapturedMail, clock: Clock) {
    this.#mail = mail;
    this.#list = new KeptList(new Source(mail), { clock, lists: new KeptLists() });
    mail.on((change) => {
      if (change.kind === "removed" && change.why === "all") this.#list.forget();
      else if (change.kind === "removed") this.#list.went(change.messages.map(({ id }) => id));
      else if (change.kind === "captured") this.#list.came(rowOf(change.message));
      else if (change.what === "recipients") {
        this.#list.went([change.message.id]);
        this.#list.came(rowOf(change.message));
      }
    });
  }

  /** The searches of that store. */
  static of(mail: CapturedMail, clock: Clock): CapturedSearch {
    let search = ALL.get(mail);
    if (!search) ALL.set(mail, search = new CapturedSearch(mail, clock));
    return search;
  }

  /** Searches. */
  async search(wanted: CapturedWanted): Promise<CapturedFound> {
    const { query, by, limit = Infinity, until = Infinity } = wanted;
    const before = (wanted.before === undefined ? undefined : this.#mail.get(wanted.before)) as
      | Kept
      | undefined;
    if (query.length === 0) return this.#page(before?.order, limit);
    const { found, last, looked } = await this.#list.search({
      query,
      limit,
      until,
      before: before?.order,
      ...(by === "arrival" && { factsOf: ({ message }: Row) => factsOf(message, message.receivedAt) }),
    });
    const there = found.map(({ message }) => message).filter((one) => this.#mail.get(one.id) === one);
    return { found: there, next: last?.message.id, looked };
  }

  /** All messages fit. */
  #page(before: number | undefined, limit: number): CapturedFound {
    const listed = this.#mail.list({ before, limit: limit + 1 });
    const found = listed.slice(0, limit);
    return { found, next: listed.length > limit ? found.at(-1)?.id : undefined, looked: found.length };
  }
}

/** A whole message, parsed as `parseMessage` is told; undefined: it is gone. */
export async function readLetter(
  mail: CapturedMail,
  message: Captured,
  options: { asSent?: boolean } = {},
): Promise<Letter | undefined> {
  const bytes = await bytesOf(mail, message);
  return bytes && { message, bytes, ...await parseMessage(bytes, options) };
}

/** Its content: our Received field, and the octets that came; undefined: it is gone. */
export async function bytesOf(
  mail: CapturedMail,
  message: Captured,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return concat(await Array.fromAsync(mail.content(message)));
  } catch (error) {
    if (error instanceof BodyMissing) return undefined;
    throw error;
  }
}

class Source implements MailSource<Row> {
  constructor(private readonly mail: CapturedMail) {}

  readonly nameOf = ({ message }: Row): string => message.id;
  readonly keyOf = ({ message }: Row): number => message.order;
  readonly factsOf = ({ message, date }: Row) => factsOf(message, date);
  readonly renewed = (before: Row): Row => before;
  readonly version = (): Promise<undefined> => Promise.resolve(undefined);

  list(before: number | undefined, limit: number): Promise<Row[]> {
    return Promise.resolve(this.mail.list({ before, limit }).map(rowOf));
  }

  async read(rows: readonly Row[], whole: boolean): Promise<(ReadMail<Row> | undefined)[]> {
    const all = await this.#bytes(rows);
    return await Promise.all(all.map((bytes, i) => bytes && readRow(rows[i]!, { bytes, whole })));
  }

  async contents(rows: readonly Row[]): Promise<(FoldedContent | undefined)[]> {
    const all = await this.#bytes(rows);
    return await Promise.all(all.map(async (bytes) => bytes && foldContent(await parseMessage(bytes))));
  }

  async #bytes(rows: readonly Row[]): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    const small = await readSmallBodies(this.mail.kv, rows.map(({ message }) => message.body));
    return await Promise.all(rows.map(({ message }, i) => small[i] ?? bytesOf(this.mail, message)));
  }
}

async function readRow(
  { message }: Row,
  { bytes, whole }: { bytes: Uint8Array<ArrayBuffer>; whole: boolean },
): Promise<ReadMail<Row>> {
  const letter = whole ? await parseMessage(bytes) : undefined;
  const fields = letter?.headers ?? await parseHeader(bytes.subarray(0, MAX_HEADER_OCTETS));
  const { sender, recipients } = message;
  const date = Date.parse(fieldValue(fields, "date"));
  return {
    item: Number.isFinite(date) ? { message, date } : rowOf(message),
    head: foldHead({ sender, recipients, fields }),
    ...(letter && { content: foldContent(letter) }),
  };
}

function rowOf(message: Captured): Row {
  return { message: message as Kept, date: message.receivedAt };
}

function factsOf({ size, seen, tags }: Captured, date: number) {
  return { date, size, seen, tags };
}

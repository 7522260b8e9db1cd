/** The texts of messages as searches compare them, kept in memory for the folders that were searched lately. */

import { JoinedTexts } from "../mail/joined_texts.ts";
import { type BoundedList, KeptLists } from "../mailbox/kept_lists.ts";

/** What is looked for, folded (`foldText`). */
export interface TextQuery {
  /** Header section, body, or both. */
  readonly in: "header" | "body" | "all";
  /** Only in header fields of that name, in lower case. */
  readonly field?: string | undefined;
  readonly wanted: string;
}

/** The texts of one message; absent: not read. */
export interface FoldedTexts {
  readonly header?: string | undefined;
  readonly body?: string | undefined;
}

const ROWS = 512;
const HEADER = 1;
const BODY = 2;
/** About what a message takes beside its texts, in octets. */
const PER_MESSAGE = 60;

interface Block {
  readonly uids: Uint32Array;
  readonly known: Uint8Array;
  readonly headers: JoinedTexts;
  bodies: JoinedTexts;
}

/** The texts of one folder, by UID. */
export class FolderTexts implements BoundedList {
  #blocks: Block[] = [];
  /** By UID: the number of its block, and its row there. */
  #places = new Map<number, number>();

  /** About how many octets they take. */
  get octets(): number {
    let octets = PER_MESSAGE * this.#places.size;
    for (const { headers, bodies } of this.#blocks) octets += headers.octets + bodies.octets;
    return octets;
  }

  /** How many messages. */
  get size(): number {
    return this.#places.size;
  }

  /** Keeps nothing more. */
  forget(): void {
    this.#blocks = [];
    this.#places = new Map();
  }

  /** Keeps no bodies any more; false: there are none. */
  dropTexts(): boolean {
    let dropped = false;
    for (const block of this.#blocks) {
      for (let row = 0; row < ROWS; row++) {
        dropped ||= (block.known[row]! & BODY) !== 0;
        block.known[row]! &= ~BODY;
      }
      block.bodies = new JoinedTexts(ROWS);
    }
    return dropped;
  }

  /** Is all there that a query looks into? */
  has(uid: number, query: TextQuery): boolean {
    const place = this.#places.get(uid);
    if (place === undefined) return false;
    const needed = query.in === "header" ? HEADER : query.in === "body" ? BODY : HEADER | BODY;
    return (this.#blocks[Math.floor(place / ROWS)]!.known[place % ROWS]! & needed) === needed;
  }

  /** Adds texts of a message that are not there yet. */
  add(uid: number, { header, body }: FoldedTexts): void {
    let place = this.#places.get(uid);
    if (place === undefined) {
      place = this.#places.size;
      if (place % ROWS === 0) this.#blocks.push(newBlock());
      this.#places.set(uid, place);
    }
    const block = this.#blocks[Math.floor(place / ROWS)]!;
    const row = place % ROWS;
    block.uids[row] = uid;
    if (header !== undefined && (block.known[row]! & HEADER) === 0) {
      block.headers.add(row, header);
      block.known[row]! |= HEADER;
    }
    if (body !== undefined && (block.known[row]! & BODY) === 0) {
      block.bodies.add(row, body);
      block.known[row]! |= BODY;
    }
  }

  /** Calls back with each message that fits, by what is kept of it. */
  look(query: TextQuery, found: (uid: number) => void): void {
    for (const { uids, headers, bodies } of this.#blocks) {
      const marks = new Uint8Array(ROWS);
      mark({ headers, bodies }, query, marks);
      for (let row = 0; row < ROWS; row++) if (marks[row] === 1) found(uids[row]!);
    }
  }
}

function newBlock(): Block {
  return {
    uids: new Uint32Array(ROWS),
    known: new Uint8Array(ROWS),
    headers: new JoinedTexts(ROWS),
    bodies: new JoinedTexts(ROWS),
  };
}

function mark(
  { headers, bodies }: Pick<Block, "headers" | "bodies">,
  { in: where, field, wanted }: TextQuery,
  marks: Uint8Array,
): void {
  if (field !== undefined) return headers.markField(marks, field, wanted);
  if (where !== "body") headers.mark(marks, wanted);
  if (where !== "header") bodies.mark(marks, wanted);
}

/** Do these texts of one message fit? */
export function fitsTexts({ header, body }: FoldedTexts, query: TextQuery): boolean {
  const [headers, bodies] = [new JoinedTexts(1), new JoinedTexts(1)];
  if (header !== undefined) headers.add(0, header);
  if (body !== undefined) bodies.add(0, body);
  const marks = new Uint8Array(1);
  mark({ headers, bodies }, query, marks);
  return marks[0] === 1;
}

/** What is kept of all folders of a server, within bounds: the folders that nobody has searched for the longest time go. */
export class SearchTexts {
  readonly #lists: KeptLists;
  readonly #folders = new Map<string, FolderTexts>();

  /** `most`: so many octets in all. */
  constructor(most?: number) {
    this.#lists = new KeptLists(most);
  }

  /** The texts of a folder of that account, to be searched now. */
  use(address: string, mailboxId: string): FolderTexts {
    for (const [name, texts] of this.#folders) if (texts.size === 0) this.#folders.delete(name);
    const name = `${address} ${mailboxId}`;
    let texts = this.#folders.get(name);
    if (!texts) this.#folders.set(name, texts = new FolderTexts());
    this.#lists.use(texts);
    return texts;
  }

  /** May more be kept? Others go for it. */
  hasRoom(texts: FolderTexts, { body }: { body: boolean }): boolean {
    return body ? this.#lists.hasRoomForTexts(texts) : this.#lists.hasRoom(texts);
  }
}

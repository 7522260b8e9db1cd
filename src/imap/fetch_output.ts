/** The answers to FETCH (RFC 9051 7.5.2), written as they go: a message's texts are not gathered. */

import { eventTurn } from "../base/clock.ts";
import { readCard } from "../mail/facts_card.ts";
import { imapString } from "../mail/imap_text.ts";
import type { MessageFacts } from "../mail/message_facts.ts";
import type { StructureBytes } from "../mail/imap_structure.ts";
import type { FolderIndex } from "../mailbox/folders.ts";
import { dateTimeText } from "./date_text.ts";
import { cardsAt } from "./card_reader.ts";
import { type CardItem, type FetchPlan, type IndexItem, planFetch } from "./fetch_items.ts";
import type { FetchedFolder, FetchOut } from "./fetch_target.ts";
import { MessageTexts } from "./fetch_texts.ts";
import { FlagsText } from "./flags_text.ts";
import type { FetchItem } from "./request.ts";
import type { MessageView } from "./sequence_set.ts";

export { setsSeen } from "./fetch_items.ts";
export { CutLiteral } from "./fetch_target.ts";

/** What is answered, and to whom. */
export interface Fetching {
  readonly folder: FetchedFolder;
  readonly view: MessageView;
  /** Which messages: places in the view, ascending. */
  readonly places: Uint32Array;
  readonly items: readonly FetchItem[];
  /** UID is answered, asked for or not. */
  readonly withUid: boolean;
  /** `* UID UIDFETCH` (RFC 9586). */
  readonly uidOnly: boolean;
  /** IMAP4rev2 is spoken: `message/global` is a message. */
  readonly rev2: boolean;
  /** Absent: `\Recent` is not shown. */
  readonly recent?: ((uid: number) => boolean) | undefined;
  readonly out: FetchOut;
  /** True: nobody waits for the answers any more. */
  isOver(): boolean;
}

/** What could not be answered. */
export interface Fetched {
  /** So many messages went meanwhile, and have no answer. */
  readonly missing: number;
  /** A part is encoded in a way that nobody knows: `NO [UNKNOWN-CTE]` (RFC 3516 4.3). */
  readonly unknownEncoding: boolean;
}

/** So many messages are looked up at a time; what goes meanwhile is seen at the next ones. */
const BATCH = 512;
/** After so many octets of texts others have their turn: some milliseconds of work. */
const TURN_WORK = 1024 * 1024;
/** Where there is nothing to read: some milliseconds of work. */
const INDEX_BATCH = 1000;

/**
 * Writes the answers. Rejects when the store fails before a text of a message is begun, with a {@linkcode CutLiteral}
 * when it fails within.
 */
export async function fetchMessages(fetching: Fetching): Promise<Fetched> {
  const { items, withUid, uidOnly } = fetching;
  const answers = new Answers(fetching, planFetch(items, { withUid: withUid && !uidOnly }));
  const { places } = fetching;
  const size = answers.isFromIndex ? INDEX_BATCH : BATCH;
  for (let at = 0; at < places.length && !fetching.isOver(); at += size) {
    await answers.batch(places.subarray(at, at + size));
  }
  return { missing: answers.missing, unknownEncoding: answers.texts.unknownEncoding };
}

/** A message that is there. */
interface Found {
  readonly place: number;
  readonly uid: number;
}

class Answers {
  readonly texts: MessageTexts;
  missing = 0;
  readonly #fetching: Fetching;
  readonly #plan: FetchPlan;
  readonly #messages: () => FolderIndex;
  #keywords: readonly string[] = [];
  #flags = new FlagsText([]);

  constructor(fetching: Fetching, plan: FetchPlan) {
    const { folder, out } = fetching;
    this.#fetching = fetching;
    this.#plan = plan;
    this.#messages = () => folder.messages;
    this.texts = new MessageTexts({ folder, out, items: plan.texts });
  }

  /** Nothing but the index is needed. */
  get isFromIndex(): boolean {
    return this.#plan.card.length === 0 && this.#plan.texts.length === 0;
  }

  async batch(places: Uint32Array): Promise<void> {
    const { view, folder, out } = this.#fetching;
    const { keywords } = folder.info;
    if (keywords !== this.#keywords) this.#flags = new FlagsText(this.#keywords = keywords);
    const positions = new Uint32Array(places.length);
    const found: Found[] = [];
    const messages = folder.messages;
    for (const place of places) {
      const uid = view.uids[place]!;
      const position = messages.position(uid);
      if (position < 0) {
        this.missing++;
        continue;
      }
      positions[found.length] = position;
      found.push({ place, uid });
    }
    const there = positions.subarray(0, found.length);
    if (!this.isFromIndex) return await this.#read(found, there);
    let text = "";
    for (const [i, one] of found.entries()) {
      text += `${this.#begin(one, there[i]!)})\r\n`;
      if (text.length < ENOUGH) continue;
      out.put(text);
      text = "";
    }
    out.put(text);
    await out.flushIfMuch();
  }

  /** Answers of messages that have to be read. */
  async #read(found: readonly Found[], positions: Uint32Array): Promise<void> {
    const { folder, out, isOver } = this.#fetching;
    const cards = this.#plan.card.length > 0 ? cardsAt(folder, positions) : undefined;
    const small = this.#plan.texts.length > 0 ? this.texts.ahead(positions) : undefined;
    // both look up in this very turn whose octets they are to read
    let [nextCard, nextSmall] = [cards?.next(), small?.next()];
    try {
      for (const one of found) {
        const [card, octets] = [await nextCard, await nextSmall];
        [nextCard, nextSmall] = [cards?.next(), small?.next()];
        for (const next of [nextCard, nextSmall]) next?.catch(() => {}); // who awaits it hears of it
        if (isOver()) return;
        // it may have gone meanwhile
        const position = this.#messages().position(one.uid);
        if (
          position < 0 || (card && !card.value) || (small && !await this.texts.open(one.uid, octets?.value))
        ) {
          this.missing++;
          continue;
        }
        const facts = card?.value && readCard(card.value);
        if (card && !facts) throw new Error("The card of a message can't be read");
        const hasBefore = this.#plan.index.length + this.#plan.card.length > 0;
        if (small && !hasBefore && this.texts.isEmpty) {
          this.texts.unknownEncoding = true;
          continue;
        }
        out.put(this.#begin(one, position));
        if (facts) this.#card(facts);
        if (small) await this.texts.put(hasBefore);
        out.put(")\r\n");
        const sent = out.flushIfMuch();
        if (sent) await sent;
        if (this.texts.work < TURN_WORK) continue;
        this.texts.work = 0;
        await eventTurn();
      }
    } finally {
      await cards?.return(undefined);
      await small?.return(undefined);
      await this.texts.close();
    }
  }

  #begin({ place, uid }: Found, position: number): string {
    const { uidOnly } = this.#fetching;
    let text = uidOnly ? `* ${uid} UIDFETCH (` : `* ${place + 1} FETCH (`;
    let isFirst = true;
    for (const item of this.#plan.index) {
      text += isFirst ? `${item} ` : ` ${item} `;
      isFirst = false;
      text += this.#indexValue(item, uid, position);
    }
    return text;
  }

  #indexValue(item: IndexItem, uid: number, position: number): string | number {
    const messages = this.#messages();
    switch (item) {
      case "UID":
        return uid;
      case "FLAGS":
        return this.#flags.text(messages.flags(position), {
          low: messages.keywordsLow(position),
          high: messages.keywordsHigh(position),
          recent: this.#fetching.recent?.(uid) ?? false,
        });
      case "MODSEQ":
        return `(${messages.modseq(position)})`;
      case "INTERNALDATE":
        return dateTimeText(messages.internalDate(position));
      case "RFC822.SIZE":
        return messages.size(position);
      case "SAVEDATE":
        return dateTimeText(messages.savedDate(position));
      case "EMAILID":
        return `(${messages.id(position)})`;
      case "THREADID":
        // RFC 8474 5.2: NIL where there is no such thing
        return "NIL";
    }
  }

  #card(facts: MessageFacts): void {
    let before = this.#plan.index.length === 0 ? "" : " ";
    for (const item of this.#plan.card) {
      this.#fetching.out.put(`${before}${item} `);
      this.#cardValue(item, facts);
      before = " ";
    }
  }

  #cardValue(item: CardItem, facts: MessageFacts): void {
    const { out, rev2 } = this.#fetching;
    if (item === "ENVELOPE") return out.put(facts.envelope);
    if (item === "PREVIEW") return out.put(imapString(facts.preview));
    const structure = rev2 ? facts.structure : facts.oldStructure ?? facts.structure;
    if (item === "BODYSTRUCTURE") return out.put(structure.bytes);
    putBody(out, structure);
  }
}

/** What is gathered before it is put. */
const ENOUGH = 32 * 1024;

/** BODY: without the extension data. */
function putBody(out: FetchOut, { bytes, extras }: StructureBytes): void {
  let at = 0;
  for (let i = 0; i < extras.length; i += 2) {
    out.put(bytes.subarray(at, extras[i]));
    at = extras[i + 1]!;
  }
  out.put(bytes.subarray(at));
}

/** The cards of messages, read some at a time, for searches and sorting. */

import { type Clock, eventTurn } from "../base/clock.ts";
import { readCard } from "../mail/facts_card.ts";
import type { MessageFacts } from "../mail/message_facts.ts";
import { BodyMissing } from "../storage/bodies/bodies.ts";
import type { FetchedFolder } from "./fetch_target.ts";
import type { MessageView } from "./sequence_set.ts";

/** Whose cards, and for whom. */
export interface CardReading {
  readonly folder: FetchedFolder;
  readonly view: MessageView;
  readonly clock: Clock;
  /** True: nobody waits for them any more. */
  isOver(): boolean;
  /** So many of so many were read. */
  onProgress?(done: number, all: number): void;
}

/** A message that is there. */
export interface ReadCard {
  /** In the view. */
  readonly place: number;
  readonly internalDate: number;
  readonly size: number;
  readonly facts: MessageFacts;
}

/** Messages that are read at a time. */
const BATCH = 200;
/** After so many milliseconds of work others have their turn. */
const TURN_MS = 10;

/** Reads cards in the order of the places; what is gone is left out. */
export async function* cardsOf(
  reading: CardReading,
  places: readonly number[] | Uint32Array,
): AsyncGenerator<ReadCard> {
  const { folder, view, clock } = reading;
  let turnEnds = clock.monotonic() + TURN_MS;
  for (let at = 0; at < places.length && !reading.isOver(); at += BATCH) {
    const { messages } = folder;
    const positions: number[] = [];
    const there: Omit<ReadCard, "facts">[] = [];
    for (const place of places.slice(at, at + BATCH)) {
      const position = messages.position(view.uids[place]!);
      if (position < 0) continue;
      positions.push(position);
      there.push({ place, internalDate: messages.internalDate(position), size: messages.size(position) });
    }
    let next = 0;
    for await (const card of cardsAt(folder, positions)) {
      const facts = card && readCard(card);
      const one = there[next++]!;
      if (facts) yield { ...one, facts };
    }
    reading.onProgress?.(Math.min(places.length, at + BATCH), places.length);
    if (clock.monotonic() < turnEnds) continue;
    await eventTurn();
    turnEnds = clock.monotonic() + TURN_MS;
  }
}

/**
 * The cards at some positions, which are looked up when the first one is asked for; undefined: that message is gone, or
 * its body is.
 */
export async function* cardsAt(
  folder: FetchedFolder,
  positions: readonly number[] | Uint32Array,
): AsyncGenerator<Uint8Array | undefined> {
  const { messages } = folder;
  const uids = Array.from(positions, (position) => messages.uid(position));
  let next: readonly number[] | Uint32Array = positions;
  for (let done = 0; done < uids.length; next = there(folder, uids.slice(done))) {
    const before = done;
    let isGone = next.length === 0;
    try {
      for await (const card of folder.facts(next)) {
        done++;
        yield card;
      }
    } catch (error) {
      if (!(error instanceof BodyMissing)) throw error;
      isGone = true;
    }
    if (!isGone && done > before) continue;
    done++;
    yield undefined;
  }
}

/** Where messages are now, up to the first one that is gone. */
function there({ messages }: FetchedFolder, uids: readonly number[]): number[] {
  const positions = uids.map((uid) => messages.position(uid));
  const end = positions.indexOf(-1);
  return end < 0 ? positions : positions.slice(0, end);
}

/** The sorting of messages (RFC 5256 3, RFC 5957). */

import { type CardReading, cardsOf, type ReadCard } from "./card_reader.ts";
import type { SortBy, SortKey } from "./request.ts";

/** What is sorted, and by what. */
export interface Sorting extends CardReading {
  /** Places in the view, ascending. */
  readonly places: Uint32Array;
  /** The first criterion that tells two messages apart decides; without one their order in the folder. */
  readonly by: readonly SortKey[];
}

/** Sorts; answers the places in their order, without those that are gone. Rejects when the store fails. */
export async function sortMessages(sorting: Sorting): Promise<Uint32Array> {
  const { places, by } = sorting;
  const isFromIndex = by.every(({ by }) => by === "ARRIVAL" || by === "SIZE");
  const messages = isFromIndex ? fromIndex(sorting) : await fromCards(sorting);
  const columns = by.map(({ by, reverse }) => ({ reverse, values: messages.map((one) => one.keys[by]!) }));
  const order = Uint32Array.from(messages, (_, i) => i);
  order.sort((a, b) => {
    for (const { reverse, values } of columns) {
      const [one, other] = [values[a]!, values[b]!];
      if (one !== other) return (one < other ? -1 : 1) * (reverse ? -1 : 1);
    }
    return a - b;
  });
  const sorted = new Uint32Array(order.length);
  for (const [i, at] of order.entries()) sorted[i] = messages[at]!.place;
  return sorted.length <= places.length ? sorted : sorted.subarray(0, places.length);
}

interface Sortable {
  readonly place: number;
  readonly keys: Partial<Record<SortBy, string | number>>;
}

function fromIndex({ folder: { messages }, view, places }: Sorting): Sortable[] {
  const sortable: Sortable[] = [];
  for (const place of places) {
    const position = messages.position(view.uids[place]!);
    if (position < 0) continue;
    sortable.push({
      place,
      keys: { ARRIVAL: messages.internalDate(position), SIZE: messages.size(position) },
    });
  }
  return sortable;
}

async function fromCards(sorting: Sorting): Promise<Sortable[]> {
  const sortable: Sortable[] = [];
  const wanted = [...new Set(sorting.by.map(({ by }) => by))];
  for await (const card of cardsOf(sorting, sorting.places)) {
    const keys = Object.fromEntries(wanted.map((by) => [by, keyOf(by, card)]));
    sortable.push({ place: card.place, keys });
  }
  return sortable;
}

function keyOf(by: SortBy, { internalDate, size, facts: { sort } }: ReadCard): string | number {
  switch (by) {
    case "ARRIVAL":
      return internalDate;
    case "SIZE":
      return size;
    case "DATE":
      return sort.sentAt ?? internalDate;
    case "FROM":
      return collated(sort.from);
    case "TO":
      return collated(sort.to);
    case "CC":
      return collated(sort.cc);
    case "SUBJECT":
      return collated(sort.baseSubject);
    case "DISPLAYFROM":
      return collated(sort.displayFrom);
    case "DISPLAYTO":
      return collated(sort.displayTo);
  }
}

/** As `i;unicode-casemap` (RFC 5051) compares: letters of one case, taken apart. */
export function collated(text: string): string {
  return text.toUpperCase().normalize("NFKD");
}

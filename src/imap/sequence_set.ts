/** Sets of messages, by number or by UID (RFC 9051 9, `sequence-set`), and what they mean for what a session sees. */

/** `*`: the last message, whatever its number. */
export const LAST = Infinity;

/** `first:last`, in either order, as the client wrote it; both the same for a single number. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** Ranges, which may be in any order and overlap; `$`: what the last search saved (RFC 5182). */
export type SequenceSet = readonly NumberRange[] | "$";

/** The messages of a folder as a session has told its client of them: message number n is `uids[n - 1]`. */
export interface MessageView {
  /** Ascending; it may go on behind what is seen. */
  readonly uids: Uint32Array;
  /** How many are seen. */
  readonly length: number;
}

/**
 * The places in the view (from 0, ascending, each once) that a set of message numbers names; undefined: it has a number
 * that no message has, which is `BAD`. `*` in an empty folder names nothing.
 */
export function placesOfNumbers(ranges: readonly NumberRange[], view: MessageView): Uint32Array | undefined {
  const bounds: [number, number][] = [];
  for (const { first, last } of ranges) {
    const isLast = first === LAST || last === LAST;
    const [a, b] = [first === LAST ? view.length : first, last === LAST ? view.length : last];
    if (view.length === 0 && isLast) continue;
    if (Math.max(a, b) > view.length || Math.min(a, b) < 1) return undefined;
    bounds.push([Math.min(a, b) - 1, Math.max(a, b)]);
  }
  return united(bounds);
}

/** The places in the view that a set of UIDs names; UIDs that no message has name nothing (RFC 9051 6.4.9). */
export function placesOfUids(ranges: readonly NumberRange[], view: MessageView): Uint32Array {
  const highest = view.length === 0 ? 0 : view.uids[view.length - 1]!;
  const bounds: [number, number][] = [];
  for (const { first, last } of ranges) {
    // `7:*` names the last message even where 7 is past the end
    const [a, b] = [first === LAST ? highest : first, last === LAST ? highest : last];
    const from = lowerBound(view, Math.min(a, b));
    const to = lowerBound(view, Math.max(a, b) + 1);
    if (to > from) bounds.push([from, to]);
  }
  return united(bounds);
}

/** The UIDs at those places. */
export function uidsAt(view: MessageView, places: Uint32Array): Uint32Array {
  const uids = new Uint32Array(places.length);
  for (let i = 0; i < places.length; i++) uids[i] = view.uids[places[i]!]!;
  return uids;
}

/** The place of a UID in the view; -1: it has none. */
export function placeOfUid(view: MessageView, uid: number): number {
  const at = lowerBound(view, uid);
  return at < view.length && view.uids[at] === uid ? at : -1;
}

/** Numbers as a set, `1:3,7`, in the order in which they come; "" where there are none. */
export function formatSet(numbers: Iterable<number>): string {
  const written: string[] = [];
  let [first, last] = [-1, -1];
  const finish = () => {
    if (first >= 0) written.push(first === last ? `${first}` : `${first}:${last}`);
  };
  for (const number of numbers) {
    if (number === last + 1 && first >= 0) {
      last = number;
      continue;
    }
    finish();
    first = last = number;
  }
  finish();
  return written.join(",");
}

/** The first place whose UID is not lower. */
function lowerBound({ uids, length }: MessageView, uid: number): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (uids[middle]! < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** All of some half-open ranges, ascending, each once. */
function united(bounds: [number, number][]): Uint32Array {
  bounds.sort((a, b) => a[0] - b[0]);
  let count = 0;
  let end = 0;
  for (const bound of bounds) {
    bound[0] = Math.max(bound[0], end);
    if (bound[1] > bound[0]) {
      count += bound[1] - bound[0];
      end = bound[1];
    }
  }
  const places = new Uint32Array(count);
  let at = 0;
  for (const [from, to] of bounds) for (let place = from; place < to; place++) places[at++] = place;
  return places;
}

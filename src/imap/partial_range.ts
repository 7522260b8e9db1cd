/** PARTIAL (RFC 9394): a range of a result, counted from its begin or its end. */

import type { PartialRange } from "./request.ts";

/** The part of a list that a range means: empty where it lies outside. */
export function partOf(list: Uint32Array, { from, to }: PartialRange): Uint32Array {
  const [first, last] = from < 0
    ? [list.length + Math.min(from, to), list.length + Math.max(from, to)]
    : [Math.min(from, to) - 1, Math.max(from, to) - 1];
  return last < 0 ? list.subarray(0, 0) : list.subarray(Math.max(0, first), last + 1);
}

/** The range as it is written. */
export function formatPartialRange({ from, to }: PartialRange): string {
  return `${from}:${to}`;
}

/** The middle one of some figures. */

/** Of an even number the upper one of both. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

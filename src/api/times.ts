/** Times as the API writes them. */

/** Milliseconds since 1970 as ISO 8601 UTC; what is beyond all calendars becomes their last day. */
export function iso(ms: number): string {
  return new Date(Math.min(ms, 253_402_300_799_000)).toISOString();
}

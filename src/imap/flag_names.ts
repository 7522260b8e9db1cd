/** The names of the flags (RFC 9051 2.3.2) and their bits. */

/** Each system flag, in upper case, and its bit. */
export const SYSTEM_FLAGS: ReadonlyMap<string, number> = new Map([
  ["\\SEEN", 1],
  ["\\ANSWERED", 2],
  ["\\FLAGGED", 4],
  ["\\DELETED", 8],
  ["\\DRAFT", 16],
]);

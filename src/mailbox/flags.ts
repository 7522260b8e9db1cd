/** Flags of messages: the system's as bits, keywords as text (RFC 9051 2.3.2). */

/** The bits of the system flags. */
export const SEEN = 1;
export const ANSWERED = 2;
export const FLAGGED = 4;
export const DELETED = 8;
export const DRAFT = 16;

/** All of them. */
export const ALL_FLAGS = SEEN | ANSWERED | FLAGGED | DELETED | DRAFT;

/** The most keywords that the messages of one folder have together. */
export const MAX_KEYWORDS = 64;
/** The most octets of one keyword. */
export const MAX_KEYWORD_LENGTH = 255;

const NAMES: readonly (readonly [number, string])[] = [
  [ANSWERED, "\\Answered"],
  [FLAGGED, "\\Flagged"],
  [DELETED, "\\Deleted"],
  [SEEN, "\\Seen"],
  [DRAFT, "\\Draft"],
];

/** The bit of a system flag, in any case: `\Seen`; 0: there is no such flag. */
export function flagBit(name: string): number {
  const lower = name.toLowerCase();
  return NAMES.find(([, known]) => known.toLowerCase() === lower)?.[0] ?? 0;
}

/** The names of system flags: `\Answered`, … */
export function flagNames(bits: number): string[] {
  return NAMES.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
}

/** Is it a keyword: an atom (RFC 9051 9, `flag-keyword`)? */
export function isKeyword(text: string): boolean {
  return text.length <= MAX_KEYWORD_LENGTH && /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/.test(text);
}

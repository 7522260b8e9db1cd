/** The preparation of names and passwords for comparison (SASLprep, RFC 4013). */

const PLAIN_ASCII = /^[\x20-\x7e]*$/;
/** RFC 3454 C.1.2: spaces that become U+0020. */
const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;
/** RFC 3454 B.1: what is left out. */
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200c\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/g;
/** RFC 3454 C.2 to C.9: controls, private use, non-characters, surrogates and the like. */
const PROHIBITED =
  // deno-lint-ignore no-control-regex
  /[\x00-\x1f\x7f-\x9f\u06dd\u070f\u180e\u2028\u2029\u2061-\u2063\u206a-\u206f\ufff9-\uffff\u2ff0-\u2ffb\u0340\u0341\u200e\u200f\u202a-\u202e\ufdd0-\ufdef]|\p{Co}|\p{Cs}|[\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** The text as SASLprep prepares it; undefined when it holds what SASLprep prohibits. */
export function saslPrep(text: string): string | undefined {
  if (PLAIN_ASCII.test(text)) return text;
  const mapped = text.replace(OTHER_SPACES, " ").replace(NOTHING, "").normalize("NFKC");
  if (PROHIBITED.test(mapped)) return undefined;
  return mixesDirections(mapped) ? undefined : mapped;
}

/** A password as it is hashed: prepared, or as it is when SASLprep would refuse it (RFC 4013 leaves that to us). */
export function preparePassword(password: string): string {
  return saslPrep(password) ?? password;
}

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;
const LEFT_TO_RIGHT = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/u;

/** RFC 3454 section 6, in the scripts where it happens. */
function mixesDirections(text: string): boolean {
  return RIGHT_TO_LEFT.test(text) && LEFT_TO_RIGHT.test(text);
}

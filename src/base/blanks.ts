/** White space around texts that strangers write: taken off without a pattern, which takes quadratic time or worse over blanks within. */

/** What lines may be folded by. */
const FOLDING = " \t\r\n";

/** Without the blanks around it: those of mail and DNS alone, so a no-break space is none. */
export function trimBlanks(text: string, blanks = FOLDING): string {
  const whole = trimBlanksEnd(text, blanks);
  let start = 0;
  while (start < whole.length && blanks.includes(whole[start]!)) start++;
  return whole.slice(start);
}

/** Without the blanks behind it. */
export function trimBlanksEnd(text: string, blanks = FOLDING): string {
  let end = text.length;
  while (end > 0 && blanks.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}

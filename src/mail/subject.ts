/** The subject of a message as lists show it. */

import { decodeFieldValue } from "./decoded_words.ts";
import { printable } from "./header.ts";

/** So many characters are kept. */
const MAX_LENGTH = 200;

/** The field's octets (a character for each) as people read them, in one line, cut. */
export function subjectText(octets: string): string {
  // what is encoded takes more room than what it says
  const text = printable(decodeFieldValue(octets.slice(0, 6 * MAX_LENGTH))).trim();
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH - 1).toWellFormed()}…`;
}

/** What is wrong with a command, and where: the text of a BAD. */

/** So much of the command is shown. */
const SHOWN = 24;

/** A command that does not follow the grammar. `expected` says what should stand at octet `at` (from 0). */
export class SyntaxFault extends Error {
  override readonly name = "SyntaxFault";

  /** `found` is the command as it came; some of it is shown. */
  constructor(
    readonly expected: string,
    readonly at: number,
    found: Uint8Array,
    readonly code?: "LIMIT",
  ) {
    super(`${expected} at octet ${at + 1}, ${snippet(found, at)}`);
  }
}

/** What stands at a place, fit for a line of US-ASCII. */
function snippet(bytes: Uint8Array, at: number): string {
  if (at >= bytes.length) return "the end of the command";
  let text = "";
  for (const octet of bytes.subarray(at, at + SHOWN)) {
    // nothing of it may be taken for the end of a line, or break a client's reading of the text
    text += octet > 31 && octet < 127 ? String.fromCharCode(octet) : "?";
  }
  return `before "${text}"`;
}

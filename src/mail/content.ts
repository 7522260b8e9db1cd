/** Message content line by line: what can be sent as it is (RFC 5322 2.1.1, 2.3). */

const CR = 13;
const LF = 10;

/** The longest line without CRLF, in octets (RFC 5322 2.1.1). */
export const MAX_LINE_OCTETS = 998;

/** Is there nothing beyond ASCII? */
export function isAscii(text: string | Uint8Array): boolean {
  // deno-lint-ignore no-control-regex
  if (typeof text === "string") return !/[^\x00-\x7f]/.test(text);
  for (let i = 0; i < text.length; i++) if (text[i]! > 127) return false;
  return true;
}

/** Can bytes stand in a message as they are: CRLF only, no NUL, no line over 998 octets? */
export function isMailText(bytes: Uint8Array): boolean {
  let lineStart = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === 0) return false;
    if (byte === CR) {
      if (bytes[i + 1] !== LF || i - lineStart > MAX_LINE_OCTETS) return false;
      lineStart = i + 2;
      i++;
    } else if (byte === LF) {
      return false;
    }
  }
  return bytes.length - lineStart <= MAX_LINE_OCTETS;
}

/** Where the first line begins that is too long, of content with CRLF line ends; undefined: there is none. */
export function longLineAt(bytes: Uint8Array): number | undefined {
  for (let start = 0; start < bytes.length;) {
    const lineFeed = bytes.indexOf(LF, start);
    const end = lineFeed === -1 ? bytes.length : lineFeed;
    if (end - start > MAX_LINE_OCTETS + 1) return start;
    start = end + 1;
  }
  return undefined;
}

/** Does a line begin with these bytes? */
export function startsLine(bytes: Uint8Array, beginning: Uint8Array): boolean {
  for (let at = 0; at >= 0 && at < bytes.length;) {
    let i = 0;
    while (i < beginning.length && bytes[at + i] === beginning[i]) i++;
    if (i === beginning.length) return true;
    const lineEnd = bytes.indexOf(LF, at);
    if (lineEnd < 0) return false;
    at = lineEnd + 1;
  }
  return false;
}

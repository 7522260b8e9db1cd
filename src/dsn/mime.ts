/** In charge of what reports need of MIME: which bytes may go as they are, and the encoding for those that may not. */

/** The longest line without CRLF (RFC 5322 2.1.1). */
const MAX_LINE = 998;
/** The longest line of quoted-printable text, its soft break's `=` included (RFC 2045 6.7). */
const MAX_ENCODED_LINE = 76;

/** Tells whether there is nothing beyond ASCII. */
export function isAscii(text: string | Uint8Array): boolean {
  // deno-lint-ignore no-control-regex
  if (typeof text === "string") return !/[^\x00-\x7f]/.test(text);
  for (let i = 0; i < text.length; i++) if (text[i]! > 127) return false;
  return true;
}

/** Tells whether bytes can stand in a message as they are: CRLF only, no NUL, no line over 998 octets. */
export function isMailText(bytes: Uint8Array): boolean {
  let lineStart = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === 0) return false;
    if (byte === 13) {
      if (bytes[i + 1] !== 10 || i - lineStart > MAX_LINE) return false;
      lineStart = i + 2;
      i++;
    } else if (byte === 10) {
      return false;
    }
  }
  return bytes.length - lineStart <= MAX_LINE;
}

/** Tells whether a line begins with these bytes. */
export function startsLine(bytes: Uint8Array, beginning: Uint8Array): boolean {
  for (let at = 0; at >= 0 && at < bytes.length;) {
    let i = 0;
    while (i < beginning.length && bytes[at + i] === beginning[i]) i++;
    if (i === beginning.length) return true;
    const lineEnd = bytes.indexOf(10, at);
    if (lineEnd < 0) return false;
    at = lineEnd + 1;
  }
  return false;
}

/** Text as quoted-printable (RFC 2045 6.7); CRLF, CR and LF are taken for line ends. */
export function quotedPrintable(bytes: Uint8Array): string {
  let done = "";
  let line = "";
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === 13 || byte === 10) {
      if (byte === 13 && bytes[i + 1] === 10) i++;
      done += `${line}\r\n`;
      line = "";
      continue;
    }
    const next = bytes[i + 1];
    const atEnd = next === undefined || next === 13 || next === 10;
    const piece = quoted(byte, atEnd);
    if (line.length + piece.length > MAX_ENCODED_LINE - (atEnd ? 0 : 1)) {
      done += `${line}=\r\n`;
      line = "";
    }
    line += piece;
  }
  return done + line;
}

function quoted(byte: number, atLineEnd: boolean): string {
  const plain = byte >= 33 && byte <= 126 && byte !== 61;
  const blank = (byte === 32 || byte === 9) && !atLineEnd;
  return plain || blank ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

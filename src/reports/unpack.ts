/** The unpacking of reports: magic bytes decide what a file is, never its name or type, and it is bounded. */

import process from "node:process";

/** What a report has at the most, unpacked: octets. Reading it holds up everything else. */
const MAX_OCTETS = 5 * 1024 * 1024;

/** A zip archive's records (APPNOTE 4.3): the end of its directory, an entry of it, and the head of a file. */
const END = 0x06054b50;
const ENTRY = 0x02014b50;
const FILE = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;
/** The end of the directory stands in the last octets, before a comment. */
const END_SIZE = 22;
const MAX_COMMENT = 65_535;

/** The content of a file: of gzip and zip (its first file) what is in it. Undefined: it is broken, or too much. */
export function unpacked(bytes: Uint8Array): Uint8Array | undefined {
  const { gunzipSync } = process.getBuiltinModule("node:zlib");
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
      return new Uint8Array(gunzipSync(bytes, { maxOutputLength: MAX_OCTETS }));
    }
    if (bytes[0] === 0x50 && bytes[1] === 0x4b) return firstFile(bytes);
    return bytes.length <= MAX_OCTETS ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function firstFile(bytes: Uint8Array): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = bytes.length - END_SIZE;
  const least = Math.max(0, end - MAX_COMMENT);
  while (end >= least && view.getUint32(end, true) !== END) end--;
  if (end < least) return undefined;
  // sizes stand in the directory; in the file's own head they may be missing
  const entry = view.getUint32(end + 16, true);
  if (view.getUint32(entry, true) !== ENTRY) return undefined;
  const method = view.getUint16(entry + 10, true);
  const size = view.getUint32(entry + 20, true);
  const head = view.getUint32(entry + 42, true);
  if (view.getUint32(head, true) !== FILE) return undefined;
  const start = head + 30 + view.getUint16(head + 26, true) + view.getUint16(head + 28, true);
  const packed = bytes.subarray(start, start + size);
  if (method === STORED) return packed.length <= MAX_OCTETS ? packed : undefined;
  if (method !== DEFLATED) return undefined;
  const { inflateRawSync } = process.getBuiltinModule("node:zlib");
  return new Uint8Array(inflateRawSync(packed, { maxOutputLength: MAX_OCTETS }));
}

/** The buffers that connections borrow while they have something to do. */

/** Size of the buffers that content is read into, and that large output is collected in. */
export const BULK_SIZE = 64 * 1024;
/** Size of the buffers that replies are collected in, and that most connections have while they are idle. */
export const OUTPUT_SIZE = 2 * 1024;

const MAX_SPARE_BULK = 64;
const MAX_SPARE_OUTPUT = 256;
const spareBulk: Uint8Array<ArrayBuffer>[] = [];
const spareOutput: Uint8Array<ArrayBuffer>[] = [];

/** A buffer of {@linkcode BULK_SIZE}; what it holds is left over from others. */
export function takeBulk(): Uint8Array<ArrayBuffer> {
  return spareBulk.pop() ?? new Uint8Array(BULK_SIZE);
}

/** A buffer of {@linkcode OUTPUT_SIZE}; what it holds is left over from others. */
export function takeOutput(): Uint8Array<ArrayBuffer> {
  return spareOutput.pop() ?? new Uint8Array(OUTPUT_SIZE);
}

/** Takes a buffer back. Only for buffers that nobody reads from or writes to any more, also not the system. */
export function giveBack(buffer: Uint8Array<ArrayBuffer>): void {
  if (buffer.length === BULK_SIZE) {
    if (spareBulk.length < MAX_SPARE_BULK) spareBulk.push(buffer);
  } else if (buffer.length === OUTPUT_SIZE) {
    if (spareOutput.length < MAX_SPARE_OUTPUT) spareOutput.push(buffer);
  }
}

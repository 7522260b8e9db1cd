/** The progress of a long read, on stderr at a terminal only. */

import { formatSize } from "../base/units.ts";

/** Shorter ones are over before somebody wonders; then a line for each so many octets. */
const STEP = 8 * 1024 * 1024;
/** Back to the line's begin, and nothing in it. */
const CLEAR = "\r\x1b[K";
const encoder = new TextEncoder();

/** The same pieces; how far they are is shown while they are read. `size` is that of all, where it is known. */
export async function* withProgress(
  source: AsyncIterable<Uint8Array>,
  size?: number,
): AsyncGenerator<Uint8Array> {
  if (!Deno.stderr.isTerminal()) return yield* source;
  let read = 0;
  let shown = 0;
  try {
    for await (const piece of source) {
      yield piece;
      read += piece.length;
      if (read - shown < STEP) continue;
      shown = read;
      const of = size === undefined ? "" : ` of ${formatSize(size)} (${Math.floor(100 * read / size)} %)`;
      Deno.stderr.writeSync(encoder.encode(`${CLEAR}${formatSize(read)}${of}`));
    }
  } finally {
    if (shown > 0) Deno.stderr.writeSync(encoder.encode(CLEAR));
  }
}

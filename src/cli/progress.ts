/** The progress of what takes long, on stderr at a terminal only. */

import { formatSize } from "../base/units.ts";

/** Shorter ones are over before somebody wonders; then a line for each so many octets. */
const STEP = 8 * 1024 * 1024;
/** Back to the line's begin, and nothing in it. */
const CLEAR = "\r\x1b[K";
const encoder = new TextEncoder();

/** One line on stderr at a terminal, written anew; it is gone when it is disposed of. */
export class StatusLine implements Disposable {
  #shown = false;

  /** Shows a text, where there is a terminal. */
  show(text: string): void {
    if (!Deno.stderr.isTerminal()) return;
    Deno.stderr.writeSync(encoder.encode(`${CLEAR}${text}`));
    this.#shown = true;
  }

  [Symbol.dispose](): void {
    if (this.#shown) Deno.stderr.writeSync(encoder.encode(CLEAR));
    this.#shown = false;
  }
}

/** The same pieces; how far they are is shown while they are read. `size` is that of all, where it is known. */
export async function* withProgress(
  source: AsyncIterable<Uint8Array>,
  size?: number,
): AsyncGenerator<Uint8Array> {
  if (!Deno.stderr.isTerminal()) return yield* source;
  using line = new StatusLine();
  let read = 0;
  let shown = 0;
  for await (const piece of source) {
    yield piece;
    read += piece.length;
    if (read - shown < STEP) continue;
    shown = read;
    const of = size === undefined ? "" : ` of ${formatSize(size)} (${Math.floor(100 * read / size)} %)`;
    line.show(`${formatSize(read)}${of}`);
  }
}

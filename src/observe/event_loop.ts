/** The lag of the event loop: how late a timer fires that should have fired. */

import { systemClock, type Timer } from "../base/clock.ts";

/** It is looked at so often. */
const EVERY_MS = 500;

/** Measures from now on, by the real time; the answer ends it. */
export function watchEventLoop(onLag: (ms: number) => void): () => void {
  let timer: Timer = next();
  return () => timer.cancel();

  function next(): Timer {
    const due = systemClock.monotonic() + EVERY_MS;
    return systemClock.schedule(EVERY_MS, () => {
      onLag(Math.max(0, systemClock.monotonic() - due));
      timer = next();
    });
  }
}

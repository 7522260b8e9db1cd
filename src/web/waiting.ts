/** What waits, as a page shows it: all of one page is made from one look. */

import { type Clock, sleep } from "../base/clock.ts";
import type { DeliveryQueue, Waiting } from "../queue/queue.ts";

/** A page waits for a first reading of the queue so long, then it shows what is known so far. */
const PATIENCE_MS = 60;

/** As much as can be had at once. */
export async function waitingAtHand(queue: DeliveryQueue, clock: Clock): Promise<Waiting> {
  const known = await queue.waiting();
  if (known.whole) return known;
  const stop = new AbortController();
  const read = queue.waiting({ whole: true }).then(() => {}, () => {}); // the error is the store's, which reports it
  await Promise.race([read, sleep(clock, PATIENCE_MS, stop.signal)]);
  stop.abort();
  return await queue.waiting();
}

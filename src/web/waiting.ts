/** What waits, as a page shows it: all of one page is made from one look. */

import { type Clock, sleep } from "../base/clock.ts";
import type { DeliveryQueue, Waiting } from "../queue/queue.ts";

/** A page waits for a first reading of the queue so long, then it shows what is known so far. */
const PATIENCE_MS = 60;

/** As much as can be had at once. */
export async function waitingAtHand(queue: DeliveryQueue, clock: Clock): Promise<Waiting> {
  const known = await queue.waiting();
  if (known.whole) return known;
  await patiently(queue.waiting({ whole: true }), clock);
  return await queue.waiting();
}

/** How many messages wait; undefined: nobody knows at once. Unlike a look at them it does not have them all read. */
export async function countAtHand(queue: DeliveryQueue, clock: Clock): Promise<number | undefined> {
  return await patiently(queue.count(), clock);
}

/** What is read, if that does not take too long; undefined, too, when it fails: the error is the store's, which reports it. */
async function patiently<T>(reading: Promise<T>, clock: Clock): Promise<T | undefined> {
  const stop = new AbortController();
  const end = sleep(clock, PATIENCE_MS, stop.signal).then(() => undefined);
  const read = await Promise.race([reading.catch(() => undefined), end]);
  stop.abort();
  return read;
}

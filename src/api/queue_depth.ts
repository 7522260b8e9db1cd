/** In charge of telling Prometheus how much waits, without going through a long queue at each scrape. */

import type { Clock } from "../base/clock.ts";
import type { Gauge, GaugeValue } from "../observe/metrics.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import { queueSummary } from "./queue_list.ts";

/** Counting may take this part of the time, at most. */
const SHARE = 1 / 50;

/** The messages in the queue by state. A count that took long is used again for a while. */
export function queueDepth(queue: DeliveryQueue, clock: Clock): Gauge {
  let counted: Promise<GaugeValue[]> | undefined;
  let goodUntil = -Infinity;

  async function count(): Promise<GaugeValue[]> {
    const started = clock.monotonic();
    const { byState } = await queueSummary(queue.messages(), clock.now());
    const ended = clock.monotonic();
    goodUntil = ended + (ended - started) / SHARE;
    return (["queued", "deferred", "held"] as const).map((state) => ({
      labels: { state },
      value: byState[state],
    }));
  }

  return {
    name: "dinopost_queue_messages",
    help: "Messages in the queue",
    read: () => {
      if (counted && clock.monotonic() < goodUntil) return counted;
      goodUntil = Infinity; // until the count that begins now has ended
      return counted = count().catch((error) => {
        goodUntil = -Infinity;
        throw error;
      });
    },
  };
}

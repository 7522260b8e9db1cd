/** The gauges of the messages in the queue for Prometheus, which don't go through a long queue at each scrape. */

import type { Clock } from "../base/clock.ts";
import type { Gauge } from "../observe/metrics.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import { QUEUE_STATES, QueueStatsCache } from "../queue/stats.ts";

/** Counting takes one part of the time in so many. */
const SHARE = 50;

/** The messages in the queue by state, and the age of the oldest. A count that took long is used again for a while. */
export function queueDepth(queue: DeliveryQueue, clock: Clock): readonly Gauge[] {
  const cache = new QueueStatsCache({ clock, count: () => queue.stats(), share: SHARE });
  return [{
    name: "dinopost_queue_messages",
    help: "Messages in the queue",
    read: async () => {
      const { byState } = await cache.stats();
      return QUEUE_STATES.map((state) => ({ labels: { state }, value: byState[state] }));
    },
  }, {
    name: "dinopost_queue_oldest_seconds",
    help: "The age of the oldest message in the queue; 0 when there is none",
    read: async () => {
      const { oldest } = await cache.stats();
      return [{ value: oldest === undefined ? 0 : Math.max(0, (clock.now() - oldest) / 1000) }];
    },
  }];
}

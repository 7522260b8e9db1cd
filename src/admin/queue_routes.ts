/** In charge of `/api/v1/queue`: what waits, why, and the operator's hand on it. */

import { Hono } from "hono";
import type { Clock } from "../base/clock.ts";
import { isId } from "../base/ids.ts";
import type { DeliveryQueue, Refusal } from "../queue/delivery_queue.ts";
import type { QueueRecord } from "../queue/record.ts";
import { Problem } from "./problem.ts";
import { iso, queueItem, stateOf } from "./queue_view.ts";

/** What the queue's routes work with. */
export interface QueueRoutesOptions {
  readonly queue: DeliveryQueue;
  readonly clock: Clock;
  readonly giveUpAfter: number;
}

const MAX_LIMIT = 1000;

/** The routes. */
export function queueRoutes(options: QueueRoutesOptions): Hono {
  const { queue, clock, giveUpAfter } = options;
  const show = (records: readonly QueueRecord[]) => queueItem(records, { now: clock.now(), giveUpAfter });
  return new Hono()
    .get("/", async (c) => {
      const limit = limitOf(c.req.query("limit"));
      const wanted = filterOf(c.req.query(), clock.now());
      const items = [];
      for await (const records of queue.messages(cursorOf(c.req.query("cursor")))) {
        if (!wanted(records)) continue;
        items.push(show(records));
        if (items.length > limit) break;
      }
      const more = items.length > limit;
      if (more) items.pop();
      return c.json({ items, cursor: more ? items.at(-1)!.id : null });
    })
    .get("/:id", async (c) => {
      const records = await found(queue, c.req.param("id"));
      const attempts = (await queue.attempts(records[0]!.id)).map((
        { at, recipient, outcome, durationMs },
      ) => ({
        at: iso(at),
        recipient,
        host: outcome.host ?? null,
        reply: outcome.code === undefined ? outcome.text : `${outcome.code} ${outcome.text}`,
        enhanced: outcome.status,
        tls: outcome.tls ?? null,
        durationMs: Math.round(durationMs),
      }));
      return c.json({ ...show(records), attempts });
    })
    .post("/:id/retry", async (c) => {
      const id = c.req.param("id");
      await found(queue, id);
      refuse(await queue.retry(id));
      return c.json(show(await found(queue, id)));
    })
    .delete("/:id", async (c) => {
      const id = c.req.param("id");
      await found(queue, id);
      refuse(await queue.delete(id));
      return c.body(null, 204);
    });
}

async function found(queue: DeliveryQueue, id: string): Promise<QueueRecord[]> {
  const records = isId(id) ? await queue.message(id) : [];
  if (records.length === 0) throw new Problem(404, `No message ${id.slice(0, 40)} is in the queue`);
  return records;
}

function refuse(refusal: Refusal | undefined): void {
  if (refusal === "gone") throw new Problem(404, "The message has left the queue meanwhile");
  if (refusal === "busy") {
    throw new Problem(409, "The message is being delivered at this moment; try again shortly");
  }
  if (refusal === "notHeld") throw new Problem(409, "The message is not held");
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return 100;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new Problem(400, `limit is ${text}; it must be a whole number from 1 to ${MAX_LIMIT}`);
  }
  return limit;
}

function cursorOf(text: string | undefined): string | undefined {
  if (text !== undefined && !isId(text)) throw new Problem(400, "cursor is none that this server gave out");
  return text;
}

function filterOf(query: Record<string, string>, now: number): (records: readonly QueueRecord[]) => boolean {
  const { state, domain, sender, recipient } = query;
  if (state !== undefined && !["queued", "deferred", "held", "delivered", "failed"].includes(state)) {
    throw new Problem(400, `state is ${state}; it must be queued, deferred, held, delivered or failed`);
  }
  return (records) =>
    (state === undefined || records.some((r) => stateOf(r, now) === state)) &&
    (domain === undefined || records.some((r) => r.domain === domain.toLowerCase())) &&
    (sender === undefined || records[0]!.sender.toLowerCase() === sender.toLowerCase()) &&
    (recipient === undefined ||
      records.some((r) => r.recipients.some((x) => x.address.toLowerCase() === recipient.toLowerCase())));
}

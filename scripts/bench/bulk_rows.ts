/** The rows of the table that measure a long queue in an operator's hands: searched, and half of it deleted. */

import { cpuUsage } from "node:process";
import { systemClock } from "../../src/base/clock.ts";
import { findWaiting, groupWaiting } from "../../src/queue/search.ts";
import type { Parts } from "../../src/server/parts.ts";
import { BodyWriter } from "../../src/storage/bodies/bodies.ts";
import type { Bench } from "./bench.ts";
import { postsuper } from "./postsuper.ts";
import { close, open } from "./waiting_rows.ts";

const WAITING = 100_000;
const AT_A_TIME = 100;
const ROUNDS = 5;
const TEXT = new TextEncoder().encode(`Subject: Hello\r\n\r\n${"x".repeat(4000)}\r\n`);
const SPAMMER = "spam@local.test";

/** A hundred thousand wait, every second one from one sender. */
export async function bulk(bench: Bench): Promise<void> {
  const parts = await open(bench.folder(), null);
  try {
    await fill(parts);
    await pages(bench, parts);
    const { queue } = parts;
    const began = systemClock.monotonic();
    const from = cpuUsage();
    const ids = await queue.select({ sender: SPAMMER });
    const job = queue.jobs.start("delete", ids);
    while (job.state === "running") await new Promise((resolve) => setTimeout(resolve, 10));
    const { user, system } = cpuUsage(from);
    if (job.changed !== WAITING / 2) throw new Error(`${job.changed} of ${ids.length} were deleted`);
    bench.tell({
      what: `delete ${(WAITING / 2).toLocaleString("en")} messages of one sender`,
      value: (systemClock.monotonic() - began) / 1000,
      unit: "s",
      cpu: (user + system) / 1000 / job.changed,
      target: "≤ 10",
    });
  } finally {
    await close(parts);
  }
  const seconds = await postsuper(WAITING / 2, TEXT);
  const beside = `the same by \`postsuper -d -\` of Postfix, which is given the ids`;
  bench.tell({
    what: seconds === undefined
      ? `${beside}: not measured, Postfix is not installed here, or this is not root`
      : beside,
    value: seconds,
    unit: seconds === undefined ? "" : "s",
  });
}

/** What a page of the queue looks for, each the slowest of some: the first one reads the queue. */
async function pages(bench: Bench, { queue }: Parts): Promise<void> {
  const first = systemClock.monotonic();
  const waiting = await queue.waiting({ whole: true });
  bench.tell({
    what: `read a queue of ${WAITING.toLocaleString("en")} into memory, once`,
    value: systemClock.monotonic() - first,
    unit: "ms",
  });
  const now = systemClock.now();
  const asked: Record<string, () => unknown> = {
    "the first page": () => findWaiting(waiting, { filter: {}, limit: 100, now }),
    "a text that none has": () => findWaiting(waiting, { filter: { text: "nobody" }, limit: 100, now }),
    "the newest, from the 50,000th on": () =>
      findWaiting(waiting, { filter: {}, limit: 100, now, order: "newest", skip: 50_000 }),
    "groups by subject": () => groupWaiting(waiting, { filter: {}, by: "subject", now }),
  };
  for (const [what, ask] of Object.entries(asked)) {
    let slowest = 0;
    ask(); // the code is warm from the second one on
    for (let n = 0; n < ROUNDS; n++) {
      const began = systemClock.monotonic();
      ask();
      slowest = Math.max(slowest, systemClock.monotonic() - began);
    }
    bench.tell({
      what: `the queue's page with ${WAITING.toLocaleString("en")} waiting: ${what}`,
      value: slowest,
      unit: "ms",
      target: "≤ 100",
    });
  }
}

async function fill({ store, queue, ids }: Parts): Promise<void> {
  for (let done = 0; done < WAITING; done += AT_A_TIME) {
    await Promise.all(Array.from({ length: AT_A_TIME }, async (_, n) => {
      const id = ids.next();
      const body = new BodyWriter(store, { id, clock: systemClock });
      await body.append(TEXT);
      const address = `user@d${n}.test`;
      const ours = await queue.accept({
        id,
        sender: n % 2 === 0 ? SPAMMER : `user${done + n}@local.test`,
        parameters: {},
        body: body.finish(),
        receivedAt: systemClock.now(),
        source: "smtp",
        subject: `Message ${done + n}`,
        targets: [{ kind: "queue", address, recipient: { address } }],
      });
      if (!ours) throw new Error("A message was not accepted");
    }));
  }
}

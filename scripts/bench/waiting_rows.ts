/** The rows of the table that measure what an accept costs while many messages wait that there is no room for. */

import { cpuUsage } from "node:process";
import { systemClock } from "../../src/base/clock.ts";
import { IdMaker } from "../../src/base/ids.ts";
import { systemRandom } from "../../src/base/random.ts";
import { loadConfig } from "../../src/config/load.ts";
import { Journal } from "../../src/observe/journal.ts";
import { queueWrites } from "../../src/queue/queue_store.ts";
import { closeParts, openParts, type Parts } from "../../src/server/parts.ts";
import { BodyWriter } from "../../src/storage/bodies/bodies.ts";
import { together } from "../../src/storage/write.ts";
import { Denokv, findDenokv } from "../../tests/support/denokv.ts";
import type { Bench } from "./bench.ts";

const WAITING = [0, 1000, 100_000];
const ROUNDS = 9;
const PER_ROUND = 2000;
const PAUSE_MS = 200;
const AT_A_TIME = 50;
const PER_COMMIT = 200;
const TEXT = new TextEncoder().encode(`Subject: Hello\r\n\r\n${"x".repeat(76)}\r\n`);

/** Accepts with nobody waiting, with a thousand and with a hundred thousand: in a file, and over KV Connect. */
export async function waiting(bench: Bench): Promise<void> {
  await measureAll(bench, "in a file", null);
  if (await findDenokv() === undefined) return; // it is no part of Deno
  await using one = await Denokv.start();
  await using other = await Denokv.start();
  Deno.env.set("DENO_KV_ACCESS_TOKEN", one.token);
  await measureAll(bench, "over KV Connect", [one.url, other.url]);
}

/** Rounds with none due and with many take turns, each on its own store: the machine may have other things to do. */
async function measureAll(bench: Bench, where: string, kv: readonly [string, string] | null): Promise<void> {
  const none = await open(bench.folder(), kv?.[0] ?? null);
  const many = await open(bench.folder(), kv?.[1] ?? null);
  try {
    let there = 0;
    for (const count of WAITING) {
      await fill(many, count - there);
      there = count;
      const costs = { none: [] as number[], many: [] as number[] };
      for (let n = 0; n <= ROUNDS; n++) {
        const found = [await round(none), await round(many)] as const;
        if (n === 0) continue; // the code is warm from the second one on
        costs.none.push(found[0]);
        costs.many.push(found[1]);
      }
      const cpu = typical(costs.many);
      bench.tell({
        what: `accept ${where} with ${count.toLocaleString("en")} due and no room, against none`,
        value: cpu * 100 / typical(costs.none),
        unit: "% of the CPU",
        cpu,
        target: "≤ 110",
      });
    }
  } finally {
    await Promise.all([close(none), close(many)]);
  }
}

/** Everything of a server but its listeners; nothing is delivered. */
export async function open(dataDir: string, kv: string | null): Promise<Parts> {
  const overrides = { domains: ["local.test"], dataDir, kv, queue: { concurrency: 0 } };
  const config = await loadConfig({ env: {}, overrides });
  const parts = await openParts(config, { journal: new Journal(undefined), certificate: null });
  parts.queue.start();
  return parts;
}

/** The end of it. */
export async function close(parts: Parts): Promise<void> {
  await parts.queue.stop(0);
  await closeParts(parts);
}

/** Accepts some, and takes them away again; answers the milliseconds of CPU that an accept cost. */
async function round({ store, queue, ids }: Parts): Promise<number> {
  const accepted: string[] = [];
  const one = async () => {
    while (accepted.length < PER_ROUND) {
      const id = ids.next();
      accepted.push(id);
      const body = new BodyWriter(store, { id, clock: systemClock });
      await body.append(TEXT);
      const address = `user@d${accepted.length % 100}.test`;
      const ours = await queue.accept({
        id,
        sender: "user@local.test",
        parameters: {},
        body: body.finish(),
        receivedAt: systemClock.now(),
        source: "smtp",
        targets: [{ kind: "queue", address, recipient: { address } }],
      });
      if (!ours) throw new Error("A message was not accepted");
    }
  };
  await pause(PAUSE_MS); // what follows from the round before is done
  const from = cpuUsage();
  await Promise.all(Array.from({ length: AT_A_TIME }, one));
  const { user, system } = cpuUsage(from);
  for (let n = 0; n < accepted.length; n += AT_A_TIME) {
    await Promise.all(accepted.slice(n, n + AT_A_TIME).map((id) => queue.delete(id)));
  }
  return (user + system) / 1000 / PER_ROUND;
}

/** Puts so many more into the index, due by now. */
async function fill({ store }: Parts, count: number): Promise<void> {
  const ids = new IdMaker(systemClock, systemRandom);
  for (let done = 0; done < count; done += PER_COMMIT) {
    const records = Array.from({ length: Math.min(PER_COMMIT, count - done) }, (_, n) => {
      const [id, now] = [ids.next(), systemClock.now()];
      const domain = `d${(done + n) % 100}.test`;
      return queueWrites.insert({
        id,
        part: 0,
        sender: "user@local.test",
        domain,
        recipients: [{ address: `user@${domain}`, attempts: 0 }],
        body: { id, size: TEXT.length, chunks: 1, shared: false },
        receivedAt: now,
        dueAt: now,
        source: "smtp",
      });
    });
    await persistently(() => store.write(together(...records)));
  }
}

/** On a busy machine a store is silent for longer than a server waits: filling it may be tried again. */
async function persistently(write: () => Promise<unknown>): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return void await write();
    } catch (error) {
      if (tries === 20) throw error;
    }
    await pause(PAUSE_MS);
  }
}

/** What a busy machine adds is no cost of an accept: the lower quartile. */
function typical(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 2]!;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

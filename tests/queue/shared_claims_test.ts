import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { claim } from "../../src/queue/claiming.ts";
import { type DueEntry, QueueStore, queueWrites } from "../../src/queue/queue_store.ts";
import type { QueueRecord } from "../../src/queue/record.ts";
import { openStore } from "../../src/storage/store.ts";
import { KvConnectServer } from "../support/kv_connect_server.ts";
import { startShared } from "../support/shared_kv.ts";

const COUNT = 200;
const SERVERS = 3;

function record(i: number): QueueRecord {
  const id = `1M85X0GES17D${String(i).padStart(4, "0")}`;
  return {
    id,
    part: 0,
    sender: "brain@here.example",
    domain: "there.example",
    recipients: [{ address: "a@there.example", attempts: 0 }],
    body: { id, size: 10, chunks: 1, shared: false },
    receivedAt: 1,
    dueAt: 1 + i,
    source: "smtp",
  } as QueueRecord;
}

Deno.test("servers that look at the same records claim each once, in few commits", async () => {
  await using server = await startShared({ start: () => KvConnectServer.start() }) as KvConnectServer;
  const stores = await Promise.all(
    Array.from({ length: SERVERS }, () => openStore({ location: server.url, clock: systemClock })),
  );
  const queues = stores.map((store, i) => new QueueStore(store, `owner${i}`, 60_000));
  await Promise.all(Array.from({ length: COUNT }, (_, i) => stores[0]!.write(queueWrites.insert(record(i)))));
  const seen: DueEntry[][] = await Promise.all(queues.map((queue) => Array.fromAsync(queue.due(1000))));
  for (const entries of seen) assertEquals(entries.length, COUNT);
  const before = server.calls.get("atomic_write") ?? 0;
  const times = { now: 1000, monotonic: 1000 };
  const claims = await Promise.all(queues.map((queue, i) => claim(queue, seen[i]!, times)));
  const commits = server.calls.get("atomic_write")! - before;
  const owners = new Map<string, number>();
  for (const [i, all] of claims.entries()) {
    assertEquals(all.length, COUNT);
    for (const [n, claim] of all.entries()) {
      if (!claim) continue;
      assertEquals(claim.record.id, seen[i]![n]!.id, "in the order of the entries");
      assert(!owners.has(claim.record.id), `${claim.record.id} was claimed twice`);
      owners.set(claim.record.id, i);
      assert(await queues[i]!.isOurs(claim));
    }
  }
  assertEquals(owners.size, COUNT, "each of them");
  assert(new Set(owners.values()).size > 1, "nobody has them all");
  // one after the other they would be more than three hundred
  assert(commits < COUNT, `${commits} commits for ${COUNT} claims`);
  // a claim that is claimed again by nobody else is still there to be ended
  const mine = claims[0]!.filter((claim) => claim !== undefined);
  for (const claim of mine) assert((await stores[0]!.write(queueWrites.end(claim))).ok);
  for (const store of stores) await store.close();
});

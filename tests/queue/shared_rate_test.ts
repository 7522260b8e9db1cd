import { setImmediate } from "node:timers";
import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom, shuffled } from "../../src/base/random.ts";
import { SharedRate } from "../../src/queue/shared_rate.ts";
import type { Store } from "../../src/storage/store.ts";
import { KvConnectServer } from "../support/kv_connect_server.ts";
import { startShared } from "../support/shared_kv.ts";
import { memoryStore } from "../storage/stores.ts";
import { DAY, House, MINUTE } from "./support.ts";

/** Lets what was asked of a store in memory be answered. */
async function answered(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
}

for (const seed of [1, 2, 3, 4]) {
  Deno.test(`servers together keep to the rate, and each gets some of it (${seed})`, async () => {
    await using store = await memoryStore();
    const random = seededRandom(seed);
    const clock = new ManualClock();
    const rate = { count: 40, perMs: 4000 };
    const servers = [1, 2, 3].map(() => new SharedRate({ store, clock }, "there.example", rate));
    const sent = servers.map(() => 0);
    const times: number[] = [];
    for (let round = 0; round < 200; round++) {
      for (const [i, server] of shuffled([...servers.entries()], random)) {
        while (server.waitMs === 0) {
          server.take();
          sent[i]!++;
          times.push(clock.now());
        }
      }
      await answered();
      clock.advance(Math.floor(random.float() * 200));
    }
    for (const [i, from] of times.entries()) {
      // a burst, what the rate gives from then on, and what each of them had taken before
      const most = rate.count + 3 * 2;
      for (let j = i; j < times.length; j++) {
        assert(
          j - i + 1 <= most + (times[j]! - from) * rate.count / rate.perMs + 1,
          `${j - i + 1} in ${times[j]! - from}`,
        );
      }
    }
    const allowed = rate.count + (times.at(-1)! - times[0]!) * rate.count / rate.perMs;
    assert(times.length > 0.8 * allowed, `${times.length} of ${allowed}`);
    for (const one of sent) assert(one > times.length / 6, `${sent}`);
  });
}

Deno.test("a server whose store is away sends nothing that has a rate, and goes on when it is back", async () => {
  await using memory = await memoryStore();
  let away = true;
  const kv = {
    ...memory.kv,
    get: (key: Deno.KvKey) => away ? Promise.reject(new Error("away")) : memory.kv.get(key),
  };
  const store = { ...memory, kv, write: (w) => memory.write(w) } as Store;
  const clock = new ManualClock();
  const server = new SharedRate({ store, clock }, "there.example", { count: 5, perMs: 1000 });
  for (let i = 0; i < 3; i++) {
    assert(server.waitMs > 0);
    await answered();
    clock.advance(1000);
  }
  away = false;
  assert(server.waitMs > 0);
  await answered();
  assertEquals(server.waitMs, 0);
});

Deno.test("two servers on one store send a destination no more than its rate", async () => {
  await using server = await startShared({ start: () => KvConnectServer.start() });
  const rates = new Map<House, SharedRate>();
  const open = (seed: number): Promise<House> => {
    const house: { it?: House } = {};
    return House.open({
      location: server.url,
      seed,
      rateOf: (destination) => destination === "slow.example" && house.it ? rates.get(house.it) : undefined,
    }).then((opened) => {
      rates.set(opened, new SharedRate(opened, "slow.example", { count: 4, perMs: DAY }));
      return house.it = opened;
    });
  };
  await using one = await open(1);
  await using two = await open(2);
  const sentThere = () => [one, two].flatMap(({ agent }) => agent.jobs).length;
  for (let i = 0; i < 6; i++) for (const house of [one, two]) await house.accept([`u${i}@slow.example`]);
  for (let i = 0; i < 100 && sentThere() < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const house of [one, two]) house.clock.advance(20);
  }
  for (const house of [one, two]) await house.pass(MINUTE);
  assertEquals(sentThere(), 4);
});

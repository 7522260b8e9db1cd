/**
 * A soak of the store over a network: writers on a real denokv, which is frozen, killed and started again, cut off
 * without a word and robbed of its answers, at random, for as long as it is told. Ends with 1 when something that was
 * acknowledged is missing, or anything happened twice.
 *
 * Usage: DENOKV=PROGRAM deno run -A scripts/store_soak.ts [--seconds 60] [--seed 1]
 */

import { parseArgs } from "node:util";
import { sleep, systemClock } from "../src/base/clock.ts";
import { u64 } from "../src/storage/port.ts";
import { openStore, type Store } from "../src/storage/store.ts";
import { seededRandom } from "../src/testing/mod.ts";
import { Denokv } from "../tests/support/denokv.ts";
import { Network } from "../tests/support/network.ts";

const WRITERS = 20;
const COUNTER = ["n"];
/** Shorter than a server's, so that there are more rounds. */
const TIMES = { requestMs: 700, patienceMs: 1000, probeMs: 50 };

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string", default: "1" } },
});
const random = seededRandom(Number(values.seed));
const pause = (ms: number) => sleep(systemClock, ms);

/** Sets keys of its own and counts, until it is told to stop. */
class Writers {
  readonly acknowledged: number[] = [];
  failed = 0;
  #next = 0;
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(private readonly store: Store) {
    this.#running = Promise.all(Array.from({ length: WRITERS }, () => this.#write()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #write(): Promise<void> {
    while (!this.#stopped) {
      const i = this.#next++;
      try {
        const mark = { type: "set" as const, key: ["done", i], value: new Uint8Array(2000) };
        const checks = [{ key: ["done", i], versionstamp: null }];
        const mutations = [mark, { type: "sum" as const, key: COUNTER, value: u64(1) }];
        const { ok } = await this.store.write({ checks, mutations, size: 2100 });
        if (!ok) throw new Error(`the check of ${i} failed, which nobody else writes`);
        this.acknowledged.push(i);
      } catch {
        this.failed++;
        await pause(20);
      }
    }
  }
}

/** What happens to the server, each for a moment. */
const ACCIDENTS: Readonly<Record<string, (server: Denokv, way: Network) => Promise<void>>> = {
  frozen: async (server) => {
    server.freeze();
    await pause(200 + random.float() * 2500);
    server.thaw();
  },
  restarted: (server) => server.restart(),
  "cut off": (_, way) => Promise.resolve(way.cutSilently()),
  "robbed of answers": async (_, way) => {
    way.losesAnswer = () => random.float() < 0.5;
    await pause(500);
    way.losesAnswer = () => false;
  },
};

async function soak(seconds: number): Promise<boolean> {
  await using server = await Denokv.start();
  await using way = new Network(server.port);
  Deno.env.set("DENO_KV_ACCESS_TOKEN", server.token);
  let silences = 0;
  const onSilence = (since: number | undefined) => void (since !== undefined && silences++);
  const store = await openStore({ location: way.url, clock: systemClock, network: TIMES, onSilence });
  const writers = new Writers(store);
  const counts = new Map<string, number>();
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    const names = Object.keys(ACCIDENTS);
    const name = names[Math.floor(random.float() * names.length)]!;
    await ACCIDENTS[name]!(server, way);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    await pause(100 + random.float() * 400);
  }
  await pause(3000);
  await writers.stop();
  const done = new Set<number>();
  for await (const { key } of store.kv.list({ prefix: ["done"] })) done.add(key[1] as number);
  const counted = Number((await store.kv.get<Deno.KvU64>(COUNTER)).value?.value ?? 0n);
  await store.close();
  const lost = writers.acknowledged.filter((i) => !done.has(i)).length;
  const what = [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
  console.log(`${what}; silent ${silences} times`);
  console.log(
    `${writers.acknowledged.length} acknowledged, ${writers.failed} failed, ${done.size} there, ` +
      `${counted} counted, ${lost} lost`,
  );
  return lost === 0 && counted === done.size && writers.acknowledged.length > 0;
}

Deno.exitCode = await soak(Number(values.seconds)) ? 0 : 1;

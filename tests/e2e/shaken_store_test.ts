/** Servers under load on a store that goes away and comes back, or is far away behind a bad line; every letter is accounted for. */

import { assert, assertEquals } from "@std/assert";
import { systemRandom } from "../../src/base/random.ts";
import { Denokv, findDenokv } from "../support/denokv.ts";
import { Network } from "../support/network.ts";
import { account, DIRECTORY, drained, makeWorld, pause, startServer } from "./support/cluster.ts";
import { Load } from "./support/kill_load.ts";
import type { ServerProcess } from "./support/server_process.ts";

/** Clients of each server. */
const CLIENTS = 3;
const LOAD_MS = 2000;
/** The store is away for longer than a server waits for it. */
const AWAY_MS = 6000;
/** How long a client of a store that came back may still be put off. */
const BACK_MS = 5000;

/** What happens to the store while servers are under load. */
interface Story {
  /** How many servers. */
  readonly servers: number;
  /** Where they find the store. */
  readonly url: string;
  play(load: Load, servers: readonly ServerProcess[]): Promise<void>;
}

async function tell(kv: Denokv, { servers: count, url, play }: Story): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost-shaken-" });
  try {
    await using world = await makeWorld();
    const at = { dir, kv: { url, token: kv.token }, world };
    const servers = await Promise.all(["a", "b", "c"].slice(0, count).map((name) => startServer(name, at)));
    try {
      const load = new Load(DIRECTORY, systemRandom);
      const stop = new AbortController();
      const clients = servers.map((s) => load.insist(s.address("smtp"), CLIENTS, stop.signal));
      await pause(LOAD_MS);
      await play(load, servers);
      stop.abort();
      await Promise.all(clients);
      await drained(servers[0]!.url);
      for (const server of servers) {
        server.signal("SIGTERM");
        assertEquals((await server.end()).code, 0);
      }
      Deno.env.set("DENO_KV_ACCESS_TOKEN", kv.token);
      await account({ kv, load, world, putOff: true });
    } finally {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Resolves when one more letter is promised. */
async function goesOn(load: Load): Promise<void> {
  const before = load.promised;
  const from = performance.now();
  while (load.promised === before) {
    assert(performance.now() - from < BACK_MS, "nothing was taken any more");
    await pause(20);
  }
}

async function isReady(server: ServerProcess): Promise<boolean> {
  const answer = await fetch(`${server.url}/readyz`);
  await answer.body?.cancel();
  return answer.ok;
}

if (await findDenokv() !== undefined) {
  Deno.test("A store that is killed and started again under load: 451, then on, and nothing is lost (denokv)", async () => {
    await using kv = await Denokv.start();
    await tell(kv, {
      servers: 2,
      url: kv.url,
      async play(load, servers) {
        await kv.restart(); // a moment, which nobody notices
        await goesOn(load);
        await kv.kill();
        await pause(AWAY_MS);
        const { putOff, promised } = load;
        assert(putOff > 0, "clients hear 451 while it is away");
        await pause(500);
        assertEquals(load.promised, promised, "and never 250");
        for (const server of servers) assertEquals(await isReady(server), false);
        await kv.restart();
        await goesOn(load);
        for (const server of servers) {
          for (let tries = 0; !await isReady(server); tries++) {
            assert(tries < 100, "a server does not see that the store is back");
            await pause(50);
          }
        }
        await pause(LOAD_MS);
      },
    });
  });

  Deno.test("A store behind a line that takes 50 ms and breaks all the time: nothing is lost (denokv)", async () => {
    await using kv = await Denokv.start();
    await using line = new Network(kv.port);
    await tell(kv, {
      servers: 3,
      url: line.url,
      async play(load) {
        line.delayMs = 50;
        let cuts = 0;
        for (const end = performance.now() + 3 * LOAD_MS; performance.now() < end;) {
          cuts += line.cut(() => systemRandom.float() < 0.3);
          await pause(100 + systemRandom.float() * 300);
        }
        assert(cuts > 20, `${cuts} connections were cut`);
        await goesOn(load);
      },
    });
  });
}

/** Three servers on one shared store under load: one is killed, one sleeps past its leases; every letter is accounted for. */

import { assert, assertEquals } from "@std/assert";
import { systemRandom } from "../../src/base/random.ts";
import type { ScriptedPeer } from "../../src/testing/mod.ts";
import { SHARED_KVS, startShared } from "../support/shared_kv.ts";
import {
  account,
  copiesAt,
  DIRECTORY,
  drained,
  keysOf,
  LEASE_MS,
  makeWorld,
  pause,
  startServer,
  type World,
} from "./support/cluster.ts";
import { Load } from "./support/kill_load.ts";
import { letter } from "./support/letters.ts";
import type { ServerProcess } from "./support/server_process.ts";
import { SmtpTalk } from "./support/smtp_talk.ts";

type Session = ScriptedPeer["sessions"][number];

/** Clients of each server. */
const CLIENTS = 3;
/** Letters whose delivery a server has begun when it is killed or put to sleep. */
const HELD_BACK = 4;
/** How long the load lasts before something happens, and after that. */
const LOAD_MS = 2000;

for (const kind of SHARED_KVS) {
  Deno.test(`Three servers on one store lose nothing when one is killed and one sleeps (${kind.name})`, {
    timeout: 300_000,
  }, async () => {
    const dir = await Deno.makeTempDir({ prefix: "dinopost-cluster-" });
    try {
      await using kv = await startShared(kind);
      await using world = await makeWorld();
      // all at once, on an empty store
      const [killed, sleeper, third] = await Promise.all(
        ["a", "b", "c"].map((name) => startServer(name, { dir, kv, world })),
      ) as [ServerProcess, ServerProcess, ServerProcess];
      await using _a = killed;
      await using _b = sleeper;
      await using _c = third;
      const load = new Load(DIRECTORY, systemRandom);
      const stop = new AbortController();
      const clients = [killed, sleeper, third].map((s) => load.run(s.address("smtp"), CLIENTS, stop.signal));

      await pause(LOAD_MS);
      const begun = await beginSlowDeliveries(killed, world.slow, 1_000_000);
      killed.signal("SIGKILL");
      const died = performance.now();
      // whoever has them now, they wait at the same peer
      const theirs = await beginSlowDeliveries(sleeper, world.slow, 2_000_000);
      sleeper.signal("SIGSTOP");
      const asleep = countsOf("c.local.test", world);
      world.open();
      // when the leases have ended, the third one delivers what the others had begun
      const held = [...begun, ...theirs];
      await world.slow.until((peer) => peer.messages.length >= held.length);
      const ms = performance.now() - died;
      assert(ms < 2 * LEASE_MS, `their work went on after ${Math.round(ms)} ms, with leases of ${LEASE_MS}`);
      // by the third one: what the killed one sent and never wrote down may come once more, from the sleeper, too
      const meanwhile = new Set(keysSince(asleep, "c.local.test", world));
      const awake = countsOf("b.local.test", world);
      sleeper.signal("SIGCONT");
      world.letGo();
      await pause(LOAD_MS);
      stop.abort();
      await Promise.all(clients);

      await drained(third.url);
      for (const server of [sleeper, third]) {
        server.signal("SIGTERM");
        const { code, err } = await server.end();
        assertEquals(code, 0, err);
        assertEquals(err.split("\n").filter((line) => line.includes(" ERROR ")), []);
      }
      const again = keysSince(awake, "b.local.test", world).filter((key) => meanwhile.has(key));
      assertEquals(again, [], "delivered by others while it slept, and again by it");
      assertEquals(held.map((key) => copiesAt(world).get(key)), held.map(() => 1));
      await account({ kv, load, world, held });
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

/** Gives a server letters for the slow peer; resolves when it waits to send all of them. */
async function beginSlowDeliveries(
  server: ServerProcess,
  slow: ScriptedPeer,
  first: number,
): Promise<string[]> {
  const texts = () => slow.sessions.filter((s) => s.lines.includes("DATA")).length;
  const before = texts();
  const keys: string[] = [];
  using talk = await SmtpTalk.connect(server.address("smtp"));
  for (let i = 0; i < HELD_BACK; i++) {
    const n = first + i;
    const to = `hal${i}@slow.test`;
    const reply = await talk.send({ from: "sender@client.example", to: [to], text: letter(n, 500) });
    assert(reply.startsWith("250 "), reply);
    keys.push(`${n} ${to}`);
  }
  await slow.until(() => texts() >= before + HELD_BACK);
  assertEquals(slow.messages.length, 0);
  return keys;
}

/** How many messages each connection of a server brought. */
function countsOf(hostname: string, world: World): Map<Session, number> {
  return new Map(sessionsOf(hostname, world).map((s) => [s, s.messages.length]));
}

/** What a server delivered since then. */
function keysSince(counts: Map<Session, number>, hostname: string, world: World): string[] {
  return sessionsOf(hostname, world).flatMap((s) => s.messages.slice(counts.get(s) ?? 0)).flatMap(keysOf);
}

/** The connections that a server made to the others. */
function sessionsOf(hostname: string, { chunks, lines, slow }: World): Session[] {
  return [chunks, lines, slow].flatMap((peer) => peer.sessions).filter((s) =>
    s.lines[0] === `EHLO ${hostname}`
  );
}

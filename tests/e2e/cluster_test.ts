/** Three servers on one shared store under load: one is killed, one sleeps past its leases; every letter is accounted for. */

import { assert, assertEquals } from "@std/assert";
import { getAvailablePort } from "@std/net";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { DnsServer, ScriptedPeer } from "../../src/testing/mod.ts";
import type { PeerMessage } from "../../src/testing/peer_script.ts";
import { SHARED_KVS, type SharedKv, startShared } from "../support/shared_kv.ts";
import { type Directory, Load } from "./support/kill_load.ts";
import { inspect, letter } from "./support/letters.ts";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";
import { SmtpTalk } from "./support/smtp_talk.ts";
import { auditAt } from "./support/store_audit.ts";

const LEASE_MS = 6000;
/** Clients of each server. */
const CLIENTS = 3;
/** Letters whose delivery the sleeping server has begun. */
const HELD_BACK = 4;
/** How long the load lasts before something happens, and after that. */
const LOAD_MS = 2000;
const TOKEN = "cluster";

const LOCAL = ["ann@local.test", "bob@local.test", "cy@local.test"];
const DIRECTORY: Directory = {
  addresses: new Map([
    ["ann@local.test", ["ann@local.test"]],
    ["bob@local.test", ["bob@local.test"]],
    ["all@local.test", LOCAL],
    ["mixed@local.test", ["bob@local.test", "far@chunks.test", "far@lines.test"]],
    ["dee@chunks.test", ["dee@chunks.test"]],
    ["fay@lines.test", ["fay@lines.test"]],
    ["gus@never.test", ["gus@never.test"]],
  ]),
  rare: ["gus@never.test"],
};

/** The other servers of the world. */
interface World extends AsyncDisposable {
  readonly dns: DnsServer;
  readonly port: number;
  readonly chunks: ScriptedPeer;
  readonly lines: ScriptedPeer;
  /** Asks for no text until {@linkcode letGo}; but at once on connections that are made after {@linkcode open}. */
  readonly slow: ScriptedPeer;
  open(): void;
  letGo(): void;
}

async function makeWorld(): Promise<World> {
  const port = getAvailablePort();
  const corner = `127.${1 + systemRandom.bytes(1)[0]! % 250}.9`;
  const clock = new ManualClock();
  let isOpen = false;
  const at = (n: number) => ({ hostname: `${corner}.${n}`, port });
  const chunks = ScriptedPeer.start({ extensions: ["PIPELINING", "8BITMIME", "CHUNKING"] }, at(1));
  const lines = ScriptedPeer.start({ extensions: ["8BITMIME"] }, at(2));
  const slow = ScriptedPeer.start({
    extensions: ["8BITMIME"],
    data: () => isOpen ? "354 Go ahead" : { delayMs: 1, then: "354 Go ahead" },
  }, { ...at(3), clock });
  const dns = await DnsServer.start({
    zones: {
      "chunks.test": { A: [`${corner}.1`] },
      "lines.test": { MX: [[10, "mx.lines.test"]] },
      "mx.lines.test": { A: [`${corner}.2`] },
      "slow.test": { A: [`${corner}.3`] },
      "never.test": { A: [`${corner}.4`] }, // nobody listens there
    },
  });
  return {
    dns,
    port,
    chunks,
    lines,
    slow,
    open: () => void (isOpen = true),
    letGo: () => clock.advance(1),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([chunks.close(), lines.close(), slow.close(), dns.close()]);
    },
  };
}

async function startServer(name: string, { dir, kv, world }: {
  dir: string;
  kv: SharedKv;
  world: World;
}): Promise<ServerProcess> {
  const cwd = `${dir}/${name}`;
  await Deno.mkdir(cwd);
  await Deno.writeTextFile(
    `${cwd}/cluster.jsonc`,
    JSON.stringify({
      hostname: `${name}.local.test`,
      domains: ["local.test"],
      kv: kv.url,
      lease: LEASE_MS,
      accounts: Object.fromEntries(LOCAL.map((address) => [address, { password: "secret" }])),
      aliases: { "all@local.test": LOCAL, "mixed@local.test": DIRECTORY.addresses.get("mixed@local.test") },
      relay: { networks: ["127.0.0.0/8"] },
      dns: { nameServer: world.dns.address },
      outbound: { port: world.port, allowPrivate: true },
      queue: { retry: "1s" },
      admin: { token: TOKEN },
      log: { level: "WARN" },
    }),
  );
  return await ServerProcess.ready({
    cwd,
    args: ["serve", "--config", "cluster.jsonc"],
    env: { ...FREE_PORTS, DENO_KV_ACCESS_TOKEN: kv.token },
  });
}

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
      killed.signal("SIGKILL");
      await pause(LOAD_MS);
      const held = await beginSlowDeliveries(sleeper, world.slow);
      sleeper.signal("SIGSTOP");
      world.open();
      // when the leases have ended, the third one delivers what the sleeper had begun
      await world.slow.until((peer) => peer.messages.length >= held.length);
      const before = copiesAt(world);
      const heard = new Map(sessionsOf("b.local.test", world).map((s) => [s, s.messages.length]));
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
      const woken = sessionsOf("b.local.test", world).flatMap((s) => s.messages.slice(heard.get(s) ?? 0));
      const again = woken.flatMap(keysOf).filter((key) => before.has(key));
      assertEquals(again, [], "delivered by others while it slept, and again by it");
      assertEquals(held.map((key) => copiesAt(world).get(key)), held.map(() => 1));
      await account({ kv, load, world, held });
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

/** Gives a server letters for the slow peer; resolves when it waits to send all of them. */
async function beginSlowDeliveries(server: ServerProcess, slow: ScriptedPeer): Promise<string[]> {
  const keys: string[] = [];
  using talk = await SmtpTalk.connect(server.address("smtp"));
  for (let i = 0; i < HELD_BACK; i++) {
    const n = 1_000_000 + i;
    const to = `hal${i}@slow.test`;
    const reply = await talk.send({ from: "sender@client.example", to: [to], text: letter(n, 500) });
    assert(reply.startsWith("250 "), reply);
    keys.push(`${n} ${to}`);
  }
  await slow.until((peer) => peer.sessions.filter((s) => s.lines.includes("DATA")).length >= HELD_BACK);
  assertEquals(slow.messages.length, 0);
  return keys;
}

/** The connections that a server made to the others. */
function sessionsOf(hostname: string, { chunks, lines, slow }: World): ScriptedPeer["sessions"] {
  return [chunks, lines, slow].flatMap((peer) => peer.sessions).filter((s) =>
    s.lines[0] === `EHLO ${hostname}`
  );
}

/** The copies that a message at a peer is, as "letter address". */
function keysOf({ rcpts, text }: PeerMessage): string[] {
  const { n } = inspect(text);
  return rcpts.map((rcpt) => `${n} ${/<(.*)>/.exec(rcpt)![1]}`);
}

function copiesAt({ chunks, lines, slow }: World): Map<string, number> {
  const copies = new Map<string, number>();
  for (const key of [chunks, lines, slow].flatMap((peer) => peer.messages).flatMap(keysOf)) {
    copies.set(key, (copies.get(key) ?? 0) + 1);
  }
  return copies;
}

/** Resolves when only what can't be delivered waits. */
async function drained(url: string): Promise<void> {
  const deadline = performance.now() + 90_000;
  for (;;) {
    const response = await fetch(`${url}/api/v1/queue?limit=1000`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const page: { items: { recipients: { address: string }[] }[] } = await response.json();
    const left = page.items.flatMap(({ recipients }) => recipients.map(({ address }) => address))
      .filter((address) => !address.endsWith("@never.test"));
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`Still waiting: ${left.slice(0, 5)}…`);
    await pause(200);
  }
}

/** Compares what was promised with what is there. */
async function account(
  { kv, load, world, held }: { kv: SharedKv; load: Load; world: World; held: readonly string[] },
): Promise<void> {
  const { mailboxes, queue, problems } = await auditAt(kv.url);
  const copies = copiesAt(world);
  function found(text: string, addresses: readonly string[], where: string): void {
    const { n, problem } = inspect(text);
    if (problem !== undefined) problems.push(`letter ${n} in ${where} ${problem}`);
    for (const address of addresses) copies.set(`${n} ${address}`, (copies.get(`${n} ${address}`) ?? 0) + 1);
  }
  for (const [address, texts] of mailboxes) for (const text of texts) found(text, [address], address);
  for (const { recipients, text, id } of queue) found(text, recipients, `the queue as ${id}`);
  for (const { text } of [world.chunks, world.lines, world.slow].flatMap((peer) => peer.messages)) {
    found(text, [], "a peer");
  }
  for (const key of held) copies.delete(key);

  let duplicates = 0;
  for (const { n, goesTo, promised, refused } of load.sent.values()) {
    const counts = [...goesTo].map((address) => [address, copies.get(`${n} ${address}`) ?? 0] as const);
    for (const address of goesTo) copies.delete(`${n} ${address}`);
    const missing = counts.filter(([, count]) => count === 0);
    if (promised && missing.length > 0) {
      problems.push(`letter ${n} was promised and is missing at ${missing}`);
    }
    if (missing.length > 0 && missing.length < counts.length) {
      problems.push(`letter ${n} is there in part: ${counts}`);
    }
    if (refused !== undefined) problems.push(`letter ${n} was refused: ${refused}`);
    for (const [address, count] of counts) {
      if (count < 2) continue;
      if (LOCAL.includes(address)) problems.push(`letter ${n} is ${count} times in ${address}`);
      else duplicates += count - 1;
    }
  }
  for (const key of copies.keys()) problems.push(`nobody sent letter ${key}`);
  console.log(
    `${load.sent.size} letters, ${load.promised} answered with 250, ${duplicates} duplicates at remote servers`,
  );
  assertEquals(problems.slice(0, 20), [], `${problems.length} problems`);
  assert(load.promised > 100, "that was no load");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

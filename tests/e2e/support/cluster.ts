/** Servers on one shared store with the world around them, and the account of every letter that was sent. */

import { assert, assertEquals } from "@std/assert";
import { getAvailablePort } from "@std/net";
import { ManualClock } from "../../../src/base/manual_clock.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { DnsServer, ScriptedPeer } from "../../../src/testing/mod.ts";
import type { PeerMessage } from "../../../src/testing/peer_script.ts";
import type { SharedKv } from "../../support/shared_kv.ts";
import type { Directory, Load } from "./kill_load.ts";
import { inspect } from "./letters.ts";
import { FREE_PORTS, ServerProcess } from "./server_process.ts";
import { auditAt } from "./store_audit.ts";

/** How long a lease lasts there. */
export const LEASE_MS = 6000;
const TOKEN = "cluster";

const LOCAL = ["ann@local.test", "bob@local.test", "cy@local.test"];
/** Whom letters may be for. */
export const DIRECTORY: Directory = {
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
export interface World extends AsyncDisposable {
  readonly dns: DnsServer;
  readonly port: number;
  readonly chunks: ScriptedPeer;
  readonly lines: ScriptedPeer;
  /** Asks for no text until {@linkcode letGo}; but at once on connections that are made after {@linkcode open}. */
  readonly slow: ScriptedPeer;
  open(): void;
  letGo(): void;
}

/** Starts them. */
export async function makeWorld(): Promise<World> {
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

/** Starts a server of that name on the store. */
export async function startServer(name: string, { dir, kv, world }: {
  dir: string;
  kv: Pick<SharedKv, "url" | "token">;
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

/** The copies that a message at a peer is, as "letter address". */
export function keysOf({ rcpts, text }: PeerMessage): string[] {
  const { n } = inspect(text);
  return rcpts.map((rcpt) => `${n} ${/<(.*)>/.exec(rcpt)![1]}`);
}

/** How many copies of each letter came to the peers, by "letter address". */
export function copiesAt({ chunks, lines, slow }: World): Map<string, number> {
  const copies = new Map<string, number>();
  for (const key of [chunks, lines, slow].flatMap((peer) => peer.messages).flatMap(keysOf)) {
    copies.set(key, (copies.get(key) ?? 0) + 1);
  }
  return copies;
}

/** Resolves when only what can't be delivered waits. */
export async function drained(url: string): Promise<void> {
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

/** Compares what was promised with what is there. `putOff`: the store was away, and clients may have heard 451. */
export async function account({ kv, load, world, held = [], putOff = false }: {
  kv: Pick<SharedKv, "url">;
  load: Load;
  world: World;
  /** Letters that were counted before. */
  held?: readonly string[];
  putOff?: boolean;
}): Promise<void> {
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
    if (refused !== undefined && !(putOff && refused.startsWith("451 "))) {
      problems.push(`letter ${n} was refused: ${refused}`);
    }
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

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

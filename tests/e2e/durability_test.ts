/** Kills a server under load, again and again, and accounts for every letter it had answered with 250. */

import { assert, assertEquals } from "@std/assert";
import { getAvailablePort } from "@std/net";
import { systemRandom } from "../../src/base/random.ts";
import { DnsServer, ScriptedPeer } from "../../src/testing/mod.ts";
import { inspect } from "./support/letters.ts";
import { type Directory, Load } from "./support/kill_load.ts";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";
import { audit } from "./support/store_audit.ts";

/** How often the server is killed; the environment variable ROUNDS says otherwise. */
const ROUNDS = Number(Deno.env.get("ROUNDS") ?? 20);
const CLIENTS = 6;
/** A round's load lasts at most this long. */
const LONGEST_MS = 900;
const TOKEN = "durability";

const LOCAL = ["ann@local.test", "bob@local.test", "cy@local.test"];
const DIRECTORY: Directory = {
  addresses: new Map([
    ["ann@local.test", ["ann@local.test"]],
    ["bob@local.test", ["bob@local.test"]],
    ["Cy@local.test", ["cy@local.test"]],
    ["all@local.test", LOCAL],
    ["mixed@local.test", ["bob@local.test", "far@chunks.test", "far@lines.test"]],
    ["dee@chunks.test", ["dee@chunks.test"]],
    ["eve@chunks.test", ["eve@chunks.test"]],
    ["fay@lines.test", ["fay@lines.test"]],
    ["gus@never.test", ["gus@never.test"]],
  ]),
  rare: ["gus@never.test"],
};

/** What the HTTP surface tells of the queue. */
interface QueuePage {
  readonly items: readonly { readonly recipients: readonly { readonly address: string }[] }[];
  readonly cursor: string | null;
}

/** What a remote server has, by letter and recipient: how often. Takes the texts away as it looks. */
class Sink {
  readonly copies = new Map<string, number>();
  readonly problems: string[] = [];

  constructor(readonly peers: readonly ScriptedPeer[]) {}

  look(): void {
    for (const session of this.peers.flatMap((peer) => peer.sessions)) {
      for (const { rcpts, text } of session.messages.splice(0)) {
        const { n, problem } = inspect(text);
        if (problem !== undefined) this.problems.push(`letter ${n} at the sink ${problem}`);
        for (const rcpt of rcpts) {
          const key = `${n} ${/<(.*)>/.exec(rcpt)![1]}`;
          this.copies.set(key, (this.copies.get(key) ?? 0) + 1);
        }
      }
    }
  }
}

/** A remote server with moods: now and then it says later. */
function moody(hostname: string, port: number, extensions: string[]): ScriptedPeer {
  let turns = 0;
  const sometimes = (every: number, fine: string, later: string) => () =>
    ++turns % every === 0 ? later : fine;
  return ScriptedPeer.start({
    extensions,
    rcpt: sometimes(37, "250 2.1.5 Ok", "451 4.3.0 Not now"),
    end: sometimes(23, "250 2.0.0 Ok: queued", "452 4.3.1 No room now"),
  }, { hostname, port });
}

Deno.test(
  `A server that is killed ${ROUNDS} times under load keeps every promise`,
  { timeout: Math.max(300_000, ROUNDS * 15_000) },
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "dinopost-kill-" });
    const port = getAvailablePort();
    const corner = `127.${1 + systemRandom.bytes(1)[0]! % 250}.7`;
    await using chunks = moody(`${corner}.1`, port, ["PIPELINING", "8BITMIME", "CHUNKING"]);
    await using lines = moody(`${corner}.2`, port, ["8BITMIME"]);
    await using dns = await DnsServer.start({
      zones: {
        "chunks.test": { MX: [[10, "mx.chunks.test"]] },
        "mx.chunks.test": { A: [`${corner}.1`] },
        "lines.test": { A: [`${corner}.2`] },
        "never.test": { MX: [[10, "mx.never.test"]] },
        "mx.never.test": { A: [`${corner}.3`] }, // nobody listens there
      },
    });
    await Deno.writeTextFile(
      `${dir}/kill.jsonc`,
      JSON.stringify({
        hostname: "mail.local.test",
        domains: ["local.test"],
        accounts: Object.fromEntries(LOCAL.map((address) => [address, { password: "secret" }])),
        aliases: { "all@local.test": LOCAL, "mixed@local.test": DIRECTORY.addresses.get("mixed@local.test") },
        relay: { networks: ["127.0.0.0/8"] },
        dns: { nameServer: dns.address },
        outbound: { port, allowPrivate: true },
        queue: { retry: "1s" },
        admin: { token: TOKEN },
        log: { level: "WARN" },
      }),
    );
    const options = { cwd: dir, args: ["serve", "--config", "kill.jsonc"], env: FREE_PORTS };
    const sink = new Sink([chunks, lines]);
    const load = new Load(DIRECTORY, systemRandom);
    const complaints: string[] = [];
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        await using server = await ServerProcess.ready(options);
        const stop = new AbortController();
        const clients = load.run(server.address("smtp"), CLIENTS, stop.signal);
        // the death is never the answer to anything that was sent: it comes at a moment of its own
        const moment = systemRandom.float() ** 2 * LONGEST_MS;
        if (round % 4 !== 0) await load.another(AbortSignal.timeout(5000));
        await new Promise((resolve) => setTimeout(resolve, moment));
        server.signal("SIGKILL");
        const { signal, err } = await server.end();
        assertEquals(signal, "SIGKILL", `it ended by itself: ${err}`);
        complaints.push(...err.split("\n").filter((line) => line.includes(" ERROR ")));
        stop.abort();
        await clients;
        sink.look();
      }
      await drain(options);
      sink.look();
      await account(dir, { sink, load });
      assertEquals(complaints, []);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

/** Lets a server run until only what can't be delivered waits. */
async function drain(options: ConstructorParameters<typeof ServerProcess>[0]): Promise<void> {
  await using server = await ServerProcess.ready(options);
  const deadline = performance.now() + 45_000;
  for (;;) {
    const left = (await waiting(server.url)).filter((address) => !address.endsWith("@never.test"));
    if (left.length === 0) break;
    if (performance.now() > deadline) throw new Error(`Still waiting: ${left.slice(0, 5)}…`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  server.signal("SIGTERM");
  const { code, err } = await server.end();
  assertEquals(code, 0, err);
}

async function waiting(url: string): Promise<string[]> {
  const addresses: string[] = [];
  for (let cursor = "";;) {
    const response: Response = await fetch(`${url}/api/v1/queue?limit=1000${cursor && `&cursor=${cursor}`}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const page: QueuePage = await response.json();
    if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(page)}`);
    addresses.push(...page.items.flatMap(({ recipients }) => recipients.map(({ address }) => address)));
    if (page.cursor === null) return addresses;
    cursor = page.cursor;
  }
}

/** Compares what was promised with what is there. */
async function account(dir: string, { sink, load }: { sink: Sink; load: Load }): Promise<void> {
  const { mailboxes, queue, problems, marked } = await audit(`${dir}/data`);
  problems.push(...sink.problems);
  /** Where each copy is: "letter address" → how often. */
  const copies = new Map(sink.copies);
  function found(text: string, addresses: readonly string[], where: string): void {
    const { n, problem } = inspect(text);
    if (problem !== undefined) problems.push(`letter ${n} in ${where} ${problem}`);
    for (const address of addresses) copies.set(`${n} ${address}`, (copies.get(`${n} ${address}`) ?? 0) + 1);
  }
  for (const [address, texts] of mailboxes) for (const text of texts) found(text, [address], address);
  for (const { recipients, text, id } of queue) found(text, recipients, `the queue as ${id}`);

  let duplicates = 0;
  let kept = 0;
  for (const { n, goesTo, promised, refused } of load.sent.values()) {
    const counts = [...goesTo].map((address) => [address, copies.get(`${n} ${address}`) ?? 0] as const);
    for (const address of goesTo) copies.delete(`${n} ${address}`);
    const missing = counts.filter(([, count]) => count === 0);
    const told = promised ? "was promised" : refused ?? "was cut off";
    if (promised && missing.length > 0) problems.push(`letter ${n} ${told} and is missing at ${missing}`);
    if (missing.length > 0 && missing.length < counts.length) {
      problems.push(`letter ${n} ${told} and is there in part: ${counts}`);
    }
    if (refused !== undefined && missing.length < counts.length) {
      problems.push(`letter ${n} was refused (${refused}) and is there: ${counts}`);
    }
    if (!promised && refused === undefined && missing.length === 0) kept++;
    for (const [address, count] of counts) {
      if (count < 2) continue;
      if (LOCAL.includes(address)) problems.push(`letter ${n} is ${count} times in ${address}`);
      else duplicates += count - 1;
    }
  }
  for (const key of copies.keys()) problems.push(`nobody sent letter ${key}`);
  const refused = [...load.sent.values()].flatMap(({ refused }) => refused ?? []);
  console.log(
    `${load.sent.size} letters, ${load.promised} answered with 250, ${kept} more were kept without an answer, ` +
      `${refused.length} refused; ${duplicates} duplicates at remote servers`,
  );
  assertEquals(problems.slice(0, 20), [], `${problems.length} problems`);
  assertEquals(marked, 0, "bodies without an owner outlived the sweep at the start");
  assertEquals(refused, [], "a healthy server refused letters");
  assert(load.promised > 5 * ROUNDS, "that was no load");
}

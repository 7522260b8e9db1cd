/** The rows of the table that measure captured mail, and Mailpit in the same run where it is found. */

import type { Bench } from "./bench.ts";
import { Mailpit } from "./mailpit.ts";
import { ServerProcess, TOKEN } from "./server_process.ts";
import { recipientOf } from "./smtp_client.ts";

const CONNECTIONS = 20;
const WARM_UP = 2000;
const ROUNDS = 15;
/** V8 gives back what a burst took when nothing has happened for some time. */
const REST_MS = 30_000;

/** A server under measurement: its ports, and its memory in MiB. */
interface Side {
  readonly smtp: number;
  readonly admin: number;
  memory(): number | undefined;
}

/** What was measured of one, by what it is. */
type Figures = ReadonlyMap<string, number>;

/** Both take the same letters and answer the same calls, one after the other. */
export async function mailpit(bench: Bench): Promise<void> {
  const theirs = await measureMailpit(bench);
  if (!theirs) {
    console.error("Mailpit is not beside it: INTEROP_MAILPIT names no program, nor is one in go's bin.");
  }
  await using server = await ServerProcess.start(bench.folder(), "capture");
  const ours = await measured(bench, { ...server, memory: () => server.memory()?.rss });
  const kept = bench.captured.toLocaleString("en");
  for (const { name, unit, goal } of WHAT) {
    const [value, other] = [ours.get(name), theirs?.get(name)];
    if (value === undefined) continue;
    const beside = theirs ? "" : ", Mailpit is not here";
    bench.tell({ what: `${name}, ${kept} captured${beside}`, value, unit });
    if (other === undefined) continue;
    bench.tell({ what: `${name}, Mailpit`, value: other, unit });
    const target = goal === undefined ? {} : { target: goal };
    bench.tell({ what: `${name}, ours to Mailpit's`, value: value / other, unit: "times", ...target });
  }
}

/** So many messages on disk, and what that takes. */
export async function captured(bench: Bench): Promise<void> {
  await using server = await ServerProcess.start(bench.folder(), "captureOnDisk");
  const messages = 10 * bench.captured;
  const { ms } = await send(bench, { ...server, memory: () => undefined }, messages);
  const what = `${messages.toLocaleString("en")} captured on disk`;
  bench.tell({ what: `accept, ${what}`, value: messages * 1000 / ms, unit: "messages/s" });
  const tell = (when: string, target?: string) => {
    const memory = server.memory();
    if (!memory) return;
    const { rss: value, peak } = memory;
    bench.tell({ what: `memory ${when}, ${what}`, value, unit: "MiB", peak, ...(target && { target }) });
  };
  tell("after the accept");
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  tell("at rest", "≤ 200");
  await server.ask("/api/v1/messages?limit=50");
  await server.ask("/api/v1/search?query=number7&limit=50");
  tell("after a search for a word");
}

const WHAT: readonly { name: string; unit: string; goal?: string }[] = [
  { name: "accept, 20 connections", unit: "messages/s", goal: "≥ 4" },
  { name: "memory", unit: "MiB" },
  { name: "list of 50", unit: "ms", goal: "≤ 1" },
  { name: "one message", unit: "ms", goal: "≤ 1" },
  { name: "first search for to:", unit: "ms" },
  { name: "search for to:", unit: "ms", goal: "≤ 0.1" },
  { name: "search for a subject", unit: "ms", goal: "≤ 0.1" },
  { name: "search for a word that all have", unit: "ms", goal: "≤ 0.25" },
  { name: "search for a word that one has", unit: "ms" },
  { name: "delete all", unit: "ms", goal: "≤ 1" },
];

async function measureMailpit(bench: Bench): Promise<Figures | undefined> {
  await using server = await Mailpit.start();
  return server && await measured(bench, server);
}

async function measured(bench: Bench, side: Side): Promise<Figures> {
  const figures = new Map<string, number>();
  await send(bench, side, Math.min(WARM_UP, bench.captured));
  await ask(side, "/api/v1/messages", "DELETE");
  const { ms } = await send(bench, side, bench.captured);
  figures.set("accept, 20 connections", bench.captured * 1000 / ms);
  const first = await ask(side, "/api/v1/messages?limit=50") as { messages: { ID: string }[] };
  const memory = side.memory();
  if (memory !== undefined) figures.set("memory", memory);
  const search = (query: string) => `/api/v1/search?${new URLSearchParams({ query, limit: "50" })}`;
  const to = search(`to:${recipientOf(7)}`);
  const began = performance.now();
  await ask(side, to);
  figures.set("first search for to:", performance.now() - began);
  const asked: [name: string, path: string][] = [
    ["list of 50", "/api/v1/messages?limit=50"],
    ["one message", `/api/v1/message/${first.messages[0]!.ID}`],
    ["search for to:", to],
    ["search for a subject", search('subject:"order 77 is"')],
    ["search for a word that all have", search("yours")],
    ["search for a word that one has", search("number77")],
  ];
  for (const [name, path] of asked) figures.set(name, await median(() => ask(side, path)));
  const from = performance.now();
  await ask(side, "/api/v1/messages", "DELETE");
  figures.set("delete all", performance.now() - from);
  return figures;
}

async function send({ load }: Bench, { smtp: port }: Side, messages: number): Promise<{ ms: number }> {
  const set = { port, messages, connections: CONNECTIONS, to: "", size: 0, letters: true };
  const result = await load.run("send", set);
  if (result.refused > 0) throw new Error(`${result.refused} of ${messages} messages were refused`);
  return result;
}

async function ask({ admin }: Side, path: string, method = "GET"): Promise<unknown> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const response = await fetch(`http://127.0.0.1:${admin}${path}`, { method, headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return method === "GET" ? JSON.parse(text) : undefined;
}

/** The middle one of some rounds, in milliseconds; the first ones warm the code. */
async function median(round: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 2 * ROUNDS; n++) {
    const from = performance.now();
    await round();
    if (n >= ROUNDS) times.push(performance.now() - from);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

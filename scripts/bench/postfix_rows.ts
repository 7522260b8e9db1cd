/**
 * The rows of the table that hold dinopost against Debian's Postfix, and against bare Deno with KV commit groups, in one
 * run. One server runs at a time, each with an empty store; they take turns, and medians are told. The load and the
 * sink are Postfix's own, for all of them.
 */

import type { Bench, Row } from "./bench.ts";
import { median } from "./median.ts";
import { findPostfix, type PostfixHere } from "./postfix.ts";
import { LOCAL, NAMES, type Peer, type PeerName, type PeerWork, startPeer } from "./postfix_peers.ts";
import { longQueue } from "./queue_rows.ts";
import type { LoadResult } from "./smtp_client.ts";
import { patience, send, SmtpSink, type SourceLoad } from "./smtp_source.ts";

const SIZE = 4096;
const REMOTE = "user@sink.test";
const ROUNDS = 3;
/** Messages that go before, for each second of a measurement: the code is warm then, and the processes are there. */
const WARM = 3000;
/** Messages that tell how many last the wanted time, for each second of it. */
const FIRST = 500;
const MOST = 200_000;
/** How often a mailbox is looked at. */
const POLL_MS = 50;
/** Beside a flush one session rests so long after each message. */
const BESIDE_MS = 30;
const SETTLE_MS = 500;
/** A server that computes less within so long has nothing left to do. */
const REST = { ms: 1000, seconds: 0.02 };
const DELIVERING: readonly PeerName[] = ["Postfix", "dinopost"];
/** Octets for each second of a measurement. */
const BIG = 200 * 2 ** 20;

/** What one server came to; `target` is for dinopost's. */
type Figure = Omit<Row, "what" | "value"> & { readonly value: number };
type Figures = Record<string, Figure>;
/** Starts the server whose turn it is. */
type Start = (work: PeerWork) => Promise<Peer>;
type Measure = (bench: Bench, start: Start) => Promise<Figures>;

const SETS: readonly [what: string, set: Pick<SourceLoad, "connections" | "anew">, target: string][] = [
  ["1 connection", { connections: 1 }, "≥ 1.5 × Postfix, ≥ 75 % of bare"],
  ["10 connections", { connections: 10 }, "≥ 3 × Postfix"],
  ["50 connections", { connections: 50 }, "≥ 5 × Postfix, ≥ 75 % of bare"],
  ["200 connections", { connections: 200 }, "≥ 6 × Postfix"],
  ["10 at a time, a new connection each", { connections: 10, anew: true }, "≥ 4 × Postfix"],
];

/** All of it; what fails is told at the end and does not stop the rest. */
export async function postfix(bench: Bench, rounds = ROUNDS): Promise<void> {
  const here = await findPostfix();
  if (!here) {
    const what = "beside Postfix: not measured, Debian's is not installed here, or this is not root";
    return bench.tell({ what, value: undefined, unit: "" });
  }
  const measures: [readonly PeerName[], number, Measure][] = [
    [NAMES, rounds, accept],
    [DELIVERING, rounds, deliver],
    [DELIVERING, rounds, relay],
    [DELIVERING, rounds, (bench, start) => big(bench, start, 10)],
    [DELIVERING, rounds, (bench, start) => big(bench, start, 25)],
    [DELIVERING, 1, flush], // long enough in itself
  ];
  const failures: string[] = [];
  for (const [names, rounds, measure] of measures) {
    try {
      await inTurn(bench, here, { names, rounds, measure });
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  await longQueue(bench, 2 * bench.queue);
  if (failures.length > 0) throw new Error(failures.join("; "));
}

/** Each round the servers take turns, in the reversed order in each other round. */
async function inTurn(
  bench: Bench,
  here: PostfixHere,
  { names, rounds, measure }: {
    readonly names: readonly PeerName[];
    readonly rounds: number;
    readonly measure: Measure;
  },
): Promise<void> {
  const found = new Map<PeerName, Figures[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      try {
        found.get(name)!.push(await measure(bench, (work) => startPeer(bench, here, name, work)));
      } catch (error) {
        throw new Error(`${name}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
      // what it leaves to be written is not written in the next one's time
      await new Deno.Command("sync").output();
      await pause(SETTLE_MS);
    }
  }
  for (const what of Object.keys(found.get("dinopost")![0]!)) {
    tell(bench, what, {
      "Postfix": medians(found.get("Postfix")!, what),
      "bare Deno": found.has("bare Deno") ? medians(found.get("bare Deno")!, what) : undefined,
      "dinopost": medians(found.get("dinopost")!, what),
    }, here);
  }
}

/** Of each field its own. */
function medians(rounds: readonly Figures[], what: string): Figure {
  const figures = rounds.map((all) => all[what]!);
  const fields = (["p50", "p99", "cpu", "peak"] as const).flatMap((field) => {
    const values = figures.map((figure) => figure[field]).filter((value) => value !== undefined);
    return values.length > 0 ? [[field, median(values)]] : [];
  });
  const value = median(figures.map((figure) => figure.value));
  return { ...figures[0]!, ...Object.fromEntries(fields), value };
}

function tell(
  bench: Bench,
  what: string,
  of: Record<"Postfix" | "dinopost", Figure> & { readonly "bare Deno": Figure | undefined },
  { version }: PostfixHere,
): void {
  const bare = of["bare Deno"];
  const others = [[`Postfix ${version}`, of.Postfix], ["bare Deno KV commit groups", bare]] as const;
  for (const [name, figure] of others) {
    if (!figure) continue;
    const { target: _, ...row } = figure;
    bench.tell({ what: `${what}, ${name}`, ...row });
  }
  bench.tell({
    what: `${what}, dinopost`,
    ...of.dinopost,
    ofPostfix: of.dinopost.value / of.Postfix.value,
    ...(bare && { ofBare: of.dinopost.value * 100 / bare.value }),
  });
}

async function accept(bench: Bench, start: Start): Promise<Figures> {
  await using peer = await start({ mode: "hold" });
  await send({ port: peer.port, to: REMOTE, size: SIZE, connections: 20, messages: warmUp(bench) });
  const figures: Figures = {};
  for (const [what, set, target] of SETS) {
    const found = await rate(bench, peer, { ...set, to: REMOTE });
    figures[`accept 4 KiB, ${what}`] = { ...found, target };
    if (set.connections !== 50 || found.cpu === undefined) continue;
    figures[`CPU of an accept, ${what}`] = { value: found.cpu, unit: "ms", target: "≤ 0.167 × Postfix" };
  }
  return figures;
}

async function deliver(bench: Bench, start: Start): Promise<Figures> {
  await using peer = await start({ mode: "local" });
  let there = 0;
  const arrive = async (messages: number) => {
    there += messages;
    for (const late = performance.now() + patience(messages);;) {
      const came = await peer.delivered();
      if (came > there) throw new Error(`The mailbox has ${came}, more than the ${there} that were sent`);
      if (came === there) return;
      if (performance.now() > late) throw new Error(`The mailbox has ${came} of ${there} messages`);
      await pause(POLL_MS);
    }
  };
  return { "into a mailbox, 20 connections": await delivered(bench, peer, { to: LOCAL, arrive, times: 6 }) };
}

async function relay(bench: Bench, start: Start): Promise<Figures> {
  await using sink = await SmtpSink.start();
  await using peer = await start({ mode: "relay", sink: sink.port });
  let there = 0;
  const arrive = (messages: number) => sink.exactly(there += messages);
  return {
    "relay to a sink, 20 connections": await delivered(bench, peer, { to: REMOTE, arrive, times: 4 }),
  };
}

async function delivered(
  bench: Bench,
  peer: Peer,
  { to, arrive, times }: { to: string; arrive(messages: number): Promise<void>; times: number },
): Promise<Figure> {
  const messages = Math.ceil(warmUp(bench) / 2);
  await send({ port: peer.port, to, size: SIZE, connections: 20, messages });
  await arrive(messages);
  return { ...await rate(bench, peer, { connections: 20, to }, arrive), target: `≥ ${times} × Postfix` };
}

async function big(bench: Bench, start: Start, mib: number): Promise<Figures> {
  await using peer = await start({ mode: "hold", watched: true });
  const warm = Math.ceil(warmUp(bench) / 4);
  await send({ port: peer.port, to: REMOTE, size: SIZE, connections: 4, messages: warm });
  const size = mib * 2 ** 20;
  const messages = Math.max(8, Math.ceil(BIG * bench.seconds / size));
  const from = peer.cpu();
  const ms = await send({ port: peer.port, to: REMOTE, size, connections: 4, messages });
  const value = mib * messages * 1000 / ms;
  const target = "≥ 1.25 × Postfix, < 143 MiB of memory"; // 150 MB
  return {
    [`accept ${mib} MiB, 4 connections`]: { value, unit: "MiB/s", ...costs(peer, from, messages), target },
  };
}

/** What was queued goes to the sink, while one session goes on to send. */
async function flush(bench: Bench, start: Start): Promise<Figures> {
  await using sink = await SmtpSink.start();
  await using peer = await start({ mode: "defer", sink: sink.port });
  const { queue } = bench;
  await send({ port: peer.port, to: REMOTE, size: SIZE, connections: 50, messages: queue });
  await rest(peer, queue);
  await peer.deliver();
  await rest(peer, queue);
  await sink.exactly(0);
  const cpu = peer.cpu() ?? 0;
  const from = performance.now();
  await peer.flush();
  const paced = { port: peer.port, to: REMOTE, size: SIZE, connections: 1, pauseMs: BESIDE_MS };
  await bench.load.run("sendBeside", { ...paced, messages: Infinity });
  let beside: LoadResult;
  try {
    await sink.until(queue);
  } finally {
    beside = await bench.load.run("besideEnd");
  }
  if (beside.refused > 0) throw new Error(`${beside.refused} messages beside the flush were refused`);
  const all = queue + beside.accepted;
  await sink.exactly(all);
  const value = all * 1000 / (performance.now() - from);
  return {
    [`flush of ${queue.toLocaleString("en")} queued messages`]: {
      value,
      unit: "messages/s",
      ...costs(peer, cpu, all),
      target: "≥ 3 × Postfix",
    },
    "accept 4 KiB beside the flush, p99": {
      value: beside.p99,
      unit: "ms",
      p50: beside.p50,
      p99: beside.p99,
      target: "< 100",
    },
  };
}

function warmUp(bench: Bench): number {
  return Math.ceil(WARM * bench.seconds);
}

/** Sends as many as last the wanted time, by a first few that tell how many that are. */
async function rate(
  bench: Bench,
  peer: Peer,
  set: Pick<SourceLoad, "connections" | "anew" | "to">,
  arrive: (messages: number) => Promise<void> = () => Promise.resolve(),
): Promise<Figure> {
  const timed = async (messages: number) => {
    const from = performance.now();
    await send({ ...set, port: peer.port, size: SIZE, messages });
    await arrive(messages);
    return performance.now() - from;
  };
  const first = Math.ceil(Math.max(FIRST * bench.seconds, 4 * set.connections));
  const wanted = first * bench.seconds * 1000 / await timed(first);
  const messages = Math.ceil(Math.min(MOST, Math.max(first, wanted)));
  const from = peer.cpu();
  const ms = await timed(messages);
  return { value: messages * 1000 / ms, unit: "messages/s", ...costs(peer, from, messages) };
}

function costs(peer: Peer, from: number | undefined, messages: number): Pick<Row, "cpu" | "peak"> {
  const to = peer.cpu();
  const peak = peer.peak();
  return {
    ...(from !== undefined && to !== undefined && { cpu: (to - from) * 1000 / messages }),
    ...(peak !== undefined && { peak }),
  };
}

/** Resolves when it has nothing left to do, after so many messages. */
async function rest(peer: Peer, messages: number): Promise<void> {
  const late = performance.now() + patience(messages);
  for (let before = -1, now = peer.cpu() ?? 0; now - before > REST.seconds; now = peer.cpu() ?? 0) {
    if (performance.now() > late) throw new Error("The server does not come to rest");
    before = now;
    await pause(REST.ms);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/**
 * The rows of the table that measure several servers on one denokv beside one on its own file. All of them are held to
 * the same share of a core, so that one machine has room for them; the denokv and the clients have the rest of it. A
 * quarter of a core each is what two cores have room for: three servers, a denokv and the clients of all of them.
 */

import { Denokv, findDenokv } from "../../tests/support/denokv.ts";
import type { Bench, Row } from "./bench.ts";
import { CpuShare } from "./cpu_share.ts";
import { ServerProcess } from "./server_process.ts";

const SIZE = 4096;
const TO = "user@sink.test";
/** How much of a core each server has. */
const SHARE = 0.25;
const ROUNDS = 3;
const SINK_MS = 120_000;
/** What each server gets before it is held: its code is warm then. */
const WARM = 2000;

/** Which servers are compared: how many, and whether they share a denokv. */
const SETS = [
  { what: "1 embedded", nodes: 1, shared: false },
  { what: "1 on a denokv", nodes: 1, shared: true },
  { what: "3 on a denokv", nodes: 3, shared: true },
] as const;

/** What is done, and by how many connections to each server. */
const WORK = [
  { what: "accept 4 KiB", mode: "hold", connections: 50 },
  { what: "relay 4 KiB", mode: "relay", connections: 20 },
] as const;

type Set = (typeof SETS)[number];
type Work = (typeof WORK)[number];

interface Found {
  readonly rate: number;
  /** Of the servers, for a message: milliseconds. */
  readonly cpu: number;
  /** Of the denokv, for a message: milliseconds. */
  readonly store: number;
}

/** Accept and relay, by each of the sets, in turn; tells the medians of so many rounds. */
export async function nodes(bench: Bench, rounds = ROUNDS): Promise<void> {
  if (await findDenokv() === undefined) {
    return bench.tell({
      what: "servers on one denokv: not measured, DENOKV names none",
      value: undefined,
      unit: "",
    });
  }
  for (const work of WORK) {
    const found = SETS.map((): Found[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, set] of SETS.entries()) found[i]!.push(await measured(bench, work, set));
    }
    tell(bench, work, found.map((all) => all.toSorted((a, b) => a.rate - b.rate)[rounds >> 1]!));
  }
}

function tell(bench: Bench, work: Work, found: readonly Found[]): void {
  const [alone] = found;
  for (const [i, { what, nodes, shared }] of SETS.entries()) {
    const { rate, cpu, store } = found[i]!;
    const row: Row = {
      what: `${work.what}, ${what}, ${SHARE} of a core each`,
      value: rate,
      unit: "messages/s",
      cpu,
    };
    bench.tell(row);
    if (!shared) continue;
    const of = `${work.what}, ${what}`;
    bench.tell({ what: `${of}: the denokv's own CPU`, value: store, unit: "ms each" });
    bench.tell({
      what: `${of}, against 1 embedded`,
      value: rate / alone!.rate,
      unit: "times",
      ...(nodes > 1 && { target: "≥ 2" }),
    });
  }
}

async function measured(bench: Bench, work: Work, { nodes, shared }: Set): Promise<Found> {
  await using kv = shared ? await Denokv.start() : undefined;
  await using share = new CpuShare(SHARE);
  const sink = await bench.load.run("sinkOpen");
  const servers: ServerProcess[] = [];
  try {
    for (let n = 0; n < nodes; n++) {
      servers.push(await ServerProcess.start(bench.folder(), work.mode, sink, 0, kv));
    }
    return await loaded(bench, { work, servers, share, kv });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await bench.load.run("sinkClose");
  }
}

/** Warms the servers up, holds them to their share, and loads all of them at once. */
async function loaded(
  bench: Bench,
  { work, servers, share, kv }: {
    work: Work;
    servers: readonly ServerProcess[];
    share: CpuShare;
    kv: Denokv | undefined;
  },
): Promise<Found> {
  let sent = 0;
  const send = async (messages: number): Promise<number> => {
    const from = performance.now();
    sent += messages * servers.length;
    await Promise.all(servers.map(async ({ smtp: port }) => {
      const { connections } = work;
      const { refused } = await bench.load.run("send", { connections, messages, size: SIZE, to: TO, port });
      if (refused > 0) throw new Error(`A server refused ${refused} of ${messages} messages`);
    }));
    if (work.mode === "relay") {
      const came = await bench.load.run("sinkUntil", sent, SINK_MS);
      if (came < sent) throw new Error(`The sink got ${came} of ${sent} messages`);
    }
    return messages * servers.length * 1000 / (performance.now() - from);
  };
  await send(WARM);
  for (const { pid } of servers) await share.hold(pid);
  for (const pid of kv ? [Deno.pid, kv.pid] : [Deno.pid]) await share.free(pid);
  const rate = await send(Math.ceil(WARM / 4));
  const cpu = () => servers.reduce((sum, server) => sum + (server.cpu() ?? NaN), 0);
  const before = { servers: cpu(), store: kv?.cpu() ?? 0 };
  const each = Math.ceil(rate / servers.length * bench.seconds);
  const found = await send(each);
  const ms = 1000 / (each * servers.length);
  return { rate: found, cpu: (cpu() - before.servers) * ms, store: ((kv?.cpu() ?? 0) - before.store) * ms };
}

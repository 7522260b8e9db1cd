/** The rows of the table that measure a long queue: how fast it grows, what it costs to start on and to look at, its flush. */

import type { Bench } from "./bench.ts";
import { median } from "./median.ts";
import { ServerProcess } from "./server_process.ts";

const SIZE = 4096;
const REMOTE = "user@sink.test";
const SINK_MS = 120_000;
const STARTS = 3;

/** A long queue, and its flush. */
export async function queue(bench: Bench): Promise<void> {
  const dir = await longQueue(bench, bench.queue);
  const sink = await bench.load.run("sinkOpen");
  try {
    const from = performance.now();
    await using _server = await ServerProcess.start(dir, "relay", sink);
    const came = await bench.load.run("sinkUntil", bench.queue, SINK_MS);
    const value = came * 1000 / (performance.now() - from);
    bench.tell({ what: `flush of ${came} messages, start included`, value, unit: "messages/s" });
  } finally {
    await bench.load.run("sinkClose");
  }
}

/** So many queued; answers the folder that has them. */
export async function longQueue(bench: Bench, count: number): Promise<string> {
  const dir = bench.folder();
  await fillQueue(bench, dir, count);
  await openQueue(bench, dir, count);
  return dir;
}

async function fillQueue(bench: Bench, dir: string, count: number): Promise<void> {
  await using server = await ServerProcess.start(dir, "hold");
  const chunk = Math.max(1000, Math.floor(count / 10));
  let first = 0;
  let last = 0;
  for (let sent = 0; sent < count; sent += chunk) {
    const messages = Math.min(chunk, count - sent);
    const load = { connections: 50, messages, size: SIZE, to: REMOTE, port: server.smtp };
    const result = await bench.load.sendAll(load);
    last = messages * 1000 / result.ms;
    // the first chunk is that of cold code
    if (sent <= chunk) first = last;
  }
  bench.tell({
    what: `accept with ${count} queued, against an empty queue`,
    value: last * 100 / first,
    unit: "%",
    target: "≥ 80",
  });
}

async function openQueue(bench: Bench, dir: string, count: number): Promise<void> {
  const starts: number[] = [];
  for (let n = 0; n < STARTS; n++) {
    await using server = await ServerProcess.start(dir, "hold");
    starts.push(server.startMs);
  }
  bench.tell({ what: `start with ${count} queued`, value: median(starts), unit: "ms", target: "< 300" });
  await using server = await ServerProcess.start(dir, "hold");
  for (
    const [what, path, target] of [
      ["the page's first view, after the start", "/", "< 200"],
      ["the page's list of the queue", "/queue", "< 200"],
    ] as const
  ) {
    bench.tell({ what, value: await server.view(path), unit: "ms", target });
  }
  for (
    const [what, path, target] of [
      [`page of a queue of ${count}`, "/api/v1/queue?limit=100", "< 20"],
      [`summary of a queue of ${count}`, "/api/v1/queue/summary", "< 100"],
    ] as const
  ) {
    await server.ask(path); // the code is warm from the second one on
    const times: number[] = [];
    for (let n = 0; n < 9; n++) times.push((await server.ask(path)).ms);
    bench.tell({ what, value: median(times), unit: "ms", target });
  }
  const peak = server.memory()?.peak;
  if (peak === undefined) return;
  bench.tell({ what: `memory with ${count} queued`, value: peak, unit: "MiB", target: "< 200" });
}

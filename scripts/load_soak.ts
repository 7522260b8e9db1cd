/**
 * A soak of a server at half of the load that it can take: letters for others, relayed to a sink, and letters for a
 * mailbox here, which a POP3 client empties. Prints a line for each minute: rate, latency, memory, CPU, queue and store.
 * Ends with 1 when a message that was answered 250 did not arrive, or when memory or latency grew between the first
 * third and the last one (of ten minutes or more; what is shorter is only counted).
 *
 * Usage: deno run -A scripts/load_soak.ts [--minutes 30] [--rate MESSAGES_A_SECOND]
 */

import { parseArgs } from "node:util";
import { sleep, systemClock } from "../src/base/clock.ts";
import { LoadWorker } from "./bench/load.ts";
import { ServerProcess } from "./bench/server_process.ts";
import type { Load, LoadResult } from "./bench/smtp_client.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "30" }, rate: { type: "string" } },
});
const MINUTES = Number(values.minutes);
const ROW_S = Math.min(60, MINUTES * 60);
/** Less tells nothing of growth: memory and the disk's log find their size in the first minutes. */
const LEAST_MINUTES = 10;
const FULL_MS = 10_000;
/** One letter of so many is for the mailbox. */
const LOCAL_SHARE = 4;
const SIZE = 4096;
const HERE = "user@local.test";
const PASSWORD = "bench";
const ELSEWHERE = "user@sink.test";
const CONNECTIONS = 16;
const ARRIVE_MS = 60_000;
/** What may grow, as a factor of the first third's median. */
const MOST = { memory: 1.1, latency: 1.5 } as const;
/** Half a millisecond more is no growth, whatever the factor. */
const SLACK_MS = 1;

interface Minute {
  readonly p50: number;
  readonly p99: number;
  readonly rss: number;
}

class Soak {
  accepted = { relayed: 0, kept: 0 };
  emptied = 0;
  readonly minutes: Minute[] = [];

  constructor(
    private readonly server: ServerProcess,
    private readonly loads: readonly [relayed: LoadWorker, kept: LoadWorker],
    private readonly dir: string,
  ) {}

  /** Half of what the server takes of this mix when nobody holds back. */
  async halfOfFull(): Promise<number> {
    await this.send(2000);
    let messages = 4000;
    for (;;) {
      const ms = await this.send(messages);
      if (ms >= FULL_MS / 2) return messages * 500 / ms;
      messages = Math.ceil(messages * Math.min(4, FULL_MS / ms));
    }
  }

  /** Sends so many, at that rate or as fast as can be; answers how long it took. */
  async send(messages: number, perSecond?: number): Promise<number> {
    const from = performance.now();
    await this.sendAll(messages, perSecond);
    return performance.now() - from;
  }

  /** One row of the table. */
  async minute(nth: number, perSecond: number): Promise<void> {
    const messages = Math.round(ROW_S * perSecond);
    const cpu = this.server.cpu() ?? 0;
    const from = performance.now();
    const { p50, p99 } = await this.sendAll(messages, perSecond);
    const seconds = (performance.now() - from) / 1000;
    const rss = this.server.memory()?.rss ?? 0;
    this.minutes.push({ p50, p99, rss });
    const { total } = (await this.server.ask("/api/v1/queue/summary")).answer;
    const row = [
      nth,
      (messages / seconds).toFixed(0),
      p50.toFixed(1),
      p99.toFixed(1),
      rss.toFixed(0),
      (((this.server.cpu() ?? 0) - cpu) * 100 / seconds).toFixed(0),
      String(total),
      (await sizeOf(`${this.dir}/data`) / 2 ** 20).toFixed(0),
    ];
    console.log(row.map((cell) => String(cell).padStart(9)).join(""));
  }

  private async sendAll(messages: number, perSecond?: number): Promise<LoadResult> {
    const kept = Math.floor(messages / LOCAL_SHARE);
    const load = (to: string, count: number): Load => ({
      port: this.server.smtp,
      to,
      messages: count,
      connections: to === HERE ? CONNECTIONS / LOCAL_SHARE : CONNECTIONS,
      size: SIZE,
      ...(perSecond !== undefined && { perSecond: perSecond * count / messages }),
    });
    const [one, other] = await Promise.all([
      this.loads[0].run("send", load(ELSEWHERE, messages - kept)),
      this.loads[1].run("send", load(HERE, kept)),
    ]);
    this.accepted.relayed += one.accepted;
    this.accepted.kept += other.accepted;
    if (one.refused + other.refused > 0) throw new Error(`${one.refused + other.refused} were refused`);
    return one;
  }
}

/** Empties the mailbox again and again; answers how many letters it got when it is told to stop and nothing is left. */
async function emptyMailbox(port: number, signal: AbortSignal): Promise<number> {
  const emptied = new LoadWorker();
  try {
    for (let got = 0;;) {
      const last = signal.aborted;
      got += await emptied.run("emptyMaildrop", port, HERE, PASSWORD);
      if (last) return got;
      await sleep(systemClock, 2000, signal).catch(() => {});
    }
  } finally {
    emptied.close();
  }
}

async function sizeOf(folder: string): Promise<number> {
  let size = 0;
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile) size += (await Deno.stat(`${folder}/${name}`)).size;
  }
  return size;
}

function median(of: readonly number[]): number {
  return of.toSorted((a, b) => a - b)[of.length >> 1]!;
}

/** What grew, in sentences. */
function growth(minutes: readonly Minute[]): string[] {
  const third = Math.floor(minutes.length / 3);
  const found: string[] = [];
  const compare = (what: string, of: (minute: Minute) => number, most: number, slack: number) => {
    const first = median(minutes.slice(0, third).map(of));
    const last = median(minutes.slice(-third).map(of));
    console.log(`${what}: median of the first third ${first.toFixed(1)}, of the last one ${last.toFixed(1)}`);
    if (last > first * most + slack) found.push(`${what} grew`);
  };
  compare("memory, MiB", ({ rss }) => rss, MOST.memory, 0);
  compare("p50, ms", ({ p50 }) => p50, MOST.latency, SLACK_MS);
  compare("p99, ms", ({ p99 }) => p99, MOST.latency, SLACK_MS);
  return found;
}

async function main(): Promise<string[]> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost-soak-" });
  const loads = [new LoadWorker(), new LoadWorker()] as const;
  const stop = new AbortController();
  try {
    const sink = await loads[0].run("sinkOpen");
    await using server = await ServerProcess.start(dir, "relay", sink);
    const emptying = emptyMailbox(server.pop3, stop.signal);
    emptying.catch((error) => console.error(`The mailbox could not be emptied: ${error.message}`));
    const soak = new Soak(server, loads, dir);
    const rate = values.rate === undefined ? await soak.halfOfFull() : Number(values.rate);
    console.log(`${rate.toFixed(0)} messages a second, for ${MINUTES} minutes`);
    const head = ["minute", "each s", "p50 ms", "p99 ms", "RSS MiB", "CPU %", "queued", "disk MiB"];
    console.log(head.map((cell) => cell.padStart(9)).join(""));
    for (let n = 1; n <= Math.ceil(MINUTES * 60 / ROW_S); n++) await soak.minute(n, rate);
    const { relayed, kept } = soak.accepted;
    const came = await loads[0].run("sinkUntil", relayed, ARRIVE_MS);
    stop.abort();
    const got = await emptying;
    console.log(
      `${relayed + kept} accepted, ${relayed + kept - came - got} lost: ` +
        `${came} of ${relayed} arrived, ${got} of ${kept} were in the mailbox`,
    );
    const faults = came === relayed && got === kept ? [] : ["not each message arrived once"];
    return MINUTES < LEAST_MINUTES ? faults : [...faults, ...growth(soak.minutes)];
  } finally {
    stop.abort();
    for (const load of loads) load.close();
    await Deno.remove(dir, { recursive: true });
  }
}

const faults = await main();
for (const fault of faults) console.error(`Failed: ${fault}.`);
if (faults.length > 0) Deno.exitCode = 1;

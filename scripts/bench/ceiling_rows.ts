/** The rows of the table that hold what is accepted against what bare Deno with KV commit groups accepts in the same run. */

import type { Bench } from "./bench.ts";
import { ServerProcess } from "./server_process.ts";
import type { Load } from "./smtp_client.ts";

const SIZE = 4096;
const TO = "user@sink.test";
const ROUNDS = 3;
/** The first messages go through cold code. */
const WARM_UP = 6000;
const SETS: readonly [what: string, set: Pick<Load, "connections" | "anew">, target?: string][] = [
  ["1 connection", { connections: 1 }, "≥ 75"],
  ["10 connections", { connections: 10 }],
  ["50 connections", { connections: 50 }, "≥ 75"],
  ["200 connections", { connections: 200 }],
  ["10 at a time, a new connection each", { connections: 10, anew: true }],
];

/** Both take turns, each with its own store. */
export async function ceiling(bench: Bench): Promise<void> {
  await using bare = await Bare.start(bench.folder());
  await using server = await ServerProcess.start(bench.folder(), "hold");
  for (const port of [bare.port, server.smtp]) {
    await send(bench, { port, connections: 20, messages: WARM_UP });
  }
  for (const [what, set, target] of SETS) {
    const rates = { bare: [] as number[], ours: [] as number[] };
    for (let n = 0; n < ROUNDS; n++) {
      rates.bare.push(await rate(bench, bare.port, set));
      rates.ours.push(await rate(bench, server.smtp, set));
    }
    const value = middle(rates.bare);
    bench.tell({ what: `bare Deno KV commit groups, 4 KiB, ${what}`, value, unit: "messages/s" });
    bench.tell({
      what: `accept 4 KiB, ${what}, of that`,
      value: middle(rates.ours) * 100 / value,
      unit: "%",
      ...(target && { target }),
    });
  }
}

/** Messages a second, over about the wanted time. */
async function rate(
  bench: Bench,
  port: number,
  set: Pick<Load, "connections" | "anew">,
): Promise<number> {
  const first = Math.max(200, 2 * set.connections);
  const messages = first * bench.seconds * 1000 / await send(bench, { port, messages: first, ...set });
  const whole = Math.ceil(Math.max(first, messages));
  return whole * 1000 / await send(bench, { port, messages: whole, ...set });
}

/** Answers the milliseconds. */
async function send(
  bench: Bench,
  load: Pick<Load, "port" | "messages" | "connections" | "anew">,
): Promise<number> {
  const { ms, refused } = await bench.load.run("send", { ...load, size: SIZE, to: TO });
  if (refused > 0) throw new Error(`${refused} of ${load.messages} messages were refused`);
  return ms;
}

/** `ceiling.ts` in a process of its own. */
class Bare implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, readonly port: number) {
    this.#child = child;
  }

  static async start(dir: string): Promise<Bare> {
    await Deno.mkdir(dir, { recursive: true });
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("./ceiling.ts", import.meta.url).pathname, "--dir", dir],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    while (!said.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error("The bare server did not start");
      said += value;
    }
    await reader.cancel();
    return new Bare(child, Number(said));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

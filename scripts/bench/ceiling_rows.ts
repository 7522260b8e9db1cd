/** The rows of the table that hold what is accepted against what bare Deno with KV commit groups accepts in the same run. */

import { Bare } from "./bare.ts";
import type { Bench } from "./bench.ts";
import { median } from "./median.ts";
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
    const value = median(rates.bare);
    bench.tell({ what: `bare Deno KV commit groups, 4 KiB, ${what}`, value, unit: "messages/s" });
    bench.tell({
      what: `accept 4 KiB, ${what}, of that`,
      value: median(rates.ours) * 100 / value,
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
  return (await bench.load.sendAll({ ...load, size: SIZE, to: TO })).ms;
}

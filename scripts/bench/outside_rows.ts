/** The rows that measure `serve --capture` as tests in other languages meet it: over SMTP and HTTP, Mailpit beside it. */

import { systemClock } from "../../src/base/clock.ts";
import { SmtpClient } from "../../src/smtp/client/client.ts";
import type { Bench } from "./bench.ts";
import { Mailpit } from "./mailpit.ts";
import { ServerProcess } from "./server_process.ts";

const STARTS = 5;
/** What is loaded behind the start is loaded by then. */
const REST_MS = 1000;
const WARM = 30;
const ROUNDS = 100;
const WAITERS = 1000;
const AT_A_TIME = 50;
const encoder = new TextEncoder();

/** All of them. */
export async function outside(bench: Bench): Promise<void> {
  await starts(bench);
  {
    await using server = await ServerProcess.start(bench.folder(), "plain");
    await waits(bench, server);
  }
  await polls(bench);
  await waiters(bench);
}

/** From the command to the line `ready`, and the memory then and a little later. */
async function starts(bench: Bench): Promise<void> {
  const ready: number[] = [];
  const memory: number[] = [];
  const later: number[] = [];
  for (let n = 0; n <= STARTS; n++) {
    await using server = await ServerProcess.start(bench.folder(), "plain");
    const { rss } = server.memory() ?? { rss: 0 };
    await pause(REST_MS);
    if (n === 0) continue; // it may have been compiled for the first time
    ready.push(server.startMs);
    memory.push(rss);
    later.push(server.memory()?.rss ?? 0);
  }
  bench.tell({ what: "serve --capture: ready", value: middle(ready), unit: "ms", target: "≤ 300" });
  bench.tell({
    what: "serve --capture: memory when ready",
    value: middle(memory),
    unit: "MiB",
    target: "≤ 90",
  });
  bench.tell({ what: "serve --capture: memory a second later", value: middle(later), unit: "MiB" });
}

/** From the beginning of the SMTP session to the parsed message, which a wait over HTTP answers. */
async function waits(bench: Bench, { smtp, admin }: { smtp: number; admin: number }): Promise<void> {
  const found = await times(async (n) => {
    const to = `test${n}@example.org`;
    const waiting = get(
      admin,
      `/api/v1/wait?${new URLSearchParams({ mailbox: to, subject: `Number ${n}.` })}`,
    );
    await send(smtp, to, n);
    if ((await waiting).subject !== `Number ${n}.`) throw new Error("Another message was answered");
  });
  bench.tell({ what: "send to read over HTTP, by wait", ...row(found), target: "≤ 4" });
}

/** The same with Mailpit: asked each millisecond what is there, then for the message. */
async function polls(bench: Bench): Promise<void> {
  await using server = await Mailpit.start();
  if (!server) return console.error("Mailpit is not beside it: INTEROP_MAILPIT names no program");
  const { admin, smtp } = server;
  let before: unknown;
  const found = await times(async (n) => {
    await send(smtp, `test${n}@example.org`, n);
    for (;;) {
      const id = (await get(admin, "/api/v1/messages?limit=1")).messages[0]?.ID;
      if (id !== undefined && id !== before) {
        before = id;
        if ((await get(admin, `/api/v1/message/${id}`)).Subject === `Number ${n}.`) return;
      }
      await pause(1);
    }
  });
  bench.tell({ what: "send to read over HTTP, Mailpit by polling", ...row(found) });
}

/** What it takes that so many wait at once, each on a connection and for a mailbox of its own. */
async function waiters(bench: Bench): Promise<void> {
  await using server = await ServerProcess.start(bench.folder(), "plain");
  const conns: Deno.Conn[] = [];
  const wait = async (n: number) => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.admin });
    conns.push(conn);
    const path = `/api/v1/wait?mailbox=test${n}@example.org&timeout=1m`;
    await conn.write(encoder.encode(`GET ${path} HTTP/1.1\r\nHost: localhost:${server.admin}\r\n\r\n`));
  };
  const all = async (count: number) => {
    for (let n = 0; n < count; n += AT_A_TIME) {
      await Promise.all(Array.from({ length: AT_A_TIME }, (_, i) => wait(n + i)));
    }
    await idle(server);
  };
  await all(AT_A_TIME); // the code is warm from then on
  const before = server.memory()?.rss ?? 0;
  await all(WAITERS);
  const value = (server.memory()?.rss ?? 0) - before;
  for (const conn of conns) conn.close();
  const what = `${WAITERS.toLocaleString("en")} waiters: memory more`;
  bench.tell({ what, value, unit: "MiB", target: "≤ 50" });
}

/** Resolves when the server has nothing to do. */
async function idle(server: ServerProcess): Promise<void> {
  for (let before = -1, now = server.cpu() ?? 0; now - before > 0.02; now = server.cpu() ?? 0) {
    before = now;
    await pause(REST_MS / 2);
  }
}

async function send(port: number, to: string, n: number): Promise<void> {
  const text = encoder.encode(`From: a@example.com\r\nTo: ${to}\r\nSubject: Number ${n}.\r\n\r\nHi\r\n`);
  const connected = await SmtpClient.connect({ host: "localhost", address: "127.0.0.1", port }, {
    hostname: "client.example",
    clock: systemClock,
    tls: "never",
  });
  if (!connected.ok) throw new Error(connected.outcome.text);
  const { client } = connected;
  const [outcome] = await client.send({
    sender: "a@example.com",
    recipients: [{ address: to }],
    size: text.length,
    parameters: {},
    text: () => [text],
  });
  await client.quit();
  if (outcome?.kind !== "delivered") throw new Error(outcome?.text);
}

// deno-lint-ignore no-explicit-any
async function get(port: number, path: string): Promise<any> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return await response.json();
}

/** How long each round took, sorted: milliseconds. */
async function times(round: (n: number) => Promise<void>): Promise<number[]> {
  const all: number[] = [];
  for (let n = 0; n < WARM + ROUNDS; n++) {
    const from = performance.now();
    await round(n);
    if (n >= WARM) all.push(performance.now() - from);
  }
  return all.sort((a, b) => a - b);
}

function row(sorted: readonly number[]) {
  return {
    value: middle(sorted),
    unit: "ms",
    p50: middle(sorted),
    p99: sorted[Math.floor(sorted.length * 0.99)]!,
  };
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** The rows of the table: each is a function here. */

import { Denokv } from "../../tests/support/denokv.ts";
import type { Bench, Row } from "./bench.ts";
import { bulk } from "./bulk_rows.ts";
import { captured, mailpit } from "./capture_rows.ts";
import { ceiling } from "./ceiling_rows.ts";
import { checks } from "./check_rows.ts";
import { harness } from "./harness_rows.ts";
import { imap } from "./imap_rows.ts";
import { LoadWorker } from "./load.ts";
import { logins } from "./login_rows.ts";
import { median } from "./median.ts";
import { nodes } from "./nodes_rows.ts";
import { postfix } from "./postfix_rows.ts";
import { queue } from "./queue_rows.ts";
import { keysOf, lagWhileSigning, signatureRate } from "./signing.ts";
import { search } from "./search_rows.ts";
import { type Mode, ServerProcess } from "./server_process.ts";
import type { Load } from "./smtp_client.ts";
import { waiting } from "./waiting_rows.ts";

const SIZE = 4096;
const LOCAL = "user@local.test";
const REMOTE = "user@sink.test";
const MOST = 200_000;
const SINK_MS = 120_000;

/** The rows by the name that `--only` takes. */
export const ROWS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  accept,
  ceiling,
  postfix: (bench) => postfix(bench),
  deliver,
  shared,
  nodes: (bench) => nodes(bench),
  relay,
  signing,
  big,
  parallel,
  tls,
  idle,
  start,
  logins,
  pop3,
  mailbox,
  queue,
  waiting,
  bulk,
  listeners,
  harness,
  search,
  imap,
  checks,
  mailpit,
  captured,
};

async function accept(bench: Bench): Promise<void> {
  await using server = await serve(bench, "hold");
  const to = REMOTE;
  const sets: [string, Pick<Load, "connections" | "anew" | "pipelined">, string?][] = [
    ["1 connection", { connections: 1 }, "≥ 1,500"],
    ["10 connections", { connections: 10 }],
    ["50 connections", { connections: 50 }, "≥ 5,000"],
    ["200 connections", { connections: 200 }],
    ["50 connections, pipelining", { connections: 50, pipelined: true }],
    ["10 at a time, a new connection each", { connections: 10, anew: true }],
  ];
  for (const [what, set, target] of sets) {
    const found = await measure(bench, server, { ...set, to, size: SIZE });
    bench.tell({ what: `accept 4 KiB, ${what}`, ...found, ...(target ? { target } : {}) });
  }
}

async function deliver(bench: Bench): Promise<void> {
  await using server = await serve(bench, "local");
  const found = await measure(bench, server, { connections: 20, to: LOCAL, size: SIZE });
  bench.tell({ what: "accept into a mailbox, 20 connections", ...found });
}

/** The same store twice: in a file, and over a denokv, which the environment variable `DENOKV` names. */
async function shared(bench: Bench): Promise<void> {
  const load = { connections: 50, to: LOCAL, size: SIZE };
  {
    await using server = await serve(bench, "local");
    bench.tell({ what: "accept into a mailbox, 50 connections", ...await measure(bench, server, load) });
  }
  await using kv = await Denokv.start();
  await using server = await ServerProcess.start(bench.folder(), "local", 0, 0, kv);
  const found = await measure(bench, server, load);
  bench.tell({ what: "accept into a mailbox over a denokv, 50 connections", ...found, target: "≥ 1,500" });
}

async function relay(bench: Bench): Promise<void> {
  bench.tell({ what: "relay to a sink, 20 connections", ...await relayed(bench, bench.folder()) });
}

/** The same with keys for the load's From: signatures cost what they cost, and hold up nobody. */
async function signing(bench: Bench): Promise<void> {
  const lag = await lagWhileSigning();
  bench.tell({
    what: "event loop lag while 1,000 are signed twice, p99",
    value: lag,
    unit: "ms",
    target: "< 20",
  });
  const rate = await signatureRate(bench.seconds);
  bench.tell({ what: "RSA-2048 signatures, two at once", value: rate, unit: "signatures/s" });
  let unsigned = 0;
  const rows = [["", "unsigned"], ["e", "signed by Ed25519"], ["re", "signed by RSA and Ed25519"]] as const;
  for (const [kinds, what] of rows) {
    const dir = bench.folder();
    await keysOf(`${dir}/data`, kinds);
    const found = await relayed(bench, dir);
    unsigned ||= found.value ?? 0;
    const least = { "": 0, e: 0.9 * unsigned, re: 0.8 * Math.min(rate, unsigned) }[kinds];
    bench.tell({ what: `relay, ${what}`, ...found, ...(least > 0 && { target: `≥ ${least.toFixed(0)}` }) });
  }
}

/** Relays for as long as is measured. */
async function relayed(bench: Bench, dir: string): Promise<Omit<Row, "what">> {
  const sink = await bench.load.run("sinkOpen");
  try {
    await using server = await ServerProcess.start(dir, "relay", sink);
    let before = 0;
    const arrive = async (expected: number) => {
      const came = await bench.load.run("sinkUntil", before + expected, SINK_MS);
      if (came < before + expected) throw new Error(`The sink got ${came - before} of ${expected} messages`);
      before = came;
    };
    return await measure(bench, server, { connections: 20, to: REMOTE, size: SIZE }, arrive);
  } finally {
    await bench.load.run("sinkClose");
  }
}

async function big(bench: Bench): Promise<void> {
  for (const mib of [10, 25]) {
    await using server = await serve(bench, "hold");
    const messages = Math.ceil(240 / mib);
    const from = server.cpu();
    const load = { connections: 4, messages, size: mib * 2 ** 20, to: REMOTE, port: server.smtp };
    const result = await bench.load.sendAll(load);
    bench.tell({
      what: `accept ${mib} MiB, 4 connections`,
      value: mib * messages * 1000 / result.ms,
      unit: "MiB/s",
      ...costs(server, from, messages),
    });
  }
}

async function parallel(bench: Bench): Promise<void> {
  await using server = await serve(bench, "hold");
  const load = { connections: 50, messages: 50, size: 20 * 2 ** 20, to: REMOTE, port: server.smtp };
  const result = await bench.load.sendAll(load);
  const value = 20 * load.messages * 1000 / result.ms;
  const peak = server.memory()?.peak;
  bench.tell({ what: "accept 50 at a time of 20 MiB", value, unit: "MiB/s", ...(peak && { peak }) });
}

async function tls(bench: Bench): Promise<void> {
  const dir = bench.folder();
  await using server = await ServerProcess.start(dir, "hold", 0, 1);
  const cert = await Deno.readTextFile(`${dir}/data/tls-cert.pem`);
  await bench.load.run("handshakes", server.submission, 300, cert); // the code is warm then
  const value = await bench.load.run("handshakes", server.submission, 300 * bench.seconds, cert);
  bench.tell({ what: "STARTTLS, a new connection each", value, unit: "handshakes/s", target: "≥ 300" });
}

async function idle(bench: Bench): Promise<void> {
  for (const count of [1000, 5000]) {
    await using server = await serve(bench, "hold");
    await warmUp(bench, server);
    const before = server.memory()?.rss;
    if (before === undefined) return; // the system doesn't tell
    try {
      await bench.load.run("idleOpen", server.smtp, count);
      await pause(1000);
      const grown = (server.memory()!.rss - before) * 1024 / count;
      const target = count === 1000 ? { target: "< 40" } : {};
      bench.tell({ what: `idle, ${count} connections`, value: grown, unit: "KiB each", ...target });
    } finally {
      await bench.load.run("idleClose");
    }
  }
}

async function start(bench: Bench): Promise<void> {
  const times: number[] = [];
  const dir = bench.folder();
  for (let n = 0; n < 6; n++) {
    await using server = await ServerProcess.start(dir, "hold");
    if (n > 0) times.push(server.startMs); // the first one makes the data directory
  }
  bench.tell({ what: "start to ready", value: median(times), unit: "ms", target: "< 300" });
}

async function pop3(bench: Bench): Promise<void> {
  await using server = await serve(bench, "local");
  const messages = 2000;
  const load = { connections: 20, messages, size: SIZE, to: LOCAL, port: server.smtp };
  await bench.load.sendAll(load);
  for (let round = 0; round < 3; round++) {
    const found = await bench.load.run("readMaildrop", server.pop3, LOCAL, "bench");
    if (found.messages !== messages) throw new Error(`The maildrop has ${found.messages} of ${messages}`);
    if (round < 2) continue; // the code is warm from the third one on
    for (const [what, value] of [["STAT", found.stat], ["LIST", found.list], ["UIDL", found.uidl]] as const) {
      bench.tell({ what: `POP3 ${what}, 2,000 messages`, value, unit: "ms", target: "< 50" });
    }
    const value = messages * 1000 / found.retr;
    bench.tell({ what: "POP3 RETR of all, pipelined", value, unit: "messages/s" });
  }
}

async function mailbox(bench: Bench): Promise<void> {
  const dir = bench.folder();
  const messages = bench.mailbox;
  {
    await using server = await ServerProcess.start(dir, "local");
    const load = { connections: 50, messages, size: SIZE, to: LOCAL, port: server.smtp };
    await bench.load.sendAll(load);
  }
  await using server = await ServerProcess.start(dir, "local");
  const found = await bench.load.run("readMaildrop", server.pop3, LOCAL, "bench", 100);
  if (found.messages !== messages) throw new Error(`The maildrop has ${found.messages} of ${messages}`);
  for (const [what, value, target] of [["PASS", found.open, "< 2,000"], ["UIDL", found.uidl, ""]] as const) {
    bench.tell({ what: `POP3 ${what}, ${messages} messages, cold`, value, unit: "ms", target });
  }
  const peak = server.memory()?.peak;
  if (peak === undefined) return;
  bench.tell({ what: `memory with ${messages} in a maildrop`, value: peak, unit: "MiB", target: "< 150" });
}

/** What 100 who listen to the events cost those who send: rounds with and without them take turns. */
async function listeners(bench: Bench): Promise<void> {
  await using server = await serve(bench, "hold");
  const ears = new LoadWorker();
  const shares: number[] = [];
  const cpu: number[] = [];
  const set = { connections: 50, to: REMOTE, size: SIZE };
  try {
    await measure(bench, server, set);
    for (let n = 0; n < 5; n++) {
      const alone = await measure(bench, server, set);
      await ears.run("listen", server.admin, 100);
      const heard = await measure(bench, server, set);
      const events = await ears.run("listened");
      if (events === 0) throw new Error("The listeners heard nothing");
      shares.push(heard.value! * 100 / alone.value!);
      if (alone.cpu && heard.cpu) cpu.push((heard.cpu - alone.cpu) * 100 / alone.cpu);
    }
  } finally {
    ears.close();
  }
  const what = "accept with 100 who listen to the events, against none";
  bench.tell({ what, value: median(shares), unit: "%", target: "≥ 95" });
  if (cpu.length > 0) {
    bench.tell({ what: "what they add to the server's CPU", value: median(cpu), unit: "%" });
  }
}

/** A server that has an empty store. */
function serve(bench: Bench, mode: Mode): Promise<ServerProcess> {
  return ServerProcess.start(bench.folder(), mode);
}

async function warmUp(bench: Bench, server: ServerProcess): Promise<void> {
  await bench.load.run("send", { connections: 5, messages: 500, size: SIZE, to: REMOTE, port: server.smtp });
}

/** Sends as many as last the wanted time, after a warm-up that tells how many that are. */
async function measure(
  bench: Bench,
  server: ServerProcess,
  of: Omit<Load, "port" | "messages">,
  arrive: (messages: number) => Promise<void> = () => Promise.resolve(),
): Promise<Omit<Row, "what">> {
  const send = async (messages: number) => {
    const load = { ...of, port: server.smtp, messages };
    const from = performance.now();
    const result = await bench.load.sendAll(load);
    await arrive(messages);
    return { ...result, ms: performance.now() - from };
  };
  const first = Math.max(300, 4 * of.connections);
  let rate = first / (await send(first)).ms;
  const second = Math.ceil(Math.max(first, rate * 500));
  rate = second / (await send(second)).ms;
  const messages = Math.ceil(Math.min(MOST, Math.max(first, rate * bench.seconds * 1000)));
  const from = server.cpu();
  const { ms, p50, p99 } = await send(messages);
  return { value: messages * 1000 / ms, unit: "messages/s", p50, p99, ...costs(server, from, messages) };
}

function costs(server: ServerProcess, from: number | undefined, messages: number): Partial<Row> {
  const to = server.cpu();
  const memory = server.memory();
  return {
    ...(from === undefined || to === undefined ? {} : { cpu: (to - from) * 1000 / messages }),
    ...(memory === undefined ? {} : { peak: memory.peak }),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

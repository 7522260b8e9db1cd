/** The rows of the table that measure the harness: what a test with a mail server of its own, or beside it, costs. */

import { systemClock } from "../../src/base/clock.ts";
import { MovableClock } from "../../src/base/movable_clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { MailServer } from "../../src/mail_server.ts";
import { Journal } from "../../src/observe/journal.ts";
import { assertMail, LoopbackInternet } from "../../src/testing/mod.ts";
import type { Bench } from "./bench.ts";
import { outside } from "./outside_rows.ts";

const ROUNDS = 100;
/** The code is warm from then on. */
const WARM = 20;
const TO = "jo@example.org";
const MESSAGES = 1000;
const AT_A_TIME = 50;

/** All of them. */
export async function harness(bench: Bench): Promise<void> {
  await inside(bench);
  await retries(bench, { retry: "15m", messages: 1 });
  await retries(bench, { retry: "6h", messages: MESSAGES });
  await outside(bench);
}

/** A start, a whole test, and a message from send to assert, in this process. */
async function inside(bench: Bench): Promise<void> {
  const overrides = {
    domains: ["example.org"],
    listen: { smtp: ["127.0.0.1:0"], pop3: [], admin: [] },
    accounts: { [TO]: { password: "secret" } },
  };
  const config = await loadConfig({ env: {}, overrides });
  const started = await times(async () => {
    const server = await MailServer.start(config, { inMemory: true, journal: new Journal(undefined) });
    return () => server.stop();
  });
  bench.tell({ what: "start in memory, in process", ...row(started), target: "≤ 5" });
  const whole = await times(async () => {
    await using internet = await LoopbackInternet.start();
    const host = await internet.host("example.org", { accounts: { jo: "secret" } });
    await host.send({ from: "a@example.com", to: TO, text: "Subject: Hi\r\n\r\nHi\r\n" });
    assertMail(await host.inbox(TO).wait(), { subject: "Hi" });
  });
  bench.tell({ what: "a whole test: start, send, wait, assert, stop", ...row(whole), target: "≤ 10" });
  await using internet = await LoopbackInternet.start();
  const host = await internet.host("example.org", { accounts: { jo: "secret" } });
  let number = 0;
  let since = new Date(internet.clock.now()).toISOString();
  const asserted = await times(async () => {
    const subject = `Message ${number++}.`;
    const waiting = host.inbox(TO).wait({ subject, since });
    await host.send({ from: "a@example.com", to: TO, text: `Subject: ${subject}\r\n\r\nHi\r\n` });
    const mail = await waiting;
    assertMail(mail, { subject });
    since = mail.id;
  });
  bench.tell({ what: "send to asserted, in process", ...row(asserted), target: "≤ 3" });
  const p95 = asserted[Math.floor(asserted.length * 0.95)]!;
  bench.tell({ what: "the same, 95 of 100", value: p95, unit: "ms", target: "≤ 8" });
}

/** Five days by the clock call, with a next server that refuses connections: each retry, warning and return happens. */
async function retries(
  bench: Bench,
  { retry, messages }: { retry: string; messages: number },
): Promise<void> {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const smartHost = { host: "127.0.0.1", port: closed.addr.port, tls: "never" };
  closed.close();
  const overrides = {
    domains: ["example.org"],
    listen: { smtp: [], pop3: [], admin: [] },
    accounts: { [TO]: { password: "secret" } },
    relay: { smartHost },
    queue: { retry },
    admin: { token: "bench" },
  };
  const config = await loadConfig({ env: {}, overrides });
  const options = { inMemory: true, journal: new Journal(undefined), clock: new MovableClock(systemClock) };
  await using server = await MailServer.start(config, options);
  const post = async (path: string, body: unknown) => {
    const headers = { authorization: "Bearer bench", "content-type": "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await server.fetch(new Request(`http://localhost/api/v1${path}`, request));
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
  const letter = (n: number) => ({ from: TO, to: [`u${n}@far.example`], subject: `Number ${n}`, text: "Hi" });
  for (let n = 0; n < messages; n += AT_A_TIME) {
    const count = Math.min(AT_A_TIME, messages - n);
    await Promise.all(Array.from({ length: count }, (_, i) => post("/messages", letter(n + i))));
  }
  await server.queue.idle();
  const from = performance.now();
  await post("/clock", { advance: "5d" });
  const value = (performance.now() - from) / 1000;
  if ((await server.queue.select({})).length > 0) throw new Error("Messages are still in the queue");
  const who = messages === 1 ? "one message" : `${messages.toLocaleString("en")} messages`;
  bench.tell({ what: `five days of retries, ${retry}, ${who}`, value, unit: "s", target: "≤ 2" });
}

/** How long each round took, sorted: milliseconds. What a round answers is done behind it. */
async function times(round: () => Promise<void | (() => Promise<void>)>): Promise<number[]> {
  const all: number[] = [];
  for (let n = 0; n < WARM + ROUNDS; n++) {
    const from = performance.now();
    const after = await round();
    if (n >= WARM) all.push(performance.now() - from);
    await after?.();
  }
  return all.sort((a, b) => a - b);
}

function row(sorted: readonly number[]) {
  const p50 = sorted[sorted.length >> 1]!;
  return { value: p50, unit: "ms", p50, p99: sorted[Math.floor(sorted.length * 0.99)]! };
}

/** The rows of the table that measure the harness: what a test with a mail server of its own costs. */

import { loadConfig } from "../../src/config/load.ts";
import { MailServer } from "../../src/mail_server.ts";
import { Journal } from "../../src/observe/journal.ts";
import { assertMail, LoopbackInternet } from "../../src/testing/mod.ts";
import type { Bench } from "./bench.ts";

const ROUNDS = 100;
/** The code is warm from then on. */
const WARM = 20;
const TO = "jo@example.org";

/** A start, a whole test, and a message from send to assert, in this process. */
export async function harness(bench: Bench): Promise<void> {
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

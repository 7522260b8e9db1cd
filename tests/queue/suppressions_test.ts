import { assert, assertEquals, assertMatch } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { type AttemptEvent, Journal } from "../../src/observe/journal.ts";
import { Suppressions } from "../../src/queue/suppressions.ts";
import { sweepExpired } from "../../src/storage/expiry.ts";
import { LoopbackInternet } from "../../src/testing/mod.ts";
import { keysUnder, memoryStore } from "../storage/stores.ts";

const DAY = 24 * 3600_000;
const JO = "jo@there.example";

async function scene() {
  const store = await memoryStore();
  const clock = new ManualClock();
  const journal = new Journal(undefined);
  let suppressed = 0;
  const made = () => new Suppressions(store, { clock, journal, onSuppressed: () => suppressed++ });
  const suppressions = made();
  let ids = 0;
  const event = (of: Partial<AttemptEvent>) =>
    journal.emit({
      type: "bounced",
      id: `M${++ids}`,
      recipient: JO,
      status: "5.1.1",
      code: 550,
      text: "no such user",
      durationMs: 1,
      ...of,
    });
  const bounce = async (of: Partial<AttemptEvent> = {}, times = 1) => {
    for (let i = 0; i < times; i++) event(of);
    await suppressions.settled;
  };
  return {
    store,
    clock,
    journal,
    suppressions,
    made,
    bounce,
    get suppressed() {
      return suppressed;
    },
    async [Symbol.asyncDispose]() {
      await suppressions.close();
      await store.close();
    },
  };
}

Deno.test("an address whose messages come back three times in thirty days is suppressed for thirty", async () => {
  await using list = await scene();
  await list.bounce({}, 2);
  assertEquals(await list.suppressions.get(JO), undefined);
  await list.bounce({ recipient: "JO@There.Example" });
  const found = await list.suppressions.get(JO);
  assertEquals(found, {
    address: "JO@There.Example",
    by: "bounces",
    since: list.clock.now(),
    until: list.clock.now() + 30 * DAY,
    reason: "3 messages came back, the last one with: 550 5.1.1 no such user",
  });
  const failure = list.suppressions.failureFor((await list.suppressions.get(JO))!);
  assertEquals([failure?.kind, failure?.status, list.suppressed], ["failed", "5.7.1", 1]);
  assertMatch(
    failure!.text,
    /^JO@There\.Example is on the suppression list of this server since 2026-01-05 until 2026-02-04: 3 /,
  );
  list.clock.advance(30 * DAY);
  assertEquals(await list.suppressions.get(JO), undefined);
  await sweepExpired(list.store, list.clock.now());
  assertEquals(await keysUnder(list.store.kv, "suppression"), []);
});

Deno.test("what a peer says of a moment, of us or of a message doesn't count, nor what we say ourselves", async () => {
  await using list = await scene();
  await list.bounce({ status: "5.7.1" }, 3);
  await list.bounce({ status: "5.0.0" }, 3);
  await list.bounce({ status: "5.4.7", code: 451 }, 3);
  await list.bounce({ returned: true }, 3);
  const { code: _, ...own } = {
    type: "bounced",
    id: "X",
    recipient: JO,
    status: "5.1.1",
    code: 1,
    text: "",
    durationMs: 0,
  } as const;
  for (let i = 0; i < 3; i++) list.journal.emit({ ...own, id: `X${i}` });
  await list.bounce({ type: "deferred" }, 3);
  assertEquals(await list.suppressions.list(), []);
  assertEquals(await keysUnder(list.store.kv, "suppression"), []);
});

Deno.test("one message counts once, and a delivery between has the counting begin anew", async () => {
  await using list = await scene();
  await list.bounce({ id: "A" }, 3);
  await list.bounce();
  await list.bounce({ type: "delivered", status: "2.0.0", code: 250 });
  await list.bounce({}, 2);
  assertEquals(await list.suppressions.list(), []);
  list.clock.advance(30 * DAY);
  await list.bounce({}, 2);
  assertEquals(await list.suppressions.list(), [], "what is a month old doesn't count");
});

Deno.test("the counting goes on after a restart, and a delivery then ends it", async () => {
  await using list = await scene();
  await list.bounce({}, 2);
  await list.suppressions.close();
  const again = list.made();
  list.journal.emit({ type: "delivered", id: "Z", recipient: JO, status: "2.0.0", text: "", durationMs: 1 });
  await again.settled;
  assertEquals(await keysUnder(list.store.kv, "suppression"), []);
  await again.close();
});

Deno.test("an operator puts addresses on the list and takes them off", async () => {
  await using list = await scene();
  await list.suppressions.put({ address: JO, by: "operator", reason: "They asked" });
  await list.suppressions.put({
    address: "ann@there.example",
    by: "operator",
    until: list.clock.now() + DAY,
  });
  assertEquals((await list.suppressions.list()).map(({ address }) => address), ["ann@there.example", JO]);
  list.clock.advance(DAY);
  assertEquals((await list.suppressions.list()).map(({ address }) => address), [JO]);
  await list.bounce({}, 2);
  assertEquals(await list.suppressions.remove("Jo@there.example"), true);
  assertEquals(await list.suppressions.remove(JO), false);
  await list.bounce();
  assertEquals(await list.suppressions.list(), [], "its bounces are counted from the beginning");
});

Deno.test("a message to a suppressed address is not tried and comes back with the reason; the others get it", async () => {
  await using internet = await LoopbackInternet.start({ seed: 1 });
  const journal = new Journal(undefined);
  const noted = Promise.withResolvers<void>();
  journal.on((event) => event.type === "note" && event.what === "address suppressed" && noted.resolve());
  const here = await internet.host("here.example", {
    accounts: { brain: "secret" },
    journal,
    config: { admin: { token: "sesame" } },
  });
  const peer = internet.peer("there.example", {
    rcpt: (line) => line.includes("<gone@") ? "550 5.1.1 No such user" : "250 2.1.5 Ok",
  });
  const send = async (to: string[]) => {
    await here.send({ from: "brain@here.example", to, text: "Subject: x\r\n\r\nHi\r\n" });
    await internet.settled();
  };
  for (let i = 0; i < 3; i++) await send(["gone@there.example"]);
  await noted.promise;
  assertEquals(peer.messages, []);
  await send(["gone@there.example", "jo@there.example"]);
  assertEquals(peer.messages.map(({ rcpts }) => rcpts), [["RCPT TO:<jo@there.example>"]]);
  const reports = await here.mailbox("brain");
  assertEquals(reports.length, 4);
  assert(reports.at(-1)!.includes("is on the suppression list of this server"), reports.at(-1));
  assert(!reports.at(-1)!.includes("Final-Recipient: rfc822;jo@"));
  const request = new Request("http://localhost/metrics", { headers: { authorization: "Bearer sesame" } });
  const metrics = await (await here.server.fetch(request, "127.0.0.1")).text();
  assert(metrics.includes("dinopost_suppressed_total 1"), metrics);
});

Deno.test("outbound.suppress: false sends to everybody", async () => {
  await using internet = await LoopbackInternet.start({ seed: 1 });
  const here = await internet.host("here.example", {
    accounts: { brain: "secret" },
    config: { outbound: { port: internet.smtpPort, allowPrivate: true, suppress: false } },
  });
  internet.peer("there.example", { rcpt: "550 5.1.1 No such user" });
  for (let i = 0; i < 4; i++) {
    await here.send({
      from: "brain@here.example",
      to: "gone@there.example",
      text: "Subject: x\r\n\r\nHi\r\n",
    });
    await internet.settled();
  }
  for (const report of await here.mailbox("brain")) assert(report.includes("No such user"), report);
});

import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { LEASE_MS } from "../../src/queue/queue_store.ts";
import { PeerNotifier, SharedWaker } from "../../src/queue/shared_waker.ts";
import type { NewWork } from "../../src/queue/waker.ts";
import { tempDir } from "../storage/stores.ts";
import { KvConnectServer } from "../support/kv_connect_server.ts";
import { SHARED_KVS, startShared } from "../support/shared_kv.ts";
import { drop, put } from "../support/raw_kv.ts";
import { checkStore, DAY, DEFERRED, DELIVERED, HOUR, House, local, MINUTE } from "./support.ts";

/** Registers a test for each kind of store. */
function onEachStore(name: string, test: (location: string) => Promise<void>): void {
  Deno.test(`${name} (memory)`, () => test(":memory:"));
  Deno.test(`${name} (file)`, async () => {
    await using dir = await tempDir();
    await test(`${dir.path}/kv.sqlite3`);
  });
  onEachSharedStore(name, test);
}

/** Registers a test for each kind of store that servers share. */
function onEachSharedStore(name: string, test: (location: string) => Promise<void>): void {
  for (const kind of SHARED_KVS) {
    Deno.test(`${name} (${kind.name})`, async () => {
      await using server = await startShared(kind);
      await test(server.url);
    });
  }
}

/** A peer that takes a message when the gate is open. */
function deliveredAfter(gate: PromiseWithResolvers<void>): () => Promise<typeof DELIVERED> {
  return async () => {
    await gate.promise;
    return DELIVERED;
  };
}

/** A message of which the delivery has begun. */
async function begin(house: House): Promise<string> {
  const id = await house.accept(["a@there.example"]);
  await house.settled();
  assertEquals(house.agent.active, 1);
  return id;
}

onEachStore("a message is delivered, retried and returned", async (location) => {
  await using house = await House.open({
    location,
    answer: ({ address }) => address.startsWith("late") ? DEFERRED : DELIVERED,
  });
  await house.accept([
    local("brain"),
    local("pinky"),
    "a@there.example",
    "late@there.example",
    "late@y.example",
  ]);
  await house.queue.idle();
  assertEquals((await house.mailbox("pinky")).length, 1);
  assertEquals((await house.records()).map((r) => [r.domain, r.recipients.map((one) => one.address)]), [
    ["there.example", ["late@there.example"]],
    ["y.example", ["late@y.example"]],
  ]);
  await checkStore(house.store.kv);
  house.clock.advance(15 * MINUTE);
  await house.settled();
  assertEquals(house.of("deferred").length, 4);
  // once for each of what is left: the warning, then the end
  house.clock.advance(5 * DAY);
  await house.queue.idle();
  assertEquals(await house.records(), []);
  const reports = (await house.mailbox("brain")).filter((text) => text.includes("multipart/report"));
  assertEquals(reports.length, 2);
  assertStringIncludes(reports.join(), "late@there.example");
  assertStringIncludes(reports.join(), "late@y.example");
  await checkStore(house.store.kv);
});

onEachStore("the operator holds, releases, retries, flushes, returns and deletes", async (location) => {
  let answer = DEFERRED as typeof DEFERRED | typeof DELIVERED;
  await using house = await House.open({ location, answer: () => answer });
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push(await house.accept([`a@d${i}.example`]));
  await house.settled();
  assertEquals(house.of("deferred").length, 5);
  const [held, retried, returned, deleted] = ids as [string, string, string, string, string];
  assertEquals(await house.queue.hold(held), undefined);
  assertEquals(await house.queue.bounce(returned), undefined);
  assertEquals(await house.queue.delete(deleted), undefined);
  answer = DELIVERED;
  assertEquals(await house.queue.retry(retried), undefined);
  await house.settled();
  assertEquals(house.of("delivered").length, 1);
  assertEquals(await house.queue.flush(), 1);
  await house.settled();
  assertEquals(house.of("delivered").length, 2);
  assertEquals((await house.records()).map((r) => r.id), [held]);
  assertEquals(await house.queue.release(held), undefined);
  await house.settled();
  assertEquals(house.of("delivered").length, 3);
  assertEquals((await house.mailbox("brain")).length, 1);
  await checkStore(house.store.kv);
});

onEachStore("what a dead server had is taken up again", async (location) => {
  const gate = Promise.withResolvers<void>();
  let dead = true;
  await using house = await House.open({
    location,
    answer: async () => {
      if (dead) await gate.promise;
      return DELIVERED;
    },
  });
  await begin(house);
  dead = false;
  const { gone } = await house.kill();
  // Alone on its store, a server knows that whoever had a lease is no more; one of several waits for the end of it.
  if (!house.store.embedded) house.clock.advance(LEASE_MS);
  await house.settled();
  assertEquals(house.of("delivered").length, 1);
  gate.resolve();
  await gone;
  await checkStore(house.store.kv);
});

onEachSharedStore("a lease is renewed for as long as the delivery takes", async (location) => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({ location, answer: deliveredAfter(gate) });
  await begin(house);
  const [job] = house.agent.jobs;
  for (let s = 0; s < 600; s += 10) {
    house.clock.advance(10_000);
    await house.settled();
    assert(job!.stillOurs(), `after ${s} seconds`);
  }
  gate.resolve();
  await house.queue.idle();
  assertEquals([house.agent.jobs.length, house.of("delivered").length], [1, 1]);
  await checkStore(house.store.kv);
});

onEachSharedStore("a lease that could not be renewed is over before others see its end", async (location) => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({ location, answer: deliveredAfter(gate) });
  await begin(house);
  house.store.before = () => Promise.reject(new Error("disk full"));
  const [job] = house.agent.jobs;
  house.clock.advance(114_000);
  assert(job!.stillOurs());
  house.clock.advance(2_000);
  assert(!job!.stillOurs());
  house.store.before = undefined;
  gate.resolve();
  await house.pass(HOUR);
  // nobody took it: it is still the one that has it
  assertEquals([house.agent.jobs.length, house.of("delivered").length], [1, 1]);
  await checkStore(house.store.kv);
});

for (const instant of ["with the renewal", "as it is written", "as it is in the store"] as const) {
  onEachSharedStore(`a delivery that ends ${instant} of its lease keeps its outcome`, async (location) => {
    const gate = Promise.withResolvers<void>();
    await using house = await House.open({ location, answer: deliveredAfter(gate) });
    await begin(house);
    const before = house.store.writes;
    if (instant === "as it is written") house.store.before = () => gate.resolve();
    house.clock.advance(80_000);
    if (instant === "with the renewal") gate.resolve();
    if (instant === "as it is in the store") {
      await house.settled();
      gate.resolve();
    }
    await house.queue.idle();
    assert(house.store.writes > before + 1, "both were written");
    await house.pass(HOUR);
    assertEquals([house.agent.jobs.length, house.of("delivered").length], [1, 1]);
    assertEquals(house.of("note"), []);
    await checkStore(house.store.kv);
  });
}

onEachSharedStore("who lost the lease writes nothing", async (location) => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({ location, answer: deliveredAfter(gate) });
  const id = await begin(house);
  // another server took it over
  const { kv } = house.store;
  for await (const { key } of kv.list({ prefix: ["q", "due"] })) await drop(kv, key);
  const later = house.clock.now() + 10 * MINUTE;
  const [record] = await house.records();
  await put(kv, ["q", "due", later, id, 0], {
    domain: "there.example",
    lease: { owner: "other", at: record!.dueAt },
  });
  gate.resolve();
  await house.queue.idle();
  assertEquals(house.of("delivered"), []);
  assertEquals(house.of("note").map((n) => n.what), ["lease lost"]);
  await checkStore(kv);
  // when that one is dead too, it comes back
  await house.pass(11 * MINUTE);
  assertEquals(house.of("delivered").length, 1);
});

onEachSharedStore("two servers share the work, and nothing is delivered twice", async (location) => {
  await using one = await House.open({ location, seed: 1, concurrency: 4, perDestination: () => 4 });
  await using two = await House.open({ location, seed: 2, concurrency: 4, perDestination: () => 4 });
  const accepted = await Promise.all(
    Array.from({ length: 60 }, (_, i) => (i % 2 ? one : two).accept([local("pinky"), `a@d${i % 7}.example`])),
  );
  assertEquals(new Set(accepted).size, 60);
  while (!one.queue.isIdle || !two.queue.isIdle) await Promise.all([one.queue.idle(), two.queue.idle()]);
  assertEquals(await one.records(), []);
  const jobs = [...one.agent.jobs, ...two.agent.jobs].map((job) => job.id);
  assertEquals(jobs.sort(), accepted.sort());
  assertEquals(await one.mailStore.usage("pinky@here.example").then((u) => u.messages), 60);
  await checkStore(one.store.kv);
});

onEachSharedStore("a server that has no time tells the others what there is to do", async (location) => {
  await using worker = await House.open({ location, seed: 1, start: false });
  const { store } = worker;
  const caller = new PeerNotifier(store, systemClock);
  await using busy = await House.open({
    location,
    seed: 2,
    start: false,
    notifyPeers: (work) => void caller.notify(work),
  });
  const heard: (NewWork | undefined)[] = [];
  const calls = new EventTarget();
  const waker = new SharedWaker(store, {
    clock: systemClock,
    wake(work) {
      heard.push(work);
      calls.dispatchEvent(new Event("call"));
    },
  });
  /** Resolves when so many calls came, over the network. */
  async function hear(count: number): Promise<void> {
    while (heard.length < count) {
      await new Promise((resolve) => calls.addEventListener("call", resolve, { once: true }));
    }
  }
  await hear(1);
  assertEquals(heard, [{ from: 0 }], "it looks through all of it at first");
  const from = busy.clock.now();
  await busy.accept(["a@there.example"]);
  await hear(2);
  assertEquals(heard[1], { from, domains: ["there.example"] });
  // each call carries the one before, since who watches sees the last one only
  busy.clock.advance(1000);
  await busy.accept(["a@elsewhere.example"]);
  await hear(3);
  assertEquals(heard[2], { from, domains: ["there.example", "elsewhere.example"] });
  await waker.close();
});

onEachSharedStore("a server that slept past its lease ends no text and writes nothing", async (location) => {
  const gate = Promise.withResolvers<void>();
  await using sleeper = await House.open({
    location,
    seed: 1,
    answer: deliveredAfter(gate),
  });
  const id = await begin(sleeper);
  const [job] = sleeper.agent.jobs;
  assert(job!.stillOurs());
  await using other = await House.open({ location, seed: 2 });
  assertEquals(other.agent.jobs.length, 0);
  other.clock.advance(LEASE_MS + 1);
  await other.settled();
  assertEquals(other.of("delivered").length, 1);
  assertEquals((await other.records()).length, 0);
  sleeper.clock.advance(LEASE_MS + 1);
  assertEquals(job!.stillOurs(), false);
  gate.resolve();
  await sleeper.queue.idle();
  assertEquals(sleeper.of("delivered").length, 0);
  assertEquals((await other.queue.attempts(id)).length, 1);
  await checkStore(other.store.kv);
});

onEachSharedStore(
  "two servers with the same time and chance make other ids, and lose nothing",
  async (location) => {
    await using one = await House.open({ location, seed: 1 });
    await using two = await House.open({ location, seed: 1 });
    const message = one.message([local("brain")], { text: "Subject: one\r\n\r\n" });
    const other = two.message([local("pinky")], { text: "Subject: two\r\n\r\n" });
    assertEquals(message.id.slice(0, 9), other.id.slice(0, 9), "the time");
    assertEquals(message.id.slice(13), other.id.slice(13), "the chance");
    assertNotEquals(message.id, other.id);
    assert(await one.queue.accept(message));
    assert(await two.queue.accept(other));
    assertStringIncludes((await one.mailbox("brain"))[0]!, "Subject: one");
    assertStringIncludes((await two.mailbox("pinky"))[0]!, "Subject: two");
    await checkStore(one.store.kv);
  },
);

Deno.test("answers that get lost on the network change nothing", async () => {
  await using server = await startShared({ start: () => KvConnectServer.start() }) as KvConnectServer;
  let writes = 0;
  let lost = 0;
  await using house = await House.open({ location: server.url });
  server.fault = (call) => {
    if (call !== "atomic_write" || ++writes % 3 !== 0) return "none";
    lost++;
    return writes % 2 === 0 ? "answerLost" : "refused";
  };
  const accepted: string[] = [];
  for (let i = 0; i < 12; i++) {
    accepted.push(await house.accept([local("pinky"), local("brain"), `a@d${i}.example`]));
  }
  await house.queue.idle();
  server.fault = () => "none";
  assert(lost >= 6, `${lost} of ${writes}`);
  assertEquals(house.agent.jobs.map((job) => job.id).sort(), accepted.sort());
  assertEquals(house.of("delivered").length, 12);
  assertEquals((await house.mailStore.usage("pinky@here.example")).messages, 12);
  assertEquals((await house.records()).length, 0);
  await checkStore(house.store.kv);
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Job } from "../../src/queue/jobs.ts";
import { QUEUE_ACTIONS } from "../../src/queue/operator.ts";
import type { Outcome } from "../../src/mail/outcome.ts";
import { checkStore, DEFERRED, DELIVERED, FAILED, House, local, MINUTE } from "./support.ts";

/** Lets the job come to its end; time stands still but for what it waits for. */
async function ended(house: House, job: Job): Promise<Job> {
  await house.settled();
  for (let looks = 0; job.state === "running" && looks < 20; looks++) await house.pass(1000);
  return job;
}

Deno.test("a retry counts each message once, by who is still to be served", async () => {
  const outcomes = new Map<string, Outcome>();
  await using house = await House.open({ answer: ({ address }) => outcomes.get(address) ?? DEFERRED });
  const to = [["a@x.example"], ["b@x.example"], ["c@x.example", "a@y.example"], [
    "b@x.example",
    "b@y.example",
  ]];
  const ids: string[] = [];
  for (const one of to) ids.push(await house.accept(one));
  await house.queue.idle();
  outcomes.set("a@x.example", DELIVERED).set("c@x.example", DELIVERED).set("b@x.example", FAILED)
    .set("b@y.example", DELIVERED);
  const job = await ended(house, house.queue.jobs.start("retry", ids));
  assertEquals([job.state, job.total, job.done], ["done", 4, 4]);
  assertEquals([job.delivered, job.deferred, job.failed, job.refusals], [1, 1, 2, 0]);
});

Deno.test("a message of too many for one commit is followed through its parts", async () => {
  await using house = await House.open({ perDestination: () => 2 });
  const id = await house.accept(Array.from({ length: 900 }, (_, i) => `u${i}@d${i % 7}.example`));
  const job = await ended(house, house.queue.jobs.start("retry", [id]));
  await house.queue.idle();
  await ended(house, job);
  assertEquals([job.state, job.delivered], ["done", 1]);
  assertEquals(await house.records(), []);
});

Deno.test("what is held, deleted or bounced before its turn ends the wait for it", async () => {
  const gate = Promise.withResolvers<void>();
  let isOpen = false;
  await using house = await House.open({
    perDestination: () => 1,
    answer: async () => {
      if (isOpen) await gate.promise;
      return DEFERRED;
    },
  });
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push(await house.accept([`u${i}@x.example`]));
  await house.queue.idle();
  isOpen = true;
  const job = house.queue.jobs.start("retry", ids);
  await house.settled();
  assertEquals([job.state, job.done], ["running", 0]);
  const [busy, ...others] = await Promise.all(
    ids.map(async (id) => [id, await house.queue.hold(id)] as const),
  )
    .then((all) => all.sort(([, a], [, b]) => (a === "busy" ? 0 : 1) - (b === "busy" ? 0 : 1)));
  assertEquals([busy![1], others.map(([, refusal]) => refusal)], ["busy", Array(4).fill(undefined)]);
  await house.settled();
  assertEquals([job.state, job.done, job.refusals], ["running", 4, 4]);
  gate.resolve();
  await ended(house, job);
  assertEquals([job.state, job.deferred, job.refusals], ["done", 1, 4]);
});

Deno.test("who waits for a retry is told when its domain was suspended before its turn", async () => {
  const gate = Promise.withResolvers<void>();
  let isOpen = true;
  await using house = await House.open({
    perDestination: () => 1,
    answer: async () => {
      if (!isOpen) await gate.promise;
      return DEFERRED;
    },
  });
  const ids = [await house.accept(["a@x.example"]), await house.accept(["b@x.example"])];
  await house.queue.idle();
  isOpen = false;
  const job = house.queue.jobs.start("retry", ids);
  await house.settled();
  await house.suspensions.put({ domain: "x.example" });
  gate.resolve();
  await ended(house, job);
  assertEquals([job.state, job.deferred], ["done", 1]);
  assertEquals(job.refused.map(({ text }) => text), ["Delivery to x.example is suspended"]);
});

Deno.test("a wait ends also when another one did it, as on a shared store", async () => {
  await using house = await House.open({ answer: () => DEFERRED, perDestination: () => 1 });
  const id = await house.accept(["a@x.example"]);
  await house.queue.idle();
  const gate = Promise.withResolvers<Outcome>();
  house.agent.answer = () => gate.promise;
  await house.accept(["first@x.example"]);
  const job = house.queue.jobs.start("retry", [id]);
  await house.settled();
  // somebody else puts it off: nobody tells this queue
  const [record] = await house.queue.message(id);
  const { kv } = house.store;
  const due = await Array.fromAsync(kv.list<{ domain: string }>({ prefix: ["q", "due"] }));
  const key = due.find((entry) => entry.key[3] === id)!.key;
  const dueAt = house.clock.now() + 20 * MINUTE;
  await house.store.write({
    mutations: [
      { type: "delete", key },
      { type: "set", key: ["q", "due", dueAt, id, 0], value: { domain: "x.example" } },
      { type: "set", key: ["q", "item", id, 0], value: { ...record, dueAt } },
    ],
    size: 1000,
  });
  await house.pass(2000);
  assertEquals([job.state, job.deferred], ["done", 1]);
  gate.resolve(DELIVERED);
});

Deno.test("a stop ends the jobs, and says so", async () => {
  const gate = Promise.withResolvers<Outcome>();
  const house = await House.open({ answer: () => DEFERRED });
  const id = await house.accept(["a@x.example"]);
  await house.queue.idle();
  house.agent.answer = () => gate.promise;
  const job = house.queue.jobs.start("retry", [id]);
  await house.settled();
  const stopped = house.queue.stop(1000);
  assertEquals([job.state, job.error, job.done], ["failed", "The server was stopped", 0]);
  gate.resolve(DELIVERED);
  await stopped;
  await house.store.close();
});

Deno.test("a store that fails ends a job as failed; what was done stays done, and again does the rest", async () => {
  for (const action of QUEUE_ACTIONS) {
    await using house = await House.open({ answer: () => DEFERRED });
    for (let i = 0; i < 450; i++) await house.accept([`u${i}@x.example`, local("pinky")]);
    await house.queue.idle();
    if (action === "release") {
      await ended(house, house.queue.jobs.start("hold", await house.queue.select({})));
    }
    let writes = 0;
    house.store.before = () => {
      if (++writes > 300) throw new Error("disk broken");
    };
    const job = await ended(house, house.queue.jobs.start(action, await house.queue.select({})));
    assertEquals([job.state, job.error], ["failed", "disk broken"], action);
    assert(job.done < 450, action);
    house.store.before = undefined;
    await checkStore(house.store.kv);
    const again = await ended(house, house.queue.jobs.start(action, await house.queue.select({})));
    assertEquals(again.state, "done", action);
    await checkStore(house.store.kv);
    const left = (await house.records()).filter(({ sender }) => sender !== "");
    const gone = action === "delete" || action === "bounce";
    assertEquals(left.length, gone ? 0 : 450, action);
    if (action === "hold") assert(left.every(({ held }) => held));
    if (action === "release") assert(left.every(({ held }) => !held));
  }
});

Deno.test({
  name: "a process that dies in the midst of a job loses nothing, and the job done again completes",
  fn: async () => {
    for (const action of ["delete", "hold", "bounce"] as const) {
      await using house = await House.open({ answer: () => DEFERRED });
      const ids: string[] = [];
      for (let i = 0; i < 500; i++) ids.push(await house.accept([`u${i}@x.example`, `u${i}@y.example`]));
      await house.queue.idle();
      const job = house.queue.jobs.start(action, await house.queue.select({}));
      let writes = 0;
      const reached = Promise.withResolvers<void>();
      house.store.before = () => {
        if (++writes === 350) reached.resolve();
      };
      await reached.promise;
      await (await house.kill()).gone;
      assertEquals(house.queue.jobs.get(job.id), undefined);
      await house.settled();
      await checkStore(house.store.kv);
      const done = new Set(ids);
      for (const { id, held } of await house.records()) if (!held) done.delete(id);
      assert(done.size < 500, `${action}: ${done.size}`);
      const again = await ended(house, house.queue.jobs.start(action, await house.queue.select({})));
      assertEquals([again.state, again.refusals], ["done", 0]);
      await checkStore(house.store.kv);
      const left = (await house.records()).filter(({ sender }) => sender !== "");
      assertEquals(left.length, action === "hold" ? 1000 : 0);
      assert(left.every(({ held }) => held));
      if (action !== "bounce") continue;
      const told = (await house.mailbox("brain")).join("").match(/^Final-Recipient: \S+ \S+\r$/gm) ?? [];
      assertEquals(
        [told.length, new Set(told).size],
        [1000, 1000],
        "each sender is told once of each recipient",
      );
    }
  },
});

Deno.test("jobs that have ended are remembered for a while, not for ever", async () => {
  await using house = await House.open();
  const first = await ended(house, house.queue.jobs.start("hold", []));
  assertEquals([first.state, first.total], ["done", 0]);
  for (let i = 0; i < 120; i++) await ended(house, house.queue.jobs.start("hold", ["0000000000000000"]));
  assertEquals(house.queue.jobs.get(first.id), undefined);
  assertEquals(house.queue.jobs.list().length, 100);
  const [last] = house.queue.jobs.list();
  assertStringIncludes(last!.refused[0]!.text, "not in the queue");
});

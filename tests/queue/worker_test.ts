import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Outcome } from "../../src/mail/outcome.ts";
import { checkStore, DAY, DEFERRED, DELIVERED, House, leaseToTheDead, MINUTE, SCHEDULE } from "./support.ts";
import type { QueueRecord } from "../../src/queue/record.ts";
import { eventTurn } from "../../src/base/clock.ts";
import { isBody } from "../../src/storage/keys.ts";
import type { Write } from "../../src/storage/write.ts";
import { put } from "../support/raw_kv.ts";

Deno.test("fifty destinations that hang delay neither new messages for another one nor what is due", async () => {
  const gate = Promise.withResolvers<void>();
  let due = true;
  await using house = await House.open({
    concurrency: 200,
    answer: async (_, { domain }) => {
      if (domain.startsWith("hang")) await gate.promise;
      else if (due) return DEFERRED;
      return DELIVERED;
    },
  });
  await house.accept(["a@quick.example"]);
  await house.queue.idle();
  for (let i = 0; i < 1000; i++) await house.accept([`a@hang${i % 50}.example`]);
  due = false;
  // what comes in
  await house.accept(["b@quick.example"]);
  await house.settled();
  assert(house.of("delivered").length === 1);
  // what waited in the index
  house.clock.advance(15 * MINUTE);
  await house.settled();
  assert(house.of("delivered").length === 2);
  gate.resolve();
  await house.queue.idle();
  await checkStore(house.store.kv);
});

Deno.test("a full waiting room leaves the rest in the index, and fetches it as it empties", async () => {
  let open = false;
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({
    perDestination: () => 3,
    answer: async () => {
      if (!open) await gate.promise;
      return DELIVERED;
    },
  });
  for (let i = 0; i < 1700; i++) await house.accept([`a${i}@slow.example`]);
  const before = house.store.writes;
  await house.settled();
  // records that find no room cost no writes
  assertEquals(house.store.writes, before);
  await house.accept(["b@other.example"]);
  open = true;
  gate.resolve();
  await house.queue.idle();
  assertEquals(house.of("delivered").length, 1701);
  assertEquals(house.agent.mostActive, 4);
  // oldest first, but for the room in between
  const order = house.agent.jobs.filter((j) => j.domain === "slow.example").map((j) => j.id);
  assertEquals(order.slice(0, 500), [...order].sort().slice(0, 500));
  await checkStore(house.store.kv);
});

for (const action of ["delete", "hold"] as const) {
  Deno.test(`who waits behind a full waiting room has its turn when all there are gone: ${action}`, async () => {
    const notYet = { waitMs: MINUTE, take: () => {} };
    let isOpen = false;
    await using house = await House.open({ start: false, rateOf: () => isOpen ? undefined : notYet });
    const ids: string[] = [];
    for (let i = 0; i < 505; i++) ids.push(await house.accept([`a${i}@there.example`]));
    house.queue.start();
    await house.settled();
    for (const id of ids.slice(0, 500)) assertEquals(await house.queue[action](id), undefined);
    isOpen = true;
    await house.pass(MINUTE);
    assertEquals(house.of("delivered").map(({ id }) => id), ids.slice(500));
    await checkStore(house.store.kv);
  });
}

Deno.test("who waits behind a full waiting room has its turn when nobody there could be accepted", async () => {
  await using house = await House.open({ start: false });
  const id = await house.accept(["a@there.example"]);
  const gate = Promise.withResolvers<void>();
  house.store.before = async () => {
    await gate.promise;
    throw new Error("disk full");
  };
  house.queue.start();
  const refused = Array.from(
    { length: 500 },
    () => assertRejects(() => house.queue.accept(house.message(["b@there.example"])), Error, "disk full"),
  );
  await new Promise((resolve) => setTimeout(resolve)); // what waits is looked at
  gate.resolve();
  await Promise.all(refused);
  house.store.before = undefined;
  await house.settled();
  assertEquals(house.of("delivered").map((event) => event.id), [id]);
  await checkStore(house.store.kv);
});

Deno.test("where all waiting room is taken, each place that is left goes to who has none", async () => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({
    start: false,
    answer: async (_, { domain }) => {
      if (domain !== "d0.example") await gate.promise;
      return DELIVERED;
    },
  });
  // as many as are delivered at once and can wait, and more
  const ids: string[] = [];
  for (let i = 0; i < 20_100; i++) ids.push(await house.accept([`a@d${i}.example`]));
  const next = await house.accept(["b@d20051.example"]);
  house.queue.start();
  await house.settled();
  // the first one of those without a place is gone before it has one
  assertEquals(await house.queue.delete(ids[20_051]!), undefined);
  gate.resolve();
  await house.settled();
  assertEquals(house.of("delivered").length, 20_100);
  assert(house.of("delivered").some(({ id }) => id === next));
  await checkStore(house.store.kv);
});

Deno.test("a connection that fails stands for all that wait for its host, and each counts that as an attempt", async () => {
  const gate = Promise.withResolvers<void>();
  const answers = { now: DEFERRED as Outcome };
  await using house = await House.open({
    answer: async () => {
      await gate.promise;
      return answers.now;
    },
  });
  for (let i = 0; i < 400; i++) await house.accept([`a${i}@down.example`]);
  gate.resolve();
  await house.queue.idle();
  assert(house.agent.jobs.length < 20, `${house.agent.jobs.length} connections`);
  const records = await house.records();
  assertEquals(records.length, 400);
  for (const { recipients: [recipient], dueAt } of records) {
    assertEquals(recipient!.attempts, 1);
    assertEquals(dueAt, house.clock.now() + 15 * MINUTE);
  }
  const putOff = records.filter(({ recipients }) => recipients[0]!.lastError?.startsWith("Not tried, since"));
  assertEquals(putOff.length, 400 - house.agent.jobs.length);
  assertEquals(putOff[0]!.recipients[0]!.lastError?.endsWith(": Connection refused"), true);
  assertEquals(house.of("deferred").length, 400);
  // who asks for it gets a try
  const before = house.agent.jobs.length;
  for (const { id } of putOff.slice(0, 30)) await house.queue.retry(id);
  await house.queue.idle();
  assertEquals(house.agent.jobs.length, before + 30);
  answers.now = DELIVERED;
  await house.pass(15 * MINUTE);
  assertEquals(house.of("delivered").length, 400);
  await checkStore(house.store.kv);
});

/** Is it the write that puts a record off which was not tried? */
function putsOff({ mutations }: Write): boolean {
  return mutations.some(({ key, type, ...of }) =>
    type === "set" && key[1] === "item" &&
    (of as { value: QueueRecord }).value.recipients[0]!.lastError?.startsWith("Not tried, since")
  );
}

/** Holds back what puts records off, until it is told to let one through, or all. */
function holdBack(house: House) {
  const held: (() => void)[] = [];
  house.store.before = (change) =>
    putsOff(change) ? new Promise((resolve) => void held.push(resolve)) : undefined;
  return {
    held,
    /** Resolves when so many are held, and no more come. */
    async until(count: number) {
      while (held.length < count) await eventTurn();
      for (let n = 0; n < 20; n++) await eventTurn();
      assertEquals(held.length, count);
    },
    end() {
      house.store.before = undefined;
      for (const go of held.splice(0)) go();
    },
  };
}

Deno.test("few are put off at a time, of all hosts that are down, and mail comes in between", async () => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({
    answer: async (_, { domain }) => {
      if (!domain.startsWith("down")) return DELIVERED;
      await gate.promise;
      return DEFERRED;
    },
  });
  for (let i = 0; i < 600; i++) await house.accept([`a${i}@down${i % 3}.example`]);
  const { held, until, end } = holdBack(house);
  gate.resolve();
  await until(16);
  // as one is written the next one follows
  for (let n = 0; n < 50; n++) {
    held.shift()!();
    await until(16);
  }
  await house.accept(["b@up.example"]);
  while (house.of("delivered").length === 0) await eventTurn();
  assertEquals(house.of("delivered")[0]!.recipient, "b@up.example");
  const before = house.of("deferred").length;
  assert(before < 150, `${before} were put off by then`);
  end();
  await house.queue.idle();
  assertEquals(house.of("deferred").length, 600);
  const records = await house.records();
  assertEquals(records.length, 600);
  for (const { recipients: [recipient], dueAt } of records) {
    assertEquals([recipient!.attempts, dueAt], [1, house.clock.now() + 15 * MINUTE]);
  }
  await checkStore(house.store.kv);
});

Deno.test("once a connection comes about nobody more is put off", async () => {
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  let tried = 0;
  await using house = await House.open({
    answer: async () => {
      const number = tried++;
      await gates[number]?.promise;
      return number < 3 ? DEFERRED : DELIVERED;
    },
  });
  for (let i = 0; i < 200; i++) await house.accept([`a${i}@down.example`]);
  while (tried < 5) await eventTurn();
  const { held, until, end } = holdBack(house);
  for (let failed = 0; failed < 3; failed++) {
    gates[failed]!.resolve();
    while (house.of("deferred").length === failed) await eventTurn();
  }
  await until(16);
  for (const gate of gates) gate.resolve();
  while (house.of("delivered").length === 0) await eventTurn();
  for (const go of held.splice(0)) go();
  await until(0);
  end();
  await house.queue.idle();
  assertEquals([house.of("delivered").length, house.of("deferred").length], [200 - 3 - 16, 3 + 16]);
  await checkStore(house.store.kv);
});

Deno.test("a server that stops puts off those that are being written, and leaves the others due", async () => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({
    answer: async () => {
      await gate.promise;
      return DEFERRED;
    },
  });
  for (let i = 0; i < 400; i++) await house.accept([`a${i}@down.example`]);
  const { until, end } = holdBack(house);
  gate.resolve();
  await until(16);
  const stopped = house.queue.stop(1000);
  end();
  await stopped;
  const records = await house.records();
  const late = records.filter(({ dueAt }) => dueAt > house.clock.now());
  assertEquals(late.length, house.of("deferred").length);
  assertEquals(late.length, house.agent.jobs.length + 16);
  assertEquals(records.length, 400);
  await checkStore(house.store.kv);
});

Deno.test("no content is read for those that will be put off", async () => {
  let isDown = true;
  await using house = await House.open({ start: false, answer: () => isDown ? DEFERRED : DELIVERED });
  for (let i = 0; i < 2000; i++) await house.accept([`a${i}@down.example`]);
  const read = new Set<string>();
  const { kv } = house.store;
  const { list, getMany, get } = kv;
  const see = <T>(entry: Deno.KvEntryMaybe<T>) => {
    if (isBody(entry.key)) read.add(String(entry.key));
    return entry;
  };
  kv.list = async function* <T>(...args: Parameters<typeof list>) {
    for await (const entry of list<T>(...args)) yield see(entry) as Deno.KvEntry<T>;
  };
  kv.getMany = async (keys) => (await getMany(keys)).map(see) as never;
  kv.get = async (key) => see(await get(key)) as never;
  house.queue.start();
  await house.queue.idle();
  assertEquals(house.of("deferred").length, 2000);
  assert(read.size < 1500, `${read.size} were read`);
  isDown = false;
  await house.pass(15 * MINUTE);
  assertEquals(house.of("delivered").length, 2000);
  assertEquals(read.size, 2000);
});

Deno.test("who wants another TLS than those who failed is tried, and goes", async () => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({
    answer: async ({ address }) => {
      await gate.promise;
      return address.startsWith("last") ? DELIVERED : { ...DEFERRED, stage: "tls" };
    },
  });
  for (let i = 0; i < 50; i++) await house.accept([`a${i}@policy.example`]);
  await house.accept(["last@policy.example"], { parameters: { tls: "optional" } });
  gate.resolve();
  await house.queue.idle();
  assertEquals(house.of("delivered").map(({ recipient }) => recipient), ["last@policy.example"]);
  assertEquals(house.of("deferred").length, 50);
});

Deno.test("a host that takes some connections and not others puts nobody off", async () => {
  let number = 0;
  await using house = await House.open({
    answer: () => number++ % 3 === 2 ? { ...DEFERRED, code: 421, stage: "greeting" } : DELIVERED,
  });
  for (let i = 0; i < 100; i++) await house.accept([`a${i}@busy.example`]);
  await house.queue.idle();
  assertEquals(house.agent.jobs.length, 100);
  assertEquals(house.of("delivered").length, 67);
  await checkStore(house.store.kv);
});

Deno.test("a message that fails behind a connection puts nobody off", async () => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({
    answer: async () => {
      await gate.promise;
      return { ...DEFERRED, code: 421, stage: "end" };
    },
  });
  for (let i = 0; i < 100; i++) await house.accept([`a${i}@odd.example`]);
  gate.resolve();
  await house.queue.idle();
  assertEquals(house.agent.jobs.length, 100);
});

Deno.test("concurrency 0: remote delivery pauses, nothing spins, and what is here goes on", async () => {
  await using house = await House.open({ concurrency: 0 });
  await house.accept(["a@there.example"]);
  const waits = { reason: "full", until: house.clock.now() };
  const address = "brain@here.example";
  await house.accept([{ kind: "queue", address, recipient: { address }, waits }]);
  await house.queue.idle();
  await house.pass(DAY);
  assertEquals(house.agent.jobs, []);
  assertEquals((await house.mailbox("brain")).length, 1);
  assertEquals((await house.records()).map((r) => r.domain), ["there.example"]);
  await checkStore(house.store.kv);
});

Deno.test("a recovery that fails in part forgets neither what it moved nor what it did not", async () => {
  await using house = await House.open({ start: false });
  for (const domain of ["a", "b", "c"]) await house.accept([`x@${domain}.example`]);
  await leaseToTheDead(house, MINUTE);
  let writes = 0;
  house.store.before = () => {
    if (++writes === 2) throw new Error("disk full");
  };
  house.queue.start();
  await house.settled();
  assertEquals(house.of("delivered").length, 2);
  await house.pass(3 * MINUTE);
  assertEquals(house.of("delivered").length, 3);
  await checkStore(house.store.kv);
});

Deno.test("a lease of an earlier version that has ended by the start is taken up", async () => {
  await using house = await House.open({ start: false });
  for (const domain of ["a", "b", "c"]) await house.accept([`x@${domain}.example`]);
  await leaseToTheDead(house, MINUTE);
  house.clock.advance(2 * MINUTE);
  house.queue.start();
  await house.settled();
  assertEquals(house.of("delivered").length, 3);
  assertEquals(await house.records(), []);
  await checkStore(house.store.kv);
});

for (const back of [0, MINUTE]) {
  Deno.test(`what a dead process had is taken up again, with the clock set back by ${back} ms meanwhile`, async () => {
    const gate = Promise.withResolvers<void>();
    let dead = true;
    await using house = await House.open({
      answer: async () => {
        if (dead) await gate.promise;
        return DELIVERED;
      },
    });
    await house.accept(["x@a.example"]);
    await house.settled();
    assertEquals(house.agent.active, 1);
    dead = false;
    house.clock.jump(house.clock.now() - back);
    const { gone } = await house.kill();
    // at once, or when the lease ends that is further away than any of today
    await house.pass(back === 0 ? 1 : 3 * MINUTE);
    assertEquals(house.of("delivered").length, 1);
    gate.resolve();
    await gone;
    await checkStore(house.store.kv);
  });
}

Deno.test("a lease of a dead process from before the clock was set back by days ends with the next start", async () => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({
    answer: async () => {
      await gate.promise;
      return DELIVERED;
    },
  });
  await house.accept(["x@a.example"]);
  await house.settled();
  house.clock.jump(house.clock.now() - 2 * DAY);
  const { gone } = await house.kill();
  await house.settled();
  const due: unknown[] = [];
  for await (const { value } of house.store.kv.list({ prefix: ["q", "due"] })) due.push(value);
  assertEquals(due, [{ domain: "a.example" }]);
  gate.resolve();
  await gone;
  await checkStore(house.store.kv);
});

Deno.test("a store that can't be read for a while is looked at again", async () => {
  await using house = await House.open({
    answer: () => house.agent.jobs.length === 1 ? DEFERRED : DELIVERED,
  });
  await house.accept(["a@there.example"]);
  await house.queue.idle();
  const { list } = house.store.kv;
  house.store.kv.list = () => {
    throw new Error("disk I/O error");
  };
  await house.pass(20 * MINUTE);
  assertEquals(house.agent.jobs.length, 1);
  house.store.kv.list = list;
  await house.pass(MINUTE);
  assertEquals(house.of("delivered").length, 1);
  await checkStore(house.store.kv);
});

Deno.test("a due key without a record is removed instead of being found for ever", async () => {
  await using house = await House.open();
  await put(house.store.kv, ["q", "due", house.clock.now() + MINUTE, house.ids.next(), 0], {
    domain: "x.example",
  });
  await house.accept(["a@there.example"]);
  await house.restart();
  await house.pass(2 * MINUTE);
  await checkStore(house.store.kv);
});

Deno.test("the clock may be set: forward by a day, back by a day, and nothing is forgotten", async () => {
  for (const jumps of [[DAY, -DAY], [-DAY, DAY], [-DAY, -DAY, 2 * DAY]]) {
    await using house = await House.open({
      answer: () => DEFERRED,
      schedule: { ...SCHEDULE, giveUpAfter: 50 * DAY },
    });
    for (const jump of jumps) {
      await house.accept(["a@there.example"]);
      await house.pass(20 * MINUTE);
      house.clock.jump(house.clock.now() + jump);
    }
    house.agent.answer = () => DELIVERED;
    await house.pass(20 * MINUTE);
    assertEquals(await house.records(), [], jumps.join());
    assertEquals(house.of("delivered").length, jumps.length);
  }
});

Deno.test("domains that turn out to have the same hosts are one destination from then on", async () => {
  const gate = Promise.withResolvers<void>();
  const firsts = new Map<string, string>();
  let join: (domain: string, destination: string) => void = () => {};
  await using house = await House.open({
    concurrency: 200,
    perDestination: () => 5,
    destinationOf: ({ domain }) => firsts.get(domain) ?? domain,
    onJoin: (listener) => join = listener,
    answer: async () => {
      await gate.promise;
      return DELIVERED;
    },
  });
  // more than their waiting rooms hold, so that the index has the rest
  for (let i = 0; i < 2400; i++) await house.accept([`a${i}@d${i % 4}.example`]);
  assertEquals(house.agent.mostActive, 20);
  for (let n = 1; n < 4; n++) {
    firsts.set(`d${n}.example`, "d0.example");
    join(`d${n}.example`, "d0.example");
  }
  const [withdrawn] = (await house.records()).filter(({ domain }) => domain === "d3.example").slice(-1);
  assertEquals(await house.queue.hold(withdrawn!.id), undefined);
  gate.resolve();
  await house.queue.idle();
  assertEquals(house.of("delivered").length, 2399);
  assertEquals(house.agent.mostActive, 20);
  firsts.clear();
  await house.queue.release(withdrawn!.id);
  await house.queue.idle();
  assertEquals(house.of("delivered").length, 2400);
  await checkStore(house.store.kv);
});

Deno.test("what is deleted or held is not sent, and what is sent can't be, whoever is quicker", async () => {
  let open = false;
  await using house = await House.open({
    perDestination: () => 5,
    answer: async () => {
      await Promise.resolve();
      return open ? DELIVERED : DEFERRED;
    },
  });
  const ids: string[] = [];
  for (let i = 0; i < 1350; i++) ids.push(await house.accept([`a${i}@d${i % 3}.example`]));
  await house.queue.idle();
  open = true;
  house.agent.jobs.splice(0);
  house.clock.advance(15 * MINUTE);
  const verbOf = (i: number) => (["delete", "hold", "retry"] as const)[i % 9 % 3]!;
  const refusals = new Map<string, string | undefined>();
  // while all of it is claimed and sent
  await Promise.all(ids.map(async (id, i) => {
    for (let n = i % 150; n > 0; n--) await new Promise((resolve) => setTimeout(resolve));
    refusals.set(id, await house.queue[verbOf(i)](id));
  }));
  await house.queue.idle();
  const sent = Map.groupBy(house.agent.jobs, ({ id }) => id);
  const left = new Set((await house.records()).map(({ id }) => id));
  for (const verb of ["delete", "hold", "retry"] as const) {
    const chosen = ids.filter((_, i) => verbOf(i) === verb);
    const done = chosen.filter((id) => refusals.get(id) === undefined);
    for (const id of chosen) {
      const keeps = verb !== "retry" && refusals.get(id) === undefined;
      assertEquals(sent.get(id)?.length ?? 0, keeps ? 0 : 1, `${verb} ${id} ${refusals.get(id)}`);
      assertEquals(left.has(id), keeps && verb === "hold", `${verb} ${id} ${refusals.get(id)}`);
    }
    assert(done.length > 10 && done.length < 440, `${verb} of ${done.length}: there was no race`);
  }
  assertEquals(house.of("note").map((n) => n.what).filter((what) => what === "lease lost"), []);
  await checkStore(house.store.kv);
});

Deno.test("on the embedded store a claim is nothing that is written, and nothing to be put back", async () => {
  const gate = Promise.withResolvers<void>();
  const later = { ...DEFERRED, code: 451, stage: "rcpt" } as const;
  let answer: typeof later | typeof DELIVERED = later;
  await using house = await House.open({
    perDestination: () => 2,
    answer: async () => {
      if (answer === DELIVERED) await gate.promise;
      return answer;
    },
  });
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) ids.push(await house.accept([`a${i}@there.example`]));
  await house.settled();
  const places = async () => await Array.fromAsync(house.store.kv.list({ prefix: ["q", "due"] }));
  const before = await places();
  const { writes } = house.store;
  answer = DELIVERED;
  house.clock.advance(15 * MINUTE);
  await house.settled();
  assertEquals([house.agent.active, house.store.writes], [2, writes]);
  assertEquals(await places(), before);
  // longer than any lease
  for (let minutes = 0; minutes < 10; minutes++) await house.pass(MINUTE);
  assertEquals([house.agent.active, house.store.writes], [2, writes]);
  const active = house.agent.jobs.slice(6).map(({ id }) => id);
  for (const job of house.agent.jobs.slice(6)) assert(job.stillOurs());
  assertEquals(await house.queue.hold(active[0]!), "busy");
  assertEquals(await house.queue.delete(active[1]!), "busy");
  const waiting = ids.filter((id) => !active.includes(id));
  assertEquals(await house.queue.hold(waiting[0]!), undefined);
  assertEquals(await house.queue.delete(waiting[1]!), undefined);
  await checkStore(house.store.kv);
  // what dies with them under way leaves them as they were
  answer = later;
  const { gone } = await house.kill();
  await house.settled();
  const tried = house.agent.jobs.slice(8).map(({ id }) => id);
  assertEquals(tried.sort(), ids.filter((id) => id !== waiting[0] && id !== waiting[1]).sort());
  gate.resolve();
  await gone;
  await checkStore(house.store.kv);
});

for (const end of ["fails", "succeeds"] as const) {
  Deno.test(`what was passed over while it was being changed is found when the change ${end}`, async () => {
    await using house = await House.open({ answer: () => DEFERRED });
    const id = await house.accept(["a@there.example"]);
    await house.settled();
    const gate = Promise.withResolvers<void>();
    // from its turn in the store on until that answers
    house.store.before = async () => {
      house.store.before = undefined;
      await gate.promise;
      if (end === "fails") throw new Error("disk full");
    };
    house.agent.answer = () => DELIVERED;
    const retried = house.queue.retry(id).then(() => true, () => false);
    while (house.store.before) await new Promise((resolve) => setTimeout(resolve));
    // it is due now, and looked for
    house.clock.advance(15 * MINUTE);
    const other = await house.accept(["b@elsewhere.example"]);
    while (house.of("delivered").length === 0) await new Promise((resolve) => setTimeout(resolve));
    assertEquals(house.of("delivered").map((event) => event.id), [other]);
    gate.resolve();
    assertEquals(await retried, end === "succeeds");
    await house.settled();
    assertEquals(house.of("delivered").map((event) => event.id), [other, id]);
    assertEquals(await house.records(), []);
    await checkStore(house.store.kv);
  });
}

Deno.test("a message is begun when the one before it was sent, and each is settled by its own outcome", async () => {
  const gates = new Map<string, PromiseWithResolvers<Outcome>>();
  const begun: string[] = [];
  await using house = await House.open({
    perDestination: () => 1,
    answer: ({ address }, job) => {
      begun.push(address);
      const gate = Promise.withResolvers<Outcome>();
      gates.set(address, gate);
      if (address !== "c@far.example") job.next?.();
      return gate.promise;
    },
  });
  await house.accept(["a@far.example"]);
  await house.settled();
  for (const name of ["b", "c", "d"]) await house.accept([`${name}@far.example`]);
  await house.settled();
  // a had nobody behind it when it was sent
  assertEquals(begun, ["a@far.example"]);
  gates.get("a@far.example")!.resolve(DELIVERED);
  await house.settled();
  assertEquals(begun, ["a@far.example", "b@far.example", "c@far.example"]);
  let idle = false;
  const ends = house.queue.idle().then(() => idle = true);
  gates.get("c@far.example")!.resolve(DELIVERED);
  await house.settled();
  gates.get("d@far.example")!.resolve(DELIVERED);
  await house.settled();
  // b still waits for its answer
  assertEquals([begun.length, idle], [4, false]);
  gates.get("b@far.example")!.resolve(DEFERRED);
  await ends;
  assertEquals(house.of("delivered").map((event) => event.recipient), [
    "a@far.example",
    "c@far.example",
    "d@far.example",
  ]);
  assertEquals(house.of("deferred").map((event) => event.recipient), ["b@far.example"]);
  await checkStore(house.store.kv);
});

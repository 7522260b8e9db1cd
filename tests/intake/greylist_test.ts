import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Greylist } from "../../src/intake/greylist.ts";
import { sweepExpired } from "../../src/storage/expiry.ts";
import { LoopbackInternet } from "../../src/testing/mod.ts";
import { keysUnder, memoryStore } from "../storage/stores.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

async function scene() {
  const store = await memoryStore();
  const clock = new ManualClock();
  const answers: string[] = [];
  const greylist = new Greylist({ store, clock, onAnswer: (result) => void answers.push(result) });
  const come = (ip = "192.0.2.1", from = "jo@a.test", to = "ann@here.test") => greylist.wait(ip, from, to);
  return { store, clock, answers, come, [Symbol.asyncDispose]: () => store.close() };
}

Deno.test("who comes for the first time waits five minutes, and is known then for 35 days", async () => {
  await using grey = await scene();
  assertEquals(await grey.come(), 300);
  grey.clock.advance(299_000);
  assertEquals(await grey.come(), 1);
  grey.clock.advance(1000);
  assertEquals(await grey.come(), 0);
  grey.clock.advance(34 * DAY);
  assertEquals(await grey.come(), 0);
  grey.clock.advance(34 * DAY);
  assertEquals(await grey.come(), 0, "each time counts");
  grey.clock.advance(35 * DAY);
  assertEquals(await grey.come(), 300);
  assertEquals(grey.answers, ["deferred", "deferred", "passed", "passed", "passed", "deferred"]);
});

Deno.test("a network that comes with ever new senders fills no store, and others are not held up by it", async () => {
  await using grey = await scene();
  const name = (n: number) =>
    `${n.toString(26).replace(/\d/g, (digit) => "qrstuvwxyz"[Number(digit)]!)}@a.test`;
  for (let n = 0; n < 1500; n++) assertEquals(await grey.come("192.0.2.1", name(n)), 300);
  assertEquals((await keysUnder(grey.store.kv, "grey")).length, 1000);
  assertEquals(await grey.come("198.51.100.1"), 300);
  grey.clock.advance(5 * MINUTE);
  assertEquals([await grey.come("198.51.100.1"), await grey.come("192.0.2.1", name(1))], [0, 0]);
});

Deno.test("who comes again later than in two days is new", async () => {
  await using grey = await scene();
  await grey.come();
  grey.clock.advance(2 * DAY);
  assertEquals(await grey.come(), 300);
  grey.clock.advance(2 * DAY - 1);
  assertEquals(await grey.come(), 0);
});

Deno.test("who came while the clock was ahead waits no longer than others once it is right", async () => {
  await using grey = await scene();
  const right = grey.clock.now();
  grey.clock.jump(right + 1000 * DAY);
  assertEquals(await grey.come(), 300);
  grey.clock.jump(right);
  assertEquals(await grey.come(), 300);
  grey.clock.advance(5 * MINUTE);
  assertEquals(await grey.come(), 0);
  grey.clock.advance(36 * DAY);
  await sweepExpired(grey.store, grey.clock.now());
  assertEquals(await keysUnder(grey.store.kv, "grey"), []);
  assertEquals(await keysUnder(grey.store.kv, "expiry"), []);
});

Deno.test("hosts of one network are one client, and so are senders that differ in numbers and details", async () => {
  const pairs: [first: [string, string, string], again: [string, string, string], same: boolean][] = [
    [["192.0.2.1", "jo@a.test", "ann@h.test"], ["192.0.2.200", "Jo@a.test", "ANN@h.test"], true],
    [["192.0.2.1", "jo@a.test", "ann@h.test"], ["192.0.3.1", "jo@a.test", "ann@h.test"], false],
    [["2001:db8::1", "", "ann@h.test"], ["2001:db8::ffff:1", "", "ann@h.test"], true],
    [["2001:db8::1", "", "ann@h.test"], ["2001:db8:0:1::1", "", "ann@h.test"], false],
    [["::ffff:192.0.2.1", "", "ann@h.test"], ["192.0.2.9", "", "ann@h.test"], true],
    [["192.0.2.1", "list-17-x@a.test", "a@h.test"], ["192.0.2.1", "list-18-x@a.test", "a@h.test"], true],
    [["192.0.2.1", "b+ann=h.test@a.test", "a@h.test"], ["192.0.2.1", "b+x@a.test", "a@h.test"], true],
    [["192.0.2.1", "jo1@a.test", "a@h.test"], ["192.0.2.1", "jo2@a.test", "a@h.test"], false],
    [["192.0.2.1", "jo@a.test", "a@h.test"], ["192.0.2.1", "jo@b.test", "a@h.test"], false],
  ];
  for (const [first, again, same] of pairs) {
    await using grey = await scene();
    await grey.come(...first);
    grey.clock.advance(5 * MINUTE);
    assertEquals(await grey.come(...again), same ? 0 : 300, again.join(" "));
  }
});

Deno.test("a client that came again five times, an hour apart, is free for whatever it brings", async () => {
  await using grey = await scene();
  for (let n = 0; n < 5; n++) {
    assertEquals(await grey.come("192.0.2.1", `${"abcde"[n]}@a.test`), 300);
    grey.clock.advance(5 * MINUTE);
    for (let again = 0; again < 3; again++) {
      assertEquals(await grey.come("192.0.2.1", `${"abcde"[n]}@a.test`), 0);
    }
    grey.clock.advance(HOUR);
  }
  assertEquals(await grey.come("192.0.2.77", "new@b.test"), 0);
  assertEquals(grey.answers.at(-1), "free");
  grey.clock.advance(34 * DAY);
  assertEquals(await grey.come("192.0.2.1", "newer@b.test"), 0);
  grey.clock.advance(35 * DAY);
  assertEquals(await grey.come("192.0.2.1", "newest@b.test"), 300);
});

Deno.test("what is over leaves nothing in the store", async () => {
  await using grey = await scene();
  await grey.come();
  grey.clock.advance(5 * MINUTE);
  await grey.come();
  await grey.come("198.51.100.1");
  assertEquals((await keysUnder(grey.store.kv, "grey")).length, 3);
  grey.clock.advance(35 * DAY);
  await sweepExpired(grey.store, grey.clock.now());
  assertEquals(await keysUnder(grey.store.kv, "grey"), []);
  assertEquals(await keysUnder(grey.store.kv, "expiry"), []);
});

Deno.test("a server that is put off comes again, and its message is there after fifteen minutes", async () => {
  await using internet = await LoopbackInternet.start({ seed: 1 });
  const here = await internet.host("here.example", {
    accounts: { ann: "secret" },
    config: { relay: { networks: [] }, checks: { greylist: true } },
  });
  const there = await internet.host("there.example", { accounts: { jo: "secret" } });
  const text = "From: jo@there.example\r\n\r\nHi\r\n";
  await there.send({ from: "jo@there.example", to: "ann@here.example", text });
  await internet.settled();
  assertEquals(await here.mailbox("ann"), []);
  await internet.pass("15m");
  assertEquals((await here.mailbox("ann")).length, 1);
  const error = await assertRejects(
    () => here.send({ from: "x@y.example", to: "ann@here.example", text }),
    Error,
  );
  assertMatch(error.message, /451 4\.7\.1 Greylisted: come again in 300 s/);
  assert((await here.send({ from: "x@y.example", to: "postmaster@here.example", text })) !== "");
});

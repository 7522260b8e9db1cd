import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { LEASE_MS } from "../../src/mailbox/mail_lock.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import type { Store } from "../../src/storage/store.ts";
import { dyingView, endMailbox, keyCounts, memoryStore, sharedView } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";

/** Lets writes that a timer began come to their end. */
async function settle(store: Store): Promise<void> {
  for (let i = 0; i < 5; i++) await store.kv.get(["settle"]);
}

Deno.test("MailStore.lock() gives a mailbox to one session at a time", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  const mailStore = new MailStore(store, { clock });
  const lock = await mailStore.lock(BRAIN, "one");
  assert(lock);
  assertEquals(await mailStore.lock("Brain@howstuffworks.com", "two"), undefined);
  assert(
    await mailStore.lock("pinky@howstuffworks.com", "two").then((other) => other?.release().then(() => true)),
  );
  await lock.release();
  await lock.release();
  const next = await mailStore.lock(BRAIN, "two");
  assert(next);
  await lock.release(); // the first one's release must not touch the second one's lock
  assertEquals(await mailStore.lock(BRAIN, "three"), undefined);
  await next.release();
  assertEquals(clock.timers, 0);
  assertEquals(await keyCounts(store.kv), { format: 2 });
});

Deno.test("MailStore.lock() of many at once goes to one", async () => {
  await using store = await memoryStore();
  for (const view of [store, sharedView(store)]) {
    const mailStore = new MailStore(view, { clock: new ManualClock() });
    const locks = await Promise.all(Array.from({ length: 20 }, (_, i) => mailStore.lock(BRAIN, `${i}`)));
    const got = locks.filter((lock) => lock !== undefined);
    assertEquals(got.length, 1);
    await got[0]!.release();
  }
});

Deno.test("A dead process's lock is no lock on the embedded store", async () => {
  await using store = await memoryStore();
  const dead = new MailStore(sharedView(store), { clock: new ManualClock() });
  assert(await dead.lock(BRAIN, "dead")); // never released
  const lock = await new MailStore(store, { clock: new ManualClock() }).lock(BRAIN, "alive");
  assert(lock);
  await lock.release();
});

Deno.test("A dead process's lock ends with its lease on a shared store", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  const deadClock = new ManualClock(); // stands still: nothing is renewed
  const dead = await new MailStore(sharedView(store), { clock: deadClock }).lock(BRAIN, "dead");
  assert(dead?.held);
  const mailStore = new MailStore(sharedView(store), { clock });
  clock.advance(LEASE_MS - 1);
  assertEquals(await mailStore.lock(BRAIN, "alive"), undefined);
  clock.advance(1);
  const lock = await mailStore.lock(BRAIN, "alive");
  assert(lock);
  // the sleeper wakes up: its renewal finds the lock taken, and its release leaves it alone
  assertEquals(await dead.renew(), false);
  assert(!dead.held);
  await dead.release();
  assert(await lock.renew());
  assert(lock.held);
  await lock.release();
});

Deno.test("A lock renews itself as long as it is held", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  const [here, there] = [
    new MailStore(sharedView(store), { clock }),
    new MailStore(sharedView(store), { clock }),
  ];
  const lock = await here.lock(BRAIN, "one");
  for (let i = 0; i < 20; i++) {
    clock.advance(30_000);
    await settle(store);
    assert(lock?.held, `lost after ${(i + 1) * 30} s`);
    assertEquals(await there.lock(BRAIN, "two"), undefined);
  }
  await lock!.release();
  const next = await there.lock(BRAIN, "two");
  assert(next);
  await next.release();
});

Deno.test("A lock that can't be renewed is lost when its lease ends", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  const lock = await new MailStore(dyingView(sharedView(store), 1), { clock }).lock(BRAIN, "one");
  clock.advance(LEASE_MS - 1);
  await settle(store);
  assert(lock?.held);
  clock.advance(1);
  assert(!lock.held);
  await lock.release();
});

Deno.test("The end of a mailbox takes the lock from whoever has it, on whichever server", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  for (const [here, there] of [[store, store], [sharedView(store), sharedView(store)]] as const) {
    const old = await new MailStore(here, { clock }).lock(BRAIN, "old");
    await endMailbox(there, new MailStore(there, { clock }), BRAIN);
    const lock = await new MailStore(there, { clock }).lock(BRAIN, "new");
    assert(lock);
    assertEquals(await old!.renew(), false);
    await old!.release();
    assertEquals(await new MailStore(there, { clock }).lock(BRAIN, "third"), undefined);
    assert(await lock.renew());
    await lock.release();
  }
  assertEquals(clock.timers, 0);
  assertEquals(await keyCounts(store.kv), { format: 2 });
});

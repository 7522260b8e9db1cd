import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Accounts } from "../../src/auth/accounts.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { PasswordHasher } from "../../src/auth/password_hash.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import type { Write, WriteResult } from "../../src/storage/write.ts";
import { systemClock } from "../../src/base/clock.ts";
import { KvConnectServer } from "../support/kv_connect_server.ts";
import { SHARED_KVS, startShared } from "../support/shared_kv.ts";
import { CHEAP, deliver, dyingView, keyCounts, memoryStore, sharedView, uidOf } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";
const PINKY = "pinky@howstuffworks.com";

/** A process of its own on that store. */
async function process(store: Store, clock = new ManualClock()) {
  const mailStore = new MailStore(store, { clock });
  const accounts = new Accounts(store, {
    clock,
    mailStore,
    random: seededRandom(1),
    domains: ["howstuffworks.com"],
    ...CHEAP,
  });
  await accounts.load();
  return { store, accounts, mailStore };
}

/** Two accounts and their mail, some of it shared; with `numbered` half of it has its place in folders. */
async function house(store: Store, count = 130, { numbered = false } = {}) {
  const made = await process(store);
  for (const address of [BRAIN, PINKY]) await made.accounts.add({ address, password: "narf" });
  for (let i = 0; i < count; i++) {
    await deliver(made, { uid: uidOf(i), text: `Message ${i}\r\n`, to: i < 10 ? [BRAIN, PINKY] : [BRAIN] });
    if (numbered && i === count >> 1) await made.mailStore.list(BRAIN);
  }
  return made;
}

for (
  const [kind, view, numbered] of [
    ["the embedded store", (s: Store) => s, true],
    ["the embedded store with arrivals only", (s: Store) => s, false],
    ["a shared store", sharedView, true],
  ] as const
) {
  Deno.test(`On ${kind}, whichever commit of a removal fails, the next account of that name begins empty`, async () => {
    let writes = 1;
    for (let die = 0; die <= writes; die++) {
      for (const resumed of [true, false]) {
        await using store = await memoryStore();
        await house(view(store), 130, { numbered });
        const dying = dyingView(view(store), die);
        const { accounts } = await process(dying);
        const told = await accounts.remove(BRAIN).catch(() => "failed");
        assertEquals(told, die === 0 ? "failed" : true);
        writes = Math.max(writes, dying.written + (die === dying.written ? 1 : 0));
        const after = await process(view(store));
        if (die === 0) {
          assertEquals((await after.mailStore.list(BRAIN)).length, 130, "nothing happened");
          continue;
        }
        const at = `died after ${die} writes`;
        assertEquals(await after.accounts.verify(BRAIN, "narf"), undefined, at);
        assertEquals(await after.mailStore.usage(BRAIN), { messages: 0, bytes: 0 }, at);
        assertEquals((await Array.fromAsync(after.mailStore.mailboxes())).map((m) => m.address), [PINKY], at);
        if (resumed) {
          await after.mailStore.finishRemovals();
          const { mail, object, index, mailbox } = await keyCounts(store.kv);
          assertEquals([mail, object, index, mailbox], [10, undefined, undefined, undefined], at);
        }
        assert(await after.accounts.add({ address: BRAIN, password: "zort" }) !== "exists");
        assertEquals((await after.mailStore.snapshot(BRAIN)).length, 0, at);
        assertEquals((await after.mailStore.list(PINKY)).length, 10, at);
        const { body, object, mailbox, mailremoval, mailcount, bodyrefs } = await keyCounts(store.kv);
        assertEquals([body, object, mailbox, mailremoval, mailcount], [10, 1, 1, undefined, 1], at);
        assertEquals(bodyrefs, 10, at);
      }
    }
    assert(writes > 4, "a removal of many messages takes several writes");
  });
}

Deno.test("Where the mail of a former account can't be taken away there is no new one", async () => {
  await using store = await memoryStore();
  await house(store);
  await (await process(dyingView(store, 1))).accounts.remove(BRAIN);
  const { accounts } = await process(dyingView(store, 1));
  await assertRejects(() => accounts.add({ address: BRAIN, password: "narf" }), Error, "died");
  assertEquals((await process(store)).accounts.has(BRAIN), false);
});

Deno.test("What came too late for the former account is not in the mailbox of the new one", async () => {
  await using store = await memoryStore();
  const at = await house(store, 3);
  await at.accounts.remove(BRAIN);
  await deliver(at, { uid: uidOf(9), text: "Late\r\n", to: [BRAIN] });
  await at.accounts.add({ address: BRAIN, password: "narf" });
  assertEquals(await at.mailStore.list(BRAIN), []);
  assertEquals(await at.mailStore.usage(BRAIN), { messages: 0, bytes: 0 });
  // and what comes after it is
  await deliver(at, { uid: uidOf(10), text: "New\r\n", to: [BRAIN] });
  assertEquals((await at.mailStore.list(BRAIN)).length, 1);
});

Deno.test("A server that is late with a removal leaves the next account's mail alone", async () => {
  await using store = await memoryStore();
  await house(store, 60);
  await (await process(dyingView(store, 1))).accounts.remove(BRAIN);
  const slow = heldView(sharedView(store));
  const late = (await process(slow)).mailStore.finishRemovals();
  await slow.reached; // it has read what is to go
  const at = await process(sharedView(store));
  await at.accounts.add({ address: BRAIN, password: "narf" });
  await deliver(at, { uid: uidOf(100), text: "New\r\n", to: [BRAIN] });
  await at.mailStore.lock(BRAIN, "new").then((lock) => lock?.release());
  slow.goOn();
  await late;
  assertEquals((await at.mailStore.list(BRAIN)).map((entry) => entry.uid), [uidOf(100)]);
  assertEquals((await at.mailStore.usage(BRAIN)).messages, 1);
});

Deno.test("A password that is verified while its account is removed opens nothing", async () => {
  await using store = await memoryStore();
  const { accounts } = await house(store, 0);
  const { verify } = PasswordHasher.prototype;
  PasswordHasher.prototype.verify = async function (...about) {
    PasswordHasher.prototype.verify = verify; // for this once
    const right = await verify.apply(this, about);
    await accounts.remove(BRAIN);
    await accounts.add({ address: BRAIN, password: "zort" });
    return right;
  };
  try {
    assertEquals(await accounts.verify(BRAIN, "narf"), undefined);
  } finally {
    PasswordHasher.prototype.verify = verify;
  }
});

Deno.test("An account is another one than a former one of its name, in the same millisecond too", async () => {
  await using store = await memoryStore();
  const { accounts } = await house(store, 0);
  const old = accounts.get(BRAIN)!;
  assert(await accounts.isCurrent(old));
  await accounts.remove(BRAIN);
  assertEquals(await accounts.isCurrent(old), false);
  await accounts.add({ address: BRAIN, password: "narf" });
  assertEquals(await accounts.isCurrent(old), false);
  assert(await accounts.isCurrent(accounts.get(BRAIN)!));
});

for (const kind of SHARED_KVS) {
  Deno.test(`An account of many messages ends within the limits of a shared store (${kind.name})`, async () => {
    await using server = await startShared(kind);
    const store = await openStore({ location: server.url, clock: systemClock });
    try {
      const { accounts } = await house(store, 60);
      assert(await accounts.remove(BRAIN));
      const { body, mail, mailremoval } = await keyCounts(store.kv);
      assertEquals([body, mail, mailremoval], [10, 10, undefined]);
      assert(await accounts.add({ address: BRAIN, password: "narf" }) !== "exists");
      if (server instanceof KvConnectServer) assertEquals(server.refused, 0);
    } finally {
      await store.close();
    }
  });
}

/** The same store, of a process that stands still before its first write. */
function heldView(store: Store): Store & { readonly reached: Promise<void>; goOn(): void } {
  const reached = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  return {
    kv: store.kv,
    embedded: store.embedded,
    limits: store.limits,
    async write(change: Write): Promise<WriteResult> {
      reached.resolve();
      await held.promise;
      return await store.write(change);
    },
    close: () => store.close(),
    reached: reached.promise,
    goOn: () => held.resolve(),
  };
}

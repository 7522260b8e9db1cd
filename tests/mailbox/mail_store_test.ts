import { assert, assertEquals } from "@std/assert";
import { concat, decode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { FLAGGED } from "../../src/mailbox/flags.ts";
import { sizeOf } from "../../src/mailbox/mail_entry.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { systemClock } from "../../src/base/clock.ts";
import { BodySweeper } from "../../src/storage/bodies/bodies.ts";
import { KvConnectServer } from "../support/kv_connect_server.ts";
import { put } from "../support/raw_kv.ts";
import { SHARED_KVS, startShared } from "../support/shared_kv.ts";
import { deliver, dyingView, endMailbox, keyCounts, memoryStore, sharedView, uidOf } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";
const PINKY = "pinky@howstuffworks.com";
const PREFIX = "Return-Path: <jsmith@mindspring.com>\r\n";

function mailStoreOn(store: Store): MailStore {
  return new MailStore(store, { clock: new ManualClock() });
}

async function fill(store: Store, count: number, to: readonly string[] = [BRAIN]): Promise<MailStore> {
  const mailStore = mailStoreOn(store);
  const all = Array.from({ length: count }, (_, i) => i);
  await Promise.all(
    all.map((i) => deliver({ store, mailStore }, { uid: uidOf(i), text: `Message ${i}\r\n`, to })),
  );
  return mailStore;
}

async function uids(mailStore: MailStore, address = BRAIN): Promise<number[]> {
  return (await mailStore.list(address)).map((entry) => Number(entry.uid.slice(4)));
}

Deno.test("MailStore delivers, lists, counts and reads", async () => {
  await using store = await memoryStore();
  const mailStore = await fill(store, 3);
  assertEquals(await uids(mailStore), [0, 1, 2]);
  const entry = (await mailStore.get("Brain@howstuffworks.com", uidOf(1)))!;
  const text = `${PREFIX}Message 1\r\n`;
  assertEquals(decode(concat(await Array.fromAsync(mailStore.read(entry)))), text);
  assertEquals(entry.size, text.length);
  assertEquals(await mailStore.usage(BRAIN), { messages: 3, bytes: 3 * text.length });
  assertEquals(await mailStore.usage(PINKY), { messages: 0, bytes: 0 });
  assertEquals(await mailStore.get(BRAIN, uidOf(7)), undefined);
});

Deno.test("MailStore changes and removes a message that is given its place at that moment", async () => {
  await using store = await memoryStore();
  let [committed, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow: Store = {
    ...sharedView(store),
    embedded: true,
    async write(change) {
      const result = await store.write(change);
      const placed = change.mutations.some(({ type, key }) => type === "delete" && key[0] === "mail");
      if (placed) {
        committed.resolve();
        await told.promise; // the store has it, and nobody here knows yet
      }
      return result;
    },
  };
  const mailStore = mailStoreOn(slow);
  for (const [n, act] of ["load", "change", "remove"].entries()) {
    await deliver({ store: slow, mailStore }, { uid: uidOf(n), text: `Message ${n}\r\n`, to: [BRAIN] });
    if (act !== "load") await committed.promise; // it is held, so it is numbered at once
    const flagged = { mode: "add", flags: FLAGGED, keywords: [] } as const;
    const acting = act === "change"
      ? mailStore.change(BRAIN, [uidOf(n)], { flags: [flagged] })
      : act === "remove"
      ? mailStore.remove(BRAIN, [uidOf(n)])
      : mailStore.list(BRAIN);
    await new Promise((resolve) => setTimeout(resolve, 20));
    told.resolve();
    const done = await acting;
    if (act === "change") assertEquals(done, 1);
    [committed, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  }
  assertEquals(await uids(mailStore), [0, 1]);
  assertEquals((await mailStore.get(BRAIN, uidOf(1)))?.flags, FLAGGED);
});

Deno.test("MailStore.get() finds that message and no other, whenever one before it goes", async () => {
  for (let turns = 0; turns < 60; turns++) {
    await using store = await memoryStore();
    const held: { look?: Promise<void>; write?: Promise<void> } = {};
    const list = async function* (...args: Parameters<typeof store.kv.list>) {
      const all = await Array.fromAsync(store.kv.list(...args));
      await held.look;
      yield* all;
    };
    const kv = new Proxy(store.kv, {
      get: (target, name) => name === "list" ? list : Reflect.get(target, name)?.bind(target),
    });
    const view: Store = {
      ...sharedView(store),
      kv,
      embedded: true,
      async write(change) {
        const result = await store.write(change);
        await held.write;
        return result;
      },
    };
    const mailStore = await fill(view, 3);
    assertEquals(await uids(mailStore), [0, 1, 2]);
    const [look, write] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    held.write = write.promise;
    const removing = mailStore.remove(BRAIN, [uidOf(0)]);
    await new Promise((resolve) => setTimeout(resolve, 5)); // it is in the store, and nobody here knows yet
    held.look = look.promise;
    const getting = mailStore.get(BRAIN, uidOf(1));
    await new Promise((resolve) => setTimeout(resolve, 5));
    look.resolve();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    write.resolve();
    assertEquals((await getting)?.uid, uidOf(1), `${turns} turns later`);
    await removing;
  }
});

Deno.test("sizeOf() counts octets, not characters", () => {
  const body = { id: "", size: 10, chunks: 1, shared: false };
  assertEquals(sizeOf("Delivered-To: grün@x\r\n", body), 10 + 23);
  assertEquals(sizeOf("", body), 10);
});

Deno.test("MailStore.list() takes pages, from both ends", async () => {
  await using store = await memoryStore();
  const mailStore = await fill(store, 5);
  const numbers = async (options: Parameters<MailStore["list"]>[1]) =>
    (await mailStore.list(BRAIN, options)).map((entry) => Number(entry.uid.slice(4)));
  assertEquals(await numbers({ limit: 2 }), [0, 1]);
  assertEquals(await numbers({ limit: 2, after: uidOf(1) }), [2, 3]);
  assertEquals(await numbers({ reverse: true, limit: 2 }), [4, 3]);
  assertEquals(await numbers({ reverse: true, after: uidOf(3) }), [2, 1, 0]);
  assertEquals(await numbers({ limit: 0 }), []);
});

Deno.test("MailStore.snapshot() has what POP3 needs of each message", async () => {
  await using store = await memoryStore();
  const mailStore = await fill(store, 3, [BRAIN, PINKY]);
  const list = await mailStore.snapshot(BRAIN);
  assertEquals(list.length, 3);
  const { uid, size, body, prefix } = (await mailStore.get(BRAIN, uidOf(2)))!;
  assertEquals(list.at(2), { uid, size, body, prefix });
  assertEquals([list.uid(2), list.size(2), list.at(3)], [uid, size, undefined]);
});

Deno.test("MailStore.remove() removes, counts back and frees the bodies; gone ones don't matter", async () => {
  await using store = await memoryStore();
  const mailStore = await fill(store, 4);
  await mailStore.remove(BRAIN, [uidOf(1), uidOf(2), uidOf(99)]);
  assertEquals(await uids(mailStore), [0, 3]);
  await mailStore.remove(BRAIN, [uidOf(1), uidOf(0), uidOf(0)]);
  await mailStore.remove(BRAIN, []);
  assertEquals((await mailStore.usage(BRAIN)).messages, 1);
  await endMailbox(store, mailStore, BRAIN);
  assertEquals(await mailStore.usage(BRAIN), { messages: 0, bytes: 0 });
  assertEquals(await keyCounts(store.kv), { format: 2 });
});

Deno.test("MailStore.remove() keeps a body that another mailbox has", async () => {
  await using store = await memoryStore();
  const mailStore = await fill(store, 2, [BRAIN, PINKY]);
  await mailStore.remove(BRAIN, [uidOf(0), uidOf(1)]);
  const entry = (await mailStore.get(PINKY, uidOf(1)))!;
  assertEquals(decode(concat(await Array.fromAsync(mailStore.read(entry)))), `${PREFIX}Message 1\r\n`);
  await mailStore.remove(PINKY, [uidOf(0), uidOf(1)]);
  assertEquals((await keyCounts(store.kv)).body, undefined);
});

Deno.test("MailStore.remove() of many messages takes them all and leaves no list behind", async () => {
  await using store = await memoryStore();
  const mailStore = await fill(store, 500);
  const all = Array.from({ length: 500 }, (_, i) => uidOf(i));
  await mailStore.remove(BRAIN, all.slice(10));
  assertEquals((await uids(mailStore)).length, 10);
  assertEquals((await mailStore.usage(BRAIN)).messages, 10);
  const { body, dead, mail, object } = await keyCounts(store.kv);
  assertEquals({ body, dead, mail, object }, { body: 10, dead: undefined, mail: undefined, object: 1 });
});

for (const kind of SHARED_KVS) {
  Deno.test(`MailStore.remove() takes many messages out of a mailbox on a shared store (${kind.name})`, async () => {
    await using server = await startShared(kind);
    const store = await openStore({ location: server.url, clock: systemClock });
    try {
      const mailStore = await fill(store, 60, [BRAIN, PINKY]);
      const all = Array.from({ length: 60 }, (_, i) => uidOf(i));
      await mailStore.remove(BRAIN, all.slice(0, 20));
      assertEquals((await mailStore.usage(BRAIN)).messages, 40);
      await endMailbox(store, mailStore, PINKY);
      await endMailbox(store, mailStore, BRAIN);
      assertEquals(await mailStore.usage(BRAIN), { messages: 0, bytes: 0 });
      await new BodySweeper(store, { clock: systemClock, graceMs: 0 }).sweep(true);
      assertEquals(await keyCounts(store.kv), { commit: 1, format: 2 });
      if (server instanceof KvConnectServer) assertEquals(server.refused, 0);
    } finally {
      await store.close();
    }
  });
}

Deno.test("A process that dies while it removes leaves all or none, and exact counts", async () => {
  let writes = 0;
  for (let die = 0; die <= writes; die++) {
    await using store = await memoryStore();
    await fill(store, 130);
    const dying = dyingView(store, die);
    const gone = Array.from({ length: 120 }, (_, i) => uidOf(i + 5));
    const told = await mailStoreOn(dying).remove(BRAIN, gone).then(() => true, () => false);
    const reopened = mailStoreOn(store);
    const left = (await uids(reopened)).length;
    assertEquals(left, told ? 10 : 130, `died after ${die} writes`);
    const usage = await reopened.usage(BRAIN);
    assertEquals(usage.messages, left);
    assertEquals(usage.bytes, (await reopened.list(BRAIN)).reduce((sum, entry) => sum + entry.size, 0));
    await reopened.finishRemovals();
    assertEquals((await keyCounts(store.kv)).body, left);
    writes = Math.max(writes, dying.written + (die === dying.written ? 1 : 0));
    assert(writes < 50);
  }
  assert(writes > 5, "a removal of many takes several writes");
});

/** Writes a list of messages to be removed, as it was before mailboxes had folders. */
async function oldRemoval(
  store: Store,
  clock: ManualClock,
  { happened }: { happened: boolean },
): Promise<void> {
  const uids = Array.from({ length: 90 }, (_, i) => uidOf(i));
  await put(store.kv, ["mailremoval", BRAIN, "id", 0], { at: clock.now(), uids });
  if (happened) await put(store.kv, ["mailremoval", BRAIN, "id", -1], { at: clock.now(), parts: 1 });
}

Deno.test("A list of uids whose removal never happened goes away after an hour", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  await fill(store, 100);
  await oldRemoval(store, clock, { happened: false });
  assertEquals((await new MailStore(store, { clock }).list(BRAIN)).length, 100);
  assertEquals((await keyCounts(store.kv)).mailremoval, 1, "it may still be being written");
  clock.advance(3_600_001);
  assertEquals((await new MailStore(store, { clock }).list(BRAIN)).length, 100);
  assertEquals((await keyCounts(store.kv)).mailremoval, undefined);
});

Deno.test("A list of uids whose removal has happened is carried out before the mailbox gets folders", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  await fill(store, 100);
  await oldRemoval(store, clock, { happened: true });
  assertEquals((await new MailStore(store, { clock }).list(BRAIN)).length, 10);
  const { mailremoval, body } = await keyCounts(store.kv);
  assertEquals([mailremoval, body], [undefined, 10]);
});

Deno.test("MailStore.list() never shows a part of a removal that is under way", async () => {
  await using store = await memoryStore();
  const mailStore = await fill(store, 300);
  const all = Array.from({ length: 300 }, (_, i) => uidOf(i));
  let over = false;
  const removing = mailStore.remove(BRAIN, all).then(() => over = true);
  const seen = new Set<number>();
  while (!over) seen.add((await mailStore.list(BRAIN)).length);
  await removing;
  assertEquals([...seen].filter((count) => count !== 0 && count !== 300), []);
});

Deno.test("MailStore.markSeen() stays out of the way of a removal", async () => {
  await using store = await memoryStore();
  const mailStore = await fill(store, 30);
  const all = Array.from({ length: 30 }, (_, i) => uidOf(i));
  await Promise.all([mailStore.remove(BRAIN, all), ...all.map((uid) => mailStore.markSeen(BRAIN, uid))]);
  assertEquals(await uids(mailStore), []);
  assertEquals(await mailStore.usage(BRAIN), { messages: 0, bytes: 0 });
  assertEquals(await mailStore.markSeen(BRAIN, uidOf(1)), false);
});

Deno.test("MailStore.mailboxes() lists who ever had mail", async () => {
  await using store = await memoryStore();
  const mailStore = await fill(store, 2, [PINKY, BRAIN]);
  await endMailbox(store, mailStore, PINKY);
  assertEquals(await Array.fromAsync(mailStore.mailboxes()), [
    { address: BRAIN, messages: 2 },
  ]);
});

Deno.test("What can't be given its place in a folder now is read all the same", async () => {
  await using store = await memoryStore();
  const mailStore = await fill(store, 3);
  const readOnly = () => mailStoreOn(dyingView(store, 0));
  assertEquals(await uids(readOnly()), [0, 1, 2]);
  assertEquals(await uids(mailStore), [0, 1, 2]);
  await deliver({ store, mailStore: mailStoreOn(store) }, { uid: uidOf(3), text: "Narf\r\n", to: [BRAIN] });
  const late = readOnly();
  assertEquals(await uids(late), [0, 1, 2, 3]);
  assertEquals((await late.snapshot(BRAIN)).uids, [0, 1, 2, 3].map(uidOf));
  assertEquals((await late.list(BRAIN, { reverse: true, limit: 2 })).map(({ uid }) => uid), [
    uidOf(3),
    uidOf(2),
  ]);
  assertEquals((await late.list(BRAIN, { after: uidOf(2) })).map(({ uid }) => uid), [uidOf(3)]);
  assertEquals((await late.get(BRAIN, uidOf(3)))!.size, PREFIX.length + 6);
});

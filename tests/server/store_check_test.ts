import { assert, assertEquals, assertMatch } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { type MailEntry, MailStore } from "../../src/mailbox/mail_store.ts";
import type { QueueRecord } from "../../src/queue/record.ts";
import { queueWrites } from "../../src/queue/queue_store.ts";
import { checkStore } from "../../src/server/store_check.ts";
import { BodySweeper, BodyWriter, draftOf } from "../../src/storage/bodies/bodies.ts";
import * as keys from "../../src/storage/keys.ts";
import type { Store } from "../../src/storage/store.ts";
import { together } from "../../src/storage/write.ts";
import { deliver, entryOf, memoryStore, uidOf } from "../mailbox/helpers.ts";
import { drop, put } from "../support/raw_kv.ts";

const BRAIN = "brain@howstuffworks.com";
const PINKY = "pinky@howstuffworks.com";
const [ALONE, SHARED, LARGE, WAITS, HELD, LEASED] = [1, 2, 3, 4, 5, 6].map(uidOf) as [
  string,
  string,
  string,
  string,
  string,
  string,
];

function recordOf(id: string, body: QueueRecord["body"], more: Partial<QueueRecord> = {}): QueueRecord {
  const recipients = [{ address: "jsmith@mindspring.com", attempts: 0 }];
  const common = { id, part: 0, sender: BRAIN, domain: "mindspring.com", recipients, body };
  return { ...common, receivedAt: 1000, dueAt: 5000, source: "smtp", ...more };
}

/** A store with a bit of everything in it, all of it right; also what a crash may leave behind. */
async function furnish(store: Store): Promise<void> {
  const clock = new ManualClock();
  const mailStore = new MailStore(store, { clock });
  await deliver({ store, mailStore }, { uid: ALONE, text: "Subject: 1\r\n\r\n", to: [BRAIN] });
  await deliver({ store, mailStore }, { uid: SHARED, text: "Subject: 2\r\n\r\n", to: [BRAIN, PINKY] });
  const body = new BodyWriter(store, { id: LARGE, clock });
  for (let i = 0; i < 6; i++) await body.append(new Uint8Array(60 * 1024));
  const large = body.finish();
  await store.write(together(large.write(1), mailStore.deliveryWrite(BRAIN, entryOf(LARGE, large))));
  for (const [id, more] of [[WAITS, {}], [HELD, { held: true }], [LEASED, {}]] as const) {
    const draft = draftOf(id, encode("Subject: q\r\n\r\n"));
    const lease = id === LEASED ? { owner: "somebody", until: 9000 } : undefined;
    await store.write(together(draft.write(1), queueWrites.insert(recordOf(id, draft.ref(1), more), lease)));
  }
  // a writer that died, and a body that all owners left at the same time
  const dead = new BodyWriter(store, { id: uidOf(8), clock });
  for (let i = 0; i < 3; i++) await dead.append(new Uint8Array(60 * 1024));
  await set(store, keys.body(uidOf(9), 0), new Uint8Array(10));
  await set(store, keys.bodyRefs(uidOf(9)), new Deno.KvU64(0n));
  await set(store, keys.bodyRecount(uidOf(9), 1), new Deno.KvU64(2n));
  for (const address of [BRAIN, PINKY]) await set(store, keys.account(address), { address });
}

async function set(store: Store, key: Deno.KvKey, value: unknown): Promise<void> {
  await put(store.kv, key, value);
}

async function change<T>(store: Store, key: Deno.KvKey, change: Partial<T>): Promise<void> {
  const { value } = await store.kv.get<T>(key);
  assert(value !== null, `nothing is at ${key.join("/")}`);
  await set(store, key, { ...value, ...change });
}

const u64 = (value: number) => new Deno.KvU64(BigInt(value));

/** What is broken, and what the check says of it, fault by fault. `stays`: these can't be mended. */
const BREAKAGES: readonly [string, (store: Store) => Promise<void>, RegExp[], stays?: number][] = [
  // sums
  ["a count that is wrong", (s) => set(s, keys.mailCount(BRAIN), u64(7)), [
    /^mailbox brain@.*: Its counters say 7 messages of \d+ bytes; it holds 3 of \d+$/,
  ]],
  ["a size that went below zero", (s) => set(s, keys.mailBytes(PINKY), new Deno.KvU64(2n ** 64n - 5n)), [
    /counters say 1 messages of 18446744073709551611 bytes; it holds 1 of/,
  ]],
  ["sums that are gone", async (s) => {
    await drop(s.kv, keys.mailCount(BRAIN));
    await drop(s.kv, keys.mailBytes(BRAIN));
  }, [/counters say 0 messages of 0 bytes; it holds 3/]],
  ["sums of a mailbox without mail", (s) => set(s, keys.mailCount("zort@x.test"), u64(1)), [
    /^mailbox zort@x\.test: Its counters say 1 messages/,
  ]],
  // entries
  ["an entry with a wrong size", (s) => change<MailEntry>(s, keys.mail(BRAIN, ALONE), { size: 5 }), [
    /message 06FZ0+1: Its size is given as 5, and it is \d+$/,
  ]],
  ["an entry with another uid", (s) => change<MailEntry>(s, keys.mail(BRAIN, ALONE), { uid: uidOf(77) }), [
    /message 06FZ0+1: It calls itself 06FZ0+77$/,
  ]],
  ["an entry that is none", (s) => set(s, keys.mail(BRAIN, uidOf(70)), "zort"), [
    /message 06FZ0+70: The entry can't be read; --repair takes it away$/,
  ]],
  ["an entry that is gone", (s) => drop(s.kv, keys.mail(BRAIN, ALONE)), [
    /^mailbox brain.*counters say 3 .* it holds 2/,
    /^body 06FZ0+1: Nobody owns it \(14 bytes\); --repair removes it$/,
  ]],
  // bodies
  ["a body that is gone", (s) => drop(s.kv, keys.body(ALONE, 0)), [
    /message 06FZ0+1: Its body is not whole \(0 of 1 parts are there\)/,
  ]],
  ["a body that lacks a part", (s) => drop(s.kv, keys.body(LARGE, 2)), [
    /message 06FZ0+3: Its body is not whole \(5 of 6 parts are there\)/,
    /^body 06FZ0+3: Nobody owns it/,
  ]],
  ["a body that is shorter", (s) => set(s, keys.body(LARGE, 5), new Uint8Array(7)), [
    /Its body is not whole \(307207 of 368640 bytes are there\)/,
    /^body 06FZ0+3: Nobody owns it/,
  ]],
  ["parts that have changed places", async (s) => {
    await set(s, keys.body(LARGE, 1), new Uint8Array(1));
    await set(s, keys.body(LARGE, 5), new Uint8Array(2 * 60 * 1024 - 1).subarray(0, 60_000));
  }, [/Its body is not whole/, /Nobody owns it/]],
  ["a shared body that is gone", (s) => drop(s.kv, keys.body(SHARED, 0)), [
    /^mailbox brain.*body is not whole/,
    /^mailbox pinky.*body is not whole/,
    /^body 06FZ0+2: Nobody owns it \(a counter without a body\)/,
  ]],
  ["a body that nobody owns", (s) => set(s, keys.body(uidOf(50), 0), new Uint8Array(9)), [
    /^body 06FZ0+50: Nobody owns it \(9 bytes\); --repair removes it$/,
  ]],
  ["a large body that nobody owns", async (s) => {
    for (let n = 0; n < 70; n++) await set(s, keys.body(uidOf(51), n), new Uint8Array(60 * 1024));
  }, [/^body 06FZ0+51: Nobody owns it/]],
  ["a counter that nobody owns", (s) => set(s, keys.bodyRefs(uidOf(52)), u64(2)), [
    /^body 06FZ0+52: Nobody owns it \(a counter without a body\)/,
  ]],
  ["a mark on a body that has an owner", (s) => set(s, keys.bodyPending(ALONE), { at: 0, chunks: 1 }), [
    /^body 06FZ0+1: It has an owner, and a mark that would let it be removed$/,
  ]],
  ["a counter that is too low", (s) => set(s, keys.bodyRefs(SHARED), u64(1)), [
    /^body 06FZ0+2: It has 2 owners, 0 of them alone, and 1 are counted$/,
  ]],
  ["a counter that is gone", (s) => drop(s.kv, keys.bodyRefs(SHARED)), [
    /^body 06FZ0+2: It has 2 owners, 0 of them alone, and nothing is counted$/,
  ]],
  ["a counter of a body that has one owner", (s) => set(s, keys.bodyRefs(ALONE), u64(4)), [
    /^body 06FZ0+1: It has 1 owners, 1 of them alone, and 4 are counted$/,
  ]],
  ["two owners that know nothing of each other", async (s) => {
    const { value } = await s.kv.get<MailEntry>(keys.mail(BRAIN, ALONE));
    await set(s, keys.mail(PINKY, ALONE), value);
  }, [
    /^mailbox pinky.*it holds 2 of/,
    /^body 06FZ0+1: It has 2 owners, 2 of them alone, and nothing is counted$/,
  ]],
  // the queue
  ["a record without a due key", (s) => drop(s.kv, keys.queueDue(5000, WAITS, 0)), [
    /^queue 06FZ0+4\/0: It waits, and nothing says until when$/,
  ]],
  ["a record with two due keys", (s) => set(s, keys.queueDue(7000, WAITS, 0), { domain: "x.test" }), [
    /^queue 06FZ0+4\/0: It is due at 2 times$/,
  ]],
  [
    "a record that is due at another time",
    (s) => change<QueueRecord>(s, keys.queueItem(WAITS, 0), { dueAt: 1 }),
    [
      /^queue 06FZ0+4\/0: It is due at another time than it says$/,
    ],
  ],
  ["a held record that is due", (s) => set(s, keys.queueDue(5000, HELD, 0), { domain: "x.test" }), [
    /^queue 06FZ0+5\/0: It is held, and due all the same$/,
  ]],
  ["a due key without a record", (s) => set(s, keys.queueDue(5000, uidOf(60), 0), { domain: "x.test" }), [
    /^queue 06FZ0+60\/0: It is due, and there is no such record$/,
  ]],
  ["a record that is none", (s) => set(s, keys.queueItem(uidOf(61), 0), 5), [
    /^queue 06FZ0+61\/0: The record can't be read; --repair takes it away$/,
  ]],
  ["a record whose body is gone", (s) => drop(s.kv, keys.body(WAITS, 0)), [
    /^queue 06FZ0+4\/0: Its body is not whole .*"dinopost queue bounce 06FZ0+4" notifies its sender$/,
  ], 1],
];

for (const [name, breakIt, expected, stays = 0] of BREAKAGES) {
  Deno.test(`checkStore() finds and mends ${name}`, async () => {
    await using store = await memoryStore();
    await furnish(store);
    await breakIt(store);
    const looked = await checkStore(store, { repair: false });
    const told = looked.faults.map(({ where, what }) => `${where}: ${what}`);
    // what a loss brings with it is only seen when the loss is mended
    for (const [i, line] of told.entries()) assertMatch(line, expected[i]!);
    assert(looked.faults.length > 0 && looked.faults.every(({ mended }) => !mended));

    const mended = await checkStore(store, { repair: true });
    const lines = mended.faults.map(({ where, what }) => `${where}: ${what}`);
    assertEquals(lines.length, expected.length, lines.join("\n"));
    for (const [i, line] of lines.entries()) assertMatch(line, expected[i]!);
    assertEquals(mended.faults.filter((fault) => !fault.mended).length, stays);

    const after = await checkStore(store, { repair: false });
    assertEquals(after.faults.length, stays, JSON.stringify(after.faults));
    // and the sweep of the next start finds it in order
    await new BodySweeper(store, { clock: new ManualClock(), graceMs: 0 }).sweep(true);
    assertEquals((await checkStore(store, { repair: false })).faults.length, stays);
  });
}

Deno.test("checkStore() finds nothing wrong in a store that is right, and counts what is there", async () => {
  await using store = await memoryStore();
  assertEquals(await checkStore(store, { repair: true }), {
    mailboxes: 0,
    messages: 0,
    queued: 0,
    texts: 0,
    faults: [],
    notes: [],
  });
  await furnish(store);
  const { faults, notes, ...counts } = await checkStore(store, { repair: true });
  assertEquals(faults, []);
  assertEquals(notes, []);
  assertEquals(counts, { mailboxes: 2, messages: 4, queued: 3, texts: 8 });
  await drop(store.kv, keys.account(PINKY));
  const found = await checkStore(store, { repair: false });
  assertEquals(found.notes, [`mailbox ${PINKY}: 1 messages, and there is no such account`]);
  assertEquals(found.faults, []);
});

import { assert, assertEquals, assertMatch } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { unpackCopies } from "../../src/mailbox/copy_row.ts";
import type { FolderRecord, HeadRecord } from "../../src/mailbox/folder_state.ts";
import { IndexRow } from "../../src/mailbox/index_row.ts";
import type { MailEntry } from "../../src/mailbox/mail_entry.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { packObjects, unpackObjects } from "../../src/mailbox/object_row.ts";
import { checkStore } from "../../src/server/store_check.ts";
import * as keys from "../../src/storage/keys.ts";
import type { Store } from "../../src/storage/store.ts";
import { deliver, dyingView, memoryStore, uidOf } from "../mailbox/helpers.ts";
import { drop, put } from "../support/raw_kv.ts";

const BRAIN = "brain@howstuffworks.com";
const INBOX = keys.folder(BRAIN, 1);
const ROW = keys.folderIndex(BRAIN, 1, 0);
const OBJECTS = keys.mailObjects(BRAIN, 0);

/** Six messages; the second has a copy in Trash, the third is flagged, the fifth was expunged and is not let go yet. */
async function furnish(store: Store): Promise<void> {
  const clock = new ManualClock();
  await put(store.kv, keys.account(BRAIN), { address: BRAIN });
  const mailStore = new MailStore(store, { clock });
  for (let i = 1; i <= 6; i++) {
    await deliver({ store, mailStore }, { uid: uidOf(i), text: `Message ${i}\r\n`, to: [BRAIN] });
  }
  // a body that had two owners is not let go by the commit that expunges its message
  await change<MailEntry>(store, keys.mail(BRAIN, uidOf(5)), (entry) => ({
    ...entry,
    body: { ...entry.body, shared: true },
  }));
  await put(store.kv, keys.bodyRefs(uidOf(5)), new Deno.KvU64(1n));
  // one commit numbers, one copies, one stores, one removes, and none lets go
  const dying = new MailStore(dyingView(store, 5), { clock });
  dying.useFacts({ make: () => Promise.resolve(encode("facts")), isGood: () => true });
  const folders = await dying.open(BRAIN);
  const inbox = await folders.select(1);
  await inbox.copy(Uint32Array.of(2), 4);
  await inbox.store(Uint32Array.of(3), { mode: "add", flags: 9, keywords: ["k"] });
  await inbox.expunge(Uint32Array.of(5));
  assertEquals((await Array.fromAsync(store.kv.list(keys.deadObjectsOf(BRAIN)))).length, 1);
}

async function change<T>(store: Store, key: Deno.KvKey, changed: (value: T) => unknown): Promise<void> {
  const { value } = await store.kv.get<T>(key);
  assert(value !== null, `nothing is at ${key.join("/")}`);
  await put(store.kv, key, changed(value));
}

/** Changes the index of INBOX. */
function index(store: Store, changed: (row: IndexRow) => IndexRow | void): Promise<void> {
  return change<Uint8Array>(store, ROW, (bytes) => {
    const row = IndexRow.decode(bytes).copy(0);
    return (changed(row) ?? row).encode();
  });
}

/** What is broken, and what the check says of it, fault by fault. `stays`: these can't be mended. */
const BREAKAGES: readonly [string, (store: Store) => Promise<void>, RegExp[], stays?: number][] = [
  ["counts of a folder", (s) => change<FolderRecord>(s, INBOX, (f) => ({ ...f, unseen: 77, messages: 4 })), [
    /^mailbox brain@.*, folder INBOX: messages is 4 and should be 5; unseen is 77 and should be 4$/,
  ]],
  ["a UID that will be given again", (s) => change<FolderRecord>(s, INBOX, (f) => ({ ...f, uidNext: 3 })), [
    /uidNext is 3 and should be 7/,
  ]],
  [
    "a mod-sequence that went back",
    (s) => change<HeadRecord>(s, keys.mailbox(BRAIN), (head) => ({ ...head, modseq: 2 })),
    [
      /folder INBOX: It has changes after the last one of the mailbox/,
    ],
  ],
  ["a mailbox without a head", (s) => drop(s.kv, keys.mailbox(BRAIN)), [
    /^mailbox brain@[^,]*: Nothing says how its folders go on; --repair makes that up from them$/,
  ]],
  ["UIDs out of order", (s) => index(s, (row) => void (row.uid[0] = 3)), [
    /UID 2 comes after UID 3/,
  ], 1],
  ["an index that can't be read", (s) => put(s.kv, ROW, new Uint8Array(7)), [
    /A row of an index can't be read; --repair takes it away/,
    /folder INBOX: messages is 5 and should be 0; unseen is 4 and should be 0; deleted is 1/,
    /Message object 2 is in 1 places, and 2 are counted/,
    /Message 06FZ0+1 is in no folder; --repair removes it/,
    /Message 06FZ0+3 is in no folder/,
    /Message 06FZ0+4 is in no folder/,
    /Message 06FZ0+6 is in no folder/,
    /Its counters say 6 messages of \d+ bytes; it holds 1 of \d+/,
    ...[1, 3, 4, 6].map((n) => new RegExp(`body 06FZ0+${n}: Nobody owns it`)),
  ]],
  ["a message without an object", (s) =>
    change<Uint8Array>(s, OBJECTS, (bytes) => {
      const objects = unpackObjects(bytes);
      objects.delete(4);
      return packObjects(objects);
    }), [
    /folder INBOX: The body of message 06FZ0+4, UID 4, is not whole \(nothing says where it is\)/,
    /^body 06FZ0+4: Nobody owns it/,
  ]],
  ["a body that is gone", (s) => drop(s.kv, keys.body(uidOf(3), 0)), [
    /folder INBOX: The body of message 06FZ0+3, UID 3, is not whole \(0 of 1 parts are there\)/,
    /Message 06FZ0+3 is in no folder/,
  ]],
  ["objects that can't be read", (s) => put(s.kv, OBJECTS, "zort"), [
    /A row of messages can't be read/,
    ...[6, 4, 3, 2, 1].map(() => /folder INBOX: .*nothing says where it is/),
    /folder Trash: .*nothing says where it is/,
    ...[1, 2, 3, 4, 5, 6].map(() => /Nobody owns it/),
  ]],
  ["a copy that is not counted", (s) => drop(s.kv, keys.mailCopies(BRAIN, 0)), [
    /Message object 2 is in 2 places, and 1 are counted/,
  ]],
  ["copies that can't be read", (s) => put(s.kv, keys.mailCopies(BRAIN, 0), new Uint8Array(3)), [
    /A row of copies can't be read/,
    /Message object 2 is in 2 places, and 1 are counted/,
  ]],
  ["what died and is forgotten", async (s) => {
    for await (const { key } of s.kv.list(keys.deadObjectsOf(BRAIN))) await drop(s.kv, key);
  }, [/Message 06FZ0+5 is in no folder/, /^body 06FZ0+5: Nobody owns it/]],
  ["a folder that is gone", (s) => drop(s.kv, keys.folder(BRAIN, 4)), [
    /There are messages of a folder that is gone/,
    /Message object 2 is in 1 places, and 2 are counted/,
    /Its counters say 6 messages/,
  ]],
  ["facts without messages", (s) => put(s.kv, keys.mailFacts(BRAIN, 9, 0), new Uint8Array(9)), [
    /Facts of messages are kept that are gone/,
  ]],
  ["a body of two owners that think they are alone", async (s) => {
    await put(s.kv, keys.mail("pinky@howstuffworks.com", uidOf(1)), {
      uid: uidOf(1),
      size: 11,
      receivedAt: 1,
      body: { id: uidOf(1), size: 11, chunks: 1, shared: false },
      prefix: "",
      sender: "",
      recipient: "x@y",
    });
    for (const key of [keys.mailCount, keys.mailBytes]) {
      const value = new Deno.KvU64(key === keys.mailCount ? 1n : 11n);
      await put(s.kv, key("pinky@howstuffworks.com"), value);
    }
  }, [/^body 06FZ0+1: It has 2 owners, 2 of them alone, and nothing is counted/]],
];

Deno.test("A store with folders, copies and what is to be let go has no faults", async () => {
  await using store = await memoryStore();
  await furnish(store);
  const { faults, messages, mailboxes } = await checkStore(store, { repair: false });
  assertEquals([faults, messages, mailboxes], [[], 6, 1]);
  assertEquals(unpackCopies((await store.kv.get<Uint8Array>(keys.mailCopies(BRAIN, 0))).value!).size, 1);
});

for (const [what, damage, says, stays = 0] of BREAKAGES) {
  Deno.test(`The check finds ${what}, and --repair mends it`, async () => {
    await using store = await memoryStore();
    await furnish(store);
    await damage(store);
    const { faults } = await checkStore(store, { repair: true });
    const lines = faults.map(({ where, what }) => `${where}: ${what}`);
    assertEquals(lines.length, says.length, lines.join("\n"));
    for (const [i, line] of lines.entries()) assertMatch(line, says[i]!);
    const again = (await checkStore(store, { repair: true })).faults.map(({ what }) => what);
    assertEquals(again.length, stays, again.join("\n"));
    const mailStore = new MailStore(store, { clock: new ManualClock() });
    await mailStore.finishRemovals();
    for (const entry of await mailStore.list(BRAIN)) for await (const _ of mailStore.read(entry));
    assertEquals((await checkStore(store, { repair: false })).faults.length, stays);
  });
}

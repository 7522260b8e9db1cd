import { assert, assertEquals, assertRejects } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import type { Folder, Folders } from "../../src/mailbox/folders.ts";
import type { HeadRecord } from "../../src/mailbox/folder_state.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { checkStore } from "../../src/server/store_check.ts";
import { draftOf } from "../../src/storage/bodies/bodies.ts";
import { DiskReserve } from "../../src/storage/disk_reserve.ts";
import * as keys from "../../src/storage/keys.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import type { Write, WriteResult } from "../../src/storage/write.ts";
import { put } from "../support/raw_kv.ts";
import { SmallDisk } from "../support/small_disk.ts";
import { deliver, dyingView, memoryStore, sharedView, uidOf } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";
/** In so many rows that a copy of all takes two commits. */
const MANY = 7_100;
const INBOX = 1;

let bodies = 0;
function newMessages(length: number, text = "Narf\r\n") {
  return Array.from({ length }, () => ({
    body: draftOf(`NEW${String(bodies++).padStart(13, "0")}`, encode(text)),
    flags: 0,
    keywords: [],
    internalDate: 1_767_600_000_000,
  }));
}

function open(store: Store, clock = new ManualClock()): Promise<Folders> {
  return new MailStore(store, { clock }).open(BRAIN);
}

async function select(folders: Folders, name: string): Promise<Folder> {
  return await folders.select(folders.byName(name)!.id);
}

function uids({ messages }: Folder): Uint32Array {
  return messages.uids.slice(0, messages.length);
}

async function fill(folders: Folders): Promise<void> {
  using inbox = await select(folders, "INBOX");
  for (let i = 0; i < MANY; i += 100) await inbox.append(newMessages(100));
}

async function counts(folders: Folders, ...names: string[]): Promise<number[]> {
  const found: number[] = [];
  for (const name of names) {
    using folder = await select(folders, name);
    found.push(folder.messages.length);
  }
  return found;
}

/** Nothing contradicts anything, nothing is unfinished, and all messages can be read; answers how many there are. */
async function soundMessages(store: Store): Promise<number> {
  const { value: head } = await store.kv.get<HeadRecord>(keys.mailbox(BRAIN));
  assertEquals(head!.unfinished, undefined);
  const mailStore = new MailStore(store, { clock: new ManualClock() });
  await mailStore.finishRemovals();
  assertEquals((await checkStore(store, { repair: false })).faults, []);
  const all = await mailStore.list(BRAIN);
  assertEquals((await mailStore.usage(BRAIN)).messages, all.length);
  for (const entry of all) for await (const _ of mailStore.read(entry));
  return all.length;
}

/** The same store, whose `nth` write (from 1) meets something first. */
function metView(store: Store, nth: number, meet: () => Promise<void> | void): Store {
  let written = 0;
  return {
    kv: store.kv,
    embedded: store.embedded,
    limits: store.limits,
    async write(change: Write): Promise<WriteResult> {
      if (++written === nth) await meet();
      return await store.write(change);
    },
    close: () => store.close(),
  };
}

function full(): never {
  throw new StorageError("full", "no space left");
}

/** What is whole: each puts messages into Sent by several commits. */
const PUTS = [
  ["copy", MANY, async (folders: Folders) => {
    using inbox = await select(folders, "INBOX");
    await inbox.copy(uids(inbox), folders.byName("Sent")!.id);
  }],
  ["append", 500, async (folders: Folders) => {
    using sent = await select(folders, "Sent");
    const appending = sent.appending();
    try {
      for (let i = 0; i < 5; i++) await appending.put(newMessages(100), i === 4);
    } catch (error) {
      await appending.undo().catch(() => {});
      throw error;
    }
  }],
] as const;

for (const [name, count, work] of PUTS) {
  Deno.test(`A large ${name} happens or does not, whenever the process dies`, async () => {
    await using store = await memoryStore();
    await fill(await open(store));
    for (let die = 0, done = false; !done; die++) {
      const dying = dyingView(store, die);
      done = await work(await open(dying)).then(() => true, () => false);
      assertEquals(dying.written, die);
      // the next one dies too, before it has undone anything, or in the middle of that
      await open(dyingView(store, die % 2));
      const folders = await open(store);
      assertEquals(await counts(folders, "INBOX", "Sent"), [MANY, done ? count : 0], `after ${die}`);
      // what is put there later stays
      const sent = await select(folders, "Sent");
      const { uids } = await sent.append(newMessages(1));
      assertEquals(await soundMessages(store), MANY + (done ? count : 0) + 1);
      assertEquals((await counts(await open(store), "Sent"))[0], (done ? count : 0) + 1);
      await sent.expunge(uids);
      assert(!done || die >= 2);
      assert(die < 30);
    }
  });

  Deno.test(`A large ${name} that fails is undone at once, or when the store takes writes again`, async () => {
    await using store = await memoryStore();
    await fill(await open(store));
    // once
    const mailStore = new MailStore(metView(store, 2, full), { clock: new ManualClock() });
    const folders = await mailStore.open(BRAIN);
    await assertRejects(() => work(folders), StorageError, "no space left");
    assertEquals(await counts(folders, "INBOX", "Sent"), [MANY, 0]);
    assertEquals(await soundMessages(store), MANY);
    // and for some time
    let isFull = true;
    let writes = 0;
    const failing: Store = {
      ...store,
      write: (change) =>
        isFull && ++writes > 1 ? Promise.reject(new StorageError("full", "")) : store.write(change),
    };
    const other = new MailStore(failing, { clock: new ManualClock() });
    const held = await other.open(BRAIN);
    await assertRejects(() => work(held), StorageError);
    assert((await counts(held, "Sent"))[0]! > 0);
    isFull = false;
    (await other.open(BRAIN))[Symbol.dispose]();
    assertEquals(await counts(held, "INBOX", "Sent"), [MANY, 0]);
    assertEquals(await soundMessages(store), MANY);
    // also where nobody opens the mailbox
    isFull = true;
    writes = 0;
    await assertRejects(() => work(held), StorageError);
    isFull = false;
    await other.finishRemovals();
    assertEquals(await counts(held, "INBOX", "Sent"), [MANY, 0]);
    await work(held);
    assertEquals(await counts(held, "INBOX", "Sent"), [MANY, count]);
    assertEquals(await soundMessages(store), MANY + count);
  });
}

Deno.test("INBOX is renamed with its first commit, whenever the process dies; what came meanwhile stays in it", async () => {
  await using store = await memoryStore();
  await fill(await open(store));
  for (let die = 0, done = false; !done; die++) {
    const name = `Old ${die}`;
    const dying = dyingView(store, die);
    await open(dying).then((folders) => folders.rename("INBOX", name)).catch(() => {});
    done = dying.written < die;
    const later = new MailStore(store, { clock: new ManualClock() });
    await deliver({ store, mailStore: later }, { uid: uidOf(die), text: "Hi\r\n", to: [BRAIN] });
    const folders = await later.open(BRAIN);
    if (die === 0) {
      assertEquals(folders.byName(name), undefined);
      assertEquals(await counts(folders, "INBOX"), [MANY + 1]);
    } else {
      assertEquals(await counts(folders, "INBOX", name), [1, MANY + die]);
      using old = await select(folders, name);
      await old.move(uids(old), INBOX);
    }
    assertEquals(await soundMessages(store), MANY + die + 1);
    assert(die < 30);
    assert(!done || die >= 2);
  }
});

Deno.test("A small mailbox's INBOX is renamed by one commit", async () => {
  await using store = await memoryStore();
  const folders = await open(store);
  await (await select(folders, "INBOX")).append(newMessages(3));
  const view = dyingView(store, 1);
  await (await open(view)).rename("INBOX", "a/b");
  assertEquals(view.written, 1);
  assertEquals(await counts(await open(store), "INBOX", "a", "a/b"), [0, 0, 3]);
  assertEquals(await soundMessages(store), 3);
});

Deno.test("A rename of INBOX that the store fails in the middle goes on when the mailbox is opened", async () => {
  await using store = await memoryStore();
  await fill(await open(store));
  const mailStore = new MailStore(metView(store, 2, full), { clock: new ManualClock() });
  const folders = await mailStore.open(BRAIN);
  await folders.rename("INBOX", "Old");
  assert((await counts(folders, "INBOX"))[0]! > 0);
  (await mailStore.open(BRAIN))[Symbol.dispose]();
  assertEquals(await counts(folders, "INBOX", "Old"), [0, MANY]);
  assertEquals(await soundMessages(store), MANY);
});

Deno.test("A rename of INBOX whose new folder is deleted in the middle leaves the rest where it is", async () => {
  await using store = await memoryStore();
  await fill(await open(store));
  await (await open(dyingView(store, 1))).rename("INBOX", "Old").catch(() => {});
  const { value: head } = await store.kv.get<HeadRecord>(keys.mailbox(BRAIN));
  const [mark] = head!.unfinished!.marks;
  // by a server that does not take it for given up
  const clock = new ManualClock(mark!.until - 1);
  const other = await open(sharedView(store), clock);
  const [left] = await counts(other, "INBOX");
  await other.delete("Old");
  assertEquals(await counts(await open(store), "INBOX"), [left]);
  assertEquals(await soundMessages(store), left);
});

Deno.test("Copies whose messages went meanwhile stay when the copying fails", async () => {
  await using store = await memoryStore();
  await fill(await open(store));
  const other = await open(sharedView(store));
  const went = Uint32Array.from({ length: 50 }, (_, i) => 3 * i + 1);
  const failing = metView(sharedView(store), 2, async () => {
    using inbox = await select(other, "INBOX");
    await inbox.expunge(went);
    full();
  });
  const folders = await open(failing);
  using inbox = await select(folders, "INBOX");
  await assertRejects(() => inbox.copy(uids(inbox), folders.byName("Sent")!.id), StorageError);
  const late = await open(store);
  assertEquals(await counts(late, "INBOX", "Sent"), [MANY - went.length, went.length]);
  assertEquals([...uids(await select(late, "Sent"))], [...went]);
  assertEquals(await soundMessages(store), MANY);
  // a copy in its own folder has its message beside it
  const own = await open(metView(store, 2, full));
  using same = await select(own, "INBOX");
  await assertRejects(() => same.copy(uids(same), INBOX), StorageError);
  assertEquals(await counts(own, "INBOX"), [MANY - went.length]);
  assertEquals(await soundMessages(store), MANY);
});

Deno.test("Servers that share a store leave each other's changes alone, unless nothing is done for half an hour", async () => {
  await using store = await memoryStore();
  const start = 1_767_603_600_000;
  const folders = await open(sharedView(store), new ManualClock(start));
  using sent = await select(folders, "Sent");
  const appending = sent.appending();
  await appending.put(newMessages(100), false);
  const clock = new ManualClock(start);
  const other = new MailStore(sharedView(store), { clock });
  const seen = await other.open(BRAIN);
  assertEquals(await counts(seen, "Sent"), [100]);
  await (await select(seen, "Sent")).append(newMessages(1));
  await appending.put(newMessages(100), false);
  clock.advance(29 * 60_000);
  (await other.open(BRAIN))[Symbol.dispose]();
  assertEquals(await counts(seen, "Sent"), [201]);
  clock.advance(60_000);
  (await other.open(BRAIN))[Symbol.dispose]();
  assertEquals(await counts(seen, "Sent"), [1]);
  await assertRejects(() => appending.put(newMessages(100), true), StorageError, "given up");
  await appending.undo();
  assertEquals(await counts(seen, "Sent"), [1]);
  assertEquals(await soundMessages(store), 1);
});

Deno.test("What an older version showed and went on from is not undone any more", async () => {
  await using store = await memoryStore();
  const [, , append] = PUTS[1];
  await open(store);
  await append(await open(dyingView(store, 2))).catch(() => {});
  const { value: head } = await store.kv.get<HeadRecord>(keys.mailbox(BRAIN));
  // it keeps what it does not know
  await put(store.kv, keys.mailbox(BRAIN), { ...head, modseq: head!.modseq + 1 });
  const folders = await open(store);
  assertEquals(await counts(folders, "Sent"), [200]);
  await (await select(folders, "INBOX")).append(newMessages(1));
  assertEquals(await soundMessages(store), 201);
});

Deno.test("What was unfinished in a backup is undone where it is restored", async () => {
  await using store = await memoryStore();
  const [, , append] = PUTS[1];
  await open(store);
  await append(await open(dyingView(store, 2))).catch(() => {});
  const { value: head } = await store.kv.get<HeadRecord>(keys.mailbox(BRAIN));
  assertEquals(head!.unfinished!.marks.map(({ of }) => of), [{ kind: "put", folder: 3, uids: [1, 200] }]);
  await put(store.kv, keys.restored, "once");
  assertEquals(await counts(await open(store), "Sent"), [0]);
  assertEquals(await soundMessages(store), 0);
});

Deno.test("A large append that fills the disk is undone at once", async () => {
  await using disk = await SmallDisk.mount(32);
  if (!disk) return; // not root, or no tmpfs here: the views above have to do
  const location = `${disk.path}/dinopost.db`;
  const reserve = await DiskReserve.open({ database: location, clock: systemClock, onLook: () => {} });
  const store = await openStore({ location, clock: systemClock, reserve });
  try {
    const folders = await open(store);
    using sent = await select(folders, "Sent");
    await sent.append(newMessages(3));
    const appending = sent.appending();
    const text = "x".repeat(50_000);
    await assertRejects(
      async () => {
        for (let i = 0; i < 100; i++) await appending.put(newMessages(10, text), false);
      },
      StorageError,
    );
    assert(sent.messages.length > 100);
    await appending.undo();
    assertEquals([...uids(sent)], [1, 2, 3]);
    assertEquals(await soundMessages(store), 3);
  } finally {
    await store.close();
  }
});

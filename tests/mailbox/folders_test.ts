import { assert, assertEquals, assertRejects } from "@std/assert";
import { concat, decode, encode } from "../../src/base/bytes.ts";
import { eventTurn } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { ANSWERED, DELETED, FLAGGED, SEEN } from "../../src/mailbox/flags.ts";
import { type Folder, type FolderChange, FolderError, type Folders } from "../../src/mailbox/folders.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { checkStore } from "../../src/server/store_check.ts";
import { draftOf } from "../../src/storage/bodies/bodies.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import type { Store } from "../../src/storage/store.ts";
import * as keys from "../../src/storage/keys.ts";
import { put } from "../support/raw_kv.ts";
import { deliver, dyingView, keyCounts, memoryStore, sharedView, uidOf, until } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";

/** A mailbox with so many messages that were delivered. */
async function mailbox(store: Store, count: number) {
  const clock = new ManualClock(Date.parse("2026-01-05T10:00:00Z"));
  const mailStore = new MailStore(store, { clock });
  for (let i = 0; i < count; i++) {
    await deliver({ store, mailStore }, { uid: uidOf(i), text: `Message ${i}\r\n`, to: [BRAIN] });
  }
  const folders = await mailStore.open(BRAIN);
  return { clock, mailStore, folders, inbox: await select(folders, "INBOX") };
}

async function select(folders: Folders, name: string): Promise<Folder> {
  return await folders.select(folders.byName(name)!.id);
}

function uids({ messages }: Folder): number[] {
  return [...messages.uids.subarray(0, messages.length)];
}

function u(...numbers: number[]): Uint32Array {
  return Uint32Array.from(numbers);
}

function textOf(folder: Folder, uid: number): Promise<string> {
  const place = folder.messages.position(uid);
  return Array.fromAsync(folder.read(place)).then((pieces) => decode(concat(pieces)));
}

/** Nothing of the store contradicts anything else. */
async function isSound(store: Store): Promise<void> {
  assertEquals((await checkStore(store, { repair: false })).faults, []);
}

async function kindOf(work: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => work, FolderError)).kind;
}

let bodies = 0;
function newMessage(text: string, of: { flags?: number; keywords?: string[] } = {}) {
  const body = draftOf(`NEW${String(bodies++).padStart(13, "0")}`, encode(text));
  return { body, flags: 0, keywords: [], internalDate: 1_767_600_000_000, ...of };
}

Deno.test("A new mailbox has the usual folders, and what was delivered is in INBOX in its order", async () => {
  await using store = await memoryStore();
  const { folders, inbox } = await mailbox(store, 3);
  assertEquals(folders.list().map(({ name, specialUse, subscribed }) => [name, specialUse, subscribed]), [
    ["INBOX", undefined, true],
    ["Archive", "Archive", true],
    ["Drafts", "Drafts", true],
    ["Junk", "Junk", true],
    ["Sent", "Sent", true],
    ["Trash", "Trash", true],
  ]);
  assertEquals(uids(inbox), [1, 2, 3]);
  const { messages } = inbox;
  assertEquals([0, 1, 2].map((i) => messages.id(i)), [0, 1, 2].map(uidOf));
  assertEquals([messages.flags(0), messages.internalDate(0)], [0, 1_767_603_600_000]);
  assertEquals(messages.savedDate(0), Date.parse("2026-01-05T10:00:00Z"));
  const text = await textOf(inbox, 2);
  assertEquals(text, "Return-Path: <jsmith@mindspring.com>\r\nMessage 1\r\n");
  assertEquals(messages.size(1), text.length);
  const { messages: count, unseen, bytes, uidNext, uidValidity } = inbox.info;
  assertEquals([count, unseen, bytes, uidNext], [3, 3, 3 * text.length, 4]);
  assert(uidValidity >= Date.parse("2026-01-05T10:00:00Z") / 1000);
  await isSound(store);
});

Deno.test("What is delivered to a mailbox in memory is told and numbered at once", async () => {
  await using store = await memoryStore();
  const { mailStore, folders, inbox } = await mailbox(store, 1);
  const told: FolderChange[] = [];
  const heard = new Promise<void>((resolve) =>
    folders.on((change) => {
      told.push(change);
      resolve();
    })
  );
  await deliver({ store, mailStore }, { uid: uidOf(9), text: "Narf\r\n", to: [BRAIN] });
  await heard;
  assertEquals(told, [{ kind: "came", folder: 1, uids: u(2) }]);
  assertEquals(uids(inbox), [1, 2]);
  assertEquals(await textOf(inbox, 2), "Return-Path: <jsmith@mindspring.com>\r\nNarf\r\n");
});

Deno.test("A delivery goes into the folder that it names, or into INBOX where there is none", async () => {
  await using store = await memoryStore();
  const { mailStore, folders } = await mailbox(store, 0);
  await folders.create("lists/deno");
  for (const [i, folder] of ["lists/deno", "lists/none"].entries()) {
    const draft = draftOf(uidOf(i), encode("Hi\r\n"));
    const entry = {
      uid: uidOf(i),
      receivedAt: 0,
      prefix: "",
      sender: "a@b.example",
      recipient: BRAIN,
      folder,
    };
    await store.write(draft.write(1));
    await store.write(mailStore.deliveryWrite(BRAIN, { ...entry, size: 4, body: draft.ref(1) }));
  }
  const list = await mailStore.list(BRAIN);
  assertEquals(list.map(({ uid, folder }) => [uid, folder]), [[uidOf(0), "lists/deno"], [
    uidOf(1),
    undefined,
  ]]);
  assertEquals((await mailStore.list(BRAIN, { folder: "lists/deno" })).length, 1);
  assertEquals((await mailStore.list(BRAIN, { folder: "inbox" })).length, 1);
  assertEquals((await mailStore.list(BRAIN, { folder: "nothing" })).length, 0);
});

Deno.test("Flags and keywords are added, removed and set, each change with a mod-sequence of its own", async () => {
  await using store = await memoryStore();
  const { folders, inbox } = await mailbox(store, 4);
  const { messages } = inbox;
  const before = folders.highestModseq;
  const told: FolderChange[] = [];
  folders.on((change) => told.push(change));
  const by = {};
  const add = { mode: "add", flags: SEEN | FLAGGED, keywords: ["$Forwarded"], by } as const;
  assertEquals(await inbox.store(u(2, 3, 77), add), { stored: u(2, 3), modified: u() });
  assertEquals([0, 1, 2, 3].map((i) => messages.flags(i)), [0, 5, 5, 0]);
  assertEquals([0, 1, 2, 3].map((i) => messages.keywordsLow(i)), [0, 1, 1, 0]);
  assertEquals(inbox.info.keywords, ["$Forwarded"]);
  assertEquals([messages.modseq(1), messages.modseq(2)], [before + 1, before + 1]);
  assertEquals([inbox.info.highestModseq, inbox.info.unseen], [before + 1, 2]);
  assertEquals(told, [{ kind: "flags", folder: 1, uids: u(2, 3), by }]);
  // what is so already is no change
  assertEquals((await inbox.store(u(2), { ...add, keywords: ["$forwarded"] })).stored, u(2));
  assertEquals(folders.highestModseq, before + 1);
  await inbox.store(u(2), { mode: "remove", flags: SEEN, keywords: ["unknown", "$FORWARDED"] });
  assertEquals([messages.flags(1), messages.keywordsLow(1), messages.modseq(1)], [FLAGGED, 0, before + 2]);
  await inbox.store(u(3), { mode: "set", flags: DELETED, keywords: ["b"] });
  assertEquals([messages.flags(2), messages.keywordsLow(2)], [DELETED, 2]);
  assertEquals([inbox.info.deleted, inbox.info.unseen, inbox.info.keywords], [1, 4, ["$Forwarded", "b"]]);
  // who knows an older one only changes nothing (RFC 7162 3.1.3)
  const held = await inbox.store(u(1, 2, 3), {
    mode: "add",
    flags: ANSWERED,
    keywords: [],
    unchangedSince: before,
  });
  assertEquals(held, { stored: u(1), modified: u(2, 3) });
  await isSound(store);
});

Deno.test("New keywords of one change get a place each, where a full table has places that no message uses", async () => {
  await using store = await memoryStore();
  const { inbox, folders } = await mailbox(store, 3);
  const keywords = Array.from({ length: 64 }, (_, i) => `k${i}`);
  await inbox.store(u(1), { mode: "set", flags: 0, keywords });
  await inbox.store(u(1), { mode: "set", flags: 0, keywords: keywords.slice(4) });
  const shown = (place: number) => {
    const bits = inbox.messages.keywordsLow(place);
    return inbox.info.keywords.filter((_, bit) => bit < 32 && (bits >>> bit & 1) === 1);
  };
  // one that is known, and that no message has, is in use with the change that names it
  await inbox.store(u(2), { mode: "set", flags: 0, keywords: ["k0", "new1"] });
  assertEquals(shown(1), ["k0", "new1"]);
  const more = [newMessage("a\r\n", { keywords: ["new2"] }), newMessage("b\r\n", { keywords: ["new3"] })];
  await inbox.append(more);
  assertEquals([shown(3), shown(4)], [["new2"], ["new3"]]);
  assertEquals(await kindOf(inbox.store(u(3), { mode: "set", flags: 0, keywords: ["new4"] })), "limit");
  folders[Symbol.dispose]();
  await isSound(store);
});

Deno.test("The 65th keyword of a folder is refused, unless no message has one of the others any more", async () => {
  await using store = await memoryStore();
  const { inbox } = await mailbox(store, 2);
  const keywords = Array.from({ length: 64 }, (_, i) => `k${i}`);
  await inbox.store(u(1), { mode: "add", flags: 0, keywords });
  assertEquals([inbox.messages.keywordsLow(0), inbox.messages.keywordsHigh(0)], [0xffffffff, 0xffffffff]);
  assertEquals(await kindOf(inbox.store(u(2), { mode: "add", flags: 0, keywords: ["k64"] })), "limit");
  await inbox.store(u(1), { mode: "remove", flags: 0, keywords: ["k40"] });
  await inbox.store(u(2), { mode: "add", flags: 0, keywords: ["k64"] });
  assertEquals([inbox.messages.keywordsLow(1), inbox.messages.keywordsHigh(1)], [0, 1 << 8]);
  assertEquals(inbox.info.keywords[40], "k64");
});

Deno.test("Expunged messages go with their bodies, and are remembered as vanished", async () => {
  await using store = await memoryStore();
  const { mailStore, folders, inbox } = await mailbox(store, 6);
  const before = folders.highestModseq;
  const told: FolderChange[] = [];
  folders.on((change) => told.push(change));
  const prefix = inbox.messages.uids.subarray(0, 6);
  assertEquals(await inbox.expunge(u(2, 4, 5, 99)), u(2, 4, 5));
  assertEquals([...prefix], [1, 2, 3, 4, 5, 6], "what a session holds stays");
  assertEquals(told, [{ kind: "went", folder: 1, uids: u(2, 4, 5), modseq: before + 1, by: undefined }]);
  assertEquals(uids(inbox), [1, 3, 6]);
  assertEquals(await inbox.vanishedSince(before), u(2, 4, 5));
  assertEquals(await inbox.vanishedSince(before, [{ first: 5, last: Infinity }]), u(5));
  assertEquals(await inbox.vanishedSince(before + 1), u());
  assertEquals((await mailStore.usage(BRAIN)).messages, 3);
  await inbox.expunge(u(1));
  assertEquals(await inbox.vanishedSince(before + 1), u(1));
  assertEquals(await inbox.vanishedSince(0), u(1, 2, 4, 5));
  await mailStore.finishRemovals();
  assertEquals((await keyCounts(store.kv)).body, 2);
  await isSound(store);
});

Deno.test("Copies share the body, which goes with the last one", async () => {
  await using store = await memoryStore();
  const { mailStore, folders, inbox } = await mailbox(store, 3);
  await inbox.store(u(2), { mode: "add", flags: FLAGGED, keywords: ["a", "b"] });
  const trash = await select(folders, "Trash");
  await trash.append([newMessage("x", { keywords: ["b"] })]);
  const { uidValidity, from, to } = await inbox.copy(u(2, 3, 50), trash.info.id);
  assertEquals([uidValidity, from, to], [trash.info.uidValidity, u(2, 3), u(2, 3)]);
  assertEquals([trash.messages.flags(1), trash.messages.keywordsLow(1)], [FLAGGED, 3]);
  assertEquals(trash.info.keywords, ["b", "a"]);
  assertEquals(await textOf(trash, 2), await textOf(inbox, 2));
  assertEquals(trash.messages.id(1), inbox.messages.id(1));
  assertEquals((await mailStore.usage(BRAIN)).messages, 6);
  const names = (await mailStore.list(BRAIN)).map(({ uid }) => uid);
  assertEquals(names.slice(0, 5), [uidOf(0), uidOf(1), `${uidOf(1)}-1`, uidOf(2), `${uidOf(2)}-1`]);
  assertEquals((await mailStore.get(BRAIN, `${uidOf(1)}-1`))!.folder, "Trash");
  await isSound(store);
  await inbox.expunge(u(2));
  await mailStore.finishRemovals();
  assertEquals(await textOf(trash, 2), "Return-Path: <jsmith@mindspring.com>\r\nMessage 1\r\n");
  await isSound(store);
  // a copy within a folder is another message there
  assertEquals((await trash.copy(u(2), trash.info.id)).to, u(4));
  await trash.expunge(u(2, 4));
  await mailStore.finishRemovals();
  assertEquals((await keyCounts(store.kv)).body, 3);
  await isSound(store);
});

Deno.test("Moved messages keep their names and get new UIDs, and vanish where they were", async () => {
  await using store = await memoryStore();
  const { mailStore, folders, inbox } = await mailbox(store, 3);
  const archive = await select(folders, "Archive");
  const before = folders.highestModseq;
  assertEquals((await inbox.move(u(1, 3), archive.info.id)).to, u(1, 2));
  assertEquals([uids(inbox), uids(archive)], [[2], [1, 2]]);
  assertEquals(await inbox.vanishedSince(before), u(1, 3));
  assertEquals((await mailStore.list(BRAIN)).map(({ folder }) => folder), ["Archive", undefined, "Archive"]);
  assertEquals((await mailStore.usage(BRAIN)).messages, 3);
  // within a folder they get new UIDs too
  assertEquals((await archive.move(u(1), archive.info.id)).to, u(3));
  assertEquals(uids(archive), [2, 3]);
  assertEquals(await kindOf(inbox.move(u(2), 99)), "nonexistent");
  assertEquals(uids(inbox), [2]);
  // POP3 shows INBOX alone
  assertEquals((await mailStore.snapshot(BRAIN)).uids, [uidOf(1)]);
  await isSound(store);
});

Deno.test("Appended messages are there all at once, or none of them", async () => {
  await using store = await memoryStore();
  const { folders, mailStore } = await mailbox(store, 0);
  const drafts = await select(folders, "Drafts");
  const told: FolderChange[] = [];
  folders.on((change) => told.push(change));
  const some = [newMessage("One\r\n", { flags: SEEN }), newMessage("Two\r\n", { keywords: ["$x"] })];
  const { uidValidity, uids: given } = await drafts.append(some);
  assertEquals([uidValidity, given], [drafts.info.uidValidity, u(1, 2)]);
  assertEquals(told.length, 1);
  assertEquals([await textOf(drafts, 1), drafts.messages.flags(0)], ["One\r\n", SEEN]);
  const many = (length: number) => Array.from({ length }, () => newMessage("x".repeat(60_000)));
  assertEquals(await kindOf(drafts.append(many(150))), "limit");
  assertEquals(uids(drafts), [1, 2]);
  assertEquals(await mailStore.usage(BRAIN), { messages: 2, bytes: 10 });
  await isSound(store);
  // what is too much for one commit is written ahead
  told.length = 0;
  assertEquals((await drafts.append(many(60))).uids.length, 60);
  assertEquals(told.length, 1);
  assertEquals([(await textOf(drafts, 3)).length, (await textOf(drafts, 62)).length], [60_000, 60_000]);
  const { bodypending, body } = await keyCounts(store.kv);
  assertEquals([bodypending, body], [undefined, 62]);
  await isSound(store);
  // and removed when it fails
  for (let die = 0;; die++) {
    const again = new MailStore(dyingView(store, die), { clock: new ManualClock() });
    const box = await select(await again.open(BRAIN), "Sent");
    const done = await box.append(many(12)).then(() => true, () => false);
    await isSound(store);
    assertEquals((await mailStore.usage(BRAIN)).messages, done ? 74 : 62);
    if (done) break;
    assert(die < 30);
  }
});

Deno.test("A quota holds back copies and new messages", async () => {
  await using store = await memoryStore();
  const { mailStore, folders, inbox } = await mailbox(store, 2);
  let room = 10;
  mailStore.useRoom((_, size) => room >= size() ? () => void (room -= size()) : undefined);
  const sent = await select(await mailStore.open(BRAIN), "Sent");
  await sent.append([newMessage("ten octets")]);
  assertEquals(await kindOf(sent.append([newMessage("one")])), "overquota");
  using again = await mailStore.open(BRAIN);
  assertEquals(await kindOf((await select(again, "INBOX")).copy(u(1), 2)), "overquota");
  assertEquals((await inbox.move(u(1), 2)).to, u(1), "a move needs no room");
  folders[Symbol.dispose]();
});

Deno.test("Folders are made with their parents, renamed with their children, and deleted alone", async () => {
  await using store = await memoryStore();
  const { folders, inbox } = await mailbox(store, 2);
  const names = () =>
    folders.list().map(({ name }) => name).filter((name) => !/^(Arc|Dra|Jun|Sen|Tra)/.test(name));
  const made = await folders.create("a/b/c");
  assertEquals(names(), ["INBOX", "a", "a/b", "a/b/c"]);
  assertEquals(folders.list().filter(({ hasChildren }) => hasChildren).map(({ name }) => name), ["a", "a/b"]);
  for (const name of ["a/b/c", "inbox", "A/b"]) {
    const kind = name === "A/b" ? undefined : "exists";
    if (kind) assertEquals(await kindOf(folders.create(name)), kind);
    else await folders.create(name);
  }
  await folders.rename("a/b", "d/e");
  assertEquals(names(), ["INBOX", "A", "A/b", "a", "d", "d/e", "d/e/c"]);
  assertEquals(folders.byName("d/e/c"), { ...made, name: "d/e/c" });
  assertEquals(await kindOf(folders.rename("d", "d/x")), "cannot");
  assertEquals(await kindOf(folders.rename("nothing", "x")), "nonexistent");
  assertEquals(await kindOf(folders.rename("d", "a")), "exists");
  await folders.delete("d/e");
  assertEquals(names(), ["INBOX", "A", "A/b", "a", "d", "d/e/c"]);
  assertEquals(await kindOf(folders.delete("INBOX")), "cannot");
  assertEquals(await kindOf(folders.delete("d/e")), "nonexistent");
  for (const bad of ["", "/", "a//b", "/a", "a/", "a\r", "a*", "%", "x".repeat(600), "a/".repeat(40) + "a"]) {
    assert(["cannot", "limit"].includes(await kindOf(folders.create(bad))), bad);
  }
  await folders.create("inbox/later");
  assert(folders.byName("INBOX/later") && folders.byName("InBox/later"));
  await folders.create("Ca\u0301fe");
  assertEquals(folders.byName("C\u00e1fe")?.name, "C\u00e1fe");
  await folders.subscribe("A", true);
  assertEquals(folders.byName("A")!.subscribed, true);
  assertEquals(await kindOf(folders.subscribe("nothing", true)), "nonexistent");
  assertEquals(await kindOf(folders.create("Spam", { specialUse: "Junk" })), "cannot");
  await folders.delete("Junk");
  assertEquals((await folders.create("Spam", { specialUse: "Junk" })).specialUse, "Junk");
  // INBOX stays, its messages move (RFC 9051 6.3.6)
  await folders.rename("INBOX", "old/mail");
  assertEquals([uids(inbox), uids(await select(folders, "old/mail"))], [[], [1, 2]]);
  await isSound(store);
});

Deno.test("A name stays subscribed to when its folder is deleted, in the next process too, and few of them do", async () => {
  await using store = await memoryStore();
  const { folders } = await mailbox(store, 0);
  for (let i = 0; i < 60; i++) {
    await folders.create(`x${i}`);
    await folders.subscribe(`x${i}`, true);
    await folders.delete(`x${i}`);
  }
  const last = Array.from({ length: 50 }, (_, i) => `x${i + 10}`);
  assertEquals(folders.subscribedNames, last);
  using next = await new MailStore(store, { clock: new ManualClock() }).open(BRAIN);
  assertEquals(next.subscribedNames, last);
  await next.subscribe("x10", false);
  await next.create("x11/y");
  assertEquals(
    next.list().filter(({ name }) => name.startsWith("x")).map(({ name, subscribed }) => [name, subscribed]),
    [
      ["x11", true],
      ["x11/y", false],
    ],
  );
  await next.rename("x11/y", "x12");
  assertEquals([next.byName("x12")!.subscribed, next.subscribedNames], [true, last.slice(3)]);
  for (const name of last.slice(3)) await next.subscribe(name, false);
  assertEquals([next.subscribedNames, await kindOf(next.subscribe("x30", false))], [[], "nonexistent"]);
  await isSound(store);
});

Deno.test("A folder of a name that there was before has another UIDVALIDITY and id", async () => {
  await using store = await memoryStore();
  const { folders, mailStore } = await mailbox(store, 0);
  const seen = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const { uidValidity, mailboxId } = await folders.create("x");
    const x = await select(folders, "x");
    await x.append([newMessage("Hi")]);
    seen.add(`${uidValidity}`).add(mailboxId);
    await folders.delete("x");
    assertEquals([x.messages.length, await kindOf(x.expunge(u(1)))], [0, "nonexistent"]);
  }
  assertEquals(seen.size, 10);
  await mailStore.finishRemovals();
  const { body, object, index } = await keyCounts(store.kv);
  assertEquals([body, object, index], [undefined, undefined, undefined]);
});

Deno.test("\\Recent is for whoever claims it first, in this process and the next", async () => {
  await using store = await memoryStore();
  const { mailStore, inbox, folders } = await mailbox(store, 2);
  assertEquals([inbox.recentFrom(false), inbox.recentFrom(true), inbox.recentFrom(true)], [1, 1, 3]);
  await deliver({ store, mailStore }, { uid: uidOf(8), text: "x", to: [BRAIN] });
  await mailStore.list(BRAIN);
  assertEquals([inbox.recentFrom(false), inbox.info.uidNext], [3, 4]);
  await folders.subscribe("Sent", false);
  const next = await select(await new MailStore(store, { clock: new ManualClock() }).open(BRAIN), "INBOX");
  assertEquals(next.recentFrom(true), 3);
});

Deno.test("What is \\Recent no more is written with the next change, else behind the last session", async () => {
  await using store = await memoryStore();
  const { mailStore, clock, folders, inbox } = await mailbox(store, 2);
  const written = async () =>
    (await store.kv.get<{ recent: number }>(keys.folder(BRAIN, inbox.info.id))).value!.recent;
  inbox.recentFrom(true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(await written(), 1);
  await folders.create("x");
  assertEquals(await written(), 3);
  using x = await select(folders, "x");
  await inbox.append([newMessage("Hi")]);
  await x.append([newMessage("Hi")]);
  assertEquals([inbox.recentFrom(true), x.recentFrom(true)], [3, 1]);
  await folders.delete("x");
  assertEquals(await written(), 4);
  await inbox.append([newMessage("Hi")]);
  assertEquals(inbox.recentFrom(true), 4);
  folders[Symbol.dispose]();
  clock.advance(1500);
  (await mailStore.open(BRAIN))[Symbol.dispose]();
  clock.advance(1999);
  await eventTurn();
  assertEquals(await written(), 4);
  clock.advance(1);
  await until(async () => await written() === 5);
  // who stops does not wait for that
  using again = await mailStore.open(BRAIN);
  using box = await select(again, "INBOX");
  await box.append([newMessage("Hi")]);
  box.recentFrom(true);
  again[Symbol.dispose]();
  assertEquals([clock.timers, await written()], [1, 5]);
  await mailStore.close();
  assertEquals([clock.timers, await written()], [0, 6]);
});

Deno.test("A mailbox in memory is opened again without a look into the store, unless a delivery has no place yet", async () => {
  await using store = await memoryStore();
  let looks = 0;
  let fails = false;
  const { kv } = store;
  const view: Store = {
    kv: {
      get: (key) => kv.get(key),
      getMany: (some) => kv.getMany(some),
      list: (selector, options) => (looks++, kv.list(selector, options)),
      watch: (key, signal) => kv.watch(key, signal),
      commit: (checks, mutations) => kv.commit(checks, mutations),
      close: () => {},
    },
    embedded: true,
    limits: store.limits,
    close: () => store.close(),
    // a delivery itself can be written
    write: (change) =>
      fails && !change.mutations.some(({ key, type }) => key[0] === "mail" && type === "set")
        ? Promise.reject(new StorageError("full", "The disk is full."))
        : store.write(change),
  };
  const { mailStore, inbox } = await mailbox(view, 2);
  const before = looks;
  using again = await mailStore.open(BRAIN);
  assertEquals([looks - before, again.byName("INBOX")?.messages], [0, 2]);
  fails = true;
  await deliver({ store: view, mailStore }, { uid: uidOf(7), text: "x", to: [BRAIN] });
  await until(() => looks > before);
  await assertRejects(() => mailStore.open(BRAIN), StorageError);
  fails = false;
  using third = await mailStore.open(BRAIN);
  assertEquals([third.byName("INBOX")?.messages, uids(inbox)], [3, [1, 2, 3]]);
  const after = looks;
  using fourth = await mailStore.open(BRAIN);
  assertEquals([looks - after, fourth.byName("INBOX")?.messages], [0, 3]);
});

Deno.test("A few messages that go take their bodies along in the commit that has them go", async () => {
  await using store = await memoryStore();
  let writes = 0;
  const view: Store = {
    kv: store.kv,
    embedded: true,
    limits: store.limits,
    close: () => store.close(),
    write: (change) => (writes++, store.write(change)),
  };
  const { mailStore, folders, inbox } = await mailbox(view, 3);
  await folders.create("x");
  await inbox.copy(u(2), folders.byName("x")!.id);
  const before = writes;
  assertEquals(await inbox.expunge(u(1, 2, 3)), u(1, 2, 3));
  assertEquals(writes - before, 1);
  const { body, object, dead } = await keyCounts(store.kv);
  assertEquals([body, object, dead], [1, 1, undefined], "the copy is there still");
  using x = await select(folders, "x");
  assert((await textOf(x, 1)).endsWith("Message 1\r\n"));
  await x.expunge(u(1));
  await mailStore.finishRemovals();
  assertEquals(writes - before, 2);
  const left = await keyCounts(store.kv);
  assertEquals([left.body, left.object, left.copies, left.dead], Array(4).fill(undefined));
});

Deno.test("What can't be written is not shown, and what waited for it is refused", async () => {
  await using store = await memoryStore();
  await mailbox(store, 3);
  const mailStore = new MailStore(dyingView(store, 1), { clock: new ManualClock() });
  const folders = await mailStore.open(BRAIN);
  const inbox = await select(folders, "INBOX");
  await inbox.store(u(1), { mode: "add", flags: SEEN, keywords: [] });
  const before = folders.highestModseq;
  const told: FolderChange[] = [];
  folders.on((change) => told.push(change));
  await assertRejects(() => inbox.store(u(2), { mode: "add", flags: SEEN, keywords: ["x"] }), Error, "died");
  await assertRejects(() => inbox.expunge(u(1)), Error, "died");
  await assertRejects(() => inbox.append([newMessage("x")]), Error, "died");
  await assertRejects(() => folders.create("x"), Error, "died");
  assertEquals(uids(inbox), [1, 2, 3]);
  assertEquals([inbox.messages.flags(0), inbox.messages.flags(1), folders.highestModseq], [SEEN, 0, before]);
  assertEquals(told, []);
});

Deno.test("Operations of one turn are one commit", async () => {
  await using store = await memoryStore();
  const { inbox } = await mailbox(store, 30);
  let writes = 0;
  const counting: Store = {
    ...store,
    kv: store.kv,
    limits: store.limits,
    embedded: true,
    write: (change) => {
      writes++;
      return store.write(change);
    },
  } as Store;
  const again = await select(
    await new MailStore(counting, { clock: new ManualClock() }).open(BRAIN),
    "INBOX",
  );
  const all = Array.from(
    { length: 30 },
    (_, i) => again.store(u(i + 1), { mode: "add", flags: SEEN, keywords: [] }),
  );
  await Promise.all(all);
  assertEquals(writes, 1);
  assertEquals(again.info.unseen, 0);
  assertEquals(inbox.info.unseen, 30, "another process has not looked");
});

Deno.test("When the account ends, who has its folders is told and can do nothing more", async () => {
  await using store = await memoryStore();
  const { mailStore, folders, inbox } = await mailbox(store, 3);
  const told: FolderChange[] = [];
  folders.on((change) => told.push(change));
  await store.write(mailStore.endWrite(BRAIN));
  await mailStore.finishEnd(BRAIN);
  assertEquals(told, [{ kind: "ended" }]);
  assertEquals([inbox.messages.length, folders.list()], [0, []]);
  assertEquals(await kindOf(inbox.expunge(u(1))), "nonexistent");
  assertEquals(await kindOf(folders.create("x")), "nonexistent");
  assertEquals(await keyCounts(store.kv), { format: 2 });
  using next = await mailStore.open(BRAIN);
  assertEquals(next.byName("INBOX")!.messages, 0);
});

Deno.test("A folder of many rows is changed, copied, moved and emptied", async () => {
  await using store = await memoryStore();
  const { mailStore, folders, inbox } = await mailbox(store, 0);
  const count = 9_500;
  for (let i = 0; i < count; i += 500) {
    await inbox.append(Array.from({ length: Math.min(500, count - i) }, () => newMessage("x")));
  }
  const all = inbox.messages.uids.slice(0, count);
  const { stored } = await inbox.store(all, { mode: "add", flags: SEEN, keywords: ["k"] });
  assertEquals([stored.length, inbox.info.unseen], [count, 0]);
  const odd = all.filter((uid) => uid % 2 === 1);
  const { to } = await inbox.copy(odd, 2);
  assertEquals([to.length, to.at(-1)], [odd.length, odd.length]);
  await isSound(store);
  assertEquals((await inbox.move(odd, 3)).to.length, odd.length);
  const drafts = await select(folders, "Drafts");
  assertEquals((await drafts.expunge(to.subarray(100))).length, to.length - 100);
  await isSound(store);
  await mailStore.remove(BRAIN, (await mailStore.list(BRAIN)).map(({ uid }) => uid));
  assertEquals(await mailStore.usage(BRAIN), { messages: 0, bytes: 0 });
  const { body, object, index, dead, copies } = await keyCounts(store.kv);
  assertEquals([body, object, index, dead, copies], [undefined, undefined, undefined, undefined, undefined]);
});

Deno.test("What went in many steps is known exactly", async () => {
  await using store = await memoryStore();
  const { mailStore, folders, inbox } = await mailbox(store, 0);
  const count = 4_000;
  for (let i = 0; i < count; i += 500) await inbox.append(Array.from({ length: 500 }, () => newMessage("x")));
  const before = folders.highestModseq;
  const all = inbox.messages.uids.slice(0, count);
  let last = before;
  for (let i = 0; i < 200; i++) {
    last = folders.highestModseq;
    await inbox.expunge(all.filter((uid) => uid % 200 === i && uid % 7 !== 0));
    if (i % 2 === 0) {
      await inbox.move(all.filter((uid) => uid % 200 === i && uid % 7 === 0 && uid % 2 === 0), 4);
    }
  }
  await mailStore.finishRemovals();
  const there = new Set(uids(inbox));
  const gone = [...all].filter((uid) => !there.has(uid));
  assertEquals([...await inbox.vanishedSince(before)], gone);
  const some = gone.filter((uid) => uid >= 20 && uid <= 30);
  assertEquals([...await inbox.vanishedSince(before, [{ first: 20, last: 30 }])], some);
  const late = await inbox.vanishedSince(last);
  assert(late.length > 0 && late.every((uid) => uid % 200 === 199));
  assert((await keyCounts(store.kv)).changes! > 1);
  await isSound(store);
});

Deno.test("What went long ago is forgotten: who asks for that hears of all that is not there", async () => {
  await using store = await memoryStore();
  const { folders, inbox } = await mailbox(store, 9);
  for (const uid of [2, 3, 5]) await inbox.expunge(u(uid));
  const { highestModseq } = folders;
  // as if there had been many more changes
  const { value } = await store.kv.get<{ changesTail: number }>(keys.mailbox(BRAIN));
  const [row] = await Array.fromAsync(store.kv.list<Uint8Array>(keys.mailChangesOf(BRAIN)));
  for (let i = 0; i < 299; i++) await put(store.kv, keys.mailChanges(BRAIN, i / 1000), row!.value);
  await put(store.kv, keys.mailbox(BRAIN), { ...value, changesRows: 300 });
  const mailStore = new MailStore(store, { clock: new ManualClock() });
  const again = await select(await mailStore.open(BRAIN), "INBOX");
  await again.expunge(u(7));
  await mailStore.finishRemovals();
  await again.expunge(u(8));
  await until(async () => (await keyCounts(store.kv)).changes! <= 257);
  const head = (await store.kv.get<{ changesRows: number; changesFloor: number }>(keys.mailbox(BRAIN)))
    .value!;
  assertEquals(head.changesRows, (await keyCounts(store.kv)).changes);
  assertEquals(head.changesFloor, highestModseq);
  assertEquals(
    await again.vanishedSince(highestModseq - 1),
    u(2, 3, 5, 7, 8),
    "perhaps some that went before",
  );
  assertEquals(await again.vanishedSince(highestModseq - 1, [{ first: 4, last: 7 }]), u(5, 7));
  assertEquals(await again.vanishedSince(highestModseq), u(7, 8));
});

Deno.test("A removal of more than one commit takes happens all the same, or not at all, whenever the process dies", async () => {
  let told = false;
  for (let die = 0; !told; die += 3) {
    await using store = await memoryStore();
    const { inbox } = await mailbox(store, 0);
    for (let i = 0; i < 16; i++) await inbox.append(Array.from({ length: 600 }, () => newMessage("x")));
    const names = (await new MailStore(store, { clock: new ManualClock() }).list(BRAIN)).map(({ uid }) =>
      uid
    );
    const odd = names.filter((_, i) => i % 2 === 1);
    const dying = dyingView(store, die);
    told = await new MailStore(dying, { clock: new ManualClock() }).remove(BRAIN, odd).then(
      () => true,
      () => false,
    );
    if (told && dying.written === die) told = false; // it has happened, and is carried out by the next one
    const next = new MailStore(store, { clock: new ManualClock() });
    const left = (await next.list(BRAIN)).map(({ uid }) => uid);
    assert(
      left.length === names.length || left.length === names.length - odd.length,
      `${left.length} after ${die}`,
    );
    assertEquals((await next.usage(BRAIN)).messages, left.length);
    await next.finishRemovals();
    assertEquals((await keyCounts(store.kv)).body, left.length, `died after ${die}`);
    assertEquals((await keyCounts(store.kv)).dead, undefined);
    await isSound(store);
    assert(die < 300);
  }
});

Deno.test("A restored backup gives other numbers: UIDVALIDITY and mod-sequences are higher than what was told", async () => {
  await using store = await memoryStore();
  const { clock, folders, inbox } = await mailbox(store, 3);
  await inbox.expunge(u(2));
  const [before, highest] = [inbox.info, folders.highestModseq];
  await put(store.kv, keys.restored, "once");
  clock.advance(5000);
  for (let round = 0; round < 2; round++) {
    const again = await new MailStore(store, { clock }).open(BRAIN);
    const restored = await select(again, "INBOX");
    assert(restored.info.uidValidity > before.uidValidity);
    assert(again.highestModseq >= highest + 1_000_000_000);
    assert(again.highestModseq < highest + 1_000_000_100, "once only");
    assertEquals(uids(restored), [1, 3]);
    assertEquals(again.byName("Sent")!.uidValidity, restored.info.uidValidity);
    assert((await again.create(`x${round}`)).uidValidity > restored.info.uidValidity);
    await again.delete(`x${round}`);
    if (round === 0) continue;
    await restored.store(u(1), { mode: "add", flags: SEEN, keywords: [] });
    assertEquals(restored.messages.modseq(0), again.highestModseq);
  }
  await isSound(store);
  // a mailbox that is made now has nothing to raise
  const fresh = new MailStore(store, { clock });
  assertEquals((await fresh.open("pinky@howstuffworks.com")).highestModseq, 1);
  assertEquals((await new MailStore(store, { clock }).open("pinky@howstuffworks.com")).highestModseq, 1);
});

Deno.test("A mailbox that nobody looks at gets its many arrivals into folders by itself", async () => {
  await using store = await memoryStore();
  const mailStore = new MailStore(store, { clock: new ManualClock() });
  const texts = Array.from({ length: 2_100 }, (_, i) => i);
  await Promise.all(
    texts.map((i) => deliver({ store, mailStore }, { uid: uidOf(i), text: "x", to: [BRAIN] })),
  );
  await deliver({ store, mailStore }, { uid: uidOf(0), text: "x", to: ["pinky@howstuffworks.com"] });
  await mailStore.sweepArrivals();
  assertEquals((await keyCounts(store.kv)).mail, 1, "few are left where they are");
  assertEquals((await mailStore.list(BRAIN)).map(({ uid }) => uid), texts.map(uidOf));
});

Deno.test("Mailboxes that nobody uses are given up, and the folders that a session does not use", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  const mailStore = new MailStore(store, { clock });
  for (let i = 0; i < 40; i++) {
    await deliver({ store, mailStore }, { uid: uidOf(i), text: "x", to: [`user${i}@d.test`, BRAIN] });
  }
  const folders = await mailStore.open(BRAIN);
  const inbox = await select(folders, "INBOX");
  await inbox.copy(u(1, 2), 4);
  await mailStore.list(BRAIN);
  for (let i = 0; i < 40; i++) {
    clock.advance(61_000);
    assertEquals((await mailStore.list(`user${i}@d.test`)).length, 1);
  }
  // what is in use stays as it is, and the rest is read again when it is asked for
  await inbox.store(u(40), { mode: "add", flags: SEEN, keywords: [] });
  assertEquals(inbox.messages.flags(39), SEEN);
  const trash = await select(folders, "Trash");
  assertEquals(uids(trash), [1, 2]);
  await deliver({ store, mailStore }, { uid: uidOf(50), text: "x", to: [BRAIN] });
  await until(() => inbox.messages.length === 41);
  trash[Symbol.dispose]();
  inbox[Symbol.dispose]();
  folders[Symbol.dispose]();
  await isSound(store);
});

Deno.test("A mailbox that is being opened is not given up, however many others are", async () => {
  await using store = await memoryStore();
  const mailStore = new MailStore(sharedView(store), { clock: new ManualClock() });
  const look = async (address: string) => (await mailStore.open(address))[Symbol.dispose]();
  await look(BRAIN);
  for (let i = 0; i < 127; i++) await look(`user${i}@d.test`);
  // while it is looked whether something came, somebody else has done with another mailbox
  const list = store.kv.list.bind(store.kv);
  const isAsked = Promise.withResolvers<void>();
  const mayGoOn = Promise.withResolvers<void>();
  store.kv.list = ((selector, options) => {
    const listed = list(selector, options);
    if (JSON.stringify(selector) !== JSON.stringify(keys.mails(BRAIN))) return listed;
    return (async function* () {
      isAsked.resolve();
      await mayGoOn.promise;
      yield* listed;
    })();
  }) as typeof list;
  const opening = mailStore.open(BRAIN);
  await isAsked.promise;
  await look("user128@d.test");
  mayGoOn.resolve();
  const folders = await opening;
  const inbox = await select(folders, "INBOX");
  await deliver({ store, mailStore }, { uid: uidOf(1), text: "x", to: [BRAIN] });
  await until(() => inbox.messages.length === 1);
  inbox[Symbol.dispose]();
  folders[Symbol.dispose]();
});

Deno.test("An operation that can't be written fails alone", async () => {
  await using store = await memoryStore();
  const { inbox } = await mailbox(store, 3);
  const message = newMessage("x");
  const full = new StorageError("full", "no room for its file");
  const write = () => {
    const prepared = Promise.reject(full);
    prepared.catch(() => {});
    return { ...message.body.write(1), prepared };
  };
  const results = await Promise.allSettled([
    inbox.store(u(1), { mode: "add", flags: SEEN, keywords: [] }),
    inbox.append([{ ...message, body: { ...message.body, write } }]),
    inbox.append([newMessage("y")]),
  ]);
  assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assertEquals([uids(inbox), inbox.messages.flags(0)], [[1, 2, 3, 4], SEEN]);
  await isSound(store);
});

Deno.test("MailStore.holders() finds a message wherever it is: an arrival, moved, or only a copy", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  const mailStore = new MailStore(store, { clock });
  const boxes = Array.from({ length: 25 }, (_, i) => `user${String(i).padStart(2, "0")}@d.test`);
  for (let i = 0; i < 3; i++) await deliver({ store, mailStore }, { uid: uidOf(i), text: "x", to: boxes });
  for (const box of boxes.slice(5)) await mailStore.list(box);
  using copied = await mailStore.open(boxes[7]!);
  const inbox = await select(copied, "INBOX");
  await inbox.copy(u(2), 4);
  await inbox.expunge(u(2));
  using moved = await mailStore.open(boxes[8]!);
  await (await select(moved, "INBOX")).move(u(2), 4);
  await mailStore.remove(boxes[9]!, [uidOf(1)]);
  const found = await new MailStore(store, { clock }).holders(uidOf(1));
  assertEquals(found.map(({ address }) => address), boxes.filter((box) => box !== boxes[9]));
  assertEquals(found[7]!.entry.uid, `${uidOf(1)}-1`);
  assertEquals(found[8]!.entry.folder, "Trash");
  assertEquals(await mailStore.holders(uidOf(7)), []);
});

Deno.test("A damaged arrival holds nobody back, and a damaged row says what to do", async () => {
  await using store = await memoryStore();
  await put(store.kv, keys.mail(BRAIN, "0"), "zort");
  await put(store.kv, keys.mail(BRAIN, "1"), {
    uid: "1".repeat(17),
    size: 1,
    receivedAt: 1,
    body: { id: "x" },
  });
  const { mailStore, inbox } = await mailbox(store, 250);
  assertEquals(inbox.messages.length, 250);
  assertEquals((await keyCounts(store.kv)).mail, 2);
  await deliver({ store, mailStore }, { uid: uidOf(900), text: "x", to: [BRAIN] });
  assertEquals((await mailStore.list(BRAIN)).length, 251);
  await put(store.kv, keys.folderIndex(BRAIN, 1, 0), new Uint8Array(9));
  const again = await new MailStore(store, { clock: new ManualClock() }).open(BRAIN);
  await assertRejects(() => again.select(1), StorageError, "check --store --repair");
  assertEquals((await again.select(4)).messages.length, 0);
});

Deno.test("Messages are found and listed by name in whatever order they lie, copies behind what they are of", async () => {
  await using store = await memoryStore();
  const { mailStore, inbox } = await mailbox(store, 300);
  const random = seededRandom(3);
  for (let round = 0; round < 6; round++) {
    const some = inbox.messages.uids.slice(0, inbox.messages.length).filter(() => random.float() < 0.2);
    await inbox.move(some, round % 2 === 0 ? 1 : 4);
    await inbox.copy(some.filter((uid) => uid % 2 === 0).subarray(0, 20), 1);
  }
  for (let i = 0; i < 12; i++) await inbox.copy(u(inbox.messages.uid(0)), 1);
  const names = (await mailStore.list(BRAIN)).map(({ uid }) => uid);
  assertEquals(names, [...names].sort());
  assert(names.some((name) => name.endsWith("-12")) && new Set(names).size === names.length);
  for (const name of names.filter((_, i) => i % 9 === 0)) {
    assertEquals((await mailStore.get(BRAIN, name))!.uid, name);
    const [next] = await mailStore.list(BRAIN, { after: name, limit: 1 });
    assertEquals(next?.uid, names[names.indexOf(name) + 1]);
  }
  assertEquals(await mailStore.get(BRAIN, `${uidOf(1)}-99`), undefined);
  await mailStore.remove(BRAIN, names.filter((_, i) => i % 2 === 0));
  const left = (await mailStore.list(BRAIN, { reverse: true })).map(({ uid }) => uid);
  assertEquals(left, names.filter((_, i) => i % 2 === 1).reverse());
  await isSound(store);
});

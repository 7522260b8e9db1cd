import { assert, assertEquals } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { eventTurn, systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { FLAGGED } from "../../src/mailbox/flags.ts";
import type { Folder, FolderChange, Folders } from "../../src/mailbox/folders.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { checkStore } from "../../src/server/store_check.ts";
import { BodySweeper, draftOf } from "../../src/storage/bodies/bodies.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import * as keys from "../../src/storage/keys.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import { put } from "../support/raw_kv.ts";
import { SHARED_KVS, startShared } from "../support/shared_kv.ts";
import { deliver, memoryStore, sharedView, uidOf, until } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";

/** A server, with INBOX and another folder in its hands. */
async function server(store: Store) {
  const mailStore = new MailStore(store, { clock: systemClock });
  const folders = await mailStore.open(BRAIN);
  return { store, mailStore, folders, boxes: [await folders.select(1), await folders.select(4)] as const };
}
type Server = Awaited<ReturnType<typeof server>>;

function dispose(...servers: readonly { folders: Folders; boxes?: readonly Folder[] }[]): void {
  for (const { folders, boxes = [] } of servers) {
    for (const box of boxes) box[Symbol.dispose]();
    folders[Symbol.dispose]();
  }
}

/** Several of each server's sessions change the same mailbox at once. */
async function struggle(servers: readonly Server[], rounds: number): Promise<void> {
  const random = seededRandom(7);
  const pick = (n: number) => Math.floor(random.float() * n);
  let next = 0;
  /** By folder and UID: which message it was, whoever told of it. */
  const given = new Map<string, string>();
  const appended = new Set<string>();
  const mayGo = new Set<string>();
  const notice = (box: Folder, uids: Iterable<number>) => {
    for (const uid of uids) {
      const place = box.messages.position(uid);
      if (place < 0) continue;
      const name = `${box.info.id} ${uid}`;
      assertEquals(given.get(name) ?? box.messages.id(place), box.messages.id(place), `UID ${name} twice`);
      given.set(name, box.messages.id(place));
    }
  };
  const some = (box: Folder) => {
    const { uids, length } = box.messages;
    return uids.slice(0, length).filter(() => random.float() < 0.3);
  };
  const worker = async ({ store, mailStore, boxes }: Server) => {
    for (let i = 0; i < rounds; i++) {
      const box = boxes[pick(2)]!;
      const what = pick(6);
      if (what === 0) {
        const uid = uidOf(next++);
        await deliver({ store, mailStore }, { uid, text: "Hi\r\n", to: [BRAIN] });
        appended.add(uid);
      } else if (what === 1) {
        const id = uidOf(next++);
        const body = draftOf(id, encode("New\r\n"));
        const { uids } = await box.append([{ body, flags: 0, keywords: [], internalDate: 0 }]);
        appended.add(id);
        notice(box, uids);
      } else if (what === 2) {
        await box.store(some(box), { mode: "add", flags: 1 << pick(5), keywords: [`k${pick(3)}`] });
      } else if (what === 3) {
        const uids = some(box).subarray(0, 3);
        for (const uid of uids) mayGo.add(box.messages.id(box.messages.position(uid)));
        await box.expunge(uids);
      } else {
        const to = boxes[box === boxes[0] ? 1 : 0]!;
        const uids = some(box).subarray(0, 4);
        const { to: placed } = what === 4
          ? await box.move(uids, to.info.id)
          : await box.copy(uids, to.info.id);
        notice(to, placed);
      }
    }
  };
  await Promise.all(servers.flatMap((one) => [worker(one), worker(one)]));
  const there = new Set<string>();
  for (const { mailStore, boxes } of servers) {
    (await mailStore.open(BRAIN))[Symbol.dispose]();
    for (const box of boxes) {
      const { uids, length } = box.messages;
      notice(box, uids.subarray(0, length));
      for (let i = 0; i < length; i++) there.add(box.messages.id(i));
    }
  }
  for (const id of appended) assert(there.has(id) || mayGo.has(id), `${id} is lost`);
  const states = servers.map(({ boxes }) =>
    boxes.map(({ messages, info }) =>
      Array.from(
        { length: messages.length },
        (_, i) => [messages.uid(i), messages.flags(i), messages.modseq(i)],
      )
        .concat([[info.uidNext, info.highestModseq, info.unseen]])
    )
  );
  for (const state of states) assertEquals(state, states[0]);
}

async function isSound({ store, mailStore }: Server): Promise<void> {
  await mailStore.finishRemovals();
  await new BodySweeper(store, { clock: systemClock, graceMs: 0 }).sweep(false);
  assertEquals((await checkStore(store, { repair: false })).faults, []);
}

Deno.test("Two servers that change one mailbox at once lose nothing, and give no UID twice", async () => {
  await using store = await memoryStore();
  const servers = [await server(sharedView(store)), await server(sharedView(store))];
  await struggle(servers, 60);
  await isSound(servers[0]!);
  dispose(...servers);
});

for (const kind of SHARED_KVS) {
  Deno.test(`Three servers that change one mailbox at once lose nothing (${kind.name})`, async () => {
    await using kv = await startShared(kind);
    const stores: Store[] = [];
    try {
      const servers: Server[] = [];
      for (let i = 0; i < 3; i++) {
        const store = await openStore({ location: kv.url, clock: systemClock });
        stores.push(store);
        servers.push(await server(store));
      }
      await struggle(servers, 15);
      await isSound(servers[0]!);
      dispose(...servers);
    } finally {
      for (const store of stores) await store.close();
    }
  });
}

Deno.test("A session hears within a second of what other servers did, and of what was delivered there", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  const here = new MailStore(sharedView(store), { clock });
  const there = new MailStore(sharedView(store), { clock: new ManualClock() });
  const folders = await here.open(BRAIN);
  const inbox = await folders.select(1);
  const told: FolderChange[] = [];
  folders.on((change) => told.push(change));
  const elsewhere = await there.open(BRAIN);
  const other = await elsewhere.select(1);
  const body = draftOf(uidOf(1), encode("New\r\n"));
  await other.append([{ body, flags: 0, keywords: [], internalDate: 0 }]);
  assertEquals(told, []);
  clock.advance(1001);
  await until(() => told.length > 0);
  assertEquals(told[0], { kind: "came", folder: 1, uids: Uint32Array.of(1) });
  await other.store(Uint32Array.of(1), { mode: "add", flags: FLAGGED, keywords: [] });
  clock.advance(1001);
  await until(() => told.some(({ kind }) => kind === "flags"));
  assertEquals(inbox.messages.flags(0), FLAGGED);
  await other.expunge(Uint32Array.of(1));
  clock.advance(1001);
  await until(() => told.some(({ kind }) => kind === "went"));
  assertEquals(inbox.messages.length, 0);
  // a server that has nobody's mailbox in memory only delivers
  await deliver({ store, mailStore: new MailStore(sharedView(store), { clock }) }, {
    uid: uidOf(2),
    text: "x",
    to: [BRAIN],
  });
  clock.advance(1001);
  await until(() => inbox.messages.length === 1);
  dispose({ folders }, { folders: elsewhere });
  clock.advance(1001);
});

Deno.test("A mailbox that can't be looked at keeps no other one from its news, and a look that failed is made again", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  let isAway = false;
  const shared = sharedView(store);
  const mailStore = new MailStore({
    ...shared,
    write: (change) => isAway ? Promise.reject(new StorageError("away", "no answer")) : store.write(change),
  }, { clock });
  const other = await server(sharedView(store));
  const damaged = await mailStore.open(BRAIN);
  const inbox = await damaged.select(1);
  const pinky = "pinky@howstuffworks.com";
  const well = await mailStore.open(pinky);
  const its = await well.select(1);
  await deliver(other, { uid: uidOf(1), text: "x", to: [BRAIN] });
  await other.mailStore.list(BRAIN);
  await put(store.kv, keys.folderIndex(BRAIN, 1, 0), Uint8Array.of(99));
  await deliver(other, { uid: uidOf(2), text: "x", to: [pinky] });
  const seen = (count: number) => () => {
    clock.advance(1000);
    return its.messages.length === count;
  };
  await until(seen(1));
  isAway = true;
  await deliver(other, { uid: uidOf(3), text: "x", to: [pinky] });
  for (let i = 0; i < 10; i++) {
    clock.advance(1000);
    await eventTurn();
  }
  isAway = false;
  await until(seen(2));
  inbox[Symbol.dispose]();
  its[Symbol.dispose]();
  dispose({ folders: damaged }, { folders: well }, other);
});

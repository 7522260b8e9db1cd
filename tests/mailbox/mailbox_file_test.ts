import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { binaryString, concat, encode } from "../../src/base/bytes.ts";
import { IdMaker } from "../../src/base/ids.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { exportMbox, importMbox, ImportStopped } from "../../src/mailbox/mailbox_file.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { BodySweeper, BodyWriter, releaseBody } from "../../src/storage/bodies/bodies.ts";
import type { Store } from "../../src/storage/store.ts";
import { together } from "../../src/storage/write.ts";
import { deliver, dyingView, endMailbox, entryOf, keyCounts, memoryStore, uidOf } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";
const PINKY = "pinky@howstuffworks.com";

function house(store: Store) {
  const clock = new ManualClock();
  const mailStore = new MailStore(store, { clock });
  return { store, clock, mailStore, ids: new IdMaker(clock, seededRandom(1)) };
}

async function whole(source: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return concat(await Array.fromAsync(source));
}

async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function texts(mailStore: MailStore, address: string): Promise<string[]> {
  const all: string[] = [];
  for (const entry of await mailStore.list(address)) {
    const text = binaryString(await whole(mailStore.read(entry)));
    assertEquals(text.length, entry.size);
    all.push(text);
  }
  return all;
}

/** A message too large for one commit. */
async function deliverLarge(store: Store, mailStore: MailStore, uid: string): Promise<void> {
  const body = new BodyWriter(store, { id: uid, clock: new ManualClock() });
  for (let i = 0; i < 30; i++) await body.append(encode(`From line ${i}\r\n`.repeat(1000)));
  const draft = body.finish();
  await store.write(together(draft.write(1), mailStore.deliveryWrite(BRAIN, entryOf(uid, draft))));
}

Deno.test("A mailbox that goes out as mbox and comes into another one is the same", async () => {
  await using store = await memoryStore();
  const at = house(store);
  const { mailStore } = at;
  for (let i = 0; i < 450; i++) {
    await deliver(at, { uid: uidOf(i), text: `Subject: ${i}\r\n\r\nFrom me\r\n>From you\r\n`, to: [BRAIN] });
  }
  await deliverLarge(store, mailStore, uidOf(450));
  await mailStore.markSeen(BRAIN, uidOf(7));
  const file = await whole(exportMbox(mailStore, BRAIN));
  const { warnings, ...imported } = await importMbox(PINKY, pieces(file), at);
  assertEquals(warnings, []);
  assertEquals(imported, await mailStore.usage(PINKY));
  assertEquals(imported, await mailStore.usage(BRAIN));
  assertEquals(await texts(mailStore, PINKY), await texts(mailStore, BRAIN));
  const [ours, theirs] = [await mailStore.list(BRAIN), await mailStore.list(PINKY)];
  const facts = (list: typeof ours) => list.map(({ sender, receivedAt, seen }) => [sender, receivedAt, seen]);
  assertEquals(facts(theirs), facts(ours));
  assertEquals(theirs.filter((entry) => entry.seen).length, 1);
  const uids = new Set([...ours, ...theirs].map((entry) => entry.uid));
  assertEquals(uids.size, 902, "an imported message has a uid of its own");
  // and it is no trouble to take it all away again
  await endMailbox(store, mailStore, PINKY);
  await endMailbox(store, mailStore, BRAIN);
  await new BodySweeper(store, { clock: at.clock, graceMs: 0 }).sweep(true);
  assertEquals(await keyCounts(store.kv), { format: 2 });
});

Deno.test("What is removed while a mailbox goes out is left out, and a damaged text ends it", async () => {
  await using store = await memoryStore();
  const at = house(store);
  const { mailStore } = at;
  for (let i = 0; i < 3; i++) {
    await deliver(at, { uid: uidOf(i), text: `Subject: ${i}\r\n\r\n`, to: [BRAIN] });
  }
  const going = exportMbox(mailStore, BRAIN);
  const first = (await going.next()).value!;
  await mailStore.remove(BRAIN, [uidOf(1)]);
  const rest = await whole(going);
  const file = binaryString(concat([first, rest]));
  assertStringIncludes(file, "Subject: 0\n");
  assertStringIncludes(file, "Subject: 2\n");
  assert(!file.includes("Subject: 1\n"));
  const { body } = (await mailStore.list(BRAIN))[1]!;
  await store.write(await releaseBody(store.kv, body));
  await assertRejects(() => whole(exportMbox(mailStore, BRAIN)), Error, "is not in the store");
});

Deno.test("importMbox() stops at the quota, at what is no mbox, and when the store fails, and says where", async () => {
  await using store = await memoryStore();
  const at = house(store);
  const one = "From a@b.test Mon Jan  5 09:00:00 2026\nSubject: x\n\n" + "y".repeat(88) + "\n\n";
  const each = 12 + 2 + 90;
  const ten = encode(one.repeat(10));

  const full = await assertRejects(
    () => importMbox(BRAIN, pieces(ten), { ...at, quota: 3 * each + 10 }),
    ImportStopped,
    "Stopped after 3 messages, which are in the mailbox: the mailbox is full",
  );
  assertEquals([full.why, full.imported], ["full", { messages: 3, bytes: 3 * each, warnings: [] }]);
  assertEquals(await at.mailStore.usage(BRAIN), { messages: 3, bytes: 3 * each });

  const wrong = await assertRejects(() => importMbox(PINKY, pieces(encode("<html>\n")), at), ImportStopped);
  assertEquals([wrong.why, wrong.imported.messages], ["source", 0]);

  const gone = await assertRejects(
    async () => {
      async function* breaking() {
        yield* pieces(ten);
        throw await Promise.resolve(new Error("The disk was pulled out"));
      }
      await importMbox(PINKY, breaking(), at);
    },
    ImportStopped,
    "The disk was pulled out",
  );
  // the last message may not be whole
  assertEquals([gone.why, gone.imported.messages], ["source", 9]);

  const dying = dyingView(store, 4);
  const before = (await at.mailStore.usage(PINKY)).messages;
  const failed = await assertRejects(
    () => importMbox(PINKY, pieces(ten), { ...at, store: dying }),
    ImportStopped,
  );
  assertEquals([failed.why, failed.imported.messages], ["storage", 4]);
  assertEquals((await at.mailStore.usage(PINKY)).messages, before + 4);
});

Deno.test("An import ends with the account that it is meant for", async () => {
  await using store = await memoryStore();
  const at = house(store);
  const mbox = Array.from(
    { length: 5 },
    (_, i) => `From a@b.example Thu Jan  1 00:00:00 1970\nSubject: ${i}\n\n\n`,
  );
  let asked = 0;
  const isThere = () => asked++ < 2;
  const error = await assertRejects(() =>
    importMbox(PINKY, pieces(encode(mbox.join(""))), { ...at, isThere })
  );
  assert(error instanceof ImportStopped);
  assertEquals([error.why, error.imported.messages], ["gone", 2]);
  assertEquals((await at.mailStore.list(PINKY)).length, 2);
});

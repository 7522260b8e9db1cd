/** The captured messages: kept once, shown by mailboxes, let go when they are too many. */

import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import type { CaptureChange, Captured } from "../../src/capture/captured.ts";
import { CapturedMail } from "../../src/capture/captured_mail.ts";
import { checkStore } from "../../src/server/store_check.ts";
import { draftOf } from "../../src/storage/bodies/bodies.ts";
import { MemoryStore } from "../../src/storage/memory_store.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { systemClock } from "../../src/base/clock.ts";
import { tempDir } from "../storage/stores.ts";
import { CapturingServer } from "./capturing_server.ts";

const letter = (subject: string, size = 10) =>
  `Subject: ${subject}\r\n\r\n${"x".repeat(70).concat("\r\n").repeat(Math.ceil(size / 72))}`;

async function contentOf(mail: CapturedMail, message: Captured): Promise<string> {
  let text = "";
  for await (const piece of mail.content(message)) text += new TextDecoder("latin1").decode(piece);
  return text;
}

/** Does it with messages in memory, and on a disk. */
function everywhere(name: string, test: (config: Record<string, unknown>) => Promise<void>): void {
  Deno.test(`${name}, in memory`, () => test({}));
  Deno.test(`${name}, on a disk`, async () => {
    await using dir = await tempDir();
    await test({ dataDir: `${dir.path}/data` });
  });
}

everywhere("A transaction is one message with its envelope, newest first", async (config) => {
  await using town = await CapturingServer.start({ config });
  const mail = town.server.captured!;
  const to = ["jo@one.example", "Hidden@two.example", "jo+tag@one.example"];
  const first = await town.send({ from: "Me@example.org", to: [...to, "JO@one.example"], text: letter("a") });
  const large = await town.send({ to: ["jo@one.example"], text: letter("large", 300_000) });
  const last = await town.send({ from: "", to: ["other@x.example"], text: letter("c") });
  assertEquals(mail.list().map(({ id }) => id), [last, large, first]);
  assertEquals(mail.list({ offset: 1, limit: 1 }).map(({ id }) => id), [large]);
  assertEquals(mail.list({ offset: 5 }), []);
  assertEquals([mail.count, mail.unseen, mail.latest?.id], [3, 3, last]);
  const one = mail.get(first)!;
  assertEquals([one.sender, one.recipients, one.seen, one.tags], ["Me@example.org", to, false, []]);
  assert((await contentOf(mail, one)).endsWith(letter("a")));
  assertEquals((await contentOf(mail, mail.get(large)!)).length, mail.get(large)!.size);
  assertEquals(mail.bytes, mail.list().reduce((sum, { size }) => sum + size, 0));
  // what one mailbox did with it is so for all
  await town.ask(`/api/v1/mailboxes/${to[1]}/messages/${first}`).then((answer) => answer.body?.cancel());
  assertEquals([mail.get(first)?.seen, mail.unseen, (await town.mailbox(to[0]!)).at(-1)?.seen], [
    true,
    2,
    true,
  ]);
  const sizes = (await town.server.mailStore.list(to[0]!)).map(({ size }) => size);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  assertEquals(await town.server.mailStore.usage(to[0]!), { messages: 2, bytes });
  const life = await (await town.ask(`/api/v1/messages/${first}`)).json();
  assertEquals(new Set(life.recipients), new Set(to));
});

everywhere("A message goes from one mailbox, from all, or with all others", async (config) => {
  await using town = await CapturingServer.start({ config });
  const mail = town.server.captured!;
  const heard: string[] = [];
  const off = mail.on((change: CaptureChange) => {
    const some = change.kind === "removed" ? change.messages : [change.message];
    heard.push(`${change.kind} ${some.length}`);
  });
  const to = ["a@x.example", "b@x.example"];
  const [one, two, three] = [
    await town.send({ to, text: letter("1") }),
    await town.send({ to, text: letter("2", 200_000) }),
    await town.send({ to, text: letter("3") }),
  ];
  const path = (address: string, id: string) => `/api/v1/mailboxes/${address}/messages/${id}`;
  assertEquals(await town.status(path("a@x.example", one), { method: "DELETE" }), 204);
  assertEquals((await town.mailbox("a@x.example")).map(({ uid }) => uid), [three, two]);
  assertEquals((await town.mailbox("b@x.example")).map(({ uid }) => uid), [three, two, one]);
  assertEquals(mail.get(one)?.recipients, to, "the envelope was what it was");
  assertEquals(await town.status(path("a@x.example", one)), 404);
  assertEquals(await town.status(path("b@x.example", one), { method: "DELETE" }), 204);
  assertEquals([mail.count, mail.get(one)], [2, undefined]);
  await mail.setTags([two, "unknown"], ["red", "blue", "red"]);
  await mail.markSeen([two]);
  assertEquals([mail.get(two)?.tags, mail.get(two)?.seen], [["red", "blue"], true]);
  await mail.remove([two, two, "unknown"]);
  assertEquals((await town.mailbox("b@x.example")).map(({ uid }) => uid), [three]);
  await mail.removeAll();
  assertEquals([mail.count, mail.bytes, mail.unseen, mail.list()], [0, 0, 0, []]);
  assertEquals(await town.mailbox("b@x.example"), []);
  off();
  assertEquals(heard, [
    "captured 1",
    "captured 1",
    "captured 1",
    "changed 1",
    "removed 1",
    "changed 1",
    "changed 1",
    "removed 1",
    "removed 1",
  ]);
});

everywhere("The oldest leave when they are too many, too large together, or too old", async (config) => {
  const clock = new ManualClock();
  const capture = { messages: 3, size: 100_000, age: "1h" };
  await using town = await CapturingServer.start({ clock, config: { ...config, capture } });
  const mail = town.server.captured!;
  const subjects = async () => (await town.mailbox("a@x.example")).map(({ subject }) => subject);
  for (const subject of ["1", "2", "3", "4", "5"]) {
    await town.send({ to: ["a@x.example"], text: letter(subject) });
  }
  assertEquals(await subjects(), ["5", "4", "3"]);
  await town.send({ to: ["a@x.example"], text: letter("6", 99_900) });
  assertEquals(await subjects(), ["6"]);
  await town.send({ to: ["a@x.example"], text: letter("7", 200_000) });
  assertEquals(await subjects(), ["7"], "the newest stays, however large it is");
  await clock.advance(30 * 60_000);
  await town.send({ to: ["a@x.example"], text: letter("8") });
  await clock.advance(31 * 60_000);
  assertEquals(await subjects(), ["8"]);
  await clock.advance(31 * 60_000);
  assertEquals([await subjects(), mail.count], [[], 0]);
});

Deno.test("On a disk all is there after a restart, and the store is whole", async () => {
  await using dir = await tempDir();
  const config = { dataDir: `${dir.path}/data` };
  const crowd = Array.from({ length: 800 }, (_, n) => `recipient-number-${n}@crowd.example`);
  const ids: string[] = [];
  {
    await using town = await CapturingServer.start({ config });
    ids.push(await town.send({ to: ["a@x.example", "b@x.example"], text: letter("1"), login: "ann" }));
    ids.push(await town.send({ to: crowd, text: letter("crowd") }));
    ids.push(await town.send({ to: ["a@x.example"], text: letter("large", 700_000) }));
    ids.push(await town.send({ to: ["a@x.example"], text: letter("gone", 700_000) }));
    const mail = town.server.captured!;
    await mail.markSeen([ids[0]!]);
    await mail.setTags([ids[0]!], ["red"]);
    await town.status(`/api/v1/mailboxes/b@x.example/messages/${ids[0]}`, { method: "DELETE" });
    await mail.remove([ids[3]!]);
  }
  {
    await using town = await CapturingServer.start({ config });
    const mail = town.server.captured!;
    assertEquals(mail.list().map(({ id }) => id), [ids[2], ids[1], ids[0]]);
    const one = mail.get(ids[0]!)!;
    assertEquals([one.seen, one.tags, one.recipients], [true, ["red"], ["a@x.example", "b@x.example"]]);
    assertEquals([one.username, mail.get(ids[1]!)?.username], ["ann", undefined]);
    assertEquals(await town.mailbox("b@x.example"), []);
    assertEquals(mail.unseen, 2);
    assertEquals(mail.get(ids[1]!)?.recipients, crowd);
    assertEquals((await town.mailbox(crowd[799]!)).length, 1);
    assert((await town.drop("a@x.example"))[1]!.endsWith(letter("large", 700_000)));
  }
  await using store = await openStore({ location: `${dir.path}/data/dinopost.db`, clock: systemClock }).then(
    (opened) => ({ opened, [Symbol.asyncDispose]: () => opened.close() }),
  );
  const found = await checkStore(store.opened, { repair: false });
  assertEquals([found.faults, found.messages], [[], 3]);
});

Deno.test("What changes twice at once is kept as it became last", async () => {
  await using memory = new MemoryStore();
  const clock = new ManualClock();
  const keep = { messages: 10, age: null, size: 1_000_000, memory: false };
  const id = "06FZ000000000001";
  {
    await using store = closing(await openStore({ location: ":memory:", memory, clock }));
    const mail = new CapturedMail(store, { clock, keep });
    const message = { id, receivedAt: 1, sender: "", recipients: ["jo@x.example"] };
    assert(await mail.capture(message, draftOf(id, new TextEncoder().encode(letter("a")))));
    const { get } = store.kv;
    // the first one to read is the last one to write
    const gate = Promise.withResolvers<void>();
    let reads = 0;
    store.kv.get = async <T>(key: Deno.KvKey) => {
      const isFirst = ++reads === 1;
      const entry = await get.call(store.kv, key);
      if (isFirst) await gate.promise;
      return entry as Deno.KvEntryMaybe<T>;
    };
    const first = mail.markSeen([id]);
    await mail.markSeen([id], false);
    gate.resolve();
    await first;
    assertEquals(mail.get(id)?.seen, false);
    await mail.close();
  }
  await using store = closing(await openStore({ location: ":memory:", memory, clock }));
  const mail = new CapturedMail(store, { clock, keep });
  await mail.load();
  assertEquals(mail.get(id)?.seen, false);
  await mail.close();
});

function closing(store: Store): Store & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

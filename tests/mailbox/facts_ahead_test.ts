import { assertEquals, assertRejects } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { eventTurn } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { unpackFacts } from "../../src/mailbox/fact_row.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { draftOf } from "../../src/storage/bodies/bodies.ts";
import * as keys from "../../src/storage/keys.ts";
import { deliver, memoryStore, uidOf, until } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";

async function office() {
  const store = await memoryStore();
  const clock = new ManualClock();
  const mailStore = new MailStore(store, { clock });
  const made: string[] = [];
  mailStore.useFacts({
    make: async (pieces) => {
      let octets = 0;
      for await (const piece of pieces) octets += piece.length;
      made.push(String(octets));
      return encode(`${octets}`);
    },
    isGood: () => true,
  });
  const append = async (text: string) => {
    using folders = await mailStore.open(BRAIN);
    using inbox = await folders.select(folders.byName("INBOX")!.id);
    await inbox.append([{
      body: draftOf(uidOf(append.count++), encode(text)),
      flags: 0,
      keywords: [],
      internalDate: 0,
    }]);
  };
  append.count = 100;
  return { store, clock, mailStore, made, append, [Symbol.asyncDispose]: () => store.close() };
}

async function kept(store: Awaited<ReturnType<typeof memoryStore>>): Promise<number> {
  let rows = 0;
  for await (const _ of store.kv.list(keys.mailFactsOf(BRAIN))) rows++;
  return rows;
}

Deno.test("while a session has a mailbox open, the facts of what comes are made before they are asked for", async () => {
  await using box = await office();
  const { store, clock, mailStore, made, append } = box;
  await append("old");
  const folders = await mailStore.open(BRAIN);
  const inbox = await folders.select(folders.byName("INBOX")!.id);
  for (let n = 0; n < 3; n++) {
    await append("x".repeat(10 + n));
    clock.advance(250);
  }
  await deliver({ store, mailStore }, { uid: uidOf(1), text: "delivered", to: [BRAIN] });
  await until(() => inbox.messages.length === 5);
  // those that were appended are made already, and wait for more
  const appended = ["3", "10", "11", "12"];
  await until(() => made.length === 4);
  assertEquals(made, appended);
  clock.advance(299);
  assertEquals(made, appended);
  clock.advance(1);
  await until(async () => made.length === 5 && await kept(store) === 1);
  const facts = await Array.fromAsync(inbox.facts([0, 1, 2, 3, 4]), (one) => new TextDecoder().decode(one));
  assertEquals(made.length, 5);
  assertEquals(facts.slice(0, 4), ["3", "10", "11", "12"]);
  // a copy has them already
  await inbox.copy(Uint32Array.of(1), folders.byName("Archive")!.id);
  clock.advance(1000);
  assertEquals(made.length, 5);
  inbox[Symbol.dispose]();
  folders[Symbol.dispose]();
});

Deno.test("when nobody has the mailbox open, nothing is made, and it is made up for later", async () => {
  await using box = await office();
  const { store, clock, mailStore, made } = box;
  (await mailStore.open(BRAIN))[Symbol.dispose]();
  for (const n of [1, 2]) {
    await deliver({ store, mailStore }, { uid: uidOf(n), text: "delivered", to: [BRAIN] });
  }
  clock.advance(10_000);
  assertEquals(made, []);
  assertEquals(clock.timers, 0);
  const folders = await mailStore.open(BRAIN);
  const inbox = await folders.select(folders.byName("INBOX")!.id);
  await deliver({ store, mailStore }, { uid: uidOf(3), text: "delivered", to: [BRAIN] });
  await until(() => inbox.messages.length === 3);
  inbox[Symbol.dispose]();
  folders[Symbol.dispose]();
  clock.advance(1000);
  assertEquals(made, []);
  assertEquals(clock.timers, 0);
});

Deno.test("the facts of what is appended are made of its octets in memory, and kept when no session was there for a while", async () => {
  await using box = await office();
  const { store, clock, mailStore, made, append } = box;
  const folders = await mailStore.open(BRAIN);
  const inbox = await folders.select(folders.byName("INBOX")!.id);
  await append("one");
  await append("three");
  await until(() => made.length === 2);
  assertEquals(await kept(store), 0);
  const facts = async (folder: typeof inbox) =>
    (await Array.fromAsync(folder.facts([0, 1]))).map((one) => new TextDecoder().decode(one));
  assertEquals(await facts(inbox), ["3", "5"]);
  inbox[Symbol.dispose]();
  folders[Symbol.dispose]();
  clock.advance(1900);
  await append("seventeen");
  await until(() => made.length === 3);
  clock.advance(1999);
  await eventTurn();
  assertEquals(await kept(store), 0);
  clock.advance(1);
  await until(async () => await kept(store) === 1);
  assertEquals(clock.timers, 0);
  // what is in the store does for another server
  const other = new MailStore(store, { clock });
  other.useFacts({ make: () => Promise.reject(new Error("made twice")), isGood: () => true });
  using again = await other.open(BRAIN);
  using there = await again.select(again.byName("INBOX")!.id);
  assertEquals(await facts(there), ["3", "5"]);
  assertEquals(made, ["3", "5", "9"]);
});

Deno.test("what can't be appended leaves no facts", async () => {
  await using box = await office();
  const { store, clock, made, append } = box;
  await append("one");
  await until(() => made.length === 1);
  clock.advance(2000);
  await until(async () => await kept(store) === 1);
  const before = made.length;
  const write = store.write.bind(store);
  store.write = () => Promise.reject(new Error("the disk is gone"));
  await assertRejects(() => append("two"), Error, "the disk is gone");
  await until(() => made.length > before);
  store.write = write;
  await append("three");
  await until(() => made.length === 3);
  clock.advance(2000);
  const rows = async () => {
    const facts: string[] = [];
    for await (const { value } of store.kv.list<Uint8Array>(keys.mailFactsOf(BRAIN))) {
      for (const one of unpackFacts(value).values()) facts.push(new TextDecoder().decode(one));
    }
    return facts;
  };
  await until(async () => (await rows()).length === 2);
  assertEquals(await rows(), ["3", "5"]);
});

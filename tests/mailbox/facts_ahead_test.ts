import { assertEquals } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
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
  assertEquals(made, []);
  clock.advance(299);
  assertEquals(made, []);
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
  const { clock, mailStore, made, append } = box;
  await append("one");
  await append("two");
  clock.advance(10_000);
  assertEquals(made, []);
  assertEquals(clock.timers, 0);
  const folders = await mailStore.open(BRAIN);
  clock.advance(300);
  await until(() => made.length === 2);
  await append("three");
  folders[Symbol.dispose]();
  clock.advance(1000);
  assertEquals(made.length, 2);
});

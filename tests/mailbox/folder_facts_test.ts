import { assert, assertEquals, assertRejects } from "@std/assert";
import { concat, decode, encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import type { FactMaker } from "../../src/mailbox/folder_facts.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { checkStore } from "../../src/server/store_check.ts";
import type { Store } from "../../src/storage/store.ts";
import { deliver, keyCounts, memoryStore, uidOf } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";

/** Facts that are the last octets of a message, and as many more as `longer` says; tells how often they were made. */
function maker(version: number, longer: (text: string) => number = () => 0) {
  const made: string[] = [];
  const facts: FactMaker = {
    async make(pieces) {
      const text = decode(concat(await Array.fromAsync(pieces)));
      made.push(text);
      return encode(`${version}${text.slice(-14)}${"x".repeat(longer(text))}`);
    },
    isGood: (bytes) => bytes[0] === 0x30 + version,
  };
  return { made, facts };
}

async function mailbox(store: Store, facts: FactMaker, count = 0) {
  const mailStore = new MailStore(store, { clock: new ManualClock() });
  mailStore.useFacts(facts);
  for (let i = 0; i < count; i++) {
    const text = `Message ${String(i).padStart(4, "0")}\r\n`;
    await deliver({ store, mailStore }, { uid: uidOf(i), text, to: [BRAIN] });
  }
  const folders = await mailStore.open(BRAIN);
  return { mailStore, folders, inbox: await folders.select(1) };
}

const wanted = (i: number) => `1Message ${String(i).padStart(4, "0")}`;

Deno.test("Facts are made once, kept in the store, and answered in the order that was asked for", async () => {
  await using store = await memoryStore();
  const first = maker(1);
  const { inbox } = await mailbox(store, first.facts, 300);
  const read = async (folder: typeof inbox, places: number[]) =>
    (await Array.fromAsync(folder.facts(places))).map((bytes) => decode(bytes).trim());
  assertEquals(await read(inbox, [7, 3, 299, 7]), [7, 3, 299, 7].map(wanted));
  assertEquals(first.made.length, 3);
  assert(first.made[0]!.startsWith("Return-Path:"), "with the prefix");
  const all = Array.from({ length: 300 }, (_, i) => i);
  // two that ask at once don't make them twice
  const both = await Promise.all([read(inbox, all), read(inbox, all)]);
  assertEquals(both, [all.map(wanted), all.map(wanted)]);
  assertEquals(first.made.length, 300);
  const second = maker(1);
  const next = await mailbox(store, second.facts);
  assertEquals(await read(next.inbox, all), all.map(wanted));
  assertEquals(second.made, []);
  // a newer program makes them anew
  const newer = maker(2);
  const later = await mailbox(store, newer.facts);
  assertEquals((await read(later.inbox, all))[9], "2Message 0009");
  assertEquals(newer.made.length, 300);
});

Deno.test("Facts of any length are answered, and rows of them stay within what a value takes", async () => {
  await using store = await memoryStore();
  const { made, facts } = maker(1, (text) => 7000 * (Number(text.slice(-6, -2)) % 9));
  const { inbox } = await mailbox(store, facts, 64);
  const all = Array.from({ length: 64 }, (_, i) => i);
  for (let round = 0; round < 2; round++) {
    const sizes = (await Array.fromAsync(inbox.facts(all))).map(({ length }) => length);
    assertEquals(sizes, all.map((i) => 15 + 7000 * (i % 9)));
  }
  // those over 40,000 octets are made each time
  assertEquals(made.length, 64 + all.filter((i) => 7000 * (i % 9) >= 40_000).length);
  assert((await keyCounts(store.kv)).facts! > 8);
});

Deno.test("Facts go with their messages, and those of a message that is gone are missing", async () => {
  await using store = await memoryStore();
  const { facts } = maker(1);
  const { inbox, mailStore } = await mailbox(store, facts, 70);
  await Array.fromAsync(inbox.facts([0, 40, 69]));
  assertEquals((await keyCounts(store.kv)).facts, 3);
  await mailStore.remove(BRAIN, Array.from({ length: 66 }, (_, i) => uidOf(i)));
  assertEquals((await keyCounts(store.kv)).facts, 1);
  assertEquals((await checkStore(store, { repair: false })).faults, []);
  assertEquals(inbox.messages.length, 4);
  await assertRejects(() => Array.fromAsync(inbox.facts([99])), RangeError);
});

import { assertEquals } from "@std/assert";
import * as keys from "../../src/storage/keys.ts";
import type { Kv } from "../../src/storage/port.ts";
import { keysUnder, memoryStore } from "./stores.ts";
import { put } from "../support/raw_kv.ts";

async function selected(kv: Kv, selector: Deno.KvListSelector): Promise<Deno.KvKey[]> {
  return (await Array.fromAsync(kv.list(selector))).map((entry) => entry.key);
}

Deno.test("queueDueUntil() takes the instant in, queueDueAfter() begins behind it", async () => {
  await using store = await memoryStore();
  const due = [
    keys.queueDue(999, "Z", 0),
    keys.queueDue(1000, "A", 0),
    keys.queueDue(1000, "Z", 7),
    keys.queueDue(1000.5, "A", 0),
    keys.queueDue(20000, "A", 0),
  ];
  for (const key of [...due, keys.queueItem("A", 0), keys.queueWarned("A"), keys.queueWake]) {
    await put(store.kv, key, 1);
  }
  assertEquals(await selected(store.kv, keys.queueDueUntil(1000)), due.slice(0, 3));
  assertEquals(await selected(store.kv, keys.queueDueAfter(1000)), due.slice(3));
  assertEquals(await selected(store.kv, keys.queueDueAll), due);
});

Deno.test("mails() lists one mailbox in the order of its uids", async () => {
  await using store = await memoryStore();
  const mailbox = ["01", "02", "10"].map((uid) => keys.mail("brain@a.example", uid));
  for (const key of [...mailbox, keys.mail("brain@a.example.org", "00"), keys.mail("brai@a.example", "99")]) {
    await put(store.kv, key, 1);
  }
  assertEquals(await selected(store.kv, keys.mails("brain@a.example")), mailbox);
});

Deno.test("lists of one message leave other messages and other kinds out", async () => {
  await using store = await memoryStore();
  const mine = [keys.queueItem("A", 0), keys.formerMail("A", "x"), keys.historyEvent("A", 5, 0)] as const;
  const others = [keys.queueItem("AB", 0), keys.formerMail("AB", "x"), keys.historyEvent("AB", 5, 0)];
  for (const key of [...mine, ...others, keys.body("A", 0), keys.bodyPending("A")]) {
    await put(store.kv, key, 1);
  }
  assertEquals(await selected(store.kv, keys.queueItems("A")), [mine[0]]);
  assertEquals(await selected(store.kv, keys.formerMails("A")), [mine[1]]);
  assertEquals(await selected(store.kv, keys.historyEvents("A")), [mine[2]]);
  assertEquals(await selected(store.kv, keys.queueItemsAll), [mine[0], others[0]!]);
  assertEquals(await selected(store.kv, keys.bodiesPending), [keys.bodyPending("A")]);
});

Deno.test("no two kinds of keys are the same", async () => {
  await using store = await memoryStore();
  const all = [
    keys.body("A", 0),
    keys.bodyRefs("A"),
    keys.bodyPending("A"),
    keys.bodyRecount("A", 0),
    keys.queueItem("A", 0),
    keys.queueDue(0, "A", 0),
    keys.formerMail("A", "A"),
    keys.queueWarned("A"),
    keys.queueWake,
    keys.suspension("A"),
    keys.historyEvent("A", 0, 0),
    keys.historyEnd("A", 0, 0),
    keys.account("A"),
    keys.alias("A"),
    keys.mail("A", "A"),
    keys.mailCount("A"),
    keys.mailBytes("A"),
    keys.mailLock("A"),
    keys.session("A"),
    keys.secret("A"),
    keys.commitChain("A"),
    keys.expiry(0, keys.session("A")),
    keys.mailbox("A"),
    keys.folder("A", 0),
    keys.folderIndex("A", 0, 0),
    keys.mailObjects("A", 0),
    keys.mailCopies("A", 0),
    keys.mailFacts("A", 0, 0),
    keys.mailChanges("A", 0),
    keys.deadObjects("A", 0, 0),
    keys.formatBefore,
  ];
  for (const key of all) await put(store.kv, key, 1);
  assertEquals((await keysUnder(store.kv)).length, all.length + 2, "and the format, and who wrote it");
});

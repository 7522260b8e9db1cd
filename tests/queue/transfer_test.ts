import { assert, assertEquals, assertRejects } from "@std/assert";
import { decode } from "../../src/base/bytes.ts";
import { BodyMissing } from "../../src/storage/bodies/bodies.ts";
import { drop } from "../support/raw_kv.ts";
import { checkStore, DEFERRED, DELIVERED, House, local, MINUTE } from "./support.ts";

for (const size of [100, 300_000]) {
  Deno.test(`what comes back to a server leaves the copy of a mailbox there alone: ${size} octets`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await using house = await House.open({ location: `${folder}/store.db`, answer: () => DEFERRED });
      const text = `Subject: Hello\r\n\r\n${`${"x".repeat(76)}\r\n`.repeat(size / 78)}`;
      const id = await house.accept(["a@there.example", local("pinky")], { text });
      await house.settled();
      const file: Uint8Array[] = [];
      for await (const piece of house.queue.exported([id])) file.push(piece.slice());
      assertEquals(await house.queue.delete(id), undefined);
      house.agent.answer = () => DELIVERED;
      const stream = () => ReadableStream.from(file);
      const both = await Promise.allSettled([house.queue.import(stream()), house.queue.import(stream())]);
      assertEquals(both.filter(({ status }) => status === "fulfilled").length, 1);
      assertEquals(await house.queue.import(stream()), { imported: 0, known: 1 });
      await house.queue.flush();
      await house.queue.idle();
      assertEquals(house.of("delivered").map((event) => event.id), [id]);
      assertEquals(house.agent.texts.at(-1), text);
      // behind its Return-Path
      assertEquals((await house.mailbox("pinky")).map((kept) => kept.endsWith(text)), [true]);
      await checkStore(house.store.kv);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("a message with thousands of recipients elsewhere is exported and imported whole", async () => {
  await using house = await House.open({ answer: () => ({ ...DEFERRED, text: "x".repeat(400) }) });
  const text = "x".repeat(50_000);
  const to = Array.from({ length: 5000 }, (_, i) => `user${i}@there${i % 3}.example`);
  const id = await house.accept(to, { text });
  await house.queue.idle();
  const records = await house.queue.message(id);
  assert(records.length >= 100);
  const file: Uint8Array[] = [];
  for await (const piece of house.queue.exported([id])) file.push(piece.slice());
  await using other = await House.open({ seed: 8, start: false });
  assertEquals(await other.queue.import(ReadableStream.from(file)), { imported: 1, known: 0 });
  const body = (await other.queue.message(id))[0]!.body;
  assertEquals(await other.queue.message(id), records.map((record) => ({ ...record, body })));
  await checkStore(other.store.kv);
});

Deno.test("what is deleted while it is exported is left out, and what is damaged is not", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  const ids: string[] = [];
  for (const name of ["a", "b", "c"]) ids.push(await house.accept([`${name}@there.example`]));
  await house.settled();
  const lines: string[] = [];
  for await (const piece of house.queue.exported(ids)) {
    lines.push(decode(piece));
    if (lines.at(-1)!.includes(ids[0]!)) await house.queue.delete(ids[1]!);
  }
  const found = ids.map((id) => lines.some((line) => line.startsWith(`{"id":"${id}"`)));
  assertEquals(found, [true, false, true]);
  assertEquals(JSON.parse(lines.at(-1)!), { end: true, messages: 2, busy: [] });
  await drop(house.store.kv, ["body", ids[2]!, 0]);
  await assertRejects(() => Array.fromAsync(house.queue.exported(ids)), BodyMissing);
});

Deno.test("what is being delivered to the end of an export is not in it, and nothing of it stays held", async () => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({
    answer: async (_, { domain }) => {
      if (domain === "slow.example") await gate.promise;
      return DEFERRED;
    },
  });
  const id = await house.accept(["a@slow.example", "b@there.example"]);
  await house.settled();
  const before = await house.queue.message(id);
  const exporting = Array.fromAsync(house.queue.exported([id]), decode);
  await house.pass(MINUTE);
  assertEquals(JSON.parse((await exporting).at(-1)!), { end: true, messages: 0, busy: [id] });
  assertEquals(await house.queue.message(id), before);
  await checkStore(house.store.kv);
  house.agent.answer = () => DELIVERED;
  await house.pass(15 * MINUTE);
  assertEquals(house.of("delivered").map(({ recipient }) => recipient), ["b@there.example"]);
  gate.resolve();
  await house.settled();
});

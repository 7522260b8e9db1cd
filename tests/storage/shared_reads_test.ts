import { assert, assertEquals, assertRejects } from "@std/assert";
import { KvConnectClient } from "../../src/storage/kv_connect/client.ts";
import * as messages from "../../src/storage/kv_connect/messages.ts";
import type { ReadRange, SentEntry } from "../../src/storage/kv_connect/messages.ts";
import { SharedReads } from "../../src/storage/kv_connect/shared_reads.ts";
import { Transport } from "../../src/storage/kv_connect/transport.ts";
import { SHARED_KVS, startShared } from "../support/shared_kv.ts";

const range = (n: number): ReadRange => ({ start: Uint8Array.of(n), end: Uint8Array.of(n, 0), limit: 1 });
const found = ({ start }: ReadRange): SentEntry[] => [
  { encodedKey: start, value: { data: start, encoding: 3 }, versionstamp: "" },
];

Deno.test("reads of one turn go together, ten keys at most, and those of one call always", async () => {
  const sent: number[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const reads = new SharedReads(async (ranges) => {
    sent.push(ranges.length);
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
    return ranges.map(found);
  });
  const ask = async (from: number, count: number) => {
    const got = await reads.read(Array.from({ length: count }, (_, i) => range(from + i)));
    assertEquals(
      got.map(([entry]) => entry!.encodedKey[0]),
      Array.from({ length: count }, (_, i) => from + i),
    );
  };
  const all = [ask(0, 1), ask(1, 3), ask(4, 7), ask(11, 10), ask(21, 1)];
  await Promise.resolve();
  assertEquals(sent, [4, 7, 10, 1]);
  // all places are taken: these wait, and go together when one is free
  for (let i = 0; i < 6; i++) all.push(ask(30 + i, 1));
  await Promise.resolve();
  assertEquals(sent.length, 4);
  gates[1]!.resolve();
  await all[2];
  while (sent.length < 5) await Promise.resolve();
  assertEquals(sent, [4, 7, 10, 1, 6]);
  for (const gate of gates) gate.resolve();
  await Promise.all(all);
});

Deno.test("a request that fails is the error of those who were in it, and of nobody after them", async () => {
  let fails = true;
  const reads = new SharedReads((ranges) =>
    fails ? Promise.reject(new Error("away")) : Promise.resolve(ranges.map(found))
  );
  const both = await Promise.allSettled([reads.read([range(1)]), reads.read([range(2)])]);
  assertEquals(both.map(({ status }) => status), ["rejected", "rejected"]);
  fails = false;
  assertEquals((await reads.read([range(3)])).length, 1);
});

for (const kind of SHARED_KVS) {
  Deno.test(`what can't be read or asked for is an error of that key alone (${kind.name})`, async () => {
    await using server = await startShared(kind);
    const kv = await KvConnectClient.open({ url: server.url, token: server.token });
    await kv.commit([], [{ type: "set", key: ["a"], value: "fine" }]);
    await commitDamaged(server);
    const [fine, tooLong, damaged, missing] = await Promise.allSettled([
      kv.get(["a"]),
      kv.get(["x".repeat(3000)]),
      kv.get(["damaged"]),
      kv.get(["b"]),
    ]);
    assert(fine!.status === "fulfilled" && fine.value.value === "fine");
    assertEquals(tooLong!.status, "rejected");
    assertEquals(damaged!.status, "rejected");
    assert(missing!.status === "fulfilled" && missing.value.value === null);
    kv.close();
    await assertRejects(() => kv.get(["a"]));
  });
}

/** Sets a key to what no value is. */
async function commitDamaged({ url, token }: { url: string; token: string }): Promise<void> {
  const transport = new Transport({ url, token, probe: new Uint8Array() });
  const body = messages.atomicWrite([], [{ type: "set", key: ["damaged"], value: "marker" }]);
  const at = body.findLastIndex((_, i) => body[i] === 0x22 && body[i + 2] === 0x6d); // the tag of a text, its first letter
  assert(at > 0);
  body[at] = 0xee;
  assert(messages.readWritten(await transport.commit(body)).ok);
  transport.close();
}

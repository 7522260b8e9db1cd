import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { ReadAhead } from "../../src/mailbox/read_ahead.ts";
import * as keys from "../../src/storage/keys.ts";
import type { Store } from "../../src/storage/store.ts";
import { deliver, endMailbox, memoryStore, uidOf } from "./helpers.ts";
import { drop } from "../support/raw_kv.ts";

const BRAIN = "brain@localhost";

/** Fills brain's mailbox; `between` messages for somebody else come between two of brain's. */
async function aheadOf(
  store: Store,
  options: { count: number; between?: number; size?: number },
): Promise<ReadAhead> {
  const mailStore = new MailStore(store, { clock: systemClock });
  const { count, between = 0, size = 20 } = options;
  const writes: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    const text = `${i} ${"x".repeat(size)}\r\n`;
    writes.push(deliver({ store, mailStore }, { uid: uidOf(i * (between + 1)), text, to: [BRAIN] }));
    for (let k = 1; k <= between; k++) {
      writes.push(
        deliver({ store, mailStore }, { uid: uidOf(i * (between + 1) + k), text, to: ["other@localhost"] }),
      );
    }
  }
  await Promise.all(writes);
  return new ReadAhead(store.kv, await mailStore.snapshot(BRAIN));
}

function numberIn(text: Uint8Array | undefined): number | undefined {
  return text && Number(decode(text).split(" ")[0]);
}

for (const between of [0, 1, 9]) {
  Deno.test(`ReadAhead gives every message in order, ${between} of others between them`, async () => {
    await using store = await memoryStore();
    const ahead = await aheadOf(store, { count: 150, between });
    let atOnce = 0;
    for (let i = 0; i < 150; i++) {
      const text = ahead.take(i);
      if (!(text instanceof Promise)) atOnce++;
      assertEquals(numberIn(await text), i);
    }
    assert(atOnce > 75, `${atOnce} at once`);
    assertEquals(ahead.take(150), undefined);
    await ahead.settle();
  });
}

Deno.test("ReadAhead gives the right message whatever the order", async () => {
  await using store = await memoryStore();
  const runs = fc.array(fc.tuple(fc.nat(99), fc.integer({ min: 1, max: 60 })), { maxLength: 8 });
  for (const between of [0, 3]) {
    const first = await aheadOf(store, { count: 100, between });
    await first.settle();
    const list = await new MailStore(store, { clock: systemClock }).snapshot(BRAIN);
    await fc.assert(
      fc.asyncProperty(runs, async (all) => {
        const ahead = new ReadAhead(store.kv, list);
        for (const [from, count] of all) {
          for (let i = from; i < Math.min(100, from + count); i++) {
            assertEquals(numberIn(await ahead.take(i)), i);
          }
        }
        await ahead.settle();
      }),
      { numRuns: 20 },
    );
    await endMailbox(store, new MailStore(store, { clock: systemClock }), BRAIN);
  }
});

Deno.test("ReadAhead leaves out large messages and missing ones", async () => {
  await using store = await memoryStore();
  const ahead = await aheadOf(store, { count: 40, size: 50_000 });
  await drop(store.kv, keys.body(uidOf(7), 0));
  for (let i = 0; i < 40; i++) assertEquals(numberIn(await ahead.take(i)), i === 7 ? undefined : i);
  await ahead.settle();
});

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { systemClock } from "../../src/base/clock.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { BodySweeper } from "../../src/storage/bodies/bodies.ts";
import { deliver, keyCounts, memoryStore, uidOf } from "./helpers.ts";

const BOXES = ["brain@localhost", "pinky@localhost", "pharfignewton@localhost"];

/** One thing that happens: a message comes to some mailboxes, or somebody removes a range of uids from one. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant("deliver" as const),
    to: fc.subarray(BOXES, { minLength: 1 }),
    size: fc.nat(40),
  }),
  fc.record({
    kind: fc.constant("remove" as const),
    from: fc.constantFrom(...BOXES),
    first: fc.nat(80),
    count: fc.integer({ min: 1, max: 80 }),
  }),
);

Deno.test("MailStore keeps counts, bytes and bodies exact whatever happens at the same time", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 30 }), { maxLength: 5 }), async (rounds) => {
      await using store = await memoryStore();
      const mailStore = new MailStore(store, { clock: systemClock });
      // what must be there at the end; what may be, since a removal ran beside its delivery
      const delivered = new Map(BOXES.map((box) => [box, new Set<string>()]));
      const removedSurely = new Map(BOXES.map((box) => [box, new Set<string>()]));
      const removedMaybe = new Map(BOXES.map((box) => [box, new Set<string>()]));
      let next = 0;
      for (const round of rounds) {
        const before = new Map(BOXES.map((box) => [box, new Set(delivered.get(box))]));
        // all steps of a round at the same time
        await Promise.all(round.map((one) => {
          if (one.kind === "deliver") {
            const uid = uidOf(next++);
            for (const box of one.to) delivered.get(box)!.add(uid);
            return deliver({ store, mailStore }, { uid, text: "x".repeat(one.size) + "\r\n", to: one.to });
          }
          const uids = Array.from({ length: one.count }, (_, i) => uidOf(one.first + i));
          for (const uid of uids) {
            (before.get(one.from)!.has(uid) ? removedSurely : removedMaybe).get(one.from)!.add(uid);
          }
          return mailStore.remove(one.from, uids);
        }));
      }
      const bodies = new Set<string>();
      for (const box of BOXES) {
        const list = await mailStore.list(box);
        const bytes = list.reduce((sum, entry) => sum + entry.size, 0);
        assertEquals(await mailStore.usage(box), { messages: list.length, bytes });
        const there = new Set(list.map((entry) => entry.uid));
        for (const uid of delivered.get(box)!) {
          if (removedSurely.get(box)!.has(uid)) assertEquals(there.has(uid), false, `${uid} came back`);
          else if (!removedMaybe.get(box)!.has(uid)) assertEquals(there.has(uid), true, `${uid} was lost`);
        }
        for (const uid of there) assertEquals(delivered.get(box)!.has(uid), true);
        for (const entry of list) {
          bodies.add(entry.body.id);
          for await (const _ of mailStore.read(entry));
        }
      }
      await new BodySweeper(store, { clock: systemClock, graceMs: 0 }).sweep(true);
      const counts = await keyCounts(store.kv);
      assertEquals([counts.mail, counts.dead, counts.mailremoval], [undefined, undefined, undefined]);
      assertEquals(counts.body ?? 0, bodies.size);
    }),
    { numRuns: 40 },
  );
});

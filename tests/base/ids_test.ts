import { assert, assertEquals } from "@std/assert";
import { IdMaker, isId, NUMBERS, timeOfId } from "../../src/base/ids.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";

/** Draws nothing but ones. */
const highest: Random = { float: () => 0.999, bytes: (length) => new Uint8Array(length).fill(255) };

for (const number of [undefined, 0, 4711, NUMBERS - 1]) {
  for (const [chance, random] of [["seeded", seededRandom(1)], ["highest", highest]] as const) {
    Deno.test(`ids of the number ${number} rise, whatever the clock does (${chance})`, () => {
      const clock = new ManualClock();
      const right = clock.now.bind(clock);
      const maker = new IdMaker(clock, random, () => number);
      const ids = Array.from({ length: 100_000 }, () => maker.next());
      clock.advance(10_000);
      ids.push(maker.next());
      clock.now = () => right() - 20_000;
      ids.push(maker.next());
      for (const [i, id] of ids.entries()) assert(isId(id) && (i === 0 || ids[i - 1]! < id), `${i}: ${id}`);
      if (number !== undefined) assertEquals(new Set(ids.map((id) => id.slice(9, 13))).size, 1);
      assert(timeOfId(ids.at(-1)!) >= timeOfId(ids[0]!) + 10_000);
    });
  }
}

Deno.test("makers of other numbers never make the same id", () => {
  const clock = new ManualClock();
  const makers = [0, 1, 2].map((number) => new IdMaker(clock, seededRandom(1), () => number));
  const ids = makers.flatMap((maker) => Array.from({ length: 50_000 }, () => maker.next()));
  assertEquals(new Set(ids).size, ids.length);
});

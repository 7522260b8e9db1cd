import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  formatSet,
  LAST,
  type NumberRange,
  placeOfUid,
  placesOfNumbers,
  placesOfUids,
  uidsAt,
} from "../../src/imap/sequence_set.ts";

const view = (uids: number[], length = uids.length) => ({ uids: Uint32Array.from(uids), length });
const at = (first: number, last = first): NumberRange => ({ first, last });

Deno.test("a set of message numbers names places, each once and in order", () => {
  const five = view([2, 3, 10, 11, 4294967295]);
  assertEquals([...placesOfNumbers([at(1, LAST)], five)!], [0, 1, 2, 3, 4]);
  assertEquals([...placesOfNumbers([at(4, 2), at(3), at(1)], five)!], [0, 1, 2, 3]);
  assertEquals([...placesOfNumbers([at(LAST)], five)!], [4]);
  assertEquals([...placesOfNumbers([at(LAST, 4)], five)!], [3, 4]);
  assertEquals(placesOfNumbers([at(6)], five), undefined);
  assertEquals(placesOfNumbers([at(1, 6)], five), undefined);
  assertEquals(placesOfNumbers([at(7, LAST)], five), undefined);
  assertEquals([...placesOfNumbers([at(1, LAST)], view([]))!], []);
  assertEquals(placesOfNumbers([at(1)], view([])), undefined);
  assertEquals([...placesOfNumbers([at(1, LAST)], view([5, 6, 7], 2))!], [0, 1]);
});

Deno.test("a set of UIDs names those that are there, and * the last one", () => {
  const five = view([2, 3, 10, 11, 4294967295]);
  assertEquals([...placesOfUids([at(1, 9)], five)], [0, 1]);
  assertEquals([...placesOfUids([at(4, 9)], five)], []);
  assertEquals([...placesOfUids([at(1, 4294967295)], five)], [0, 1, 2, 3, 4]);
  assertEquals([...placesOfUids([at(7, LAST)], view([1, 2, 3]))], [2]);
  assertEquals([...placesOfUids([at(LAST)], view([1, 2, 3], 2))], [1]);
  assertEquals([...placesOfUids([at(11), at(2, 3), at(3, 10)], five)], [0, 1, 2, 3]);
  assertEquals([...placesOfUids([at(1, LAST)], view([]))], []);
  assertEquals([placeOfUid(five, 10), placeOfUid(five, 4), placeOfUid(five, 4294967295)], [2, -1, 4]);
  assertEquals([...uidsAt(five, Uint32Array.of(1, 4))], [3, 4294967295]);
});

Deno.test("numbers are written as ranges, in their order", () => {
  assertEquals(formatSet([]), "");
  assertEquals(formatSet([1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
  assertEquals(formatSet([3, 2, 1, 2]), "3,2,1:2");
  assertEquals(formatSet([0, 4294967295]), "0,4294967295");
});

Deno.test("sets name what a look at each message names", () => {
  const number = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant(LAST));
  const ranges = fc.array(fc.record({ first: number, last: number }), { minLength: 1, maxLength: 6 });
  const uids = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 20 });
  fc.assert(fc.property(uids, ranges, (some, set) => {
    const seen = view(some.sort((a, b) => a - b));
    const highest = some.at(-1) ?? 0;
    const named = (value: number, last: number) =>
      set.some(({ first, last: end }) => {
        const [a, b] = [first === LAST ? last : first, end === LAST ? last : end];
        return Math.min(a, b) <= value && value <= Math.max(a, b);
      });
    const expected = some.map((_, i) => i).filter((i) => named(some[i]!, highest));
    assertEquals([...placesOfUids(set, seen)], expected);
    const numbers = placesOfNumbers(set, seen);
    if (numbers) assertEquals([...numbers], some.map((_, i) => i).filter((i) => named(i + 1, some.length)));
    assertEquals(
      numbers === undefined,
      set.some(({ first, last }) =>
        some.length === 0
          ? first !== LAST && last !== LAST
          : [first, last].some((n) => n !== LAST && n > some.length)
      ),
    );
  }));
});

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { after, allOf, eachPiece } from "../../src/base/awaitable.ts";

Deno.test("after() and allOf() wait only for what has to be waited for", async () => {
  assertEquals(after(2, (n) => n + 1), 3);
  assertEquals(await after(Promise.resolve(2), (n) => n + 1), 3);
  assertEquals(allOf<[number, string]>([1, "a"]), [1, "a"]);
  const all = allOf<[number, string]>([1, Promise.resolve("a")]);
  assert(all instanceof Promise);
  assertEquals(await all, [1, "a"]);
  await assertRejects(async () => void await allOf<[number, string]>([1, Promise.reject(new Error("no"))]));
});

async function* read(...pieces: number[]): AsyncGenerator<number> {
  for (const piece of pieces) yield piece;
}

Deno.test("eachPiece() takes the pieces in order, up to who wants no more, however they come", async () => {
  for (const pieces of [() => [1, 2, 3, 4], () => read(1, 2, 3, 4), () => new Set([1, 2, 3, 4])]) {
    for (const waits of [() => false, () => true, (n: number) => n === 2]) {
      const taken: number[] = [];
      const take = (piece: number) => {
        taken.push(piece);
        return waits(piece) ? Promise.resolve(piece < 3) : piece < 3;
      };
      const ended = eachPiece(pieces(), take);
      const isNow = Array.isArray(pieces()) && ![1, 2, 3].some(waits);
      assertEquals(ended instanceof Promise, !isNow);
      await ended;
      assertEquals(taken, [1, 2, 3]);
    }
  }
});

Deno.test("eachPiece() fails as its reader or its taker does, and ends the reader", async () => {
  const fails = () => {
    throw new Error("no");
  };
  assertThrows(() => eachPiece([1], fails), Error, "no");
  let ended = false;
  const source = (async function* () {
    try {
      yield 1;
    } finally {
      ended = true;
    }
  })();
  await assertRejects(async () => void await eachPiece(source, fails), Error, "no");
  assert(ended);
});

import { assertEquals } from "@std/assert";
import { isSameKey, keyHash, keyText } from "../../src/storage/key_identity.ts";

Deno.test("keys are told apart as KV does", () => {
  const distinct: Deno.KvKey[] = [
    ["a", "b"],
    ["ab"],
    ["a\0b"],
    ["a,b"],
    ["a:b"],
    ["a:", "b"],
    ["a1:b"],
    ["1:a1:b"],
    ["1:a"],
    [1, "a"],
    ["1"],
    [1],
    [1n],
    [true],
    ["true"],
    [false],
    [new Uint8Array([49])],
    [new Uint8Array([1, 2])],
    [new Uint8Array([1]), new Uint8Array([2])],
    [],
    [""],
    ["", ""],
    [12, 3],
    [1, 23],
    [0.5],
    ["é"],
    ["e"],
    [NaN],
    [1e300],
  ];
  for (const a of distinct) {
    for (const b of distinct) {
      const same = a === b;
      const copy = b.map((part) => part instanceof Uint8Array ? part.slice() : part);
      assertEquals(isSameKey(a, copy), same, Deno.inspect([a, b]));
      assertEquals(keyText(a) === keyText(copy), same, Deno.inspect([a, b]));
      if (same) assertEquals(keyHash(a), keyHash(copy));
    }
  }
});

Deno.test("keyHash() is spread over the keys of many messages", () => {
  const hashes = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const id = `01J8ZC${i.toString(32).padStart(10, "0").toUpperCase()}`;
    for (const key of [["body", id, 0], ["q", "item", id, 0], ["q", "due", 1.8e12 + (i >> 4), id, 0]]) {
      hashes.add(keyHash(key));
    }
  }
  assertEquals(hashes.size > 2995, true, `${hashes.size} of 3000`);
});

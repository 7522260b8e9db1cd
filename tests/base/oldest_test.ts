import { assertEquals } from "@std/assert";
import { OldestKeys } from "../../src/base/oldest.ts";

Deno.test("OldestKeys gives the keys of a map in their order, whatever is added, deleted or cleared", () => {
  const map = new Map<number, string>();
  const oldest = new OldestKeys(map);
  const take = () => {
    const key = oldest.next();
    if (key !== undefined) map.delete(key);
    return key;
  };
  assertEquals(take(), undefined);
  for (let n = 0; n < 1000; n++) map.set(n, "");
  assertEquals([take(), take()], [0, 1]);
  map.delete(2);
  map.set(3, "again");
  map.set(1, "once more");
  assertEquals([take(), take()], [3, 4]);
  for (let n = 5; n < 1000; n++) assertEquals(take(), n);
  assertEquals([take(), take()], [1, undefined]);
  map.set(7, "");
  assertEquals(take(), 7);
  map.set(8, "");
  map.clear();
  map.set(9, "");
  assertEquals([take(), take()], [9, undefined]);
});

import { assertEquals } from "@std/assert";
import { type DenseRange, readDense } from "../../src/storage/dense_read.ts";
import { EmbeddedKv } from "../../src/storage/embedded_kv.ts";
import type { Kv } from "../../src/storage/port.ts";

/** Counts how a store is read. */
function counted(kv: Kv): { kv: Kv; rows: number; gets: number } {
  const of = { rows: 0, gets: 0 };
  const counting = new Proxy(kv, {
    get(target, name) {
      if (name === "list") {
        return async function* (...args: Parameters<Kv["list"]>) {
          for await (const entry of target.list(...args)) {
            of.rows++;
            yield entry;
          }
        };
      }
      if (name === "getMany") {
        return (...args: Parameters<Kv["getMany"]>) => {
          of.gets++;
          return target.getMany(...args);
        };
      }
      return Reflect.get(target, name).bind(target);
    },
  });
  return Object.assign(of, { kv: counting });
}

function wanted(numbers: readonly number[]): DenseRange {
  return {
    wanted: new Map(numbers.map((n) => [String(n), ["row", n]])),
    range: { start: ["row", Math.min(...numbers)], end: ["row", Math.max(...numbers), true] },
    nameOf: (key) => String(key[1]),
  };
}

Deno.test("values that lie close together are read as a range, others one by one, and the same is found", async () => {
  const db = await Deno.openKv(":memory:");
  try {
    for (let from = 0; from < 3000; from += 500) {
      const mutations = Array.from({ length: 500 }, (_, i) => i + from).filter((n) => n % 7 !== 0)
        .map((n) => ({ type: "set", key: ["row", n], value: n * 2 }) as const);
      await db.atomic().mutate(...mutations).commit();
    }
    const store = new EmbeddedKv(db, [db]);
    const dense = Array.from({ length: 200 }, (_, n) => 1000 + n);
    const sparse = Array.from({ length: 60 }, (_, n) => 1 + n * 45);
    const half = [...Array.from({ length: 60 }, (_, n) => n), ...sparse.filter((n) => n > 1000)];
    for (
      const [numbers, most] of [[dense, 200], [sparse, 70], [half, 200], [dense.slice(0, 5), 0]] as const
    ) {
      const of = counted(store);
      const found = await readDense<number>(of.kv, wanted(numbers));
      assertEquals(
        [...found].map(([name, { value }]) => [name, value]).sort(([a], [b]) => Number(a) - Number(b)),
        [...new Set(numbers)].sort((a, b) => a - b).filter((n) => n % 7 !== 0).map((n) => [String(n), n * 2]),
      );
      assertEquals(of.rows <= most, true, `${of.rows} rows for ${numbers.length} values`);
      assertEquals(of.gets > 0, numbers !== dense, "key by key");
    }
  } finally {
    db.close();
  }
});

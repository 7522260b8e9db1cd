import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Suspensions } from "../../src/queue/suspensions.ts";
import { openStore } from "../../src/storage/store.ts";

Deno.test("Suspensions keeps pauses until they end", async () => {
  const clock = new ManualClock(1_000_000);
  const store = await openStore({ location: ":memory:", clock });
  try {
    const suspensions = new Suspensions(store, clock);
    assertEquals(await suspensions.get("b.example"), undefined);
    const made = await suspensions.put({ domain: "b.example", until: 1_060_000, reason: "They asked" });
    assertEquals(made, { domain: "b.example", until: 1_060_000, reason: "They asked", since: 1_000_000 });
    await suspensions.put({ domain: "a.example" });
    assertEquals((await suspensions.list()).map((s) => s.domain), ["a.example", "b.example"]);
    clock.advance(30_000);
    // replaced, but since the same time
    assertEquals(await suspensions.put({ domain: "a.example", until: 2_000_000 }), {
      domain: "a.example",
      until: 2_000_000,
      since: 1_000_000,
    });
    clock.advance(30_000);
    assertEquals(await suspensions.get("b.example"), undefined);
    assertEquals((await suspensions.list()).map((s) => s.domain), ["a.example"]);
    assertEquals(await suspensions.remove("b.example"), false);
    assertEquals(await suspensions.remove("a.example"), true);
    assertEquals(await suspensions.list(), []);
  } finally {
    await store.close();
  }
});

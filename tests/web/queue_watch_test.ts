import { assertEquals } from "@std/assert";
import { QueueWatch } from "../../src/web/queue_watch.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";

Deno.test("a page waits for a long count once, not each time it asks, and gets the count when it is there", async () => {
  const clock = new ManualClock();
  const counted = Promise.withResolvers<void>();
  const watch = new QueueWatch({
    clock,
    // deno-lint-ignore require-yield
    messages: async function* () {
      await counted.promise;
    },
  });
  const first = watch.stats();
  clock.advance(60);
  assertEquals(await first, undefined);
  assertEquals(await watch.stats(), undefined);
  counted.resolve();
  await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals((await watch.stats())?.total, 0);
});

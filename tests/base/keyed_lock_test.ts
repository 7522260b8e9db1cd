import { assertEquals, assertRejects } from "@std/assert";
import { KeyedLock } from "../../src/base/keyed_lock.ts";

Deno.test("KeyedLock runs the tasks of one name one after the other, those of others at once", async () => {
  const lock = new KeyedLock();
  const log: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const task = (name: string, gate: number) => async () => {
    log.push(`${name} begins`);
    await gates[gate]!.promise;
    log.push(`${name} ends`);
    return name;
  };
  const all = [lock.run("a", task("1", 0)), lock.run("a", task("2", 1)), lock.run("b", task("3", 1))];
  await Promise.resolve();
  gates[1]!.resolve();
  assertEquals(await all[2], "3");
  gates[0]!.resolve();
  assertEquals(await Promise.all(all), ["1", "2", "3"]);
  assertEquals(log, ["1 begins", "3 begins", "3 ends", "1 ends", "2 begins", "2 ends"]);
  assertEquals(lock.size, 0);
});

Deno.test("KeyedLock goes on after a task that failed", async () => {
  const lock = new KeyedLock();
  const failed = lock.run("a", () => Promise.reject(new Error("no")));
  const next = lock.run("a", () => Promise.resolve(1));
  await assertRejects(() => failed, Error, "no");
  assertEquals([await next, lock.size], [1, 0]);
});

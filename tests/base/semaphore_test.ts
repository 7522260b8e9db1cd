import { assertEquals, assertRejects } from "@std/assert";
import { KeyedLock, Semaphore } from "../../src/base/semaphore.ts";

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

Deno.test("Semaphore lets so many run and the rest one after the other, in order", async () => {
  const semaphore = new Semaphore(2);
  const ends: (() => void)[] = [];
  const log: string[] = [];
  const runs = ["a", "b", "c", "d"].map((name) =>
    semaphore.run(() => {
      log.push(name);
      return new Promise<string>((resolve, reject) => {
        ends.push(() => name === "a" ? reject(new Error(name)) : resolve(name));
      });
    }).catch((error) => `!${error.message}`)
  );
  await Promise.resolve();
  assertEquals(log, ["a", "b"]);
  ends[0]!();
  assertEquals(await runs[0], "!a");
  await Promise.resolve();
  assertEquals(log, ["a", "b", "c"]);
  ends[1]!();
  await runs[1];
  await Promise.resolve();
  ends.slice(2).forEach((end) => end());
  assertEquals(await Promise.all(runs), ["!a", "b", "c", "d"]);
  assertEquals(await semaphore.run(() => Promise.resolve("e")), "e");
});

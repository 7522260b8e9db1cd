import { assertEquals, assertNotEquals } from "@std/assert";
import { SESSION_MS, WebSessions } from "../../src/http/web_sessions.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { openStore } from "../../src/storage/store.ts";

Deno.test("WebSessions lasts a week, and no longer than the token", async () => {
  const clock = new ManualClock();
  const store = await openStore({ location: ":memory:", clock });
  try {
    const sessions = new WebSessions(store, { clock, random: systemRandom, token: "a" });
    const value = await sessions.begin();
    const other = await sessions.begin();
    assertNotEquals(value, other);
    assertEquals(await sessions.has(value), true);
    for (const wrong of ["", value.toUpperCase() + "x", value.slice(1), "0".repeat(64)]) {
      assertEquals(await sessions.has(wrong), false);
    }
    // a server with another token on the same store
    assertEquals(await new WebSessions(store, { clock, random: systemRandom, token: "b" }).has(value), false);
    await sessions.end(other);
    assertEquals([await sessions.has(other), await sessions.has(value)], [false, true]);
    clock.advance(SESSION_MS - 1);
    assertEquals(await sessions.has(value), true);
    clock.advance(1);
    assertEquals(await sessions.has(value), false);
    // the store never learns the cookie
    for await (const entry of store.kv.list({ prefix: [] })) {
      assertEquals(JSON.stringify([entry.key, entry.value]).includes(value), false);
    }
  } finally {
    await store.close();
  }
});

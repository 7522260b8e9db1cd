import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { SESSION_MS, WebSessions } from "../../src/http/web_sessions.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { openStore } from "../../src/storage/store.ts";

Deno.test("WebSessions lasts a week, and tells whose token it began with", async () => {
  const clock = new ManualClock();
  const store = await openStore({ location: ":memory:", clock });
  try {
    const sessions = new WebSessions(store, { clock, random: systemRandom });
    const value = await sessions.begin("a");
    const other = await sessions.begin("b");
    const token = await sessions.tokenOf(value);
    assertMatch(token ?? "", /^[0-9a-f]{64}$/);
    assertNotEquals(value, other);
    assertNotEquals(await sessions.tokenOf(other), token);
    for (const wrong of ["", value.toUpperCase() + "x", value.slice(1), "0".repeat(64)]) {
      assertEquals(await sessions.tokenOf(wrong), undefined);
    }
    await sessions.end(other);
    assertEquals([await sessions.tokenOf(other), await sessions.tokenOf(value)], [undefined, token]);
    clock.advance(SESSION_MS - 1);
    assertEquals(await sessions.tokenOf(value), token);
    clock.advance(1);
    assertEquals(await sessions.tokenOf(value), undefined);
    // the store never learns the cookie
    for await (const entry of store.kv.list({ prefix: [] })) {
      assertEquals(JSON.stringify([entry.key, entry.value]).includes(value), false);
    }
  } finally {
    await store.close();
  }
});

import { assertEquals, assertNotEquals } from "@std/assert";
import { secretHash, SESSION_MS, WebSessions } from "../../src/http/web_sessions.ts";
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
    const tokenOf = async (value: string) => (await sessions.find(value))?.token;
    const token = await tokenOf(value);
    assertEquals(token, secretHash("a"));
    assertNotEquals(value, other);
    assertNotEquals(await tokenOf(other), token);
    for (const wrong of ["", value.toUpperCase() + "x", value.slice(1), "0".repeat(64)]) {
      assertEquals(await tokenOf(wrong), undefined);
    }
    const ofPeople = new WebSessions(store, { clock, random: systemRandom, realm: "own " });
    const persons = await ofPeople.begin("a", "brain@example.org");
    assertEquals((await ofPeople.find(persons))?.account, "brain@example.org");
    assertEquals([await sessions.find(persons), await ofPeople.find(value)], [undefined, undefined]);
    await sessions.end(other);
    assertEquals([await tokenOf(other), await tokenOf(value)], [undefined, token]);
    clock.advance(SESSION_MS - 1);
    assertEquals(await tokenOf(value), token);
    clock.advance(1);
    assertEquals(await tokenOf(value), undefined);
    // the store never learns the cookie
    for await (const entry of store.kv.list({ prefix: [] })) {
      assertEquals(JSON.stringify([entry.key, entry.value]).includes(value), false);
    }
  } finally {
    await store.close();
  }
});

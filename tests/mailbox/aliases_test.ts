import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { type Alias, Aliases } from "../../src/mailbox/aliases.ts";
import { memoryStore, sharedView } from "./helpers.ts";

const STAFF = "staff@howstuffworks.com";
const BRAIN = "brain@howstuffworks.com";
const configured = { [STAFF]: [BRAIN, "jsmith@mindspring.com"] };

Deno.test("Aliases answers from the configuration and the store, the store first", async () => {
  await using store = await memoryStore();
  const aliases = new Aliases(store, { clock: new ManualClock(), configured });
  await aliases.load();
  assertEquals((aliases.get("Staff@howstuffworks.com") as Alias).targets, [BRAIN, "jsmith@mindspring.com"]);
  assertEquals(aliases.get("nobody@howstuffworks.com"), undefined);
  await aliases.put({ address: STAFF, targets: [BRAIN], owner: "staff-owner@howstuffworks.com" });
  const made = { address: STAFF, targets: [BRAIN], owner: "staff-owner@howstuffworks.com" };
  assertEquals(aliases.get(STAFF), made);
  assertEquals(await aliases.list(), [{ ...made, source: "store" }]);
  const again = new Aliases(store, { clock: new ManualClock() });
  await again.load();
  assertEquals(again.get(STAFF), made);
});

Deno.test("Aliases.remove() tells what it could remove", async () => {
  await using store = await memoryStore();
  const aliases = new Aliases(store, { clock: new ManualClock(), configured });
  await aliases.load();
  await aliases.put({ address: STAFF, targets: [BRAIN] });
  assertEquals(await aliases.remove(STAFF), "removed");
  assertEquals((aliases.get(STAFF) as Alias).targets.length, 2);
  assertEquals(await aliases.remove(STAFF), "configured");
  assertEquals(await aliases.remove("nobody@howstuffworks.com"), "unknown");
});

Deno.test("Aliases.configure() replaces what the configuration said before", async () => {
  await using store = await memoryStore();
  const aliases = new Aliases(store, { clock: new ManualClock(), configured });
  await aliases.load();
  aliases.configure({ "abuse@howstuffworks.com": [BRAIN] });
  assertEquals((await aliases.list()).map((one) => [one.address, one.source]), [[
    "abuse@howstuffworks.com",
    "config",
  ]]);
});

Deno.test("Aliases on a shared store falls back to the configuration", async () => {
  await using store = await memoryStore();
  const aliases = new Aliases(sharedView(store), { clock: new ManualClock(), configured });
  await aliases.load();
  assertEquals((await aliases.get(STAFF))?.targets.length, 2);
  await aliases.put({ address: STAFF, targets: [BRAIN] });
  assertEquals((await aliases.get(STAFF))?.targets.length, 1);
});

Deno.test("Aliases.get() takes an alias called owner-NAME for the owner of NAME", async () => {
  await using store = await memoryStore();
  const configured = {
    "staff@localhost": ["brain@localhost"],
    "owner-staff@localhost": ["pinky@localhost"],
    "team@localhost": ["brain@localhost"],
    "owner-team@elsewhere": ["pinky@localhost"],
  };
  const aliases = new Aliases(store, { clock: new ManualClock(), configured });
  await aliases.load();
  assertEquals(aliases.get("Staff@localhost")?.owner, "owner-staff@localhost");
  assertEquals(aliases.get("team@localhost")?.owner, undefined);
  assertEquals(aliases.get("owner-staff@localhost")?.owner, undefined);
  await aliases.put({ address: "staff@localhost", targets: ["brain@localhost"], owner: "zort@localhost" });
  assertEquals(aliases.get("staff@localhost")?.owner, "zort@localhost");
});

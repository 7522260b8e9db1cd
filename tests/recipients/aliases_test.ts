import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { type Alias, Aliases, MAX_TARGETS } from "../../src/recipients/aliases.ts";
import { memoryStore, sharedView } from "../mailbox/helpers.ts";

const STAFF = "staff@howstuffworks.com";
const BRAIN = "brain@howstuffworks.com";
const domains = ["howstuffworks.com", "xn--bcher-kva.example"];
const configured = { [STAFF]: [BRAIN, "jsmith@mindspring.com"] };

Deno.test("Aliases answers from the configuration and the store, the store first", async () => {
  await using store = await memoryStore();
  const aliases = new Aliases(store, { clock: new ManualClock(), domains, configured });
  await aliases.load();
  assertEquals((aliases.get("Staff@howstuffworks.com") as Alias).targets, [BRAIN, "jsmith@mindspring.com"]);
  assertEquals(aliases.get("nobody@howstuffworks.com"), undefined);
  await aliases.put({ address: STAFF, targets: [BRAIN], owner: "staff-owner@howstuffworks.com" });
  const made = { address: STAFF, targets: [BRAIN], owner: "staff-owner@howstuffworks.com" };
  assertEquals(aliases.get(STAFF), made);
  assertEquals(await aliases.list(), [{ ...made, source: "store" }]);
  const again = new Aliases(store, { clock: new ManualClock(), domains });
  await again.load();
  assertEquals(again.get(STAFF), made);
});

Deno.test("Aliases.remove() tells what it could remove", async () => {
  await using store = await memoryStore();
  const aliases = new Aliases(store, { clock: new ManualClock(), domains, configured });
  await aliases.load();
  await aliases.put({ address: STAFF, targets: [BRAIN] });
  assertEquals(await aliases.remove(STAFF), "removed");
  assertEquals((aliases.get(STAFF) as Alias).targets.length, 2);
  assertEquals(await aliases.remove(STAFF), "configured");
  assertEquals(await aliases.remove("nobody@howstuffworks.com"), "unknown");
});

Deno.test("Aliases.configure() replaces what the configuration said before", async () => {
  await using store = await memoryStore();
  const aliases = new Aliases(store, { clock: new ManualClock(), domains, configured });
  await aliases.load();
  aliases.configure({ "abuse@howstuffworks.com": [BRAIN] });
  assertEquals((await aliases.list()).map((one) => [one.address, one.source]), [[
    "abuse@howstuffworks.com",
    "config",
  ]]);
});

Deno.test("Aliases on a shared store falls back to the configuration", async () => {
  await using store = await memoryStore();
  const aliases = new Aliases(sharedView(store), { clock: new ManualClock(), domains, configured });
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
  const aliases = new Aliases(store, { clock: new ManualClock(), domains, configured });
  await aliases.load();
  assertEquals(aliases.get("Staff@localhost")?.owner, "owner-staff@localhost");
  assertEquals(aliases.get("team@localhost")?.owner, undefined);
  assertEquals(aliases.get("owner-staff@localhost")?.owner, undefined);
  await aliases.put({ address: "staff@localhost", targets: ["brain@localhost"], owner: "zort@localhost" });
  assertEquals(aliases.get("staff@localhost")?.owner, "zort@localhost");
});

Deno.test("Aliases.edit() adds and removes targets, each by who it is", async () => {
  await using store = await memoryStore();
  const aliases = new Aliases(store, { clock: new ManualClock(), domains });
  await aliases.load();
  const TEA = "tea@xn--bcher-kva.example";
  const steps: [Parameters<Aliases["edit"]>[1], string[]][] = [
    [{ add: [BRAIN, "Jo@mindspring.com"] }, [BRAIN, "Jo@mindspring.com"]],
    // our local parts fold, those of others don't; a domain is the same in both of its forms
    [{ add: ["Brain@howstuffworks.com", "jo@mindspring.com"] }, [
      BRAIN,
      "Jo@mindspring.com",
      "jo@mindspring.com",
    ]],
    [{ add: [TEA], remove: ["Jo@mindspring.com"] }, [BRAIN, "jo@mindspring.com", TEA]],
    [{ remove: ["Tea@bücher.example", "nobody@mindspring.com"] }, [BRAIN, "jo@mindspring.com"]],
    [{ remove: ['"BRAIN"@howstuffworks.com'] }, ["jo@mindspring.com"]],
    [{}, ["jo@mindspring.com"]],
  ];
  for (const [change, targets] of steps) {
    assertEquals(await aliases.edit("Staff@howstuffworks.com", change), {
      address: "Staff@howstuffworks.com",
      targets,
    });
  }
  assertEquals((await aliases.edit(STAFF, { owner: BRAIN }) as Alias).owner, BRAIN);
  assertEquals((await aliases.edit(STAFF, { add: [BRAIN] }) as Alias).owner, BRAIN);
  assertEquals((await aliases.edit(STAFF, { owner: null }) as Alias).owner, undefined);
  const many = Array.from({ length: MAX_TARGETS }, (_, i) => `u${i}@mindspring.com`);
  assertEquals(await aliases.edit(STAFF, { add: many }), "tooMany");
  assertEquals(await aliases.edit(STAFF, { remove: [BRAIN, "jo@mindspring.com"] }), "ended");
  assertEquals(aliases.get(STAFF), undefined);
  assertEquals(await aliases.edit(STAFF, { remove: [BRAIN] }), "unknown");
});

Deno.test("Aliases.edit() begins with the configuration, and can't take all of it away", async () => {
  await using store = await memoryStore();
  const aliases = new Aliases(store, { clock: new ManualClock(), domains, configured });
  await aliases.load();
  assertEquals((await aliases.edit(STAFF, { remove: [BRAIN] }) as Alias).targets, ["jsmith@mindspring.com"]);
  assertEquals(await aliases.edit(STAFF, { remove: ["jsmith@mindspring.com"] }), "configured");
  assertEquals(aliases.get(STAFF)?.targets, ["jsmith@mindspring.com"]);
});

Deno.test("Aliases.edit() loses nothing of what is changed at the same time, here and on other servers", async () => {
  await using store = await memoryStore();
  const servers = [1, 2].map(() => new Aliases(sharedView(store), { clock: new ManualClock(), domains }));
  for (const one of servers) await one.load();
  const names = Array.from({ length: 20 }, (_, i) => `u${i}@mindspring.com`);
  await Promise.all(names.map((name, i) => servers[i % 2]!.edit(STAFF, { add: [name] })));
  const [alias] = await servers[0]!.list();
  assertEquals([...alias!.targets].sort(), [...names].sort());
});

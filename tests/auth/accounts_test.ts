import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { type Account, Accounts } from "../../src/auth/accounts.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { SCRAM_ITERATIONS } from "../../src/auth/scram.ts";
import { KNOWN_MS } from "../../src/auth/verified_passwords.ts";
import { PasswordHasher } from "../../src/auth/password_hash.ts";
import * as keys from "../../src/storage/keys.ts";
import type { Store } from "../../src/storage/store.ts";
import { CHEAP, memoryStore, sharedView, until } from "../mailbox/helpers.ts";

const BRAIN = "brain@howstuffworks.com";
const PINKY = "pinky@howstuffworks.com";

async function accountsOn(store: Store, clock = new ManualClock(), costly = false): Promise<Accounts> {
  const accounts = new Accounts(store, {
    clock,
    mailStore: new MailStore(store, { clock }),
    random: seededRandom(1),
    domains: ["howstuffworks.com", "localhost"],
    ...CHEAP,
    ...(costly ? { cost: { memory: 16, passes: 2, parallelism: 1 } } : {}),
  });
  await accounts.load();
  return accounts;
}

Deno.test("Accounts.add() makes an account that verify() knows, once", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  const made = await accounts.add({ address: BRAIN, password: "narf", name: "Brain", quota: 1000 });
  assert(made !== "exists");
  assertEquals([made.address, made.name, made.quota], [BRAIN, "Brain", 1000]);
  assert(!JSON.stringify(made).includes("narf"));
  assertEquals(await accounts.add({ address: "Brain@howstuffworks.com", password: "zort" }), "exists");
  assertEquals(await accounts.verify(BRAIN, "narf"), made);
  assertEquals(await accounts.verify(BRAIN, "zort"), undefined);
  assertEquals(await accounts.verify("nobody@howstuffworks.com", "narf"), undefined);
});

Deno.test("Accounts answers at once from memory, also after a restart", async () => {
  await using store = await memoryStore();
  await (await accountsOn(store)).add({ address: BRAIN, password: "narf" });
  const accounts = await accountsOn(store);
  assertEquals(accounts.has(BRAIN), true);
  assertEquals(accounts.has("BRAIN@howstuffworks.com"), true);
  assertEquals(accounts.has(PINKY), false);
  assertEquals((accounts.get(BRAIN) as Account).address, BRAIN);
});

Deno.test("Accounts.byName() finds an account by address, or by local part in our domains in order", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  await accounts.add({ address: BRAIN });
  await accounts.add({ address: "brain@localhost" });
  await accounts.add({ address: "root@localhost" });
  const cases: readonly [string, string | undefined][] = [
    [BRAIN, BRAIN],
    ["Brain@HowStuffWorks.com", BRAIN],
    [" brain ", BRAIN],
    ["root", "root@localhost"],
    ["brain@localhost", "brain@localhost"],
    ["nobody", undefined],
    ["brain@mindspring.com", undefined],
    ["@howstuffworks.com", undefined],
    ["", undefined],
    ["x".repeat(5000), undefined],
    ["brain@bad domain", undefined],
  ];
  for (const [name, address] of cases) assertEquals((await accounts.byName(name))?.address, address, name);
});

Deno.test("Accounts.seed() makes what is missing, in order, and never overwrites", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  await accounts.seed([{ address: PINKY, password: "poit" }, { address: BRAIN, password: "narf" }]);
  assertEquals(accounts.first()?.address, PINKY);
  await accounts.setPassword(BRAIN, "egad");
  await accounts.seed([{ address: BRAIN, password: "narf" }]);
  assert(await accounts.verify(BRAIN, "egad"));
  assertEquals(await accounts.verify(BRAIN, "narf"), undefined);
  assertEquals((await accounts.list()).map((one) => one.address), [BRAIN, PINKY]);
});

Deno.test("Accounts.seed() takes a hash instead of a password, and the first login completes the account", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  const passwordHash = await new PasswordHasher({ random: seededRandom(2), ...CHEAP }).hash("narf");
  await accounts.seed([{ address: BRAIN, passwordHash }]);
  assertEquals((accounts.get(BRAIN) as Account).scram, undefined);
  assert((await accounts.verify(BRAIN, "narf"))?.scram);
  assert((accounts.get(BRAIN) as Account).scram);
});

Deno.test("Accounts.verify() makes a hash anew when hashes cost more", async () => {
  await using store = await memoryStore();
  await (await accountsOn(store)).add({ address: BRAIN, password: "narf" });
  const accounts = await accountsOn(store, new ManualClock(), true);
  const before = (accounts.get(BRAIN) as Account).passwordHash;
  assertEquals(await accounts.verify(BRAIN, "zort"), undefined);
  assertEquals((accounts.get(BRAIN) as Account).passwordHash, before);
  const after = (await accounts.verify(BRAIN, "narf"))!.passwordHash;
  assert(after.startsWith("$argon2id$v=19$m=16,t=2,"));
  assert(await accounts.verify(BRAIN, "narf"));
});

Deno.test("Accounts without a password can't be logged in to", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  await accounts.add({ address: BRAIN });
  assertEquals(await accounts.verify(BRAIN, ""), undefined);
});

Deno.test("Accounts.update() changes and takes away; remove() ends it", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  await accounts.add({ address: BRAIN, password: "narf", name: "Brain", quota: 5 });
  const renamed = await accounts.update(BRAIN, { name: "The Brain" });
  assertEquals([renamed?.name, renamed?.quota], ["The Brain", 5]);
  assertEquals((await accounts.update(BRAIN, { quota: null }))?.quota, undefined);
  assertEquals(await accounts.update(PINKY, { name: "Pinky" }), undefined);
  assertEquals(await accounts.setPassword(PINKY, "poit"), undefined);
  assertEquals(accounts.has(PINKY), false);
  assertEquals([await accounts.remove(BRAIN), await accounts.remove(BRAIN)], [true, false]);
  assertEquals([accounts.has(BRAIN), accounts.first()], [false, undefined]);
});

Deno.test("Accounts.list() goes on after an address", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  for (const name of ["c", "a", "b"]) await accounts.add({ address: `${name}@localhost` });
  const names = async (options: Parameters<Accounts["list"]>[0]) =>
    (await accounts.list(options)).map((one) => one.address[0]).join("");
  assertEquals(await names({}), "abc");
  assertEquals(await names({ limit: 2 }), "ab");
  assertEquals(await names({ after: "a@localhost", limit: 1 }), "b");
  assertEquals(await names({ after: "c@localhost" }), "");
});

Deno.test("Accounts that follow a shared store hear of what another server changes", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  const [here, there] = [
    await accountsOn(sharedView(store), clock),
    await accountsOn(sharedView(store), clock),
  ];
  here.follow((error) => {
    throw error;
  });
  assertEquals(here.has(BRAIN), false);
  await there.add({ address: BRAIN, password: "narf", quota: 1 });
  await until(() => here.has(BRAIN));
  await there.update(BRAIN, { quota: 2 });
  await until(() => here.get(BRAIN)?.quota === 2);
  await there.remove(BRAIN);
  await until(() => !here.has(BRAIN));
  await here.close();
  await there.close();
});

Deno.test("Accounts on a shared store changes what is there, not what it remembers", async () => {
  await using store = await memoryStore();
  const [here, there] = [
    await accountsOn(sharedView(store)),
    await accountsOn(sharedView(store)),
  ];
  await there.add({ address: BRAIN, password: "narf", quota: 1 });
  assertEquals(here.has(BRAIN), false);
  assertEquals(await here.add({ address: BRAIN, password: "poit" }), "exists");
  assertEquals((await here.update(BRAIN, { name: "Brain" }))?.quota, 1);
  await there.remove(BRAIN);
  assertEquals(await here.setPassword(BRAIN, "zort"), undefined);
  assertEquals((await here.list()).length, 0);
});

Deno.test("Accounts.scramVerifier() answers for every name, the same also after a restart", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  await accounts.add({ address: BRAIN, password: "narf" });
  const decoy = await accounts.scramVerifier("nobody");
  assertEquals(decoy.iterations, CHEAP.scramIterations);
  assertNotEquals(decoy.salt, (await accounts.scramVerifier(BRAIN)).salt);
  assertEquals(await (await accountsOn(store)).scramVerifier("nobody"), decoy);
});

Deno.test("Accounts.loginMailbox() is the same for all ways to write a name, whether there is an account or not", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  await accounts.add({ address: BRAIN, password: "narf" });
  await accounts.add({ address: "root@localhost", password: "zort" });
  for (const local of ["brain", "nobody"]) {
    const ways = [
      local,
      `${local} `,
      ` ${local}`,
      local.toUpperCase(),
      `"${local}"`,
      local.replace("b", "\uff42"),
      `${local}@howstuffworks.com`,
      `"${local}"@HowStuffWorks.com`,
      `${local}@howstuffworks\u3002com`,
    ];
    const salts = new Set<string>();
    for (const way of ways) {
      assertEquals(accounts.loginMailbox(way), `${local}@howstuffworks.com`, way);
      salts.add((await accounts.scramVerifier(way)).salt);
    }
    assertEquals(salts.size, 1, local);
  }
  assertEquals(accounts.loginMailbox("root"), "root@localhost");
  assertEquals(accounts.byName("brain\t"), undefined);
  for (const name of ["", "@howstuffworks.com", "brain@howstuffworks.com\t", "x".repeat(5000)]) {
    assertEquals(accounts.loginMailbox(name), undefined, name);
  }
});

Deno.test("Accounts.scramReady follows every change, those of other servers too", async () => {
  await using store = await memoryStore();
  const [here, there] = [await accountsOn(sharedView(store)), await accountsOn(sharedView(store))];
  here.follow((error) => {
    throw error;
  });
  assert(here.scramReady);
  await here.add({ address: BRAIN, password: "narf" });
  await here.add({ address: "list@howstuffworks.com" }); // nobody can log in to it anyway
  assert(here.scramReady);
  const { passwordHash } = here.get(BRAIN)!;
  await here.add({ address: PINKY, passwordHash });
  assert(!here.scramReady);
  await there.list();
  await there.verify(PINKY, "narf");
  await until(() => here.scramReady);
  await here.add({ address: "zort@howstuffworks.com", passwordHash });
  assert(!here.scramReady);
  await here.remove("zort@howstuffworks.com");
  assert(here.scramReady);
  await here.close();
});

Deno.test("Accounts.recall() knows what was verified a moment ago, until the password or the account changes", async () => {
  await using store = await memoryStore();
  const clock = new ManualClock();
  const accounts = await accountsOn(store, clock);
  const known = (password: string, name = BRAIN) => accounts.recall(name, password).account?.address;
  await accounts.add({ address: BRAIN, password: "narf" });
  assertEquals(known("narf"), undefined, "nobody has used it yet");
  await accounts.verify(BRAIN, "narf");
  assertEquals([known("narf"), known("narf", "Brain")], [BRAIN, BRAIN], "however the name is written");
  assertEquals([known("zort"), known("narf", PINKY), known("narf", "nobody")], [
    undefined,
    undefined,
    undefined,
  ]);
  await accounts.verify(BRAIN, "zort");
  assertEquals(known("narf"), BRAIN, "a wrong one changes nothing");
  clock.advance(KNOWN_MS - 1);
  assertEquals(known("narf"), BRAIN);
  clock.advance(1);
  assertEquals(known("narf"), undefined, "gone after minutes, however often it was used");
  await accounts.verify(BRAIN, "narf");
  await accounts.setPassword(BRAIN, "egad");
  assertEquals([known("narf"), known("egad")], [undefined, undefined]);
  await accounts.verify(BRAIN, "egad");
  await accounts.remove(BRAIN);
  assertEquals(known("egad"), undefined);
  await accounts.add({ address: BRAIN, password: "egad" });
  assertEquals(known("egad"), undefined, "another account of that name");
});

Deno.test("Accounts.recall() on a shared store forgets what another server changes", async () => {
  await using store = await memoryStore();
  const [here, there] = [await accountsOn(sharedView(store)), await accountsOn(sharedView(store))];
  here.follow((error) => {
    throw error;
  });
  await here.add({ address: BRAIN, password: "narf" });
  await here.verify(BRAIN, "narf");
  assert(here.recall(BRAIN, "narf").account);
  await there.setPassword(BRAIN, "zort");
  await until(() => here.recall(BRAIN, "narf").account === undefined);
  await here.close();
  await there.close();
});

Deno.test("Accounts.recall() tells guesses apart, and nothing of them", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  await accounts.add({ address: BRAIN, password: "narf" });
  const guess = (name: string, password: string) => accounts.recall(name, password).guess!;
  const guesses = [guess(BRAIN, "narf"), guess(BRAIN, "zort"), guess(PINKY, "narf"), guess("nobody", "narf")];
  assertEquals(new Set(guesses).size, 4);
  assertEquals(guess("brain", "narf"), guesses[0]);
  assertNotEquals((await accountsOn(store)).recall(BRAIN, "narf").guess, guesses[3]);
  assertEquals(accounts.recall(BRAIN, undefined), {});
});

Deno.test("Accounts.verify() hashes the same guess once for all who make it at the same time", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  await accounts.add({ address: BRAIN, password: "narf" });
  let hashed = 0;
  using _spy = spyOnDerivation(() => hashed++);
  const all = (name: string, password: string) =>
    Promise.all(Array.from({ length: 20 }, () => accounts.verify(name, password)));
  assertEquals((await all(BRAIN, "narf")).map((one) => one?.address), Array(20).fill(BRAIN));
  assertEquals(hashed, 1);
  for (const [name, password] of [[BRAIN, "zort"], ["nobody", "narf"]] as const) {
    hashed = 0;
    assertEquals(await all(name, password), Array(20).fill(undefined));
    assertEquals(hashed, 1, `${name} ${password}`);
  }
  hashed = 0;
  await all(BRAIN, "narf");
  assertEquals(hashed, 0, "known by now");
  await accounts.verify(BRAIN, "zort");
  assertEquals(hashed, 1, "wrong ones are hashed each time");
});

Deno.test("Accounts.verify() does not let an old password in that was changed, or an account that ended, meanwhile", async () => {
  await using store = await memoryStore();
  const accounts = await accountsOn(store);
  for (const address of [BRAIN, PINKY]) await accounts.add({ address, password: "narf" });
  const both = [accounts.verify(BRAIN, "narf"), accounts.verify(PINKY, "narf")];
  await Promise.all([accounts.setPassword(BRAIN, "zort"), accounts.remove(PINKY)]);
  for (const verifying of both) await verifying; // either answer is right, it depends on who was first
  assertEquals(accounts.recall(BRAIN, "narf").account, undefined);
  assertEquals(accounts.recall(PINKY, "narf").account, undefined);
  assertEquals(await accounts.verify(BRAIN, "narf"), undefined);
  assertEquals(await accounts.verify(PINKY, "narf"), undefined);
});

Deno.test("Accounts.verify() lets a right password in also where its hash can't be made anew", async () => {
  await using store = await memoryStore();
  const cheap = await accountsOn(store);
  await cheap.add({ address: BRAIN, password: "narf" });
  const full = {
    ...sharedView(store),
    embedded: true,
    write: () => Promise.reject(new Error("The disk is full")),
  };
  const accounts = await accountsOn(full, new ManualClock(), true);
  assertEquals((await accounts.verify(BRAIN, "narf"))?.address, BRAIN);
  assertEquals(await accounts.verify(BRAIN, "zort"), undefined);
  assertEquals(accounts.recall(BRAIN, "narf").account?.address, BRAIN);
});

Deno.test("Accounts.verify() makes a verifier anew that clients refuse as too costly", async () => {
  await using store = await memoryStore();
  await (await accountsOn(store)).add({ address: BRAIN, password: "narf" });
  const key = keys.account(BRAIN);
  const { value } = await store.kv.get<Account>(key);
  const costly = { ...value!, scram: { ...value!.scram!, iterations: 100_000 } };
  await store.write({ mutations: [{ type: "set", key, value: costly }], size: 500 });
  const accounts = await accountsOn(store);
  assertEquals((await accounts.scramVerifier(BRAIN)).iterations, 100_000);
  await accounts.verify(BRAIN, "zort");
  assertEquals((await accounts.scramVerifier(BRAIN)).iterations, 100_000, "a wrong password changes nothing");
  await accounts.verify(BRAIN, "narf");
  assertEquals((await accounts.scramVerifier(BRAIN)).iterations, CHEAP.scramIterations);
  assert(SCRAM_ITERATIONS <= 65_536, "what Cyrus SASL takes at most");
});

/** Counts how often a password is hashed. */
function spyOnDerivation(onHash: () => void): Disposable {
  const { subtle } = crypto;
  const original = subtle.deriveBits;
  subtle.deriveBits = function (...args: Parameters<typeof original>) {
    if ((args[0] as { name: string }).name === "Argon2id") onHash();
    return original.apply(subtle, args);
  } as typeof original;
  return { [Symbol.dispose]: () => void (subtle.deriveBits = original) };
}

import { assertEquals } from "@std/assert";
import { EMBEDDED_LIMITS, encodedKeySize, fits, KV_CONNECT_LIMITS } from "../../src/storage/limits.ts";
import { keyHash } from "../../src/storage/key_identity.ts";
import { Batch, Planned } from "../../src/storage/write_plan.ts";
import type { Write } from "../../src/storage/write.ts";

const set = (key: string, value: unknown = 1): Deno.KvMutation => ({ type: "set", key: [key], value });
const del = (key: string): Deno.KvMutation => ({ type: "delete", key: [key] });
const max = (key: string): Deno.KvMutation => ({ type: "max", key: [key], value: new Deno.KvU64(1n) });
const sum = (key: string, n = 1n): Deno.KvMutation => ({ type: "sum", key: [key], value: new Deno.KvU64(n) });
/** What KV refuses: the sum of something else than a number of 64 bits. */
const wrongSum = (key: string): Deno.KvMutation => ({ type: "sum", key: [key], value: 1 as never });
const check = (key: string, versionstamp: string | null = null) => ({ key: [key], versionstamp });
const write = (...mutations: Deno.KvMutation[]): Write => ({ mutations, size: 10 });
const guarded = (checks: Deno.AtomicCheck[], ...mutations: Deno.KvMutation[]): Write => ({
  checks,
  mutations,
  size: 10,
});

const PAIRS: [what: string, first: Write, second: Write, together: boolean][] = [
  // nothing in common
  ["other keys", write(set("a")), write(set("b")), true],
  [
    "keys that only look alike",
    write(set("a")),
    { mutations: [set("b")], checks: [check("a ")], size: 1 },
    true,
  ],
  // both only look
  ["the same check", guarded([check("a", "1")], set("x")), guarded([check("a", "1")], set("y")), true],
  [
    "checks that exclude each other",
    guarded([check("a", "1")], set("x")),
    guarded([check("a")], set("y")),
    false,
  ],
  // the second looks at what the first changes
  ["check after set", write(set("a")), guarded([check("a")], set("b")), false],
  ["check after delete", write(del("a")), guarded([check("a")], set("b")), false],
  ["check after sum", write(sum("a")), guarded([check("a")], set("b")), false],
  // the second changes what the first looks at: all checks come before all mutations anyway
  ["set after check", guarded([check("a")], set("b")), write(set("a")), true],
  ["sum after check", guarded([check("a")], set("b")), write(sum("a")), true],
  // both change it
  ["set after set", write(set("a")), write(set("a")), false],
  ["delete after set", write(set("a")), write(del("a")), false],
  ["set after sum", write(sum("a")), write(set("a")), false],
  ["sum after set", write(set("a")), write(sum("a")), false],
  ["max after sum", write(sum("a")), write(max("a")), false],
  ["sum after max", write(max("a")), write(sum("a")), false],
  ["sum after sum", write(sum("a")), write(sum("a")), true],
  ["sums of what is no number", write(wrongSum("a")), write(wrongSum("a")), false],
  ["a sum after that of what is no number", write(wrongSum("a")), write(sum("a")), false],
  ["sum after a write that sums and sets", write(sum("a"), set("a")), write(sum("a")), false],
  ["sum and set after sum", write(sum("a")), write(sum("a"), set("a")), false],
];

for (const [what, first, second, expected] of PAIRS) {
  Deno.test(`Batch ${expected ? "puts together" : "keeps apart"}: ${what}`, () => {
    const batch = new Batch(EMBEDDED_LIMITS);
    assertEquals(batch.add(new Planned(first)), true);
    assertEquals(batch.add(new Planned(second)), expected);
    if (!expected) {
      assertEquals(batch.mutations.length, first.mutations.length, "nothing of it may be left in");
    }
  });
}

Deno.test("Batch merges equal checks and sums, modulo 2^64", () => {
  const batch = new Batch(EMBEDDED_LIMITS);
  batch.add(new Planned(guarded([check("c", "5")], sum("n", 2n ** 64n - 1n), set("x"))));
  batch.add(new Planned(guarded([check("c", "5")], sum("n", 3n), set("y"))));
  assertEquals(batch.checks, [check("c", "5")]);
  assertEquals(batch.mutations, [sum("n", 2n), set("x"), set("y")]);
});

Deno.test("Batch leaves the order inside of one write alone", () => {
  const mutations = [sum("n", 1n), sum("n", 2n), set("n"), sum("n", 3n), sum("n", 4n), del("n")];
  const batch = new Batch(EMBEDDED_LIMITS);
  batch.add(new Planned(write(...mutations)));
  assertEquals(batch.mutations, mutations);
  batch.add(new Planned(write(set("other"))));
  const merged = [sum("n", 3n), set("n"), sum("n", 3n), sum("n", 4n), del("n")];
  assertEquals(batch.mutations, [...merged, set("other")]);
});

Deno.test("Batch keeps both of a write's own checks that exclude each other", () => {
  const batch = new Batch(EMBEDDED_LIMITS);
  batch.add(new Planned(guarded([check("a"), check("a", "1")], set("x"))));
  assertEquals(batch.checks.length, 2);
});

Deno.test("Batch makes nothing one of two keys that have one hash by chance", () => {
  const [a, b] = ["11575", "683818"];
  assertEquals(keyHash([a]), keyHash([b]));
  for (
    const [first, second] of [
      [write(sum(a)), write(sum(b))],
      [write(set(a)), write(set(b))],
      [write(set(a)), guarded([check(b)], set("x"))],
      [guarded([check(a)], set("x")), guarded([check(b)], set("y"))],
    ] as const
  ) {
    const batch = new Batch(EMBEDDED_LIMITS);
    batch.add(new Planned(first));
    assertEquals(batch.add(new Planned(second)), false);
    assertEquals([batch.checks, batch.mutations], [first.checks ?? [], first.mutations]);
  }
  const both = guarded([check(a), check(b), check(a)], sum(a), sum(b), sum(a), set(b));
  const batch = new Batch(EMBEDDED_LIMITS);
  batch.add(new Planned(both));
  batch.add(new Planned(write(set("other"))));
  assertEquals(batch.checks, both.checks);
  assertEquals(batch.mutations, [...both.mutations, set("other")]);
  assertEquals(batch.add(new Planned(write(sum(a)))), false);
});

for (
  const [store, limits] of Object.entries({ embedded: EMBEDDED_LIMITS, "KV Connect": KV_CONNECT_LIMITS })
) {
  Deno.test(`Batch keeps within the limits of the store: ${store}`, () => {
    const keys = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `${from + i}`);
    const sets = (n: number, from = 0) => write(...keys(n, from).map((k) => set(k)));
    const checks = (n: number, from = 0) => guarded(keys(n, from).map((k) => check(k)), set(`x${from}`));
    const bytes = (n: number, key: string): Write => ({ mutations: [set(key)], size: n });
    const long = (n: number, from: number) => write(...keys(n, from).map((k) => set(k.padStart(1022, "k"))));
    const deletions = write(...keys(100, 500).map((k) => del(k.padStart(1022, "k"))));
    const cases: [Write, Write, Write][] = [
      [sets(limits.mutations - 1), sets(1, 5000), sets(1, 6000)],
      [checks(limits.checks - 1), checks(1, 5000), checks(1, 6000)],
      [bytes(limits.bytes - 100, "a"), bytes(100, "b"), bytes(1, "c")],
      // a size that was told too low doesn't count
      [
        bytes(limits.bytes - 60_000, "a"),
        { mutations: [set("b", new Uint8Array(59_000))], size: 0 },
        bytes(2000, "c"),
      ],
      // 80 keys of 1,024 bytes are all that a commit takes; keys that are deleted are free
      [long(79, 100), long(1, 200), long(1, 300)],
      [long(80, 100), deletions, long(1, 300)],
    ];
    for (const [first, fitting, tooMuch] of cases) {
      const batch = new Batch(limits);
      assertEquals([first, fitting, tooMuch].map((w) => batch.add(new Planned(w))), [true, true, false]);
    }
    // one alone gets in as it is: that it is too large is said elsewhere
    assertEquals(new Batch(limits).add(new Planned(sets(limits.mutations + 1))), true);
    assertEquals(fits(limits, sets(limits.mutations)), true);
    assertEquals(fits(limits, sets(limits.mutations + 1)), false);
  });
}

Deno.test("encodedKeySize() counts as KV does", async () => {
  using kv = await Deno.openKv(":memory:");
  const parts: Deno.KvKeyPart[][] = [
    [],
    ["a", 1, true],
    ["zero\0inside", "\0"],
    ["ü", "€", "😀"],
    [1.5, -0, 12n],
    [new Uint8Array([0, 1, 0, 255]), false],
  ];
  for (const some of parts) {
    // KV takes 2,048 bytes: the key that is filled up to exactly that passes, and one byte more doesn't
    const fill = 2048 - 2 - encodedKeySize(some);
    await kv.set([...some, "x".repeat(fill)], 1);
    let refused = false;
    await kv.set([...some, "x".repeat(fill + 1)], 1).catch(() => refused = true);
    assertEquals(refused, true, Deno.inspect(some));
  }
});

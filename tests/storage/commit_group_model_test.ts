import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { systemClock } from "../../src/base/clock.ts";
import { CommitGroup } from "../../src/storage/commit_group.ts";
import { MemoryKv } from "../../src/storage/memory_kv.ts";
import { EMBEDDED_LIMITS } from "../../src/storage/limits.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import type { Write, WriteResult } from "../../src/storage/write.ts";

/** What a check expects of a key: that it is absent, as it was when the round began, or what it never is. */
type Expectation = "absent" | "asBefore" | "never";
type Change = { kind: "set" | "sum"; key: number; value: bigint } | { kind: "delete"; key: number } | {
  kind: "poison";
};
interface Step {
  checks: { key: number; expects: Expectation }[];
  changes: Change[];
  /** What happens before the next step is given to the group. */
  pause: "none" | "microtask" | "turn" | "result";
}

const KEYS = 4;
const key = fc.nat(KEYS - 1);
const value = fc.oneof(fc.bigInt({ min: 0n, max: 9n }), fc.constant(2n ** 64n - 1n));
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("set" as const), key, value }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("sum" as const), key, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
  { weight: 1, arbitrary: fc.constant({ kind: "poison" as const }) },
);
const expects = fc.constantFrom<Expectation>("absent", "asBefore", "asBefore", "asBefore", "never");
const step: fc.Arbitrary<Step> = fc.record({
  checks: fc.array(fc.record({ key, expects }), { maxLength: 2 }),
  changes: fc.array(change, { maxLength: 3 }),
  pause: fc.constantFrom<Step["pause"]>("none", "none", "none", "microtask", "turn", "result"),
});

/** What the store holds if writes happen strictly one after the other. A version is the number of the write. */
class Model {
  readonly entries = new Map<number, { value: bigint; version: number }>();

  apply(step: Step, version: number, before: Map<number, number>): "ok" | "failed" | "refused" {
    // KV refuses a write for what it is before it looks at any check
    if (step.changes.some((c) => c.kind === "poison")) return "refused";
    for (const { key, expects } of step.checks) {
      const now = this.entries.get(key)?.version;
      if (expects === "never" || now !== (expects === "absent" ? undefined : before.get(key))) {
        return "failed";
      }
    }
    for (const c of step.changes) {
      if (c.kind === "delete") this.entries.delete(c.key);
      else if (c.kind === "set") this.entries.set(c.key, { value: c.value, version });
      else if (c.kind === "sum") {
        const sum = BigInt.asUintN(64, (this.entries.get(c.key)?.value ?? 0n) + c.value);
        this.entries.set(c.key, { value: sum, version });
      }
    }
    return "ok";
  }
}

function writeOf(step: Step, stamps: (string | null)[]): Write {
  const stamp = { absent: () => null, asBefore: (k: number) => stamps[k]!, never: () => "f".repeat(20) };
  return {
    checks: step.checks.map(({ key, expects }) => ({ key: ["k", key], versionstamp: stamp[expects](key) })),
    mutations: step.changes.map((c): Deno.KvMutation => {
      if (c.kind === "poison") return { type: "set", key: ["poison"], value: new Uint8Array(70_000) };
      if (c.kind === "delete") return { type: "delete", key: ["k", c.key] };
      return { type: c.kind, key: ["k", c.key], value: new Deno.KvU64(c.value) };
    }),
    size: 100,
  };
}

async function pauseFor(pause: Step["pause"], last: Promise<unknown>): Promise<void> {
  if (pause === "microtask") await null;
  if (pause === "turn") await new Promise((resolve) => setTimeout(resolve, 0));
  if (pause === "result") await last;
}

Deno.test("CommitGroup gives any writes the results they have one after the other", async () => {
  const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 14 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(rounds, async (rounds) => {
      const kv = new MemoryKv();
      const group = new CommitGroup(kv, { limits: EMBEDDED_LIMITS, clock: systemClock });
      const model = new Model();
      const stampOf = new Map<number, string>();
      const setters: number[][] = Array.from({ length: KEYS }, () => []);
      let version = 0;
      try {
        for (const steps of rounds) {
          const stamps: (string | null)[] = [];
          for (let k = 0; k < KEYS; k++) stamps.push((await kv.get(["k", k])).versionstamp);
          const before = new Map([...model.entries].map(([k, e]) => [k, e.version]));
          const told: {
            step: Step;
            version: number;
            expected: string;
            result: Promise<WriteResult | "refused">;
          }[] = [];
          for (const step of steps) {
            const result = group.write(writeOf(step, stamps)).catch((error) => {
              if (error instanceof StorageError && error.kind === "refused") return "refused" as const;
              throw error;
            });
            told.push({ step, version: ++version, expected: model.apply(step, version, before), result });
            await pauseFor(step.pause, result);
          }
          for (const { step, version, expected, result } of told) {
            const got = await result;
            assertEquals(got === "refused" ? got : got.ok ? "ok" : "failed", expected);
            if (got === "refused" || !got.ok) continue;
            stampOf.set(version, got.versionstamp);
            for (const c of step.changes) if (c.kind === "set") setters[c.key]!.push(version);
          }
          for (let k = 0; k < KEYS; k++) {
            const stored = await kv.get<Deno.KvU64>(["k", k]);
            const entry = model.entries.get(k);
            assertEquals(stored.value?.value, entry?.value);
            assertEquals(stored.versionstamp, entry ? stampOf.get(entry.version) : null);
            // who was overwritten must be able to see that from the versionstamp it was told
            for (const version of setters[k]!) {
              if (version !== entry?.version) assertNotEquals(stored.versionstamp, stampOf.get(version));
            }
          }
        }
      } finally {
        await group.close();
        kv.close();
      }
    }),
    { numRuns: 300 },
  );
});

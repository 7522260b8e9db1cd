import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { CountedMessages } from "../../src/queue/counted_messages.ts";
import { type Counted, countRecords } from "../../src/queue/stats.ts";

const NOW = 1_800_000_000_000;

type Step = { readonly put: Counted } | { readonly remove: { readonly id: string; readonly part: number } };

const place = { id: fc.integer({ min: 1, max: 100 }).map((n) => `m${n}`), part: fc.nat(3) };
const domain = fc.constantFrom("one.example", "two.example", "three.example");
const counted: fc.Arbitrary<Counted> = fc.record({
  ...place,
  receivedAt: fc.integer({ min: 0, max: NOW }),
  dueAt: fc.integer({ min: NOW - 1000, max: NOW + 1000 }),
  held: fc.boolean(),
  domains: fc.oneof(domain.map((one) => [one]), fc.uniqueArray(domain, { minLength: 2 })),
  attempts: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  lastError: fc.option(fc.constantFrom("451 Later", "421 „Nein“", ""), { nil: undefined }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: counted.map((put) => ({ put })) },
  { weight: 2, arbitrary: fc.record(place).map((remove) => ({ remove })) },
);

Deno.test("property: all that was put and not removed is counted as it was put last, also when all was gone meanwhile", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(step, { maxLength: 400, size: "max" }), { minLength: 2, maxLength: 3 }),
      (rounds) => {
        const messages = new CountedMessages();
        const wanted = new Map<string, Map<number, Counted>>();
        const check = () => {
          const all = [...wanted.values()].map((parts) => [...parts.values()]);
          assertEquals(messages.size, wanted.size);
          assertEquals(byName(messages.records()), byName(all.flat()));
          const { destinations: _, ...numbers } = countRecords(all, NOW);
          const { destinations: __, ...found } = messages.count(NOW);
          assertEquals(found, numbers);
        };
        const remove = ({ id, part }: { readonly id: string; readonly part: number }) => {
          messages.remove({ id, part });
          wanted.get(id)?.delete(part);
          if (wanted.get(id)?.size === 0) wanted.delete(id);
        };
        for (const steps of rounds) {
          for (const one of steps) {
            if ("remove" in one) remove(one.remove);
            else {
              const { id, part } = one.put;
              messages.put(one.put);
              wanted.set(id, (wanted.get(id) ?? new Map()).set(part, one.put));
            }
          }
          check();
          for (const parts of [...wanted.values()]) for (const record of [...parts.values()]) remove(record);
          check();
        }
      },
    ),
    { endOnFailure: Deno.env.get("SHRINK") === undefined },
  );
});

function byName(records: Iterable<Counted>): [string, Counted][] {
  const named = [...records].map((one): [string, Counted] => [`${one.id}/${one.part}`, one]);
  return named.sort(([a], [b]) => (a < b ? -1 : 1));
}

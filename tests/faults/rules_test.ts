/** Tests of `faults/`: rules read, refused, and matched. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../src/base/random.ts";
import { FAULT_STAGES, type FaultRule, parseFaultRules } from "../../src/faults/rule.ts";
import { type FaultPoint, FaultRuleRefused, FaultRules } from "../../src/faults/rules.ts";

function rules(list: readonly FaultRule[], options: { byAddress?: boolean; seed?: number } = {}): FaultRules {
  const made = new FaultRules({
    random: seededRandom(options.seed ?? 1),
    byAddress: options.byAddress ?? false,
  });
  made.set(list);
  return made;
}

Deno.test("every stage takes each action that it can do", () => {
  for (const stage of FAULT_STAGES) {
    for (
      const action of [{ reply: "451 4.3.0 No" }, { delay: "2s" }, { delay: 5 }, { drop: true }, {
        truncate: 3,
      }]
    ) {
      const parsed = parseFaultRules([{ stage, ...action }]);
      assert(parsed.ok, `${stage} ${JSON.stringify(action)}`);
    }
  }
  assert(parseFaultRules([{ stage: "starttls", tlsFail: true }]).ok);
});

const REFUSED: readonly (readonly [rule: unknown, name: string, says: RegExp])[] = [
  [{ stage: "helo", drop: true }, "0.stage", /one of connect, ehlo/],
  [{ drop: true }, "0.stage", /one of/],
  [{ stage: "rcpt", drop: true, when: 1 }, "0.when", /no key of a rule/],
  [{ stage: "rcpt" }, "0", /exactly one of reply/],
  [{ stage: "rcpt", drop: true, delay: "1s" }, "0.drop", /delay and drop/],
  [{ stage: "rcpt", drop: false }, "0.drop", /true/],
  [{ stage: "rcpt", reply: "250 ok" }, "0.reply", /4xx or 5xx/],
  [{ stage: "rcpt", reply: "451 a\r\n250 b" }, "0.reply", /one line/],
  [{ stage: "rcpt", reply: 451 }, "0.reply", /4xx/],
  [{ stage: "rcpt", delay: "soon" }, "0.delay", /duration/],
  [{ stage: "rcpt", delay: "2h" }, "0.delay", /1h at most/],
  [{ stage: "rcpt", truncate: 0 }, "0.truncate", /drop/],
  [{ stage: "rcpt", tlsFail: true }, "0.tlsFail", /starttls/],
  [{ stage: "rcpt", drop: true, times: 0 }, "0.times", /from 1/],
  [{ stage: "rcpt", drop: true, probability: 0 }, "0.probability", /above 0/],
  [{ stage: "rcpt", drop: true, probability: 1.5 }, "0.probability", /up to 1/],
  [{ stage: "rcpt", drop: true, out: 1 }, "0.out", /true or false/],
  [{ stage: "rcpt", drop: true, match: [] }, "0.match", /object/],
  [{ stage: "rcpt", drop: true, match: { size: 1 } }, "0.match.size", /from, to, subject, attempt/],
  [{ stage: "rcpt", drop: true, match: { to: "" } }, "0.match.to", /1 to/],
  [{ stage: "end", drop: true, match: { attempt: 0 } }, "0.match.attempt", /from 1/],
  ["rcpt", "0", /object/],
];

Deno.test("a rule that can't act is refused, with the name of its member", () => {
  for (const [rule, name, says] of REFUSED) {
    const parsed = parseFaultRules([rule]);
    assert(!parsed.ok, JSON.stringify(rule));
    const found = parsed.errors.find((error) => error.name === name);
    assert(found, `${JSON.stringify(rule)}: ${JSON.stringify(parsed.errors)}`);
    assert(says.test(found.detail), found.detail);
  }
  for (const value of [undefined, null, 1, {}, { items: 1 }, { rules: [] }]) {
    assert(!parseFaultRules(value).ok, JSON.stringify(value));
  }
  const wrapped = parseFaultRules({ items: [{ stage: "end", drop: true }, { stage: "no", drop: true }] });
  assert(!wrapped.ok);
  assertEquals(wrapped.errors.map(({ name }) => name), ["items.1.stage"]);
});

Deno.test("a match that its stage does not know yet is refused", () => {
  const first = { from: "mail", to: "rcpt", subject: "end" } as const;
  for (const [key, from] of Object.entries(first)) {
    for (const stage of FAULT_STAGES) {
      const known = FAULT_STAGES.indexOf(stage) >= FAULT_STAGES.indexOf(from);
      const parsed = parseFaultRules([{ stage, drop: true, match: { [key]: "x" } }]);
      assertEquals(parsed.ok, known, `${key} at ${stage}`);
      if (!parsed.ok) assertEquals(parsed.errors.map(({ name }) => name), [`0.match.${key}`]);
    }
  }
});

Deno.test("what was refused leaves the rules as they were, and what is listed can be set again", async () => {
  const held = rules([{ stage: "rcpt", reply: "451 4.3.0 Later", times: 1 }]);
  await held.at({ stage: "rcpt", from: "", to: ["a@b.example"] });
  assertThrows(() => held.set([{ stage: "oops" as "rcpt", drop: true }]), FaultRuleRefused, "0.stage");
  assertEquals(held.list(), [{ stage: "rcpt", reply: "451 4.3.0 Later", times: 1, acted: 1 }]);
  const again = parseFaultRules({ items: held.list() });
  assertEquals(again, { ok: true, rules: [{ stage: "rcpt", reply: "451 4.3.0 Later", times: 1 }] });
  held.clear();
  assertEquals(held.list(), []);
  assertEquals(held.watches("rcpt"), false);
});

const AT_END: FaultPoint = {
  stage: "end",
  from: "Ann@one.example",
  to: ["bob@two.example", "bob+tag@three.example"],
  subject: () => "Your order No. 7",
};

const MATCHES: readonly (readonly [match: NonNullable<FaultRule["match"]>, fits: boolean])[] = [
  [{}, true],
  [{ from: "ann@ONE.example" }, true],
  [{ from: "<ann@one.example>" }, true],
  [{ from: "n@one.example" }, false],
  [{ from: "@one.example" }, true],
  [{ from: "ann" }, true],
  [{ from: "<>" }, false],
  [{ to: "bob@two.example" }, true],
  [{ to: "bob@three.example" }, false],
  [{ to: "three" }, true],
  [{ subject: "ORDER no. 7" }, true],
  [{ subject: "order no. 8" }, false],
  [{ from: "ann", to: "two", subject: "order" }, true],
  [{ from: "ann", to: "four", subject: "order" }, false],
];

Deno.test("all that is given has to fit", async () => {
  for (const [match, fits] of MATCHES) {
    const action = await rules([{ stage: "end", drop: true, match }]).at(AT_END);
    assertEquals(action !== undefined, fits, JSON.stringify(match));
  }
  assert(rules([{ stage: "mail", drop: true, match: { from: "<>" } }]).at({ stage: "mail", from: "" }));
});

Deno.test("rules are taken in order, the first that fits acts, as often as it may, and what goes out has its own", async () => {
  const held = rules([
    { stage: "rcpt", reply: "550 5.1.1 One", match: { to: "@one.example" }, times: 1 },
    { stage: "rcpt", reply: "452 4.2.2 Two", times: 2 },
    { stage: "rcpt", drop: true, out: true },
  ]);
  const codes: (number | string | undefined)[] = [];
  for (const to of ["a@two.example", "a@one.example", "a@one.example", "a@one.example"]) {
    const action = await held.at({ stage: "rcpt", from: "", to: [to] });
    codes.push(action?.kind === "reply" ? action.code : action?.kind);
  }
  assertEquals(codes, [452, 550, 452, undefined]);
  assertEquals(held.unused().map(({ out }) => out), [true]);
  assertEquals(await held.at({ stage: "rcpt", out: true, from: "", to: ["a@two.example"] }), {
    kind: "drop",
  });
  assertEquals(held.list().map(({ acted }) => acted), [1, 2, 1]);
  assertEquals(held.unused(), []);
});

Deno.test("attempt is the n-th time that the rest fits", async () => {
  const held = rules([{ stage: "rcpt", drop: true, match: { to: "a@", attempt: 2 } }]);
  const acted: boolean[] = [];
  for (const to of ["a@x.example", "b@x.example", "b@x.example", "a@x.example", "a@x.example"]) {
    acted.push(await held.at({ stage: "rcpt", from: "", to: [to] }) !== undefined);
  }
  assertEquals(acted, [false, false, false, true, false]);
});

Deno.test("a probability is drawn from the random that is given", async () => {
  async function drawn(probability: number, seed: number): Promise<number> {
    const held = rules([{ stage: "connect", drop: true, probability }], { seed });
    for (let i = 0; i < 1000; i++) await held.at({ stage: "connect" });
    return held.list()[0]!.acted;
  }
  const [quarter, again] = [await drawn(0.25, 7), await drawn(0.25, 7)];
  assertEquals(quarter, again);
  assert(quarter > 200 && quarter < 300, `${quarter}`);
  assertEquals(await drawn(1, 7), 1000);
});

Deno.test("an address asks for a fault where it is known, and is told where it can't", async () => {
  const held = rules([], { byAddress: true });
  const asks: readonly (readonly [address: string, stage: FaultPoint["stage"], done: unknown])[] = [
    ["fault-rcpt-451@x.example", "rcpt", 451],
    ["Fault-RCPT-550@x.example", "rcpt", 550],
    ["fault-rcpt-451+one@x.example", "rcpt", 451],
    ["fault-rcpt-451@x.example", "data", undefined],
    ["fault-data-drop@x.example", "data", "drop"],
    ["fault-data-drop@x.example", "rcpt", undefined],
    ["fault-end-552@x.example", "end", 552],
    ["fault-rcpt-250@x.example", "rcpt", undefined],
    ["fault-rcpt@x.example", "rcpt", undefined],
    ["no-fault-rcpt-451@x.example", "rcpt", undefined],
    ["fault-ehlo-421@x.example", "rcpt", 550],
  ];
  for (const [address, stage, done] of asks) {
    const action = await held.at({ stage, from: "", to: ["other@x.example", address] });
    assertEquals(action?.kind === "reply" ? action.code : action?.kind, done, `${address} at ${stage}`);
  }
  assertEquals(await rules([]).at({ stage: "rcpt", from: "", to: ["fault-rcpt-451@x.example"] }), undefined);
});

Deno.test("a handshake that there is none of can't fail, except the next server's", () => {
  const bare = new FaultRules({ random: seededRandom(1), withoutTls: true });
  bare.set([{ stage: "starttls", drop: true }, { stage: "starttls", tlsFail: true, out: true }]);
  const refused = assertThrows(() => bare.set([{ stage: "starttls", tlsFail: true }]), FaultRuleRefused);
  assertEquals(refused.errors.map(({ name }) => name), ["0.tlsFail"]);
  assertEquals(bare.list().length, 2, "those before stay");
});

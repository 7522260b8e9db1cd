import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Notify } from "../../src/mail/envelope.ts";
import type { Outcome } from "../../src/mail/outcome.ts";
import type { QueueRecipient, QueueRecord, Source } from "../../src/queue/record.ts";
import { clip, lastOf } from "../../src/queue/last_attempt.ts";
import type { Schedule } from "../../src/queue/schedule.ts";
import { settle, wants } from "../../src/queue/settle.ts";
import { DAY, DEFERRED, DELIVERED, FAILED, HOUR, MINUTE, SCHEDULE } from "./support.ts";

const IN_MAILBOX: Outcome = { ...DELIVERED, stage: "mailbox" };
const RELAYED: Outcome = { ...DELIVERED, relayedWithoutDsn: true };

function record(
  recipients: readonly Partial<QueueRecipient>[],
  more: Partial<QueueRecord> = {},
): QueueRecord {
  return {
    id: "0123456789ABCDEF",
    part: 0,
    sender: "brain@here.example",
    domain: "there.example",
    recipients: recipients.map((r, i) => ({ address: `r${i}@there.example`, attempts: 0, ...r })),
    body: { id: "0123456789ABCDEF", size: 1, chunks: 1, shared: false },
    receivedAt: 0,
    dueAt: 0,
    source: "smtp",
    ...more,
  };
}

function outcomes(...all: readonly (Outcome | undefined)[]) {
  return all.flatMap((outcome, i) =>
    outcome ? [{ recipient: `r${i}@there.example`, outcome, durationMs: 5 }] : []
  );
}

Deno.test("settle() keeps who was deferred, for later", () => {
  const before = record([{}, {}, {}, {}], { forceRetry: true, asked: true });
  const { rest, toReport } = settle(before, outcomes(DELIVERED, DEFERRED, FAILED), {
    schedule: SCHEDULE,
    now: 10,
  });
  assertEquals(rest!.recipients.map((r) => [r.address, r.attempts, r.lastError]), [
    ["r1@there.example", 1, "Connection refused"],
    // no outcome counts as a deferral
    ["r3@there.example", 1, "The attempt came to nothing"],
  ]);
  assertEquals([rest!.dueAt, rest!.forceRetry, rest!.asked], [10 + 15 * MINUTE, undefined, undefined]);
  assertEquals(toReport.map((t) => [t.recipient.address, t.action]), [["r2@there.example", "failed"]]);
});

/** Recipients of one record that have been tried so often, and what becomes of each; when it is due again. */
function dueAfter(
  all: readonly { attempts: number; outcome?: Outcome; waitsUntil?: number }[],
  by: { schedule: Schedule; now: number; receivedAt?: number },
): number | undefined {
  const before = record(all.map(({ attempts }) => ({ attempts })), { receivedAt: by.receivedAt ?? 0 });
  const found = all.map(({ outcome = DEFERRED, waitsUntil }, i) => ({
    recipient: `r${i}@there.example`,
    outcome,
    durationMs: 0,
    ...(waitsUntil === undefined ? {} : { waitsUntil }),
  }));
  return settle(before, found, by).rest?.dueAt;
}

Deno.test("settle() counts the interval by whoever was tried most often of those that are left", () => {
  const schedule: Schedule = { ...SCHEDULE, retry: [MINUTE, 5 * MINUTE, 20 * MINUTE, HOUR] };
  const now = 10;
  const cases: [Parameters<typeof dueAfter>[0], number | undefined][] = [
    [[{ attempts: 0 }], MINUTE],
    [[{ attempts: 0 }, { attempts: 2 }, { attempts: 1 }], 20 * MINUTE],
    [[{ attempts: 2 }, { attempts: 0 }], 20 * MINUTE],
    // who is served or failed counts no more
    [[{ attempts: 2, outcome: DELIVERED }, { attempts: 1 }], 5 * MINUTE],
    [[{ attempts: 2, outcome: FAILED }, { attempts: 0 }], MINUTE],
    [[{ attempts: 3, outcome: DELIVERED }, { attempts: 3, outcome: FAILED }], undefined],
    // who was not tried has its old number
    [[{ attempts: 3, waitsUntil: DAY }, { attempts: 0 }], 20 * MINUTE],
    [[{ attempts: 0, waitsUntil: DAY }], MINUTE],
  ];
  for (const [all, interval] of cases) {
    const dueAt = interval === undefined ? undefined : now + interval;
    assertEquals(dueAfter(all, { schedule, now }), dueAt, JSON.stringify(all));
  }
});

Deno.test("settle() is due at the end of the suspension that ends first, where no attempt comes before", () => {
  const waits = (...minutes: number[]) =>
    minutes.map((m) => ({ attempts: 0, waitsUntil: m * MINUTE, outcome: DEFERRED }));
  const tried = { attempts: 0 };
  const cases: [Parameters<typeof dueAfter>[0], number][] = [
    [waits(7), 7 * MINUTE],
    [waits(12, 3, 8), 3 * MINUTE],
    [waits(3, 12, 8), 3 * MINUTE],
    [waits(8, 12, 3), 3 * MINUTE],
    [[tried, ...waits(12, 9)], 9 * MINUTE],
    [[...waits(9, 12), tried], 9 * MINUTE],
    // it may be lifted before: it is looked at each interval
    [waits(100, 200), 15 * MINUTE],
    [[...waits(100), tried], 15 * MINUTE],
    [[{ attempts: 0, waitsUntil: Infinity }], 15 * MINUTE],
  ];
  for (const [all, dueAt] of cases) {
    assertEquals(dueAfter(all, { schedule: SCHEDULE, now: 0 }), dueAt, JSON.stringify(all));
  }
});

Deno.test("settle() leaves who is suspended as it was, also past the end of the time", () => {
  const before = record([
    { attempts: 3, lastError: "mx: busy", lastReply: "451 busy", lastStatus: "4.0.0", lastHost: "mx" },
    { attempts: 1 },
    {},
  ]);
  const text = "Delivery to there.example is suspended";
  const suspended = { outcome: { ...DEFERRED, text }, durationMs: 0, waitsUntil: 6 * DAY };
  const { rest, toReport, outcomes: counted } = settle(before, [
    { recipient: "r0@there.example", ...suspended },
    { recipient: "r1@there.example", outcome: DEFERRED, durationMs: 0 },
    { recipient: "r2@there.example", outcome: DELIVERED, durationMs: 0 },
  ], { schedule: SCHEDULE, now: 5 * DAY });
  assertEquals(rest!.recipients, [
    { address: "r0@there.example", attempts: 3, lastError: text, lastStatus: "4.0.0", lastHost: "mx" },
  ]);
  assertEquals(counted.map((one) => [one.recipient, one.outcome.kind]), [
    ["r1@there.example", "failed"],
    ["r2@there.example", "delivered"],
  ]);
  assertEquals(toReport.map((one) => one.recipient.address), ["r1@there.example"]);
});

Deno.test("settle() counts the time from when the message came", () => {
  const came = 1000 * DAY;
  const cases: [now: number, dueAt: number | undefined][] = [
    [came, came + 15 * MINUTE],
    [came + 4 * HOUR - MINUTE, came + 4 * HOUR],
    [came + 5 * DAY - MINUTE, came + 5 * DAY],
    [came + 5 * DAY - 1, came + 5 * DAY],
    [came + 5 * DAY, undefined],
  ];
  for (const [now, dueAt] of cases) {
    assertEquals(
      dueAfter([{ attempts: 0 }, { attempts: 9 }], { schedule: SCHEDULE, now, receivedAt: came }),
      dueAt,
    );
  }
});

Deno.test("settle() keeps little of what a peer says, and no name that is none", () => {
  const long: Outcome = {
    ...DEFERRED,
    code: 451,
    status: "4.0.0",
    text: "x".repeat(3000),
    host: `${"h".repeat(60)}.${"h".repeat(59)}`,
  };
  const by = { schedule: SCHEDULE, now: 10 };
  const [kept] = settle(record([{}]), outcomes(long), by).rest!.recipients;
  assertEquals([kept!.lastReply!.length, kept!.lastError!.length, kept!.lastHost], [240, 240, long.host]);
  for (const host of [`${long.host}h`, "mx example", "mx\u00e4.example"]) {
    const [other] = settle(record([{}]), outcomes({ ...long, host }), by).rest!.recipients;
    assertEquals(other!.lastHost, undefined, host);
  }
  const waits = [{ recipient: "r0@there.example", outcome: long, durationMs: 0, waitsUntil: DAY }];
  const [suspended] = settle(record([{}]), waits, by).rest!.recipients;
  assertEquals(suspended!.lastError!.length, 240);
});

Deno.test("settle() keeps the peer's reply beside its host, and drops an old one", () => {
  const now = 10;
  const reply: Outcome = {
    ...DEFERRED,
    code: 451,
    status: "4.7.1",
    peerStatus: "4.7.1",
    text: "Greylisted",
    host: "mx.there.example",
  };
  const first = settle(record([{}]), outcomes(reply), { schedule: SCHEDULE, now }).rest!;
  assertEquals(first.recipients[0], {
    address: "r0@there.example",
    attempts: 1,
    lastError: "mx.there.example: Greylisted",
    lastReply: "451 4.7.1 Greylisted",
    lastStatus: "4.7.1",
    lastHost: "mx.there.example",
  });
  const second = settle(first, outcomes(DEFERRED), { schedule: SCHEDULE, now }).rest!;
  assertEquals(second.recipients[0], {
    address: "r0@there.example",
    attempts: 2,
    lastError: "Connection refused",
    lastStatus: "4.4.1",
  });
});

Deno.test("lastOf() tells what settle() kept, and no more", () => {
  const host = "mx.there.example";
  const own: Outcome = { ...DEFERRED, host };
  const reply: Outcome = { ...own, code: 452, status: "4.2.2", peerStatus: "4.2.2", text: "full" };
  const rows: [outcome: Outcome, told: ReturnType<typeof lastOf>][] = [
    [DEFERRED, { status: "4.4.1", text: "Connection refused" }],
    [own, { status: "4.4.1", text: "Connection refused", host }],
    [reply, { status: "4.2.2", code: 452, text: "4.2.2 full", host }],
    // a server that gives no enhanced status is not made to
    [{ ...DEFERRED, code: 450, status: "4.0.0", text: "grey" }, { status: "4.0.0", code: 450, text: "grey" }],
  ];
  for (const [outcome, told] of rows) {
    const { rest } = settle(record([{}]), outcomes(outcome), { schedule: SCHEDULE, now: 10 });
    assertEquals(lastOf(rest!.recipients[0]!), told);
  }
  assertEquals(lastOf({ address: "a@there.example", attempts: 0 }), undefined);
});

Deno.test("settle() makes a deferral at the end of the time a failure that keeps the last words", () => {
  const { rest, toReport, outcomes: counted } = settle(record([{}]), outcomes({ ...DEFERRED, code: 421 }), {
    schedule: SCHEDULE,
    now: 5 * DAY,
  });
  assertEquals(rest, undefined);
  const { kind, status, text, note, code } = toReport[0]!.outcome;
  assertEquals([kind, status, code], ["failed", "5.4.7", 421]);
  assertEquals([note, text], ["Delivery time expired", "Connection refused"]);
  assertEquals(counted.map((o) => o.outcome.kind), ["failed"]);
  const noted = outcomes({ ...DEFERRED, note: "The name server does not answer" });
  const again = settle(record([{}]), noted, { schedule: SCHEDULE, now: 5 * DAY });
  assertEquals(again.toReport[0]!.outcome.note, "Delivery time expired; The name server does not answer");
});

Deno.test("settle() tells what NOTIFY asks for (RFC 3461 4.1, 5.2)", () => {
  const cases: [Notify | undefined, Source, Outcome, string | undefined][] = [
    // by default failure, never success
    [undefined, "smtp", FAILED, "failed"],
    [undefined, "smtp", IN_MAILBOX, undefined],
    [undefined, "smtp", RELAYED, undefined],
    ["never", "smtp", FAILED, undefined],
    ["never", "smtp", IN_MAILBOX, undefined],
    [["failure"], "smtp", FAILED, "failed"],
    [["delay"], "smtp", FAILED, undefined],
    [["success"], "smtp", FAILED, undefined],
    [["success"], "smtp", IN_MAILBOX, "delivered"],
    // who passes the wish on doesn't report; who can't, does
    [["success"], "smtp", DELIVERED, undefined],
    [["success"], "smtp", RELAYED, "relayed"],
    [["failure"], "smtp", RELAYED, undefined],
    // reports ask for nothing, but their loss is told to the postmaster, and the loss of that to nobody
    ["never", "report", FAILED, "failed"],
    ["never", "notice", FAILED, undefined],
    // a deferral is never told here
    [["success", "failure", "delay"], "smtp", DEFERRED, undefined],
  ];
  for (const [notify, source, outcome, action] of cases) {
    const before = record([notify === undefined ? {} : { notify }], { source });
    const { toReport } = settle(before, outcomes(outcome), { schedule: SCHEDULE, now: HOUR });
    assertEquals(
      toReport.map((t) => t.action),
      action === undefined ? [] : [action],
      JSON.stringify([notify, source]),
    );
  }
});

Deno.test("wants() knows the default: failures and delays", () => {
  assertEquals((["success", "failure", "delay"] as const).map((what) => wants(undefined, what)), [
    false,
    true,
    true,
  ]);
  assertEquals((["success", "failure", "delay"] as const).map((what) => wants([], what)), [
    false,
    false,
    false,
  ]);
});

Deno.test("clip() bounds what V8 keeps of a text, in any script", () => {
  const cases: [string, number][] = [["a", 240], ["é", 240], ["語", 120], ["😀", 120]];
  for (const [letter, most] of cases) {
    const clipped = clip(letter.repeat(1000));
    assert(clipped.length <= most && clipped.length > most - 4, `${letter} ${clipped.length}`);
    assert(clipped.isWellFormed());
  }
  assertEquals(clip("語".repeat(121)).length, 120);
  assertEquals(clip(`${"a".repeat(200)}語`).length, 120);
  assertEquals(clip("a".repeat(240)), "a".repeat(240));
  assertEquals(clip("語".repeat(120)), "語".repeat(120));
});

const anOutcome = fc.constantFrom(DELIVERED, IN_MAILBOX, RELAYED, DEFERRED, FAILED);
const aNotify = fc.option(
  fc.constantFrom<Notify>("never", ["success"], ["failure"], ["delay"], ["success", "failure", "delay"]),
  { nil: undefined },
);

Deno.test("property: settle() neither loses nor doubles a recipient, and whoever asked hears of each failure", () => {
  const recipients = fc.array(fc.tuple(aNotify, anOutcome), { minLength: 1, maxLength: 6 });
  fc.assert(fc.property(recipients, fc.integer({ min: 0, max: 6 * DAY }), (all, now) => {
    const before = record(all.map(([notify]) => notify === undefined ? {} : { notify }));
    const after = settle(before, outcomes(...all.map(([, outcome]) => outcome)), { schedule: SCHEDULE, now });
    const left = new Set(after.rest?.recipients.map((r) => r.address));
    assertEquals(after.rest?.recipients.length ?? 0, left.size);
    for (const [i, { address, notify }] of before.recipients.entries()) {
      const final = after.outcomes.find((o) => o.recipient === address)!.outcome;
      assertEquals(left.has(address), final.kind === "deferred");
      assertEquals(final.kind === "deferred", all[i]![1].kind === "deferred" && now < 5 * DAY);
      const told = after.toReport.filter((t) => t.recipient.address === address);
      assert(told.length <= 1);
      if (final.kind === "failed") assertEquals(told.length === 1, wants(notify, "failure"));
    }
    if (after.rest) assert(after.rest.dueAt > now);
  }));
});

import { assertEquals } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { eventTurn } from "../../src/base/clock.ts";
import { type CheckOutcome, type CheckPolicies, MessageCheck } from "../../src/authentication/checks.ts";
import type { Resolver } from "../../src/dns/resolver.ts";
import { bodyHash, ed25519Pair, signedWith } from "./signed.ts";

const MARK: CheckPolicies = { spf: "mark", dkim: "mark", dmarc: "mark", arc: "mark" };
const never = () => new Promise<never>(() => {});
const SILENT: Resolver = {
  mx: never,
  addresses: never,
  txt: never,
  ptr: never,
  srv: never,
  tlsa: never,
  alias: never,
  close() {},
};

/** The check of a signed message by a name server that never answers, and its outcome once that is known. */
function silently(
  policies: CheckPolicies,
  ending?: AbortSignal,
): { clock: ManualClock; outcome: () => CheckOutcome | undefined } {
  const clock = new ManualClock();
  const client = { ip: "192.0.2.1", helo: "mail.sender.example", sender: "jo@sender.example" };
  const check = new MessageCheck(client, {
    resolver: SILENT,
    clock,
    hostname: "mail.here.example",
    policies,
  });
  const tags = `v=1; a=ed25519-sha256; c=relaxed/relaxed; d=sender.example; s=s; h=from; bh=${
    bodyHash("Hello\r\n")
  }`;
  const header = signedWith(ed25519Pair(), tags, { header: "From: jo@sender.example\r\n" });
  check.header(encode(`${header}\r\n`));
  check.body(encode("Hello\r\n"));
  let outcome: CheckOutcome | undefined;
  void check.finish(ending).then((it) => outcome = it);
  return { clock, outcome: () => outcome };
}

Deno.test("where nobody is refused, a text waits two seconds for a name server that never answers", async () => {
  const { clock, outcome } = silently(MARK);
  await clock.advance(1999);
  await eventTurn();
  assertEquals(outcome(), undefined);
  await clock.advance(1);
  await eventTurn();
  assertEquals(outcome()?.words, {
    spf: "temperror",
    dkim: "temperror",
    dmarc: "temperror",
    arc: "none",
    iprev: "temperror",
  });
  assertEquals(outcome()?.refusal, undefined);
});

Deno.test("a server that stops waits for no name server, and asks to come again where somebody may be refused", async () => {
  for (const policies of [MARK, { ...MARK, spf: "enforce" }] as const) {
    const ending = new AbortController();
    const { clock, outcome } = silently(policies, ending.signal);
    await eventTurn();
    assertEquals(outcome(), undefined);
    ending.abort();
    await eventTurn();
    assertEquals(outcome()?.words["spf"], "temperror");
    assertEquals(outcome()?.refusal?.temporary, policies.spf === "enforce" ? true : undefined);
    assertEquals(clock.timers, 0);
    // one that comes behind that does not wait either
    const late = silently(policies, ending.signal);
    await eventTurn();
    assertEquals(late.outcome()?.words["spf"], "temperror");
  }
});

Deno.test("where somebody may be refused, it waits half a minute, and then asks to come again", async () => {
  const { clock, outcome } = silently({ ...MARK, spf: "enforce" });
  await clock.advance(29_999);
  await eventTurn();
  assertEquals(outcome(), undefined);
  await clock.advance(1);
  await eventTurn();
  assertEquals(outcome()?.refusal, {
    check: "spf",
    temporary: true,
    detail: 24,
    text: "SPF of sender.example can't be checked now; try again later",
  });
});

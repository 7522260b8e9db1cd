import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { encode } from "../../src/base/bytes.ts";
import { Srs } from "../../src/mail/srs.ts";

const DAY = 24 * 3600_000;

function srs(key = "secret", domain = "ours.test", clock = new ManualClock()) {
  return { clock, made: new Srs({ key: encode(key), domain, clock }) };
}

Deno.test("a sender is rewritten and found again, in whatever case it comes back", () => {
  const { made } = srs();
  const rewritten = made.forward("Jo+x@there.test")!;
  assertMatch(rewritten, /^SRS0=[a-z2-7]{8}=[a-z2-7]{2}=there\.test=Jo\+x@ours\.test$/);
  assertEquals(made.reverse(rewritten), "Jo+x@there.test");
  assertEquals(made.reverse(rewritten.toLowerCase()), "jo+x@there.test");
  assertEquals(made.reverse(rewritten.toUpperCase()), "JO+X@THERE.TEST");
  assertEquals(made.reverse(rewritten.replace("SRS0=", "SRS0+")), "Jo+x@there.test");
});

Deno.test("a hash fits one sender and one secret only, for three weeks", () => {
  const { made, clock } = srs();
  const rewritten = made.forward("jo@there.test")!;
  assertEquals(made.reverse(rewritten.replace("=jo@", "=ann@")), undefined);
  assertEquals(made.reverse(rewritten.replace("there.test", "here.test")), undefined);
  assertEquals(made.reverse(rewritten.replace(/=[a-z2-7]{8}=/, "=aaaaaaaa=")), undefined);
  assertEquals(srs("other").made.reverse(rewritten), undefined);
  clock.advance(21 * DAY);
  assertEquals(made.reverse(rewritten), "jo@there.test");
  clock.advance(DAY);
  assertEquals(made.reverse(rewritten), undefined);
});

Deno.test("the day counts on from its last number to the first", () => {
  const clock = new ManualClock(1023 * DAY);
  const { made } = srs("secret", "ours.test", clock);
  const rewritten = made.forward("jo@there.test")!;
  clock.advance(2 * DAY);
  assertEquals(made.reverse(rewritten), "jo@there.test");
});

Deno.test("what another forwarder rewrote comes back to the first of them", () => {
  const first = srs("one", "first.test").made;
  const second = srs("two", "second.test").made;
  const third = srs("three", "third.test").made;
  const once = first.forward("jo@there.test")!;
  const twice = second.forward(once)!;
  const thrice = third.forward(twice)!;
  assertMatch(twice, /^SRS1=[a-z2-7]{8}=first\.test==[a-z2-7]{8}=/);
  assertMatch(thrice, /^SRS1=[a-z2-7]{8}=first\.test==[a-z2-7]{8}=.*@third\.test$/);
  assertEquals(third.reverse(thrice), once);
  assertEquals(second.reverse(twice), once);
  assertEquals(first.reverse(once), "jo@there.test");
  assertEquals(third.reverse(twice.replace("second", "third")), undefined);
  // as postsrsd writes them
  const others = second.forward("SRS0+Hash=TT=there.test=jo@first.test")!;
  assertEquals(second.reverse(others), "SRS0+Hash=TT=there.test=jo@first.test");
});

Deno.test("what can't be rewritten stays as it is, and other addresses stand for nobody", () => {
  const { made } = srs();
  for (
    const sender of ['"j o"@there.test', "jö@there.test", "jo@[192.0.2.1]", `${"x".repeat(230)}@there.test`]
  ) {
    assertEquals(made.forward(sender), undefined, sender);
  }
  for (
    const address of [
      "srs0@ours.test",
      "srs0=a=b=c=d@ours.test",
      "jo@ours.test",
      "srs1=aaaaaaaa=x=y@ours.test",
    ]
  ) {
    assertEquals(made.reverse(address), undefined, address);
  }
});

Deno.test("every sender that is rewritten comes back", () => {
  const { made } = srs();
  const local = fc.string({ unit: fc.constantFrom(..."ab0=+-_.S"), minLength: 1, maxLength: 40 });
  fc.assert(fc.property(local, (name) => {
    const rewritten = made.forward(`${name}@there.test`);
    assert(rewritten !== undefined);
    assertEquals(made.reverse(rewritten)?.toLowerCase(), `${name}@there.test`.toLowerCase());
  }));
});

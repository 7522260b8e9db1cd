import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { delayAfter, type LoginAttempt, LoginGuard, networkOf } from "../../src/auth/login_guard.ts";

const MINUTE = 60_000;
const OFFICE = "192.0.2.1";

/** Wrong passwords, one after the other, without waiting for the answers. */
function fail(guard: LoginGuard, times: number, address = OFFICE, account = "brain", word?: string): void {
  for (let i = 0; i < times; i++) guess(guard, address, account, word);
}

/** A wrong password; how long it had to wait. */
function guess(guard: LoginGuard, address: string, account: string, word?: string): number {
  const attempt = guard.begin(address, account, word);
  const { waitMs } = attempt;
  attempt.wrong();
  return waitMs;
}

function succeed(guard: LoginGuard, address = OFFICE, account = "brain"): void {
  guard.begin(address, account).right();
}

/** How long the next attempt would have to wait; it is none of those that count. */
function wait(guard: LoginGuard, address = OFFICE, account: string | undefined = "brain"): number {
  const attempt = guard.begin(address, account);
  const { waitMs } = attempt;
  attempt.ended();
  return waitMs;
}

/** Lets all promises that can go on do so. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Many attempts at once, and what has become of them by now. */
class Storm {
  readonly admitted: LoginAttempt[] = [];
  refused = 0;

  add(attempt: LoginAttempt): void {
    attempt.admitted().then((yes) => {
      if (yes) this.admitted.push(attempt);
      else this.refused++;
    });
  }

  /** Decides those whose passwords are being looked at, also those that follow, until none is. */
  async decide(how: "right" | "wrong"): Promise<number> {
    let count = 0;
    for (await settle(); this.admitted.length > 0; await settle()) {
      for (const attempt of this.admitted.splice(0)) {
        attempt[how]();
        count++;
      }
    }
    return count;
  }
}

Deno.test("delayAfter() grows from nothing to half a minute", () => {
  const seconds = [0, 4, 5, 6, 7, 8, 9, 10, 19, 1000].map((failures) => delayAfter(failures) / 1000);
  assertEquals(seconds, [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
});

Deno.test("LoginGuard slows a guessing address down, then refuses it, whatever the account", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  const waits = Array.from({ length: 21 }, (_, i) => guess(guard, OFFICE, `user${i}`, `guess${i}`));
  assertEquals(waits.slice(0, 8), [0, 0, 0, 0, 0, 1000, 2000, 4000]);
  assertEquals(waits.indexOf(Infinity), 20);
  assertEquals(wait(guard, OFFICE, "pinky"), Infinity);
  assertEquals(wait(guard, "192.0.2.2", "pinky"), 0);
});

Deno.test("LoginGuard refuses who fails with one account, also with the same password each time", async () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  fail(guard, 20, OFFICE, "brain", "an old password");
  assertEquals(await guard.begin(OFFICE, "brain").admitted(), false);
});

Deno.test("LoginGuard forgets after a quarter of an hour", () => {
  const clock = new ManualClock();
  const guard = new LoginGuard({ clock });
  fail(guard, 30);
  clock.advance(15 * MINUTE - 1);
  assertEquals(wait(guard), Infinity);
  clock.advance(1);
  assertEquals(wait(guard), 0);
});

Deno.test("LoginGuard slows an account down for strangers, never refuses it, and lets its owner in", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  succeed(guard, "198.51.100.7");
  for (let i = 0; i < 100; i++) fail(guard, 1, `192.0.2.${i}`);
  assertEquals(wait(guard, "203.0.113.1"), 30_000);
  assertEquals(wait(guard, "198.51.100.7"), 0);
});

Deno.test("LoginGuard slows down who guesses from where the owner was, and nobody else for that", () => {
  const guard = new LoginGuard({ clock: new ManualClock(), exempt: (address) => address === "127.0.0.1" });
  succeed(guard, "127.0.0.1");
  const delays = (account: string) => Array.from({ length: 7 }, () => guess(guard, "127.0.0.1", account));
  const expected = [0, 0, 0, 0, 0, 1000, 2000];
  assertEquals(delays("brain"), expected);
  assertEquals(delays("nobody"), expected, "who is no account has no other delays");
  assertEquals(wait(guard, "192.0.2.1"), 0);
});

Deno.test("LoginGuard counts all names together that can be nobody's", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  for (let i = 0; i < 5; i++) guard.begin(`192.0.2.${i}`, undefined).wrong();
  const attempt = guard.begin("192.0.2.9", undefined);
  assertEquals(attempt.waitMs, 1000);
  attempt.ended();
  assertEquals(wait(guard, "192.0.2.10"), 0);
});

Deno.test("LoginGuard does not count what succeeded, nor what was not looked at", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  for (let i = 0; i < 100; i++) {
    succeed(guard, OFFICE, `user${i}`);
    assertEquals(wait(guard, OFFICE, `another${i}`), 0);
  }
});

Deno.test("LoginGuard: an office behind one address may log in all at once, and again and again", async () => {
  const clock = new ManualClock();
  const guard = new LoginGuard({ clock });
  for (let day = 0; day < 3; day++) {
    const storm = new Storm();
    for (let i = 0; i < 200; i++) storm.add(guard.begin(OFFICE, `user${i}`));
    await settle();
    if (day === 0) assertEquals(storm.admitted.length, 5, "the others wait for these, and for no time");
    assertEquals(await storm.decide("right"), 200);
    assertEquals(storm.refused, 0);
  }
  assertEquals(clock.timers, 0);
});

Deno.test("LoginGuard: a telephone with an old password does not slow down the office that it stands in", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  succeed(guard, OFFICE, "pinky");
  fail(guard, 100, OFFICE, "brain", "an old password");
  assertEquals(wait(guard, OFFICE, "pinky"), 0);
  assertEquals(wait(guard, OFFICE, "a colleague who was never here"), 0);
  // but who tries others from there is a guesser
  for (let i = 0; i < 20; i++) fail(guard, 1, OFFICE, `user${i}`, `guess${i}`);
  assertEquals(wait(guard, OFFICE, "a colleague who was never here"), Infinity);
  assertEquals(wait(guard, OFFICE, "pinky"), 0, "who has been here before goes on");
});

Deno.test("LoginGuard: a thousand guesses at once are no more than one after the other", async () => {
  const clock = new ManualClock();
  const guard = new LoginGuard({ clock });
  const storm = new Storm();
  for (let i = 0; i < 1000; i++) storm.add(guard.begin(OFFICE, `user${i % 7}`, `guess${i}`));
  const looked: number[] = [];
  for (let second = 0; second <= 40; second++) {
    looked.push(await storm.decide("wrong"));
    clock.advance(1000);
  }
  assertEquals(looked.slice(0, 6), [5, 1, 1, 0, 1, 0]);
  assertEquals(looked.reduce((sum, one) => sum + one), 20);
  assertEquals([storm.refused, clock.timers], [980, 0]);
});

Deno.test("LoginGuard: guesses at one account from a thousand addresses at once are slowed down all the same", async () => {
  const clock = new ManualClock();
  const guard = new LoginGuard({ clock });
  const storm = new Storm();
  for (let i = 0; i < 1000; i++) {
    storm.add(guard.begin(`2001:db8:0:${i.toString(16)}::1`, "brain", `guess${i}`));
  }
  let looked = 0;
  for (let second = 0; second < 30; second++) {
    looked += await storm.decide("wrong");
    clock.advance(1000);
  }
  assertEquals(looked, 10, "five, and after 1, 2, 4, 8 and 16 seconds one more");
  assertEquals(await storm.decide("wrong"), 990);
});

Deno.test("LoginGuard: right passwords move up behind wrong ones", async () => {
  const clock = new ManualClock();
  const guard = new LoginGuard({ clock });
  fail(guard, 5);
  const storm = new Storm();
  for (let i = 0; i < 20; i++) storm.add(guard.begin(OFFICE, "brain"));
  assertEquals(await storm.decide("right"), 0);
  clock.advance(1000);
  assertEquals(await storm.decide("right"), 20, "all wait for the one second that the failures ask for");
});

Deno.test("LoginGuard: who waits is let go when the server goes down, and counts for nothing", async () => {
  const clock = new ManualClock();
  const guard = new LoginGuard({ clock });
  fail(guard, 5);
  const closing = new AbortController();
  const attempt = guard.begin(OFFICE, "brain");
  const admitted = attempt.admitted(closing.signal);
  closing.abort();
  assertEquals(await admitted, false);
  assertEquals(await guard.begin(OFFICE, "brain").admitted(closing.signal), false);
  assertEquals([wait(guard), clock.timers], [1000, 0]);
});

Deno.test("LoginGuard: the same wrong password again counts from the last time on", () => {
  const clock = new ManualClock();
  const guard = new LoginGuard({ clock });
  for (let i = 0; i < 6; i++) guess(guard, OFFICE, `user${i}`, "one for all");
  assertEquals(wait(guard, OFFICE, "pinky"), 0, "it is one guess");
  for (let i = 0; i < 4; i++) guess(guard, OFFICE, `user${i}`, `guess${i}`);
  assertEquals(wait(guard, OFFICE, "pinky"), 1000);
  clock.advance(10 * MINUTE);
  guess(guard, OFFICE, "user9", "one for all");
  clock.advance(10 * MINUTE);
  for (let i = 0; i < 3; i++) guess(guard, OFFICE, `user${i}`, `other${i}`);
  assertEquals(wait(guard, OFFICE, "pinky"), 0, "four, the others are over");
  guess(guard, OFFICE, "user5", "and one");
  assertEquals(wait(guard, OFFICE, "pinky"), 1000, "five, with the one for all");
});

Deno.test("LoginGuard: an attempt is decided once", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  const missed = guard.begin("198.51.100.7", "brain");
  missed.wrong();
  missed.wrong();
  missed.right();
  for (let i = 0; i < 3; i++) fail(guard, 1, "198.51.100.7");
  assertEquals(wait(guard, "198.51.100.7"), 0, "four failures");
  fail(guard, 1, "198.51.100.7");
  assertEquals(wait(guard, "198.51.100.7"), 1000, "five");
  const good = guard.begin("203.0.113.1", "pinky");
  good.right();
  good.wrong();
  assertEquals(guard.size, 4, "three buckets of the one, and that the other was here");
  const left = guard.begin("203.0.113.9", "pinky");
  left.ended();
  left.wrong();
  left.right();
  assertEquals(guard.size, 4);
  for (let i = 0; i < 5; i++) fail(guard, 1, `192.0.2.${i}`, "pinky");
  assertEquals([wait(guard, "203.0.113.1", "pinky"), wait(guard, "203.0.113.9", "pinky")], [0, 1000]);
});

Deno.test("LoginGuard: a known address of IPv6 is its network, however it was recognized", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  guard.recognized("2001:db8::1", "brain");
  for (let i = 0; i < 9; i++) fail(guard, 1, `192.0.2.${i}`);
  assertEquals(wait(guard, "2001:db8::2"), 0);
  assertEquals(wait(guard, "2001:db8:0:1::2"), 16_000);
});

Deno.test("LoginGuard forgets whom it has not met for longest, and keeps whom it meets again", () => {
  const guard = new LoginGuard({ clock: new ManualClock(), maxEntries: 3 });
  for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) succeed(guard, address);
  guard.recognized("192.0.2.1", "brain");
  succeed(guard, "192.0.2.4");
  fail(guard, 9, "198.51.100.1");
  assertEquals(
    ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].map((address) => wait(guard, address)),
    [0, 16_000, 0, 0],
  );
});

Deno.test("LoginGuard: an attempt that its table has forgotten takes nothing from who came after it", () => {
  const guard = new LoginGuard({ clock: new ManualClock(), maxEntries: 1 });
  const early = guard.begin(OFFICE, "brain");
  fail(guard, 1, "192.0.2.9", "another");
  fail(guard, 6);
  early.ended();
  assertEquals(wait(guard), 2000);
});

Deno.test("LoginGuard takes bounded memory", () => {
  const guard = new LoginGuard({ clock: new ManualClock(), maxEntries: 100 });
  for (let i = 0; i < 5000; i++) fail(guard, 1, `192.0.${i >> 8}.${i & 255}`, `user${i}`);
  assertEquals(guard.size, 300, "pairs, accounts and addresses");
  for (let i = 0; i < 5000; i++) succeed(guard, `192.0.${i >> 8}.${i & 255}`, `user${i}`);
  assert(guard.size <= 400);
});

Deno.test("LoginGuard keeps nothing of attempts that were right but that they were", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  for (let i = 0; i < 50; i++) succeed(guard);
  assertEquals(guard.size, 1);
});

Deno.test("LoginGuard does not count exempt addresses", () => {
  const guard = new LoginGuard({ clock: new ManualClock(), exempt: (address) => address === "127.0.0.1" });
  for (let i = 0; i < 50; i++) fail(guard, 1, "127.0.0.1", `user${i}`, `guess${i}`);
  assertEquals(wait(guard, "127.0.0.1", "another"), 0);
  fail(guard, 50, "127.0.0.1");
  assertEquals(wait(guard, "127.0.0.1"), 30_000, "slowed down for one account, never refused");
});

Deno.test("networkOf() takes a /64 of IPv6 for one", () => {
  const cases: readonly [string, string][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::5", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:0db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ];
  for (const [address, network] of cases) assertEquals(networkOf(address), network, address);
});

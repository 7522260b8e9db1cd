import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { delayAfter, LoginGuard, networkOf } from "../../src/auth/login_guard.ts";

const MINUTE = 60_000;

function fail(guard: LoginGuard, times: number, address = "192.0.2.1", account = "brain"): void {
  for (let i = 0; i < times; i++) guard.begin(address, account);
}

Deno.test("delayAfter() grows from nothing to half a minute", () => {
  const seconds = [0, 4, 5, 6, 7, 8, 9, 10, 19, 1000].map((failures) => delayAfter(failures) / 1000);
  assertEquals(seconds, [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
});

Deno.test("LoginGuard slows an address down, then refuses it", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  const seen = Array.from({ length: 21 }, () => guard.begin("192.0.2.1", "brain"));
  assertEquals(seen.slice(0, 8).map((one) => one.delayMs), [0, 0, 0, 0, 0, 1000, 2000, 4000]);
  assertEquals(seen.map((one) => one.refused).indexOf(true), 20);
  assert(guard.begin("192.0.2.1", "pinky").refused, "whatever the account");
  assert(!guard.begin("192.0.2.2", "pinky").refused);
});

Deno.test("LoginGuard forgets after a quarter of an hour", () => {
  const clock = new ManualClock();
  const guard = new LoginGuard({ clock });
  fail(guard, 30);
  clock.advance(15 * MINUTE - 1);
  assert(guard.begin("192.0.2.1", "brain").refused);
  clock.advance(1);
  const attempt = guard.begin("192.0.2.1", "brain");
  assertEquals([attempt.refused, attempt.delayMs], [false, 0]);
});

Deno.test("LoginGuard slows an account down for strangers, never refuses it, and lets its owner in", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  guard.begin("198.51.100.7", "brain").succeeded();
  for (let i = 0; i < 100; i++) guard.begin(`192.0.2.${i}`, "brain");
  const stranger = guard.begin("203.0.113.1", "brain");
  assertEquals([stranger.refused, stranger.delayMs], [false, 30_000]);
  assertEquals(guard.begin("198.51.100.7", "brain").delayMs, 0);
});

Deno.test("LoginGuard slows down who guesses from where the owner was, and nobody else for that", () => {
  const guard = new LoginGuard({ clock: new ManualClock(), exempt: (address) => address === "127.0.0.1" });
  guard.begin("127.0.0.1", "brain").succeeded();
  const delays = (account: string) =>
    Array.from({ length: 7 }, () => guard.begin("127.0.0.1", account).delayMs);
  const expected = [0, 0, 0, 0, 0, 1000, 2000];
  assertEquals(delays("brain"), expected);
  assertEquals(delays("nobody"), expected, "who is no account has no other delays");
  assertEquals(guard.begin("192.0.2.1", "brain").delayMs, 0);
});

Deno.test("LoginGuard counts all names together that can be nobody's", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  for (let i = 0; i < 5; i++) assertEquals(guard.begin(`192.0.2.${i}`, undefined).delayMs, 0);
  assertEquals(guard.begin("192.0.2.9", undefined).delayMs, 1000);
  assertEquals(guard.begin("192.0.2.10", "brain").delayMs, 0);
});

Deno.test("LoginGuard does not count what succeeded", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  for (let i = 0; i < 100; i++) {
    const attempt = guard.begin("192.0.2.1", "brain");
    assertEquals([attempt.refused, attempt.delayMs], [false, 0]);
    attempt.succeeded();
  }
});

Deno.test("LoginGuard counts attempts that run at the same time", () => {
  const guard = new LoginGuard({ clock: new ManualClock() });
  const all = Array.from({ length: 50 }, () => guard.begin("192.0.2.1", "brain"));
  assertEquals(all.filter((one) => !one.refused).length, 20);
});

Deno.test("LoginGuard takes bounded memory", () => {
  const guard = new LoginGuard({ clock: new ManualClock(), maxEntries: 100 });
  for (let i = 0; i < 5000; i++) guard.begin(`192.0.${i >> 8}.${i & 255}`, `user${i}`);
  assertEquals(guard.size, 200);
});

Deno.test("LoginGuard does not count exempt addresses", () => {
  const guard = new LoginGuard({ clock: new ManualClock(), exempt: (address) => address === "127.0.0.1" });
  for (let i = 0; i < 50; i++) assert(!guard.begin("127.0.0.1", `user${i}`).refused);
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

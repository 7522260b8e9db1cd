import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../smtp/client/helpers.ts";
import type { Attempt } from "../../src/delivery/delivery.ts";
import { brief, Fixture } from "./fixture.ts";

const MX1 = "127.0.2.1";
const MX2 = "127.0.2.2";
const BY_MX1 = "delivered 2.0.0 end 250 mx1.far.example";
const BY_MX2 = "delivered 2.0.0 end 250 mx2.far.example";

Deno.test("a connection is used for the next message, for five seconds", async () => {
  await using fixture = new Fixture({ [MX1]: {} });
  for (let i = 0; i < 3; i++) assertEquals(brief(await fixture.deliver()), [BY_MX1]);
  const peer = fixture.peers[MX1]!;
  assertEquals(fixture.dialed.length, 1);
  assertEquals(peer.sessions[0]!.messages.length, 3);
  fixture.clock.advance(4_999);
  await fixture.deliver();
  assertEquals(fixture.dialed.length, 1);
  fixture.clock.advance(5_000);
  await peer.until(() => peer.sessions[0]!.closed);
  assertEquals(peer.sessions[0]!.lines.at(-1), "QUIT");
  await fixture.deliver();
  assertEquals(fixture.dialed.length, 2);
});

Deno.test("a connection is used for a hundred messages", async () => {
  await using fixture = new Fixture({ [MX1]: {} });
  for (let i = 0; i < 101; i++) assertEquals(brief(await fixture.deliver()), [BY_MX1]);
  assertEquals(fixture.peers[MX1]!.sessions.map(({ messages }) => messages.length), [100, 1]);
});

Deno.test("a stale connection costs no attempt: the message goes over a fresh one at once", async () => {
  await using fixture = new Fixture({ [MX1]: {} });
  await fixture.deliver();
  await fixture.peers[MX1]!.hangUp();
  assertEquals(brief(await fixture.deliver()), [BY_MX1]);
  await fixture.peers[MX1]!.hangUp("421 4.4.2 Idle too long");
  assertEquals(brief(await fixture.deliver()), [BY_MX1]);
  assertEquals(fixture.dialed.length, 3);
  assertEquals(fixture.peers[MX1]!.messages.length, 3);
});

Deno.test("a refused message leaves the connection in use", async () => {
  await using fixture = new Fixture({ [MX1]: { rcpt: ["550 5.1.1 Unknown", "250 2.1.5 Ok"] } });
  assertEquals(brief(await fixture.deliver()), ["failed 5.1.1 rcpt 550 mx1.far.example"]);
  assertEquals(brief(await fixture.deliver()), [BY_MX1]);
  assertEquals(fixture.dialed.length, 1);
});

Deno.test("no destination gets more connections than it may, and turns are taken in order", async () => {
  await using fixture = new Fixture({ [MX1]: { end: { delayMs: 5, then: "250 2.0.0 Ok" } } }, {
    maxConnectionsPerDomain: 3,
  });
  const done: number[] = [];
  const jobs = Array.from({ length: 12 }, (_, i) => fixture.deliver().then(() => done.push(i)));
  await Promise.resolve();
  assertEquals(fixture.agent.load("far.example"), { active: 3, waiting: 9, max: 3 });
  await Promise.all(jobs);
  assertEquals(fixture.dialed.length, 3);
  assertEquals(fixture.peers[MX1]!.messages.length, 12);
  for (const [place, i] of done.entries()) assert(Math.abs(place - i) < 3, `${done}`);
  assertEquals(fixture.agent.load("far.example").active, 0);
});

Deno.test("a domain's own rules bound its connections", async () => {
  await using fixture = new Fixture({ [MX1]: {} }, { perDomain: { "far.example": { maxConnections: 1 } } });
  await Promise.all([fixture.deliver(), fixture.deliver(), fixture.deliver()]);
  assertEquals(fixture.dialed.length, 1);
});

Deno.test("a slow destination doesn't hold up another", async () => {
  const zones = {
    "slow.example": { mx: [[1, "slow.example"]] as [number, string][], a: ["127.0.2.7"] },
    "far.example": { mx: [[1, "mx1.far.example"]] as [number, string][] },
    "mx1.far.example": { a: [MX1] },
  };
  await using fixture = new Fixture({ "127.0.2.7": { mail: { silence: true } }, [MX1]: {} }, {}, zones);
  const slow = Array.from({ length: 30 }, () => fixture.deliver({ domain: "slow.example" }));
  assertEquals(brief(await fixture.deliver()), [BY_MX1]);
  fixture.agent.abort();
  for (const attempts of await Promise.all(slow)) assertEquals(attempts[0]!.outcome.kind, "deferred");
});

Deno.test("a host that let us wait in vain is remembered, for five minutes at most", async () => {
  await using fixture = new Fixture({ [MX1]: "silent", [MX2]: "silent" }, { retryIntervalMs: 900_000 });
  const first = fixture.deliver();
  for (const address of [MX1, MX2]) {
    await until(() => fixture.dialed.at(-1) === address && fixture.clock.timers === 1);
    fixture.clock.advance(30_000);
  }
  const [attempt] = await first;
  assertEquals(brief([attempt!]), ["deferred 4.4.1 connect mx2.far.example"]);
  assertEquals(attempt!.durationMs, 60_000);
  // known: nobody is asked, nobody waits
  const [again] = await fixture.deliver();
  assertEquals(brief([again!]), ["deferred 4.4.1 connect mx2.far.example"]);
  assertMatch(again!.outcome.text, /within 30 s .*not tried again/);
  assertEquals([again!.durationMs, fixture.dialed.length], [0, 2]);
  // asked for by somebody: tried all the same
  fixture.set(MX1, "closed");
  fixture.set(MX2, "closed");
  await fixture.deliver({ ignoreHostCache: true });
  assertEquals(fixture.dialed.length, 4);
  // its time is over
  fixture.clock.advance(300_000);
  fixture.set(MX1, {});
  assertEquals(brief(await fixture.deliver()), [BY_MX1]);
});

Deno.test("a dead host is not remembered for longer than the retry interval, and until it answers", async () => {
  await using fixture = new Fixture({ [MX1]: "silent", [MX2]: {} }, { retryIntervalMs: 60_000 });
  const first = fixture.deliver();
  await until(() => fixture.dialed.length === 1 && fixture.clock.timers === 1);
  fixture.clock.advance(30_000);
  assertEquals(brief(await first), [BY_MX2]);
  fixture.set(MX1, {});
  fixture.clock.advance(59_999); // the idle connection to mx2 is given up meanwhile
  assertEquals(brief(await fixture.deliver()), [BY_MX2]);
  assertEquals(fixture.dialed, [MX1, MX2, MX2]);
  fixture.clock.advance(5_001);
  assertEquals(brief(await fixture.deliver()), [BY_MX1]);
});

Deno.test("a host that refuses at once is asked again for the next message", async () => {
  await using fixture = new Fixture({ [MX1]: "closed", [MX2]: "closed" });
  assertEquals((await fixture.deliver())[0]!.outcome.kind, "deferred");
  fixture.set(MX1, {});
  assertEquals(brief(await fixture.deliver()), [BY_MX1]);
});

Deno.test("a message goes behind the end of another one, over its connection and in its turn", async () => {
  await using fixture = new Fixture({ [MX1]: {} }, { maxConnectionsPerDomain: 1 });
  await fixture.deliver();
  let second: Promise<Attempt[]> | undefined;
  const first = fixture.deliver({
    next: () => {
      second = fixture.deliver();
      assertEquals(fixture.agent.load("far.example"), { active: 1, waiting: 0, max: 1 });
      return true;
    },
  });
  assertEquals(brief(await first), [BY_MX1]);
  assertEquals(brief(await second!), [BY_MX1]);
  assertEquals(fixture.dialed.length, 1);
  assertEquals(fixture.peers[MX1]!.sessions[0]!.messages.length, 3);
  assertEquals(fixture.agent.load("far.example"), { active: 0, waiting: 0, max: 1 });
  // and it is left for the next one
  assertEquals(brief(await fixture.deliver()), [BY_MX1]);
  assertEquals(fixture.dialed.length, 1);
});

Deno.test("a message that nobody goes behind keeps its connection, also from those with another wish", async () => {
  await using fixture = new Fixture({ [MX1]: {} });
  await fixture.deliver();
  let second: Promise<Attempt[]> | undefined;
  const next = () => {
    second = fixture.deliver({ parameters: { tls: "optional" } });
    return true;
  };
  assertEquals(brief(await fixture.deliver({ next })), [BY_MX1]);
  assertEquals(brief(await second!), [BY_MX1]);
  assertEquals(fixture.dialed.length, 2);
  assertEquals(brief(await fixture.deliver({ next: () => false })), [BY_MX1]);
  assertEquals(fixture.dialed.length, 2);
});

Deno.test("a message behind one that is not taken costs no attempt, and its host gets them one by one again", async () => {
  const OK = "250 2.0.0 Ok";
  await using fixture = new Fixture({ [MX1]: { end: [OK, "451 4.7.1 Not this text", OK] } });
  let begun: Promise<Attempt[]>[] = [];
  const next = () => begun.push(fixture.deliver()) > 0;
  await fixture.deliver();
  assertEquals(brief(await fixture.deliver({ next })), ["deferred 4.7.1 end 451 mx1.far.example"]);
  assertEquals(brief(await begun[0]!), [BY_MX1]);
  assertEquals(begun.length, 1);
  assertEquals(fixture.dialed.length, 2);
  assertEquals(fixture.peers[MX1]!.sessions.map(({ messages }) => messages.length), [1, 1]);
  begun = [];
  for (let n = 0; n < 2; n++) assertEquals(brief(await fixture.deliver({ next })), [BY_MX1]);
  assertEquals(begun.length, 0);
  fixture.clock.advance(5 * 60_000);
  await fixture.deliver();
  await fixture.deliver({ next });
  assertEquals(begun.length, 1);
  await Promise.all(begun);
});

Deno.test("abort() ends a message and the one behind it", async () => {
  await using fixture = new Fixture({ [MX1]: { end: ["250 2.0.0 Ok", { silence: true }] } });
  await fixture.deliver();
  let second: Promise<Attempt[]> | undefined;
  const first = fixture.deliver({ next: () => (second = fixture.deliver(), true) });
  await until(() => second !== undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  fixture.agent.abort();
  assertEquals(brief(await first), ["deferred 4.4.2 end mx1.far.example"]);
  assertMatch((await second!)[0]!.outcome.status, /^4/);
});

import { Dialogue, linesTo, verbLine } from "../../src/delivery/transcript.ts";
import { Transcript } from "../../src/observe/transcripts.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Answer, PeerScript } from "../../src/testing/peer_script.ts";
import { until } from "../smtp/client/helpers.ts";
import { brief, Fixture, type Host, ZONES } from "./fixture.ts";

const MX1 = "127.0.2.1";
const MX2 = "127.0.2.2";
const BY_MX1 = "delivered 2.0.0 end 250 mx1.far.example";
const BY_MX2 = "delivered 2.0.0 end 250 mx2.far.example";

/** Answers by recipient. */
function byRecipient(answers: Record<string, Answer>): (line: string) => Answer {
  return (line) => answers[/<([^@]*)@/.exec(line)![1]!] ?? "250 2.1.5 Ok";
}

Deno.test("deliver() tells who took it", async () => {
  await using fixture = new Fixture({ [MX1]: {}, [MX2]: {} });
  const [attempt] = await fixture.deliver();
  assertEquals(attempt, {
    recipient: "jsmith@far.example",
    outcome: {
      kind: "delivered",
      status: "2.0.0",
      text: "Ok: queued as 4AB",
      code: 250,
      peerStatus: "2.0.0",
      stage: "end",
      host: "mx1.far.example",
      address: MX1,
    },
    durationMs: 0,
  });
  assertEquals(fixture.dialed, [MX1]);
});

Deno.test("deliver() asks the next host when a refusal speaks of the host, and only then", async () => {
  const rows: [string, Host, string][] = [
    // the connection
    ["closed", "closed", BY_MX2],
    ["drop", { greeting: { drop: true } }, BY_MX2],
    // the host's own refusals
    ["4xx greeting", { greeting: "421 4.3.2 Busy" }, BY_MX2],
    ["5xx greeting", { greeting: "554 5.7.1 No mail here" }, BY_MX2],
    ["4xx EHLO", { ehlo: "450 4.3.2 Busy" }, BY_MX2],
    ["5xx EHLO and HELO", { ehlo: "550 5.7.1 No", helo: "550 5.7.1 No" }, BY_MX2],
    ["4xx MAIL", { mail: "451 4.3.0 Trouble" }, BY_MX2],
    ["421 RCPT", { rcpt: "421 4.3.2 Bye" }, BY_MX2],
    // lost before the end of the text
    ["drop at MAIL", { mail: { drop: true } }, BY_MX2],
    ["drop at RCPT", { rcpt: { drop: true } }, BY_MX2],
    ["drop at DATA", { data: { drop: true } }, BY_MX2],
    ["garbage", { greeting: "SSH-2.0" }, BY_MX2],
    // what speaks of the message or the recipient
    ["5xx MAIL", { mail: "550 5.7.1 No" }, "failed 5.7.1 mail 550 mx1.far.example"],
    ["4xx RCPT", { rcpt: "450 4.2.0 Greylisted" }, "deferred 4.2.0 rcpt 450 mx1.far.example"],
    ["5xx RCPT", { rcpt: "550 5.1.1 Unknown" }, "failed 5.1.1 rcpt 550 mx1.far.example"],
    ["4xx DATA", { data: "451 4.3.0 No" }, "deferred 4.3.0 data 451 mx1.far.example"],
    ["5xx end", { end: "554 5.6.0 Spam" }, "failed 5.6.0 end 554 mx1.far.example"],
    ["4xx end", { end: "451 4.6.0 Hm" }, "deferred 4.6.0 end 451 mx1.far.example"],
    // it may have the message
    ["drop at the end", { end: { drop: true } }, "deferred 4.4.2 end mx1.far.example"],
    ["421 at the end", { end: "421 4.3.2 Bye" }, "deferred 4.3.2 end 421 mx1.far.example"],
  ];
  for (const [name, host, expected] of rows) {
    await using fixture = new Fixture({ [MX1]: host, [MX2]: {} });
    assertEquals(brief(await fixture.deliver()), [expected], name);
    assertEquals(fixture.dialed, expected === BY_MX2 ? [MX1, MX2] : [MX1], name);
  }
});

Deno.test("deliver() reports the weightiest reason when no host takes it", async () => {
  const gone: Host = { greeting: "554 5.7.1 Go away" };
  const busy: Host = { greeting: "421 4.3.2 Busy" };
  const rows: [Host, Host, string][] = [
    [gone, gone, "failed 5.7.1 greeting 554 mx2.far.example"],
    [gone, "closed", "deferred 4.4.1 connect mx2.far.example"],
    ["closed", gone, "deferred 4.4.1 connect mx1.far.example"],
    [busy, "closed", "deferred 4.3.2 greeting 421 mx1.far.example"],
    ["closed", busy, "deferred 4.3.2 greeting 421 mx2.far.example"],
    ["closed", "closed", "deferred 4.4.1 connect mx2.far.example"],
  ];
  for (const [mx1, mx2, expected] of rows) {
    await using fixture = new Fixture({ [MX1]: mx1, [MX2]: mx2 });
    assertEquals(brief(await fixture.deliver()), [expected]);
  }
});

Deno.test("deliver() takes the resolver's word when there is no host", async () => {
  const zones = {
    "null.example": { mx: [[0, ""]] as [number, string][] },
    "trouble.example": { mx: "SERVFAIL" },
    "loop.example": { mx: [[10, "near.example"]] as [number, string][] },
  };
  await using fixture = new Fixture({}, {}, zones);
  const rows: [string, string][] = [
    ["null.example", "failed 5.1.10 route"],
    ["nowhere.example", "failed 5.1.2 route"],
    ["trouble.example", "deferred 4.4.3 route"],
    ["loop.example", "failed 5.4.6 route"],
  ];
  for (const [domain, expected] of rows) assertEquals(brief(await fixture.deliver({ domain })), [expected]);
});

Deno.test("deliver() tries each address of a host, 20 at most", async () => {
  const addresses = Array.from({ length: 30 }, (_, i) => `127.0.3.${i + 1}`);
  const zones = {
    "far.example": { mx: [[10, "a.far.example"], [20, "b.far.example"]] as [number, string][] },
    "a.far.example": { a: addresses.slice(0, 12) },
    "b.far.example": { a: addresses.slice(12) },
  };
  await using fixture = new Fixture({}, {}, zones);
  assertEquals(brief(await fixture.deliver()).length, 1);
  assert(fixture.dialed.length <= 20 && fixture.dialed.length > 12, `${fixture.dialed.length}`);
  await using second = new Fixture({ "127.0.3.3": {} }, {}, zones);
  assertEquals(brief(await second.deliver()), ["delivered 2.0.0 end 250 a.far.example"]);
});

Deno.test("deliver() serves all recipients in one transaction, each with its own outcome", async () => {
  const rcpt = byRecipient({ b: "550 5.1.1 Unknown", c: "450 4.2.0 Later" });
  await using fixture = new Fixture({ [MX1]: { rcpt } });
  assertEquals(brief(await fixture.deliver({ to: ["a@far.example", "b@far.example", "c@far.example"] })), [
    BY_MX1,
    "failed 5.1.1 rcpt 550 mx1.far.example",
    "deferred 4.2.0 rcpt 450 mx1.far.example",
  ]);
  assertEquals(fixture.peers[MX1]!.messages.length, 1);
});

Deno.test("deliver() sends to those beyond the peer's limit in further transactions", async () => {
  let accepted = 0;
  await using fixture = new Fixture({
    [MX1]: {
      mail: () => {
        accepted = 0;
        return "250 2.1.0 Ok";
      },
      rcpt: () => ++accepted > 2 ? "452 4.5.3 Too many" : "250 2.1.5 Ok",
    },
  });
  const to = ["a", "b", "c", "d", "e"].map((local) => `${local}@far.example`);
  assertEquals(brief(await fixture.deliver({ to })), Array(5).fill(BY_MX1));
  const peer = fixture.peers[MX1]!;
  assertEquals(peer.messages.map(({ rcpts }) => rcpts.length), [2, 2, 1]);
  assertEquals(peer.sessions.length, 1);
});

Deno.test("deliver() opens another connection when the peer limits transactions (RFC 9422), at once", async () => {
  const limits = (value: string): Host => ({ extensions: ["PIPELINING", `LIMITS ${value}`] });
  const to = ["a", "b", "c", "d", "e", "f"].map((local) => `${local}@far.example`);
  await using fixture = new Fixture({ [MX1]: limits("RCPTMAX=2 MAILMAX=1"), [MX2]: {} });
  assertEquals(brief(await fixture.deliver({ to })), Array(6).fill(BY_MX1));
  const sessions = fixture.peers[MX1]!.sessions.map((s) => s.messages.map((m) => m.rcpts.length));
  assertEquals([sessions, fixture.dialed], [[[2], [2], [2]], [MX1, MX1, MX1]]);
  await fixture.peers[MX1]!.until(() => fixture.peers[MX1]!.sessions.every(({ closed }) => closed));
  assertEquals(fixture.peers[MX1]!.sessions.map(({ lines }) => lines.at(-1)), ["QUIT", "QUIT", "QUIT"]);

  // also when it began over a connection that was left by another message
  await using second = new Fixture({ [MX1]: limits("RCPTMAX=2 MAILMAX=2") });
  await second.deliver();
  assertEquals(brief(await second.deliver({ to })), Array(6).fill(BY_MX1));
  assertEquals(
    second.peers[MX1]!.sessions.map((s) => s.messages.map((m) => m.rcpts.length)),
    [[1, 2], [2, 2]],
  );
});

Deno.test("deliver() takes all recipients to the next host when the first one takes none, whatever its limit", async () => {
  const to = ["a", "b", "c", "d", "e"].map((local) => `${local}@far.example`);
  const extensions = ["PIPELINING", "LIMITS RCPTMAX=2"];
  for (const refusal of [{ mail: "451 4.3.0 Later" }, { data: "421 4.3.2 Going down" }]) {
    await using fixture = new Fixture({ [MX1]: { extensions, ...refusal }, [MX2]: {} });
    assertEquals(brief(await fixture.deliver({ to })), Array(5).fill(BY_MX2));
    assertEquals(fixture.dialed, [MX1, MX2]);
  }
});

Deno.test("deliver() goes on with new connections only while they serve somebody", async () => {
  let left = 3;
  await using fixture = new Fixture({
    [MX1]: {
      extensions: ["LIMITS MAILMAX=1"],
      rcpt: () => left-- > 0 ? "250 2.1.5 Ok" : "452 4.5.3 Too many",
    },
    [MX2]: {},
  });
  const to = ["a", "b", "c", "d", "e"].map((local) => `${local}@far.example`);
  const waits = "deferred 4.5.3 rcpt 452 mx1.far.example";
  assertEquals(brief(await fixture.deliver({ to })), [BY_MX1, BY_MX1, BY_MX1, waits, waits]);
  assertEquals(fixture.dialed, [MX1, MX1]);
});

/** A peer that takes ten recipients, then says so. */
function tenAtMost(no: Answer): PeerScript {
  let taken = 0;
  return {
    mail: () => {
      taken = 0;
      return "250 2.1.0 Ok";
    },
    rcpt: () => ++taken > 10 ? no : "250 2.1.5 Ok",
  };
}

Deno.test("deliver() serves all of a peer that takes ten recipients, however it says so", async () => {
  const to = Array.from({ length: 30 }, (_, i) => `user${i}@far.example`);
  // what it says, on how many connections all are served
  const rows: [Answer, number][] = [
    ["452 4.5.3 Too many recipients", 1],
    ["550 5.5.3 Too many recipients", 1],
    ["554 Too many", 1],
    ["421 4.7.0 Too many", 2],
    [{ drop: true, raw: "421 4.7.0 Too many\r\n" }, 2],
    [{ drop: true }, 2],
  ];
  for (const extensions of [["PIPELINING"], []]) {
    for (const [no, connections] of rows) {
      await using f = new Fixture({ "127.0.2.1": { ...tenAtMost(no), extensions } });
      const attempts = await f.deliver({ to });
      assertEquals(new Set(brief(attempts)), new Set(["delivered 2.0.0 end 250 mx1.far.example"]));
      const { messages, sessions } = f.peers["127.0.2.1"]!;
      assertEquals(messages.map(({ rcpts }) => rcpts.length), [10, 10, 10], JSON.stringify(no));
      assertEquals(sessions.length, connections);
    }
  }
});

Deno.test("deliver() serves all of a peer that refuses so many at DATA or at the end of the text", async () => {
  const to = Array.from({ length: 30 }, (_, i) => `user${i}@far.example`);
  for (const stage of ["data", "end"] as const) {
    let taken = 0;
    const rcpt = () => `250 2.1.5 Ok ${++taken}`;
    const rightly = stage === "data" ? "354 Go ahead" : "250 2.0.0 Ok";
    const decide = () => {
      const answer = taken > 10 ? "554 5.5.3 Too many recipients" : rightly;
      taken = 0;
      return answer;
    };
    await using f = new Fixture({ "127.0.2.1": { rcpt, [stage]: decide } });
    assertEquals(
      new Set((await f.deliver({ to })).map(({ outcome }) => outcome.kind)),
      new Set(["delivered"]),
    );
    assertEquals(f.peers["127.0.2.1"]!.messages.flatMap(({ rcpts }) => rcpts).length, 30);
  }
});

Deno.test("deliver() sends no text a hundred times to who takes not even one", async () => {
  const end = "554 5.5.3 Too many recipients";
  await using f = new Fixture({ "127.0.2.1": { end } });
  let reads = 0;
  const text = () => {
    reads++;
    return [new TextEncoder().encode("Subject: Hello\r\n\r\nHello\r\n")];
  };
  const to = Array.from({ length: 100 }, (_, i) => `user${i}@far.example`);
  const attempts = await f.deliver({ to, text });
  assertEquals(new Set(brief(attempts)), new Set(["failed 5.5.3 end 554 mx1.far.example"]));
  assertEquals(reads, 7); // 100, 50, 25, 12, 6, 3, 1
});

Deno.test("deliver() asks once more about a vague 554 behind others, and takes the answer", async () => {
  const rcpt = (line: string) => line.includes("nobody") ? "554 No" : "250 2.1.5 Ok";
  await using f = new Fixture({ "127.0.2.1": { rcpt } });
  const to = ["a", "nobody1", "b", "nobody2", "c"].map((name) => `${name}@far.example`);
  const [yes, no] = ["delivered 2.0.0 end 250 mx1.far.example", "failed 5.0.0 rcpt 554 mx1.far.example"];
  assertEquals(brief(await f.deliver({ to })), [yes, no, yes, no, yes]);
  assertEquals(f.peers["127.0.2.1"]!.messages.filter(({ text }) => text !== "").length, 1);
});

Deno.test("deliver() opens another connection for a peer that takes some recipients on each", async () => {
  let taken = 0;
  const greeting = () => `220 mx1 ${taken = 0}`;
  const rcpt = (): Answer => ++taken > 3 ? { drop: true } : "250 2.1.5 Ok";
  await using f = new Fixture({ "127.0.2.1": { greeting, rcpt } });
  const to = Array.from({ length: 9 }, (_, i) => `user${i}@far.example`);
  assertEquals(new Set((await f.deliver({ to })).map(({ outcome }) => outcome.kind)), new Set(["delivered"]));
});

Deno.test("deliver() never bounces for 503 to MAIL: a fresh connection is tried, then the next host", async () => {
  const no = "503 5.5.1 Bad sequence of commands";
  await using f = new Fixture({ "127.0.2.1": { mail: ["250 2.1.0 Ok", no, "250 2.1.0 Ok"] } });
  for (let i = 0; i < 2; i++) {
    assertEquals(brief(await f.deliver()), ["delivered 2.0.0 end 250 mx1.far.example"]);
  }
  assertEquals(f.peers["127.0.2.1"]!.sessions.length, 2);
  await using g = new Fixture({ "127.0.2.1": { mail: no }, "127.0.2.2": { mail: no } });
  assertEquals(brief(await g.deliver()), ["deferred 4.5.1 mail 503 mx2.far.example"]);
  g.set("127.0.2.2", {});
  assertEquals(brief(await g.deliver()), ["delivered 2.0.0 end 250 mx2.far.example"]);
});

Deno.test("deliver() leaves recipients that wait for room deferred when nobody is accepted any more", async () => {
  let left = 2;
  await using fixture = new Fixture({
    [MX1]: { rcpt: () => left-- > 0 ? "250 2.1.5 Ok" : "452 4.5.3 Too many" },
    [MX2]: {},
  });
  const to = ["a", "b", "c", "d"].map((local) => `${local}@far.example`);
  const waits = "deferred 4.5.3 rcpt 452 mx1.far.example";
  assertEquals(brief(await fixture.deliver({ to })), [BY_MX1, BY_MX1, waits, waits]);
  assertEquals(fixture.dialed, [MX1]);
});

Deno.test("deliver() doesn't mistake a full mailbox for too many recipients", async () => {
  await using fixture = new Fixture({ [MX1]: { rcpt: byRecipient({ b: "452 4.2.2 Mailbox full" }) } });
  assertEquals(brief(await fixture.deliver({ to: ["a@far.example", "b@far.example"] })), [
    BY_MX1,
    "deferred 4.2.2 rcpt 452 mx1.far.example",
  ]);
  assertEquals(fixture.peers[MX1]!.sessions[0]!.lines.filter((line) => line.startsWith("MAIL")).length, 1);
});

Deno.test("deliver() keeps what was settled when it goes on to the next host", async () => {
  const rcpt: Answer[] = ["550 5.1.1 Unknown", { drop: true, raw: "421 4.3.2 Bye\r\n" }];
  await using fixture = new Fixture({ [MX1]: { rcpt }, [MX2]: {} });
  assertEquals(brief(await fixture.deliver({ to: ["a@far.example", "b@far.example"] })), [
    "failed 5.1.1 rcpt 550 mx1.far.example",
    BY_MX2,
  ]);
  assertEquals(fixture.peers[MX2]!.messages[0]!.rcpts, ["RCPT TO:<b@far.example>"]);
});

Deno.test("deliver() sends nothing when the lease is lost", async () => {
  await using fixture = new Fixture({ [MX1]: {}, [MX2]: {} });
  assertMatch((await fixture.deliver({ stillOurs: () => false }))[0]!.outcome.text, /lease/);
  assertEquals(fixture.dialed, []);
  // lost while the conversation goes on: asked before it starts, before each host, and before the end
  for (let asked = 1; asked <= 4; asked++) {
    let left = asked;
    const [attempt] = await fixture.deliver({ stillOurs: () => left-- > 0 });
    if (attempt!.outcome.kind === "delivered") return assertEquals(fixture.peers[MX1]!.messages.length, 1);
    assertMatch(attempt!.outcome.text, /lease/);
    assertEquals([fixture.peers[MX1]!.messages.length, fixture.peers[MX2]!.messages.length], [0, 0]);
  }
});

Deno.test("deliver() never throws", async () => {
  const resolver = {
    mx: () => Promise.reject(new Error("out of order")),
  };
  await using fixture = new Fixture({}, { resolver: resolver as never });
  const [attempt] = await fixture.deliver();
  assertEquals(brief([attempt!]), ["deferred 4.3.0 route"]);
  assertMatch(attempt!.outcome.text, /out of order/);
  assertEquals(fixture.agent.load("far.example").active, 0);
});

Deno.test("deliver() by a smart host: one destination for all domains, with a login", async () => {
  const smartHost = { host: "smart.example", port: 587, user: "brain", password: "x" };
  const zones = {
    ...ZONES,
    "smart.example": { a: ["127.0.2.9"], mx: [[1, "elsewhere.example"]] as [number, string][] },
  };
  await using fixture = new Fixture(
    { "127.0.2.9": { extensions: ["PIPELINING", "AUTH PLAIN"] } },
    { smartHost, allowPrivate: false },
    zones,
  );
  const by = "delivered 2.0.0 end 250 smart.example";
  assertEquals(brief(await fixture.deliver()), [by]);
  assertEquals(brief(await fixture.deliver({ domain: "other.example", to: ["x@other.example"] })), [by]);
  assertEquals(fixture.dialed, ["127.0.2.9"]);
  assertMatch(fixture.peers["127.0.2.9"]!.sessions[0]!.lines[1]!, /^AUTH PLAIN /);
});

Deno.test("deliver() by a smart host on this machine, unless it is this server", async () => {
  const ownAddresses = (port: number) => port === 25 || port === 587 ? ["127.0.2.9"] : [];
  const itself = "deferred 4.4.6 route";
  const rows: [host: string, port: number, outcome: string][] = [
    ["127.0.2.9", 10025, "delivered 2.0.0 end 250 127.0.2.9"],
    ["near.example", 10025, "delivered 2.0.0 end 250 near.example"],
    ["127.0.2.9", 587, itself],
    ["near.example", 587, itself],
  ];
  for (const [host, port, outcome] of rows) {
    const zones = { "near.example": { a: ["127.0.2.9"] } };
    await using fixture = new Fixture(
      { "127.0.2.9": {} },
      { smartHost: { host, port }, ownAddresses },
      zones,
    );
    assertEquals(brief(await fixture.deliver()), [outcome]);
  }
});

Deno.test("deliver() by a route of one domain, beside the way of all others", async () => {
  const route = { host: "127.0.2.9", port: 2526, user: "brain", password: "x" };
  await using fixture = new Fixture(
    { "127.0.2.9": { extensions: ["AUTH PLAIN"] }, [MX1]: {} },
    { perDomain: { "routed.example": { smartHost: route } } },
  );
  const routed = await fixture.deliver({ domain: "routed.example", to: ["x@routed.example"] });
  assertEquals(brief(routed), ["delivered 2.0.0 end 250 127.0.2.9"]);
  assertEquals(brief(await fixture.deliver()), ["delivered 2.0.0 end 250 mx1.far.example"]);
  assertEquals(fixture.dialed, ["127.0.2.9", MX1]);
  assertEquals(fixture.peers[MX1]!.sessions[0]!.lines.some((line) => line.startsWith("AUTH")), false);
});

Deno.test("deliver() by one smart host for several domains: nobody gets a connection of another login or another TLS policy", async () => {
  const at = { host: "127.0.2.9", port: 587 };
  const script: Host = { extensions: ["PIPELINING", "AUTH PLAIN"] };
  await using fixture = new Fixture({ "127.0.2.9": script }, {
    perDomain: {
      "a.example": { smartHost: { ...at, user: "ua", password: "x" } },
      "b.example": { smartHost: { ...at, user: "ub", password: "x" } },
      "c.example": { smartHost: at },
      "sure.example": { smartHost: { ...at, tls: "require" } },
    },
  });
  for (const domain of ["a.example", "a.example", "b.example", "c.example", "sure.example"]) {
    await fixture.deliver({ domain, to: [`x@${domain}`] });
  }
  assertEquals(fixture.dialed.length, 4); // only the second letter to a.example finds a connection
  assertEquals(fixture.peers["127.0.2.9"]!.messages.length, 4); // sure.example gets none without TLS
});

Deno.test("deliver() defers all mail when the smart host can't be found or refuses the login", async () => {
  const smartHost = { host: "smart.example", port: 587, user: "brain", password: "wrong" };
  await using unknown = new Fixture({}, { smartHost }, {});
  assertMatch(brief(await unknown.deliver())[0]!, /^deferred 4\.\d\.\d route/);
  const zones = { "smart.example": { a: ["127.0.2.9"] } };
  const script = { extensions: ["AUTH PLAIN"], auth: "535 5.7.8 Wrong" };
  await using refused = new Fixture({ "127.0.2.9": script }, { smartHost }, zones);
  assertEquals(brief(await refused.deliver()), ["deferred 4.7.8 auth 535 smart.example"]);
});

Deno.test("deliver() requires TLS where the domain's rules say so", async () => {
  await using fixture = new Fixture({ [MX1]: {}, [MX2]: {} }, {
    perDomain: { "far.example": { tls: "require" } },
  });
  assertEquals(brief(await fixture.deliver()), ["deferred 4.7.10 tls mx2.far.example"]);
  assertEquals(fixture.dialed, [MX1, MX2]);
});

Deno.test("deliver() keeps what was said when not all were served, and no secret of it", async () => {
  const smartHost = { host: "127.0.2.9", port: 2526, user: "brain", password: "sesame opens it" };
  const script = { extensions: ["AUTH PLAIN"], rcpt: "450 4.2.1 Busy" };
  await using fixture = new Fixture({ "127.0.2.9": script }, { smartHost });
  const [attempt] = await fixture.deliver();
  const { dialogue = [] } = attempt!;
  assertMatch(
    dialogue.join("\n"),
    /^\* 127\.0\.2\.9 \[127\.0\.2\.9\]: connected\n< 220 [^]*\n> RCPT TO:<[^>]+>\n< 450 4\.2\.1 Busy/,
  );
  assertEquals(dialogue.some((line) => line.includes(btoa("\0brain\0sesame opens it"))), false);
  await using good = new Fixture({ [MX1]: {} });
  assertEquals((await good.deliver())[0]?.dialogue, undefined);
});

Deno.test("deliver() names each host it tried, with its address, and what came of it", async () => {
  const zones = {
    ...ZONES,
    "far.example": {
      mx: [[10, "mx1.far.example"], [20, "mx2.far.example"], [30, "mx3.far.example"]] as [number, string][],
    },
    "mx3.far.example": { a: ["127.0.2.3"] },
  };
  const hosts: Record<string, Host> = {
    [MX1]: "closed",
    [MX2]: { greeting: "554 5.7.1 No mail here" },
    "127.0.2.3": { rcpt: "451 4.2.0 Later" },
  };
  await using fixture = new Fixture(hosts, {}, zones);
  const [attempt] = await fixture.deliver();
  const { host, address } = attempt!.outcome;
  assertEquals([host, address], ["mx3.far.example", "127.0.2.3"]);
  const lines = attempt!.dialogue!;
  assertEquals(lines.filter((line) => line.startsWith("* ") || /^< [45]/.test(line)), [
    `* mx1.far.example [${MX1}]: Can't connect: ${MX1} refused the connection`,
    `* mx2.far.example [${MX2}]: connected`,
    "< 554 5.7.1 No mail here",
    "* mx3.far.example [127.0.2.3]: connected",
    "< 451 4.2.0 Later",
    "< 503 5.5.1 RCPT first",
  ]);
  // a connection that is left over, and one that is lost
  fixture.set("127.0.2.3", { mail: { drop: true } });
  const second = (await fixture.deliver())[0]!.dialogue!;
  assertEquals(second[0], "* mx3.far.example [127.0.2.3]: over the connection of an earlier message");
  assertMatch(second.at(-1)!, /^\* mx3\.far\.example \[127\.0\.2\.3\]: .*connection/i);
});

Deno.test("Dialogue keeps the hosts of a long one", () => {
  const dialogue = new Dialogue();
  for (let i = 0; i < 100; i++) {
    dialogue.add(i === 50 ? "* mx1.far.example [192.0.2.1]: connected" : `> ${i}`);
  }
  assertEquals([dialogue.lines.length, dialogue.lines[20], dialogue.lines[21]], [
    42,
    "(59 lines)",
    "* mx1.far.example [192.0.2.1]: connected",
  ]);
});

Deno.test("Dialogue keeps the first and the last lines of a long one, and cuts long lines", () => {
  const dialogue = new Dialogue();
  for (let i = 0; i < 100; i++) dialogue.add(`> ${i}`);
  dialogue.add(`< ${"x".repeat(1000)}`);
  const { lines } = dialogue;
  assertEquals([lines.length, lines[0], lines[19], lines[20], lines[21]], [
    41,
    "> 0",
    "> 19",
    "(61 lines)",
    "> 81",
  ]);
  assertEquals(lines[40]!.length, 200);
});

Deno.test("deliver() tells VERB's lines", async () => {
  await using fixture = new Fixture({ [MX1]: "closed", [MX2]: { extensions: ["PIPELINING"] } });
  const lines: string[] = [];
  const transcript = new Transcript("06F8N3K0V5Q2ZR8T");
  transcript.subscribe(linesTo((line) => lines.push(line), verbLine));
  await fixture.deliver({ transcript });
  const from = lines.indexOf("Connecting to mx1.far.example. via esmtp...");
  assertEquals(lines.slice(from), [
    "Connecting to mx1.far.example. via esmtp...",
    `Deferred: Can't connect: ${MX1} refused the connection`,
    "Connecting to mx2.far.example. via esmtp...",
    "220 peer.example ESMTP",
    ">>> EHLO near.example",
    "250-peer.example",
    "250 PIPELINING",
    ">>> MAIL FROM:<brain@near.example>",
    ">>> RCPT TO:<jsmith@far.example>",
    ">>> DATA",
    "250 2.1.0 Sender ok",
    "250 2.1.5 Recipient ok",
    "354 Go ahead",
    ">>> .",
    "250 2.0.0 Ok: queued as 4AB",
    "<jsmith@far.example>... Sent (Ok: queued as 4AB)",
  ]);
  assert(from > 0, "the steps of the route come first");
  lines.length = 0;
  fixture.set(MX2, { rcpt: ["450 4.2.0 Later", "550 5.1.1 Unknown"] });
  await fixture.deliver({ to: ["a@far.example", "b@far.example"], transcript });
  assertEquals(lines[0], "Using cached esmtp connection to mx2.far.example...");
  assertEquals(lines.slice(-2), [
    "<a@far.example>... Deferred: 450 4.2.0 Later",
    "<b@far.example>... Failed: 550 5.1.1 Unknown",
  ]);
  const told = lines.length;
  await fixture.deliver(); // another message over the same connection tells nobody
  assertEquals(lines.length, told);
});

Deno.test("abort() ends what is under way, close() doesn't", async () => {
  await using fixture = new Fixture({ [MX1]: { end: { delayMs: 0, then: { silence: true } } } });
  const delivering = fixture.deliver();
  await until(() => (fixture.peers[MX1]?.sessions[0]?.groups.length ?? 0) >= 2);
  await fixture.agent.close();
  assertEquals(brief(await fixture.deliver()), ["deferred 4.3.2 route"]);
  fixture.agent.abort();
  assertEquals(brief(await delivering), ["deferred 4.4.2 end mx1.far.example"]);
});

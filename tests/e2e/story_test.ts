/** Plays the way of a letter with real sockets, real DNS packets and a clock that is moved: every turn it can take. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { PeerScript } from "../../src/testing/peer_script.ts";
import { bytesOf, SmtpTalk } from "./support/smtp_talk.ts";
import { BRAIN, PASSWORD, recipientsAt, Town } from "./support/town.ts";

Deno.test("A letter to a colleague is handed over, and read by POP3", async () => {
  await using town = await Town.build({ accounts: { brain: PASSWORD, marshall: PASSWORD } });
  const text = "Subject: Lunch?\r\n\r\nNoon, at the corner?\r\n.\u00e9\r\n";
  const { reply } = await town.sendAs(
    BRAIN,
    ["marshall@howstuffworks.com", "Marshall@HowStuffWorks.COM"],
    text,
  );
  assertMatch(reply, /^250 2\.0\.0 Ok: queued as \w+$/);
  await using drop = await town.maildrop("marshall@howstuffworks.com");
  const texts = await drop.all();
  assertEquals(texts.length, 1, "one copy, however often he is named");
  assertMatch(
    texts[0]!.replaceAll(/\r\n[ \t]/g, " "),
    /^Return-Path: <brain@howstuffworks\.com>\r\nDelivered-To: marshall@howstuffworks\.com\r\nReceived: from client\.example .*by mail\.howstuffworks\.com with ESMTP/,
  );
  assert(texts[0]!.endsWith(text), texts[0]);
  assertEquals(town.internet.dns.queries, [], "nobody was asked about his own domain");
  assertEquals(await town.queue(), []);
  await drop.quit();
});

Deno.test("The DNS decides where a letter goes", async () => {
  await using town = await Town.build();
  const { internet } = town;
  const dead = () => internet.address();

  // the best host is dead, the second says no, the third has two addresses of which one is dead
  const sulky = town.peer({ greeting: "554 5.3.2 Go away" });
  const third = town.peer();
  const worst = town.peer();
  town.zone("order.test", {
    MX: [[40, "d.order.test"], [20, "b.order.test"], [10, "a.order.test"], [30, "c.order.test"]],
  });
  town.zone("a.order.test", { A: [dead()] });
  town.zone("b.order.test", { A: [sulky.address.hostname] });
  town.zone("c.order.test", { A: [dead(), third.address.hostname] });
  town.zone("d.order.test", { A: [worst.address.hostname] });
  // no MX: the domain's own address
  const implicit = town.peer();
  town.zone("implicit.test", { A: [implicit.address.hostname] });
  // an MX whose host has no address any more, and one that has; the name is an alias
  const second = town.peer();
  town.zone("gone-host.test", { MX: [[1, "nowhere.gone-host.test"], [2, "alias.gone-host.test"]] });
  town.zone("alias.gone-host.test", { CNAME: "real.gone-host.test" });
  town.zone("real.gone-host.test", { A: [second.address.hostname] });
  // only an IPv6 address; and one of each, where the IPv4 one is dead
  const six = town.peer({}, "::1");
  town.zone("six.test", { MX: [[10, "mx.six.test"]] });
  town.zone("mx.six.test", { AAAA: ["::1"] });
  town.zone("both.test", { MX: [[10, "mx.both.test"]] });
  town.zone("mx.both.test", { A: [dead()], AAAA: ["::1"] });
  // ourselves in the list: only better hosts count, and without any it would be a loop
  const better = town.peer();
  town.zone("backup.test", { MX: [[10, "a.backup.test"], [20, town.ours.name], [30, "z.backup.test"]] });
  town.zone("a.backup.test", { A: [better.address.hostname] });
  const never = town.peer();
  town.zone("z.backup.test", { A: [never.address.hostname] });
  town.zone("waits.test", { MX: [[10, "a.waits.test"], [20, town.ours.name], [30, "z.backup.test"]] });
  town.zone("a.waits.test", { A: [dead()] });
  town.zone("loop.test", { MX: [[20, town.ours.name], [30, "z.backup.test"]] });
  // no mail wanted; no such domain; nothing at that name; a name server that fails
  town.zone("null.test", { MX: [[0, "."]] });
  town.zone("text-only.test", { TXT: ["no mail here"] });
  internet.dns.fail("servfail.test", "servfail");
  // an address instead of a domain
  const literal = town.peer();

  const to = [
    "order",
    "implicit",
    "gone-host",
    "six",
    "both",
    "backup",
    "waits",
    "loop",
    "null",
    "absent",
    "text-only",
    "servfail",
  ].map((name) => `jsmith@${name}.test`);
  await town.write([...to, `jsmith@[${literal.address.hostname}]`]);

  assertEquals([sulky, third, worst].map(recipientsAt), [[], ["jsmith@order.test"], []]);
  assertEquals(recipientsAt(implicit), ["jsmith@implicit.test"]);
  assertEquals(recipientsAt(second), ["jsmith@gone-host.test"]);
  assertEquals(recipientsAt(six).sort(), ["jsmith@both.test", "jsmith@six.test"]);
  assertEquals(recipientsAt(better), ["jsmith@backup.test"]);
  assertEquals(recipientsAt(literal), [`jsmith@[${literal.address.hostname}]`]);
  assertEquals(never.sessions.length, 0, "hosts behind ourselves are not for us");
  assertEquals(Object.keys(await town.waiting()).sort(), ["jsmith@servfail.test", "jsmith@waits.test"]);
  assertEquals(await town.reports(), {
    "jsmith@loop.test": "failed 5.4.6",
    "jsmith@null.test": "failed 5.1.10",
    "jsmith@absent.test": "failed 5.1.2",
    "jsmith@text-only.test": "failed 5.1.2",
  });
  for (const peer of [implicit, third]) {
    assertMatch(peer.messages[0]!.mail, /^MAIL FROM:<brain@howstuffworks\.com>/);
    assertMatch(
      peer.messages[0]!.text,
      /^Received: from client\.example [^]*\r\nSubject: Hello\r\n\r\nHow are you/,
    );
  }

  // what failed for a while goes on when it works again
  internet.dns.fail("servfail.test", null);
  town.zone("servfail.test", { A: [implicit.address.hostname] });
  town.zone("a.waits.test", { A: [better.address.hostname] });
  await internet.pass("15m");
  assertEquals(await town.queue(), []);
  assertEquals(recipientsAt(implicit), ["jsmith@implicit.test", "jsmith@servfail.test"]);
  assertEquals(recipientsAt(better), ["jsmith@backup.test", "jsmith@waits.test"]);
});

Deno.test("Hosts of equal preference share the work", async () => {
  await using town = await Town.build();
  const peers = [town.peer(), town.peer()];
  const domains = Array.from({ length: 24 }, (_, i) => `d${i}.test`);
  for (const domain of domains) town.zone(domain, { MX: [[10, "left.test"], [10, "right.test"]] });
  town.zone("left.test", { A: [peers[0]!.address.hostname] });
  town.zone("right.test", { A: [peers[1]!.address.hostname] });
  await town.write(domains.map((domain) => `x@${domain}`));
  const counts = peers.map((peer) => recipientsAt(peer).length);
  assertEquals(counts[0]! + counts[1]!, 24);
  assert(Math.min(...counts) >= 4, `they had ${counts}`);
});

/** What a remote server does at some stage, and what becomes of the letter. */
const STAGES: readonly [string, PeerScript, "waits" | "returned" | "arrives", string?][] = [
  // refused for now
  ["greet4", { greeting: "421 4.3.2 Closing" }, "waits"],
  ["ehlo4", { ehlo: "421 4.3.0 Later" }, "waits"],
  ["mail4", { mail: "451 4.7.1 Greylisted" }, "waits"],
  ["rcpt4", { rcpt: "450 4.2.1 Busy" }, "waits"],
  ["data4", { data: "451 4.3.0 Not now" }, "waits"],
  ["end4", { end: "452 4.3.1 No room" }, "waits"],
  ["end421", { end: "421 4.3.2 Going down" }, "waits"],
  // refused for good
  ["greet5", { greeting: "554 5.3.2 No mail here" }, "returned", "5.3.2"],
  ["mail5", { mail: "550 5.7.1 Not from you" }, "returned", "5.7.1"],
  ["rcpt5", { rcpt: "550 5.1.1 No such user" }, "returned", "5.1.1"],
  ["data5", { data: "554 5.6.0 No" }, "returned", "5.6.0"],
  ["end5", { end: "554 5.7.1 Spam" }, "returned", "5.7.1"],
  ["bare5", { rcpt: "550 no enhanced code" }, "returned", "5.0.0"],
  [
    "lines5",
    { rcpt: "550-5.1.1 There is nobody\r\n550-5.1.1 of that name\r\n550 5.1.1 here" },
    "returned",
    "5.1.1",
  ],
  // dropped
  ["greetdrop", { greeting: { drop: true } }, "waits"],
  ["ehlodrop", { ehlo: { drop: true } }, "waits"],
  ["maildrop", { mail: { drop: true } }, "waits"],
  ["rcptdrop", { rcpt: { drop: true } }, "waits"],
  ["datadrop", { data: { drop: true } }, "waits"],
  ["textdrop", { dropInText: 10 }, "waits"],
  ["enddrop", { end: { drop: true } }, "waits"],
  ["halfreply", { rcpt: { drop: true, raw: "550 5.1.1 No su" } }, "waits"],
  // strange, and yet it goes
  ["oldhelo", { ehlo: "502 5.5.1 What?", extensions: [] }, "arrives"],
  ["bare", { greeting: "220", rcpt: "250", data: "354", end: "250" }, "arrives"],
  [
    "lines",
    { greeting: "220-Welcome\r\n220-to this\r\n220 server", end: "250-2.0.0 Well\r\n250 2.0.0 done" },
    "arrives",
  ],
  ["nofeatures", { extensions: [] }, "arrives"],
  ["chunks", { extensions: ["CHUNKING", "PIPELINING", "SIZE 1000000"] }, "arrives"],
  ["quitdrop", { quit: { drop: true } }, "arrives"],
];

Deno.test("Whatever a remote server says, and wherever it hangs up, the letter waits, returns or arrives", async () => {
  await using town = await Town.build();
  const peers = new Map(STAGES.map(([name, script]) => [name, town.domain(`${name}.test`, script)]));
  await town.write(STAGES.map(([name]) => `x@${name}.test`));

  const names = (fate: string) => STAGES.filter((row) => row[2] === fate).map(([name]) => name);
  const addresses = (fate: string) => names(fate).map((name) => `x@${name}.test`).sort();
  const waiting = await town.waiting();
  assertEquals(Object.keys(waiting).sort(), addresses("waits"));
  assertMatch(waiting["x@mail4.test"]!, /^451 4\.7\.1 Greylisted/);
  const returned = STAGES.filter((row) => row[2] === "returned");
  assertEquals(
    await town.reports(),
    Object.fromEntries(returned.map(([name, , , status]) => [`x@${name}.test`, `failed ${status}`])),
  );
  for (const name of names("arrives")) assertEquals(recipientsAt(peers.get(name)!), [`x@${name}.test`], name);
  for (const name of names("returned")) assertEquals(recipientsAt(peers.get(name)!), [], name);

  // a quarter of an hour later all of them are in a better mood
  for (const peer of peers.values()) peer.script = {};
  await town.internet.pass("15m");
  assertEquals(await town.waiting(), {});
  for (const name of names("waits")) assertEquals(recipientsAt(peers.get(name)!), [`x@${name}.test`], name);
});

Deno.test("A connection serves the next letter, too; one that broke is replaced at once", async () => {
  await using town = await Town.build();
  const peer = town.domain("mindspring.com");
  for (let i = 0; i < 5; i++) await town.write("jsmith@mindspring.com", `Letter ${i}`);
  assertEquals(peer.sessions.length, 1);
  assertEquals(peer.messages.length, 5);
  await peer.hangUp();
  await town.write("jsmith@mindspring.com", "Letter 5");
  assertEquals(peer.sessions.length, 2);
  await peer.hangUp("421 4.4.2 Idle too long");
  await town.write("jsmith@mindspring.com", "Letter 6");
  assertEquals(await town.waiting(), {});
  assertEquals(
    peer.messages.map(({ text }) => /^Subject: (.*)\r$/m.exec(text)?.[1]),
    [0, 1, 2, 3, 4, 5, 6].map((i) => `Letter ${i}`),
  );
  // an idle connection ends with a goodbye
  await town.internet.pass("1m");
  await peer.until((p) => p.connections === 0);
  assertEquals(peer.sessions.at(-1)!.lines.at(-1), "QUIT");
});

Deno.test("1,000 recipients of one message: each gets it once, those of a domain together", async () => {
  await using town = await Town.build({ config: { catchAll: { "howstuffworks.com": BRAIN } } });
  const domains = ["a.test", "b.test", "c.test"];
  const peers = domains.map((domain) =>
    town.domain(domain, {
      rcpt: (line) =>
        /<u7[05]@/.test(line) ? "550 5.1.1 Unknown" : /<u71@/.test(line) ? "450 4.2.1 Later" : "250 Ok",
    })
  );
  const to = Array.from({ length: 900 }, (_, i) => `u${Math.floor(i / 3)}@${domains[i % 3]}`)
    .concat(Array.from({ length: 100 }, (_, i) => `l${i}@howstuffworks.com`));
  using talk = await SmtpTalk.connect(town.ours.smtp);
  await talk.write(`MAIL FROM:<${BRAIN}>\r\n${to.map((address) => `RCPT TO:<${address}>\r\n`).join("")}`);
  await talk.expect("250");
  for (const address of to) await talk.expect("250", address);
  await talk.ask("RCPT TO:<one-too-many@a.test>", "452 4.5.3");
  await talk.ask("DATA", "354");
  await talk.ask("Subject: To all\r\n\r\nHi\r\n.", "250 2.0.0");
  await town.internet.settled();

  for (const [i, peer] of peers.entries()) {
    const right = to.filter((address) => address.endsWith(`@${domains[i]}`) && !/^u7[015]@/.test(address));
    assertEquals(recipientsAt(peer).sort(), right.sort());
    assert(peer.messages.length <= 8, `${peer.messages.length} transactions`);
  }
  const waiting = Object.keys(await town.waiting());
  assertEquals(waiting.sort(), domains.map((domain) => `u71@${domain}`));
  assertEquals(
    Object.keys(await town.reports()).sort(),
    domains.flatMap((domain) => [`u70@${domain}`, `u75@${domain}`]).sort(),
  );
  const texts = await town.ours.mailbox("brain");
  assertEquals(texts.filter((text) => text.endsWith("Subject: To all\r\n\r\nHi\r\n")).length, 1);
});

Deno.test("Strangers get nothing relayed, however they write it", async () => {
  await using town = await Town.build({ config: { relay: { networks: [] } } });
  const peer = town.domain("mindspring.com");
  const { address } = town.ours;
  using talk = await SmtpTalk.connect(town.ours.smtp);
  for (const sender of ["spam@evil.test", BRAIN, "", "postmaster@howstuffworks.com"]) {
    for (
      const [path, code] of [
        ["jsmith@mindspring.com", "550 5.7.1"],
        ["JSMITH@MINDSPRING.COM", "550 5.7.1"],
        ['"jsmith"@mindspring.com', "550 5.7.1"],
        ["@howstuffworks.com:jsmith@mindspring.com", "550 5.7.1"],
        ["jsmith@[127.0.0.1]", "550 5.7.1"],
        [`jsmith@[${peer.address.hostname}]`, "550 5.7.1"],
        ["jsmith%mindspring.com@howstuffworks.com", "550 5.1.1"],
        ['"jsmith@mindspring.com"@howstuffworks.com', "550 5.1.1"],
        ["mindspring.com!jsmith@howstuffworks.com", "550 5.1.1"],
        [`jsmith%mindspring.com@[${address}]`, "550 5.1.1"],
      ] as const
    ) {
      using another = await SmtpTalk.connect(town.ours.smtp);
      await another.ask(`MAIL FROM:<${sender}>`, "250");
      await another.ask(`RCPT TO:<${path}>`, code);
      await another.ask("DATA", "5");
      await another.ask("QUIT", "221");
    }
  }
  // but his own mail is taken, the refused one beside it or not
  await talk.ask("MAIL FROM:<spam@evil.test>", "250");
  await talk.ask("RCPT TO:<jsmith@mindspring.com>", "550 5.7.1");
  await talk.ask(`RCPT TO:<brain@[${address}]>`, "250");
  await talk.ask("RCPT TO:<Postmaster>", "250");
  await talk.ask("DATA", "354");
  await talk.ask("Subject: Mixed\r\n\r\n.", "250 2.0.0");
  await town.internet.settled();
  assertEquals(peer.sessions.length, 0);
  assertEquals(await town.queue(), []);
  assertEquals((await town.ours.mailbox("brain")).length, 1);
});

Deno.test("A maildrop by POP3: what is marked goes at QUIT, and only then", async () => {
  await using town = await Town.build();
  for (const n of [1, 2, 3]) {
    await town.sendAs("x@y.test", BRAIN, `Subject: Letter ${n}\r\n\r\n.First\r\n..\r\nThird\r\n`);
  }
  await assertRejects(() => town.maildrop(BRAIN, "wrong"), Error, "-ERR [AUTH]");
  await using first = await town.maildrop();
  await assertRejects(() => town.maildrop(), Error, "-ERR [IN-USE]");
  const texts = await first.all();
  assertEquals(texts.map((text) => text.endsWith("\r\n\r\n.First\r\n..\r\nThird\r\n")), [true, true, true]);
  const sizes = texts.map((text) => bytesOf(text).length);
  assertEquals(await first.command("STAT"), `3 ${sizes[0]! + sizes[1]! + sizes[2]!}`);
  assertEquals(await first.lines("LIST"), sizes.map((size, i) => `${i + 1} ${size}\r\n`).join(""));
  const uids = (await first.lines("UIDL")).trimEnd().split("\r\n").map((line) => line.split(" ")[1]!);
  assertEquals(new Set(uids).size, 3);
  assertEquals(await first.command("UIDL 2"), `2 ${uids[1]}`);
  const [head] = texts[1]!.split("\r\n\r\n");
  assertEquals(await first.lines("TOP 2 0"), `${head}\r\n\r\n`);
  assertEquals(await first.lines("TOP 2 1"), `${head}\r\n\r\n.First\r\n`);
  assertEquals(await first.lines("TOP 2 99"), texts[1]);

  // marked, taken back, marked again; what comes meanwhile is for the next session
  await first.command("DELE 1");
  await assertRejects(() => first.command("RETR 1"), Error, "-ERR");
  await assertRejects(() => first.command("DELE 1"), Error, "-ERR");
  assertEquals(await first.command("STAT"), `2 ${sizes[1]! + sizes[2]!}`);
  await first.command("RSET");
  assertEquals((await first.command("STAT")).split(" ")[0], "3");
  await town.sendAs("x@y.test", BRAIN, "Subject: Letter 4\r\n\r\n");
  assertEquals((await first.command("STAT")).split(" ")[0], "3");
  await first.command("DELE 1");
  await first.command("DELE 3");
  await first[Symbol.asyncDispose](); // hangs up without QUIT: nothing happened

  const second = await patient(() => town.maildrop());
  assertEquals((await second.command("STAT")).split(" ")[0], "4");
  const now = (await second.lines("UIDL")).trimEnd().split("\r\n").map((line) => line.split(" ")[1]!);
  assertEquals(now.slice(0, 3), uids);
  await second.command("DELE 1");
  await second.command("DELE 3");
  await second.quit();

  await using third = await town.maildrop();
  assertEquals(await third.lines("UIDL"), `1 ${uids[1]}\r\n2 ${now[3]}\r\n`);
  assertEquals(await third.lines("RETR 1"), texts[1]);
  await third.quit();
  const { messages, bytes } = await town.ours.server.mailStore.usage(BRAIN);
  assertEquals(messages, 2);
  assert(bytes > sizes[1]!);
});

/** The lock of a client that hung up is there until the server has seen it go. */
async function patient<T>(login: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 5000;
  for (;;) {
    try {
      return await login();
    } catch (error) {
      if (!String(error).includes("[IN-USE]") || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/**
 * Finding out who is there (RFC 5321 7.3; CWE-204, CWE-208): wrong names and wrong passwords look alike, in words and
 * in time; VRFY and EXPN tell strangers nothing; guessing is slowed down and ends. And backscatter (RFC 5321 6.1, RFC
 * 3834): who is not here is refused at RCPT, never with a report to somebody who sent nothing.
 */

import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { House, PASSWORD, plain, type Talk } from "../smtp/server/whole_server.ts";
import { scramClient } from "../pop3/scram_client.ts";

Deno.test("user enumeration: a wrong name and a wrong password get the same reply, for every mechanism", async () => {
  await using house = await House.start();
  const replies = new Set<string>();
  for (const name of ["brain@howstuffworks.com", "nobody@howstuffworks.com", "brain@mindspring.com", "x"]) {
    using talk = await house.talk("submission");
    replies.add(await talk.ask(plain(name, "wrong"), /^535 5\.7\.8 /));
    await talk.ask("AUTH LOGIN", /^334 /);
    await talk.ask(btoa(name), /^334 UGFzc3dvcmQ6/);
    replies.add(await talk.ask(btoa("wrong"), /^535 5\.7\.8 /));
  }
  const rounds = new Set<string>();
  for (const name of ["brain@howstuffworks.com", "nobody@howstuffworks.com"]) {
    using talk = await house.talk("submission");
    const client = scramClient(name, "wrong");
    const challenge = await talk.ask(`AUTH SCRAM-SHA-256 ${client.first()}`, /^334 /);
    // the decoy looks as a true one does: as long a salt, as many rounds
    const looks = /^r=[^,]{30,},s=[A-Za-z0-9+/]{22}==,i=(\d+)$/.exec(atob(challenge.slice(4).trim()));
    assert(looks, challenge);
    rounds.add(looks[1]!);
    replies.add(await talk.ask(client.final(challenge.slice(4).trim()).final, /^535 5\.7\.8 /));
  }
  assertEquals(replies.size, 1, [...replies].join(""));
  assertEquals(rounds.size, 1, [...rounds].join(" "));
});

Deno.test("user enumeration: the decoy of a name is the same each time, as a true salt is (RFC 5802 9)", async () => {
  await using house = await House.start();
  const salts = new Set<string>();
  for (let i = 0; i < 3; i++) {
    using talk = await house.talk("submission");
    const challenge = await talk.ask(
      `AUTH SCRAM-SHA-256 ${scramClient("nobody@howstuffworks.com", "x").first()}`,
      /^334 /,
    );
    salts.add(/s=([^,]+)/.exec(atob(challenge.slice(4).trim()))![1]!);
    await talk.ask("*", /^501 5\.7\.0 /);
  }
  assertEquals(salts.size, 1);
});

Deno.test("user enumeration by time: an unknown name takes the work that a known one does (CWE-208)", async () => {
  /** What a wrong password makes the server compute. */
  async function work(name: string): Promise<unknown[]> {
    await using house = await House.start();
    using talk = await house.talk("submission");
    const computed: unknown[] = [];
    const { deriveBits } = crypto.subtle;
    crypto.subtle.deriveBits = (algorithm, key, length) => {
      // salts differ
      computed.push({ ...algorithm as Algorithm, nonce: undefined, salt: undefined, length });
      return deriveBits.call(crypto.subtle, algorithm, key, length);
    };
    try {
      for (let i = 0; i < 3; i++) await talk.ask(plain(name, `wrong ${i}`), /^535 /);
    } finally {
      crypto.subtle.deriveBits = deriveBits;
    }
    return computed;
  }
  const known = await work("brain@howstuffworks.com");
  assertEquals(known.length >= 3, true, "each guess is work");
  assertEquals(await work("nobody@howstuffworks.com"), known);
  assertEquals(await work("brain@elsewhere.example"), known);
});

Deno.test("user enumeration: VRFY and EXPN tell strangers nothing (RFC 5321 7.3)", async () => {
  await using house = await House.start();
  using talk = await house.talk();
  for (const verb of ["VRFY", "EXPN"]) {
    const [there, not] = [
      await talk.ask(`${verb} brain`, /^252 2\.5\.2 /),
      await talk.ask(`${verb} nobody`, /^252 2\.5\.2 /),
    ];
    assertEquals(there, not);
  }
});

Deno.test("user enumeration: a harvest by RCPT ends after twenty wrong names", async () => {
  await using house = await House.start();
  using talk = await house.talk();
  await talk.ask("MAIL FROM:<jsmith@mindspring.com>", /^250 /);
  for (let i = 0; i < 20; i++) await talk.ask(`RCPT TO:<guess${i}@howstuffworks.com>`, /^550 5\.1\.1 /);
  await talk.ask("RCPT TO:<guess20@howstuffworks.com>", /^421 4\.7\.0 /);
  assertEquals(await talk.rest(), "");
});

Deno.test("guessing passwords: slowed down from the sixth on, and loopback is never refused as a whole (RFC 4954 9)", async () => {
  const clock = new ManualClock();
  await using house = await House.start({ clock });
  const talks: Talk[] = [];
  async function guess(password: string, name = "brain@howstuffworks.com"): Promise<Talk> {
    const talk = await house.talk("submission");
    talks.push(talk);
    await talk.send(`${plain(name, password)}\r\n`);
    return talk;
  }
  // however the name is written
  for (const name of ["brain", " Brain", '"brain"', '"BRAIN"@howstuffworks.com', "brain@HowStuffWorks.com"]) {
    await (await guess("wrong", name)).reply(/^535 5\.7\.8 /);
  }
  // the next fifteen, at once and each from a connection of its own, wait 1, 2, 4 … 30 seconds
  let answered = 0;
  const slow = [];
  for (let i = 0; i < 15; i++) {
    const talk = await guess("wrong");
    slow.push(talk.reply(/^535 5\.7\.8 /).then(() => answered++));
  }
  // a login that takes no waiting is answered meanwhile; these are not
  await pause(300);
  assertEquals(answered, 0);
  // the right password waits like any other; other addresses would be refused from now on (`LoginGuard`'s own tests),
  // but behind loopback may be all users of a webmail
  const right = (await guess(PASSWORD)).reply(/^235 /);
  await pause(100);
  clock.advance(1_000);
  await slow[0];
  await pause(100);
  assertEquals(answered, 1);
  clock.advance(30_000);
  await Promise.all([...slow, right]);
  // after a quarter of an hour all is forgotten
  clock.advance(16 * 60_000);
  const later = await guess(PASSWORD);
  await later.reply(/^235 /);
  for (const talk of talks) talk.close();
});

// --- backscatter -----------------------------------------------------------------------------------------------------

Deno.test("backscatter: unknown and full mailboxes are refused at RCPT; nothing is queued, nobody gets a report", async () => {
  await using house = await House.start({
    config: {
      accounts: {
        "brain@howstuffworks.com": { password: "x y z 1 2 3", quota: "1KiB" },
        "marshall@howstuffworks.com": { password: "x y z 1 2 3" },
      },
    },
  });
  using talk = await house.talk();
  await talk.envelope();
  await talk.send(`Subject: x\r\n\r\n${"y".repeat(900)}\r\n.\r\n`);
  await talk.reply(/^(250|452) /);
  await talk.ask("MAIL FROM:<victim@mindspring.com>", /^250 /);
  await talk.ask("RCPT TO:<nobody@howstuffworks.com>", /^550 5\.1\.1 /);
  await talk.ask("DATA", /^503 5\.5\.1 /);
  for await (const records of house.server.queue.messages()) assertEquals(records, []);
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void systemClock.schedule(ms, resolve));
}

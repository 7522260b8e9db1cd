/**
 * Open-relay tricks (RFC 2505 2; the tests of abuse.net and of nmap's smtp-open-relay): only a login or a listed
 * network gives the right to relay, whatever the addresses look like.
 */

import { assertEquals } from "@std/assert";
import { House, plain } from "../smtp/server/whole_server.ts";

const US = "howstuffworks.com";
/** Recipients that a stranger must not reach, and what is to be said. */
const TRICKS: readonly [recipient: string, expected: RegExp][] = [
  ["<victim@mindspring.com>", /^550 5\.7\.1 /],
  ["victim@mindspring.com", /^(550 5\.7\.1|501 5\.1\.3) /],
  ['<"victim@mindspring.com">', /^501 5\.1\.3 /],
  ["<victim%mindspring.com>", /^(501 5\.1\.3|550 5\.1\.1) /],
  // the percent hack and bang paths: characters of a local part, and nobody's
  [`<victim%mindspring.com@${US}>`, /^550 5\.1\.1 /],
  ["<victim%mindspring.com@[127.0.0.1]>", /^550 5\.1\.1 /],
  [`<"victim@mindspring.com"@${US}>`, /^550 5\.1\.1 /],
  [`<mindspring.com!victim@${US}>`, /^550 5\.1\.1 /],
  [`<mindspring.com!victim>`, /^(501 5\.1\.3|550 5\.1\.1) /],
  [`<victim@mindspring.com@${US}>`, /^(501 5\.1\.3|550 5\.1\.1) /],
  // source routes are dropped, and the last mailbox is judged (RFC 5321 appendix C)
  [`<@${US}:victim@mindspring.com>`, /^550 5\.7\.1 /],
  [`<@a.example,@${US}:victim@mindspring.com>`, /^550 5\.7\.1 /],
  [`<@mindspring.com:nobody@${US}>`, /^550 5\.1\.1 /],
  // names that look like ours
  [`<brain@sub.${US}>`, /^550 5\.7\.1 /],
  [`<brain@${US}.mindspring.com>`, /^550 5\.7\.1 /],
  [`<brain@x${US}>`, /^550 5\.7\.1 /],
  ["<victim@[192.0.2.1]>", /^550 5\.7\.1 /],
  ["<victim@[IPv6:2001:db8::1]>", /^550 5\.7\.1 /],
  ["<victim@127.0.0.1>", /^(550 5\.7\.1|501 5\.1\.3) /],
  ["<victim@localhost>", /^550 5\.7\.1 /],
  // the sender's word is worth nothing here: see the senders below
  ["<>", /^501 5\.1\.3 /],
  ["<@>", /^501 5\.1\.3 /],
];
/** What an open relay would believe. */
const SENDERS = [
  "",
  `brain@${US}`,
  "victim@mindspring.com",
  "root@localhost",
  `postmaster@${US}`,
  "x@[127.0.0.1]",
];

Deno.test("open relay: no trick with a recipient helps a stranger", async (t) => {
  await using house = await House.start();
  for (const [recipient, expected] of TRICKS) {
    await t.step(`RCPT TO:${recipient}`, async () => {
      for (const sender of SENDERS) {
        using talk = await house.talk();
        await talk.ask(`MAIL FROM:<${sender}>`, /^250 /);
        await talk.ask(`RCPT TO:${recipient}`, expected);
        await talk.ask("DATA", /^503 /);
      }
    });
  }
  assertEquals(house.accepted, 0);
});

Deno.test("open relay: HELO with our own name, or with localhost, gives no rights", async () => {
  await using house = await House.start();
  for (const name of ["localhost", "mail.howstuffworks.com", "[127.0.0.1]", US]) {
    using talk = await house.talk();
    await talk.ask(`HELO ${name}`, /^250 /);
    await talk.ask(`MAIL FROM:<brain@${US}>`, /^250 /);
    await talk.ask("RCPT TO:<victim@mindspring.com>", /^550 5\.7\.1 /);
  }
});

Deno.test("open relay: LMTP takes nothing for other domains either", async () => {
  await using house = await House.start();
  using talk = await house.talk("lmtp");
  await talk.ask("MAIL FROM:<>", /^250 /);
  await talk.ask("RCPT TO:<victim@mindspring.com>", /^550 5\.7\.1 /);
});

Deno.test("open relay: what is ours is taken in every spelling (RFC 5321 2.4, 4.1.3, 4.5.1)", async () => {
  await using house = await House.start();
  for (
    const recipient of [
      `brain@${US}`,
      `BRAIN@${US.toUpperCase()}`,
      `"brain"@${US}`,
      `brain+news@${US}`,
      "brain@[127.0.0.1]",
      `@mindspring.com:brain@${US}`,
      "postmaster",
      "Postmaster",
      `postmaster@${US}`,
      `info@${US}`,
    ]
  ) {
    using talk = await house.talk();
    await talk.ask("MAIL FROM:<jsmith@mindspring.com>", /^250 /);
    await talk.ask(`RCPT TO:<${recipient}>`, /^250 2\.1\.5 /);
  }
});

Deno.test("a login gives the right to relay, but not to lend one's name (RFC 6409 6.1)", async () => {
  await using house = await House.start();
  using talk = await house.talk("submission");
  await talk.ask("MAIL FROM:<brain@howstuffworks.com>", /^530 5\.7\.0 /);
  await talk.ask(plain("brain@howstuffworks.com"), /^235 2\.7\.0 /);
  for (
    const stranger of ["marshall@howstuffworks.com", "victim@mindspring.com", "staff2@howstuffworks.com"]
  ) {
    await talk.ask(`MAIL FROM:<${stranger}>`, /^553 5\.7\.1 /);
  }
  for (const own of ["brain@howstuffworks.com", "Brain+list@HowStuffWorks.com", "info@howstuffworks.com"]) {
    await talk.ask(`MAIL FROM:<${own}>`, /^250 2\.1\.0 /);
    await talk.ask("RCPT TO:<jsmith@mindspring.com>", /^250 2\.1\.5 /);
    await talk.ask("RSET", /^250 /);
  }
});

Deno.test("who logged in as somebody whose account was removed is not the next one of that name", async () => {
  await using house = await House.start();
  const { accounts } = house.server;
  using former = await house.talk("submission");
  await former.ask(plain("marshall@howstuffworks.com"), /^235 /);
  await accounts.remove("marshall@howstuffworks.com");
  await former.ask("MAIL FROM:<marshall@howstuffworks.com>", /^530 5\.7\.0 /);
  await accounts.add({ address: "marshall@howstuffworks.com", password: "another one's" });
  await former.ask("MAIL FROM:<marshall@howstuffworks.com>", /^530 5\.7\.0 /);
});

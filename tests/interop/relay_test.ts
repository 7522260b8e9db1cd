/** Mail to and from servers of other makes, with dnsmasq as the DNS of both: there, back, refused, and late. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { exim, postfix } from "./support/foreign_server.ts";
import { testIf } from "./support/post_office.ts";
import { BODY, BRAIN, JSMITH, letterTo, RelayTown } from "./support/relay_town.ts";

for (const foreign of [postfix, exim]) {
  const { make } = foreign;
  const needed = ["dnsmasq", "unshare", ...foreign.programs];
  const withTown = (name: string, test: (town: RelayTown) => Promise<void>) =>
    testIf(needed, name, async () => {
      await using town = await RelayTown.build(foreign);
      await test(town);
    });

  withTown(`a letter goes to ${make} and one comes back, encrypted, byte for byte`, async (town) => {
    await town.up();
    await town.brainWrites(JSMITH, letterTo(JSMITH, "There"));
    const there = await town.jsmithGets();
    assertStringIncludes(there, "Subject: There\n");
    assert(there.endsWith(`\n\n${BODY.replaceAll("\r\n", "\n")}`), there.slice(0, 3000));
    assertMatch(there, /^Return-path: <brain@howstuffworks\.com>/im);
    // the two Received fields: theirs tells of TLS, ours stands below it
    const [theirs = "", ours = ""] = there.split(/^Received: /m).slice(1);
    assertMatch(theirs, /mail\.howstuffworks\.com.*TLSv?1\.3/s);
    assertMatch(ours, /by mail\.howstuffworks\.com with ESMTP/);

    await town.jsmithWrites(BRAIN, letterTo(BRAIN, "Back"));
    const back = await town.brainGets();
    assert(back.startsWith(`Return-Path: <${JSMITH}>\r\nDelivered-To: ${BRAIN}\r\n`), back.slice(0, 500));
    assert(back.endsWith(`\r\n\r\n${BODY}`), back.slice(0, 3000));
    assertMatch(back, /^Received: from mail\.mindspring\.com .*? with ESMTPS/ms);
  });

  withTown(`what ${make} refuses is reported to the sender, and what we refuse it reports`, async (town) => {
    await town.up();
    await town.brainWrites("nobody@mindspring.com", letterTo("nobody@mindspring.com", "Anybody?"));
    const report = await town.brainGets();
    assertMatch(report, /^Return-Path: <>\r\n/);
    assertMatch(
      report,
      /^Final-Recipient: rfc822; ?nobody@mindspring\.com\r\nAction: failed\r\nStatus: 5\.[01]\.[01]\r\n/m,
    );
    assertMatch(report, /^Remote-MTA: dns; ?mail\.mindspring\.com\r\n/m);
    assertMatch(report, /^Diagnostic-Code: smtp; ?550 /m);

    await town.jsmithWrites("nobody@howstuffworks.com", letterTo("nobody@howstuffworks.com", "Anybody?"));
    const theirs = await town.jsmithGets();
    assertMatch(theirs, /nobody@howstuffworks\.com/);
    assertMatch(theirs, /5\.1\.1/);
    assertEquals(((await town.api("GET", "/queue")).body as { items: unknown[] }).items, []);
  });

  withTown(`while ${make} is down a letter waits, and goes when it is asked to`, async (town) => {
    const id = await town.brainWrites(JSMITH, letterTo(JSMITH, "Late"));
    assertMatch(await town.deferred(id), /refused/i);
    await town.up();
    assertEquals((await town.api("POST", `/queue/${id}/retry`)).status, 200);
    assertStringIncludes(await town.jsmithGets(), "Subject: Late\n");
  });
}

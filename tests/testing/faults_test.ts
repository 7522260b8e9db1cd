/** Tests of faults on the hosts of a loopback internet. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { FaultRuleRefused, LoopbackInternet } from "../../src/testing/mod.ts";

const LETTER = {
  from: "brain@howstuffworks.com",
  to: ["jsmith@mindspring.com"],
  text: "Subject: Hello\r\n\r\nHi\r\n",
};

Deno.test("a host refuses as its rules say, its peer tries again, and what never acted is told", async () => {
  await using internet = await LoopbackInternet.start({ seed: 1 });
  const ours = await internet.host("howstuffworks.com", { accounts: { brain: "secret" } });
  const theirs = await internet.host("mindspring.com", { accounts: { jsmith: "secret" } });
  theirs.faults.set([
    { stage: "rcpt", reply: "451 4.7.1 Greylisted", match: { to: "jsmith@mindspring.com" }, times: 2 },
    { stage: "end", drop: true, match: { subject: "hello", attempt: 1 } },
  ]);
  ours.faults.set([{ stage: "connect", out: true, drop: true, match: { attempt: 2 } }]);
  await ours.send(LETTER);
  await internet.settled();
  assertEquals(theirs.faults.list().map(({ acted }) => acted), [1, 0]);
  await internet.pass("1h");
  assertEquals(theirs.faults.list().map(({ acted }) => acted), [2, 1]);
  assertEquals(await theirs.mailbox("jsmith").then((texts) => texts.length), 1);
  assertEquals(ours.faults.list()[0]!.acted, 1);
  internet.assertFaultsActed();
  theirs.faults.set([{ stage: "data", reply: "552 5.2.2 Full" }]);
  const error = assertThrows(() => internet.assertFaultsActed(), Error);
  assertStringIncludes(error.message, 'mail.mindspring.com: {"stage":"data"');
  assertThrows(() => theirs.faults.set([{ stage: "data", delay: "long" }]), FaultRuleRefused, "0.delay");
});

Deno.test("a late answer comes when the host's clock is moved", async () => {
  await using internet = await LoopbackInternet.start();
  const ours = await internet.host("howstuffworks.com", { accounts: { brain: "secret" } });
  const theirs = await internet.host("mindspring.com", { accounts: { jsmith: "secret" } });
  theirs.faults.set([{ stage: "end", delay: "2s" }]);
  await ours.send(LETTER);
  await internet.settled();
  assertEquals(await theirs.mailbox("jsmith"), []);
  await internet.pass("2s");
  await theirs.waitForMessage("jsmith");
});

import { assert, assertEquals } from "@std/assert";
import { eventTurn } from "../../src/base/clock.ts";
import { BRAIN, PASSWORD } from "../support/mailbox_harness.ts";
import { Client, Harness } from "./harness.ts";

Deno.test("guessing is slowed down, then refused, whatever the session", async () => {
  await using harness = await Harness.start({ remote: "192.0.2.9", session: { allowInsecure: true } });
  let waits = 0;
  let last: string[] | undefined;
  for (let i = 0; i < 21; i++) {
    const client = new Client(await harness.connect());
    await client.line();
    const idle = harness.clock.timers;
    let answer: string[] | undefined;
    const login = client.command(`LOGIN brain guess${i}`).then((lines) => answer = lines);
    await eventTurn();
    // without time passing there is an answer only as long as there is no delay
    while (answer === undefined) {
      // passwords are looked at elsewhere, which takes the time it takes: only a delay makes time pass
      if (harness.clock.timers > idle) {
        harness.clock.advance(1000);
        waits++;
      }
      await eventTurn(true);
    }
    last = await login;
    if (i < 20) assertEquals(last, ["tag NO [AUTHENTICATIONFAILED] Wrong name or password"]);
    else assertEquals(await client.line(), "* BYE Too many failed logins");
    client.close();
  }
  assert(waits >= 1 + 2 + 4 + 8 + 16 + 30, `${waits} seconds`);
  assertEquals(last, ["tag NO [UNAVAILABLE] Too many failed logins: try again in 15 minutes"]);
});

Deno.test("a login that has to wait when the server goes down is told that, and has not failed", async () => {
  await using harness = await Harness.start({ remote: "192.0.2.9", session: { allowInsecure: true } });
  for (let i = 0; i < 5; i++) harness.guard.begin("192.0.2.9", BRAIN).wrong();
  const client = new Client(await harness.connect());
  await client.line();
  await client.send(`a LOGIN ${BRAIN} "${PASSWORD}"\r\n`);
  await eventTurn();
  harness.closing.abort();
  assertEquals(await client.line(), "* BYE The server is shutting down");
  assertEquals(harness.events.filter((event) => event.kind === "login"), []);
});

Deno.test("the password of another is not taken for an account, whatever the authorization identity", async () => {
  await using harness = await Harness.start();
  await harness.accounts.add({ address: "pinky@howstuffworks.com", password: "poit" });
  const client = new Client(await harness.connect());
  await client.line();
  const plain = btoa(`${BRAIN}\0pinky@howstuffworks.com\0poit`);
  assertEquals(await client.command(`AUTHENTICATE PLAIN ${plain}`), [
    "tag NO [AUTHENTICATIONFAILED] Wrong name or password",
  ]);
});

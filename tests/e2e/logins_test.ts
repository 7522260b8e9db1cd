/** Many logins at the same time, at a whole server: its clock stands still, so nobody who has to wait is answered. */

import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { House, PASSWORD, plain } from "../smtp/server/whole_server.ts";

const BRAIN = "brain@howstuffworks.com";

function times<T>(count: number, what: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => what(n)));
}

Deno.test("Twenty connections that log in at once by SMTP AUTH and POP3 are all answered at once, and none has failed", async () => {
  const clock = new ManualClock();
  await using house = await House.start({ clock });
  await times(20, async () => {
    using talk = await house.talk("submission");
    await talk.ask(plain(BRAIN, PASSWORD), /^235 /);
  });
  const answers = await times(20, async () => {
    using talk = await house.dial("pop3");
    await talk.reply(/^\+OK/);
    await talk.ask(`USER ${BRAIN}`, /^\+OK/);
    return (await talk.ask(`PASS ${PASSWORD}`, /^(\+OK|-ERR \[IN-USE\]) /)).startsWith("+OK");
  });
  assert(answers.includes(true));
  const logins = house.events.filter((event) => event.type === "login");
  assertEquals(logins.map((event) => event.ok), Array(40).fill(true), "a maildrop in use is no failed login");
});

Deno.test("A login that was cancelled, or was no login, is none that failed", async () => {
  await using house = await House.start();
  using talk = await house.talk("submission");
  await talk.ask("AUTH PLAIN", /^334/);
  await talk.ask("*", /^501 5\.7\.0 /);
  await talk.ask("AUTH PLAIN not-base64!", /^501 5\.5\.2 /);
  await talk.ask("AUTH SCRAM-SHA-256 bm8gc2NyYW0=", /^501 5\.5\.2 /);
  await talk.ask("AUTH SCRAM-SHA-256-PLUS", /^504 /); // nothing to bind to
  using drop = await house.dial("pop3");
  await drop.reply(/^\+OK/);
  await drop.ask("AUTH PLAIN", /^\+ /);
  for (const line of ["*", "AUTH PLAIN not-base64!", "AUTH SCRAM-SHA-256 bm8gc2NyYW0="]) {
    await drop.ask(line, /^-ERR (?!\[AUTH)/);
  }
  await talk.ask(plain(BRAIN, "wrong"), /^535 /);
  const logins = house.events.filter((event) => event.type === "login");
  assertEquals(logins.map((event) => [event.service, event.ok]), [["submission", false]]);
});

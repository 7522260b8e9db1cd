import { assertEquals, assertMatch } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { SubmissionRates } from "../../src/intake/submission_rates.ts";
import { LoopbackInternet } from "../../src/testing/mod.ts";
import { BRAIN, Door, line, session } from "./support.ts";

const HOUR = 3600_000;

function rates(count: number) {
  const clock = new ManualClock();
  let refused = 0;
  const made = new SubmissionRates({ clock, rate: { count, perMs: HOUR }, onRefused: () => refused++ });
  return { clock, made, refused: () => refused };
}

Deno.test("an account names so many recipients at once, and then one after the other", () => {
  const { clock, made, refused } = rates(3);
  for (let n = 0; n < 3; n++) assertEquals(made.take("a", `10.0.0.${n}`), 0);
  assertEquals(made.take("a", "10.0.0.9"), HOUR / 3);
  assertEquals(made.take("b", "10.0.0.9"), 0);
  assertEquals(refused(), 1);
  clock.advance(HOUR / 3);
  assertEquals(made.take("a", "10.0.0.9"), 0);
  assertEquals(made.take("a", "10.0.0.9") > 0, true);
});

Deno.test("so does an address, whatever accounts it logs in to, and what is refused counts for nobody", () => {
  const { made } = rates(2);
  assertEquals(made.take("a", "x"), 0);
  assertEquals(made.take("b", "x"), 0);
  assertEquals(made.take("c", "x") > 0, true);
  assertEquals(made.take("c", "y"), 0);
  assertEquals(made.take("c", "y"), 0);
});

Deno.test("only those who log in are counted, and only recipients that are taken", async () => {
  const { made } = rates(1);
  await using door = await Door.open({}, { rates: made });
  const answer = async (facts: ReturnType<typeof session>, address: string) =>
    line(await door.policy.recipient(facts, { address }))?.slice(0, 9);
  for (let n = 0; n < 3; n++) assertEquals(await answer(session(), "brain@here.example"), undefined);
  const brain = session({ ...BRAIN, service: "submission" });
  assertEquals(await answer(brain, "nobody@here.example"), "550 5.1.1");
  assertEquals(await answer(brain, "jo@there.example"), undefined);
  assertEquals(await answer(brain, "jo@there.example"), "451 4.7.1");
});

Deno.test("limits.submissionRate bounds what an account sends", async () => {
  await using internet = await LoopbackInternet.start({ seed: 1 });
  const host = await internet.host("here.example", {
    accounts: { brain: "secret" },
    config: { limits: { submissionRate: "2/h" } },
  });
  const login = { user: "brain@here.example", password: "secret" };
  const send = () =>
    host.send({ from: login.user, to: "brain@here.example", text: "Subject: x\r\n\r\nHi\r\n", login });
  await send();
  await send();
  const refusal = await send().then(() => "sent", (error) => error.message);
  assertMatch(refusal, /451 4\.7\.1 Too many recipients for now; the next one is taken in 1800 s/);
  await internet.pass("30m");
  await send();
  assertEquals((await host.mailbox("brain")).length, 3);
});

import { assertEquals, assertMatch } from "@std/assert";
import { LoopbackInternet } from "../../src/testing/mod.ts";

const TEXT = "From: jo@far.example\r\nSubject: x\r\n\r\nHi\r\n";

async function scene(srs: boolean, answer = "250 2.1.5 Ok") {
  const internet = await LoopbackInternet.start({ seed: 1 });
  const here = await internet.host("here.example", {
    accounts: { brain: "secret" },
    config: {
      relay: { networks: [], srs },
      aliases: { "away@here.example": ["ann@there.example"] },
      admin: { token: "sesame" },
    },
  });
  const there = internet.peer("there.example", { rcpt: answer });
  const far = internet.peer("far.example");
  const forward = async (from: string, to = "away@here.example") => {
    await here.send({ from, to, text: TEXT });
    await internet.settled();
  };
  return {
    internet,
    here,
    there,
    far,
    forward,
    [Symbol.asyncDispose]: () => internet[Symbol.asyncDispose](),
  };
}

const SENDER = /^MAIL FROM:<(SRS0=[a-z2-7]{8}=[a-z2-7]{2}=far\.example=jo@here\.example)>/;

Deno.test("what an alias forwards has a sender of ours, and what comes back goes on to whom it stands for", async () => {
  await using town = await scene(true);
  await town.forward("jo@far.example");
  const { mail, text } = town.there.messages[0]!;
  assertMatch(mail, SENDER);
  assertEquals(text.endsWith(TEXT), true);
  const made = SENDER.exec(mail)![1]!;
  // a report of the next server, which writes the address in its own way
  await town.forward("", made.toLowerCase());
  const [back] = town.far.messages;
  assertMatch(back!.mail, /^MAIL FROM:<>/);
  assertMatch(back!.rcpts[0]!, /^RCPT TO:<jo@far\.example>/);
  const request = new Request("http://localhost/metrics", { headers: { authorization: "Bearer sesame" } });
  const metrics = await (await town.here.server.fetch(request, "127.0.0.1")).text();
  assertMatch(metrics, /^dinopost_srs_rewritten_total 1$/m);
});

Deno.test("a report of ours about a forwarded copy goes to its first sender", async () => {
  await using town = await scene(true, "550 5.1.1 No such user");
  await town.forward("jo@far.example");
  const [report] = town.far.messages;
  assertMatch(report!.mail, /^MAIL FROM:<>/);
  assertMatch(report!.rcpts[0]!, /^RCPT TO:<jo@far\.example>/);
});

Deno.test("the sender stays where it is ours, empty, or srs is off; a made-up one is nobody", async () => {
  {
    await using town = await scene(true);
    await town.forward("brain@here.example");
    await town.forward("");
    assertEquals(town.there.messages.map(({ mail }) => mail.split(" ").slice(0, 2).join(" ")), [
      "MAIL FROM:<brain@here.example>",
      "MAIL FROM:<>",
    ]);
    const guess = await town.forward("", "SRS0=aaaaaaaa=aa=far.example=jo@here.example").then(
      () => "taken",
      (error) => error.message,
    );
    assertMatch(guess, /550 5\.1\.1/);
  }
  await using town = await scene(false);
  await town.forward("jo@far.example");
  assertMatch(town.there.messages[0]!.mail, /^MAIL FROM:<jo@far\.example>/);
});

import { assertEquals } from "@std/assert";
import { CapturingServer } from "./capturing_server.ts";

const text = (subject: string) => `Subject: ${subject}\r\n\r\nYour code: 482913\r\n`;

Deno.test("without a mailbox a wait looks at all that was captured, with one at that alone", async () => {
  await using server = await CapturingServer.start({ inMemory: true });
  const wait = async (query: string) => {
    const answer = await server.ask(`/api/v1/wait?${query}`);
    return { status: answer.status, body: answer.status === 204 ? undefined : await answer.json() };
  };
  const waiting = wait("subject=second&timeout=20s");
  const own = wait("mailbox=jo%2Btag@any.example&timeout=20s");
  const first = await server.send({ to: ["ann@other.example"], text: text("first") });
  const second = await server.send({ to: ["jo+tag@any.example", "ann@other.example"], text: text("second") });
  assertEquals((await waiting).body.id, second);
  const { body } = await own;
  assertEquals([body.id, body.mailbox, body.codes], [second, "jo+tag@any.example", ["482913"]]);
  // the sub-address is a mailbox of its own
  assertEquals((await wait("mailbox=jo@any.example&count=0&for=20ms")).status, 204);
  const both = await wait(`since=${first}&count=2`);
  assertEquals(both.body.items.map(({ mailbox }: { mailbox: string }) => mailbox).toSorted(), [
    "ann@other.example",
    "jo+tag@any.example",
  ]);
  const missed = await wait("mailbox=ann@other.example&subject=third&timeout=0");
  assertEquals(missed.status, 408);
  assertEquals(missed.body.arrived.map(({ uid }: { uid: string }) => uid), [second, first]);
});

Deno.test("an answer that comes late has the headers of every answer, a failure too, and none a body to HEAD", async () => {
  await using server = await CapturingServer.start({ inMemory: true });
  const heads = ["any.example&timeout=20s", "none.example&timeout=10ms"];
  const asked = heads.flatMap((query) =>
    ["GET", "HEAD"].map((method) => server.ask(`/api/v1/wait?mailbox=jo@${query}`, { method }))
  );
  await server.send({ to: ["jo@any.example"], text: text("late") });
  const answers = await Promise.all(asked);
  assertEquals(answers.map(({ status }) => status), [200, 200, 408, 408]);
  const types = ["application/json", "application/problem+json"];
  for (const [at, { headers }] of answers.entries()) {
    assertEquals(headers.get("content-type"), types[at >> 1]);
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(headers.get("cache-control"), "no-store");
  }
  const [mail, none, failed, silent] = await Promise.all(answers.map((answer) => answer.text()));
  assertEquals([JSON.parse(mail!).subject, none, silent], ["late", "", ""]);
  assertEquals(JSON.parse(failed!).instance, "/api/v1/wait");
});

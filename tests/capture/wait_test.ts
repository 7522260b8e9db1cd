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

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { HttpSubmission, type SubmittedMessage } from "../../src/intake/http_message.ts";
import { checkStore, DEFERRED } from "../queue/support.ts";
import { Door } from "./support.ts";

const FROM = "pinky@here.example";
const TEXT = encode("Subject: x\n\nHello\n");

function submission({ acceptance, house: { router } }: Door): HttpSubmission {
  return new HttpSubmission({ acceptance, router, messageSize: 200_000, recipients: 3 });
}

/** A text that comes in two pieces, with something between them. */
async function* pieces(between: () => unknown, first = TEXT): AsyncGenerator<Uint8Array> {
  yield first;
  await between();
  yield encode("more\n");
}

Deno.test("submit() names the recipients that can't be served, and serves the others", async () => {
  await using door = await Door.open({
    aliases: {
      "loop@here.example": { targets: ["loop@here.example"] },
      "deep@here.example": { targets: Array.from({ length: 1001 }, (_, i) => `u${i}@there.example`) },
    },
  });
  const to = ["deep@here.example", "brain@here.example", "loop@here.example"];
  const result = await submission(door).submit({ from: FROM, to, text: TEXT });
  assert(result.ok);
  assertEquals(result.refused.map((one) => one.address), ["deep@here.example", "loop@here.example"]);
  assertEquals((await door.house.mailbox("brain")).length, 1);
  assertEquals(await door.house.records(), []);
});

Deno.test("submit() goes by the names as they are when the text has come", async () => {
  const aliases: Record<string, { targets: string[]; owner?: string }> = {};
  await using door = await Door.open({ aliases });
  const { house } = door;
  const send = (to: string[], between: () => unknown) =>
    submission(door).submit({ from: FROM, to, text: pieces(between) });
  const owner = "owner-list@here.example";
  const list = await send(["brain@here.example"], () => {
    aliases["brain@here.example"] = { targets: ["pinky@here.example"], owner };
  });
  assert(list.ok);
  assertStringIncludes((await house.mailbox("pinky"))[0]!, `Return-Path: <${owner}>`);
  delete aliases["brain@here.example"];
  const gone = await send(["brain@here.example"], () => house.accounts.remove("brain@here.example"));
  assertEquals(gone, { ok: false, refusal: { kind: "content", text: "No such user here any more" } });
  // the one that may come to have room again says what is told
  await house.accounts.add({ address: "brain@here.example" });
  await house.accounts.add({ address: "full@here.example", quota: 10 });
  const both = await send(
    ["brain@here.example", "full@here.example"],
    () => house.accounts.remove("brain@here.example"),
  );
  assertEquals(both.ok || both.refusal.kind, "full");
  await checkStore(house.store.kv);
});

Deno.test("submit() tells servers behind this one of eight bits", async () => {
  await using door = await Door.open({ answer: () => DEFERRED });
  for (const text of ["Subject: x\n\nHello\n", "Subject: x\n\nGr\u00fc\u00dfe\n"]) {
    await submission(door).submit({ from: FROM, to: ["x@there.example"], text: encode(text) });
  }
  assertEquals((await door.house.records()).map((r) => r.bodyType), [undefined, "8BITMIME"]);
});

Deno.test("submit() asks for SMTPUTF8 where something needs it: an address, or the header (RFC 6532)", async () => {
  const remote = "x@there.example";
  const cases: [to: string, text: string, expected: true | undefined][] = [
    [remote, "Subject: x\n\nGr\u00fc\u00dfe\n", undefined],
    [remote, "Subject: Gr\u00fc\u00dfe\n\nx\n", true],
    ["j\u00fcrg@there.example", "Subject: x\n\nx\n", true],
  ];
  for (const [to, text, expected] of cases) {
    await using door = await Door.open();
    assert((await submission(door).submit({ from: FROM, to: [to], text: encode(text) })).ok);
    assertEquals((await door.house.records()).map(({ utf8 }) => utf8), [expected], text);
  }
  // of another charset it is no header that SMTPUTF8 could carry
  await using door = await Door.open();
  const text = Uint8Array.from("Subject: Gr\u00fc\u00dfe\n\nx\n", (character) => character.charCodeAt(0));
  assert((await submission(door).submit({ from: FROM, to: [remote], text })).ok);
  assertEquals((await door.house.records()).map(({ utf8 }) => utf8), [undefined]);
});

Deno.test("submit() leaves nothing behind of what it does not take", async () => {
  await using door = await Door.open({ quotas: { brain: 10 } });
  const long = `Subject: x\n\n${"x".repeat(300_000)}`;
  const cases: [Partial<SubmittedMessage>, string, string][] = [
    [{ to: [] }, "content", "no recipients"],
    [{ to: ["a", "b", "c", "d"].map((name) => `${name}@there.example`) }, "content", "at most 3"],
    [{ to: ["nobody@here.example"] }, "content", "nobody@here.example: no such user here"],
    [{ text: encode(long) }, "size", "larger than"],
    [{ text: encode("Subject: x\n\n\0") }, "content", "NUL"],
    [{ text: encode("Received: x\n".repeat(4)) }, "content", "circles"],
    [{ text: encode(`A: ${"x ".repeat(55_000)}`) }, "size", "header"],
    [{}, "full", "mailbox is full"],
  ];
  for (const [given, kind, words] of cases) {
    const result = await submission(door).submit({
      from: FROM,
      to: ["brain@here.example"],
      text: TEXT,
      ...given,
    });
    assert(!result.ok, words);
    assertEquals(result.refusal.kind, kind);
    assertStringIncludes(result.refusal.text, words);
  }
  await assertRejects(
    () =>
      submission(door).submit({
        from: FROM,
        to: ["pinky@here.example"],
        text: pieces(() => {
          throw new Error("the client is gone");
        }, encode(`Subject: x\n\n${"x".repeat(180_000)}`)),
      }),
    Error,
    "the client is gone",
  );
  assertEquals(await door.house.mailbox("pinky"), []);
  for await (const { key } of door.house.store.kv.list({ prefix: ["body"] })) throw new Error(String(key));
  await checkStore(door.house.store.kv);
});

import { assertEquals, assertStringIncludes } from "@std/assert";
import { concat } from "../../src/base/bytes.ts";
import type { Signed, SizedContent } from "../../src/authentication/dkim_outgoing.ts";
import type { MessageSigner } from "../../src/queue/signatures.ts";
import { checkStore, DEFERRED, DELIVERED, FAILED, House, MINUTE } from "./support.ts";

const TEXT = "From: brain@here.example\r\n\r\nNarf\r\n";

/** Signs for `here.example`, with a number. */
class CountingSigner implements MessageSigner {
  readonly asked: string[] = [];
  form: Signed["form"];
  keyless = false;

  async sign({ size, text }: SizedContent, domain: string): Promise<Signed | undefined> {
    const pieces: Uint8Array[] = [];
    for await (const piece of text()) pieces.push(piece);
    const read = concat(pieces);
    assertEquals(read.length, size);
    this.asked.push(domain);
    if (this.keyless || !domain.endsWith("here.example")) return undefined;
    const prefix = `DKIM-Signature: ${this.asked.length}\r\n`;
    return this.form === undefined ? { prefix } : { prefix, form: this.form };
  }
}

Deno.test("a message for three domains is signed once, and each gets the same signature", async () => {
  const signer = new CountingSigner();
  await using house = await House.open({ signer });
  await house.accept(["a@x.example", "b@y.example", "c@z.example"], { text: TEXT, signFor: "here.example" });
  await house.queue.idle();
  assertEquals(signer.asked, ["here.example"]);
  assertEquals(house.agent.texts, new Array(3).fill(`DKIM-Signature: 1\r\n${TEXT}`));
  assertEquals(house.agent.jobs.map(({ size }) => size), new Array(3).fill(19 + TEXT.length));
  assertEquals(house.agent.jobs.map(({ unsigned }) => unsigned?.size), new Array(3).fill(TEXT.length));
  await checkStore(house.store.kv);
});

Deno.test("a signature stays with the message from attempt to attempt, after a restart and in another queue", async () => {
  const signer = new CountingSigner();
  await using house = await House.open({ signer, answer: () => DEFERRED });
  const id = await house.accept(["a@x.example"], { text: TEXT, signFor: "here.example" });
  await house.queue.idle();
  const record = (await house.queue.message(id))[0]!;
  assertEquals(record.signed, { prefix: "DKIM-Signature: 1\r\n" });
  assertEquals(record.body.size, TEXT.length);
  await house.restart();
  await house.pass(15 * MINUTE);
  const lines: Uint8Array[] = [];
  for await (const piece of house.queue.exported([id])) lines.push(piece);
  await using other = await House.open({ signer, seed: 8 });
  await other.queue.import((async function* () {
    yield* lines;
  })());
  await other.queue.retry(id);
  await other.queue.idle();
  assertEquals(signer.asked, ["here.example"]);
  for (const { agent } of [house, other]) {
    assertEquals(new Set(agent.texts), new Set([`DKIM-Signature: 1\r\n${TEXT}`]));
  }
  assertEquals([house.agent.texts.length, other.agent.texts.length], [2, 1]);
});

Deno.test("what is nobody's of ours, and what there is no key for, goes as it is", async () => {
  const signer = new CountingSigner();
  await using house = await House.open({ signer });
  await house.accept(["a@x.example"], { text: TEXT });
  await house.accept(["a@x.example"], { text: TEXT, signFor: "other.example" });
  await house.queue.idle();
  assertEquals(signer.asked, ["other.example"]);
  assertEquals(house.agent.texts, [TEXT, TEXT]);
  assertEquals(house.agent.jobs.map(({ unsigned }) => unsigned), [undefined, undefined]);
});

Deno.test("a message that found no key is signed at a later attempt, when there is one", async () => {
  const signer = new CountingSigner();
  signer.keyless = true;
  await using house = await House.open({ signer, answer: () => DEFERRED });
  await house.accept(["a@x.example", "b@y.example"], { text: TEXT, signFor: "here.example" });
  await house.queue.idle();
  signer.keyless = false;
  await house.pass(15 * MINUTE);
  assertEquals(new Set(house.agent.texts.slice(0, 2)), new Set([TEXT]));
  const [, , third, fourth] = house.agent.texts;
  assertEquals([third!.slice(0, 15), fourth], ["DKIM-Signature:", third]);
});

Deno.test("content is sent in the form in which it was signed", async () => {
  const signer = new CountingSigner();
  signer.form = "7bit";
  await using house = await House.open({ signer });
  const header = "From: brain@here.example\r\nContent-Type: text/plain; charset=utf-8\r\n";
  await house.accept(["a@x.example"], { text: `${header}\r\nGrüße\r\n`, signFor: "here.example" });
  await house.queue.idle();
  assertStringIncludes(house.agent.texts[0]!, "Gr=C3=BC=C3=9Fe\r\n");
  assertEquals(house.agent.jobs[0]!.size, house.agent.texts[0]!.length);
});

Deno.test("reports of ours are signed in the name of the host", async () => {
  const signer = new CountingSigner();
  await using house = await House.open({
    signer,
    answer: ({ address }) => address.startsWith("bad") ? FAILED : DELIVERED,
  });
  await house.accept(["bad@x.example"], { text: TEXT, sender: "sam@elsewhere.example" });
  await house.queue.idle();
  assertEquals(signer.asked, ["mail.here.example"]);
  assertEquals(house.agent.texts[1]!.slice(0, 19), "DKIM-Signature: 1\r\n");
  assertStringIncludes(house.agent.texts[1]!, "From: Mail Delivery System <MAILER-DAEMON@mail.here.example>");
});

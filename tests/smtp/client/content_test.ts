import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { binaryString, encode } from "../../../src/base/bytes.ts";
import { examine } from "../../../src/smtp/client/examination.ts";
import type { OutgoingMessage } from "../../../src/smtp/client/client.ts";
import { ScriptedPeer } from "../../../src/testing/scripted_peer.ts";
import { brief, connected, message } from "./helpers.ts";

const DELIVERED = "delivered 2.0.0 end 250";
const EXTENSIONS = [["PIPELINING"], ["PIPELINING", "8BITMIME"], [
  "PIPELINING",
  "8BITMIME",
  "CHUNKING",
  "SIZE",
]];

/** What a peer gets of a message. */
async function received(
  bytes: Uint8Array,
  extensions: readonly string[],
  overrides: Partial<OutgoingMessage> = {},
): Promise<{ text: string; mail: string }> {
  await using peer = ScriptedPeer.start({ extensions });
  const client = await connected(peer);
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < bytes.length; i += 1000) pieces.push(bytes.subarray(i, i + 1000));
  const outgoing = message({ to: ["a@x"], size: bytes.length, text: () => pieces, ...overrides });
  assertEquals(brief(await client.send(outgoing)), [DELIVERED]);
  await client.quit();
  return peer.messages[0]!;
}

/** A message with CRLF, whatever its file has. */
async function fixture(name: string): Promise<Uint8Array> {
  const bytes = await Deno.readFile(new URL(`../../../fixtures/messages/${name}`, import.meta.url));
  return Uint8Array.from(binaryString(bytes).replace(/\r?\n/g, "\r\n"), (c) => c.charCodeAt(0));
}

Deno.test("send() folds a field of 2,000 octets at blanks; unfolded it is what it was", async () => {
  const bytes = await fixture("senders_long_subject.eml");
  const unfold = (text: string) => text.replace(/\r\n(?=[ \t])/g, "");
  for (const extensions of EXTENSIONS) {
    const { text, mail } = await received(bytes, extensions);
    assert(text.split("\r\n").every((line) => line.length <= 78));
    assertEquals(unfold(text), unfold(binaryString(bytes)));
    if (extensions.includes("SIZE")) assertMatch(mail, new RegExp(`SIZE=${text.length}$`));
  }
});

Deno.test("send() encodes raw Latin-1 in a header section for a peer without 8BITMIME, and for no other", async () => {
  const bytes = await fixture("mail_latin1_header.eml");
  const { text } = await received(bytes, ["PIPELINING"]);
  assert(!/[\x80-\xff]/.test(text));
  const { subject, from } = await PostalMime.parse(text);
  assertEquals([subject, from], ["Grüße", { name: "Jürgen", address: "j@example.net" }]);
  assertEquals((await received(bytes, ["PIPELINING", "8BITMIME"])).text, binaryString(bytes));
});

Deno.test("send() keeps lines within 998 octets, whatever the program wrote", async () => {
  const html = `<p>${"Grüße und mehr ".repeat(250)}</p>`;
  const bytes = encode(
    `Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${html}\r\n`,
  );
  for (const extensions of EXTENSIONS) {
    const { text } = await received(bytes, extensions);
    assert(text.split("\r\n").every((line) => line.length <= 998));
    assertEquals((await PostalMime.parse(text)).html!.trim(), html);
  }
  // at the limit: as it is; in one piece of the store or another
  const fits = encode(`Subject: x\r\n\r\n${"x".repeat(998)}\r\n${"y".repeat(998)}`);
  assertEquals((await received(fits, ["8BITMIME"])).text.trimEnd(), binaryString(fits));
});

Deno.test("send() reads a large text no oftener than it must", async () => {
  const line = encode(`${"x".repeat(98)}\r\n`);
  for (const [lines, times] of [[100, 1], [10_000, 2]] as const) {
    let reads = 0;
    const text = () => {
      reads++;
      return Array.from({ length: lines }, () => line);
    };
    await received(new Uint8Array(0), ["PIPELINING"], { size: 100 * lines, text });
    assertEquals(reads, times);
  }
});

Deno.test("send() tells the sender of a signed message that it can't be converted", async () => {
  const body = "DKIM-Signature: v=1; h=from; b=x\r\nFrom: a@x\r\n\r\nGrüße\r\n";
  await using peer = ScriptedPeer.start({ extensions: [] });
  const client = await connected(peer);
  const [outcome] = await client.send(message({ to: ["a@x"], body }));
  assertEquals(brief([outcome!]), ["failed 5.6.3 mail"]);
  assertMatch(outcome!.text, /needs 8BITMIME, which mx\.far\.example doesn't offer, and it is signed/);
  client.close();
});

Deno.test("send() leaves our signature out for a peer that can't take what it covers", async () => {
  const bytes = encode("From: a@x\r\n\r\nGrüße\r\n");
  const signed = encode(`DKIM-Signature: v=1; h=from; b=x\r\n${binaryString(bytes)}`);
  const unsigned = { size: bytes.length, text: () => [bytes] };
  const of = { size: signed.length, text: () => [signed], unsigned };
  assertMatch((await received(signed, ["8BITMIME"], of)).text, /^DKIM-Signature: /);
  const { text } = await received(signed, [], of);
  assertMatch(text, /^From: a@x\r\n[^]*Gr=C3=BC=C3=9Fe/);
});

Deno.test("examine() finds lines over 998 octets, however the content is cut (property)", async () => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 80 }), fc.integer({ min: 990, max: 1010 })), {
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(lengths, fc.boolean(), fc.integer({ min: 1, max: 2500 }), async (lines, ended, step) => {
      const bytes = encode(lines.map((n) => "x".repeat(n)).join("\r\n") + (ended ? "\r\n" : ""));
      const pieces: Uint8Array[] = [];
      for (let i = 0; i < bytes.length; i += step) pieces.push(bytes.subarray(i, i + step));
      const found = await examine(message({ size: bytes.length, text: () => pieces }), { octets: false });
      assertEquals(found.longLine, lines.some((n) => n > 998));
    }),
    { numRuns: 500 },
  );
});

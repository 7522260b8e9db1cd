import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { sign as signSync } from "node:crypto";
import type { SigningKey } from "../../src/authentication/dkim_keys.ts";
import { sentContent, type Signed } from "../../src/authentication/dkim_outgoing.ts";
import { DkimSigner } from "../../src/authentication/dkim_signer.ts";
import { verifyDkim } from "./verify.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { BODY, ed25519Pair, HEADER, rsaPair } from "./signed.ts";
import { TxtResolver } from "./txt_resolver.ts";

const NOW = Date.UTC(2026, 10, 30, 12);
const RSA = rsaPair(2048);
const EDWARDS = ed25519Pair();
const ZONE = { "r1._domainkey.ex.test": [RSA.record], "e1._domainkey.ex.test": [EDWARDS.record] };
const KEYS: SigningKey[] = [
  {
    domain: "ex.test",
    selector: "r1",
    algorithm: "rsa-sha256",
    sign: (octets) => Promise.resolve(new Uint8Array(signSync("sha256", octets, RSA.privateKey))),
  },
  {
    domain: "ex.test",
    selector: "e1",
    algorithm: "ed25519-sha256",
    sign: async (octets) => {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", octets));
      return new Uint8Array(signSync(null, digest, EDWARDS.privateKey));
    },
  },
];

function contentOf(text: string, size = Infinity) {
  const octets = new Uint8Array(Buffer.from(text, "latin1"));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < octets.length; at += size) pieces.push(octets.subarray(at, at + size));
  return { size: octets.length, text: () => pieces };
}

async function sign(text: string, size?: number): Promise<{ signed: Signed; sent: string }> {
  const content = contentOf(text, size);
  const signed = await new DkimSigner(new ManualClock(NOW)).sign(content, KEYS);
  const sent = await sentContent(content, signed);
  const pieces: Uint8Array[] = [];
  for await (const piece of sent.text()) pieces.push(piece);
  const whole = Buffer.concat(pieces);
  assertEquals(whole.length, sent.size);
  return { signed, sent: whole.toString("latin1") };
}

async function verdicts(message: string): Promise<string[]> {
  const octets = Buffer.from(message, "latin1");
  const end = octets.indexOf("\r\n\r\n") + 4;
  const results = await verifyDkim({ header: octets.subarray(0, end), body: [octets.subarray(end)] }, {
    resolver: new TxtResolver(ZONE),
    clock: new ManualClock(NOW),
  });
  return results.map(({ result, reason }) => reason ?? result);
}

/** What `h=` of the first signature names. */
function namesIn(message: string): string {
  return /h=([^;]*);/.exec(message)![1]!.replace(/[\r\n\t]/g, "");
}

Deno.test("a message is signed by RSA on top and Ed25519 below, and both verify", async () => {
  const { signed, sent } = await sign(`${HEADER}\r\n${BODY}`);
  assertEquals(signed.form, undefined);
  assert(sent.endsWith(`${HEADER}\r\n${BODY}`));
  assertEquals(await verdicts(sent), ["pass", "pass"]);
  const unfolded = signed.prefix.replaceAll("\r\n\t", " ");
  const start =
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=ex.test; s=r1; t=1796040000; h=From:";
  assertEquals(unfolded.slice(0, start.length), start);
  assertEquals(namesIn(sent), "From:From:To:To:Cc:Subject:Subject:Date:Message-ID:Reply-To");
  assert(signed.prefix.split("\r\n").every((line) => line.length <= 78 && !/[ \t]$/.test(line)));
  assertStringIncludes(signed.prefix, "\tb=");
});

Deno.test("no field of those that count can be added, changed or taken out behind the signature", async () => {
  const header = `${HEADER}Date: Mon, 30 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@ex.test>\r\n`;
  const { sent } = await sign(`${header}\r\n${BODY}`);
  for (const name of ["From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To"]) {
    const added = await verdicts(sent.replace(HEADER, `${name}: x\r\n${HEADER}`));
    assertEquals([name, ...added], [name, "the signature does not fit", "the signature does not fit"]);
  }
  assertEquals(await verdicts(`Received: by next.test\r\nX-Spam: no\r\n${sent}`), ["pass", "pass"]);
  assertEquals((await verdicts(sent.replace("Narf", "Poit")))[0], "the signature does not fit");
  assertEquals((await verdicts(sent.replace("Zort", "Poit")))[0], "the body was changed");
});

Deno.test("unsubscribing by one click is kept: both of its fields are signed (RFC 8058 4)", async () => {
  const list =
    "List-Unsubscribe: <https://ex.test/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
  const { sent } = await sign(`${HEADER}${list}\r\n${BODY}`);
  assertStringIncludes(sent, list);
  assertStringIncludes(namesIn(sent), ":List-Unsubscribe:List-Unsubscribe-Post");
  const elsewhere = await verdicts(sent.replace("https://ex.test/u/1", "https://ex.test/u/2"));
  assertEquals(elsewhere, ["the signature does not fit", "the signature does not fit"]);
});

Deno.test("a body that verifiers read differently is signed in its simple form", async () => {
  const cases: [string, "relaxed" | "simple"][] = [
    ["Zort\r\n", "relaxed"],
    ["Zort  \r\n\r\n\r\n", "relaxed"],
    ["\r\n", "relaxed"],
    ["", "relaxed"],
    ["Zort\r\n \t\r\nNarf", "relaxed"],
    ["Zort\r\n \t\r\n", "simple"],
    ["Zort\r\n \r\n\r\n", "simple"],
    ["Zort\r\n ", "simple"],
    [" \r\n", "simple"],
    ["Zort\f\r\nNarf\r\n", "simple"],
    ["Zort\f \r\nNarf\r\n", "simple"],
    ["Zort\f Narf\r\n", "relaxed"],
  ];
  for (const [body, form] of cases) {
    for (const size of [1, 2, 7, Infinity]) {
      const { sent } = await sign(`${HEADER}\r\n${body}`, size);
      assertStringIncludes(sent, ` c=relaxed/${form};`, JSON.stringify(body));
      assertEquals([body, ...await verdicts(sent)], [body, "pass", "pass"]);
    }
  }
});

Deno.test("what may have to change on the way is changed before it is signed", async () => {
  const mime = `${HEADER}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n`;
  const text = "Gr\xc3\xbc\xc3\x9fe\r\n";
  const seven = await sign(`${mime}Content-Transfer-Encoding: 8bit\r\n\r\n${text}`);
  assertEquals(seven.signed.form, "7bit");
  assertStringIncludes(seven.sent, "Gr=C3=BC=C3=9Fe\r\n");
  const folded = await sign(
    `${mime}Content-Transfer-Encoding: quoted-printable\r\n\r\n${"long ".repeat(300)}\r\n`,
  );
  assertEquals(folded.signed.form, "folded");
  assert(folded.sent.split("\r\n").every((line) => line.length <= 998));
  for (const { sent } of [seven, folded]) assertEquals(await verdicts(sent), ["pass", "pass"]);
});

Deno.test("eight bits of nobody knows which charset stay, and so does what somebody else has signed", async () => {
  const plain = await sign(`${HEADER}\r\nGr\xfc\xdfe\r\n`);
  assertEquals(plain.signed.form, undefined);
  const foreign = "DKIM-Signature: v=1; a=rsa-sha256; d=other.test; s=x; h=From; bh=QUJD; b=QUJD\r\n";
  const twice = await sign(
    `${foreign}${HEADER}Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n`,
  );
  assertEquals(twice.signed.form, undefined);
  assertEquals(await verdicts(plain.sent), ["pass", "pass"]);
  assertEquals(await verdicts(twice.sent), ["pass", "pass", "no key"]);
});

Deno.test("fields that verifiers read differently are left out where they may be", async () => {
  const { sent } = await sign(`${HEADER}Sender : me\r\nReferences: <a>\v<b>\r\nList-Id: <l>\r\n\r\n${BODY}`);
  assertEquals(namesIn(sent), "From:From:To:To:Cc:Subject:Subject:Date:Message-ID:Reply-To:List-Id");
  assertEquals(await verdicts(sent), ["pass", "pass"]);
});

Deno.test("whatever a text is, and however it is cut, its signatures verify (property)", async () => {
  const piece = fc.constantFrom(" ", "  ", "\t", "\r\n", "\r\n\r\n", "a", "bc", "\f", "\v", "\xe9", ".");
  const text = fc.tuple(fc.array(piece, { maxLength: 20 }), fc.integer({ min: 1, max: 40 }));
  await fc.assert(
    fc.asyncProperty(text, async ([pieces, size]) => {
      const { sent } = await sign(`${HEADER}\r\n${pieces.join("")}`, size);
      assertEquals(await verdicts(sent), ["pass", "pass"]);
    }),
    { numRuns: 100 },
  );
});

Deno.test("two messages are signed at once, the others wait", async () => {
  let [now, most] = [0, 0];
  const slow: SigningKey = {
    ...KEYS[0]!,
    async sign() {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
      return new Uint8Array(3);
    },
  };
  const signer = new DkimSigner(new ManualClock(NOW));
  await Promise.all(Array.from({ length: 20 }, () => signer.sign(contentOf(`${HEADER}\r\n`), [slow])));
  assertEquals(most, 2);
});

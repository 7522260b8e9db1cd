/** Signatures made to keep us busy, or to break what reads them; and what nobody may get signed. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { ArcVerifier } from "../../src/authentication/arc_verifier.ts";
import { BodyHasher } from "../../src/authentication/dkim_body.ts";
import { rawFields } from "../../src/authentication/dkim_header.ts";
import { DkimVerifier } from "../../src/authentication/dkim_verifier.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { rsaPair } from "../authentication/signed.ts";
import { TxtResolver } from "../authentication/txt_resolver.ts";

const { record } = rsaPair(1024);
const HEADER_LIMIT = 100 * 1024;

/** What DKIM and ARC make of a message; each name in the DNS is a key. */
async function judged(
  header: string,
  body = "x\r\n",
): Promise<{ dkim: string[]; arc: string; asked: number }> {
  const resolver = new TxtResolver(new Proxy({}, { get: () => [record] }));
  const hasher = new BodyHasher();
  const by = { resolver, hasher, clock: new ManualClock() };
  const fields = rawFields(Buffer.from(`${header}\r\n`, "latin1"));
  const [dkim, arc] = [new DkimVerifier(fields, by), new ArcVerifier(fields, by)];
  hasher.write(Buffer.from(body, "latin1"));
  hasher.end();
  const results = await dkim.results();
  return {
    dkim: results.map(({ result }) => result),
    arc: (await arc.result()).result,
    asked: resolver.asked.length,
  };
}

const TAGS = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=evil.test; s=s; bh=QUJD; b=QUJD";

Deno.test("a header section full of signatures over all of it costs sixteen keys and little time", async () => {
  const names = "From:".repeat(1000);
  const one = (n: number) => `DKIM-Signature: ${TAGS}; l=${n}; h=${names}From\r\n`;
  let header = "From: a@evil.test\r\n";
  let count = 0;
  while (header.length + 6000 < HEADER_LIMIT) header = one(count++) + header;
  header = `${"DKIM-Signature: v=1\r\n".repeat(100)}${header}`;
  const began = performance.now();
  const { dkim, asked } = await judged(header, "line\r\n".repeat(100_000));
  assert(performance.now() - began < 5000);
  // those that count, and a word that there were more
  assertEquals([dkim.length, asked], [17, 0]);
  const others = await judged(header.slice(header.indexOf(one(count - 1))), "line\r\n".repeat(100_000));
  assertEquals([others.dkim.length, others.asked], [Math.min(count, 17), Math.min(count, 16)]);
});

Deno.test("fifty sets of ARC fields cost two keys unless the last hop is what it says", async () => {
  const sets = Array.from({ length: 50 }, (_, n) => {
    const [i, cv] = [n + 1, n === 0 ? "none" : "pass"];
    const tags = TAGS.replace("v=1", `i=${i}`).replace("d=evil", `d=evil${i}`);
    return `ARC-Seal: ${tags}; cv=${cv}\r\nARC-Message-Signature: ${tags}; h=From\r\n` +
      `ARC-Authentication-Results: i=${i}; x; none\r\n`;
  }).join("");
  assertEquals(await judged(`${sets}From: a@evil.test\r\n`), { dkim: [], arc: "fail", asked: 2 });
  const { arc, asked } = await judged(`${sets}ARC-Seal: i=51; cv=pass\r\nFrom: a@evil.test\r\n`);
  assertEquals([arc, asked], ["fail", 0]);
});

Deno.test("no field breaks what reads signatures: each has a result (property)", async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ..."v=1;|a=rsa-sha256;|d=x.test;|s=s;|h=From:|bh=QUJD;|b=QUJD;|i=1;|cv=none;|c=simple;".split("|"),
    ),
    fc.constantFrom(
      ";",
      "=",
      ":",
      " ",
      "\t",
      "\r\n ",
      "\xff",
      "\0",
      "@",
      "l=9999999999999999999999;",
      "t=0;x=1;",
    ),
    fc.string({ maxLength: 5 }),
  );
  const name = fc.constantFrom(
    "DKIM-Signature",
    "ARC-Seal",
    "ARC-Message-Signature",
    "ARC-Authentication-Results",
  );
  const field = fc.tuple(name, fc.array(piece, { maxLength: 20 }))
    .map(([name, pieces]) => `${name}: ${pieces.join("")}\r\n`);
  await fc.assert(
    fc.asyncProperty(fc.array(field, { maxLength: 6 }), async (fields) => {
      const { dkim, arc } = await judged(`${fields.join("")}From: a@x.test\r\n`);
      const signatures = fields.filter((field) => field.startsWith("DKIM"));
      assertEquals(dkim.length, signatures.length);
      assert(dkim.every((result) => result !== "pass") && arc !== "pass");
    }),
    { numRuns: 500 },
  );
});

import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { type ArcResult, ArcVerifier } from "../../src/authentication/arc_verifier.ts";
import { BodyHasher } from "../../src/authentication/dkim_body.ts";
import { rawFields } from "../../src/authentication/dkim_header.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { BODY, bodyHash, ed25519Pair, HEADER, rsaPair, signedWith } from "./signed.ts";
import { TxtResolver, type TxtZone } from "./txt_resolver.ts";

const RSA = rsaPair(1024);
const EDWARDS = ed25519Pair();
const ZONE: TxtZone = {
  "r._domainkey.one.test": [RSA.record],
  "e._domainkey.two.test": [EDWARDS.record],
  "down._domainkey.one.test": { failure: "SERVFAIL" },
};
const BH = `bh=${bodyHash(BODY)}`;

/** Puts a set over a header section, as a hop of `one.test` or, of even numbers, `two.test` does. */
function sealed(
  header: string,
  n: number,
  { cv = n === 1 ? "none" : "pass", ams = "", as = "", names = "From:To" } = {},
): string {
  const [pair, of] = n % 2
    ? [RSA, "a=rsa-sha256; d=one.test; s=r"]
    : [EDWARDS, "a=ed25519-sha256; d=two.test; s=e"];
  const results = `ARC-Authentication-Results: i=${n}; mx.test; spf=pass\r\n`;
  const tags = `i=${n}; c=relaxed/relaxed; h=${names}; ${BH}; ${ams || of}`;
  const message = signedWith(pair, tags, { header: results + header, name: "ARC-Message-Signature" });
  // a seal covers all sets, by their number, in the order results, message, seal
  const order = ["arc-authentication-results", "arc-message-signature", "arc-seal"];
  const all = rawFields(Buffer.from(`${message}\r\n`, "latin1"));
  const sets = Array.from(
    { length: n },
    (_, i) =>
      order.flatMap((name) =>
        all.filter((f) => f.name === name && new RegExp(`[ ;]i=${i + 1};`).test(f.text))
      ),
  );
  const covered = sets.flat().map(({ text }) => `${text}\r\n`).join("");
  const seal = signedWith(pair, `i=${n}; cv=${cv}; ${as || of}; t=1700000000`, {
    header: covered,
    name: "ARC-Seal",
    all: true,
  });
  return seal.slice(0, seal.length - covered.length) + message;
}

async function verify(
  header: string,
  { body = BODY, zone = ZONE } = {},
): Promise<ArcResult & { asked: string[] }> {
  const hasher = new BodyHasher();
  const resolver = new TxtResolver(zone);
  const fields = rawFields(Buffer.from(`${header}\r\n`, "latin1"));
  const verifier = new ArcVerifier(fields, {
    resolver,
    clock: new ManualClock(Date.UTC(2026, 10, 30)),
    hasher,
  });
  hasher.write(Buffer.from(body, "latin1"));
  hasher.end();
  return { ...await verifier.result(), asked: resolver.asked };
}

const ONE = sealed(HEADER, 1);
const THREE = [2, 3].reduce((header, n) => sealed(header, n), ONE);

Deno.test("cv= is read in any case, as RFC 8617 4.1.3 has it", async () => {
  const odd = sealed(sealed(HEADER, 1, { cv: "None" }), 2, { cv: "PASS" });
  assertEquals((await verify(odd)).result, "pass");
  const failed = await verify(sealed(ONE, 2, { cv: "Fail" }));
  assertEquals([failed.result, failed.reason], ["fail", "i=2 says that the chain failed"]);
});

Deno.test("a chain passes whose seals are right, and names who sealed, the last one first", async () => {
  assertEquals(await verify(HEADER), { result: "none", asked: [] });
  const one = await verify(ONE);
  assertEquals([one.result, one.sealers], ["pass", ["one.test"]]);
  const three = await verify(THREE);
  assertEquals([three.result, three.sealers], ["pass", ["one.test", "two.test", "one.test"]]);
});

Deno.test("signatures of hops before the last one may be broken, since lists change messages", async () => {
  const changed = sealed(ONE.replace("From: Brain", "From: Brain via list"), 2);
  assertEquals((await verify(changed)).result, "pass");
  assertEquals(
    (await verify(ONE.replace("From: Brain", "From: Pinky"))).reason,
    "the signature does not fit",
  );
  assertEquals((await verify(THREE, { body: "Poit\r\n" })).reason, "the body was changed");
});

Deno.test("a chain fails where a seal does not fit, and asks no more once the last hop failed", async () => {
  const broken = THREE.replace("i=1; mx.test; spf=pass", "i=1; mx.test; spf=fail");
  const last = await verify(broken);
  assertEquals([last.result, last.reason], ["fail", "the seal does not fit"]);
  assertEquals(new Set(last.asked), new Set(["r._domainkey.one.test"]));
  const first = sealed(ONE.replace("spf=pass", "spf=fail"), 2);
  assertEquals((await verify(first)).reason, "the seal does not fit");
});

Deno.test("sets that are no chain fail without a question", async () => {
  const without = (name: string) => ONE.replace(new RegExp(`${name}:.*?\r\n`), "");
  const cases: [string, string][] = [
    [without("ARC-Seal"), "the set i=1 is not whole"],
    [without("ARC-Message-Signature"), "the set i=1 is not whole"],
    [without("ARC-Authentication-Results"), "the set i=1 is not whole"],
    [ONE.replaceAll("i=1;", "i=2;"), "the set i=1 is not whole"],
    [ONE.replaceAll("i=1;", "i=51;"), "arc-seal has no instance"],
    [ONE.replaceAll("i=1;", "i=0;"), "arc-seal has no instance"],
    [`${ONE.slice(0, ONE.indexOf("\r\n"))}\r\n${ONE}`, "arc-seal i=1 stands twice"],
    [ONE.replace("Results: i=1;", "Results: mx.test; i=1;"), "arc-authentication-results has no instance"],
    [ONE.replace("cv=none", "cv=pass"), "cv= of i=1 is not right"],
    [ONE.replace("cv=none; ", ""), "cv= of i=1 is not right"],
    [ONE.replace("cv=none", "h=From; cv=none"), "the seal i=1 has an h="],
    [sealed(ONE, 2, { cv: "fail" }), "i=2 says that the chain failed"],
    [sealed(ONE, 2, { cv: "none" }), "cv= of i=2 is not right"],
  ];
  for (const [header, reason] of cases) {
    assertEquals([reason, await verify(header)], [reason, { result: "fail", reason, asked: [] }]);
  }
});

Deno.test("keys and algorithms are held to the rules of DKIM, and a DNS that is down may pass another time", async () => {
  const of = (tags: string) => `${tags}; d=one.test; s=r`;
  const cases: [Parameters<typeof sealed>[2], string][] = [
    [{ as: of("a=rsa-sha1") }, "rsa-sha1 is no longer trusted"],
    [{ ams: of("a=rsa-sha1") }, "rsa-sha1 is no longer trusted"],
    [{ ams: "a=rsa-sha256; d=one.test; s=none" }, "no key"],
    [{ names: "From:ARC-Seal" }, "h= names ARC-Seal"],
  ];
  for (const [more, reason] of cases) {
    assertEquals((await verify(sealed(HEADER, 1, more))).reason, reason);
  }
  const down = await verify(sealed(HEADER, 1, { as: "a=rsa-sha256; d=one.test; s=down" }));
  assertEquals([down.result, down.temporary], ["fail", true]);
});

import { assertEquals, assertMatch } from "@std/assert";
import { createHash, X509Certificate } from "node:crypto";
import type { TlsaRecord } from "../../src/dns/resolver.ts";
import { daneFault, usableRecords } from "../../src/transport/tlsa.ts";
import { Authority } from "./authority.ts";

const root = await Authority.make("Test Root");
const intermediate = await Authority.make("Test Intermediate", root);
const HOST = "mx.far.test";
const leaf = (await intermediate.issue([HOST])).cert;
const expired = (await intermediate.issue([HOST], { to: "2021-01-01" })).cert;
const early = (await intermediate.issue([HOST], { from: "2090-01-01" })).cert;
const other = (await intermediate.issue(["mail.other.test"])).cert;
const wild = (await intermediate.issue(["*.FAR.test"])).cert;
const domainOnly = (await intermediate.issue(["far.test"])).cert;
const nameless = (await intermediate.issue([])).cert;
const now = Date.parse("2026-01-05");

function der(pem: string): Uint8Array {
  return new Uint8Array(new X509Certificate(pem).raw);
}

/** The TLSA record of a certificate in the form that it is written in: `3 1 1`. */
function tlsa(form: string, pem: string): TlsaRecord {
  const [usage, selector, matchingType] = form.split(" ").map(Number) as [number, number, number];
  const x509 = new X509Certificate(pem);
  const selected = selector === 0 ? x509.raw : x509.publicKey.export({ type: "spki", format: "der" });
  const name = matchingType === 2 ? "sha512" : "sha256";
  const data = matchingType === 0 ? selected : createHash(name).update(selected).digest();
  return { usage, selector, matchingType, data: new Uint8Array(data) };
}

function verdict(records: TlsaRecord[], chain: string[], names = [HOST, "far.test"]): string {
  return daneFault(chain.map(der), { records: usableRecords(records), names }, now) ?? "verified";
}

const { cert: ROOT } = root;
const { cert: MIDDLE } = intermediate;
const WHOLE = [leaf, MIDDLE, ROOT];
const NOT_NAMED = "its TLSA records name other certificates";

Deno.test("daneFault() takes the server's own certificate in every form, whatever its names and dates", () => {
  for (const form of ["3 1 1", "3 0 1", "3 1 2", "3 0 2", "3 1 0", "3 0 0"]) {
    for (const cert of [leaf, expired, early, other, nameless]) {
      assertEquals(verdict([tlsa(form, cert)], [cert]), "verified", form);
    }
    assertEquals(verdict([tlsa(form, other)], WHOLE), NOT_NAMED, form);
    assertEquals(verdict([tlsa(form, ROOT)], WHOLE), NOT_NAMED, form);
  }
});

Deno.test("daneFault() takes an authority that the peer sent, or that stands in the record", () => {
  for (const form of ["2 0 1", "2 1 1", "2 0 2", "2 1 2", "2 0 0", "2 1 0"]) {
    assertEquals(verdict([tlsa(form, ROOT)], WHOLE), "verified", form);
    assertEquals(verdict([tlsa(form, MIDDLE)], [leaf, MIDDLE]), "verified", form);
    assertEquals(verdict([tlsa(form, ROOT)], [leaf, ROOT, MIDDLE]), "verified", "in another order");
    const inRecord = form.endsWith("0") ? "verified" : NOT_NAMED;
    assertEquals(verdict([tlsa(form, ROOT)], [leaf, MIDDLE]), inRecord, `${form}, root not sent`);
    assertEquals(verdict([tlsa(form, MIDDLE)], [leaf]), inRecord, `${form}, intermediate not sent`);
    assertEquals(verdict([tlsa(form, leaf)], WHOLE), NOT_NAMED, `${form}, the leaf's own`);
    assertEquals(verdict([tlsa(form, ROOT)], [leaf]), NOT_NAMED, `${form}, a gap`);
  }
});

Deno.test("daneFault() minds dates and names below an authority", () => {
  const below = (cert: string, names?: string[]) =>
    verdict([tlsa("2 1 1", ROOT)], [cert, MIDDLE, ROOT], names);
  assertMatch(below(expired), /^its certificate is not valid now, but from 2020-01-01T.* to 2021-01-01T/);
  assertMatch(below(early), /^its certificate is not valid now, but from 2090-/);
  assertEquals(
    below(other),
    "its certificate is for DNS:mail.other.test, not for mx.far.test or far.test",
  );
  assertEquals(below(wild), "verified", "a wildcard, in another case");
  assertEquals(below(domainOnly), "verified", "the next-hop domain's name");
  assertMatch(below(domainOnly, [HOST]), /^its certificate is for DNS:far\.test/);
  assertEquals(below(wild, ["a.b.far.test"]), "its certificate is for DNS:*.FAR.test, not for a.b.far.test");
});

Deno.test("daneFault() lets no stranger's authority stand in the path", async () => {
  const strange = await Authority.make("Test Intermediate"); // the same name, another key
  const theirs = (await strange.issue([HOST])).cert;
  assertEquals(verdict([tlsa("2 1 1", ROOT)], [theirs, MIDDLE, ROOT]), NOT_NAMED);
  assertEquals(verdict([tlsa("2 0 0", MIDDLE)], [theirs]), NOT_NAMED);
  assertEquals(verdict([tlsa("2 1 0", MIDDLE)], [theirs]), NOT_NAMED);
  // a server's certificate is no authority, though it signed one
  assertEquals(verdict([tlsa("2 1 1", leaf)], [other, leaf]), NOT_NAMED);
  assertEquals(verdict([tlsa("3 1 1", leaf)], []), "it showed no certificate that can be read");
});

Deno.test("usableRecords() follows RFC 7672 3.1 and the agility of digests", () => {
  const right = tlsa("3 1 1", leaf);
  const unusable: TlsaRecord[] = [
    tlsa("1 1 1", leaf),
    tlsa("0 0 1", leaf),
    tlsa("4 1 1", leaf),
    { ...right, matchingType: 9 },
    { ...right, selector: 9 },
    { ...right, data: right.data.subarray(1) },
    { ...right, matchingType: 2 },
    { usage: 3, selector: 0, matchingType: 0, data: Uint8Array.of(1, 2, 3) },
    { usage: 2, selector: 1, matchingType: 0, data: new Uint8Array(0) },
  ];
  assertEquals(usableRecords(unusable), []);
  assertEquals(usableRecords([...unusable, right]), [right]);

  const rows: [[string, string][], string][] = [
    [[["3 1 1", other], ["3 1 1", leaf]], "verified"],
    [[["3 1 1", other], ["2 0 1", ROOT]], "verified"],
    [[["3 1 1", leaf], ["3 1 2", other]], NOT_NAMED],
    [[["3 1 1", other], ["3 1 2", leaf]], "verified"],
    [[["3 0 1", leaf], ["3 1 2", other]], "verified"],
    [[["3 1 0", leaf], ["3 1 2", other]], "verified"],
    [[["1 1 1", leaf], ["3 1 1", other]], NOT_NAMED],
  ];
  for (const [records, expected] of rows) {
    assertEquals(
      verdict(records.map(([form, cert]) => tlsa(form, cert)), WHOLE),
      expected,
      records.map(([f]) => f).join(),
    );
  }
});

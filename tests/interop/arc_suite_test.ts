/** The public test suite of ARC (RFC 8617): every chain has its result. */

import { assertEquals } from "@std/assert";
import { isMap, isScalar, parseAllDocuments } from "yaml";
import { ArcVerifier } from "../../src/authentication/arc_verifier.ts";
import { BodyHasher } from "../../src/authentication/dkim_body.ts";
import { rawFields } from "../../src/authentication/dkim_header.ts";
import { binaryString, encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { TxtResolver } from "../authentication/txt_resolver.ts";

interface Case {
  readonly name: string;
  readonly message: string;
  /** As it was meant; empty: the last seal says itself that it failed. */
  readonly cv: string;
  readonly records: Readonly<Record<string, string>>;
}

/** They want rsa-sha1 to pass, which RFC 8301 3.1 forbids since; the suite is older. */
const FORBIDDEN: ReadonlySet<string> = new Set(["ams_fields_a_sha1", "as_fields_a_sha1"]);

const file = Deno.env.get("INTEROP_ARC_SUITE") ?? "/opt/dinopost-interop/arc/arc-draft-validation-tests.yml";
const cases = readCases(await Deno.readTextFile(file));

Deno.test("the suite has 174 cases", () => assertEquals(cases.length, 174));

for (const { name, message, cv, records } of cases) {
  const wanted = FORBIDDEN.has(name) ? "fail" : cv || "fail";
  Deno.test(`${name} comes to ${wanted}`, async () => {
    const octets = encode(message.replaceAll("\n", "\r\n"));
    const text = binaryString(octets);
    const blank = text.startsWith("\r\n") ? 2 : text.indexOf("\r\n\r\n") + 4 || octets.length;
    const zone = Object.fromEntries(Object.entries(records).map(([owner, record]) => [owner, [record]]));
    const hasher = new BodyHasher();
    const verifier = new ArcVerifier(rawFields(octets.subarray(0, blank)), {
      resolver: new TxtResolver(zone),
      clock: new ManualClock(),
      hasher,
    });
    hasher.write(octets.subarray(blank));
    hasher.end();
    assertEquals((await verifier.result()).result, wanted);
  });
}

/** All of them: some names stand twice. */
function readCases(text: string): Case[] {
  return parseAllDocuments(text, { uniqueKeys: false }).flatMap((document) => {
    const scenario = document.toJS() as { "txt-records"?: Case["records"] } | null;
    const tests = document.get("tests");
    if (!scenario || !isMap(tests)) return [];
    return tests.items.map(({ key, value }) => {
      if (!isScalar(key) || !isMap(value)) throw new Error("a case is described otherwise");
      const { message, cv } = value.toJS(document) as { message: string; cv: string | null };
      const name = String(key.value);
      return { name, message, cv: (cv ?? "").trim().toLowerCase(), records: scenario["txt-records"] ?? {} };
    });
  });
}

/** The public test suite of SPF (RFC 7208): every case has its result, and where it says so its explanation. */

import { assert, assertEquals } from "@std/assert";
import { parseAllDocuments } from "yaml";
import { checkSpf } from "../../src/authentication/spf.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import type { ZoneEntry, Zones } from "../../src/testing/dns_zones.ts";
import { ZoneResolver } from "../authentication/zone_resolver.ts";

interface Case {
  helo: string;
  host: string;
  mailfrom: string;
  result: string | string[];
  explanation?: string;
}
type SuiteRecord = string | Record<string, unknown>;
interface Scenario {
  description: string;
  tests: Record<string, Case>;
  zonedata: Record<string, SuiteRecord[]>;
}

const CASES = 203;

const file = Deno.env.get("INTEROP_SPF_SUITE") ?? "/opt/dinopost-interop/spf/rfc7208-tests.yml";
const scenarios = parseAllDocuments(await Deno.readTextFile(file))
  .map((document) => document.toJS() as Scenario | null).filter((scenario) => scenario !== null);

Deno.test(`the suite has ${CASES} cases`, () => {
  assertEquals(scenarios.reduce((sum, { tests }) => sum + Object.keys(tests).length, 0), CASES);
});

for (const { description, tests, zonedata } of scenarios) {
  const { zones, failing } = zonesOf(zonedata);
  for (const [name, { helo, host, mailfrom, result, explanation }] of Object.entries(tests)) {
    Deno.test(`${description}: ${name}`, async () => {
      const resolver = new ZoneResolver(zones, failing);
      const verdict = await checkSpf(
        { ip: host, helo, sender: mailfrom, receiver: "receiver.example.com" },
        { resolver, clock: new ManualClock() },
      );
      const wanted = Array.isArray(result) ? result : [result];
      assert(wanted.includes(verdict.result), `${verdict.result} (${verdict.reason}), expected ${wanted}`);
      // DEFAULT stands for what a receiver says without the domain's own words
      if (explanation !== undefined) assertEquals(verdict.explanation ?? "DEFAULT", explanation);
    });
  }
}

/** The zones of a scenario. Records of the type SPF, which is no more, stand for TXT where there are none of these. */
function zonesOf(data: Scenario["zonedata"]): { zones: Zones; failing: Set<string> } {
  const zones: Zones = {};
  const failing = new Set<string>();
  for (const [owner, records] of Object.entries(data)) {
    const name = owner.toLowerCase();
    const entry: ZoneEntry = zones[name] = {};
    const typed = records.filter((record) => typeof record !== "string");
    const ownTexts = typed.some((record) => "TXT" in record);
    for (const record of typed) {
      for (const [type, value] of Object.entries(record)) {
        if (value === "TIMEOUT") failing.add(`${type} ${name}`);
        else if (type === "SPF") { if (!ownTexts) add(entry, "TXT", value); }
        else if (value !== "NONE") add(entry, type, value);
      }
    }
    if (records.includes("TIMEOUT")) {
      for (const type of ["TXT", "A", "AAAA", "MX", "PTR"] as const) {
        if (!entry[type]) failing.add(`${type} ${name}`);
      }
    }
  }
  return { zones, failing };
}

function add(entry: ZoneEntry, type: string, value: unknown): void {
  switch (type) {
    case "TXT":
      (entry.TXT ??= []).push(Array.isArray(value) ? value.join("") : String(value));
      break;
    case "MX":
      (entry.MX ??= []).push(value as [number, string]);
      break;
    case "A":
    case "AAAA":
    case "PTR":
      (entry[type] ??= []).push(String(value));
      break;
    case "CNAME":
      entry.CNAME = String(value);
      break;
    default:
      throw new TypeError(`A record of type ${type}`);
  }
}

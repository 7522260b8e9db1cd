import { assertEquals } from "@std/assert";
import { BoundedResolver } from "../../src/authentication/bounded_resolver.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Semaphore } from "../../src/base/semaphore.ts";
import type { DnsResult } from "../../src/dns/resolver.ts";
import { ZoneResolver } from "./zone_resolver.ts";

Deno.test("all checks together have a bounded number of questions; who waits for a place too long asks nothing", async () => {
  const clock = new ManualClock();
  const places = new Semaphore(1);
  const silent = Promise.withResolvers<DnsResult<string>>();
  const zone = new ZoneResolver({ "here.example": { TXT: ["x"] } });
  const inner = {
    mx: (name: string) => zone.mx(name),
    addresses: (name: string, family: 4 | 6) => zone.addresses(name, family),
    ptr: (ip: string) => zone.ptr(ip),
    txt: (name: string) => name === "silent.example" ? silent.promise : zone.txt(name),
  };
  const [first, second, third] = [1, 2, 3].map(() => new BoundedResolver(inner, places));
  first!.endIn(10_000, clock);
  second!.endIn(1000, clock);
  const [slow, late, patient] = [
    first!.txt("silent.example"),
    second!.txt("here.example"),
    third!.txt("here.example"),
  ];
  clock.advance(1000);
  const failure = { kind: "temporaryFailure", why: "The DNS did not answer within 1 s" } as const;
  assertEquals(await late, failure);
  assertEquals(await second!.mx("here.example"), failure);
  silent.resolve({ kind: "nxdomain" });
  assertEquals(await slow, { kind: "nxdomain" });
  assertEquals(await patient, { kind: "found", records: ["x"] });
  assertEquals(zone.questions, ["TXT here.example"]);
});

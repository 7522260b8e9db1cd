import { assertEquals } from "@std/assert";
import { checkIprev } from "../../src/authentication/iprev.ts";
import { ZoneResolver } from "./zone_resolver.ts";

const zones = {
  "1.2.0.192.in-addr.arpa": { PTR: ["other.test", "Mail.Test."] },
  "2.2.0.192.in-addr.arpa": { PTR: ["other.test"] },
  "3.2.0.192.in-addr.arpa": { PTR: Array.from({ length: 6 }, (_, i) => `n${i}.test`) },
  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": { PTR: ["mail.test"] },
  "mail.test": { A: ["192.0.2.1"], AAAA: ["2001:db8::1"] },
  "other.test": { A: ["192.0.2.9"] },
  "n5.test": { A: ["192.0.2.3"] },
};

Deno.test("an address with a name that leads back to it passes", async () => {
  const resolver = new ZoneResolver(zones);
  assertEquals(await checkIprev("192.0.2.1", resolver), {
    result: "pass",
    ip: "192.0.2.1",
    name: "mail.test",
  });
  assertEquals(await checkIprev("::ffff:192.0.2.1", resolver), {
    result: "pass",
    ip: "192.0.2.1",
    name: "mail.test",
  });
  assertEquals(await checkIprev("2001:DB8:0::1", resolver), {
    result: "pass",
    ip: "2001:db8::1",
    name: "mail.test",
  });
});

Deno.test("one whose names lead elsewhere fails, and no more than five are asked for", async () => {
  const resolver = new ZoneResolver(zones);
  const { result, name } = await checkIprev("192.0.2.2", resolver);
  assertEquals({ result, name }, { result: "fail", name: "other.test" });
  assertEquals((await checkIprev("192.0.2.3", resolver)).result, "fail");
  assertEquals(resolver.questions.filter((question) => question.startsWith("A n")).length, 5);
});

Deno.test("one without a name is told apart from a DNS that can't be asked", async () => {
  assertEquals((await checkIprev("192.0.2.4", new ZoneResolver(zones))).result, "permerror");
  const noNames = new ZoneResolver(zones, new Set(["1.2.0.192.in-addr.arpa"]));
  assertEquals((await checkIprev("192.0.2.1", noNames)).result, "temperror");
  const noAddress = new ZoneResolver(zones, new Set(["A mail.test"]));
  assertEquals((await checkIprev("192.0.2.1", noAddress)).result, "temperror");
});

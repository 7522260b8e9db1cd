import { assertEquals } from "@std/assert";
import { takesReports } from "../../src/server/dmarc_reports.ts";
import { TxtResolver } from "../authentication/txt_resolver.ts";

const ZONE = {
  "_dmarc.example.org": ["v=DMARC1; p=none"],
  "_dmarc.news.example.org": ["v=DMARC1; p=none"],
  "_dmarc.pages.test": ["v=DMARC1; p=none; psd=y"],
  "_dmarc.a.pages.test": ["v=DMARC1; p=none"],
  "_dmarc.alone.test": ["v=DMARC1; p=none"],
  "alone.test._report._dmarc.reader.test": ["v=DMARC1"],
  "_dmarc.dead.test": { failure: "silent" },
};

for (
  const [domain, other, takes] of [
    ["example.org", "example.org", true],
    ["example.org", "dmarc.example.org", true],
    ["news.example.org", "example.org", true],
    ["a.pages.test", "pages.test", false],
    ["a.pages.test", "b.pages.test", false],
    ["alone.test", "test", false],
    ["alone.test", "reader.test", true],
    ["example.org", "reader.test", false],
    ["dead.test", "dead.test", true],
    ["a.dead.test", "b.dead.test", false],
  ] as const
) {
  Deno.test(`reports about ${domain} ${takes ? "go" : "don't go"} to addresses at ${other}`, async () => {
    assertEquals(await takesReports(other, domain, new TxtResolver(ZONE)), takes);
  });
}

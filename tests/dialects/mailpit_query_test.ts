import { assertEquals } from "@std/assert";
import { instantOf, mailpitQuery } from "../../src/dialects/mailpit_query.ts";
import { parseQuery } from "../../src/mail/query.ts";

Deno.test("A search of Mailpit's is read word by word", () => {
  for (
    const [theirs, ours] of [
      ['from:Ann  -"your code" invoice', 'from:ann -"your code" invoice'],
      ['subject:"plain words" !is:read', 'subject:"plain words" -is:read'],
      // the quotation marks may stand around all, and need no end
      ['"subject:plain words"', 'subject:"plain words"'],
      ['a "your code', 'a "your code"'],
      ['x"y z"', '"xy z"'],
      ["has:attachments -has:inlines is:tagged", "has:attachment -has:inline is:tagged"],
      // what is no term is a word; what says nothing, nothing
      ["nokey:x is:odd larger:much has:y", '"nokey:x" "is:odd" "larger:much" "has:y"'],
      ['from: before:never - "" x', '"-" x'],
      ["larger:1k smaller:1.5MB larger:7", "larger:1024 smaller:1572864 larger:7"],
      ["https://a.example/", '"https://a.example/"'],
    ] as const
  ) {
    const parsed = parseQuery(ours);
    assertEquals([theirs, mailpitQuery(theirs)], [theirs, "terms" in parsed ? parsed.terms : []]);
  }
  assertEquals(mailpitQuery("a ".repeat(1000)).length, 50);
});

Deno.test("A time is of the zone that is named", () => {
  for (
    const [text, zone, at] of [
      ["2026-11-30", undefined, "2026-11-30T00:00:00Z"],
      ["2026-11-30", "Pacific/Auckland", "2026-11-29T11:00:00Z"],
      ["2026-07-01 10:00", "Europe/Berlin", "2026-07-01T08:00:00Z"],
      ["2026-07-01T10:00:30", "Europe/Berlin", "2026-07-01T08:00:30Z"],
      ["2026/7/1", "Europe/Berlin", "2026-06-30T22:00:00Z"],
      ["Nov 30, 2026", "America/New_York", "2026-11-30T05:00:00Z"],
      ["11/30/2026 10:00", "America/New_York", "2026-11-30T15:00:00Z"],
      // one that says its own is of no other
      ["2026-11-30T10:00:00Z", "Pacific/Auckland", "2026-11-30T10:00:00Z"],
      ["2026-11-30T10:00:00+02:00", "Pacific/Auckland", "2026-11-30T08:00:00Z"],
      ["1795986000", "Pacific/Auckland", "2026-11-29T21:00:00Z"],
      ["1795986000123", undefined, "2026-11-29T21:00:00.123Z"],
      // nobody knows that zone
      ["2026-11-30", "Middle/Earth", "2026-11-30T00:00:00Z"],
    ] as const
  ) {
    assertEquals([text, zone, instantOf(text, zone)], [text, zone, Date.parse(at)]);
  }
  for (const text of ["", "never", "2026-13-01", "2026-02-30T25:00"]) {
    assertEquals(instantOf(text), undefined);
  }
  assertEquals(mailpitQuery("-before:2026-11-30", "Pacific/Auckland"), [
    { not: true, asked: { on: "before", at: Date.parse("2026-11-29T11:00:00Z") } },
  ]);
});

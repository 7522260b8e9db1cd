import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { addressDomains, completeAddresses } from "../../src/mail/address_list.ts";
import { cpuMs } from "../support/cpu_time.ts";

const D = "d.example";

/** What comes, and what goes on; `@` in the second stands for `@d.example` where the first has no domain. */
const COMPLETED: [value: string, completed: string][] = [
  [" root", ` root@${D}`],
  [" root (Cron Daemon)", ` root@${D} (Cron Daemon)`],
  [" (all (of) \\) us) root", ` (all (of) \\) us) root@${D}`],
  [" <root>", ` <root@${D}>`],
  [" Jo Smith <jo>", ` Jo Smith <jo@${D}>`],
  [' "Smith, Jo" <jo>, ann', ` "Smith, Jo" <jo@${D}>, ann@${D}`],
  [" =?utf-8?q?J=C3=BCrg?= <jo>", ` =?utf-8?q?J=C3=BCrg?= <jo@${D}>`],
  [' "the root"', ` "the root"@${D}`],
  [" jo, ann@x.example,\r\n\tpat", ` jo@${D}, ann@x.example,\r\n\tpat@${D}`],
  [" team: jo, ann@x.example, Pat <pat>;, sue", ` team: jo@${D}, ann@x.example, Pat <pat@${D}>;, sue@${D}`],
  [" j\xc3\xbcrg", ` j\xc3\xbcrg@${D}`],
  [" a..b, www-data", ` a..b@${D}, www-data@${D}`],
  [" < root >", ` < root@${D} >`],
];

/** What has its domain, or is none to complete. */
const KEPT: string[] = [
  "",
  " ",
  " ,,",
  " <>",
  " jo@x.example",
  " jo @ x.example (home)",
  " jo@[192.0.2.1]",
  " Jo <jo@x.example>",
  " <@a.example,@b.example:jo@x.example>",
  " undisclosed-recipients:;",
  " Undisclosed recipients: ;",
  " Jo Smith",
  " =?utf-8?q?J=C3=BCrg?=",
  " .root",
  // malformed: nobody can tell what was meant
  " root, <jo",
  " root, jo>",
  ' root, "jo',
  " root (jo",
  " root )",
  " root, <jo, ann>",
  " root, a\\b",
];

Deno.test("completeAddresses() puts a domain behind names that have none", () => {
  for (const [value, completed] of COMPLETED) assertEquals(completeAddresses(value, D), completed, value);
});

Deno.test("completeAddresses() leaves everything else as it is", () => {
  for (const value of KEPT) assertEquals(completeAddresses(value, D), value, value);
});

Deno.test("completeAddresses() only ever adds domains, and a second time nothing", () => {
  const signs = fc.string({
    unit: fc.constantFrom(...'ab. ,;:<>@()[]"\\\xfc', "\r\n ", "root"),
    maxLength: 30,
  });
  fc.assert(
    fc.property(signs, (value) => {
      const once = completeAddresses(value, D);
      assertEquals(once.replaceAll(`@${D}`, ""), value);
      assertEquals(completeAddresses(once, D), once);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("completeAddresses() takes linear time for hostile values", async () => {
  for (const value of ["(".repeat(100_000), '"\\'.repeat(50_000), "a,".repeat(50_000), "<".repeat(100_000)]) {
    const ms = await cpuMs(() => completeAddresses(value, D));
    assert(ms < 500, `${ms} ms`);
  }
});

const DOMAINS: [value: string, domains: string[]][] = [
  ["jo@a.test", ["a.test"]],
  ["Jo <jo@a.test>", ["a.test"]],
  ['"x@b.test" <jo@a.test> (y@c.test)', ["a.test"]],
  ["x@b.test <jo@a.test>", ["a.test"]],
  ["<jo@a.test> x@b.test", ["a.test"]],
  ["jo@a.test, <x@b.test>", ["a.test", "b.test"]],
  ["team: jo@a.test, ann@b.test;", ["a.test", "b.test"]],
  ["<@r.test,@s.test:jo@a.test>", ["a.test"]],
  ["jo @ a . test", ["a.test"]],
  ["jo@a.(hm)test", ["a.test"]],
  ["jo@a.test Jo", ["a.test"]],
  ['"j o"@B\u00fccher.test', ["B\u00fccher.test"]],
  ["jo@[192.0.2.1]", ["[192.0.2.1]"]],
  ["jo", []],
  ["", []],
  ["undisclosed:;", []],
  // no address list
  ["Jo <jo@a.test", ["a.test"]],
  ['"Jo <jo@a.test>', ["a.test"]],
  ["(Jo jo@b.test <jo@a.test>", ["a.test"]],
];
for (const [value, domains] of DOMAINS) {
  Deno.test(`addressDomains() of ${JSON.stringify(value)}`, () => {
    assertEquals(addressDomains(value), domains);
  });
}

Deno.test("addressDomains() takes linear time for hostile values", async () => {
  for (
    const value of ["@".repeat(100_000), '"\\'.repeat(50_000), "a@b,".repeat(25_000), "<".repeat(100_000)]
  ) {
    const ms = await cpuMs(() => addressDomains(value));
    assert(ms < 500, `${ms} ms`);
  }
});

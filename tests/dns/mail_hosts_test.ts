import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { seededRandom } from "../../src/base/random.ts";
import { findHost, findMailHosts, type MailHosts, type MailHostsOptions } from "../../src/dns/mail_hosts.ts";
import { type FakeName, FakeResolver } from "./fake_resolver.ts";

type Names = Record<string, FakeName>;

function options(names: Names, more: Partial<MailHostsOptions> = {}): MailHostsOptions {
  return {
    resolver: new FakeResolver(names),
    random: seededRandom(1),
    ownNames: ["mail.howstuffworks.com"],
    family: "any",
    allowPrivate: false,
    ...more,
  };
}

/** The result in one line: `mx 10 a=1.1.1.1,::1; 20 b=…` or `failed 5.1.2 text`. */
function line(result: MailHosts): string {
  if (result.kind !== "hosts") return `${result.kind} ${result.status} ${result.text}`;
  const hosts = result.hosts.map((h) => `${h.preference} ${h.host}=${h.addresses.join(",")}`);
  return `${result.how} ${hosts.join("; ")}`;
}

const A = { a: ["8.8.1.1"] };
const B = { a: ["8.8.2.2"] };
const C = { a: ["8.8.3.3"] };

interface Row {
  name: string;
  domain?: string;
  names: Names;
  with?: Partial<MailHostsOptions>;
  want: string;
}

const rows: Row[] = [
  // preference, implicit MX
  {
    name: "orders hosts by preference",
    names: {
      "d.test": { mx: [[20, "b.test"], [5, "a.test"], [30, "c.test"]] },
      "a.test": A,
      "b.test": B,
      "c.test": C,
    },
    want: "mx 5 a.test=8.8.1.1; 20 b.test=8.8.2.2; 30 c.test=8.8.3.3",
  },
  {
    name: "takes the domain's own address when the DNS says that there is no MX",
    names: { "d.test": { a: ["8.8.1.1", "8.8.1.2"], aaaa: ["2600::1"] } },
    want: "implicit 0 d.test=8.8.1.1,2600::1,8.8.1.2",
  },
  {
    name: "fails when there is neither MX nor address",
    names: { "d.test": {} },
    want: "failed 5.1.2 The domain d.test has neither mail servers nor an address",
  },
  {
    name: "doesn't fall back to the domain's address when its MX hosts don't exist",
    names: { "d.test": { mx: [[10, "a.test"]], a: ["8.8.1.1"] } },
    want: "failed 5.4.4 No mail server of d.test has an address",
  },
  {
    name: "keeps the better preference of a host that stands there twice",
    names: { "d.test": { mx: [[20, "a.test"], [10, "a.test"]] }, "a.test": A },
    want: "mx 10 a.test=8.8.1.1",
  },
  // what the DNS says of the domain
  {
    name: "fails for a domain that doesn't exist",
    names: {},
    want: "failed 5.1.2 The domain d.test doesn't exist",
  },
  {
    name: "fails for something that is no domain",
    domain: "a b\r\n",
    names: {},
    want: "failed 5.1.2 a b?? is not a domain",
  },
  {
    name: "defers when nobody can tell the MX, whatever the address says",
    names: { "d.test": { mx: "Name server 127.0.0.1:53 answered SERVFAIL", a: ["8.8.1.1"] } },
    want:
      "deferred 4.4.3 The MX records of d.test can't be looked up now: Name server 127.0.0.1:53 answered SERVFAIL",
  },
  {
    name: "fails at once for a null MX, though there is an address",
    names: { "d.test": { mx: [[0, ""]], a: ["8.8.1.1"] } },
    want: "failed 5.1.10 The domain d.test accepts no mail (null MX)",
  },
  {
    name: "ignores a null MX beside a real one",
    names: { "d.test": { mx: [[0, ""], [10, "a.test"]] }, "a.test": A },
    want: "mx 10 a.test=8.8.1.1",
  },
  // hosts whose names or addresses are no good
  {
    name: "ignores MX names that are addresses or no names",
    names: {
      "d.test": { mx: [[1, "8.8.8.8"], [2, "2600::5"], [3, "a b.test"], [4, "x..y"], [10, "a.test"]] },
      "a.test": A,
    },
    want: "mx 10 a.test=8.8.1.1",
  },
  {
    name: "fails when all MX names are addresses",
    names: { "d.test": { mx: [[1, "8.8.8.8"]] } },
    want: "failed 5.4.4 No mail server of d.test has an address",
  },
  {
    name: "skips hosts without addresses",
    names: {
      "d.test": { mx: [[1, "gone.test"], [2, "bare.test"], [3, "a.test"]] },
      "bare.test": {},
      "a.test": A,
    },
    want: "mx 3 a.test=8.8.1.1",
  },
  {
    name: "skips a host that can't be looked up now while another can",
    names: {
      "d.test": { mx: [[1, "late.test"], [3, "a.test"]] },
      "late.test": { a: "silence", aaaa: "silence" },
      "a.test": A,
    },
    want: "mx 3 a.test=8.8.1.1",
  },
  {
    name: "uses the family that is known while the other one is not",
    names: { "d.test": { mx: [[1, "half.test"]] }, "half.test": { a: ["8.8.1.1"], aaaa: "silence" } },
    want: "mx 1 half.test=8.8.1.1",
  },
  {
    name: "defers when no host has an address and one can't be looked up now",
    names: { "d.test": { mx: [[1, "gone.test"], [2, "half.test"]] }, "half.test": { aaaa: "silence" } },
    want: "deferred 4.4.3 The addresses of half.test can't be looked up now: AAAA: silence",
  },
  {
    name: "defers when the address of an implicit MX can't be told",
    names: { "d.test": { a: "SERVFAIL", aaaa: "SERVFAIL" } },
    want: "deferred 4.4.3 The addresses of d.test can't be looked up now: A: SERVFAIL; AAAA: SERVFAIL",
  },
  // ourselves
  {
    name: "cuts the list at our own name, with all of the same preference and worse",
    names: {
      "d.test": { mx: [[10, "a.test"], [20, "mail.howstuffworks.com"], [20, "b.test"], [30, "c.test"]] },
      "a.test": A,
      "b.test": B,
      "c.test": C,
    },
    want: "mx 10 a.test=8.8.1.1",
  },
  {
    name: "cuts the list at our own address",
    names: {
      "d.test": { mx: [[10, "a.test"], [20, "b.test"], [30, "c.test"]] },
      "a.test": A,
      "b.test": { a: ["8.8.9.9"], aaaa: ["2600:0::9"] },
      "c.test": C,
    },
    with: { ownAddresses: ["2600::9"] },
    want: "mx 10 a.test=8.8.1.1",
  },
  {
    name: "knows our own address also in IPv4-mapped clothes",
    names: { "d.test": { mx: [[10, "a.test"]] }, "a.test": { aaaa: ["::ffff:8.8.1.1"] } },
    with: { ownAddresses: ["8.8.1.1"] },
    want: "failed 5.4.6 Mail for d.test would come back to this server, which doesn't take it",
  },
  {
    name: "fails when we are the best host, by name",
    names: { "d.test": { mx: [[10, "mail.howstuffworks.com"], [20, "a.test"]] }, "a.test": A },
    want: "failed 5.4.6 Mail for d.test would come back to this server, which doesn't take it",
  },
  {
    name: "fails when the domain's own address is ours",
    names: { "d.test": A },
    with: { ownAddresses: ["8.8.1.1"] },
    want: "failed 5.4.6 Mail for d.test would come back to this server, which doesn't take it",
  },
  {
    name: "fails when every better host is gone for good",
    names: { "d.test": { mx: [[10, "gone.test"], [20, "mail.howstuffworks.com"]] } },
    want: "failed 5.4.6 Mail for d.test would come back to this server, which doesn't take it",
  },
  {
    name: "defers when a better host can't be looked up now",
    names: {
      "d.test": { mx: [[10, "late.test"], [20, "mail.howstuffworks.com"]] },
      "late.test": { a: "silence" },
    },
    want: "deferred 4.4.3 The addresses of late.test can't be looked up now: A: silence",
  },
  // addresses that mail is not sent to
  {
    name: "refuses private addresses and keeps the public one",
    names: { "d.test": { mx: [[1, "a.test"]] }, "a.test": { a: ["10.0.0.1", "8.8.1.1"], aaaa: ["fe80::1"] } },
    want: "mx 1 a.test=8.8.1.1",
  },
  {
    name: "fails when all addresses are refused",
    names: { "d.test": { mx: [[1, "a.test"]] }, "a.test": { a: ["127.0.0.1"], aaaa: ["::1"] } },
    want: "failed 5.4.4 a.test has no address that mail is sent to: 127.0.0.1 (loopback), ::1 (loopback)",
  },
  {
    name: "allows private addresses when told to",
    names: { "d.test": { mx: [[1, "a.test"]] }, "a.test": { a: ["127.0.2.1", "0.0.0.0"], aaaa: ["::1"] } },
    with: { allowPrivate: true },
    want: "mx 1 a.test=127.0.2.1,::1",
  },
  // families
  {
    name: "interleaves IPv4 and IPv6",
    names: {
      "d.test": { mx: [[1, "a.test"]] },
      "a.test": { a: ["8.8.1.1", "8.8.1.2"], aaaa: ["2600::1", "2600::2", "2600::3"] },
    },
    want: "mx 1 a.test=8.8.1.1,2600::1,8.8.1.2,2600::2,2600::3",
  },
  {
    name: "uses IPv6 only when told to",
    names: { "d.test": { mx: [[1, "a.test"]] }, "a.test": { a: ["8.8.1.1"], aaaa: ["2600::1"] } },
    with: { family: "ipv6" },
    want: "mx 1 a.test=2600::1",
  },
  {
    name: "fails without an address of the wanted family",
    names: { "d.test": { mx: [[1, "a.test"]] }, "a.test": A },
    with: { family: "ipv6" },
    want: "failed 5.4.4 No mail server of d.test has an IPv6 address",
  },
  // literals
  { name: "takes an IPv4 literal", domain: "[192.0.2.1]", names: {}, want: "literal 0 192.0.2.1=192.0.2.1" },
  {
    name: "takes an IPv6 literal",
    domain: "[IPv6:2001:DB8::1]",
    names: {},
    want: "literal 0 2001:db8::1=2001:db8::1",
  },
  {
    name: "refuses a literal on loopback",
    domain: "[127.0.0.1]",
    names: {},
    want: "failed 5.4.4 127.0.0.1 has no address that mail is sent to: 127.0.0.1 (loopback)",
  },
  {
    name: "knows ourselves in a literal",
    domain: "[8.8.1.1]",
    names: {},
    with: { ownAddresses: ["8.8.1.1"] },
    want: "failed 5.4.6 Mail for [8.8.1.1] would come back to this server, which doesn't take it",
  },
  {
    name: "fails for a literal of another family than the wanted one",
    domain: "[IPv6:2600::1]",
    names: {},
    with: { family: "ipv4" },
    want: "failed 5.4.4 [IPv6:2600::1] has no IPv4 address",
  },
  {
    name: "fails for a literal that is no address",
    domain: "[x-net:abc]",
    names: {},
    want: "failed 5.1.2 [x-net:abc] is not the address of a host",
  },
];

for (const row of rows) {
  Deno.test(`findMailHosts() ${row.name}`, async () => {
    const result = await findMailHosts(row.domain ?? "d.test", options(row.names, row.with));
    assertEquals(line(result), row.want);
    for (const step of result.steps) assertMatch(step, /^[\x20-\x7e]+\.$/);
    assert(result.steps.length > 0, "no steps");
  });
}

Deno.test("findMailHosts() puts hosts of equal preference in every order", async () => {
  const names = {
    "d.test": { mx: [[1, "a.test"], [5, "b.test"], [5, "c.test"]] as [number, string][] },
    "a.test": A,
    "b.test": B,
    "c.test": C,
  };
  const random = seededRandom(7);
  const seen = new Map<string, number>();
  for (let i = 0; i < 200; i++) {
    const result = await findMailHosts("d.test", options(names, { random }));
    assert(result.kind === "hosts");
    const order = result.hosts.map(({ host }) => host[0]).join("");
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assertEquals([...seen.keys()].sort(), ["abc", "acb"]);
  for (const times of seen.values()) assert(times > 70, `one order came ${times} times of 200`);
});

Deno.test("findMailHosts() tries at most 5 hosts and 20 addresses, and asks for at most 10 hosts", async () => {
  const mx = Array.from({ length: 30 }, (_, i): [number, string] => [i, `h${i}.test`]);
  const names: Names = { "d.test": { mx } };
  mx.forEach(([i, host]) => names[host] = { a: Array.from({ length: 8 }, (_, j) => `8.8.${i}.${j}`) });
  const few = options(names);
  const result = await findMailHosts("d.test", few);
  assert(result.kind === "hosts");
  assertEquals(result.hosts.map(({ addresses }) => addresses.length), [8, 8, 4]);
  assertEquals((few.resolver as FakeResolver).questions.length, 1 + 2 * 10);
  mx.forEach(([i, host]) => names[host] = { a: [`8.8.${i}.1`] });
  const many = await findMailHosts("d.test", options(names));
  assertEquals(many.kind === "hosts" && many.hosts.map(({ host }) => host), [
    "h0.test",
    "h1.test",
    "h2.test",
    "h3.test",
    "h4.test",
  ]);
});

Deno.test("findMailHosts() tells its steps", async () => {
  const names: Names = {
    "d.test": { mx: [[10, "a.test"], [20, "8.8.8.8"], [30, "mail.howstuffworks.com"], [40, "b.test"]] },
    "a.test": { a: ["8.8.1.1", "10.0.0.1"] },
    "b.test": B,
  };
  assertEquals((await findMailHosts("d.test", options(names))).steps, [
    "MX of d.test: 10 a.test, 20 8.8.8.8, 30 mail.howstuffworks.com, 40 b.test.",
    "8.8.8.8 is left out: an MX must be a name, not an address.",
    "mail.howstuffworks.com is this server: it and every host from preference 30 on are left out.",
    "a.test has 8.8.1.1.",
    "No mail is sent to 10.0.0.1 (private) of a.test.",
  ]);
});

Deno.test("findMailHosts() never answers with ourselves or anything after us, and keeps the order", async () => {
  const hosts = [
    "a.test",
    "b.test",
    "c.test",
    "d.test",
    "us.test",
    "us-by-address.test",
    "gone.test",
    "late.test",
  ];
  const names: Names = {
    "a.test": A,
    "b.test": B,
    "c.test": { aaaa: ["2600::3"] },
    "d.test": { a: ["10.0.0.1"] },
    "us.test": { a: ["8.8.7.7"] },
    "us-by-address.test": { a: ["8.8.6.6", "8.8.5.5"] },
    "late.test": { a: "silence", aaaa: "silence" },
  };
  const list = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.constantFrom(...hosts)), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(list, fc.integer(), async (mx, seed) => {
      const result = await findMailHosts(
        "dom.test",
        options({ ...names, "dom.test": { mx, a: ["8.8.1.1"] } }, {
          random: seededRandom(seed),
          ownNames: ["US.test."],
          ownAddresses: ["8.8.5.5"],
        }),
      );
      const ours = Math.min(
        ...mx.filter(([, host]) => host.startsWith("us")).map(([preference]) => preference),
      );
      if (result.kind !== "hosts") return;
      let last = -1;
      for (const { preference, host, addresses } of result.hosts) {
        assert(preference < ours && !host.startsWith("us"));
        assert(preference >= last);
        assert(addresses.length > 0 && mx.some(([p, h]) => p === preference && h === host));
        last = preference;
      }
    }),
    { numRuns: 300 },
  );
});

const hostRows: Row[] = [
  {
    name: "takes a name",
    domain: "Smart.test.",
    names: { "smart.test": A },
    want: "host 0 smart.test=8.8.1.1",
  },
  {
    name: "asks for no MX",
    domain: "d.test",
    names: { "d.test": { mx: [[1, "a.test"]], ...B } },
    want: "host 0 d.test=8.8.2.2",
  },
  { name: "takes an address", domain: "8.8.1.1", names: {}, want: "host 0 8.8.1.1=8.8.1.1" },
  { name: "takes a literal", domain: "[IPv6:2600::1]", names: {}, want: "host 0 2600::1=2600::1" },
  {
    name: "defers when the host doesn't exist",
    domain: "s.test",
    names: {},
    want: "deferred 4.4.4 s.test has no address",
  },
  {
    name: "defers when nobody can tell",
    domain: "s.test",
    names: { "s.test": { a: "silence" } },
    want: "deferred 4.4.3 The addresses of s.test can't be looked up now: A: silence",
  },
];

for (const row of hostRows) {
  Deno.test(`findHost() ${row.name}`, async () => {
    const result = await findHost(row.domain!, options(row.names, row.with));
    assertEquals(line(result), row.want);
  });
}

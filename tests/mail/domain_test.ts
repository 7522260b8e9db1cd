import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { literalOf, normalizeDomain, normalizeLiteral, parseLiteral } from "../../src/mail/domain.ts";

const DOMAINS: [text: string, canonical: string | undefined][] = [
  // ASCII names
  ["x.example", "x.example"],
  ["X.Example", "x.example"],
  ["localhost", "localhost"],
  ["1.example", "1.example"],
  ["a-b--c.example", "a-b--c.example"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  // names in other scripts
  ["bücher.example", "xn--bcher-kva.example"],
  ["BÜCHER.example", "xn--bcher-kva.example"],
  ["faß.example", "xn--fa-hia.example"],
  ["ｘ．example", "x.example"],
  // underscores, which the DNS has
  ["a_b", "a_b"],
  ["app_web_1", "app_web_1"],
  ["_", "_"],
  ["Mail_Server.example.net", "mail_server.example.net"],
  ["bücher_x.example", "xn--bcher_x-n2a.example"],
  // the dot that ends a name
  ["us.", "us"],
  ["us。", "us"],
  [`${"d.".repeat(126)}d.`, `${"d.".repeat(126)}d`],
  // lengths
  ["d".repeat(63), "d".repeat(63)],
  ["d".repeat(64), undefined],
  [`${"d.".repeat(126)}d`, `${"d.".repeat(126)}d`],
  [`${"d.".repeat(126)}dd`, undefined],
  [`${"ü".repeat(60)}.example`, undefined],
  // no domains
  ["", undefined],
  [".", undefined],
  ["us..", undefined],
  [".us", undefined],
  ["a..b", undefined],
  ["-a", undefined],
  ["a-", undefined],
  ["-a_b", undefined],
  ["a b", undefined],
  ["[192.0.2.1]", undefined],
  ["é／b", undefined],
  ["é%2e.example", undefined],
  ["\u00ad.example", undefined],
  ["é.example\n", undefined],
];

Deno.test("normalizeDomain() answers lower-case A-labels or undefined", () => {
  for (const [text, canonical] of DOMAINS) assertEquals(normalizeDomain(text), canonical, text);
});

Deno.test("normalizeDomain() is idempotent and never throws", () => {
  const text = fc.oneof(fc.domain(), fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));
  fc.assert(
    fc.property(text, (text) => {
      const name = normalizeDomain(text);
      if (name === undefined) return;
      assert(/^[a-z0-9_.-]{1,253}$/.test(name));
      assertEquals(normalizeDomain(name), name);
    }),
    { numRuns: 1000 },
  );
});

const LITERALS: [text: string, ip: string | undefined, canonical: string | undefined][] = [
  // IPv4
  ["[192.0.2.1]", "192.0.2.1", "[192.0.2.1]"],
  ["[192.000.2.01]", "192.0.2.1", "[192.0.2.1]"],
  ["[0.0.0.0]", "0.0.0.0", "[0.0.0.0]"],
  ["[192.0.2.256]", undefined, undefined],
  ["[192.0.2.1.1]", undefined, undefined],
  ["[0x7f.0.0.1]", undefined, undefined],
  ["[3221225985]", undefined, undefined],
  // IPv6
  ["[IPv6:2001:DB8::1]", "2001:db8::1", "[IPv6:2001:db8::1]"],
  ["[IPV6:::]", "::", "[IPv6:::]"],
  ["[IPv6:::ffff:192.0.2.1]", "::ffff:c000:201", "[IPv6:::ffff:c000:201]"],
  ["[IPv6:2001:db8::1%1]", undefined, undefined],
  ["[IPv6:192.0.2.1]", undefined, undefined],
  ["[IPv6:]", undefined, undefined],
  ["[2001:db8::1]", undefined, undefined],
  // general
  ["[Tag:a.b]", undefined, "[tag:a.b]"],
  ["[tag:]", undefined, undefined],
  ["[tag-:a]", undefined, undefined],
  ["[tag:a\\b]", undefined, undefined],
  // brackets
  ["192.0.2.1", undefined, undefined],
  ["[192.0.2.1", undefined, undefined],
  ["[]", undefined, undefined],
  ["[", undefined, undefined],
];

Deno.test("parseLiteral() and normalizeLiteral() read the literals of RFC 5321 4.1.3", () => {
  for (const [text, ip, canonical] of LITERALS) {
    assertEquals(parseLiteral(text), ip, text);
    assertEquals(normalizeLiteral(text), canonical, text);
  }
});

Deno.test("literalOf() is what parseLiteral() reads", () => {
  for (const ip of ["192.0.2.1", "2001:db8::1", "::1"]) assertEquals(parseLiteral(literalOf(ip)), ip);
});

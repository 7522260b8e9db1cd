import { assertEquals } from "@std/assert";
import { expandMacros, type MacroValues, parseMacroString } from "../../src/authentication/spf_macro.ts";

/** RFC 7208 7.4: strong-bad@email.example.com from 192.0.2.3, whose name is mx.example.org. */
const values: MacroValues = {
  s: "strong-bad@email.example.com",
  l: "strong-bad",
  o: "email.example.com",
  d: "email.example.com",
  i: "192.0.2.3",
  p: "mx.example.org",
  h: "mx.example.org",
  v: "in-addr",
  c: "192.0.2.3",
  r: "mail.receiver.example",
  t: "1700000000",
};

const expansions: [text: string, expanded: string | undefined][] = [
  ["%{s}", "strong-bad@email.example.com"],
  ["%{o}", "email.example.com"],
  ["%{d4}", "email.example.com"],
  ["%{d3}", "email.example.com"],
  ["%{d2}", "example.com"],
  ["%{d1}", "com"],
  ["%{dr}", "com.example.email"],
  ["%{d2r}", "example.email"],
  ["%{l}", "strong-bad"],
  ["%{l-}", "strong.bad"],
  ["%{lr}", "strong-bad"],
  ["%{lr-}", "bad.strong"],
  ["%{l1r-}", "strong"],
  ["%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"],
  ["%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"],
  ["%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"],
  ["%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"],
  ["%{S}", "strong-bad%40email.example.com"],
  ["a%%b%_c%-d", "a%b c%20d"],
  ["", ""],
  // what is no macro-string
  ["%{d0}", undefined],
  ["%{x}", undefined],
  ["%{d", undefined],
  ["%(d)", undefined],
  ["100%", undefined],
  ["%{d2r!}", undefined],
  ["a b", undefined],
  ["é", undefined],
  ["%{c}", undefined],
  ["%{r}", undefined],
  ["%{t}", undefined],
  ["%{s}".repeat(501), undefined],
];
for (const [text, expanded] of expansions) {
  Deno.test(`the macro-string ${JSON.stringify(text.slice(0, 60))} comes to ${expanded}`, () => {
    const parsed = parseMacroString(text);
    assertEquals(parsed && expandMacros(parsed, values), expanded);
  });
}

Deno.test("an explanation may have blanks and the letters of the receiver", () => {
  const parsed = parseMacroString("%{c} by %{R} at %{t}", true)!;
  assertEquals(expandMacros(parsed, values), "192.0.2.3 by mail.receiver.example at 1700000000");
});

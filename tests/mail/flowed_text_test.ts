import { assertEquals } from "@std/assert";
import { unflowed } from "../../src/mail/flowed_text.ts";

Deno.test("unflowed() joins lines within a paragraph and a depth only (RFC 3676)", () => {
  const texts: [string, string][] = [
    ["a \nb\nc", "a b\nc"],
    ["a \n\nb", "a \n\nb"],
    ["> a \n> b \n>> c \n>> d\ne", "> a b \n>> c d\ne"],
    [">a \n>b", "> a b"],
    [" >a\n  b", ">a\n b"],
    ["-- \na", "-- \na"],
    ["a \n-- \nb", "a \n-- \nb"],
    ["> -- \n> a", "> -- \n> a"],
    [">\n>> ", ">\n>>"],
    ["a ", "a "],
    ["", ""],
  ];
  for (const [text, joined] of texts) assertEquals(unflowed(text, false), joined, JSON.stringify(text));
  assertEquals(unflowed("Donau \ndampf  \nschiff\n", true), "Donaudampf schiff\n");
});

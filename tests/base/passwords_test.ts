import { assertEquals } from "@std/assert";
import { formatPhc, parsePhc, passwordFault } from "../../src/base/passwords.ts";

// from the tests of the reference implementation of Argon2
const REFERENCE = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

Deno.test("passwordFault() counts octets and refuses what was not UTF-8", () => {
  const table: [string, string | undefined][] = [
    ["narf", undefined],
    ["é".repeat(512), undefined],
    ["é".repeat(513), "received a password that is too long, expected 1024 octets of UTF-8 at most"],
    ["", "received an empty password, expected one that is not empty"],
    ["p\ufffdss", "received a password that is not UTF-8, expected UTF-8"],
    ["p\ud800ss", "received a password that is not UTF-8, expected UTF-8"],
  ];
  for (const [password, fault] of table) assertEquals(passwordFault(password), fault);
});

const BAD: readonly [string, string][] = [
  ["empty", ""],
  ["another function", REFERENCE.replace("argon2id", "argon2i")],
  ["another version", REFERENCE.replace("v=19", "v=16")],
  ["no passes", REFERENCE.replace("t=2", "t=0")],
  ["absurdly many passes", REFERENCE.replace("t=2", "t=999")],
  ["absurdly much memory", REFERENCE.replace("m=65536", "m=9999999")],
  ["less memory than lanes need", REFERENCE.replace("m=65536,t=2,p=1", "m=8,t=2,p=4")],
  ["parameters in another order", REFERENCE.replace("m=65536,t=2", "t=2,m=65536")],
  ["no hash", REFERENCE.slice(0, REFERENCE.lastIndexOf("$"))],
  ["not base64", REFERENCE.replace("c29tZXNhbHQ", "c29tZXNhbH!")],
  ["something behind it", REFERENCE + "\n"],
];
for (const [what, text] of BAD) {
  Deno.test(`parsePhc() refuses a string with ${what}`, () => assertEquals(parsePhc(text), undefined));
}

Deno.test("formatPhc() writes what parsePhc() reads", () => {
  assertEquals(formatPhc(parsePhc(REFERENCE)!), REFERENCE);
});

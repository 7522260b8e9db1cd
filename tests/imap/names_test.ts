import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { levelsAbove, ListPattern } from "../../src/imap/list_pattern.ts";
import { decodeUtf7, encodeUtf7 } from "../../src/imap/utf7.ts";
import { cpuMs } from "../support/cpu_time.ts";

Deno.test("names: modified UTF-7 as RFC 3501 has it, and back", () => {
  const examples = {
    "~peter/mail/台北/日本語": "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
    "Tom & Jerry": "Tom &- Jerry",
    "Grüße": "Gr&APwA3w-e",
    "😀": "&2D3eAA-",
  };
  for (const [name, coded] of Object.entries(examples)) {
    assertEquals(encodeUtf7(name), coded);
    assertEquals(decodeUtf7(coded), name);
  }
  for (const wrong of ["&", "a&b", "&x-", "&2D0-", "&AGE/-", "&ABC"]) {
    assertEquals(decodeUtf7(wrong), undefined, wrong);
  }
  assertEquals(decodeUtf7("Grüße"), "Grüße");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (name) => {
    const coded = encodeUtf7(name);
    assert(/^[\x20-\x7e]*$/.test(coded), coded);
    assertEquals(decodeUtf7(coded), name);
  }));
  fc.assert(fc.property(fc.string({ unit: "binary-ascii" }), (text) => void decodeUtf7(text)));
});

/** What a pattern means, said in another way. */
function meant(pattern: string, name: string): boolean {
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/%/g, "[^/]*");
  return new RegExp(`^${source}$`, "s").test(name);
}

Deno.test("names: patterns of LIST", () => {
  const fits = (pattern: string, name: string, reference = "") =>
    new ListPattern(reference, pattern).matches(name);
  assert(fits("*", "a/b/c") && fits("%", "a") && !fits("%", "a/b") && fits("%/%", "a/b") && !fits("%", "a/"));
  assert(
    fits("inbox", "INBOX") && fits("In*", "INBOX") && !fits("in*", "Info") && fits("inbox/*", "INBOX/a"),
  );
  assert(fits("b%", "a/bc", "a/") && !fits("B", "b") && fits("", "") && !fits("", "a"));
  assertEquals(levelsAbove("a/b/c"), ["a", "a/b"]);
  assert(new ListPattern("", "a/%").tellsLevels && !new ListPattern("", "%/a").tellsLevels);
  const letter = fc.constantFrom("a", "b", "/", "*", "%", "😀");
  const text = (without: string) =>
    fc.array(letter, { maxLength: 8 }).map((all) => all.filter((one) => !without.includes(one)).join(""));
  fc.assert(fc.property(text(""), text("*%"), (pattern, name) => {
    assertEquals(fits(pattern, name), meant(pattern, name), `${pattern} ${name}`);
  }));
});

Deno.test("names: patterns made to take long do not", async () => {
  const all = [
    [new ListPattern("", "*a".repeat(900))],
    [new ListPattern("", `${"%a".repeat(900)}b`)],
    Array.from({ length: 90 }, (_, i) => new ListPattern("", `${"*a".repeat(9)}b${i}`)),
  ];
  for (const patterns of all) {
    const ms = await cpuMs(() => {
      for (let i = 0; i < 40; i++) {
        for (const pattern of patterns) pattern.matches(`${"a".repeat(480)}c`);
      }
    });
    assert(ms < 1500, `${ms} ms`);
  }
});

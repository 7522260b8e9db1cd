import { assertEquals } from "@std/assert";
import { isSearchCharset, searchText } from "../../src/imap/search_charset.ts";

Deno.test("search texts are ASCII or UTF-8, and nothing else", () => {
  const gruss = new TextEncoder().encode("Grüße");
  assertEquals(searchText(gruss, "utf-8"), "Grüße");
  assertEquals(searchText(gruss), "Grüße");
  assertEquals(searchText(gruss, "us-ascii"), undefined);
  assertEquals(searchText(Uint8Array.of(0x47, 0xfc), "UTF-8"), undefined);
  assertEquals([isSearchCharset("utf-8"), isSearchCharset("Us-Ascii"), isSearchCharset("KOI8-R")], [
    true,
    true,
    false,
  ]);
});

import { assertEquals } from "@std/assert";
import { ContentCache } from "../../src/queue/content_cache.ts";
import type { QueueRecord } from "../../src/queue/record.ts";

function record(id: string): QueueRecord {
  return {
    id,
    part: 0,
    sender: "a@example.org",
    domain: "example.net",
    recipients: [],
    body: { id, size: 0, chunks: 0, shared: false },
    receivedAt: 0,
    dueAt: 0,
    source: "smtp",
  };
}

Deno.test("FreshTexts hands a text out once, and only for the very record", () => {
  const texts = new ContentCache();
  const own = record("1");
  const text = Uint8Array.of(1, 2, 3);
  texts.keep(own, text);
  assertEquals(texts.take(record("1")), undefined);
  assertEquals(texts.take(own), [text]);
  assertEquals(texts.take(own), undefined);
});

Deno.test("FreshTexts leaves large texts to the store", () => {
  const texts = new ContentCache();
  const own = record("1");
  texts.keep(own, new Uint8Array(64 * 1024 + 1));
  assertEquals(texts.take(own), undefined);
  texts.keep(own, undefined);
  assertEquals(texts.take(own), undefined);
});

Deno.test("FreshTexts holds 16 MiB, the last ones", () => {
  const texts = new ContentCache();
  const records = Array.from({ length: 300 }, (_, n) => record(String(n)));
  const text = new Uint8Array(64 * 1024);
  for (const one of records) texts.keep(one, text);
  const kept = records.filter((one) => texts.take(one) !== undefined);
  assertEquals(kept, records.slice(-256));
});

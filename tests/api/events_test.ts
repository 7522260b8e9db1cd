import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { EventFeed } from "../../src/api/event_feed.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Journal } from "../../src/observe/journal.ts";
import { Surface } from "./harness.ts";

/** Reads a stream until a text is in it. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, part: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(part)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The stream ended without ${part}: ${text}`);
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

Deno.test("events are told with the message's id", async () => {
  await using surface = await Surface.start();
  const response = await surface.call("GET", "/events");
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body!.getReader();
  await readUntil(reader, ": listening");
  const id = await surface.send({ to: ["brain@example.org"] }, "Subject: x\r\n\r\nx\r\n");
  const text = await readUntil(reader, "event: mailbox");
  assertStringIncludes(text, "event: accepted\ndata: {");
  const data = JSON.parse(/event: accepted\ndata: (.*)\n/.exec(text)![1]!);
  assertEquals([data.id, data.sender, data.recipients], [id, "ann@example.com", ["brain@example.org"]]);
  await reader.cancel();
});

Deno.test("a listener gets the types it asks for", async () => {
  await using surface = await Surface.start();
  const response = await surface.call("GET", "/events?types=mailbox,note");
  const reader = response.body!.getReader();
  await readUntil(reader, ": listening");
  await surface.send({ to: ["brain@example.org"] }, "Subject: x\r\n\r\nx\r\n");
  const text = await readUntil(reader, "event: mailbox");
  assert(!text.includes("event: accepted"));
  await reader.cancel();
  await surface.json("GET", "/events?types=everything", { status: 400 });
});

Deno.test("HEAD leaves no listener behind", async () => {
  await using surface = await Surface.start();
  for (let i = 0; i < 600; i++) assertEquals((await surface.call("HEAD", "/events")).status, 200);
  const response = await surface.call("GET", "/events");
  assertEquals(response.status, 200);
  await response.body?.cancel();
});

Deno.test("streams end when the server stops", async () => {
  const surface = await Surface.start();
  const response = await surface.call("GET", "/events");
  await surface.server.stop();
  assertStringIncludes(await response.text(), ": listening");
});

Deno.test("events of a moment go together, a slow listener loses some and is told", async () => {
  const clock = new ManualClock(0);
  const journal = new Journal(undefined);
  const closing = new AbortController();
  const feed = new EventFeed({ journal, clock, closing: closing.signal });
  const slow = feed.listen(["note"])!.getReader();
  await slow.read();
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 10; i++) journal.note("INFO", `${round} ${"x".repeat(10_000)}`);
    clock.advance(100);
  }
  const chunks: string[] = [];
  for (let i = 0; i < 3; i++) chunks.push(new TextDecoder().decode((await slow.read()).value));
  // ten events each; the third batch filled the buffer, and two were lost
  for (const chunk of chunks) assertEquals(chunk.match(/^event: note$/gm)?.length, 10);
  journal.note("INFO", "at last");
  clock.advance(100);
  assertStringIncludes(
    new TextDecoder().decode((await slow.read()).value),
    'event: lost\ndata: {"count":20}',
  );
  assertStringIncludes(new TextDecoder().decode((await slow.read()).value), "at last");
  clock.advance(15_000);
  assertStringIncludes(new TextDecoder().decode((await slow.read()).value), ": still here");
  closing.abort();
  assertEquals((await slow.read()).done, true);
  assertEquals(feed.listen(["note"]), undefined);
  assertEquals(clock.timers, 0);
});

Deno.test("who listens hears what happens from then on, and of a loss though nothing follows it", async () => {
  const clock = new ManualClock(0);
  const journal = new Journal(undefined);
  const closing = new AbortController();
  const feed = new EventFeed({ journal, clock, closing: closing.signal });
  const first = feed.listen(["note"])!.getReader();
  const next = async (reader: typeof first) => new TextDecoder().decode((await reader.read()).value);
  await next(first);
  journal.note("INFO", "before");
  const second = feed.listen(["note"])!.getReader();
  await next(second);
  journal.note("INFO", "behind");
  clock.advance(100);
  assertStringIncludes(await next(first), "before");
  assertStringIncludes(await next(first), "behind");
  const heard = await next(second);
  assertStringIncludes(heard, "behind");
  assert(!heard.includes("before"), heard);

  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 10; i++) journal.note("INFO", `${round} ${"x".repeat(10_000)}`);
    clock.advance(100);
  }
  for (let i = 0; i < 3; i++) assertStringIncludes(await next(second), "x");
  clock.advance(15_000);
  assertStringIncludes(await next(second), 'event: lost\ndata: {"count":10}');
  closing.abort();
});

Deno.test("the time of the next attempt is told as all times are", async () => {
  const clock = new ManualClock(0);
  const journal = new Journal(undefined);
  const closing = new AbortController();
  const feed = new EventFeed({ journal, clock, closing: closing.signal });
  const reader = feed.listen(["deferred"])!.getReader();
  await reader.read();
  const status = "4.3.0" as const;
  const facts = { id: "1", recipient: "jo@example.net", status, text: "451 Later", durationMs: 1 };
  journal.emit({ type: "deferred", ...facts, nextAttemptAt: 1_700_000_900_000 });
  clock.advance(0);
  const data = JSON.parse(/^data: (.*)$/m.exec(new TextDecoder().decode((await reader.read()).value))![1]!);
  assertEquals(data.nextAttemptAt, "2023-11-14T22:28:20.000Z");
  closing.abort();
});

import { assertEquals } from "@std/assert";
import { type TranscriptEvent, Transcripts } from "../../src/observe/transcripts.ts";

Deno.test("Transcripts: who listens to a message hears it alone, until the end of the subscription", () => {
  const transcripts = new Transcripts();
  const heard: string[] = [];
  const note = (name: string) => (event: TranscriptEvent, id: string) =>
    void (event.kind === "step" && heard.push(`${name} ${id} ${event.text}`));
  transcripts.subscribeAll(note("all"));
  const own = transcripts.open("A");
  own.subscribe(note("attempt"));
  {
    using _one = transcripts.subscribe("A", note("one"));
    using _two = transcripts.subscribe("A", note("two"));
    own.emit({ kind: "step", text: "1" });
    transcripts.open("A").emit({ kind: "step", text: "2" });
    transcripts.open("B").emit({ kind: "step", text: "3" });
  }
  own.emit({ kind: "step", text: "4" });
  assertEquals(heard, [
    "attempt A 1",
    "all A 1",
    "one A 1",
    "two A 1",
    "all A 2",
    "one A 2",
    "two A 2",
    "all B 3",
    "attempt A 4",
    "all A 4",
  ]);
});

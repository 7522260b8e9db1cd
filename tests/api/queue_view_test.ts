import { assertEquals } from "@std/assert";
import { attemptSchema, attemptView } from "../../src/api/queue_view.ts";

Deno.test("an attempt is shown with the host whose answer counts, and its address", () => {
  const outcome = {
    kind: "deferred",
    status: "4.2.0",
    code: 451,
    text: "Later",
    stage: "rcpt",
    host: "mx3.far.example",
    address: "192.0.2.3",
  } as const;
  const attempt = { at: 0, recipient: "jo@far.example", outcome, durationMs: 1.4 };
  const view = attemptView(attempt);
  assertEquals(view, {
    at: "1970-01-01T00:00:00.000Z",
    recipient: "jo@far.example",
    host: "mx3.far.example",
    address: "192.0.2.3",
    reply: "451 Later",
    enhanced: "4.2.0",
    tls: null,
    durationMs: 1,
  });
  assertEquals(attemptSchema.parse(view), view);
  const clear = attemptView({ ...attempt, outcome: { ...outcome, inClear: "The TLS handshake failed: no" } });
  assertEquals([clear.tls, clear.inClear], [null, "The TLS handshake failed: no"]);
  assertEquals(attemptSchema.parse(clear), clear);
  const { host: _, address: __, ...nowhere } = outcome;
  assertEquals(attemptView({ ...attempt, outcome: nowhere }).address, null);
});

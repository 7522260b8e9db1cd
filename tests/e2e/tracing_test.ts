/** Spans by Deno's built-in OpenTelemetry, as a collector gets them. */

import { assert, assertEquals } from "@std/assert";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";
import { SmtpTalk } from "./support/smtp_talk.ts";

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly attributes: readonly { key: string; value: { stringValue?: string } }[];
}

Deno.test("OTEL_DENO=true: spans of session, accept and attempt, joined by the message's id", async () => {
  const spans: Span[] = [];
  await using collector = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.json().catch(() => ({}));
    for (const resource of body.resourceSpans ?? []) {
      for (const scope of resource.scopeSpans) spans.push(...scope.spans);
    }
    return Response.json({});
  });
  const cwd = await Deno.makeTempDir({ prefix: "dinopost_tracing_" });
  try {
    const config = {
      domains: ["local.test"],
      hostname: "mail.local.test",
      relay: { networks: ["127.0.0.1"] },
      dns: { nameServer: "127.0.0.1:9" }, // nobody answers there
      accounts: { "brain@local.test": { password: "gRiZZly+bear:7" } },
    };
    await Deno.writeTextFile(`${cwd}/dinopost.jsonc`, JSON.stringify(config));
    const server = await ServerProcess.ready({
      cwd,
      env: {
        ...FREE_PORTS,
        DINOPOST_DNS_TIMEOUT: "200ms",
        OTEL_DENO: "true",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
        OTEL_BSP_SCHEDULE_DELAY: "50",
      },
    });
    using talk = await SmtpTalk.connect(server.address("smtp"));
    const reply = await talk.send({
      from: "brain@local.test",
      to: ["brain@local.test", "anna@there.test"],
      text: "Subject: x\r\n\r\nx\r\n",
    });
    const [, id] = /queued as (\w+)/.exec(reply) ?? [];
    assert(id !== undefined, reply);
    await talk.ask("QUIT", "221");
    await server.until(() => server.err.includes("deferred"), "the first attempt");
    server.signal("SIGTERM");
    assertEquals((await server.end()).code, 0);
    const named = (name: string) => spans.filter((span) => span.name === name);
    const idOf = (span: Span) =>
      span.attributes.find((a) => a.key === "messaging.message.id")?.value.stringValue;
    assertEquals([named("accept").map(idOf), named("attempt").map(idOf)], [[id], [id]]);
    assertEquals(named("smtp session").length, 1);
    assertEquals(new Set([...named("accept"), ...named("attempt")].map((span) => span.traceId)).size, 1);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

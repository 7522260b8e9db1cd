/**
 * The spans for OpenTelemetry, by what Deno has built in (`OTEL_DENO=true`): a span for each session, each
 * message that is accepted, and each attempt. They are made from the journal's events when they come, so nothing
 * costs anything where this file is not loaded. All spans of one message are in one trace, whose id comes from the
 * message's, whichever server made them and however much later.
 */

import {
  type Attributes,
  type Context,
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import type { Clock } from "../base/clock.ts";
import type { Journal, JournalEvent } from "./journal.ts";

/** Makes spans of the journal's events from now on. The answer ends that. */
export function traceJournal(journal: Journal, clock: Clock): () => void {
  const tracer = trace.getTracer("dinopost");
  return journal.on((event) => {
    const facts = spanOf(event);
    if (!facts) return;
    const { name, kind, attributes, durationMs = 0, error, message } = facts;
    const end = clock.now();
    const parent = message === undefined ? context.active() : traceOf(message);
    const span = tracer.startSpan(name, { kind, attributes, startTime: end - durationMs }, parent);
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    span.end(end);
  });
}

interface SpanFacts {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  readonly durationMs?: number;
  readonly error?: string;
  /** The message whose trace it belongs to. */
  readonly message?: string;
}

function spanOf(event: JournalEvent): SpanFacts | undefined {
  switch (event.type) {
    case "session":
      return {
        name: `${event.service} session`,
        kind: SpanKind.SERVER,
        durationMs: event.durationMs,
        attributes: {
          "client.address": event.remote,
          "dinopost.session": event.session,
          "dinopost.messages": event.messages,
          "dinopost.errors": event.errors,
          "dinopost.why": event.why,
        },
      };
    case "accepted":
      return {
        name: "accept",
        kind: SpanKind.CONSUMER,
        message: event.id,
        attributes: {
          "messaging.message.id": event.id,
          "messaging.message.body.size": event.size,
          "dinopost.recipients": event.recipients.length,
          "dinopost.source": event.source,
          ...(event.session === undefined ? {} : { "dinopost.session": event.session }),
        },
      };
    case "delivered":
    case "deferred":
    case "bounced":
      return {
        name: "attempt",
        kind: SpanKind.CLIENT,
        message: event.id,
        durationMs: event.durationMs,
        ...(event.type === "delivered" ? {} : { error: event.text }),
        attributes: {
          "messaging.message.id": event.id,
          "dinopost.outcome": event.type,
          "dinopost.status": event.status,
          ...(event.host === undefined ? {} : { "server.address": event.host }),
          ...(event.code === undefined ? {} : { "dinopost.code": event.code }),
        },
      };
  }
  return undefined;
}

/** A context in the trace of a message: both ids are made of the message's own, as 32 and 16 hex digits. */
function traceOf(message: string): Context {
  const hex = Array.from(message, (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return trace.setSpanContext(context.active(), {
    traceId: hex.slice(0, 32).padEnd(32, "0"),
    spanId: hex.slice(-16).padStart(16, "0"),
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
}

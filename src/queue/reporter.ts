/** In charge of telling senders: makes the report about a message and plans its way to the sender. */

import type { Clock } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import { concat, encode } from "../base/bytes.ts";
import { scanHead } from "../mail/header.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import { receivedField } from "../mail/trace.ts";
import { buildReport, type ReportRecipient } from "../dsn/report.ts";
import type { Router } from "../routing/router.ts";
import { draftOf, readBody } from "../storage/bodies.ts";
import type { BodyRef } from "../storage/body_ref.ts";
import type { Destination, NewMessage } from "./enlist.ts";
import type { QueueRecipient, QueueRecord } from "./record.ts";

/** One recipient that a report speaks of. */
export interface Reported {
  readonly recipient: QueueRecipient;
  readonly action: "failed" | "delayed" | "delivered" | "relayed" | "expanded";
  readonly status: EnhancedStatus;
  readonly text: string;
  readonly code?: number;
  readonly host?: string;
}

/** A report returns at most this much of the message, whatever RET says. */
const MAX_RETURNED = 50 * 1024;

/** Makes reports. */
export class Reporter {
  constructor(
    private readonly options: { kv: Deno.Kv; clock: Clock; ids: IdMaker; router: Router; hostname: string },
  ) {}

  /**
   * The report about `record`, ready to be enlisted; undefined when nobody is to be told: the sender is nobody
   * (never a report about a report, RFC 5321 4.5.5), except that the failure of a report goes to the postmaster once.
   */
  async report(
    record: QueueRecord,
    reported: readonly Reported[],
    willRetryUntil?: number,
  ): Promise<NewMessage | undefined> {
    const to = this.#addressee(record, reported);
    if (to === undefined || reported.length === 0) return undefined;
    const destinations = this.#destinations(to);
    if (destinations.length === 0) return undefined;
    const { clock, ids, hostname } = this.options;
    const id = ids.next();
    const now = clock.now();
    const recipients = reported.map((r): ReportRecipient => ({
      address: r.recipient.address,
      ...(r.recipient.orcpt === undefined ? {} : { orcpt: r.recipient.orcpt }),
      action: r.action,
      status: r.status,
      text: r.text,
      ...(r.code === undefined ? {} : { code: r.code }),
      ...(r.host === undefined ? {} : { remoteMta: r.host }),
      lastAttempt: now,
      ...(willRetryUntil === undefined || r.action !== "delayed" ? {} : { willRetryUntil }),
    }));
    const bytes = buildReport({
      kind: reported[0]!.action,
      id,
      reportingMta: hostname,
      to,
      arrival: record.receivedAt,
      now,
      recipients,
      original: await this.#original(record, reported),
      ...(record.envid === undefined ? {} : { envid: record.envid }),
      ...(record.utf8 ? { utf8: true } : {}),
    });
    const trace = receivedField({
      helo: hostname,
      remote: "127.0.0.1",
      by: hostname,
      protocol: "local",
      id,
      at: now,
      for: to,
    });
    const whole = concat([encode(trace), bytes]);
    return {
      id,
      sender: "",
      parameters: record.utf8 ? { utf8: true, bodyType: "8BITMIME" } : {},
      body: draftOf(id, whole),
      receivedAt: now,
      // A notice to the postmaster about a lost report is the end of it, wherever the postmaster's mail goes.
      source: record.source === "report" ? "notice" : "report",
      destinations,
    };
  }

  #addressee(record: QueueRecord, reported: readonly Reported[]): Mailbox | undefined {
    if (record.sender !== "") return record.sender;
    const failed = reported.some((r) => r.action === "failed");
    return record.source === "report" && failed ? `postmaster@${this.options.router.domains[0]}` : undefined;
  }

  #destinations(to: Mailbox): Destination[] {
    const recipient = { address: to, notify: "never" } as const;
    const found = this.options.router.resolve(to);
    if (found.kind === "remote") return [{ kind: "queue", address: to, recipient }];
    if (found.kind !== "local") return [];
    return found.leaves.map((leaf): Destination =>
      leaf.kind === "mailbox"
        ? { kind: "mailbox", address: leaf.address, recipient }
        : { kind: "queue", address: leaf.address, recipient: { ...recipient, address: leaf.address } }
    );
  }

  /** The original's header, and the whole of it when the sender asked and it is not too long. */
  async #original(
    record: QueueRecord,
    reported: readonly Reported[],
  ): Promise<{ head: Uint8Array; full?: Uint8Array }> {
    const wantsAll = record.ret === "full" && reported.some((r) => r.action === "failed");
    const text = await beginning(this.options.kv, record.body, MAX_RETURNED);
    const { end } = scanHead(text);
    const head = end < 0 ? text : text.subarray(0, end);
    return wantsAll && record.body.size <= MAX_RETURNED ? { head, full: text } : { head };
  }
}

async function beginning(kv: Deno.Kv, ref: BodyRef, most: number): Promise<Uint8Array> {
  const text = new Uint8Array(Math.min(ref.size, most));
  let at = 0;
  for await (const chunk of readBody(kv, ref)) {
    const part = chunk.subarray(0, text.length - at);
    text.set(part, at);
    at += part.length;
    if (at === text.length) break;
  }
  return text;
}

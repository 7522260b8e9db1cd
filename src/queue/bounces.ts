/** In charge of telling senders: makes the report about a message and plans its way to the sender. */

import type { Clock } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import { concat, encode } from "../base/bytes.ts";
import { scanHeader } from "../mail/header.ts";
import type { EnvelopeRecipient, Mailbox } from "../mail/envelope.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import { convert } from "../mail/conversion.ts";
import { receivedField } from "../mail/trace.ts";
import { bodyTypeOf, buildReport } from "../dsn/report.ts";
import type { ReportRecipient, ReportRequest } from "../dsn/request.ts";
import type { Router } from "../recipients/router.ts";
import { BodyMissing, draftOf, readBody } from "../storage/bodies/bodies.ts";
import type { BodyRef } from "../storage/bodies/ref.ts";
import type { Kv } from "../storage/port.ts";
import type { Destination, NewMessage } from "./message.ts";
import type { QueueRecipient, QueueRecord } from "./record.ts";

/** One recipient that a report speaks of. */
export interface Reported {
  readonly recipient: QueueRecipient;
  readonly action: "failed" | "delayed" | "delivered" | "relayed" | "expanded";
  readonly status: EnhancedStatus;
  readonly text: string;
  readonly note?: string;
  readonly code?: number;
  readonly host?: string;
}

/** Success that the sender asked to hear of, at the instant a message is accepted. */
export interface AcceptedSuccess {
  /** The recipient as the sender named it. */
  readonly recipient: EnvelopeRecipient;
  /** In a mailbox, or handed to a list; or its alias has become several (RFC 3461 5.2.7). */
  readonly action: "delivered" | "expanded";
}

/** A report returns at most this much of the message, whatever RET says. */
const MAX_RETURNED = 50 * 1024;
/** A report speaks of at most so many recipients: it has to fit the commit that queues it. */
const MAX_REPORTED = 200;
/** The same beside a message with nearly too many recipients for one commit. */
const BRIEF = { returned: 8 * 1024, reported: 30 } as const;

/** The message that a report is about. */
export type About = Pick<
  QueueRecord,
  "id" | "sender" | "source" | "receivedAt" | "envid" | "ret" | "utf8" | "body"
>;

/** Makes reports. */
export class BounceWriter {
  constructor(
    private readonly options: { kv: Kv; clock: Clock; ids: IdMaker; router: Router; hostname: string },
  ) {}

  /**
   * The report about a message, ready to be enlisted; undefined when nobody is to be told: the sender is nobody
   * (never a report about a report, RFC 5321 4.5.5). What could not be told to a sender is told to the postmaster,
   * once: when a report fails, and when the sender is of our domains but nobody has that name. `text` is that of the
   * message, when it is not in the store yet.
   */
  async report(
    record: About,
    reported: readonly Reported[],
    more: { willRetryUntil?: number; text?: Uint8Array; brief?: boolean } = {},
  ): Promise<NewMessage | undefined> {
    if (reported.length === 0) return undefined;
    const way = this.#way(record, reported);
    if (way === undefined) return undefined;
    const { to, destinations, source } = way;
    const { clock, ids, hostname } = this.options;
    const id = ids.next();
    const now = clock.now();
    const most = more.brief ? BRIEF : { returned: MAX_RETURNED, reported: MAX_REPORTED };
    const original = await this.#original(record, reported, { known: more.text, most: most.returned });
    const until = more.willRetryUntil;
    const recipients = reported.slice(0, most.reported).map((r) => reportRecipient(r, { now, until }));
    const request: ReportRequest = {
      kind: reported[0]!.action,
      id,
      reportingMta: hostname,
      to,
      arrival: record.receivedAt,
      now,
      recipients,
      original,
      ...(record.envid === undefined ? {} : { envid: record.envid }),
      ...(record.utf8 ? { utf8: true } : {}),
    };
    const travels = destinations.some(({ kind }) => kind === "queue");
    const bytes = travels ? await built(request) : buildReport(request);
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
    const bodyType = bodyTypeOf(whole);
    return {
      id,
      sender: "",
      parameters: { ...(record.utf8 && { utf8: true }), ...(bodyType !== "7BIT" && { bodyType }) },
      body: draftOf(id, whole),
      receivedAt: now,
      source,
      destinations,
    };
  }

  /** Reports about what is a success as soon as the message is durable; `brief`: in as little room as can be. */
  async accepted(
    message: NewMessage,
    successes: readonly AcceptedSuccess[],
    brief = false,
  ): Promise<{ action: AcceptedSuccess["action"]; message: NewMessage }[]> {
    const reports: { action: AcceptedSuccess["action"]; message: NewMessage }[] = [];
    for (const action of ["delivered", "expanded"] as const) {
      const reported = successes.filter((s) => s.action === action).map(({ recipient }): Reported => ({
        recipient: { ...recipient, attempts: 1 },
        action,
        status: action === "delivered" ? "2.0.0" : "2.1.5",
        text: action === "delivered" ? "Taken over" : "Sent on to several addresses",
      }));
      const text = message.body.inMemory;
      const about = { ...message, ...message.parameters, body: message.body.ref(1) };
      const report = await this.report(about, reported, { brief, ...(text && { text }) });
      if (report) reports.push({ action, message: report });
    }
    return reports;
  }

  /** Who is told. A notice to the postmaster is the end of it, wherever the postmaster's mail goes. */
  #way(
    record: About,
    reported: readonly Reported[],
  ): { to: Mailbox; destinations: Destination[]; source: "report" | "notice" } | undefined {
    const failed = reported.some((r) => r.action === "failed");
    if (record.sender !== "") {
      const destinations = this.#destinations(record.sender);
      if (destinations.length > 0) {
        return { to: record.sender, destinations, source: failed ? "report" : "notice" };
      }
    } else if (record.source !== "report") return undefined;
    if (!failed) return undefined;
    const to = `postmaster@${this.options.router.domains[0]}`;
    const destinations = this.#destinations(to);
    return destinations.length === 0 ? undefined : { to, destinations, source: "notice" };
  }

  /** Reports ask for no reports (RFC 3461 5.2.8), and have room in every mailbox. */
  #destinations(to: Mailbox): Destination[] {
    const found = this.options.router.resolve(to);
    if (found.kind === "remote") {
      return [{ kind: "queue", address: to, recipient: { address: to, notify: "never" } }];
    }
    if (found.kind !== "local") return [];
    return found.leaves.filter((leaf) => leaf.kind !== "nobody").map((
      { kind, address, via },
    ): Destination => ({
      kind: kind === "mailbox" ? "mailbox" : "queue",
      address,
      recipient: { address: to, notify: "never" },
      ...(via === undefined ? {} : { via }),
    }));
  }

  /** The original's header, and the whole of it when the sender asked and it is not too long. */
  async #original(
    record: About,
    reported: readonly Reported[],
    { known, most }: { known: Uint8Array | undefined; most: number },
  ): Promise<{ head: Uint8Array; full?: Uint8Array }> {
    const wantsAll = record.ret === "full" && reported.some((r) => r.action === "failed");
    const text = known?.subarray(0, most) ?? await beginning(this.options.kv, record.body, most);
    const { end } = scanHeader(text);
    const head = end < 0 ? text : text.subarray(0, end);
    return wantsAll && text.length === record.body.size ? { head, full: text } : { head };
  }
}

function reportRecipient(
  reported: Reported,
  { now, until }: { now: number; until: number | undefined },
): ReportRecipient {
  const { recipient, action, status, text, note, code, host } = reported;
  return {
    address: recipient.address,
    ...(recipient.orcpt === undefined ? {} : { orcpt: recipient.orcpt }),
    action,
    status,
    text,
    ...(note === undefined ? {} : { note }),
    ...(code === undefined ? {} : { code }),
    ...(host === undefined ? {} : { remoteMta: host }),
    lastAttempt: now,
    ...(until !== undefined && action === "delayed" && { willRetryUntil: until }),
  };
}

/**
 * A report that gets through wherever its sender's mail goes: the message is returned whole only if what has eight bits
 * in it can be recoded for a server that takes seven, else its header stands for it. A sender that
 * hears of the failure without the text is better than one that hears nothing.
 */
async function built(request: ReportRequest): Promise<Uint8Array<ArrayBuffer>> {
  const report = buildReport(request);
  const { original: { head, full } } = request;
  if (full === undefined || bodyTypeOf(report) === "7BIT") return report;
  return (await convert(() => [report], { sevenBit: true })).ok
    ? report
    : buildReport({ ...request, original: { head } });
}

async function beginning(kv: Kv, ref: BodyRef, most: number): Promise<Uint8Array> {
  const text = new Uint8Array(Math.min(ref.size, most));
  let at = 0;
  try {
    for await (const chunk of readBody(kv, ref)) {
      const part = chunk.subarray(0, text.length - at);
      text.set(part, at);
      at += part.length;
      if (at === text.length) break;
    }
  } catch (error) {
    // A report without the message is better than none.
    if (!(error instanceof BodyMissing)) throw error;
  }
  return text.subarray(0, at);
}

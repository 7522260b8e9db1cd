/** The writer of reports: what became of a message, for its sender, and the way there. */

import type { Clock } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import { concat, encode } from "../base/bytes.ts";
import { scanHeader } from "../mail/header.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import { convert } from "../mail/conversion.ts";
import { receivedField } from "../mail/trace.ts";
import { bodyTypeOf, buildReport, REPORT_SUBJECTS } from "../dsn/report.ts";
import type { ReportRecipient, ReportRequest } from "../dsn/request.ts";
import { type DeliveryTarget, expand, type Success } from "../recipients/expand.ts";
import type { Router } from "../recipients/router.ts";
import { BodyMissing, type BodyRef, draftOf, readBody } from "../storage/bodies/bodies.ts";
import type { Kv } from "../storage/port.ts";
import type { NewMessage } from "./message.ts";
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

/** A report returns at most this much of the message, whatever RET says. */
const MAX_RETURNED = 50 * 1024;
/** A report speaks of at most so many recipients: it has to fit the commit that queues it. */
const MAX_REPORTED = 200;
/** The same beside a message with nearly too many recipients for one commit. */
const BRIEF = { returned: 8 * 1024, reported: 30 } as const;

/** The message that a report is about. */
export type About = Pick<
  QueueRecord,
  "id" | "sender" | "source" | "receivedAt" | "envid" | "ret" | "utf8" | "tls" | "body"
>;

/** A report of success, and what it tells. */
export interface SuccessReport {
  readonly action: Success["action"];
  readonly message: NewMessage;
}

/** Makes reports. */
export class BounceWriter {
  constructor(
    private readonly options: { kv: Kv; clock: Clock; ids: IdMaker; router: Router; hostname: string },
  ) {}

  /**
   * The report about a message, ready to be enqueued; undefined when there is nobody to hear of it: the sender is null
   * (never a report about a report, RFC 5321 4.5.5). What a sender can't be told goes to the postmaster,
   * once: when a report fails, and when the sender is of our domains but nobody has that name. `text` is the content of the
   * message, when it is not in the store yet.
   */
  async report(
    record: About,
    reported: readonly Reported[],
    more: { willRetryUntil?: number; text?: Uint8Array; brief?: boolean } = {},
  ): Promise<NewMessage | undefined> {
    if (reported.length === 0) return undefined;
    const route = this.#route(record, reported);
    if (route === undefined) return undefined;
    const { to, targets, source } = route;
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
    const travels = targets.some(({ kind }) => kind === "queue");
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
      parameters: {
        ...(record.utf8 && { utf8: true }),
        ...(bodyType !== "7BIT" && { bodyType }),
        // what was to be read by nobody on the way must not be on the way back (RFC 8689 5)
        ...(record.tls && { tls: record.tls }),
      },
      body: draftOf(id, whole),
      receivedAt: now,
      source,
      targets,
      subject: REPORT_SUBJECTS[request.kind],
      signFor: hostname,
    };
  }

  /** Reports about what is a success as soon as the message is durable; `brief`: in as little room as can be. */
  accepted(message: NewMessage, successes: readonly Success[], brief = false): Promise<SuccessReport[]> {
    const text = message.body.inMemory;
    const about = { ...message, ...message.parameters, body: message.body.ref(1) };
    return this.successes(about, successes, { brief, ...(text && { text }) });
  }

  /** A report for each kind of success, several for very many recipients; `brief`: one for some of them. */
  async successes(
    about: About,
    successes: readonly Success[],
    more: { text?: Uint8Array; brief: boolean },
  ): Promise<SuccessReport[]> {
    const reports: SuccessReport[] = [];
    for (const action of ["delivered", "expanded"] as const) {
      const reported = successes.filter((s) => s.action === action).map(({ recipient }): Reported => ({
        recipient: { ...recipient, attempts: 1 },
        action,
        status: action === "delivered" ? "2.0.0" : "2.1.5",
        text: action === "delivered" ? "Taken over" : "Sent on to several addresses",
      }));
      // of each of them, where there is room
      const last = more.brief ? 1 : reported.length;
      for (let at = 0; at < last; at += MAX_REPORTED) {
        const report = await this.report(about, reported.slice(at, at + MAX_REPORTED), more);
        if (report) reports.push({ action, message: report });
      }
    }
    return reports;
  }

  /** Who hears of it. A notice to the postmaster is the end of it, wherever the postmaster's mail goes. */
  #route(
    record: About,
    reported: readonly Reported[],
  ): { to: Mailbox; targets: DeliveryTarget[]; source: "report" | "notice" } | undefined {
    const failed = reported.some((r) => r.action === "failed");
    if (record.sender !== "") {
      const targets = this.#targets(record.sender);
      if (targets.length > 0) {
        return { to: record.sender, targets, source: failed ? "report" : "notice" };
      }
    } else if (record.source !== "report") return undefined;
    if (!failed) return undefined;
    const to = `postmaster@${this.options.router.domains[0]}`;
    const targets = this.#targets(to);
    return targets.length === 0 ? undefined : { to, targets, source: "notice" };
  }

  /** Reports ask for no reports (RFC 3461 5.2.8), and have room in every mailbox. */
  #targets(to: Mailbox): DeliveryTarget[] {
    const recipient = { address: to, notify: "never" } as const;
    return expand(this.options.router.resolve(to), recipient)
      .filter((target) => !target.waits)
      .map((target) => ({ ...target, recipient }));
  }

  /** The original's header, and the whole of it when the sender asked and it is not too long. */
  async #original(
    record: About,
    reported: readonly Reported[],
    { known, most }: { known: Uint8Array | undefined; most: number },
  ): Promise<{ head: Uint8Array; full?: Uint8Array }> {
    const wantsAll = record.ret === "full" && record.tls !== "required" &&
      reported.some((r) => r.action === "failed");
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

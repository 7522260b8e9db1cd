/** The complaints that other providers send on (ARF, RFC 5965): who complained of a message of ours gets no more. */

import type { Clock } from "../base/clock.ts";
import { binaryString } from "../base/bytes.ts";
import { localKey, parseMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { parseFields } from "../mail/header.ts";
import type { Journal } from "../observe/journal.ts";
import { historyOf } from "../queue/history.ts";
import type { Suppressions } from "../queue/suppressions.ts";
import type { Store } from "../storage/store.ts";

/** What {@linkcode Complaints} work with. */
export interface ComplaintsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  /** Our name, as our Received fields have it. */
  readonly hostname: string;
  readonly suppressions: Suppressions;
  /** Called for each complaint about a message of ours, with its type, of a closed set. */
  readonly onComplaint?: (type: string) => void;
}

/** Types by which somebody says that the message was not wanted; of the others none says so. */
const UNWANTED: ReadonlySet<string> = new Set(["abuse", "fraud"]);
const TYPES: ReadonlySet<string> = new Set([...UNWANTED, "virus", "not-spam", "other"]);
const ENCLOSED: ReadonlySet<string> = new Set([
  "message/rfc822",
  "text/rfc822-headers",
  "message/rfc822-headers",
]);

/** Is that the Content-Type of such a complaint? */
export function isComplaint(type: string): boolean {
  return /^\s*multipart\/report\b/i.test(type) && /feedback-report/i.test(type);
}

/** Reads complaints. */
export class Complaints {
  readonly #options: ComplaintsOptions;

  constructor(options: ComplaintsOptions) {
    this.#options = options;
  }

  /**
   * Takes a message that was accepted. It is believed only as far as it encloses a message of ours, by the id in our
   * Received field, and about recipients that got it: nobody else knows both. Never rejects.
   */
  async take(message: Uint8Array<ArrayBuffer>): Promise<void> {
    const { journal, onComplaint } = this.#options;
    try {
      const { parseMessage } = await import("../mail/message.ts"); // few servers ever get a complaint
      const { attachments } = await parseMessage(message, { asSent: true });
      const of = (type: (name: string) => boolean) =>
        attachments.find(({ contentType }) => type(contentType.toLowerCase()));
      const report = of((type) => type === "message/feedback-report");
      const enclosed = of((type) => ENCLOSED.has(type));
      const id = enclosed && this.#idIn(enclosed.bytes);
      if (!report || id === undefined) return;
      const fields = parseFields(withEnd(report.bytes));
      const valuesOf = (name: string) =>
        fields.filter((one) => one.name.toLowerCase() === name).map(({ value }) => value);
      const given = valuesOf("feedback-type")[0]?.toLowerCase() ?? "other";
      const type = TYPES.has(given) ? given : "other";
      const who = await this.#complainants(id, valuesOf("original-rcpt-to"));
      if (who.length === 0) return;
      onComplaint?.(type);
      journal.note("WARN", "complaint", { id, complaint: type, recipients: who });
      if (!UNWANTED.has(type)) return;
      const reason = `They complained of the message ${id} (${type})`;
      for (const address of who) await this.#options.suppressions.put({ address, by: "complaint", reason });
    } catch (error) {
      journal.note("WARN", "a complaint could not be read", { error: String(error) });
    }
  }

  /** The id that the newest Received field of ours has. */
  #idIn(enclosed: Uint8Array): string | undefined {
    for (const { name, value } of parseFields(withEnd(enclosed), binaryString)) {
      if (name.toLowerCase() !== "received") continue;
      const [, by, id] = /\sby\s+(\S+)\s.*\sid\s+([0-9A-Z]{16})(?:\s|;)/s.exec(value) ?? [];
      if (by?.toLowerCase() === this.#options.hostname.toLowerCase()) return id;
    }
    return undefined;
  }

  /** Who got that message, of those that are named; where none is, the one who got it. */
  async #complainants(id: string, named: readonly string[]): Promise<Mailbox[]> {
    const { store, clock } = this.#options;
    const entries = await historyOf(store.kv, id, clock.now());
    const got = new Set(
      entries.flatMap(({ attempts }) =>
        attempts.filter(({ outcome }) => outcome.kind === "delivered").map(({ recipient }) => recipient)
      ),
    );
    const keysOf = new Set(
      named.map((text) => parseMailbox(text.trim().replace(/^<(.*)>$/, "$1"))).filter((it) =>
        it !== undefined
      ).map(localKey),
    );
    if (keysOf.size > 0) return [...got].filter((address) => keysOf.has(localKey(address)));
    return got.size === 1 ? [...got] : [];
  }
}

/** As a header section: some end without their last line end. */
function withEnd(bytes: Uint8Array): Uint8Array {
  const ended = new Uint8Array(bytes.length + 2);
  ended.set(bytes);
  ended.set([13, 10], bytes.length);
  return ended;
}

/** The reports that arrive as mail: found in it, read, and kept for the page. */

import { concat } from "../base/bytes.ts";
import { type Clock, eventTurn } from "../base/clock.ts";
import { Semaphore } from "../base/semaphore.ts";
import { Tasks } from "../base/tasks.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Router } from "../recipients/router.ts";
import type { Journal } from "../observe/journal.ts";
import { expiring, removing } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import type { Report } from "./report.ts";

/** A report as it is kept. */
export interface KeptReport extends Report {
  /** When it came, and until when it is kept: milliseconds since 1970. */
  readonly at: number;
  readonly until: number;
}

/** What they need. */
export interface ReceivedReportsOptions {
  readonly mailStore: Pick<MailStore, "get" | "read">;
  readonly clock: Clock;
  readonly journal: Journal;
  /** Knows our domains: reports about others are none of ours. */
  readonly router: Pick<Router, "domains">;
  /** So many are kept a day, whoever writes them: anybody can. Default 1,000. */
  readonly perDay?: number;
}

const DAY_MS = 24 * 60 * 60_000;
const KEPT_MS = 90 * DAY_MS;
/** A larger message is no report that anybody sends. */
const MAX_MESSAGE = 10 * 1024 * 1024;
/** A report is one file; whoever attaches more than this wants us to be busy. */
const MAX_FILES = 4;
/** So many are listed, and of each kind and domain at least. */
const MAX_LISTED = 5000;
const LEAST_LISTED = 50;
const PER_DAY = 1000;

/** The header of mail that may be a report: `Report Domain: …` (RFC 9990, RFC 8460), or the type of one. */
export function mayBeReport(subject: string, type: string): boolean {
  return /\breport[ \t]+domain:/i.test(subject) ||
    /report-type="?tlsrpt\b|application\/(?:tlsrpt|gzip|zip)/i.test(type);
}

/** Finds and keeps them. */
export class ReceivedReports {
  readonly #store: Store;
  readonly #options: ReceivedReportsOptions;
  readonly #tasks: Tasks;
  #today = { day: 0, count: 0 };
  /** Each that is read takes its memory several times over. */
  readonly #turns = new Semaphore(1);

  /** Those that `store` keeps. */
  constructor(store: Store, options: ReceivedReportsOptions) {
    this.#store = store;
    this.#options = options;
    this.#tasks = new Tasks((_, error) =>
      options.journal.note("WARN", "report not read", { error: String(error) })
    );
  }

  /** A message that may be a report is in a mailbox: it is looked at, later. */
  came(id: string, mailbox: Mailbox): void {
    this.#tasks.run("report", () => this.#turns.run(() => this.#look(id, mailbox)));
  }

  /** What is kept, the newest first; of each kind and domain the newest. */
  async list(): Promise<KeptReport[]> {
    const { clock, router: { domains } } = this.#options;
    const limit = Math.max(LEAST_LISTED, Math.floor(MAX_LISTED / (2 * domains.length)));
    const lists = domains.flatMap((domain) =>
      ["dmarc", "tls"].map((kind) =>
        this.#store.kv.list<KeptReport>(keys.receivedReports(kind, domain), { limit, reverse: true })
      )
    );
    const reports = (await Promise.all(lists.map((list) => Array.fromAsync(list, ({ value }) => value))))
      .flat();
    return reports.filter(({ until }) => until > clock.now()).sort((a, b) => b.begin - a.begin);
  }

  /** Resolves when what came is read, or after a moment. */
  async settle(): Promise<void> {
    await this.#tasks.settle(this.#options.clock, 1000);
  }

  async #look(id: string, mailbox: Mailbox): Promise<void> {
    const { mailStore, router, clock } = this.#options;
    const entry = await mailStore.get(mailbox, id);
    if (!entry || entry.size > MAX_MESSAGE) return;
    const pieces: Uint8Array[] = [];
    for await (const piece of mailStore.read(entry)) pieces.push(piece);
    // few servers ever need them
    const [{ readMessage }, { unpacked }, { parseReport }] = await Promise.all([
      import("../mail/mime_reader.ts"),
      import("./unpack.ts"),
      import("./report.ts"),
    ]);
    const { email } = await readMessage(concat(pieces), { attachmentEncoding: "arraybuffer" });
    for (const { content } of email.attachments.slice(0, MAX_FILES)) {
      if (typeof content === "string") continue;
      await eventTurn();
      const bytes = unpacked(new Uint8Array(content));
      const report = bytes && parseReport(bytes);
      // a TLS report may name a host, one of DMARC a domain below ours
      const domain = report && router.domains.find((one) => `.${report.domain}`.endsWith(`.${one}`));
      // one of days to come would stand before all others for ever
      const isPast = report !== undefined && report.begin < clock.now() + DAY_MS;
      if (isPast && domain !== undefined) await this.#keep({ ...report, domain });
    }
  }

  #isRoomToday(): boolean {
    const { clock, journal, perDay = PER_DAY } = this.#options;
    const day = Math.floor(clock.now() / DAY_MS);
    if (this.#today.day !== day) this.#today = { day, count: 0 };
    if (++this.#today.count === perDay + 1) {
      journal.note("WARN", "more reports came than are kept of a day", { kept: perDay });
    }
    return this.#today.count <= perDay;
  }

  /** The same one again takes the place of the first. */
  async #keep(report: Report): Promise<void> {
    const { clock } = this.#options;
    if (!this.#isRoomToday()) return;
    const key = keys.receivedReport(report);
    for (;;) {
      const { value, versionstamp } = await this.#store.kv.get<KeptReport>(key);
      const at = clock.now();
      const kept: KeptReport = { ...report, at, until: at + KEPT_MS };
      const mutations = [...(value ? removing(key, value.until) : []), ...expiring(key, kept, kept.until)];
      const size = 500 + 300 * report.rows.length;
      if ((await this.#store.write({ checks: [{ key, versionstamp }], mutations, size })).ok) return;
    }
  }
}

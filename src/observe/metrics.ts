/** The metrics for Prometheus: counts of the journal's events, written in the text format. */

import type { Clock } from "../base/clock.ts";
import { timeOfId } from "../base/ids.ts";
import type { Journal, JournalEvent } from "./journal.ts";
import { braces, Counter, type Family, head, Histogram, type Series } from "./prometheus.ts";

/** A number that is read at each scrape, with its labels. */
export interface GaugeValue {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Something that stands at a value now. */
export interface Gauge {
  /** By the conventions: `dinopost_queue_messages`. */
  readonly name: string;
  readonly help: string;
  read(): readonly GaugeValue[] | Promise<readonly GaugeValue[]>;
}

/** Upper bounds in seconds: from a hop within a house to a greylisted retry. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** Upper bounds in bytes. */
const LATENCIES = [...SECONDS, 900, 3600, 4 * 3600, 24 * 3600, 5 * 24 * 3600];
/** Of the event loop: what nobody notices, up to what clients give up at. */
const LAGS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const WRITES = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const BYTES = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536].map((kib) => kib * 1024);

/** So many destinations have a label of their own, those that were tried first; the others together are `other`. */
const MAX_DESTINATIONS = 100;
/** No stranger makes a label: what is not one of these is `other`. */
const SERVICES = new Set([
  "smtp",
  "submission",
  "submissions",
  "lmtp",
  "pop3",
  "pop3s",
  "imap",
  "imaps",
  "http",
]);
const SOURCES = new Set(["smtp", "submission", "lmtp", "http", "report", "notice"]);
const TLS_VERSIONS = new Set(["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]);
/** What stands behind protocol and cipher of an attempt. */
const LEVEL = /\((dane|sts|verified|encrypted)\)$/;
const ACTIONS = new Set(["failed", "delayed", "delivered", "relayed", "expanded"]);

/** Counts what happens; {@linkcode Metrics.text} writes it. */
export class Metrics {
  readonly #clock: Clock;
  readonly #started: number;
  readonly #families: Family[] = [];
  readonly #gauges: Gauge[] = [];
  readonly #accepted = this.#counter("messages_accepted_total", "Messages accepted", ["source"]);
  readonly #recipients = this.#counter("recipients_accepted_total", "Recipients of accepted messages");
  readonly #sizes = this.#histogram("message_size_bytes", "Sizes of accepted messages", { bounds: BYTES });
  readonly #mailbox = this.#counter(
    "mailbox_deliveries_total",
    "Messages put into mailboxes, at acceptance or by the queue",
  );
  readonly #attempts = this.#counter("delivery_attempts_total", "Recipients tried, by what it came to", [
    "outcome",
    "tls",
  ]);
  readonly #security = this.#counter(
    "delivery_security_total",
    "Recipients delivered to other servers, by how sure it is who has them: dane, sts, verified, encrypted or none",
    ["level"],
  );
  readonly #destinations = this.#counter(
    "destination_attempts_total",
    "Recipients tried, by their domain; the hundred that were tried first have a label, the rest is other",
    ["destination", "outcome"],
  );
  /** Those that have a label. */
  readonly #known = new Set<string>();
  readonly #durations = this.#histogram("delivery_attempt_duration_seconds", "How long attempts took", {
    bounds: SECONDS,
    labels: ["outcome"],
  });
  readonly #checks = this.#counter("checks_total", "Checks of strangers' messages, by what they came to", [
    "check",
    "result",
  ]);
  readonly #refusals = this.#counter("checks_refused_total", "Messages that a check refused", ["check"]);
  readonly #blockLists = this.#counter("dnsbl_lookups_total", "Strangers looked up in block lists", [
    "list",
    "result",
  ]);
  readonly #greylist = this.#counter("greylist_total", "Strangers' recipients, by what the greylist said", [
    "result",
  ]);
  readonly #suppressed = this.#counter(
    "suppressed_total",
    "Recipients that got nothing, since they are on the suppression list",
  );
  readonly #rateLimited = this.#counter(
    "submissions_put_off_total",
    "Recipients put off, since their account or address named too many",
  );
  readonly #complaints = this.#counter("complaints_total", "Complaints about messages of ours", ["type"]);
  readonly #forwarded = this.#counter(
    "srs_rewritten_total",
    "Senders of forwarded copies that were rewritten",
  );
  readonly #reports = this.#counter("reports_total", "Reports queued for senders", ["action"]);
  readonly #sessions = this.#counter("sessions_total", "Connections that ended", ["service"]);
  readonly #errors = this.#counter("session_errors_total", "Errors that clients made", ["service"]);
  readonly #logins = this.#counter("logins_total", "Logins tried", ["service", "result"]);
  readonly #latencies = this.#histogram(
    "delivery_latency_seconds",
    "From acceptance to delivery by the queue; not of what is in its mailbox when it is accepted",
    {
      bounds: LATENCIES,
    },
  );
  /** What each message adds to; and those of `#accepted` by source. */
  readonly #each = {
    recipients: this.#recipients.series([]),
    sizes: this.#sizes.series([]),
    mailbox: this.#mailbox.series([]),
  };
  readonly #sources = new Map<string, Series>();
  /** The numbers of `#commands` by service, verb and code: four commands make a message. */
  readonly #answered = new Map<string, Map<string, Map<number, Series>>>();
  readonly #commands = this.#counter("smtp_commands_total", "SMTP commands, by the reply", [
    "service",
    "verb",
    "code",
  ]);
  readonly #handshakes = this.#counter("tls_handshakes_total", "TLS handshakes with clients", [
    "service",
    "version",
  ]);
  readonly #commits = this.#histogram("store_commit_writes", "Writes that shared one commit", {
    bounds: WRITES,
  });
  readonly #commitTimes = this.#histogram("store_commit_duration_seconds", "How long commits took", {
    bounds: SECONDS,
  });
  readonly #lags = this.#histogram("event_loop_lag_seconds", "How late timers fire", { bounds: LAGS });
  readonly #dnsTimeouts = this.#counter("dns_timeouts_total", "DNS queries without a reply in time");
  readonly #notes = this.#counter("log_messages_total", "Notes of the server itself", ["level"]);

  /** Counts the journal's events from now on. */
  constructor(journal: Journal, options: { clock: Clock }) {
    this.#clock = options.clock;
    this.#started = options.clock.now();
    journal.on((event) => this.#count(event));
  }

  /** Adds a number that is read whenever the text is asked for. */
  gauge(gauge: Gauge): void {
    this.#gauges.push(gauge);
  }

  /** An SMTP command was answered; verb and code are of closed sets. */
  command(service: string, verb: string, code: number): void {
    let series = this.#answered.get(service)?.get(verb)?.get(code);
    if (!series) {
      series = this.#commands.series([known(service, SERVICES), verb, String(code)]);
      const verbs = this.#answered.getOrInsertComputed(service, () => new Map<string, Map<number, Series>>());
      verbs.getOrInsertComputed(verb, () => new Map<number, Series>()).set(code, series);
    }
    series.value++;
  }

  /** A client encrypted its connection. */
  handshake(service: string, version: string): void {
    this.#handshakes.add([known(service, SERVICES), known(version, TLS_VERSIONS)]);
  }

  /** The store committed so many writes at once, in so many milliseconds. */
  commit(writes: number, ms: number): void {
    this.#commits.observe([], writes);
    this.#commitTimes.observe([], ms / 1000);
  }

  /** A timer fired so late, in milliseconds. */
  eventLoopLag(ms: number): void {
    this.#lags.observe([], ms / 1000);
  }

  /** A stranger's message was checked, with a word for each check, and perhaps refused by one; all of closed sets. */
  checked(words: Readonly<Record<string, string>>, refusedBy: string | undefined): void {
    for (const [check, result] of Object.entries(words)) this.#checks.add([check, result]);
    if (refusedBy !== undefined) this.#refusals.add([refusedBy]);
  }

  /** A block list, which is configured, was asked about a stranger. */
  blockList(list: string, result: "listed" | "clear" | "late" | "failed"): void {
    this.#blockLists.add([list, result]);
  }

  /** The greylist said something of a recipient. */
  greylisted(result: "deferred" | "passed" | "free"): void {
    this.#greylist.add([result]);
  }

  /** A recipient got nothing, since it is on the suppression list. */
  suppressed(): void {
    this.#suppressed.add([]);
  }

  /** A recipient was put off, since its account or address named too many. */
  rateLimited(): void {
    this.#rateLimited.add([]);
  }

  /** The sender of a forwarded copy was rewritten. */
  forwarded(): void {
    this.#forwarded.add([]);
  }

  /** Somebody complained of a message of ours; the type is of a closed set. */
  complaint(type: string): void {
    this.#complaints.add([type]);
  }

  /** A DNS query got no reply in its time. */
  dnsTimeout(): void {
    this.#dnsTimeouts.add([]);
  }

  /** All of it in Prometheus' text format 0.0.4. */
  async text(): Promise<string> {
    const { rss, heapUsed } = Deno.memoryUsage();
    const own: Gauge[] = [
      plain("process_start_time_seconds", "When the server started", this.#started / 1000),
      plain("process_resident_memory_bytes", "Resident memory", rss),
      plain("process_heap_bytes", "Used heap", heapUsed),
      plain("dinopost_uptime_seconds", "How long the server runs", this.#uptime()),
    ];
    let text = "";
    for (const family of this.#families) text += family.text();
    for (const { name, help, read } of [...own, ...this.#gauges]) {
      text += head(name, help, "gauge");
      for (const { labels = {}, value } of await read()) {
        text += `${name}${braces(Object.keys(labels), Object.values(labels))} ${value}\n`;
      }
    }
    return text;
  }

  #uptime(): number {
    return Math.max(0, (this.#clock.now() - this.#started) / 1000);
  }

  #count(event: JournalEvent): void {
    switch (event.type) {
      case "accepted":
        this.#cameBy(event.source).value++;
        this.#each.recipients.value += event.recipients.length;
        this.#each.sizes.observe(event.size);
        break;
      case "mailbox":
        this.#each.mailbox.value++;
        break;
      case "delivered":
      case "deferred":
      case "bounced": {
        const tls = event.tls === undefined ? "none" : known(event.tls.split(" ")[0]!, TLS_VERSIONS);
        this.#attempts.add([event.type, tls]);
        this.#destinations.add([this.#destination(event.recipient), event.type]);
        this.#durations.observe([event.type], event.durationMs / 1000);
        if (event.type === "delivered") {
          if (event.host !== undefined) this.#security.add([levelOf(event.tls)]);
          this.#latencies.observe([], Math.max(0, this.#clock.now() - timeOfId(event.id)) / 1000);
        }
        break;
      }
      case "report":
        this.#reports.add([known(event.action, ACTIONS)]);
        break;
      case "session":
        this.#sessions.add([known(event.service, SERVICES)]);
        this.#errors.add([known(event.service, SERVICES)], event.errors);
        break;
      case "login":
        this.#logins.add([known(event.service, SERVICES), event.ok ? "ok" : "wrong"]);
        break;
      case "note":
        this.#notes.add([event.level]);
    }
  }

  #cameBy(source: string): Series {
    let series = this.#sources.get(source);
    if (!series) this.#sources.set(source, series = this.#accepted.series([known(source, SOURCES)]));
    return series;
  }

  #destination(recipient: string): string {
    const domain = recipient.slice(recipient.lastIndexOf("@") + 1).toLowerCase();
    if (this.#known.has(domain)) return domain;
    if (this.#known.size >= MAX_DESTINATIONS) return "other";
    this.#known.add(domain);
    return domain;
  }

  #counter(name: string, help: string, labels: readonly string[] = []): Counter {
    const counter = new Counter(`dinopost_${name}`, help, labels);
    this.#families.push(counter);
    return counter;
  }

  #histogram(
    name: string,
    help: string,
    of: { bounds: readonly number[]; labels?: readonly string[] },
  ): Histogram {
    const histogram = new Histogram(`dinopost_${name}`, help, { labels: [], ...of });
    this.#families.push(histogram);
    return histogram;
  }
}

function plain(name: string, help: string, value: number): Gauge {
  return { name, help, read: () => [{ value }] };
}

function known(value: string, values: ReadonlySet<string>): string {
  return values.has(value) ? value : "other";
}

function levelOf(tls: string | undefined): string {
  return tls === undefined ? "none" : LEVEL.exec(tls)?.[1] ?? "encrypted";
}

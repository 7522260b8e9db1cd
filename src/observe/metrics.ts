/** In charge of numbers for Prometheus: counts what the journal tells, and writes it in the text format. */

import type { Clock } from "../base/clock.ts";
import type { Journal, JournalEvent } from "./journal.ts";

/** A number that is asked for when it is told, with its labels. */
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
const BYTES = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536].map((kib) => kib * 1024);

/** No stranger makes a label: what is not one of these is `other`. */
const SERVICES = new Set(["smtp", "submission", "submissions", "lmtp", "pop3", "pop3s", "http"]);
const SOURCES = new Set(["smtp", "submission", "lmtp", "http", "report", "notice"]);
const TLS_VERSIONS = new Set(["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]);
const ACTIONS = new Set(["failed", "delayed", "delivered", "relayed"]);

/** Counts what happens; {@linkcode Metrics.text} tells it. */
export class Metrics {
  readonly #clock: Clock;
  readonly #started: number;
  readonly #families: Family[] = [];
  readonly #gauges: Gauge[] = [];
  readonly #accepted = this.#counter("messages_accepted_total", "Messages that became ours", ["source"]);
  readonly #recipients = this.#counter("recipients_accepted_total", "Recipients of accepted messages");
  readonly #sizes = this.#histogram("message_size_bytes", "Sizes of accepted messages", { bounds: BYTES });
  readonly #mailbox = this.#counter("mailbox_deliveries_total", "Messages put into mailboxes at acceptance");
  readonly #attempts = this.#counter("delivery_attempts_total", "Recipients tried, by what it came to", [
    "outcome",
    "tls",
  ]);
  readonly #durations = this.#histogram("delivery_attempt_duration_seconds", "How long attempts took", {
    bounds: SECONDS,
    labels: ["outcome"],
  });
  readonly #reports = this.#counter("reports_total", "Reports queued for senders", ["action"]);
  readonly #sessions = this.#counter("sessions_total", "Connections that ended", ["service"]);
  readonly #errors = this.#counter("session_errors_total", "Errors that clients made", ["service"]);
  readonly #logins = this.#counter("logins_total", "Logins tried", ["service", "result"]);
  readonly #notes = this.#counter("log_messages_total", "Notes of the server itself", ["level"]);

  /** Counts from now on what the journal tells. */
  constructor(journal: Journal, options: { clock: Clock }) {
    this.#clock = options.clock;
    this.#started = options.clock.now();
    journal.on((event) => this.#count(event));
  }

  /** Adds a number that is read whenever the text is asked for. */
  gauge(gauge: Gauge): void {
    this.#gauges.push(gauge);
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
        this.#accepted.add([known(event.source, SOURCES)]);
        this.#recipients.add([], event.recipients.length);
        this.#sizes.observe([], event.size);
        break;
      case "mailbox":
        this.#mailbox.add([]);
        break;
      case "delivered":
      case "deferred":
      case "bounced": {
        const tls = event.tls === undefined ? "none" : known(event.tls.split(" ")[0]!, TLS_VERSIONS);
        this.#attempts.add([event.type, tls]);
        this.#durations.observe([event.type], event.durationMs / 1000);
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

/** Something that is told under one name. */
interface Family {
  text(): string;
}

/** The values of the labels as one key; none of them holds this character. */
const BETWEEN = "\n";

class Counter implements Family {
  readonly #values = new Map<string, number>();

  constructor(readonly name: string, readonly help: string, readonly labels: readonly string[]) {
    if (labels.length === 0) this.#values.set("", 0);
  }

  add(values: readonly string[], by = 1): void {
    const key = values.join(BETWEEN);
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  text(): string {
    let text = head(this.name, this.help, "counter");
    for (const [key, value] of this.#values) {
      text += `${this.name}${braces(this.labels, key.split(BETWEEN))} ${value}\n`;
    }
    return text;
  }
}

class Histogram implements Family {
  readonly #series = new Map<string, { counts: number[]; sum: number }>();
  readonly #bounds: readonly number[];
  readonly #labels: readonly string[];

  constructor(
    readonly name: string,
    readonly help: string,
    of: { bounds: readonly number[]; labels: readonly string[] },
  ) {
    this.#bounds = of.bounds;
    this.#labels = of.labels;
    if (of.labels.length === 0) this.observe([], undefined);
  }

  /** Without a value the series is there, with nothing in it. */
  observe(values: readonly string[], value: number | undefined): void {
    const key = values.join(BETWEEN);
    let series = this.#series.get(key);
    if (!series) {
      series = { counts: new Array(this.#bounds.length + 1).fill(0), sum: 0 };
      this.#series.set(key, series);
    }
    if (value === undefined) return;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    const bucket = at < 0 ? this.#bounds.length : at;
    series.counts[bucket] = series.counts[bucket]! + 1;
    series.sum += value;
  }

  text(): string {
    let text = head(this.name, this.help, "histogram");
    const names = [...this.#labels, "le"];
    for (const [key, { counts, sum }] of this.#series) {
      const values = this.#labels.length === 0 ? [] : key.split(BETWEEN);
      let count = 0;
      for (const [i, more] of counts.entries()) {
        count += more;
        const bound = this.#bounds[i];
        text += `${this.name}_bucket${braces(names, [...values, String(bound ?? "+Inf")])} ${count}\n`;
      }
      const labels = braces(this.#labels, values);
      text += `${this.name}_sum${labels} ${sum}\n${this.name}_count${labels} ${count}\n`;
    }
    return text;
  }
}

function plain(name: string, help: string, value: number): Gauge {
  return { name, help, read: () => [{ value }] };
}

function known(value: string, values: ReadonlySet<string>): string {
  return values.has(value) ? value : "other";
}

function head(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function braces(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return "";
  return `{${names.map((name, i) => `${name}="${escapeLabel(values[i] ?? "")}"`).join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}

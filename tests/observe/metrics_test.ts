import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { IdMaker } from "../../src/base/ids.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Journal } from "../../src/observe/journal.ts";
import { Metrics } from "../../src/observe/metrics.ts";

function started(): { journal: Journal; metrics: Metrics; clock: ManualClock } {
  const clock = new ManualClock();
  const journal = new Journal(undefined);
  return { journal, clock, metrics: new Metrics(journal, { clock }) };
}

const ATTEMPT = { id: "x", recipient: "a@b.example", status: "2.0.0", text: "ok", durationMs: 40 } as const;

Deno.test("Metrics counts what the journal tells", async () => {
  const { journal, metrics, clock } = started();
  journal.emit({ type: "accepted", id: "x", sender: "", recipients: ["a", "b"], size: 5000, source: "smtp" });
  journal.emit({ type: "mailbox", id: "x", mailbox: "a", sender: "", size: 5000 });
  journal.emit({ ...ATTEMPT, type: "delivered", tls: "TLSv1.3 TLS_AES_256_GCM_SHA384" });
  journal.emit({ ...ATTEMPT, type: "deferred", status: "4.4.1", durationMs: 2000 });
  journal.emit({ ...ATTEMPT, type: "deferred", status: "4.4.1", durationMs: 999_000 });
  journal.emit({ type: "report", id: "x", report: "y", action: "failed", to: "a@b.example" });
  journal.emit({
    type: "session",
    session: "s1",
    service: "pop3",
    remote: "192.0.2.1",
    messages: 1,
    errors: 3,
    why: "quit",
    durationMs: 5,
  });
  journal.emit({
    type: "login",
    session: "s1",
    service: "pop3",
    remote: "192.0.2.1",
    account: "a",
    ok: false,
  });
  journal.note("WARN", "trouble");
  clock.advance(1500);
  const lines = (await metrics.text()).split("\n");
  for (
    const line of [
      'dinopost_messages_accepted_total{source="smtp"} 1',
      "dinopost_recipients_accepted_total 2",
      'dinopost_message_size_bytes_bucket{le="4096"} 0',
      'dinopost_message_size_bytes_bucket{le="16384"} 1',
      'dinopost_message_size_bytes_bucket{le="+Inf"} 1',
      "dinopost_message_size_bytes_sum 5000",
      "dinopost_message_size_bytes_count 1",
      "dinopost_mailbox_deliveries_total 1",
      'dinopost_delivery_attempts_total{outcome="delivered",tls="TLSv1.3"} 1',
      'dinopost_delivery_attempts_total{outcome="deferred",tls="none"} 2',
      'dinopost_delivery_attempt_duration_seconds_bucket{outcome="delivered",le="0.05"} 1',
      'dinopost_delivery_attempt_duration_seconds_bucket{outcome="deferred",le="300"} 1',
      'dinopost_delivery_attempt_duration_seconds_bucket{outcome="deferred",le="+Inf"} 2',
      'dinopost_delivery_attempt_duration_seconds_sum{outcome="deferred"} 1001',
      'dinopost_reports_total{action="failed"} 1',
      'dinopost_sessions_total{service="pop3"} 1',
      'dinopost_session_errors_total{service="pop3"} 3',
      'dinopost_logins_total{service="pop3",result="wrong"} 1',
      'dinopost_log_messages_total{level="WARN"} 1',
      "dinopost_uptime_seconds 1.5",
    ]
  ) assert(lines.includes(line), line);
});

Deno.test("Metrics counts by destination, and for a hundred of them only", async () => {
  const { journal, metrics } = started();
  for (let i = 0; i < 150; i++) {
    for (const type of ["deferred", "delivered"] as const) {
      journal.emit({ ...ATTEMPT, type, recipient: `a@D${i}.example` });
    }
  }
  metrics.eventLoopLag(3);
  const lines = (await metrics.text()).split("\n");
  for (
    const line of [
      'dinopost_destination_attempts_total{destination="d0.example",outcome="deferred"} 1',
      'dinopost_destination_attempts_total{destination="d99.example",outcome="delivered"} 1',
      'dinopost_destination_attempts_total{destination="other",outcome="deferred"} 50',
      'dinopost_event_loop_lag_seconds_bucket{le="0.002"} 0',
      'dinopost_event_loop_lag_seconds_bucket{le="0.005"} 1',
    ]
  ) assert(lines.includes(line), line);
  assertEquals(lines.filter((line) => line.startsWith("dinopost_destination_")).length, 202);
});

Deno.test("Metrics keeps to the text format", async () => {
  const { journal, metrics } = started();
  journal.note("INFO", "x");
  metrics.gauge({
    name: "dinopost_x",
    help: "An x",
    read: () => [{ labels: { state: 'a"b\\c\nd' }, value: 1 }],
  });
  const text = await metrics.text();
  assert(text.endsWith("\n"));
  const names = new Set<string>();
  for (const line of text.trimEnd().split("\n")) {
    const type = /^# TYPE (\S+) (?:counter|gauge|histogram)$/.exec(line);
    if (type) {
      assert(!names.has(type[1]!), `${type[1]} twice`);
      names.add(type[1]!);
    } else if (!line.startsWith("# HELP ")) {
      assertMatch(
        line,
        /^[a-z_]+(?:\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? [-+.\de]+$/,
      );
    }
  }
  assertStringIncludes(text, 'dinopost_x{state="a\\"b\\\\c\\nd"} 1\n');
  for (const name of names) {
    if (name.startsWith("dinopost_")) assertMatch(name, /_(?:total|seconds|bytes|writes|x)$/);
  }
});

Deno.test("no stranger makes a label", async () => {
  const { journal, metrics } = started();
  for (let i = 0; i < 100; i++) {
    journal.emit({ type: "accepted", id: "x", sender: "", recipients: [], size: 1, source: `s${i}` });
    journal.emit({ ...ATTEMPT, type: "delivered", tls: `TLSv9.${i}` });
    journal.emit({ type: "report", id: "x", report: "y", action: `a${i}`, to: "" });
    journal.emit({ type: "login", session: "", service: `v${i}`, remote: "", account: `a${i}`, ok: true });
    journal.emit({
      type: "session",
      session: "",
      service: `v${i}`,
      remote: "",
      messages: 0,
      errors: 0,
      why: `w${i}`,
      durationMs: 5,
    });
  }
  const text = await metrics.text();
  assertEquals(
    text.match(
      /^dinopost_(?!message_size|delivery_attempt_duration|delivery_latency|store_commit|event_loop|destination)\w+\{.*$/gm,
    )
      ?.length,
    6,
    text,
  );
});

Deno.test("Metrics counts commands, handshakes, commits and silent name servers, and the time to delivery", async () => {
  const { journal, metrics, clock } = started();
  metrics.command("smtp", "RCPT", 550);
  metrics.command("smtp", "RCPT", 550);
  metrics.handshake("pop3s", "TLSv1.3");
  metrics.commit(3, 20);
  metrics.dnsTimeout();
  const id = new IdMaker(clock, seededRandom(1)).next();
  clock.advance(2000);
  journal.emit({ ...ATTEMPT, id, type: "delivered" });
  journal.emit({ ...ATTEMPT, id, type: "deferred" });
  // accepted and in a mailbox at the same instant
  journal.emit({ type: "mailbox", id, mailbox: "brain@example.org", sender: "", size: 1 });
  const lines = (await metrics.text()).split("\n");
  for (
    const line of [
      'dinopost_smtp_commands_total{service="smtp",verb="RCPT",code="550"} 2',
      'dinopost_tls_handshakes_total{service="pop3s",version="TLSv1.3"} 1',
      "dinopost_store_commit_writes_sum 3",
      "dinopost_store_commit_duration_seconds_sum 0.02",
      "dinopost_dns_timeouts_total 1",
      "# HELP dinopost_delivery_latency_seconds From acceptance to delivery by the queue; " +
      "not of what is in its mailbox when it is accepted",
      "dinopost_delivery_latency_seconds_sum 2",
      "dinopost_delivery_latency_seconds_count 1",
    ]
  ) assert(lines.includes(line), line);
});

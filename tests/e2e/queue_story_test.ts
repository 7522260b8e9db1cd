import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import PostalMime from "postal-mime";
import { Journal, type JournalEvent } from "../../src/observe/journal.ts";
import { type Host, LoopbackInternet } from "../../src/testing/mod.ts";
import { recipientsAt, Town } from "./support/town.ts";

const HOUR = 3600_000;
const LETTER = "From: brain@howstuffworks.com\r\nTo: jsmith@mindspring.com\r\nSubject: Hello\r\n" +
  "Message-ID: <1@howstuffworks.com>\r\n\r\nHi\r\n";

/** Our server, with a journal that remembers when what happened. */
async function ourHost(
  internet: LoopbackInternet,
): Promise<{ ours: Host; log: (JournalEvent & { now: number })[] }> {
  const log: (JournalEvent & { now: number })[] = [];
  const journal = new Journal(undefined);
  journal.on((event) => void log.push({ ...event, now: internet.clock.now() }));
  const ours = await internet.host("howstuffworks.com", { accounts: { brain: "secret" }, journal });
  return { ours, log };
}

/** A domain whose mail host is not there at all. */
function deadDomain(internet: LoopbackInternet, domain: string): void {
  internet.dns.zones[domain] = { MX: [[10, `mail.${domain}`]] };
  internet.dns.zones[`mail.${domain}`] = { A: [internet.address()] };
}

async function parsed(text: string) {
  const mail = await PostalMime.parse(text, { rfc822Attachments: true, forceRfc822Attachments: true });
  const parts = mail.attachments.map(({ mimeType, content }) => ({
    mimeType,
    text: (typeof content === "string" ? content : new TextDecoder().decode(content)).replaceAll(
      "\r\n",
      "\n",
    ),
  }));
  return { ...mail, parts, status: parts.find((p) => p.mimeType === "message/delivery-status")?.text ?? "" };
}

Deno.test("story: the other server is down, is asked every 15 minutes, the sender is warned once, then it comes", async () => {
  await using internet = await LoopbackInternet.start({ seed: 1 });
  const { ours, log } = await ourHost(internet);
  const theirs = await internet.host("mindspring.com", { accounts: { jsmith: "secret" } });
  await theirs.down();
  const begin = internet.clock.now();
  await ours.send({ from: "brain@howstuffworks.com", to: ["jsmith@mindspring.com"], text: LETTER });
  await internet.pass("5h");
  const attempts = log.filter((e) => e.type === "deferred").map((e) => Math.round((e.now - begin) / 60_000));
  assertEquals(attempts, Array.from({ length: 21 }, (_, i) => i * 15));
  const inbox = await ours.mailbox("brain");
  assertEquals(inbox.length, 1);
  const warning = await parsed(inbox[0]!);
  assertStringIncludes(warning.status, "Action: delayed");
  assertStringIncludes(warning.status, "Final-Recipient: rfc822; jsmith@mindspring.com");
  assertStringIncludes(warning.status, "Will-Retry-Until: Sat, 10 Jan 2026 09:00:00 +0000");
  const warned = log.find((e) => e.type === "report")!;
  assertEquals(warned.now - begin, 4 * HOUR);
  await theirs.up();
  await internet.pass("15m");
  assertStringIncludes(await theirs.waitForMessage("jsmith"), "Subject: Hello");
  await internet.pass("6d");
  assertEquals((await ours.mailbox("brain")).length, 1);
  assertEquals((await theirs.mailbox("jsmith")).length, 1);
});

Deno.test("story: one message to three domains that are down: one warning that names all three", async () => {
  await using internet = await LoopbackInternet.start({ seed: 2 });
  const { ours } = await ourHost(internet);
  const domains = ["a.example", "b.example", "c.example"];
  for (const domain of domains) deadDomain(internet, domain);
  const to = domains.flatMap((domain) => [`x@${domain}`, `y@${domain}`]);
  await ours.send({ from: "brain@howstuffworks.com", to, text: LETTER });
  await internet.pass("8h");
  const inbox = await ours.mailbox("brain");
  assertEquals(inbox.length, 1);
  const { status } = await parsed(inbox[0]!);
  for (const address of to) {
    assertStringIncludes(status, `Final-Recipient: rfc822; ${address}\nAction: delayed`);
  }
});

Deno.test("story: nobody ever answers: returned after five days, with a report that a program can read", async () => {
  await using internet = await LoopbackInternet.start({ seed: 3 });
  const { ours, log } = await ourHost(internet);
  deadDomain(internet, "nowhere.example");
  const begin = internet.clock.now();
  await ours.send({ from: "brain@howstuffworks.com", to: ["jsmith@nowhere.example"], text: LETTER });
  await internet.pass("6d");
  const inbox = await ours.mailbox("brain");
  assertEquals(inbox.length, 2);
  const text = inbox[1]!;
  assertMatch(text, /^Return-Path: <>\r\n/);
  const report = await parsed(text);
  const header = (name: string) => report.headers.find((h) => h.key === name)?.value ?? "";
  assertStringIncludes(header("content-type"), "multipart/report");
  assertStringIncludes(header("content-type"), "report-type=delivery-status");
  assertMatch(header("auto-submitted"), /^auto-/);
  assertEquals(report.to?.map((t) => t.address), ["brain@howstuffworks.com"]);
  assertEquals(report.inReplyTo, "<1@howstuffworks.com>");
  assertStringIncludes(report.text ?? "", "jsmith@nowhere.example");
  assertStringIncludes(report.status, "Reporting-MTA: dns; mail.howstuffworks.com");
  assertStringIncludes(report.status, "Action: failed");
  assertStringIncludes(report.status, "Status: 5.4.7");
  assert(report.parts.some((p) => p.text.includes("Subject: Hello")), "the original's header is returned");
  const returned = log.filter((e) => e.type === "bounced");
  assertEquals(returned.map((e) => e.now - begin), [5 * 24 * HOUR]);
  // 480 intervals of 15 minutes
  assertEquals(log.filter((e) => e.type === "deferred").length, 480);
});

Deno.test("story: a report that can't be delivered goes to the postmaster once, and no further", async () => {
  await using internet = await LoopbackInternet.start({ seed: 4 });
  const journal = new Journal(undefined);
  const reports: string[] = [];
  journal.on((event) => {
    if (event.type === "report") reports.push(event.to);
  });
  const ours = await internet.host("howstuffworks.com", {
    accounts: { brain: "secret" },
    // the postmaster's mail goes where nobody answers, too
    config: {
      aliases: { "postmaster@howstuffworks.com": ["boss@nowhere.example"] },
      queue: { retry: "6h", warnAfter: "4h", giveUpAfter: "5d" },
    },
    journal,
  });
  deadDomain(internet, "nowhere.example");
  await ours.send({ from: "spam@nowhere.example", to: ["jsmith@nowhere.example"], text: LETTER });
  await internet.pass("20d");
  assertEquals(reports, ["spam@nowhere.example", "spam@nowhere.example", "postmaster@howstuffworks.com"]);
  assertEquals(await ours.mailbox("brain"), []);
});

Deno.test("story: a letter to nobody comes back at once from the server that refuses it", async () => {
  await using internet = await LoopbackInternet.start({ seed: 5 });
  const { ours } = await ourHost(internet);
  await internet.host("mindspring.com", { accounts: { jsmith: "secret" } });
  const to = ["nobody@mindspring.com", "jsmith@mindspring.com"];
  await ours.send({ from: "brain@howstuffworks.com", to, text: LETTER });
  await internet.settled();
  const { status } = await parsed(await ours.waitForMessage("brain"));
  assertStringIncludes(status, "Final-Recipient: rfc822; nobody@mindspring.com");
  assertStringIncludes(status, "Status: 5.1.1");
  assertStringIncludes(status, "Remote-MTA: dns; mail.mindspring.com");
  assertStringIncludes(status, "Diagnostic-Code: smtp; 550 ");
  assert(!status.includes("jsmith@"));
});

Deno.test("story: our server is restarted again and again, and goes on where it was", async () => {
  await using internet = await LoopbackInternet.start({ seed: 6 });
  const { ours, log } = await ourHost(internet);
  const theirs = await internet.host("mindspring.com", { accounts: { jsmith: "secret" } });
  deadDomain(internet, "nowhere.example");
  await theirs.down();
  const begin = internet.clock.now();
  const to = ["jsmith@mindspring.com", "jsmith@nowhere.example"];
  await ours.send({ from: "brain@howstuffworks.com", to, text: LETTER });
  for (const wait of ["10m", "50m", "2h", "90m"]) {
    await internet.pass(wait);
    await ours.down();
    await internet.pass("7m");
    await ours.up();
  }
  assertEquals((await ours.mailbox("brain")).length, 1);
  await theirs.up();
  await internet.pass("15m");
  await theirs.waitForMessage("jsmith");
  await ours.down();
  // down over the end of the five days
  await internet.pass("5d");
  await ours.up();
  await internet.pass("1m");
  const inbox = await ours.mailbox("brain");
  assertEquals(inbox.length, 2);
  assertStringIncludes((await parsed(inbox[1]!)).status, "Action: failed");
  assertEquals((await theirs.mailbox("jsmith")).length, 1);
  assertEquals(log.filter((e) => e.type === "report").length, 2);
  assert(log.filter((e) => e.type === "bounced")[0]!.now - begin > 5 * 24 * HOUR);
});

Deno.test("story: a suspended destination gets nothing and says why, until it is resumed or its time is over", async () => {
  await using town = await Town.build();
  const there = town.domain("there.example");
  const call = async (method: string, domain: string, body?: unknown) => {
    const { server } = town.ours;
    const response = await server.fetch(
      new Request(`http://localhost/api/v1/suspensions/${domain}`, {
        method,
        headers: { authorization: `Bearer ${server.adminToken}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await call("PUT", "there.example", { reason: "They asked for a break" }), 200);
  const first = await town.write("anna@there.example");
  assertEquals(await town.waiting(), {
    "anna@there.example": "Delivery to there.example is suspended: They asked for a break",
  });
  // asking for it does not help, nor does time
  assertEquals(await town.ours.server.queue.retry(first), "suspended");
  await town.internet.pass("1h");
  assertEquals([there.sessions.length, Object.keys(await town.waiting())], [0, ["anna@there.example"]]);

  assertEquals(await call("DELETE", "there.example"), 204);
  await town.internet.settled();
  assertEquals([recipientsAt(there), await town.waiting()], [["anna@there.example"], {}]);

  const now = town.internet.clock.now();
  assertEquals(await call("PUT", "there.example", { until: new Date(now + 20 * 60_000).toISOString() }), 200);
  await town.write("bert@there.example");
  await town.internet.pass("15m");
  assertEquals(recipientsAt(there), ["anna@there.example"]);
  await town.internet.pass("15m");
  assertEquals(recipientsAt(there), ["anna@there.example", "bert@there.example"]);
});

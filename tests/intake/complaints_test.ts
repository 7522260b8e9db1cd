import { assert, assertEquals, assertMatch } from "@std/assert";
import { LoopbackInternet } from "../../src/testing/mod.ts";

const PEER = "feedback@there.example";

async function scene() {
  const internet = await LoopbackInternet.start({ seed: 1 });
  const here = await internet.host("here.example", {
    accounts: { brain: "secret", abuse: "secret" },
    config: { admin: { token: "sesame" } },
  });
  const there = internet.peer("there.example");
  const get = async (path: string) => {
    const request = new Request(`http://localhost${path}`, { headers: { authorization: "Bearer sesame" } });
    return await (await here.server.fetch(request, "127.0.0.1")).text();
  };
  return {
    here,
    get,
    /** Sends a message; answers it as it came there. */
    async sent(to: string[]) {
      const before = there.messages.length;
      await here.send({ from: "brain@here.example", to, text: "Subject: x\r\n\r\nHi\r\n" });
      await internet.settled();
      return there.messages[before]!.text;
    },
    async report(enclosed: string, fields: string, type = "message/rfc822") {
      const text = [
        `From: ${PEER}`,
        "Subject: complaint",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type="feedback-report"; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "This is an email abuse report.",
        "--b",
        "Content-Type: message/feedback-report",
        "",
        fields,
        "--b",
        `Content-Type: ${type}`,
        "",
        enclosed,
        "--b--",
        "",
      ].join("\r\n");
      await here.send({ from: PEER, to: "abuse@here.example", text });
    },
    async suppressed(): Promise<{ address: string; by: string; reason: string }[]> {
      return JSON.parse(await get("/api/v1/suppressions")).items;
    },
    [Symbol.asyncDispose]: () => internet[Symbol.asyncDispose](),
  };
}

const FIELDS = "Feedback-Type: abuse\r\nUser-Agent: x\r\nVersion: 1\r\n";

Deno.test("who complains of a message that was delivered to them gets no more", async () => {
  await using town = await scene();
  const message = await town.sent(["jo@there.example", "ann@there.example"]);
  await town.report(
    message,
    `${FIELDS}Original-Rcpt-To: <JO@there.example>\r\nOriginal-Rcpt-To: x@there.example\r\n`,
  );
  const [one, ...others] = await town.suppressed();
  assertEquals([one?.address, one?.by, others], ["jo@there.example", "complaint", []]);
  assertMatch(one!.reason, /^They complained of the message [0-9A-Z]{16} \(abuse\)$/);
  assertMatch(await town.get("/metrics"), /^dinopost_complaints_total\{type="abuse"\} 1$/m);
  assertEquals((await town.here.mailbox("abuse")).length, 1, "people read it all the same");
});

Deno.test("a report that names nobody, or encloses a header alone, is about the one who got the message", async () => {
  await using town = await scene();
  const message = await town.sent(["jo@there.example"]);
  await town.report(message.split("\r\n\r\n")[0]!, FIELDS, "text/rfc822-headers");
  assertEquals((await town.suppressed()).map(({ address }) => address), ["jo@there.example"]);
});

Deno.test("nobody is suppressed by other types, other people's messages, or for others", async () => {
  await using town = await scene();
  const message = await town.sent(["jo@there.example", "ann@there.example"]);
  await town.report(message, FIELDS.replace("abuse", "not-spam") + "Original-Rcpt-To: jo@there.example\r\n");
  await town.report(message, FIELDS);
  await town.report(message, `${FIELDS}Original-Rcpt-To: eve@there.example\r\n`);
  const id = /id ([0-9A-Z]{16})/.exec(message)![1]!;
  const made = id.slice(0, -1) + (id.endsWith("0") ? "1" : "0");
  await town.report(message.replaceAll(id, made), `${FIELDS}Original-Rcpt-To: jo@there.example\r\n`);
  await town.report(
    message.replace("by mail.here.example", "by other.example"),
    `${FIELDS}Original-Rcpt-To: jo@there.example\r\n`,
  );
  await town.report("nonsense", `${FIELDS}Original-Rcpt-To: jo@there.example\r\n`);
  assertEquals(await town.suppressed(), []);
  const metrics = await town.get("/metrics");
  assert(metrics.includes('dinopost_complaints_total{type="not-spam"} 1'));
  assert(!metrics.includes('dinopost_complaints_total{type="abuse"}'));
  assertEquals((await town.here.mailbox("abuse")).length, 6);
});

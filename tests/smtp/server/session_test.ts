import { assert, assertEquals, assertMatch } from "@std/assert";
import { binaryString, encode } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { type Reply, reply } from "../../../src/smtp/protocol/reply.ts";
import type { MemoryConn } from "../../../src/wire/memory_conn.ts";
import type { ByteConn } from "../../../src/wire/byte_conn.ts";
import { clientTls, serverTls } from "../../../src/wire/tls.ts";
import { CERTIFICATE } from "../client/certificate.ts";
import { AccountSasl } from "../../../src/auth/sasl.ts";
import { BRAIN, LoginFixture } from "../../auth/login_fixture.ts";
import { pretendedTls } from "../../support/conns.ts";
import { FakeReception } from "./fake_reception.ts";
import { type Harness, type HarnessOptions, startSession } from "./server_harness.ts";

const ENVELOPE =
  "HELO client.mindspring.com\r\nMAIL FROM:<jsmith@mindspring.com>\r\nRCPT TO:<brain@howstuffworks.com>\r\n";

/** Reads until the text so far matches; fails when the stream ends before. */
async function until(conn: ByteConn, pattern: RegExp): Promise<string> {
  const into = new Uint8Array(4096);
  let text = "";
  while (!pattern.test(text)) {
    const count = await conn.read(into);
    assert(count !== null, `Expected ${pattern} before the end, got ${JSON.stringify(text)}`);
    text += binaryString(into.subarray(0, count));
  }
  return text;
}

async function rest(conn: ByteConn): Promise<string> {
  const into = new Uint8Array(4096);
  let text = "";
  for (;;) {
    const count = await conn.read(into).catch(() => null);
    if (count === null) return text;
    text += binaryString(into.subarray(0, count));
  }
}

/** Some turns of the event loop. */
async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => systemClock.schedule(0, resolve));
}

async function say(conn: ByteConn, text: string): Promise<void> {
  await conn.write(encode(text));
}

async function using(options: HarnessOptions, test: (harness: Harness) => Promise<void>): Promise<Harness> {
  const harness = await startSession(options);
  try {
    await test(harness);
  } finally {
    harness.conn.close();
    await harness.done;
  }
  assertEquals(harness.reception.openSinks, 0);
  return harness;
}

function closed(harness: Harness): string {
  const last = harness.events.at(-1);
  assert(last?.kind === "closed");
  return last.why;
}

// --- before the greeting --------------------------------------------------------------------------------------

for (const tcp of [false, true]) {
  const where = tcp ? "over TCP" : "in memory";
  // what a client sends before it could have read the greeting
  const cases: [string, RegExp][] = [
    ["EHLO spammer.example\r\n", /^554 5\.5\.0 [^\r]*\r\n$/],
    ["GET / HTTP/1.1\r\n", /^421 5\.5\.1 [^\r]*\r\n$/],
    ["\x16\x03\x01", /^421 5\.5\.1 [^\r]*\r\n$/],
  ];
  for (const [sent, expected] of cases) {
    Deno.test(`serveSmtp() sends ${JSON.stringify(sent)} before the greeting away, ${where}`, async () => {
      const { conn, done } = await startEarly(sent, tcp);
      assertMatch(await rest(conn), expected);
      conn.close();
      await done;
    });
  }
}

async function startEarly(sent: string, tcp: boolean, behaviour = {}): Promise<Harness> {
  return await startSession({ tcp, behaviour, before: (conn) => say(conn, sent).then(() => turns()) });
}

Deno.test("serveSmtp() greets our own clients at once, and hears them then", async () => {
  const { conn, done } = await startEarly("NOOP\r\nQUIT\r\n", true, { trusts: true });
  assertMatch(await rest(conn), /^220 [^\r]*\r\n250 [^\r]*\r\n221 [^\r]*\r\n$/);
  conn.close();
  await done;
  const foreign = await startEarly("GET / HTTP/1.1\r\n", true, { trusts: true });
  assertMatch(await rest(foreign.conn), /^220 [^\r]*\r\n421 5\.5\.1 [^\r]*\r\n$/);
  foreign.conn.close();
  await foreign.done;
});

Deno.test("serveSmtp() lets a client have the reply to QUIT, whether or not it sends on", async () => {
  for (const more of ["", "NOOP\r\n".repeat(20)]) {
    const { conn, done } = await startSession({ tcp: true });
    await until(conn, /^220 /);
    await say(conn, `QUIT\r\n${more}`);
    assertMatch(await rest(conn), /^221 [^\r]*\r\n$/);
    conn.close();
    await done;
  }
});

Deno.test("serveSmtp() greets with 421 4.3.2 when the server shuts down already", async () => {
  const closing = new AbortController();
  closing.abort();
  const harness = await using({ closing: closing.signal }, async ({ conn }) => {
    assertMatch(await rest(conn), /^421 4\.3\.2 /);
  });
  assertEquals(closed(harness), "shutdown");
});

// --- pipelining -----------------------------------------------------------------------------------------------

Deno.test("serveSmtp() answers a pipelined group in one write", async () => {
  await using({}, async ({ conn, server }) => {
    await until(conn, /^220 .*\r\n/);
    const { writes } = server as MemoryConn;
    await say(conn, ENVELOPE + "RCPT TO:<nobody@howstuffworks.com>\r\nDATA\r\n");
    const text = await until(conn, /354 .*\r\n/);
    assertEquals(text.split("\r\n").map((line) => line.slice(0, 3)), ["250", "250", "250", "550", "354", ""]);
    assertEquals((server as MemoryConn).writes - writes, 1);
  });
});

Deno.test("serveSmtp() sends what it has before it waits for a slow answer", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using({}, async ({ conn, reception }) => {
    reception.recipient = (_, recipient) => promise.then(() => recipient);
    await until(conn, /^220 .*\r\n/);
    await say(conn, ENVELOPE);
    assertMatch(await until(conn, /250 2\.1\.0 .*\r\n/), /250 2\.1\.0 .*\r\n$/);
    resolve();
    await until(conn, /^250 2\.1\.5 .*\r\n$/);
  });
});

// --- text -----------------------------------------------------------------------------------------------------

Deno.test("serveSmtp() reads no further while the sink asks to wait", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let pieces = 0;
  await using({}, async ({ conn, server, reception }) => {
    reception.open = () => ({
      write: () => {
        pieces++;
        return promise;
      },
      finish: () => Promise.resolve({ code: 250, status: "2.0.0", lines: ["Ok"] }),
      abort: () => {},
    });
    await until(conn, /^220 .*\r\n/);
    await say(conn, ENVELOPE + "DATA\r\n");
    await until(conn, /354 .*\r\n/);
    let sent = false;
    const sending = say(conn, ("x".repeat(998) + "\r\n").repeat(500) + ".\r\n").then(() => sent = true);
    await turns();
    assertEquals([pieces, sent, (server as MemoryConn).closed], [1, false, false]);
    resolve();
    await until(conn, /^250 2\.0\.0 Ok\r\n$/);
    await sending;
  });
  assert(pieces > 5);
});

Deno.test("serveSmtp() ends the session when a text goes 64 MiB beyond the limit", async () => {
  const harness = await using({ limits: { messageSize: 1000 } }, async ({ conn, reception }) => {
    await until(conn, /^220 .*\r\n/);
    await say(conn, ENVELOPE + "DATA\r\n");
    await until(conn, /354 .*\r\n/);
    const answer = rest(conn);
    const block = encode(("x".repeat(998) + "\r\n").repeat(64));
    let sent = 0;
    try {
      for (; sent < 80 * 1024 * 1024; sent += block.length) await conn.write(block);
    } catch {
      // the server closed
    }
    assert(sent > 64 * 1024 * 1024 && sent < 70 * 1024 * 1024, `${sent} octets were read`);
    assertMatch(await answer, /^552 5\.3\.4 [^\r]*\r\n$/);
    assertEquals(reception.aborted, 1);
  });
  assertEquals(closed(harness), "refused");
});

Deno.test("serveSmtp() ends the session when BDAT announces far too much", async () => {
  await using({ limits: { messageSize: 1000 } }, async ({ conn }) => {
    await until(conn, /^220 .*\r\n/);
    await say(conn, ENVELOPE + "BDAT 999999999999\r\n");
    assertMatch(await rest(conn), /552 5\.3\.4 [^\r]*\r\n$/);
  });
});

Deno.test("serveSmtp() answers 501 and closes when BDAT's size can't be understood", async () => {
  for (const size of ["-1", "1e3", "0x10", "99999999999999999999"]) {
    await using({}, async ({ conn }) => {
      await until(conn, /^220 .*\r\n/);
      await say(conn, `${ENVELOPE}BDAT ${size}\r\nQUIT\r\n`);
      assertMatch(await rest(conn), /501 5\.5\.4 [^\r]*\r\n$/);
    });
  }
});

Deno.test("serveSmtp() gives the sink views: a text in one piece stays one", async () => {
  const pieces: number[] = [];
  await using({}, async ({ conn, reception }) => {
    reception.open = () => ({
      write: (piece) => void pieces.push(piece.length),
      finish: () => Promise.resolve({ code: 250, status: "2.0.0", lines: ["Ok"] }),
      abort: () => {},
    });
    await until(conn, /^220 .*\r\n/);
    await say(conn, ENVELOPE + "DATA\r\n");
    await until(conn, /354 .*\r\n/);
    await say(conn, "Subject: x\r\n\r\nHello\r\n.\r\n");
    await until(conn, /^250 /);
  });
  assertEquals(pieces, [21]);
});

Deno.test("serveSmtp() drops the text and ends whenever the client goes, after every octet", async () => {
  const whole = encode(
    ENVELOPE + "DATA\r\nHello\r\n..\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<brain@howstuffworks.com>\r\n" +
      "BDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\nAUTH LOGIN\r\nabc\r\nQUIT\r\n",
  );
  const first = binaryString(whole).indexOf("\r\n.\r\nMAIL") + 5;
  const second = binaryString(whole).indexOf("b\r\nAUTH") + 3;
  for (let cut = 0; cut <= whole.length; cut++) {
    for (const how of ["close", "reset"] as const) {
      const harness = await startSession({ auth: "always" });
      await until(harness.conn, /^220 .*\r\n/);
      await harness.conn.write(whole.subarray(0, cut));
      await turns(1);
      if (how === "close") harness.conn.close();
      else (harness.conn as MemoryConn).reset();
      await harness.done;
      assertEquals(harness.reception.openSinks, 0);
      assertEquals(harness.reception.taken.length, cut >= second ? 2 : cut >= first ? 1 : 0, `cut at ${cut}`);
      assert(!harness.events.some((one) => one.kind === "error"), `error at ${cut}`);
    }
  }
});

// --- time -----------------------------------------------------------------------------------------------------

Deno.test("serveSmtp() ends a slow drip of text, though each pause is short", async () => {
  const harness = await using({ limits: { dataTimeoutMs: 60_000 } }, async ({ conn, clock }) => {
    await until(conn, /^220 .*\r\n/);
    await say(conn, ENVELOPE + "DATA\r\n");
    await until(conn, /354 .*\r\n/);
    const answer = rest(conn);
    let minutes = 0;
    for (; minutes < 100; minutes++) {
      await turns(1);
      clock.advance(50_000);
      try {
        await say(conn, "drip\r\n");
      } catch {
        break;
      }
    }
    assert(minutes < 4, `It took ${minutes} pauses`);
    assertMatch(await answer, /^421 4\.4\.2 /);
  });
  assertEquals(closed(harness), "idle");
  assertEquals(harness.reception.aborted, 1);
});

Deno.test("serveSmtp() ends a slow drip of chunks, though each of them is whole", async () => {
  const harness = await using({ limits: { dataTimeoutMs: 60_000 } }, async ({ conn, clock }) => {
    await until(conn, /^220 .*\r\n/);
    await say(conn, ENVELOPE);
    const answer = rest(conn);
    let minutes = 0;
    for (; minutes < 100; minutes++) {
      await turns(1);
      clock.advance(25_000);
      try {
        await say(conn, "BDAT 1\r\nx");
      } catch {
        break;
      }
    }
    assert(minutes < 6, `It took ${minutes} pauses`);
    assertMatch(await answer, /421 4\.4\.2 [^\r]*\r\n$/);
  });
  assertEquals(closed(harness), "idle");
  assertEquals(harness.reception.aborted, 1);
});

Deno.test("serveSmtp() does not time out while the answer is on our side", async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  await using({}, async ({ conn, clock, reception }) => {
    reception.sender = () => promise;
    await until(conn, /^220 .*\r\n/);
    await say(conn, "HELO x\r\nMAIL FROM:<>\r\n");
    await until(conn, /^250 /);
    clock.advance(3_600_000);
    resolve(undefined);
    await until(conn, /^250 2\.1\.0/);
  });
});

Deno.test("serveSmtp() closes on a client that does not read its replies", async () => {
  const harness = await startSession({ memory: { capacity: 64 }, limits: { errorsPerSession: 1_000_000 } });
  await until(harness.conn, /^220/);
  harness.conn.write(encode("XYZZY\r\n".repeat(100))).catch(() => {});
  await turns();
  harness.clock.advance(301_000);
  await turns();
  harness.clock.advance(5_000);
  await harness.done;
  assertEquals(closed(harness), "idle");
  harness.conn.close();
});

Deno.test("serveSmtp() closes on a client that reads no reply while one is made that takes time", async () => {
  const harness = await startSession({ memory: { capacity: 64 }, behaviour: { later: true } });
  let isOver = false;
  harness.done.then(() => isOver = true);
  await until(harness.conn, /^220/);
  harness.conn.write(encode(`HELO x\r\n${"MAIL FROM:<>\r\nRSET\r\n".repeat(10)}`)).catch(() => {});
  await turns();
  harness.clock.advance(299_000);
  await turns();
  assert(!isOver);
  harness.clock.advance(2_000);
  await turns();
  assert(isOver);
  harness.conn.close();
});

Deno.test("serveSmtp() closes on a client that wants TLS and does not read the answer", async () => {
  const harness = await startSession({ memory: { capacity: 32 }, tls: pretendedTls });
  let isOver = false;
  harness.done.then(() => isOver = true);
  await until(harness.conn, /^220/);
  await say(harness.conn, "HELO x\r\nSTARTTLS\r\n");
  await turns();
  harness.clock.advance(301_000);
  await turns();
  assert(isOver);
  harness.conn.close();
});

// --- shutdown -------------------------------------------------------------------------------------------------

Deno.test("serveSmtp() tells an idle client at once that the server shuts down", async () => {
  const harness = await using({}, async ({ conn, closing }) => {
    await until(conn, /^220 .*\r\n/);
    await say(conn, "HELO x\r\n");
    await until(conn, /^250 .*\r\n/);
    closing.abort();
    assertMatch(await rest(conn), /^421 4\.3\.2 [^\r]*\r\n$/);
  });
  assertEquals(closed(harness), "shutdown");
});

Deno.test("serveSmtp() tells a client whose login has to wait that the server shuts down, and it has not failed", async () => {
  await using logins = await LoginFixture.open();
  const { authenticator, guard } = logins;
  const reception = Object.assign(new FakeReception(), { sasl: new AccountSasl(authenticator) });
  for (let i = 0; i < 5; i++) guard.begin("127.0.0.1", BRAIN).wrong();
  const harness = await using({ reception, auth: "always" }, async ({ conn, closing }) => {
    await until(conn, /^220 .*\r\n/);
    await say(conn, `EHLO x\r\nAUTH PLAIN ${encode(`\0${BRAIN}\0narf`).toBase64()}\r\n`);
    await until(conn, /^250 .*\r\n/m);
    await turns();
    closing.abort();
    assertMatch(await rest(conn), /^421 4\.3\.2 [^\r]*\r\n$/);
  });
  assertEquals(closed(harness), "shutdown");
  assertEquals(harness.events.filter(({ kind }) => kind === "login"), []);
});

Deno.test("serveSmtp() hands on that the server stops to who waits for others behind a text", async () => {
  const ending = new AbortController();
  const reception = new FakeReception();
  const told: unknown[] = [];
  reception.open = () => ({
    write() {},
    abort() {},
    finish(_, signal) {
      signal?.addEventListener("abort", () => resolve(reply(451, "4.3.2", "Come again")));
      told.push(signal);
      return promise;
    },
  });
  const { promise, resolve } = Promise.withResolvers<Reply>();
  await using({ reception, ending: ending.signal }, async ({ conn, closing }) => {
    await until(conn, /^220 .*\r\n/);
    await say(conn, `${ENVELOPE}DATA\r\nHello\r\n.\r\n`);
    await until(conn, /354 .*\r\n/);
    await turns();
    closing.abort();
    await turns();
    ending.abort();
    assertMatch(await rest(conn), /^451 4\.3\.2 Come again\r\n421 4\.3\.2 [^\r]*\r\n$/);
  });
  assertEquals(told, [ending.signal]);
});

// a text on its way is taken whole, then the client is told
for (
  const [how, first, second] of [["DATA", "DATA\r\nHel", "lo\r\n.\r\n"], ["BDAT", "BDAT 5\r\nHel", "lo"]]
) {
  Deno.test(`serveSmtp() lets a text sent by ${how} end before it shuts down`, async () => {
    const harness = await using({}, async ({ conn, closing }) => {
      await until(conn, /^220 .*\r\n/);
      await say(conn, ENVELOPE + first);
      await until(conn, how === "DATA" ? /354 .*\r\n/ : /2\.1\.5 .*\r\n/);
      await turns();
      closing.abort();
      await say(conn, second!);
      if (how === "BDAT") {
        await until(conn, /^250 2\.0\.0 .*\r\n/);
        await say(conn, "BDAT 2 LAST\r\n\r\n");
      }
      assertMatch(await rest(conn), /^250 2\.0\.0 Ok: queued as 1\r\n421 4\.3\.2 [^\r]*\r\n$/);
    });
    assertEquals(harness.reception.taken[0]?.text, "Hello\r\n");
    assertEquals(closed(harness), "shutdown");
  });
}

for (
  const [how, first] of [["DATA", "DATA\r\nHel"], ["BDAT", "BDAT 5\r\nHel"], [
    "BDAT's next chunk",
    "BDAT 1\r\nH",
  ]]
) {
  Deno.test(`serveSmtp() tells a client whose text (${how}) does not come to its end in time`, async () => {
    const ending = new AbortController();
    const harness = await using({ ending: ending.signal }, async ({ conn, closing }) => {
      await until(conn, /^220 .*\r\n/);
      await say(conn, ENVELOPE + first);
      await until(conn, how === "DATA" ? /354 .*\r\n/ : /2\.1\.5 .*\r\n/);
      await turns();
      closing.abort();
      await turns();
      ending.abort();
      assertMatch(await rest(conn), /(^|\r\n)421 4\.3\.2 [^\r]*\r\n$/);
    });
    assertEquals(closed(harness), "shutdown");
    assertEquals([harness.reception.taken.length, harness.reception.openSinks], [0, 0]);
  });
}

// --- TLS ------------------------------------------------------------------------------------------------------

Deno.test("serveSmtp() speaks real TLS after STARTTLS", async () => {
  const tls = serverTls(CERTIFICATE);
  const harness = await startSession({ tcp: true, tls });
  await until(harness.conn, /^220 .*\r\n/);
  await say(harness.conn, "EHLO client.mindspring.com\r\n");
  assertMatch(await until(harness.conn, /250 HELP\r\n/), /250-STARTTLS\r\n/);
  await say(harness.conn, "STARTTLS\r\n");
  await until(harness.conn, /^220 2\.0\.0 .*\r\n/);
  const conn = await clientTls(harness.conn, { serverName: "mx.far.example" });
  await say(conn, "EHLO client.mindspring.com\r\n");
  assert(!(await until(conn, /250 HELP\r\n/)).includes("STARTTLS"));
  await say(conn, ENVELOPE + "DATA\r\n");
  await until(conn, /354 .*\r\n/);
  await say(conn, "Hello\r\n.\r\nQUIT\r\n");
  assertMatch(await rest(conn), /^250 2\.0\.0 .*\r\n221 2\.0\.0 .*\r\n$/);
  conn.close();
  await harness.done;
  assertMatch(harness.reception.taken[0]!.session.tls!.protocol, /^TLSv1\.[23]$/);
  assertEquals(harness.events.filter((one) => one.kind === "tls").length, 1);
});

Deno.test("serveSmtp() begins with the handshake on submissions", async () => {
  const harness = await using({
    service: "submissions",
    tls: pretendedTls,
    implicitTls: true,
    auth: "overTls",
    remote: "192.0.2.7",
  }, async ({ conn }) => {
    await until(conn, /^220 .*\r\n/);
    await say(conn, "EHLO x\r\n");
    const list = await until(conn, /250 HELP\r\n/);
    assert(!list.includes("STARTTLS") && list.includes("250-AUTH PLAIN LOGIN\r\n"));
  });
  assertEquals(harness.events.map((one) => one.kind).slice(0, 2), ["connected", "tls"]);
});

Deno.test("serveSmtp() ends without a word when the handshake fails", async () => {
  const tls = { ...pretendedTls, upgrade: () => Promise.reject(new Error("No handshake")) };
  const harness = await using(
    { tls, implicitTls: true },
    async ({ conn }) => assertEquals(await rest(conn), ""),
  );
  assertEquals(closed(harness), "tls");
});

// --- events ---------------------------------------------------------------------------------------------------

Deno.test("serveSmtp() tells what happens, with verbs from a closed set", async () => {
  const harness = await using({ auth: "always", service: "submission" }, async ({ conn }) => {
    await until(conn, /^220 .*\r\n/);
    await say(conn, "HELO x\r\nEvil-Verb\r\nAUTH PLAIN AGEAYg==\r\nNOOP\r\nQUIT\r\n");
    await rest(conn);
  });
  assertEquals(harness.events, [
    { kind: "connected" },
    { kind: "command", verb: "HELO", code: 250 },
    { kind: "command", verb: "other", code: 500 },
    { kind: "command", verb: "AUTH", code: 535 },
    { kind: "login", ok: false, name: "a", mechanism: "PLAIN" },
    { kind: "command", verb: "NOOP", code: 250 },
    { kind: "command", verb: "QUIT", code: 221 },
    { kind: "closed", why: "quit", messages: 0, errors: 2 },
  ]);
});

Deno.test("serveSmtp() keeps the parameters of DSN and SMTPUTF8 in the envelope", async () => {
  const harness = await using({}, async ({ conn }) => {
    await until(conn, /^220 .*\r\n/);
    await say(
      conn,
      "EHLO x\r\nMAIL FROM:<> SMTPUTF8 BODY=8BITMIME RET=FULL ENVID=QQ+2B1 SIZE=5\r\n" +
        "RCPT TO:<brain@howstuffworks.com> NOTIFY=success,DELAY ORCPT=rfc822;brain@howstuffworks.com\r\n" +
        "RCPT TO:<clever@howstuffworks.com> NOTIFY=NEVER\r\nDATA\r\n",
    );
    await until(conn, /354 .*\r\n/);
    await say(conn, ".\r\n");
    await until(conn, /^250 /);
  });
  assertEquals(harness.reception.taken[0]!.envelope, {
    sender: "",
    recipients: [
      {
        address: "brain@howstuffworks.com",
        notify: ["success", "delay"],
        orcpt: "rfc822;brain@howstuffworks.com",
      },
      { address: "clever@howstuffworks.com", notify: "never" },
    ],
    utf8: true,
    bodyType: "8BITMIME",
    ret: "full",
    envid: "QQ+2B1",
  });
});

Deno.test("serveSmtp() answers 10,000 RCPTs beyond the limit, then ends", async () => {
  await using({ limits: { recipients: 1 } }, async ({ conn }) => {
    await until(conn, /^220 .*\r\n/);
    const sending = say(conn, ENVELOPE + "RCPT TO:<brain@howstuffworks.com>\r\n".repeat(10_100)).catch(
      () => {},
    );
    const text = await rest(conn);
    await sending;
    assertEquals(text.match(/452 4\.5\.3/g)?.length, 10_000);
    assertMatch(text, /421 4\.7\.0 [^\r]*\r\n$/);
  });
});

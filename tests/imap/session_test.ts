import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { Buffer } from "node:buffer";
import { StorageError } from "../../src/storage/storage_error.ts";
import { type Clock, eventTurn } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { scramClient } from "../pop3/scram_client.ts";
import { END_POINT, pretendedTls } from "../support/conns.ts";
import { BRAIN, PASSWORD } from "../support/mailbox_harness.ts";
import { Client, Harness, type HarnessOptions, MESSAGES } from "./harness.ts";

/** Brain's sessions, each with INBOX selected. */
async function sessions(harness: Harness, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  for (let i = 0; i < count; i++) {
    const client = new Client(await harness.connect());
    await client.logIn("INBOX");
    clients.push(client);
  }
  return clients;
}

Deno.test("AUTHENTICATE SCRAM-SHA-256 logs in, and the server proves itself", async () => {
  await using harness = await Harness.start();
  const client = new Client(await harness.connect());
  await client.line();
  const scram = scramClient(BRAIN, PASSWORD);
  await client.send(`a AUTHENTICATE SCRAM-SHA-256\r\n`);
  assertEquals(await client.line(), "+ ");
  await client.send(`${scram.first()}\r\n`);
  const { final, proof } = scram.final((await client.line())!.slice(2));
  await client.send(`${final}\r\n`);
  assertEquals(await client.line(), `+ ${proof}`);
  await client.send("\r\n");
  assert((await client.line())!.startsWith("a OK [CAPABILITY "));
  const [event] = harness.events;
  assert(event?.kind === "login" && event.ok);
  assertEquals([event.mechanism, event.account], ["SCRAM-SHA-256", BRAIN]);
});

Deno.test("AUTHENTICATE SCRAM-SHA-256-PLUS is bound to the TLS connection, for those who ask for it by name", async () => {
  await using harness = await Harness.start({ session: { tls: pretendedTls } });
  const client = new Client(await harness.connect());
  await client.line();
  assertEquals(await client.command("AUTHENTICATE SCRAM-SHA-256-PLUS"), [
    "tagNO [CANNOT] SCRAM-SHA-256-PLUS needs a TLS connection that began here".replace("tag", "tag "),
  ]);
  await client.command("STARTTLS");
  const scram = scramClient(BRAIN, PASSWORD, END_POINT);
  await client.send(`b AUTHENTICATE SCRAM-SHA-256-PLUS ${scram.first()}\r\n`);
  const { final } = scram.final((await client.line())!.slice(2));
  await client.send(`${final}\r\n`);
  assert((await client.line())!.startsWith("+ "));
  await client.send("\r\n");
  assert((await client.line())!.startsWith("b OK "));
});

Deno.test("a password that crossed the network in clear is told to the log", async () => {
  await using harness = await Harness.start({ remote: "192.0.2.7" });
  const client = new Client(await harness.connect());
  await client.line();
  await client.command(`LOGIN ${BRAIN} "${PASSWORD}"`);
  await client.command(`AUTHENTICATE PLAIN ${btoa(`\0${BRAIN}\0wrong`)}`);
  await client.command("AUTHENTICATE PLAIN");
  assertEquals(harness.events, [{ kind: "exposed", name: BRAIN }, { kind: "exposed", name: BRAIN }]);
});

Deno.test("IDLE tells at once what others do, and what they did meanwhile", async () => {
  await using harness = await Harness.start();
  const [other, watcher] = await sessions(harness, 2) as [Client, Client];
  await watcher.send("i IDLE\r\n");
  assertEquals(await watcher.line(), "+ Idling");
  await harness.deliver("Subject: four\r\n\r\n");
  assertEquals([await watcher.line(), await watcher.line()], ["* 4 EXISTS", "* 1 RECENT"]);
  await other.command("STORE 2 +FLAGS (\\Seen)");
  assertEquals(await watcher.line(), "* 2 FETCH (FLAGS (\\Seen))");
  await other.command("STORE 1:2 +FLAGS.SILENT (\\Deleted)");
  assertEquals([await watcher.line(), await watcher.line()], [
    "* 1 FETCH (FLAGS (\\Deleted))",
    "* 2 FETCH (FLAGS (\\Deleted \\Seen))",
  ]);
  assertEquals(await other.command("EXPUNGE"), ["* 1 EXPUNGE", "* 1 EXPUNGE", "tag OK Done"]);
  assertEquals([await watcher.line(), await watcher.line()], ["* 1 EXPUNGE", "* 1 EXPUNGE"]);
  await watcher.send("DONE\r\n");
  assertEquals(await watcher.line(), "i OK Done");
  assertEquals(await watcher.command("UID SEARCH ALL"), ["* SEARCH 3 4", "tag OK Done"]);
});

Deno.test("what others do waits: flags for a command that is no FETCH, numbers for one without numbers", async () => {
  await using harness = await Harness.start();
  const [one, other] = await sessions(harness, 2) as [Client, Client];
  await other.command("STORE 3 +FLAGS (\\Flagged)");
  assertEquals(await one.command("FETCH 1 (UID)"), ["* 1 FETCH (UID 1)", "tag OK Done"]);
  await harness.deliver("Subject: four\r\n\r\n");
  assertEquals(await one.command("UID FETCH 1 (UID)"), [
    "* 1 FETCH (UID 1)",
    "* 4 EXISTS",
    "* 4 RECENT",
    "tag OK Done",
  ]);
  assertEquals(await one.command("STORE 1 +FLAGS.SILENT (\\Seen)"), [
    "* 3 FETCH (FLAGS (\\Flagged \\Recent))",
    "tag OK Done",
  ]);
  await other.command("UID STORE 2 +FLAGS.SILENT (\\Deleted)");
  await other.command("EXPUNGE");
  // 2 is still 2, and gone
  assertEquals(await one.command("FETCH 2:3 (UID)"), [
    "* 3 FETCH (UID 3)",
    "tag NO [EXPUNGEISSUED] Some of the messages are gone",
  ]);
  assertEquals(await one.command("STORE 3 -FLAGS (\\Flagged)"), [
    "* 3 FETCH (FLAGS (\\Recent))",
    "tag OK Done",
  ]);
  assertEquals(await one.command("SEARCH ALL"), ["* SEARCH 1 3 4", "tag OK Done"]);
  assertEquals(await one.command("UID SEARCH ALL"), ["* SEARCH 1 3 4", "* 2 EXPUNGE", "tag OK Done"]);
  assertEquals(await one.command("SEARCH ALL"), ["* SEARCH 1 2 3", "tag OK Done"]);
});

Deno.test("a unilateral FETCH carries UID when the command was one with UID", async () => {
  await using harness = await Harness.start();
  const [one, other] = await sessions(harness, 2) as [Client, Client];
  await other.command("STORE 1 +FLAGS (\\Seen)");
  assertEquals(await one.command("UID STORE 3 +FLAGS.SILENT (\\Seen)"), [
    "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))",
    "tag OK Done",
  ]);
});

Deno.test("very many flags that changed are told as they are", async () => {
  await using harness = await Harness.start({ messages: Array.from({ length: 700 }, () => MESSAGES[0]!) });
  const [one, other] = await sessions(harness, 2) as [Client, Client];
  for (let i = 0; i < 10; i++) await other.command(`STORE 1:* ${i % 2 ? "-" : "+"}FLAGS.SILENT (\\Seen)`);
  await other.command("STORE 7 +FLAGS.SILENT (\\Flagged)");
  const lines = await one.command("NOOP");
  assertEquals(lines.length, 701);
  assertEquals(lines[6], "* 7 FETCH (FLAGS (\\Flagged \\Recent))");
});

Deno.test("what others do while a client resynchronizes is told before the mailbox is selected", async () => {
  await using harness = await Harness.start();
  const one = new Client(await harness.connect());
  await one.logIn();
  await one.command("ENABLE QRESYNC");
  const folders = await harness.mailStore.open(BRAIN);
  const inbox = await folders.select(folders.byName("INBOX")!.id);
  const { uidValidity } = inbox.info;
  // it goes between the count of messages and the end of the command
  const list = harness.store.kv.list.bind(harness.store.kv);
  harness.store.kv.list = ((selector, options) => {
    harness.store.kv.list = list;
    const listed = list(selector, options);
    return (async function* () {
      await inbox.expunge(Uint32Array.of(1));
      await inbox.store(Uint32Array.of(3), { mode: "add", flags: 4, keywords: [] });
      yield* listed;
    })();
  }) as typeof list;
  const lines = await one.command(`SELECT INBOX (QRESYNC (${uidValidity} 1))`);
  assertEquals(harness.store.kv.list, list);
  assert(lines.includes("* 3 EXISTS"), lines.join("\n"));
  assert(lines.includes("* VANISHED 1"), lines.join("\n"));
  assert(lines.some((line) => line.includes("* 2 FETCH (UID 3 FLAGS (\\Flagged")), lines.join("\n"));
  assert(!lines.includes("* 2 EXISTS"));
  inbox[Symbol.dispose]();
  folders[Symbol.dispose]();
});

Deno.test("NOTIFY tells a client that waits, also of messages with what it asked for", async () => {
  await using harness = await Harness.start();
  const [one, other] = await sessions(harness, 2) as [Client, Client];
  await one.command(
    "NOTIFY SET (selected-delayed (MessageNew (FLAGS RFC822.SIZE) MessageExpunge FlagChange))",
  );
  await harness.deliver("Subject: four\r\n\r\n");
  assertEquals([await one.line(), await one.line(), await one.line()], [
    "* 4 EXISTS",
    "* 4 RECENT",
    "* 4 FETCH (UID 4 FLAGS () RFC822.SIZE 17)",
  ]);
  await other.command("STORE 1 +FLAGS (\\Deleted)");
  assertEquals(await one.line(), "* 1 FETCH (FLAGS (\\Deleted \\Recent))");
  await other.command("EXPUNGE");
  // delayed: until a command that tells it
  assertEquals(await one.command("NOOP"), ["* 1 EXPUNGE", "tag OK Done"]);
});

Deno.test("a text that NOTIFY tells and the store cuts ends the connection", async () => {
  await using harness = await Harness.start();
  const { mailStore } = harness;
  const open = mailStore.open.bind(mailStore);
  mailStore.open = async (address) => {
    const folders = await open(address);
    const select = folders.select.bind(folders);
    folders.select = async (id) => {
      const folder = await select(id);
      const read = folder.read.bind(folder);
      folder.read = async function* (place, from) {
        let pieces = 0;
        for await (const piece of read(place, from)) {
          if (pieces++ > 2) throw new StorageError("failed", "a bad sector");
          yield piece;
        }
      };
      return folder;
    };
    return folders;
  };
  const [one] = await sessions(harness, 1) as [Client];
  await one.command("NOTIFY SET (selected (MessageNew (BODY.PEEK[]) MessageExpunge))");
  await harness.deliver(`Subject: large\r\n\r\n${`${"x".repeat(70)}\r\n`.repeat(6000)}`);
  const lines = await one.command("NOOP");
  assertEquals(lines.at(-1), "the end");
  assert(lines.some((line) => line.startsWith("* 4 FETCH (UID 4 BODY[] {")), lines[2]);
});

Deno.test("a store that fails is told so, and nothing is half done", async () => {
  await using harness = await Harness.start();
  const [one] = await sessions(harness, 1) as [Client];
  harness.disk.failure = new StorageError("full", "no space left");
  assertEquals(await one.command("STORE 1 +FLAGS (\\Seen)"), [
    "tag NO [LIMIT] There is no room on the disk now",
  ]);
  assertEquals(await one.command("APPEND INBOX {3+}\r\nabc"), [
    "tag NO [LIMIT] There is no room on the disk now",
  ]);
  harness.disk.failure = new Error("a fault of ours");
  assertEquals(await one.command("CREATE x"), ["tag NO [SERVERBUG] Something went wrong here"]);
  harness.disk.failure = undefined;
  assertEquals(await one.command("FETCH 1 FLAGS"), ["* 1 FETCH (FLAGS (\\Recent))", "tag OK Done"]);
  assertEquals(harness.events.filter(({ kind }) => kind === "error").length, 3);
});

Deno.test("a STORE that fails in the middle says so, and tells which flags it has changed", async () => {
  await using harness = await Harness.start({ messages: [] });
  const [one] = await sessions(harness, 1) as [Client];
  await one.command(`APPEND INBOX${" {3+}\r\nabc".repeat(500)}`);
  for (let i = 0; i < 4; i++) await one.command("COPY 1:* INBOX");
  using folders = await harness.mailStore.open(BRAIN);
  folders.on(({ kind }) => {
    if (kind === "flags") harness.disk.failure = new StorageError("failed", "a bad sector");
  });
  const lines = await one.command("STORE 1:* +FLAGS.SILENT (\\Seen)");
  harness.disk.failure = undefined;
  assertEquals(lines.pop(), "tag NO [SERVERBUG] The mail store failed before all was done");
  const told = lines.filter((line) => / FETCH \(FLAGS \(\\Seen/.test(line)).length;
  const { messages, unseen } = folders.byName("INBOX")!;
  assert(told > 0 && told < 8000);
  assertEquals([told, messages], [messages - unseen, 8000]);
});

Deno.test("a login that fails behind its password gives the mailbox back", async () => {
  await using harness = await Harness.start();
  const { mailStore, accounts } = harness;
  let held = 0;
  const open = mailStore.open.bind(mailStore);
  mailStore.open = async (address) => {
    const folders = await open(address);
    held++;
    const dispose = folders[Symbol.dispose].bind(folders);
    folders[Symbol.dispose] = () => {
      held--;
      dispose();
    };
    accounts.isCurrent = () => Promise.reject(new StorageError("away", "no answer"));
    return folders;
  };
  const client = new Client(await harness.connect());
  await client.line();
  assertEquals(await client.command(`LOGIN ${BRAIN} "${PASSWORD}"`), [
    "tag NO [UNAVAILABLE] The store does not answer now",
  ]);
  assertEquals(held, 0);
});

Deno.test("nothing of a command is taken for a line of its answer", async () => {
  await using harness = await Harness.start();
  const [one] = await sessions(harness, 1) as [Client];
  const evil = "x\r\n* 99 EXISTS\r\n";
  const charset = await one.command(`SEARCH CHARSET {${evil.length}+}\r\n${evil} ALL`);
  assertEquals(charset, ["tag NO [BADCHARSET (US-ASCII UTF-8)] There is no charset x??* 99 EXISTS?? here"]);
  const fields = await one.command(`FETCH 1 BODY.PEEK[HEADER.FIELDS ({${evil.length}+}\r\n${evil})]`);
  assertEquals(fields.length, 1);
  assert(fields[0]!.startsWith("tag BAD Expected a field's name"), fields[0]);
});

Deno.test("a date whose year has not four digits in UTC is refused", async () => {
  await using harness = await Harness.start({ messages: [] });
  const [one] = await sessions(harness, 1) as [Client];
  for (const date of ["01-Jan-0000 00:00:00 +0001", "31-Dec-9999 23:59:59 -0001"]) {
    const [line] = await one.command(`APPEND INBOX "${date}" {3+}\r\nabc`);
    assert(line!.startsWith("tag BAD Expected a date such as"), line);
  }
  for (const date of ["01-Jan-0000 00:00:00 +0000", "31-Dec-9999 23:59:59 +0000"]) {
    await one.command(`APPEND INBOX "${date}" {3+}\r\nabc`);
  }
  assertEquals(await one.command("FETCH 1:* INTERNALDATE"), [
    '* 1 FETCH (INTERNALDATE " 1-Jan-0000 00:00:00 +0000")',
    '* 2 FETCH (INTERNALDATE "31-Dec-9999 23:59:59 +0000")',
    "tag OK Done",
  ]);
});

Deno.test("mod-sequences can be asked for where the selected mailbox was deleted", async () => {
  await using harness = await Harness.start();
  const [one, other] = await sessions(harness, 2) as [Client, Client];
  await one.command("SELECT Archive");
  await other.command("DELETE Archive");
  const [line, tagged] = await one.command("STATUS INBOX (HIGHESTMODSEQ)");
  assertEquals([line?.startsWith("* STATUS INBOX (HIGHESTMODSEQ "), tagged], [true, "tag OK Done"]);
});

Deno.test("what NOTIFY tells does not shorten an IDLE", async () => {
  await using harness = await Harness.start();
  const [one] = await sessions(harness, 1) as [Client];
  await one.command("NOTIFY SET (selected (MessageNew (BODY.PEEK[]) MessageExpunge))");
  await one.send("i IDLE\r\n");
  assertEquals(await one.line(), "+ Idling");
  harness.clock.advance(10 * 60_000);
  await harness.deliver(`Subject: large\r\n\r\n${`${"x".repeat(70)}\r\n`.repeat(900)}`);
  while (await one.line() !== ")");
  await eventTurn();
  harness.clock.advance(19 * 60_000);
  await one.send("DONE\r\n");
  assertEquals((await one.until("i")).at(-1), "tag OK Done");
  await one.send("i IDLE\r\n");
  assertEquals(await one.line(), "+ Idling");
  harness.clock.advance(10 * 60_000);
  await harness.deliver(`Subject: large\r\n\r\n${`${"x".repeat(70)}\r\n`.repeat(900)}`);
  while (await one.line() !== ")");
  await eventTurn();
  harness.clock.advance(20 * 60_000 + 2000);
  assertEquals(await one.line(), "* BYE Too long silent");
});

Deno.test("APPEND of many messages: all of them, or none when one can't be taken", async () => {
  await using harness = await Harness.start({ messages: [] });
  const [one, other] = await sessions(harness, 2) as [Client, Client];
  const many = (count: number, size: number) => ` {${size}+}\r\n${"x".repeat(size)}`.repeat(count);
  assertEquals(await one.command(`APPEND Archive${many(500, 3000)}`), [
    "tag OK [APPENDUID 1767603600 1:500] Done",
  ]);
  assertEquals(await one.command(`APPEND Archive${many(20, 100_000)}`), [
    "tag OK [APPENDUID 1767603600 501:520] Done",
  ]);
  assertEquals(await one.command(`APPEND Archive${many(450, 3000)} {100001+}\r\n${"x".repeat(100_001)}`), [
    "tag NO [TOOBIG] The message is over 100000 octets",
  ]);
  assertEquals(await one.command(`APPEND Archive${many(450, 3000)} (\\Wrong) {3+}\r\nabc {3+}\r\nabc`), [
    "tag BAD There is no flag \\Wrong",
  ]);
  assertEquals(await other.command("STATUS Archive (MESSAGES)"), [
    "* STATUS Archive (MESSAGES 520)",
    "tag OK Done",
  ]);
  // and none when the client goes in the middle, or the store fails there
  const [third] = await sessions(harness, 1) as [Client];
  await third.send(`z APPEND Archive${many(201, 3000)}`);
  const status = async () => (await other.command("STATUS Archive (MESSAGES)"))[0];
  while (await status() === "* STATUS Archive (MESSAGES 520)") await eventTurn();
  harness.disk.failure = new StorageError("full", "no space left");
  await third.send("\r\n");
  assertEquals(await third.until("z"), ["tag NO [LIMIT] There is no room on the disk now"]);
  harness.disk.failure = undefined;
  await sessions(harness, 1);
  assertEquals(await status(), "* STATUS Archive (MESSAGES 520)");
  await one.send(`z APPEND Archive${many(450, 3000)} {3000+}\r\nxx`);
  one.close();
  while (!harness.events.some(({ kind }) => kind === "ended")) await eventTurn();
  assertEquals((await other.command("STATUS Archive (MESSAGES)"))[0], "* STATUS Archive (MESSAGES 520)");
});

Deno.test("an account that ends, ends its sessions", async () => {
  await using harness = await Harness.start();
  const [one] = await sessions(harness, 1) as [Client];
  await one.send("i IDLE\r\n");
  await one.line();
  await harness.accounts.remove(BRAIN);
  assertEquals(await one.line(), "* BYE The account was removed");
  assertEquals(await one.line(), undefined);
});

Deno.test("a server that goes down says so to who waits, and after a command to who does not", async () => {
  await using harness = await Harness.start();
  const [one] = await sessions(harness, 1) as [Client];
  await one.send("i IDLE\r\n");
  await one.line();
  harness.closing.abort();
  assertEquals(await one.line(), "* BYE The server is shutting down");
  one.close();
  await harness.ended();
  assertEquals(harness.events.at(-1), {
    kind: "ended",
    how: "closing",
    account: BRAIN,
    appended: 0,
    errors: 0,
  });
});

Deno.test("a client that idles and does not read is not heard for ever, and holds little", async () => {
  await using harness = await Harness.start();
  const [one] = await sessions(harness, 1) as [Client];
  await one.send("i IDLE\r\n");
  await one.line();
  for (let i = 0; i < 300; i++) harness.deliver("x");
  await eventTurn();
  // many arrivals are one line each time it is told
  let told = 0;
  let last = "";
  while (last !== "* 303 EXISTS") {
    last = (await one.line())!;
    told++;
  }
  assert(told < 50, `${told} lines`);
});

Deno.test("a long search tells how far it is, to clients of IMAP4rev2 only", async () => {
  const inner = new ManualClock();
  // each look at the clock takes as long as much work
  let ms = 0;
  const clock: Clock = {
    now: () => inner.now(),
    monotonic: () => ms += 3000,
    schedule: (delay, fn) => inner.schedule(delay, fn),
  };
  await using harness = await Harness.start({
    messages: Array.from({ length: 300 }, (_, n) => `Subject: ${n}\r\n\r\nHello\r\n`),
    session: { clock },
  });
  const [old, young] = await sessions(harness, 2) as [Client, Client];
  await young.command("ENABLE IMAP4rev2");
  assertEquals(await old.command("SEARCH BODY nothing"), ["* SEARCH", "tag OK Done"]);
  const lines = await young.command("SEARCH BODY nowhere");
  assertEquals(lines.slice(-2), ['* ESEARCH (TAG "t4")', "tag OK Done"]);
  assert(lines.length > 2);
  for (const line of lines.slice(0, -2)) {
    assert(/^\* OK \[INPROGRESS \("t4" \d+ 300\)\] Still searching$/.test(line), line);
  }
});

Deno.test("a client that does not take its answer, nor the goodbye, is let go", async () => {
  await using harness = await Harness.start({ messages: ["x".repeat(90_000)] });
  const [one] = await sessions(harness, 1) as [Client];
  await one.send("a FETCH 1 (BODY.PEEK[])\r\nb FETCH 1 (BODY.PEEK[])\r\n");
  await eventTurn();
  for (const ms of [300_000, 1000, 6000, 6000]) {
    harness.clock.advance(ms);
    await eventTurn();
  }
  await harness.ended();
  const last = harness.events.at(-1);
  assert(last?.kind === "ended" && last.how === "idle");
});

Deno.test("whatever octets come, a session answers or ends, and nothing fails", async () => {
  const word = fc.constantFrom(
    ...'a IDLE DONE SELECT INBOX FETCH 1:* FLAGS UID SEARCH ALL STORE +FLAGS ( ) \\Seen LIST NOTIFY SET NONE {3} {3+} ~{2+} APPEND ENABLE QRESYNC UIDONLY COPY Trash RETURN SAVE $ NOOP \0 \xff [ ] " *'
      .split(" "),
    " ",
    "\r\n",
    "\r\nb ",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 60 }), async (words) => {
      await using harness = await Harness.start({ session: { errorsPerSession: 1000 } });
      const [one] = await sessions(harness, 1) as [Client];
      await one.send(`a ${words.join(" ")}\r\n`);
      await eventTurn();
      one.close();
      await harness.ended();
      assertEquals(harness.events.filter(({ kind }) => kind === "error"), []);
    }),
    { numRuns: 150 },
  );
});

for (const way of [{}, { bytewise: true }, { tcp: true }] satisfies HarnessOptions[]) {
  Deno.test(`COMPRESS DEFLATE, with every kind of flush: ${JSON.stringify(way)}`, async () => {
    await using harness = await Harness.start(way);
    for (const flush of [constants.Z_SYNC_FLUSH, constants.Z_PARTIAL_FLUSH, constants.Z_FULL_FLUSH]) {
      const conn = await harness.connect();
      const plain = new Client(conn);
      await plain.logIn("INBOX");
      assertEquals(await plain.command("COMPRESS LZ4"), ["tag BAD There is DEFLATE only"]);
      assertEquals(await plain.command("COMPRESS DEFLATE"), ["tag OK Compression begins"]);
      const client = new Client(new Compressed(conn, flush));
      assertEquals(await client.command("COMPRESS DEFLATE"), [
        "tag NO [COMPRESSIONACTIVE] Compression is on already",
      ]);
      const capability = await client.command("CAPABILITY");
      assert(!capability[0]!.includes("COMPRESS"));
      const text = "0123456789".repeat(9_000);
      assert(
        (await client.command(`APPEND INBOX {90000+}\r\n${text}`)).at(-1)!.startsWith("tag OK [APPENDUID"),
      );
      const lines = await client.command("UID FETCH * (RFC822.SIZE BODY.PEEK[])");
      assert(lines[0]!.endsWith("RFC822.SIZE 90000 BODY[] {90000}"), lines[0]);
      assertEquals(lines[1], `${text})`);
      assertEquals(await client.command("NOOP"), ["tag OK Done"]);
    }
  });
}

Deno.test("COMPRESS: what is no deflate ends the session, and what grows to much is bounded", async () => {
  await using harness = await Harness.start();
  const conn = await harness.connect();
  const client = new Client(conn);
  await client.logIn();
  await client.command("COMPRESS DEFLATE");
  await client.send("\xff\xff\xff\xffwhat is this");
  assertEquals(await client.line(), undefined);
  await harness.ended();
  assertEquals(harness.events.at(-1)!.kind, "ended");

  const other = await harness.connect();
  const plain = new Client(other);
  await plain.logIn();
  await plain.command("COMPRESS DEFLATE");
  const bomb = new Client(new Compressed(other, constants.Z_SYNC_FLUSH));
  const before = Deno.memoryUsage().rss;
  // nobody reads to the end of it
  await bomb.send(`a NOOP ${"x".repeat(100_000_000)}`).catch(() => {});
  assert((await bomb.line())!.startsWith("a BAD [LIMIT]"));
  assert(Deno.memoryUsage().rss - before < 600_000_000);
});

/** The client's side of compression, by a compressor that goes on. */
class Compressed implements ByteConn {
  readonly #deflate = createDeflateRaw();
  readonly #inflate = createInflateRaw();
  readonly remote = { hostname: "", port: 0 };
  readonly local = { hostname: "", port: 0 };

  readonly #pieces: Uint8Array[] = [];

  constructor(private readonly conn: ByteConn, private readonly flush: number) {
    this.#inflate.on("data", (piece: Buffer) => this.#pieces.push(piece));
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece) {
        into.set(piece.subarray(0, into.length));
        if (piece.length > into.length) this.#pieces.unshift(piece.subarray(into.length));
        return Math.min(piece.length, into.length);
      }
      const input = new Uint8Array(1000);
      const count = await this.conn.read(input);
      if (count === null) return null;
      await new Promise<void>((resolve) =>
        this.#inflate.write(Buffer.from(input.subarray(0, count)), () => resolve())
      );
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const parts: Buffer[] = [];
    const collect = (part: Buffer) => void parts.push(part);
    this.#deflate.on("data", collect);
    this.#deflate.write(bytes);
    await new Promise<void>((resolve) => this.#deflate.flush(this.flush, resolve));
    this.#deflate.off("data", collect);
    for (const part of parts) await this.conn.write(part);
  }

  close(): void {
    this.conn.close();
  }
}

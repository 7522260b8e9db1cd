import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import fc from "fast-check";
import { checkStore } from "../../src/server/store_check.ts";
import { openStoreAtRest } from "../../src/server/store_at_rest.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { tcpConn } from "../../src/wire/tcp_conn.ts";
import { clientTls } from "../../src/wire/tls.ts";
import { scramClient } from "../pop3/scram_client.ts";
import type { Host } from "../../src/testing/mod.ts";
import { House, PASSWORD as HOUSE_PASSWORD } from "../smtp/server/whole_server.ts";
import { SmtpTalk } from "./support/smtp_talk.ts";
import { BRAIN, PASSWORD, recipientsAt, Town } from "./support/town.ts";

/** What RCPT is answered. */
async function answers(town: Town, ...addresses: string[]): Promise<string[]> {
  using talk = await SmtpTalk.connect(town.ours.smtp);
  await talk.ask("MAIL FROM:<jsmith@mindspring.com>", "250");
  const replies: string[] = [];
  for (const address of addresses) replies.push(await talk.ask(`RCPT TO:<${address}>`, ""));
  return replies;
}

function api(host: Host, method: string, path: string, json?: unknown): Promise<Response> {
  const { server } = host;
  const headers = { authorization: `Bearer ${server.adminToken}`, "content-type": "application/json" };
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  return Promise.resolve(
    server.fetch(new Request(`http://localhost/api/v1${path}`, { method, headers, ...body })),
  );
}

Deno.test("Every name of a person leads to the person's mailbox", async () => {
  const domains = ["howstuffworks.com", "xn--bcher-kva.example"];
  await using town = await Town.build({
    accounts: { brain: PASSWORD, marshall: PASSWORD },
    config: {
      domains,
      catchAll: { "xn--bcher-kva.example": BRAIN },
      aliases: {
        "info@howstuffworks.com": [BRAIN],
        "all@howstuffworks.com": ["staff@howstuffworks.com", "info@howstuffworks.com"],
        "staff@howstuffworks.com": [BRAIN, "marshall@howstuffworks.com", "all@howstuffworks.com"],
        "round@howstuffworks.com": ["and@howstuffworks.com"],
        "and@howstuffworks.com": ["round@howstuffworks.com"],
      },
    },
  });
  const names = [
    BRAIN,
    "BRAIN@HowStuffWorks.com",
    '"brain"@howstuffworks.com',
    "brain+news@howstuffworks.com",
    "Brain+News+More@howstuffworks.com",
    "info@howstuffworks.com",
    "info+x@howstuffworks.com",
    "all@howstuffworks.com",
    "abuse@howstuffworks.com",
    "postmaster@howstuffworks.com",
    "Postmaster",
    "anybody@xn--bcher-kva.example",
    "abuse@xn--bcher-kva.example",
  ];
  for (const [i, name] of names.entries()) {
    await town.sendAs("jsmith@mindspring.com", name, `Subject: ${i}\r\n\r\n`);
  }
  // U-labels come with SMTPUTF8 only
  using talk = await SmtpTalk.connect(town.ours.smtp);
  await talk.ask("MAIL FROM:<jsmith@mindspring.com> SMTPUTF8", "250");
  // SmtpTalk writes a character as a byte: these are the two bytes of ü
  await talk.ask("RCPT TO:<grete@b\u00c3\u00bccher.example>", "250");
  await talk.ask("DATA", "354");
  await talk.ask(`Subject: ${names.length}\r\n\r\n.`, "250");

  const mailbox = await town.ours.mailbox("brain");
  const subjects = mailbox.map((text) => Number(/^Subject: (\d+)/m.exec(text)?.[1]));
  assertEquals(subjects, [...names.keys(), names.length], "each once, in order");
  assertMatch(mailbox[3]!, /^Delivered-To: brain@howstuffworks\.com\r$/m);
  assertEquals((await town.ours.mailbox("marshall")).length, 1, "as one of all");

  assertEquals(
    await answers(
      town,
      "round@howstuffworks.com",
      "nobody@howstuffworks.com",
      "nobody+brain@howstuffworks.com",
    ),
    [
      "550 5.4.6 <round@howstuffworks.com>: the alias leads in a circle at round@howstuffworks.com",
      "550 5.1.1 <nobody@howstuffworks.com>: no such user here",
      "550 5.1.1 <nobody+brain@howstuffworks.com>: no such user here",
    ],
  );
});

Deno.test("The local part of others is theirs: its case stays, and so do plus signs", async () => {
  await using town = await Town.build();
  const peer = town.domain("mindspring.com");
  await town.write(["JSmith+News@MindSpring.com", "jsmith@mindspring.com"]);
  assertEquals(recipientsAt(peer), ["JSmith+News@mindspring.com", "jsmith@mindspring.com"]);
});

Deno.test("A remote target of an alias is queued; its failure goes to the sender, a list's to its owner", async () => {
  await using town = await Town.build({
    accounts: { brain: PASSWORD, owner: PASSWORD },
    config: {
      aliases: {
        "friend@howstuffworks.com": ["gone@mindspring.com"],
        "list@howstuffworks.com": ["jsmith@mindspring.com", "gone@mindspring.com", "sub@howstuffworks.com"],
        "sub@howstuffworks.com": ["ann@mindspring.com"],
        "owner-list@howstuffworks.com": ["owner@howstuffworks.com"],
      },
    },
  });
  const peer = town.domain("mindspring.com", {
    rcpt: (line) => line.includes("<gone@") ? "550 5.1.1 No such user" : "250 2.1.5 Ok",
  });
  await town.write("friend@howstuffworks.com", "To a friend");
  assertEquals(await town.reports(), { "gone@mindspring.com": "failed 5.1.1" });

  await town.write("list@howstuffworks.com", "To the list");
  assertEquals(recipientsAt(peer).sort(), ["ann@mindspring.com", "jsmith@mindspring.com"]);
  const taken = peer.messages.filter(({ rcpts }) => rcpts.length > 0);
  for (const { mail } of taken) assertMatch(mail, /^MAIL FROM:<owner-list@howstuffworks\.com>/);
  assertEquals((await town.ours.mailbox("brain")).length, 1, "the sender hears nothing of the list");
  const [report] = await town.ours.mailbox("owner");
  assertMatch(report!, /^Final-Recipient: rfc822; ?gone@mindspring\.com\r$/m);
  assertMatch(report!, /^To: .*owner-list@howstuffworks\.com/m);

  // an owner that was given over HTTP
  const made = await api(town.ours, "PUT", "/aliases/news%40howstuffworks.com", {
    targets: ["gone@mindspring.com"],
    owner: "owner@howstuffworks.com",
  });
  assertEquals(made.status, 200);
  await made.body?.cancel();
  await town.write("news@howstuffworks.com");
  assertEquals((await town.ours.mailbox("owner")).length, 2);
  assertEquals(await town.queue(), []);
});

Deno.test("A full mailbox answers 452 4.2.2, at RCPT or at the end of the text, and never loses a copy", async () => {
  await using town = await Town.build({
    accounts: { marshall: PASSWORD },
    config: {
      accounts: {
        [BRAIN]: { password: PASSWORD, quota: "3KiB" },
        "marshall@howstuffworks.com": { password: PASSWORD },
      },
    },
  });
  const { mailStore } = town.ours.server;
  const half = `Subject: half\r\n\r\n${"x".repeat(70)}\r\n`.padEnd(1000, "y") + "\r\n";
  const big = "Subject: big\r\n\r\n" + "z".repeat(70).concat("\r\n").repeat(50);
  // not enough room for this one: told when its size is known
  assertMatch(
    await town.sendAs("a@b.test", BRAIN, big).then(({ reply }) => reply),
    /^452 4\.2\.2 The mailbox is full; try again later/,
  );
  assertEquals((await mailStore.usage(BRAIN)).messages, 0);
  await town.sendAs("a@b.test", BRAIN, half);
  await town.sendAs("a@b.test", BRAIN, half);
  // with another recipient the message is taken, and the copy waits
  await town.sendAs("a@b.test", [BRAIN, "marshall@howstuffworks.com"], big);
  assertEquals((await town.ours.mailbox("marshall")).length, 1);
  assertEquals(await town.waiting(), { [BRAIN]: "The mailbox is full" });
  const { bytes } = await mailStore.usage(BRAIN);
  assert(bytes <= 3 * 1024, `${bytes} bytes`);
  // no room at all any more
  const rest = 3 * 1024 - bytes;
  await api(town.ours, "PATCH", `/accounts/${encodeURIComponent(BRAIN)}`, { quota: bytes }).then((r) =>
    r.json()
  );
  assert(rest > 0);
  assertEquals(await answers(town, BRAIN, "marshall@howstuffworks.com"), [
    "452 4.2.2 The mailbox is full; try again later",
    (await answers(town, "marshall@howstuffworks.com"))[0]!,
  ]);
  // room again: the copy that waited comes by itself
  await api(town.ours, "PATCH", `/accounts/${encodeURIComponent(BRAIN)}`, { quota: "1MiB" }).then((r) =>
    r.json()
  );
  await town.internet.pass("4h");
  assertEquals(await town.waiting(), {});
  assertEquals((await mailStore.usage(BRAIN)).messages, 3);
});

Deno.test("An account that is removed takes its mail along; a new one of its name begins empty", async () => {
  await using town = await Town.build({ accounts: { brain: PASSWORD, marshall: PASSWORD } });
  await town.sendAs("a@b.test", [BRAIN, "marshall@howstuffworks.com"], "Subject: shared\r\n\r\n");
  const path = `/accounts/${encodeURIComponent(BRAIN)}`;
  assertEquals((await api(town.ours, "DELETE", path)).status, 204);
  assertEquals((await answers(town, BRAIN))[0]!.slice(0, 9), "550 5.1.1");
  await assertRejects(() => town.maildrop(), Error, "-ERR [AUTH]");
  const made = await api(town.ours, "POST", "/accounts", { address: BRAIN, password: "another one" });
  assertEquals((await made.json()).messages, 0);
  await using drop = await town.maildrop(BRAIN, "another one");
  assertEquals(await drop.command("STAT"), "0 0");
  await drop.quit();
  assertEquals((await town.ours.mailbox("marshall")).length, 1, "a shared text stays for its other owners");
});

Deno.test("Chunks that end within a line: what LIST tells is what RETR sends", async () => {
  await using town = await Town.build();
  using talk = await SmtpTalk.connect(town.ours.smtp);
  for (
    const [head, tail] of [["Subject: x\r\n\r\nabc", ""], ["Subject: x\r\n\r\na", "bc"], ["Subject: x", ""], [
      "abc\r\n",
      "",
    ]]
  ) {
    await talk.ask("MAIL FROM:<a@b.test>", "250");
    await talk.ask(`RCPT TO:<${BRAIN}>`, "250");
    await talk.write(`BDAT ${head!.length}\r\n${head}`);
    await talk.expect("250");
    await talk.write(`BDAT ${tail!.length} LAST\r\n${tail}`);
    await talk.expect("250");
  }
  await using drop = await town.maildrop();
  const sizes = (await drop.lines("LIST")).trimEnd().split("\r\n").map((line) => Number(line.split(" ")[1]));
  const texts = await drop.all();
  assertEquals(texts.map((text) => text.length), sizes);
  assertMatch(texts[0]!, /\r\n\r\nabc\r\n$/);
  assertMatch(texts[1]!, /\r\n\r\nabc\r\n$/);
  await drop.quit();
});

Deno.test("Guessing over POP3 slows AUTH over SMTP down, and nobody is locked out behind loopback", async () => {
  const clock = fastClock(200);
  await using house = await House.start({ clock, config: { auth: { allowInsecure: true } } });
  const { port } = house.at("pop3");
  for (let i = 0; i < 6; i++) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(new TextEncoder().encode("USER brain@howstuffworks.com\r\nPASS wrong\r\nQUIT\r\n"));
    let said = "";
    for await (const piece of conn.readable) said += new TextDecoder().decode(piece);
    assertMatch(said, /-ERR \[AUTH\] Wrong name or password/);
  }
  const took: number[] = [];
  for (let i = 0; i < 16; i++) {
    using talk = await house.talk("submission");
    const secret = btoa(`\0brain@howstuffworks.com\0${i === 15 ? HOUSE_PASSWORD : `wrong ${i}`}`);
    const began = clock.monotonic();
    await talk.ask(`AUTH PLAIN ${secret}`, i === 15 ? /^235 / : /^535 /);
    took.push(clock.monotonic() - began);
  }
  assert(took[0]! >= 1_000, `the first guess over SMTP took ${took[0]} ms`);
  assert(took[14]! >= 30_000, `the last guess took ${took[14]} ms`);
});

/** The system's clock, so many times as fast. */
function fastClock(times: number): Clock {
  return {
    now: () => systemClock.now() * times,
    monotonic: () => systemClock.monotonic() * times,
    schedule: (ms, work) => systemClock.schedule(ms / times, work),
  };
}

Deno.test("POP3 after STLS and over TLS: nothing that came in clear counts, and SCRAM proves both sides", async () => {
  await using house = await House.start();
  const open = async (door: "pop3" | "pop3s") => tcpConn(await Deno.connect(house.at(door)));
  const secure = (conn: ByteConn) => clientTls(conn, { serverName: "mail.howstuffworks.com" });
  const clear = new Lines(await open("pop3"));
  assertMatch(await clear.line(), /^\+OK mail\.howstuffworks\.com POP3/);
  assert((await clear.list("CAPA")).includes("STLS"));
  await clear.send("STLS\r\nUSER brain@howstuffworks.com\r\nSTAT\r\n");
  assertEquals(await clear.line(), "+OK Begin TLS");
  const after = new Lines(await secure(clear.conn));
  assertEquals(await after.ask(`PASS ${HOUSE_PASSWORD}`), "-ERR Send USER first");
  const offered = await after.list("CAPA");
  assert(!offered.includes("STLS") && offered.includes("SASL SCRAM-SHA-256 PLAIN"), offered.join());
  assertEquals(await after.ask("STLS"), "-ERR TLS is active already");
  const plain = btoa(`\0brain@howstuffworks.com\0${HOUSE_PASSWORD}`);
  assertEquals(await after.ask(`AUTH PLAIN ${plain}`), "+OK 0 messages, 0 octets");
  assert((await after.list("CAPA")).includes("UIDL"));

  const direct = new Lines(await secure(await open("pop3s")));
  assertMatch(await direct.line(), /^\+OK/);
  const scram = scramClient("brain@howstuffworks.com", HOUSE_PASSWORD);
  const challenge = await direct.ask(`AUTH SCRAM-SHA-256 ${scram.first()}`);
  const { final, proof } = scram.final(challenge.slice(2));
  assertEquals(await direct.ask(final), `+ ${proof}`);
  assertMatch(await direct.ask(""), /^-ERR \[IN-USE\]/);
  assertEquals(await after.ask("QUIT"), "+OK Goodbye");
  await direct.ask("USER Brain");
  assertEquals(await direct.ask(`PASS ${HOUSE_PASSWORD}`), "+OK 0 messages, 0 octets");
  assertEquals(await direct.ask("QUIT"), "+OK Goodbye");
  for (const { conn } of [after, direct]) conn.close();
});

Deno.test("POP3 ends a session after as many errors as the configuration says", async () => {
  await using house = await House.start({ config: { limits: { errorsPerSession: 2 } } });
  const client = new Lines(tcpConn(await Deno.connect(house.at("pop3"))));
  await client.line();
  await client.send("WHAT\r\n".repeat(3));
  for (let i = 0; i < 2; i++) assertEquals(await client.line(), "-ERR Unknown command");
  await assertRejects(() => client.line(), Error, "The server closed the connection");
  client.conn.close();
});

Deno.test("EHLO lists SCRAM only while it works for everybody", async () => {
  await using house = await House.start();
  const { accounts } = house.server;
  const { passwordHash } = accounts.get("brain@howstuffworks.com")!;
  async function listed(): Promise<string | undefined> {
    using talk = await house.talk("submission");
    return /AUTH.*/.exec(await talk.ask("EHLO client.mindspring.com", /^250/))?.[0];
  }
  assertEquals(await listed(), "AUTH SCRAM-SHA-256 PLAIN LOGIN");
  await accounts.add({ address: "new@howstuffworks.com", passwordHash });
  assertEquals(await listed(), "AUTH PLAIN LOGIN");
  assert(await accounts.verify("new@howstuffworks.com", HOUSE_PASSWORD));
  assertEquals(await listed(), "AUTH SCRAM-SHA-256 PLAIN LOGIN");
});

/** A connection, line by line. */
class Lines {
  readonly #buffer = new Uint8Array(16_384);
  #text = "";

  constructor(readonly conn: ByteConn) {}

  async line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      const n = await this.conn.read(this.#buffer);
      if (n === null) throw new Error("The server closed the connection");
      this.#text += new TextDecoder().decode(this.#buffer.subarray(0, n));
    }
  }

  async send(text: string): Promise<void> {
    await this.conn.write(new TextEncoder().encode(text));
  }

  async ask(line: string): Promise<string> {
    await this.send(`${line}\r\n`);
    return await this.line();
  }

  async list(line: string): Promise<string[]> {
    assertMatch(await this.ask(line), /^\+OK/);
    const lines: string[] = [];
    for (let next = await this.line(); next !== "."; next = await this.line()) lines.push(next);
    return lines;
  }
}

/** What people do at the same time: mail comes to some mailboxes, somebody reads one and deletes a part of it. */
const act = fc.oneof(
  fc.record({
    kind: fc.constant("send" as const),
    to: fc.subarray([0, 1, 2], { minLength: 1 }),
    size: fc.nat(9000),
  }),
  fc.record({ kind: fc.constant("read" as const), box: fc.nat(2), keep: fc.nat(3), quit: fc.boolean() }),
);

Deno.test("Delivering, reading and deleting at the same time keeps all counts exact, and no uid returns", async () => {
  const boxes = ["brain", "pinky", "zort"];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(act, { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
      async (rounds) => {
        await using scrap = new AsyncDisposableStack();
        const dataDir = await Deno.makeTempDir({ prefix: "dinopost-" });
        scrap.defer(() => Deno.remove(dataDir, { recursive: true }));
        await using town = await Town.build({
          accounts: Object.fromEntries(boxes.map((box) => [box, PASSWORD])),
          config: { dataDir, limits: { connectionsPerIp: 100 } },
        });
        const addresses = boxes.map((box) => `${box}@howstuffworks.com`);
        /** By mailbox: what each uid was, and which uids are deleted for good. */
        const known = boxes.map(() => new Map<string, string>());
        const deleted = boxes.map(() => new Set<string>());
        const sent = boxes.map(() => 0);
        let number = 0;
        const read = async (box: number, keep: number, quit: boolean): Promise<void> => {
          await using drop = await town.maildrop(addresses[box]).catch(() => undefined);
          if (!drop) return; // in use
          const list = (await drop.lines("UIDL")).trimEnd().split("\r\n").filter((line) => line !== "");
          const sizes = (await drop.lines("LIST")).trimEnd().split("\r\n");
          const marked: string[] = [];
          for (const [i, line] of list.entries()) {
            const [n, uid] = line.split(" ") as [string, string];
            const text = await drop.lines(`RETR ${n}`);
            assertEquals(`${n} ${text.length}`, sizes[i]);
            assertEquals(known[box]!.get(uid) ?? text, text, "a uid names one message for ever");
            assertEquals(deleted[box]!.has(uid), false, "a deleted message is back");
            known[box]!.set(uid, text);
            if (i % 4 === keep) continue;
            await drop.command(`DELE ${n}`);
            marked.push(uid);
          }
          if (!quit) return;
          await drop.quit();
          for (const uid of marked) deleted[box]!.add(uid);
        };
        const send = async (to: number[], size: number): Promise<void> => {
          const text = `Subject: ${number++}\r\n\r\n${
            "x".repeat(60).concat("\r\n").repeat(Math.ceil(size / 60))
          }`;
          const { reply } = await town.sendAs("a@b.test", to.map((i) => addresses[i]!), text);
          assertMatch(reply, /^250 /);
          for (const i of to) sent[i]!++;
        };
        for (const round of rounds) {
          await Promise.all(
            round.map((one) =>
              one.kind === "send" ? send(one.to, one.size) : read(one.box, one.keep, one.quit)
            ),
          );
        }
        const { mailStore } = town.ours.server;
        for (const [i, address] of addresses.entries()) {
          const list = await mailStore.list(address);
          assertEquals(list.length, sent[i]! - deleted[i]!.size);
          const bytes = list.reduce((sum, entry) => sum + entry.size, 0);
          assertEquals(await mailStore.usage(address), { messages: list.length, bytes });
        }
        await town.ours.down();
        {
          await using rest = await openStoreAtRest(dataDir, systemClock);
          assertEquals((await checkStore(rest.store, { repair: false })).faults, []);
        }
        await town.ours.up();
        for (let box = 0; box < boxes.length; box++) await read(box, 0, true);
      },
    ),
    { numRuns: 6 },
  );
});

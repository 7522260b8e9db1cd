import { assert, assertEquals } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import * as keys from "../../src/storage/keys.ts";
import type { MemoryConn } from "../../src/wire/memory_conn.ts";
import { clientTls, serverTls } from "../../src/wire/tls.ts";
import { CERTIFICATE } from "../smtp/client/certificate.ts";
import { scramClient } from "./scram_client.ts";
import { END_POINT, pretendedTls } from "../support/conns.ts";
import { BRAIN, PASSWORD } from "../support/mailbox_harness.ts";
import { Client, Harness, MESSAGES, PREFIX, uidOf } from "./harness.ts";
import { eventTurn } from "../../src/base/clock.ts";
import { drop } from "../support/raw_kv.ts";

Deno.test("AUTH SCRAM-SHA-256 logs in, and the server proves itself", async () => {
  await using harness = await Harness.start();
  const client = new Client(await harness.connect());
  await client.line();
  const scram = scramClient(BRAIN, PASSWORD);
  assertEquals(await client.command("AUTH SCRAM-SHA-256"), "+ ");
  const challenge = await client.command(scram.first());
  const { final, proof } = scram.final(challenge!.slice(2));
  assertEquals(await client.command(final), `+ ${proof}`);
  assertEquals(await client.command(""), "+OK 3 messages, 233 octets");
  const [event] = harness.events;
  assert(event?.kind === "login" && event.ok);
  assertEquals([event.mechanism, event.account], ["SCRAM-SHA-256", BRAIN]);
});

Deno.test("AUTH SCRAM-SHA-256-PLUS is bound to the TLS connection, for those who ask for it by name", async () => {
  await using harness = await Harness.start({ session: { tls: pretendedTls } });
  const client = new Client(await harness.connect());
  await client.line();
  assertEquals(
    await client.command("AUTH SCRAM-SHA-256-PLUS"),
    "-ERR SCRAM-SHA-256-PLUS needs a TLS connection that began here",
  );
  await client.command("STLS");
  for (const [endPoint, answer] of [[encode("another"), "-ERR"], [END_POINT, "+ "]] as const) {
    const scram = scramClient(BRAIN, PASSWORD, endPoint);
    const challenge = await client.command(`AUTH SCRAM-SHA-256-PLUS ${scram.first()}`);
    const last = await client.command(scram.final(challenge!.slice(2)).final);
    assert(last?.startsWith(answer), last);
  }
  assertEquals(await client.command(""), "+OK 3 messages, 233 octets");
  await client.command("CAPA");
  assert((await client.lines()).includes("SASL SCRAM-SHA-256 PLAIN"));
});

Deno.test("SCRAM is listed only while it works for everybody, and works unlisted for the others", async () => {
  await using harness = await Harness.start();
  const passwordHash = harness.accounts.get(BRAIN)!.passwordHash;
  await harness.accounts.add({ address: "new@howstuffworks.com", passwordHash });
  const client = new Client(await harness.connect());
  await client.line();
  async function listed(): Promise<string[]> {
    await client.command("CAPA");
    const sasl = (await client.lines()).find((line) => line.startsWith("SASL"))!;
    await client.command("AUTH");
    return [sasl, ...await client.lines()];
  }
  assertEquals(await listed(), ["SASL PLAIN", "PLAIN"]);
  const scram = scramClient(BRAIN, PASSWORD);
  const challenge = await client.command(`AUTH SCRAM-SHA-256 ${scram.first()}`);
  const { final, proof } = scram.final(challenge!.slice(2));
  assertEquals(await client.command(final), `+ ${proof}`);
  await client.command("*");
  assert(await harness.accounts.verify("new", PASSWORD));
  assertEquals(await listed(), ["SASL SCRAM-SHA-256 PLAIN", "SCRAM-SHA-256", "PLAIN"]);
});

Deno.test("AUTH SCRAM-SHA-256 looks the same for a wrong password and an unknown name", async () => {
  await using harness = await Harness.start();
  const client = new Client(await harness.connect());
  await client.line();
  for (const [name, password] of [[BRAIN, "zort"], ["nobody", PASSWORD], [BRAIN, "zort"]] as const) {
    const scram = scramClient(name, password);
    const challenge = await client.command(`AUTH SCRAM-SHA-256 ${scram.first()}`);
    assert(/^\+ [A-Za-z0-9+/=]+$/.test(challenge!));
    const { final } = scram.final(challenge!.slice(2));
    assertEquals(await client.command(final), "-ERR [AUTH] Wrong name or password");
  }
});

Deno.test("A password that is not UTF-8 is nobody's, and nothing else may be other than UTF-8", async () => {
  await using harness = await Harness.start();
  await harness.accounts.setPassword(BRAIN, "p\ufffdss"); // from before such passwords were refused
  const conn = await harness.connect();
  const client = new Client(conn);
  await client.line();
  await client.command(`USER ${BRAIN}`);
  await conn.write(Uint8Array.from([...encode("PASS p"), 0xe4, ...encode("ss\r\n")]));
  assertEquals(await client.line(), "-ERR [AUTH] Wrong name or password");
  await conn.write(Uint8Array.from([...encode("USER p"), 0xe4, ...encode("ss\r\n")]));
  assertEquals(await client.line(), "-ERR The line is not UTF-8");
  assertEquals(await client.command("CAPA"), "+OK Capabilities follow");
});

Deno.test("STLS encrypts the session (real TLS over TCP)", async () => {
  await using harness = await Harness.start({ tcp: true, session: { tls: serverTls(CERTIFICATE) } });
  const conn = await harness.connect();
  const plain = new Client(conn);
  await plain.line();
  assertEquals(await plain.command("STLS"), "+OK Begin TLS");
  const client = new Client(await clientTls(conn, { serverName: "mx.far.example" }));
  await client.command(`USER ${BRAIN}`);
  assertEquals(await client.command(`PASS ${PASSWORD}`), "+OK 3 messages, 233 octets");
  assertEquals(await client.command("QUIT"), "+OK Goodbye");
  assertEquals(await client.line(), undefined);
  client.close();
  await harness.ended();
  assertEquals(harness.events.map((event) => event.kind), ["tls", "login", "ended"]);
});

Deno.test("A failed handshake ends the session", async () => {
  await using harness = await Harness.start({ tcp: true, session: { tls: serverTls(CERTIFICATE) } });
  const client = new Client(await harness.connect());
  await client.line();
  await client.command("STLS");
  await client.send("this is no TLS\r\n".repeat(10));
  while (await client.line() !== undefined);
  await harness.ended();
  assertEquals(harness.events.map((event) => event.kind), ["ended"]);
});

Deno.test("A store that fails at QUIT removes nothing and says so", async () => {
  await using harness = await Harness.start();
  const client = new Client(await harness.connect());
  await client.logIn();
  await client.command("DELE 1");
  harness.disk.failure = new Error("The disk is full");
  assertEquals(await client.command("QUIT"), "-ERR [SYS/TEMP] No message was removed");
  harness.disk.failure = undefined;
  client.close();
  await harness.ended();
  assertEquals((await harness.uids()).length, 3);
  const last = harness.events.at(-1);
  assert(last?.kind === "ended");
  assertEquals([last.how, last.removed], ["quit", 0]);
});

Deno.test("The maildrop is free again when QUIT is answered, and when the connection is lost", async () => {
  await using harness = await Harness.start();
  for (let i = 0; i < 5; i++) {
    const client = new Client(await harness.connect());
    assertEquals(await client.logIn(), "+OK 3 messages, 233 octets");
    assertEquals(await client.command("QUIT"), "+OK Goodbye");
  }
  const lost = await harness.connect() as MemoryConn;
  await new Client(lost).logIn();
  lost.reset();
  await eventTurn();
  const client = new Client(await harness.connect());
  assertEquals(await client.logIn(), "+OK 3 messages, 233 octets");
});

Deno.test("What comes during a session is in the next one", async () => {
  await using harness = await Harness.start();
  const client = new Client(await harness.connect());
  await client.logIn();
  await harness.deliver("Subject: late\r\n\r\n\r\n");
  await harness.mailStore.remove(BRAIN, [uidOf(3)]); // over HTTP, say
  assertEquals(await client.command("STAT"), "+OK 3 233");
  assertEquals(await client.command("RETR 3"), "-ERR [SYS/PERM] The message is gone");
  assertEquals(await client.command("TOP 3 0"), "-ERR [SYS/PERM] The message is gone");
  assertEquals(harness.events.filter(({ kind }) => kind === "error"), []);
  await client.command("DELE 3");
  await client.command("DELE 1");
  assertEquals(await client.command("QUIT"), "+OK Goodbye, 2 messages removed");
  assertEquals(await harness.uids(), [uidOf(2), uidOf(4)]);
  assertEquals((await harness.mailStore.usage(BRAIN)).messages, 2);
});

Deno.test("A session learns that its account was removed, and a new one of that name is free", async () => {
  await using harness = await Harness.start();
  const old = new Client(await harness.connect());
  await old.logIn();
  await harness.accounts.remove(BRAIN);
  await harness.accounts.add({ address: BRAIN, password: PASSWORD });
  const client = new Client(await harness.connect());
  assertEquals(await client.logIn(), "+OK 0 messages, 0 octets");
  assertEquals(
    await old.command("QUIT"),
    "-ERR [SYS/TEMP] The lock on the maildrop was lost; nothing was deleted",
  );
  assertEquals(await old.line(), undefined);
  assertEquals(await client.command("NOOP"), "+OK");
  await harness.accounts.remove(BRAIN);
  assertEquals(await client.command("RETR 1"), "-ERR [SYS/PERM] The account was removed");
  assertEquals(await client.line(), undefined);
});

Deno.test("A login that is overtaken by the end of its account does not see the next one's mail", async () => {
  await using harness = await Harness.start();
  const { accounts } = harness;
  const verify = accounts.verify.bind(accounts);
  accounts.verify = async (name, password) => {
    const account = await verify(name, password);
    await accounts.remove(BRAIN);
    await accounts.add({ address: BRAIN, password: "another" });
    await harness.deliver("Subject: for the new one\r\n\r\n");
    return account;
  };
  const client = new Client(await harness.connect());
  assertEquals(await client.logIn(), "-ERR [SYS/PERM] The account was removed");
  assertEquals(await client.line(), undefined);
  assertEquals((await harness.mailStore.list(BRAIN)).length, 1);
});

Deno.test("RETR sends exactly the octets that LIST told, also of large messages and odd ones", async () => {
  const messages = [
    ...MESSAGES,
    "Subject: large\r\n\r\n" + ".a line of a large message\r\n".repeat(15_000), // 7 chunks
    "Subject: one chunk and a half\r\n\r\n" + "x".repeat(90_000) + "\r\n",
    "",
    "\r\n",
    "Subject: head only\r\n",
  ];
  await using harness = await Harness.start({ messages });
  const client = new Client(await harness.connect());
  await client.logIn();
  await client.command("LIST");
  const sizes = (await client.lines()).map((line) => Number(line.split(" ")[1]));
  for (const [i, message] of messages.entries()) {
    assertEquals(await client.command(`RETR ${i + 1}`), `+OK ${sizes[i]} octets`);
    const lines = (await client.lines()).map((line) => line.replace(/^\./, "") + "\r\n");
    assertEquals(lines.join("") === PREFIX + message, true, `message ${i + 1}`);
    assertEquals(encode(lines.join("")).length, sizes[i]);
  }
  await client.command("TOP 4 2");
  assertEquals(await client.lines(), [
    PREFIX.trim(),
    "Subject: large",
    "",
    "..a line of a large message",
    "..a line of a large message",
  ]);
  await client.command("TOP 6 5");
  assertEquals(await client.lines(), [PREFIX.trim()]);
});

Deno.test("A message that breaks off in the middle ends the connection instead of looking whole", async () => {
  await using harness = await Harness.start({
    messages: ["Subject: large\r\n\r\n" + "x\r\n".repeat(100_000)],
  });
  await drop(harness.store.kv, keys.body(uidOf(1), 3));
  const client = new Client(await harness.connect());
  await client.logIn();
  assert((await client.command("RETR 1"))?.startsWith("+OK"));
  let last: string | undefined;
  for (let line = await client.line(); line !== undefined; line = await client.line()) last = line;
  assert(last !== ".");
  await harness.ended();
  assertEquals(harness.events.map((event) => event.kind), ["login", "error", "ended"]);
});

Deno.test("Pipelined RETRs are answered in order, in few writes", async () => {
  const messages = Array.from(
    { length: 300 },
    (_, i) => `Subject: ${i}\r\n\r\n${"x".repeat(i % 7 * 100)}\r\n`,
  );
  await using harness = await Harness.start({ messages });
  const conn = await harness.connect();
  const client = new Client(conn);
  await client.logIn();
  await client.send(messages.map((_, i) => `RETR ${i + 1}\r\n`).join(""));
  let reads = 0;
  const read = conn.read.bind(conn);
  conn.read = (into) => {
    reads++;
    return read(into);
  };
  for (let i = 0; i < messages.length; i++) {
    assert((await client.line())?.startsWith("+OK"));
    assertEquals((await client.lines())[1], `Subject: ${i}`);
  }
  assert(reads < 60, `${reads} reads`);
});

Deno.test("Going down tells a waiting client and removes nothing", async () => {
  await using harness = await Harness.start();
  const client = new Client(await harness.connect());
  await client.logIn();
  await client.command("DELE 1");
  await eventTurn();
  harness.closing.abort();
  assertEquals(await client.line(), "-ERR [SYS/TEMP] The server is shutting down; nothing was deleted");
  assertEquals(await client.line(), undefined);
  await harness.ended();
  assertEquals((await harness.uids()).length, 3);
  const last = harness.events.at(-1);
  assertEquals(last?.kind === "ended" && last.how, "closing");
});

Deno.test("A server that goes down already turns new clients away", async () => {
  await using harness = await Harness.start();
  harness.closing.abort();
  const client = new Client(await harness.connect());
  assert((await client.line())?.startsWith("+OK"));
  assert((await client.line())?.startsWith("-ERR [SYS/TEMP]"));
  assertEquals(await client.line(), undefined);
});

Deno.test("Guessing is slowed down, then refused, whatever the session", async () => {
  await using harness = await Harness.start({ remote: "192.0.2.9", session: { allowInsecure: true } });
  let waits = 0;
  let refused: string | undefined;
  for (let i = 0; i < 21; i++) {
    const client = new Client(await harness.connect());
    await client.line();
    await client.command("USER brain");
    let answer: string | undefined;
    const pass = client.command(`PASS guess${i}`).then((line) => answer = line);
    await eventTurn();
    // without time passing there is an answer only as long as there is no delay
    for (; answer === undefined && waits < 1000; waits++) {
      harness.clock.advance(1000);
      await eventTurn();
    }
    await pass;
    if (i < 20) assertEquals(answer, "-ERR [AUTH] Wrong name or password");
    else refused = answer;
    client.close();
  }
  assert(waits >= 1 + 2 + 4 + 8 + 16 + 30, `${waits} seconds`);
  assertEquals(refused, "-ERR [AUTH] Too many failed logins: try again in 15 minutes");
});

Deno.test("A login that has to wait when the server goes down is told that, and has not failed", async () => {
  await using harness = await Harness.start({ remote: "192.0.2.9", session: { allowInsecure: true } });
  for (let i = 0; i < 5; i++) harness.guard.begin("192.0.2.9", BRAIN).wrong();
  const client = new Client(await harness.connect());
  await client.line();
  await client.command("USER brain");
  const answer = client.command(`PASS ${PASSWORD}`);
  await eventTurn();
  harness.closing.abort();
  assert((await answer)?.startsWith("-ERR [SYS/TEMP] The server is shutting down"));
  assertEquals(harness.events.filter((event) => event.kind === "login"), []);
});

Deno.test("A session on a store that can't be read says so and lives on", async () => {
  await using harness = await Harness.start();
  const client = new Client(await harness.connect());
  await client.line();
  await client.command("USER brain");
  const snapshot = harness.mailStore.snapshot;
  harness.mailStore.snapshot = () => Promise.reject(new Error("disk I/O error"));
  assertEquals(
    await client.command(`PASS ${PASSWORD}`),
    "-ERR [SYS/TEMP] The mail store can't be read at the moment",
  );
  harness.mailStore.snapshot = snapshot;
  await client.command("USER brain");
  assertEquals(await client.command(`PASS ${PASSWORD}`), "+OK 3 messages, 233 octets");
});

Deno.test("A store that fails behind a login leaves the maildrop to the next one", async () => {
  await using harness = await Harness.start();
  const client = new Client(await harness.connect());
  await client.line();
  await client.command("USER brain");
  const { accounts } = harness;
  accounts.isCurrent = () => Promise.reject(new Error("the store does not answer"));
  // the password is right once more, and then nobody can say whose it is
  accounts.verify = (name) => Promise.resolve(accounts.byName(name));
  assertEquals(
    await client.command(`PASS ${PASSWORD}`),
    "-ERR [SYS/TEMP] The mail store can't be read at the moment",
  );
  accounts.isCurrent = () => Promise.resolve(true);
  await client.command("USER brain");
  assertEquals(await client.command(`PASS ${PASSWORD}`), "+OK 3 messages, 233 octets");
});

Deno.test("A client that does not read is dropped after the idle time", async () => {
  const messages = ["Subject: large\r\n\r\n" + "x\r\n".repeat(200_000)];
  await using harness = await Harness.start({ messages });
  const client = new Client(await harness.connect());
  await client.logIn();
  await client.send("RETR 1\r\n");
  await eventTurn();
  harness.clock.advance(11 * 60_000);
  await harness.ended();
  const last = harness.events.at(-1);
  assertEquals(last?.kind === "ended" && last.how, "idle");
});

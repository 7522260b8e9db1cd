import { sweepHistory } from "../../src/queue/history.ts";
import { sweepExpired } from "../../src/storage/expiry.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { decode, encode } from "../../src/base/bytes.ts";
import type { Outcome } from "../../src/mail/outcome.ts";
import { convert } from "../../src/mail/conversion.ts";
import type { DeliveryTarget } from "../../src/recipients/expand.ts";
import { BodyWriter } from "../../src/storage/bodies/bodies.ts";
import {
  type Answer,
  checkStore,
  DAY,
  DEFERRED,
  DELIVERED,
  FAILED,
  HOUR,
  House,
  leaseToTheDead,
  local,
  MINUTE,
  remote,
  SCHEDULE,
} from "./support.ts";
import { drop } from "../support/raw_kv.ts";

Deno.test("accept() puts local copies into the mailboxes and delivers the others at once", async () => {
  await using house = await House.open();
  await house.accept([
    local("brain"),
    local("pinky"),
    "jsmith@there.example",
    "jdoe@there.example",
    "x@y.example",
  ]);
  await house.queue.idle();
  assertEquals(house.agent.jobs.map((j) => [j.domain, j.recipients.map((r) => r.address)]), [
    ["there.example", ["jsmith@there.example", "jdoe@there.example"]],
    ["y.example", ["x@y.example"]],
  ]);
  assertEquals(house.agent.texts[0], house.agent.texts[1]);
  assertEquals(await house.records(), []);
  const [text] = await house.mailbox("pinky");
  assertStringIncludes(
    text!,
    "Return-Path: <brain@here.example>\r\nDelivered-To: pinky@here.example\r\nSubject: ",
  );
  await checkStore(house.store.kv);
});

Deno.test("accept() gives each address one copy, however often it is named", async () => {
  await using house = await House.open();
  const twice = local("brain", { address: "staff@here.example" });
  await house.accept([
    local("brain"),
    twice,
    "a@there.example",
    remote("a@there.example", { notify: "never" }),
  ]);
  await house.queue.idle();
  assertEquals((await house.mailbox("brain")).length, 1);
  assertEquals(house.agent.jobs.map((j) => j.recipients.length), [1]);
  await checkStore(house.store.kv);
});

Deno.test("a copy that goes on from a list has the owner as its sender, a mailbox's too", async () => {
  await using house = await House.open();
  const owner = "owner-staff@here.example";
  await house.accept([
    { ...local("pinky"), owner },
    { ...remote("a@there.example"), owner },
    "b@there.example",
  ]);
  await house.queue.idle();
  assertEquals(house.agent.jobs.map((j) => [j.sender, j.recipients.map((r) => r.address)]), [
    [owner, ["a@there.example"]],
    ["brain@here.example", ["b@there.example"]],
  ]);
  assertStringIncludes((await house.mailbox("pinky"))[0]!, `Return-Path: <${owner}>`);
});

Deno.test("a copy that goes on from a list bears no ENVID and RET of the sender's (RFC 3461 5.2.7)", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  const to = [{ ...remote("a@there.example"), owner: "o@here.example" }, remote("b@other.example")];
  await house.accept(to, { parameters: { envid: "order-7", ret: "full", bodyType: "8BITMIME" } });
  await house.settled();
  const records = await house.records();
  assertEquals(records.map(({ domain, envid, ret, bodyType }) => [domain, envid, ret, bodyType]).sort(), [
    ["other.example", "order-7", "full", "8BITMIME"],
    ["there.example", undefined, undefined, "8BITMIME"],
  ]);
});

Deno.test("the null reverse-path stays null through a list", async () => {
  await using house = await House.open();
  await house.accept([{ ...remote("a@there.example"), owner: "o@here.example" }], { sender: "" });
  await house.queue.idle();
  assertEquals(house.agent.jobs.map((j) => j.sender), [""]);
});

Deno.test("accept() takes a thousand recipients over a thousand domains", async () => {
  await using house = await House.open();
  const to = Array.from({ length: 1000 }, (_, i) => `user${i}@domain${i}.example`);
  await house.accept(to);
  await house.queue.idle();
  assertEquals(new Set(house.agent.jobs.map((j) => j.recipients[0]!.address)), new Set(to));
  assertEquals(house.agent.jobs.length, 1000);
  assertEquals(await house.records(), []);
  await checkStore(house.store.kv);
});

Deno.test("what is too much for one commit is whole before it is sorted out, and while it is", async () => {
  await using house = await House.open({ start: false, answer: () => DEFERRED });
  await house.accept([
    ...Array.from({ length: 450 }, (_, i) => `user${i}@domain${i}.example`),
    local("brain"),
  ]);
  assertEquals((await house.records()).map((r) => [r.domain, r.recipients.length]), [["*", 200], ["*", 200], [
    "*",
    51,
  ]]);
  await checkStore(house.store.kv);
  // the first two are sorted out, then the disk is full
  let spread = 0;
  house.store.before = ({ mutations }) => {
    if (mutations.length > 50 && ++spread > 2) throw new Error("disk full");
  };
  house.queue.start();
  await house.settled();
  assert(spread >= 3);
  house.store.before = undefined;
  house.clock.advance(1000);
  await house.queue.idle();
  assertEquals((await house.records()).length, 450);
  assertEquals((await house.mailbox("brain")).length, 1);
  await checkStore(house.store.kv);
});

Deno.test("accept() takes a thousand mailboxes and lists mixed with remote recipients", async () => {
  const names = Array.from({ length: 500 }, (_, i) => `user${i}`);
  await using house = await House.open({ names: ["postmaster", ...names], answer: () => DEFERRED });
  const owner = "postmaster@here.example";
  await house.accept([
    ...names.map((name) => local(name)),
    ...names.map((name) => ({ ...remote(`${name}@d${name.slice(-1)}.example`), owner })),
  ]);
  await house.queue.idle();
  for (const name of ["user0", "user499"]) assertEquals((await house.mailbox(name)).length, 1);
  const records = await house.records();
  assert(records.every((r) => r.sender === owner && r.domain !== "*"));
  assertEquals(records.reduce((sum, r) => sum + r.recipients.length, 0), 500);
  assert(records.length <= 13, `${records.length} records for ten domains`);
  assertEquals(house.of("mailbox").length, 500);
  await checkStore(house.store.kv);
});

/** As many octets as a path may have. */
function longLocal(i: number, width = 250): DeliveryTarget {
  const domain = "@here.example";
  const address = `${String(i).padStart(4, "0")}${"l".repeat(width - 4 - domain.length)}${domain}`;
  return { kind: "mailbox", address, recipient: { address } };
}

async function longNames(house: House, destinations: readonly DeliveryTarget[]): Promise<void> {
  for (const { address } of destinations) await house.accounts.add({ address });
}

Deno.test("a message to many mailboxes with long addresses is taken, in as many commits as its keys need", async () => {
  for (const count of [100, 250, 1000]) {
    await using house = await House.open();
    const to = Array.from({ length: count }, (_, i) => longLocal(i));
    await longNames(house, to);
    const id = await house.accept(to, { text: `Subject: x\r\n\r\n${"x".repeat(119_000)}` });
    await house.queue.idle();
    for (const { address } of to) {
      assertEquals((await house.mailStore.list(address)).map((entry) => entry.uid), [id]);
    }
    assertEquals(house.of("note"), []);
    assertEquals(await house.records(), []);
    await checkStore(house.store.kv);
  }
});

Deno.test("a process that dies between the commits of such a message leaves each copy once", async () => {
  const to = Array.from({ length: 250 }, (_, i) => longLocal(i));
  for (let die = 0; die < 8; die++) {
    await using house = await House.open({ start: false });
    await longNames(house, to);
    const id = await house.accept(to);
    assertEquals((await house.records()).every((r) => r.domain === "*"), true);
    const died = Promise.withResolvers<void>();
    let writes = 0;
    house.store.before = () => {
      if (++writes > die) {
        died.resolve();
        throw new Error("The process died");
      }
    };
    house.queue.start();
    // the last ones need no more writes than they have
    await Promise.race([died.promise, house.queue.idle()]);
    await (await house.kill()).gone;
    await house.queue.idle();
    for (const { address } of to) {
      assertEquals(
        (await house.mailStore.list(address)).map((entry) => entry.uid),
        [id],
        `after ${die} writes`,
      );
    }
    await checkStore(house.store.kv);
  }
});

Deno.test("success is reported beside as many recipients as a message may have", async () => {
  await using house = await House.open();
  const to = Array.from({ length: 1000 }, (_, i) => longLocal(i));
  await longNames(house, to);
  const notify = ["success"] as const;
  const text = `Subject: x\r\n\r\n${"x".repeat(119_000)}`;
  const message = house.message(to, { text });
  const successes = to.map(({ recipient }) => ({
    recipient: { ...recipient, notify },
    action: "delivered" as const,
  }));
  assert(await house.queue.accept(message, { successes }));
  await house.queue.idle();
  const [report] = await house.mailbox("brain");
  assertStringIncludes(report!, "Action: delivered\r\n");
  assertEquals((await house.mailStore.list(to[999]!.address)).length, 1);
  await checkStore(house.store.kv);
});

Deno.test("a list that grew while its mail waited is split until it fits", async () => {
  const aliases: Record<string, { targets: string[] }> = {};
  await using house = await House.open({ start: false, aliases, answer: () => DEFERRED });
  const to = Array.from({ length: 450 }, (_, i) => local(`list${i}`));
  await house.accept(to);
  for (let i = 0; i < 450; i++) {
    aliases[`list${i}@here.example`] = {
      targets: Array.from({ length: 5 }, (_, n) => `${"x".repeat(60)}${n}@d${i}-${n}.example`),
    };
  }
  house.queue.start();
  await house.settled();
  await house.queue.idle();
  const records = await house.records();
  assertEquals(records.length, 450 * 5);
  assertEquals(new Set(records.map((r) => r.part)).size, records.length);
  assertEquals(house.of("note"), []);
  await checkStore(house.store.kv);
});

Deno.test("a name that turns out to be a list later sends on in its owner's name", async () => {
  const aliases: Record<string, { targets: string[]; owner?: string }> = {};
  await using house = await House.open({ start: false, aliases, answer: () => DEFERRED });
  const owner = "owner-crew@here.example";
  const notify = ["success", "failure"] as const;
  await house.accept([remote("crew@here.example", { notify }), remote("team@here.example", { notify })], {
    parameters: { envid: "order-7", ret: "full" },
  });
  aliases["crew@here.example"] = { targets: ["pinky@here.example", "a@there.example"], owner };
  aliases["team@here.example"] = { targets: ["b@there.example"] };
  house.queue.start();
  await house.settled();
  await house.queue.idle();
  assertStringIncludes((await house.mailbox("pinky"))[0]!, `Return-Path: <${owner}>`);
  const records = await house.records();
  assertEquals(
    records.map((r) => [r.sender, r.envid, r.ret, r.recipients.map((x) => [x.address, x.via, x.notify])])
      .sort(),
    [
      ["brain@here.example", "order-7", "full", [["b@there.example", "team@here.example", [...notify]]]],
      [owner, undefined, undefined, [["a@there.example", "crew@here.example", undefined]]],
    ],
  );
  await checkStore(house.store.kv);
});

Deno.test("success is told of a name that turns out to be a list, or several, when its record runs", async () => {
  const aliases: Record<string, { targets: string[]; owner?: string }> = {};
  await using house = await House.open({ start: false, aliases, answer: () => DEFERRED });
  const notify = ["success", "failure"] as const;
  const names = ["list", "several", "one"];
  await house.accept(names.map((name) => remote(`${name}@here.example`, { notify })));
  const targets = ["pinky@here.example", "a@there.example"];
  aliases["list@here.example"] = { targets, owner: "owner-list@here.example" };
  aliases["several@here.example"] = { targets: ["postmaster@here.example", "b@there.example"] };
  aliases["one@here.example"] = { targets: ["c@there.example"] };
  house.queue.start();
  await house.settled();
  await house.queue.idle();
  assertEquals(house.of("report").map((e) => [e.action, e.to]), [
    ["delivered", "brain@here.example"],
    ["expanded", "brain@here.example"],
  ]);
  const reports = await house.mailbox("brain");
  assertEquals(reports.map((text) => text.match(/Final-Recipient: rfc822; (.*)/)?.[1]), [
    "list@here.example",
    "several@here.example",
  ]);
  // what goes on asks for success only where nobody has told of it
  const asked = (await house.records()).flatMap((r) => r.recipients).map((
    r,
  ) => [r.address, r.notify, r.orcpt]);
  assertEquals(asked.sort(), [
    ["a@there.example", undefined, undefined],
    ["b@there.example", ["failure"], "rfc822;several@here.example"],
    ["c@there.example", [...notify], "rfc822;one@here.example"],
  ]);
  await checkStore(house.store.kv);
});

Deno.test("a mailbox that is full when a record is split waits for room", async () => {
  await using house = await House.open({ start: false, quotas: { brain: 10 } });
  // of a domain that became ours while they waited
  await house.accept([remote("brain@here.example"), remote("pinky@here.example")]);
  house.queue.start();
  await house.settled();
  await house.queue.idle();
  assertEquals((await house.mailbox("pinky")).length, 1);
  const [record] = await house.records();
  const [brain] = record!.recipients;
  assertEquals([brain!.attempts, brain!.lastError], [0, "The mailbox is full"]);
  assertEquals(record!.dueAt - house.clock.now(), 15 * MINUTE);
  await checkStore(house.store.kv);
});

Deno.test("a report goes where the sender's name leads, asks for nothing, and leaves out who is gone", async () => {
  const owner = "pinky@here.example";
  await using house = await House.open({
    aliases: {
      "team@here.example": {
        targets: ["gone@here.example", "postmaster@here.example", "boss@there.example"],
      },
      "list@here.example": { targets: ["gone@here.example", "boss@there.example"], owner },
    },
    answer: ({ address }) => address === "boss@there.example" ? DEFERRED : FAILED,
  });
  for (const sender of ["team@here.example", "list@here.example"]) {
    await house.accept(["x@there.example"], { sender });
  }
  await house.queue.idle();
  assertEquals((await house.mailbox("postmaster")).length, 1);
  assertEquals(
    (await house.records()).map((r) => [r.sender, r.recipients.map((to) => [to.address, to.notify])]),
    [["", [["boss@there.example", "never"]]], ["", [["boss@there.example", "never"]]]],
  );
});

Deno.test("a thousand late recipients get one warning, and one report per record at the end", async () => {
  await using house = await House.open({ answer: () => DEFERRED, schedule: { ...SCHEDULE, retry: [DAY] } });
  await house.accept(Array.from({ length: 1000 }, (_, i) => `user${i}@domain${i % 40}.example`));
  await house.pass(4 * HOUR + 1);
  assertEquals(house.of("report").map((e) => e.action), ["delayed"]);
  await house.pass(5 * DAY);
  assertEquals(house.of("report").filter((e) => e.action === "failed").length, 40);
  assertEquals(house.of("bounced").length, 1000);
  assertEquals(await house.records(), []);
  await checkStore(house.store.kv);
});

Deno.test("a warning tells of each domain what its server said, and a report what it said last", async () => {
  const reply = (status: "4.2.0" | "4.2.2", text: string, host: string): Outcome => {
    return { ...DEFERRED, code: 450, status, peerStatus: status, text, host };
  };
  const full = reply("4.2.2", "full", "mx.a.example");
  const grey = reply("4.2.0", "grey", "mx.b.example");
  const answer: Answer = ({ address }) => address.endsWith("@a.example") ? full : grey;
  await using house = await House.open({ answer, schedule: { ...SCHEDULE, retry: [HOUR] } });
  const id = await house.accept(["x@a.example", "y@b.example"]);
  await house.pass(4 * HOUR + 1);
  const [warning] = await house.mailbox("brain");
  for (const [status, mx, said] of [["4.2.2", "a", "full"], ["4.2.0", "b", "grey"]]) {
    assertStringIncludes(
      warning!,
      `Status: ${status}\r\nRemote-MTA: dns; mx.${mx}.example\r\nDiagnostic-Code: smtp; 450 ${status} ${said}\r\n`,
    );
  }
  await house.pass(5 * DAY);
  const reports = (await house.mailbox("brain")).slice(1);
  const report = reports.find((text) => text.includes("<x@a.example>"))!;
  assertStringIncludes(report, "Status: 5.4.7\r\nRemote-MTA: dns; mx.a.example\r\n");
  assertStringIncludes(report, "Diagnostic-Code: smtp; 450 4.2.2 full\r\n");
  assertStringIncludes(report, "Reason: Delivery time expired.\r\n");
  assertStringIncludes(report, "The server mx.a.example said last: 450 4.2.2 full\r\n");
  const last = (await house.queue.attempts(id)).at(-1)!.outcome;
  assertEquals([last.kind, last.code, last.status], ["failed", 450, "5.4.7"]);
  assert(["full", "grey"].includes(last.text));
});

Deno.test("a delivery that went in clear says why, in the event and in the attempt", async () => {
  const inClear = "The TLS handshake failed: received fatal alert: HandshakeFailure";
  await using house = await House.open({ answer: () => ({ ...DELIVERED, inClear }) });
  const id = await house.accept(["x@there.example"]);
  await house.pass(MINUTE);
  const event = house.events.find(({ type }) => type === "delivered");
  assertEquals(event && "inClear" in event ? event.inClear : undefined, inClear);
  assertEquals((await house.queue.attempts(id)).map(({ outcome }) => outcome.inClear), [inClear]);
});

Deno.test("a report returns the whole message only if any server of the sender's can take it", async () => {
  const signed = "Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\nüber\r\n--x\r\n\r\n--x--\r\n";
  const rows: [sender: string, text: string, whole: boolean][] = [
    ["a@far.example", "Subject: plain\r\n\r\nHello\r\n", true],
    ["a@far.example", "Subject: plain\r\n\r\nüber\r\n", true],
    ["a@far.example", "Subject: über\r\n\r\nHello\r\n", true],
    ["a@far.example", "From: über@far.example\r\n\r\nHello\r\n", false],
    ["a@far.example", signed, false],
    // a mailbox here takes all
    ["brain@here.example", signed, true],
  ];
  for (const [sender, text, whole] of rows) {
    const answer: Answer = ({ address }) => address === "x@there.example" ? FAILED : DELIVERED;
    await using house = await House.open({ answer });
    await house.accept(["x@there.example"], { sender, text, parameters: { ret: "full" } });
    await house.pass(MINUTE);
    const report = sender === "a@far.example" ? house.agent.texts[1]! : (await house.mailbox("brain"))[0]!;
    assertEquals(report.includes("Content-Type: message/rfc822\r\n"), whole, text);
    assertEquals(report.includes("Content-Type: text/rfc822-headers\r\n"), !whole, text);
    assert(
      (await convert(() => [encode(report)], { sevenBit: true })).ok || sender !== "a@far.example",
      text,
    );
  }
});

Deno.test("a record of fifty recipients with long replies in any script fits KV", async () => {
  for (const letter of ["x", "語"]) {
    const text = letter.repeat(2000);
    const host = "m".repeat(120);
    await using house = await House.open({
      answer: () =>
        house.agent.jobs.length < 3 ? { ...DEFERRED, code: 451, text, host } : { ...FAILED, text },
    });
    const orcpt = `rfc822;${"o".repeat(480)}`;
    const to = Array.from(
      { length: 50 },
      (_, i) => remote(`${"l".repeat(60)}${i}@${"d".repeat(60)}.example`, { orcpt }),
    );
    await house.accept(to);
    await house.pass(HOUR);
    assertEquals(house.of("bounced").length, 50);
    assertEquals(house.of("note"), []);
    await checkStore(house.store.kv);
  }
});

Deno.test("accept() of 50 MiB with local and remote recipients, then the text goes with its last owner", async () => {
  await using house = await House.open();
  const id = house.ids.next();
  const writer = new BodyWriter(house.store, { id, clock: house.clock });
  const piece = new Uint8Array(64 * 1024).fill(97);
  for (let i = 0; i < 800; i++) await writer.append(piece);
  const message = house.message([local("brain"), "a@there.example", "b@elsewhere.example"]);
  let seen = 0;
  house.agent.deliver = async (job) => {
    for await (const chunk of job.text()) seen += chunk.length;
    return job.recipients.map((r) => ({ recipient: r.address, outcome: DELIVERED, durationMs: 1 }));
  };
  assert(await house.queue.accept({ ...message, id, body: writer.finish() }));
  await house.queue.idle();
  assertEquals(seen, 2 * 800 * 64 * 1024);
  await checkStore(house.store.kv);
  const [entry] = await house.mailStore.list("brain@here.example");
  await house.mailStore.remove("brain@here.example", [entry!.uid]);
  assertEquals((await house.store.kv.get(["bodyrefs", id])).value, null);
  assert((await house.store.kv.get(["bodypending", id])).value);
});

Deno.test("accept() answers false when the text was swept away meanwhile, and leaves nothing", async () => {
  await using house = await House.open();
  const id = house.ids.next();
  const writer = new BodyWriter(house.store, { id, clock: house.clock });
  for (let i = 0; i < 4; i++) await writer.append(new Uint8Array(60 * 1024));
  const body = writer.finish();
  await drop(house.store.kv, ["bodypending", id]);
  const message = house.message(["a@there.example", local("brain")]);
  assertEquals(await house.queue.accept({ ...message, id, body }), false);
  await house.queue.idle();
  assertEquals([await house.records(), house.agent.jobs, await house.mailbox("brain")], [[], [], []]);
});

Deno.test("what waited for a full mailbox goes back when its account was removed, not to the next of that name", async () => {
  await using house = await House.open({ quotas: { brain: 1 } });
  const waits = { reason: "The mailbox is full", until: house.clock.now() + 15 * 60_000 };
  await house.accept([{ ...local("brain"), kind: "queue", waits }], { sender: "pinky@here.example" });
  await house.accept([{ ...local("brain"), kind: "queue", waits }], { sender: "pinky@here.example" });
  house.clock.advance(1000);
  await house.accounts.remove("brain@here.example");
  await house.accounts.add({ address: "brain@here.example" });
  house.clock.advance(1000);
  const id = await house.accept([local("brain")], { text: "Subject: for the new one\r\n\r\n" });
  await house.pass(15 * 60_000);
  assertEquals((await house.mailStore.list("brain@here.example")).map((entry) => entry.uid), [id]);
  assertEquals((await house.mailbox("pinky")).length, 2, "the sender hears of both");
  assertEquals(await house.records(), []);
  await checkStore(house.store.kv);
});

Deno.test("accept() rejects when the disk is full; the places it kept are free again", async () => {
  await using house = await House.open({ perDestination: () => 1 });
  house.store.before = () => {
    throw new Error("disk full");
  };
  for (let i = 0; i < 600; i++) {
    await assertRejects(() => house.accept(["a@there.example"]), Error, "disk full");
  }
  house.store.before = undefined;
  await house.accept(["a@there.example"]);
  await house.queue.idle();
  assertEquals(house.agent.jobs.length, 1);
});

Deno.test("an outcome is written when the disk has room again, and nothing is delivered twice", async () => {
  await using house = await House.open();
  let failing = 0;
  house.agent.answer = () => {
    house.store.before = () => {
      failing++;
      throw new Error("disk full");
    };
    return DELIVERED;
  };
  await house.accept(["a@there.example"]);
  // three minutes: longer than a lease
  await house.pass(180_000);
  assert(failing > 100);
  house.store.before = undefined;
  house.clock.advance(1000);
  await house.pass(HOUR);
  assertEquals(house.agent.jobs.length, 1);
  assertEquals(await house.records(), []);
  await checkStore(house.store.kv);
});

Deno.test("on a full disk no attempt is kept that leaves the message waiting, however often it is tried", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  const id = await house.accept(["a@there.example"]);
  await house.settled();
  house.store.isFull = true;
  await house.pass(HOUR);
  assertEquals([house.agent.jobs.length, (await house.queue.attempts(id)).length], [5, 1]);
  house.store.isFull = false;
  await house.pass(15 * MINUTE);
  assertEquals((await house.queue.attempts(id)).length, 2);
  // what ends is kept: it frees more than it takes
  house.store.isFull = true;
  house.agent.answer = () => DELIVERED;
  await house.pass(15 * MINUTE);
  assertEquals((await house.queue.attempts(id)).length, 3);
  assertEquals(await house.records(), []);
});

Deno.test("an attempt that throws is a deferral, and the record is not forgotten", async () => {
  await using house = await House.open({ quotas: { brain: 1 } });
  const full = { reason: "full", until: house.clock.now() + MINUTE };
  await house.accept([{ ...local("brain"), kind: "queue", waits: full }]);
  const { usage } = house.mailStore;
  house.mailStore.usage = () => Promise.reject(new Error("broken"));
  await house.pass(2 * MINUTE);
  assertEquals((await house.records())[0]!.recipients[0]!.lastError, "The attempt failed here: broken");
  house.mailStore.usage = usage;
  await house.accounts.update("brain@here.example", { quota: null });
  await house.pass(15 * MINUTE);
  assertEquals((await house.mailbox("brain")).length, 1);
  assertEquals(house.of("mailbox").map((e) => e.mailbox), ["brain@here.example"]);
  await checkStore(house.store.kv);
});

Deno.test("a message whose text is lost is returned all the same, without its header", async () => {
  await using house = await House.open({ schedule: { ...SCHEDULE, warnAfter: HOUR, giveUpAfter: 2 * HOUR } });
  house.agent.answer = () => DEFERRED;
  const id = await house.accept(["a@there.example"]);
  await house.queue.idle();
  await drop(house.store.kv, ["body", id, 0]);
  await house.pass(3 * HOUR);
  assertEquals(house.of("report").map((e) => e.action), ["delayed", "failed"]);
  assertEquals(await house.records(), []);
});

Deno.test("local success is reported at once when the sender asked for it (RFC 3461)", async () => {
  await using house = await House.open();
  const notify = ["success"] as const;
  const message = house.message([local("pinky", { notify })], { parameters: { envid: "abc" } });
  const successes = [{ recipient: message.targets[0]!.recipient, action: "delivered" as const }];
  assert(await house.queue.accept(message, { successes }));
  const [report] = await house.mailbox("brain");
  assertStringIncludes(report!, "Action: delivered\r\n");
  assertStringIncludes(report!, "Original-Envelope-Id: abc\r\n");
  assertStringIncludes(report!, `Subject: ${message.id}`);
  await checkStore(house.store.kv);
});

Deno.test("local success is reported of each of very many recipients, in several reports", async () => {
  await using house = await House.open();
  const to = Array.from({ length: 450 }, (_, i) => local(`pinky+${i}`));
  const message = house.message([local("pinky")]);
  const successes = to.map(({ recipient }) => ({ recipient, action: "delivered" as const }));
  assert(await house.queue.accept(message, { successes }));
  const reports = await house.mailbox("brain");
  assertEquals(reports.map((report) => report.match(/^Final-Recipient:/gm)!.length), [200, 200, 50]);
  assertEquals(new Set(reports.join("").match(/^Final-Recipient:.*/gm)).size, 450);
});

Deno.test("a report of expansion is told as that in the journal, beside one of delivery", async () => {
  await using house = await House.open();
  const notify = ["success"] as const;
  const message = house.message([local("pinky", { notify }), remote("a@there.example")]);
  const [pinky, list] = message.targets.map(({ recipient }) => recipient);
  const successes = [
    { recipient: { ...list!, address: "list@here.example" }, action: "expanded" as const },
    { recipient: pinky!, action: "delivered" as const },
  ];
  assert(await house.queue.accept(message, { successes }));
  assertEquals(house.of("report").map(({ action, to }) => [action, to]), [
    ["delivered", "brain@here.example"],
    ["expanded", "brain@here.example"],
  ]);
});

// The operator.

Deno.test("retry(), hold(), release(), delete() and bounce() on what waits", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  const { queue } = house;
  const id = await house.accept(["a@there.example", "b@elsewhere.example"]);
  await queue.idle();
  const tried = () => house.agent.jobs.length;
  assertEquals(tried(), 2);
  assertEquals(await queue.retry(id), undefined);
  await queue.idle();
  assertEquals(tried(), 4);
  assertEquals(house.agent.jobs.map((j) => j.ignoreHostCache), [undefined, undefined, true, true]);
  assertEquals(await queue.hold(id), undefined);
  assertEquals(await queue.retry(id), "held");
  await house.pass(DAY);
  assertEquals(tried(), 4);
  await checkStore(house.store.kv);
  assertEquals(await queue.release(id), undefined);
  assertEquals(await queue.release(id), "notHeld");
  await house.pass(15 * MINUTE);
  assertEquals(tried(), 8);
  assertEquals(house.agent.jobs.at(-1)!.ignoreHostCache, undefined);
  assertEquals(await queue.delete(id), undefined);
  assertEquals(await queue.delete(id), "gone");
  assertEquals(await queue.hold("0000000000000000"), "gone");
  assertEquals(await house.records(), []);
  assertEquals(house.of("report").map((e) => e.action), ["delayed"]);
  await checkStore(house.store.kv);
});

Deno.test("a record of an earlier version that was asked for is tried whatever is known of its hosts", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  await house.accept(["a@there.example"]);
  await house.queue.idle();
  const [record] = await house.records();
  const key = ["q", "item", record!.id, record!.part];
  await house.store.write({
    mutations: [{ type: "set", key, value: { ...record!, asked: true } }],
    size: 500,
  });
  await house.pass(15 * MINUTE);
  assertEquals(house.agent.jobs.map((j) => j.ignoreHostCache), [undefined, true]);
  assertEquals((await house.records())[0]!.asked, undefined);
});

Deno.test("bounce() tells the sender, who may not want to know, and never tells of a report", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  const wanted = await house.accept(["a@there.example", remote("b@there.example", { notify: "never" })]);
  const unwanted = await house.accept([remote("c@there.example", { notify: ["delay"] })]);
  const report = await house.accept(["d@there.example"], { sender: "", source: "notice" });
  await house.pass(MINUTE);
  for (const id of [wanted, unwanted, report]) assertEquals(await house.queue.bounce(id), undefined);
  await house.queue.idle();
  assertEquals(house.of("report").map((e) => [e.id, e.action, e.to]), [[
    wanted,
    "failed",
    "brain@here.example",
  ]]);
  const [text] = await house.mailbox("brain");
  assertStringIncludes(text!, "Final-Recipient: rfc822; a@there.example");
  assert(!text!.includes("b@there.example"));
  assertEquals(house.of("bounced").length, 4);
  assertEquals((await house.queue.attempts(wanted)).length, 4);
  assertEquals(await house.records(), []);
  await checkStore(house.store.kv);
});

Deno.test("what is being delivered can't be changed; what waits behind it in memory can", async () => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({
    perDestination: () => 1,
    answer: async () => {
      await gate.promise;
      return DELIVERED;
    },
  });
  const { queue } = house;
  const first = await house.accept(["a@there.example"]);
  const second = await house.accept(["b@there.example"]);
  const third = await house.accept(["c@there.example"]);
  for (const act of ["hold", "delete", "bounce", "retry"] as const) {
    assertEquals(await queue[act](first), "busy", act);
  }
  assertEquals(await queue.delete(second), undefined);
  assertEquals(await queue.hold(third), undefined);
  gate.resolve();
  await queue.idle();
  assertEquals(house.agent.jobs.map((j) => j.recipients[0]!.address), ["a@there.example"]);
  assertEquals((await house.records()).map((r) => [r.id, r.held]), [[third, true]]);
  await checkStore(house.store.kv);
});

Deno.test("what waits in memory can be deleted also while the loop looks for more", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const gate = Promise.withResolvers<void>();
    await using house = await House.open({
      location: `${dir}/store.db`,
      perDestination: () => 1,
      answer: async () => {
        await gate.promise;
        return DELIVERED;
      },
    });
    const ids: string[] = [];
    for (let n = 0; n < 100; n++) ids.push(await house.accept([`a${n}@there.example`]));
    const [, ...waiting] = ids;
    const refused: string[] = [];
    for (const id of waiting) if (await house.queue.delete(id) !== undefined) refused.push(id);
    assertEquals(refused, []);
    gate.resolve();
    await house.queue.idle();
    assertEquals(house.agent.jobs.map((j) => j.recipients[0]!.address), ["a0@there.example"]);
    assertEquals(await house.records(), []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("bounce() sends its report off at once, to a sender elsewhere too", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  const id = await house.accept(["a@there.example"], { sender: "bill@microsoft.example" });
  await house.queue.idle();
  assertEquals(await house.queue.bounce(id), undefined);
  await house.queue.idle();
  assertEquals(house.agent.jobs.map((j) => j.recipients[0]!.address), [
    "a@there.example",
    "bill@microsoft.example",
  ]);
});

Deno.test("hold() of what is held writes nothing", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  const id = await house.accept(["a@x.example", "b@y.example"]);
  await house.queue.idle();
  assertEquals(await house.queue.hold(id), undefined);
  const { writes } = house.store;
  assertEquals(await house.queue.hold(id), undefined);
  assertEquals(house.store.writes, writes);
  assertEquals(await house.queue.release(id), undefined);
  assertEquals(house.store.writes, writes + 2);
});

Deno.test("delete() of a message that is partly being delivered says so", async () => {
  const gate = Promise.withResolvers<void>();
  await using house = await House.open({
    answer: async ({ address }) => {
      if (address.startsWith("slow")) await gate.promise;
      return DEFERRED;
    },
  });
  const id = await house.accept(["slow@there.example", "a@elsewhere.example"]);
  await house.settled();
  assertEquals(await house.queue.delete(id), "partlyBusy");
  assertEquals((await house.records()).map((r) => r.domain), ["there.example"]);
  assertEquals(await house.queue.delete(id), "busy");
  gate.resolve();
  await house.queue.idle();
  assertEquals(await house.queue.delete(id), undefined);
  await checkStore(house.store.kv);
});

Deno.test("flush() makes all, or those of a domain, due now", async () => {
  await using house = await House.open({ answer: () => ({ ...DEFERRED, stage: "rcpt" }) });
  for (let i = 0; i < 5; i++) await house.accept([`a${i}@x.example`, `b${i}@y.example`]);
  const held = await house.accept(["h@x.example"]);
  await house.queue.idle();
  await house.queue.hold(held);
  assertEquals(house.agent.jobs.length, 11);
  await house.pass(MINUTE);
  assertEquals(await house.queue.flush("x.example"), 5);
  await house.queue.idle();
  assertEquals(house.agent.jobs.length, 16);
  await house.pass(MINUTE);
  assertEquals(await house.queue.flush(), 5);
  await house.queue.idle();
  assertEquals(house.agent.jobs.length, 26);
  await checkStore(house.store.kv);
});

Deno.test("attempts() tells each attempt, also after the message left", async () => {
  await using house = await House.open();
  house.agent.answer = () =>
    house.agent.jobs.length < 3 ? DEFERRED : { ...DELIVERED, host: "mx.there.example" };
  const id = await house.accept(["a@there.example"]);
  await house.pass(HOUR);
  assertEquals(await house.records(), []);
  assertEquals(
    (await house.queue.attempts(id)).map((a) => [a.recipient, a.outcome.kind, a.outcome.host]),
    [
      ["a@there.example", "deferred", undefined],
      ["a@there.example", "deferred", undefined],
      ["a@there.example", "delivered", "mx.there.example"],
    ],
  );
});

Deno.test("text() is the text as it was queued", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  await house.accept(["a@there.example"], { text: "A: b\r\n\r\n.dot\r\n" });
  await house.queue.idle();
  const [record] = await house.records();
  let text = "";
  for await (const piece of house.queue.text(record!)) text += decode(piece);
  assertEquals(text, "A: b\r\n\r\n.dot\r\n");
});

// VERB.

Deno.test("a transcript says of each record once that its attempt ended, whatever becomes of it", async () => {
  await using house = await House.open({ quotas: { brain: 1 }, answer: () => DEFERRED });
  const begun: number[] = [];
  const ended: number[] = [];
  house.queue.transcripts.subscribeAll((event) => {
    if (event.kind === "attempts") begun.push(...event.parts);
    if (event.kind === "attempted") ended.push(event.part);
  });
  const waits = { reason: "full", until: house.clock.now() + MINUTE };
  const to = ["a@x.example", "b@y.example", { ...local("brain"), kind: "queue", waits } as const];
  assert(await house.queue.accept(house.message(to)));
  assertEquals(begun, [0, 1], "the third record waits");
  await house.queue.idle();
  assertEquals(ended.sort(), [0, 1]);
  await house.queue.stop(1000);
  assert(await house.queue.accept(house.message(["c@x.example"])));
  assertEquals(begun, [0, 1], "nothing is delivered at once any more");
});

// Restarts.

Deno.test("what a dead process had claimed is due at once after a restart", async () => {
  await using house = await House.open({ start: false });
  await house.accept(["a@there.example"]);
  // as one of an earlier version leaves it that was killed in the middle of a delivery
  await leaseToTheDead(house, 120_000);
  const { kv } = house.store;
  await checkStore(kv);
  house.queue.start();
  await house.settled();
  assertEquals(house.agent.jobs.length, 1);
  await checkStore(kv);
});

Deno.test("stop() puts back what waits and cuts off what hangs", async () => {
  const cut = Promise.withResolvers<void>();
  await using house = await House.open({
    perDestination: () => 1,
    answer: async () => {
      await cut.promise;
      return DEFERRED;
    },
  });
  Object.assign(house.agent, { abort: () => cut.resolve() });
  await house.accept(["a@there.example"]);
  await house.accept(["b@there.example"]);
  await house.queue.stop(10);
  assertEquals((await house.records()).map((r) => r.recipients[0]!.attempts), [1, 0]);
  for await (const { value } of house.store.kv.list<{ lease?: unknown }>({ prefix: ["q", "due"] })) {
    assertEquals(value.lease, undefined);
  }
  await checkStore(house.store.kv);
});

Deno.test("idle() resolves when the queue is stopped", async () => {
  const gate = Promise.withResolvers<void>();
  const house = await House.open({
    answer: async () => {
      await gate.promise;
      return DELIVERED;
    },
  });
  await house.accept(["a@there.example"]);
  const idle = house.queue.idle();
  const stopped = house.queue.stop(1000);
  await idle;
  gate.resolve();
  await stopped;
  await house.store.close();
});

Deno.test("the history of what left is removed when its time is over, however soon it left", async () => {
  let open = true;
  await using house = await House.open({ answer: () => open ? DELIVERED : DEFERRED });
  const rows = async (kind: string) => {
    let count = 0;
    for await (const _ of house.store.kv.list({ prefix: [kind] })) count++;
    return count;
  };
  const soon = await house.accept(["a@far.example"]);
  await house.queue.idle();
  open = false;
  const late = await house.accept(["b@far.example"]);
  await house.queue.idle();
  open = true;
  await house.pass(15 * MINUTE);
  assertEquals([await rows("left"), await rows("life"), await rows("expiry")], [2, 1, 1]);
  assertEquals((await house.queue.attempts(late)).map(({ outcome }) => outcome.kind), [
    "deferred",
    "delivered",
  ]);
  house.clock.advance(7 * DAY - 16 * MINUTE);
  assertEquals(await sweepHistory(house.store, house.clock.now(), 7 * DAY), 0);
  assertEquals((await house.queue.attempts(soon)).length, 1);
  // what is over is not shown any more, and is there for an hour at most
  house.clock.advance(2 * MINUTE);
  assertEquals([(await house.queue.attempts(soon)).length, (await house.queue.attempts(late)).length], [
    0,
    2,
  ]);
  house.clock.advance(HOUR);
  assertEquals(await sweepHistory(house.store, house.clock.now(), 7 * DAY), 2);
  await sweepExpired(house.store, house.clock.now() + 7 * DAY);
  assertEquals([await rows("left"), await rows("life"), await rows("expiry")], [0, 0, 0]);
});

Deno.test("history that was to be kept for longer is not removed before its time", async () => {
  await using house = await House.open({ answer: () => DELIVERED });
  for (let n = 0; n < 250; n++) await house.accept(["a@far.example"]);
  await house.queue.idle();
  house.clock.advance(2 * DAY);
  assertEquals(await sweepHistory(house.store, house.clock.now(), DAY), 0);
  house.clock.advance(5 * DAY);
  assertEquals(await sweepHistory(house.store, house.clock.now(), DAY), 250);
});

Deno.test("a list goes on behind its first reading in the midst of a message, and from behind any other", async () => {
  await using house = await House.open({ concurrency: 0 });
  const ids: string[] = [];
  for (let n = 0; n < 50; n++) {
    ids.push(await house.accept(["a", "b", "c"].map((name) => `x@${name}.example`)));
  }
  const listed = async (after?: string) => {
    const found: [string, number[]][] = [];
    for await (const records of house.queue.messages(after)) {
      found.push([records[0]!.id, records.map(({ part }) => part)]);
    }
    return found;
  };
  const all = ids.map((id) => [id, [0, 1, 2]]);
  assertEquals(await listed(), all);
  assertEquals(await listed(ids[3]), all.slice(4));
  assertEquals(await listed(ids[9]), all.slice(10));
  assertEquals(await listed(ids.at(-1)), []);
});

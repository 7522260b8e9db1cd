import { assert, assertEquals, assertMatch } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import type { AcceptedEvent } from "../../src/observe/journal.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import type { Reply } from "../../src/smtp/protocol/reply.ts";
import { checkStore, DEFERRED } from "../queue/support.ts";
import { BRAIN, Door, line, session } from "./support.ts";

const LARGE = `Subject: x\r\n\r\n${"x".repeat(300_000)}\r\n`;
const TRUSTED = session({ remote: { hostname: "10.1.2.3", port: 1 } });

function one(replies: Reply | Reply[]): string {
  assert(!Array.isArray(replies));
  return line(replies)!.slice(0, 9);
}

async function assertNoContent(door: Door): Promise<void> {
  for await (const { key } of door.house.store.kv.list({ prefix: ["body"] })) throw new Error(String(key));
}

Deno.test("accept() tells the log and the queue whose message it was", async () => {
  await using door = await Door.open();
  await door.send(["brain@here.example", "x@there.example"], undefined, {
    session: { ...BRAIN, service: "submissions" },
    envelope: { sender: "brain@here.example" },
  });
  const [{ id: _, size: __, ...accepted }] = door.house.of("accepted") as [AcceptedEvent];
  assertEquals(accepted, {
    type: "accepted",
    sender: "brain@here.example",
    recipients: ["brain@here.example", "x@there.example"],
    source: "submission",
    session: "s1",
    remote: "192.0.2.7",
    account: "brain@here.example",
  });
  await using stranger = await Door.open({ answer: () => DEFERRED });
  await stranger.send(["x@there.example"], undefined, { session: BRAIN });
  await stranger.send(["x@there.example"]);
  assertEquals((await stranger.house.records()).map((r) => r.authenticatedAs), [BRAIN.account, undefined]);
});

Deno.test("what is told of a message is told behind its reply, and until then it is under way", async () => {
  await using door = await Door.open();
  const { underWay } = door.acceptance;
  const reaches = () => underWay.mayReach("brain@here.example", door.house.queue);
  const sink = door.sink(await door.named(["brain@here.example"]));
  await sink.write(encode("Subject: x\r\n\r\nHello\r\n"));
  assertEquals(one(await sink.finish()), "250 2.0.0");
  assertEquals([door.house.of("accepted").length, await reaches()], [0, true]);
  sink.answered?.();
  sink.answered?.();
  assertEquals([door.house.of("accepted").length, await reaches()], [1, false]);
});

Deno.test("accept() leaves nothing of a large message that nobody gets", async () => {
  await using door = await Door.open({ quotas: { brain: 1000 } });
  assertEquals(one(await door.send(["brain@here.example"], LARGE)), "452 4.2.2");
  await assertNoContent(door);
});

Deno.test("accept() says that there is no room on the disk, and leaves it to the watch of the disk to log that", async () => {
  await using door = await Door.open();
  door.house.store.before = () => {
    throw new StorageError("full", "database or disk is full");
  };
  assertEquals(one(await door.send(["brain@here.example"])), "452 4.3.1");
  assertEquals(door.house.of("note"), []);
  door.house.store.before = () => {
    throw new StorageError("failed", "no luck");
  };
  assertEquals(one(await door.send(["brain@here.example"])), "451 4.3.0");
  assertEquals(door.house.of("note").map((e) => e.what), ["message not stored"]);
});

Deno.test("one recipient that may be served later makes the one answer for all of them 452", async () => {
  await using door = await Door.open({ quotas: { pinky: 10 } });
  const to = ["brain@here.example", "pinky@here.example"];
  const sink = door.sink(to);
  await door.house.accounts.remove("brain@here.example");
  assertEquals(one(await sink.finish()), "452 4.2.2");
});

Deno.test("content without any field is body, also behind what looks like the line of a mailbox file", async () => {
  await using door = await Door.open();
  await door.send(["brain@here.example"], "From jo monday\r\nHello\r\n\r\nthere\r\n");
  assertMatch(
    (await door.house.mailbox("brain"))[0]!,
    /\+0000\r\n\r\nFrom jo monday\r\nHello\r\n\r\nthere\r\n$/,
  );
});

Deno.test("room in a mailbox is kept for a message until it is there", async () => {
  await using door = await Door.open({ quotas: { brain: 1000 } });
  const text = `A: b\r\n\r\n${"x".repeat(500)}\r\n`;
  const written = Promise.withResolvers<void>();
  const writing = Promise.withResolvers<void>();
  door.house.store.before = () => {
    writing.resolve();
    return written.promise;
  };
  const first = door.send(["brain@here.example"], text);
  await writing.promise;
  assertEquals(one(await door.send(["brain@here.example"], text)), "452 4.2.2");
  written.resolve();
  assertEquals(one(await first), "250 2.0.0");
  // and given back: with the mailbox empty again there is as much as before
  const [entry] = await door.house.mailStore.list("brain@here.example");
  await door.house.mailStore.remove("brain@here.example", [entry!.uid]);
  assertEquals(one(await door.send(["brain@here.example"], text)), "250 2.0.0");
});

Deno.test("a copy in the name of a list's owner is measured with that name", async () => {
  const owner = `${"o".repeat(60)}@here.example`;
  const aliases = { "list@here.example": { targets: ["brain@here.example"], owner } };
  let size = 0;
  {
    await using door = await Door.open({ aliases });
    await door.send(["list@here.example"]);
    size = (await door.house.mailStore.list("brain@here.example"))[0]!.size;
  }
  for (const [quota, expected] of [[size, "250 2.0.0"], [size - 1, "452 4.2.2"]] as const) {
    await using door = await Door.open({ aliases, quotas: { brain: quota } });
    assertEquals(one(await door.send(["list@here.example"])), expected);
  }
});

Deno.test("no success is told of a copy that waits for room", async () => {
  await using door = await Door.open({ quotas: { brain: 10 } });
  const notify = ["success"] as const;
  const to = ["brain", "postmaster"].map((name) => ({ address: `${name}@here.example`, notify }));
  assertEquals(
    one(await door.send(to, undefined, { envelope: { sender: "pinky@here.example" } })),
    "250 2.0.0",
  );
  await door.house.queue.idle();
  const [report, ...others] = await door.house.mailbox("pinky");
  assertEquals(others, []);
  assertEquals(report!.match(/Final-Recipient: .*/g), ["Final-Recipient: rfc822; postmaster@here.example"]);
});

Deno.test("RCPT keeps the recipient under the name that is ours, and its record has nothing else of it", async () => {
  await using door = await Door.open({ answer: () => DEFERRED });
  assertEquals(await door.named(["pinky@[192.0.2.1]"]).then((found) => found.map((r) => r.address)), [
    "pinky@here.example",
  ]);
  assertEquals(one(await door.send(await door.named(["pinky@[192.0.2.1]"]))), "250 2.0.0");
  assertEquals((await door.house.mailbox("pinky")).length, 1);
  // looked up again, since a name has changed
  const found = await door.named(["x@there.example"], TRUSTED);
  await door.house.accounts.remove("brain@here.example");
  await door.send(found);
  await door.house.queue.idle();
  const [record] = await door.house.records();
  assertEquals(record!.recipients.map((r) => Object.keys(r).includes("route")), [false]);
  await checkStore(door.house.store.kv);
});

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { assertMail, type Host, LoopbackInternet, WaitError } from "../../src/testing/mod.ts";

const BRAIN = "brain@howstuffworks.com";

async function withHost(test: (host: Host, internet: LoopbackInternet) => Promise<void>): Promise<void> {
  await using internet = await LoopbackInternet.start({ seed: 1 });
  await test(await internet.host("howstuffworks.com", { accounts: { brain: "a", marshall: "b" } }), internet);
}

const letter = (subject: string, to = BRAIN) => ({
  from: "Shop <shop@example.com>",
  to,
  subject,
  text: "It is 482913.",
  html: '<a href="https://shop.example/reset?t=1">Reset</a> 482913',
  attachments: [{ filename: "terms.txt", content: btoa("terms") }],
});

Deno.test("inbox().wait() answers a mail that is there, and one that comes", async () => {
  await withHost(async (host) => {
    await host.send(letter("First"));
    const first = await host.inbox(BRAIN).wait({ subject: "first" });
    assertMail(first, {
      mailbox: BRAIN,
      subject: "First",
      from: "Shop <shop@example.com>",
      text: "It is 482913.",
      links: ["https://shop.example/reset?t=1"],
      codes: ["482913"],
      attachments: ["terms.txt"],
    });
    const coming = host.inbox("brain").wait({ subject: "Second", since: first.id });
    await host.send(letter("Second"));
    assertEquals((await coming).subject, "Second");
    const { items } = await host.inbox(BRAIN).wait({ count: 2 });
    assertEquals(items.map(({ subject }) => subject), ["First", "Second"]);
  });
});

Deno.test("inbox().wait() waits for a folder, and tells where a mail is", async () => {
  await withHost(async (host) => {
    await host.send(letter("Sorted"));
    const { uid } = await host.inbox(BRAIN).wait({ folder: "inbox" });
    const failure = await assertRejects(
      () => host.inbox(BRAIN).wait({ folder: "Junk", timeout: 50 }),
      WaitError,
    );
    assertEquals([failure.nearest?.uid, failure.nearest?.folder], [uid, "INBOX"]);
    const coming = host.inbox(BRAIN).wait({ folder: "Junk" });
    await host.server.mailStore.change(BRAIN, [uid], { to: "Junk" });
    assertMail(await coming, { subject: "Sorted", folder: "Junk", flags: [] });
    assertEquals(await host.mailbox("brain"), []);
    assertEquals((await host.mailbox("brain", "Junk")).length, 1);
  });
});

Deno.test("inbox().wait() tells what came instead, and what was nearest", async () => {
  await withHost(async (host) => {
    await host.send(letter("Invoice"));
    await host.send(letter("Reset your password", "marshall@howstuffworks.com"));
    const waiting = host.inbox(BRAIN).wait({ subject: "Reset your password", timeout: 50 });
    const error = await assertRejects(() => waiting, WaitError);
    assertEquals([error.status, error.arrived.map(({ subject }) => subject)], [408, ["Invoice"]]);
    assertEquals(error.nearest?.mailbox, "marshall@howstuffworks.com");
    assertStringIncludes(error.message, 'arrived: "Invoice" from');
    assertStringIncludes(error.message, 'nearest: "Reset your password" from');
  });
});

Deno.test("inbox().wait() makes sure that none comes", async () => {
  await withHost(async (host) => {
    await host.inbox(BRAIN).wait({ count: 0, for: "20ms" });
    const none = host.inbox(BRAIN).wait({ count: 0, for: "10s" });
    await host.send(letter("Unwanted"));
    const error = await assertRejects(() => none, WaitError, "Unwanted");
    assertEquals([error.status, error.mail?.codes], [409, ["482913"]]);
  });
});

Deno.test("inbox().wait() waits in real time, and compares times with the host's clock", async () => {
  await withHost(async (host, internet) => {
    await host.send(letter("Old"));
    await internet.pass("1h");
    const since = internet.clock.now();
    await assertRejects(() => host.inbox(BRAIN).wait({ since, timeout: 20 }), WaitError);
    await host.send(letter("New"));
    assertEquals((await host.inbox(BRAIN).wait({ since })).subject, "New");
  });
});

Deno.test("inbox().wait() goes on after a restart, and ends with the server", async () => {
  await withHost(async (host) => {
    await host.send(letter("Kept"));
    const waiting = host.inbox(BRAIN).wait({ subject: "Never" });
    const ended = assertRejects(() => waiting, WaitError, "stops");
    await host.down();
    await ended;
    await host.up();
    assertEquals((await host.inbox(BRAIN).wait()).subject, "Kept");
  });
});

Deno.test("inbox().wait() refuses what it can't wait for", async () => {
  await withHost(async (host) => {
    const rows = [
      [{ count: 0 }, "for is missing"],
      [{ for: "1s" }, "for goes with count: 0 only"],
      [{ timeout: "10m" }, '"5m" at most'],
      [{ since: "yesterday" }, "since: received"],
      [{ subjekt: "x" }, '"subjekt" is not known'],
      [{ count: -1 }, "count: received -1"],
    ] as const;
    for (const [query, text] of rows) {
      await assertRejects(() => host.inbox(BRAIN).wait(query as object), TypeError, text);
    }
  });
});

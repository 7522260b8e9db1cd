import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Surface, TOKEN } from "./harness.ts";

const TEXT = "From: Shop <shop@example.com>\r\nSubject: Your code\r\n\r\nIt is 482913.\r\n";
const LISTEN = { listen: { smtp: ["127.0.0.1:0"], pop3: [], admin: [] } };

/** A client of SMTP that says what it is told to, line by line. */
class Talk implements Disposable {
  readonly #conn: Deno.Conn;
  #text = "";

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async begin(surface: Surface, to = "brain@example.org"): Promise<Talk> {
    const [hostname, port] = surface.server.addresses["smtp"]![0]!.split(":");
    const talk = new Talk(await Deno.connect({ hostname: hostname!, port: Number(port) }));
    await talk.answer("220");
    for (const line of ["HELO x", "MAIL FROM:<ann@example.com>", `RCPT TO:<${to}>`]) {
      await talk.say(`${line}\r\n`);
      await talk.answer("250");
    }
    await talk.say("DATA\r\n");
    await talk.answer("354");
    return talk;
  }

  async say(text: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(text));
  }

  async answer(code: string): Promise<string> {
    const buffer = new Uint8Array(4096);
    while (!this.#text.endsWith("\r\n")) {
      const count = await this.#conn.read(buffer);
      assert(count !== null, `the server closed after: ${this.#text}`);
      this.#text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    const text = this.#text;
    this.#text = "";
    assertStringIncludes(text, code);
    return text;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** Answers what a call came to, and when, in ms. */
async function timed(call: Promise<Response>): Promise<{ status: number; text: string; ms: number }> {
  const began = performance.now();
  const response = await call;
  return { status: response.status, text: await response.text(), ms: performance.now() - began };
}

Deno.test("204 when none came and none is under way, at the time that was said", async () => {
  await using surface = await Surface.start();
  await surface.send({ to: ["brain@example.org"] }, TEXT);
  for (const query of ["subject=other", "mailbox=pinky@example.org", `since=${Date.now() + 60_000}`]) {
    const { status, text, ms } = await timed(surface.call("GET", `/wait?${query}&count=0&for=100ms`));
    assertEquals([status, text], [204, ""]);
    assert(ms >= 95 && ms < 5000, String(ms));
  }
});

Deno.test("409 with the message as soon as one is there", async () => {
  await using surface = await Surface.start();
  const waiting = timed(surface.call("GET", "/wait?mailbox=brain@example.org&count=0&for=20s"));
  const id = await surface.send({ to: ["brain@example.org"] }, TEXT);
  for (
    const { status, text, ms } of [
      await waiting,
      await timed(surface.call("GET", "/wait?subject=code&count=0&for=20s")),
    ]
  ) {
    const problem = JSON.parse(text);
    assertEquals([status, problem.status, problem.message.id, problem.message.codes], [409, 409, id, [
      "482913",
    ]]);
    assertStringIncludes(problem.detail, "Your code");
    assert(ms < 10_000, String(ms));
  }
});

Deno.test("a message whose text is still coming is waited for", async (t) => {
  await using surface = await Surface.start({ config: LISTEN });
  const ends: [name: string, end: (talk: Talk) => Promise<void>, status: number][] = [
    ["it comes", async (talk) => {
      await talk.say("\r\n.\r\n");
      await talk.answer("queued as");
    }, 409],
    ["its client goes away", (talk) => Promise.resolve(talk[Symbol.dispose]()), 204],
    ["it is refused", async (talk) => {
      await talk.say("a\rb\r\n");
      await talk.answer("550");
    }, 204],
  ];
  for (const [name, end, status] of ends) {
    await t.step(name, async () => {
      const since = Date.now();
      const talk = await Talk.begin(surface);
      let isOver = false;
      const waiting = timed(
        surface.call("GET", `/wait?mailbox=brain@example.org&since=${since}&count=0&for=50ms&timeout=20s`),
      ).finally(() => isOver = true);
      // another mailbox has nothing to do with it
      const other = surface.call("GET", "/wait?mailbox=pinky@example.org&count=0&for=150ms&timeout=20s");
      assertEquals((await other).status, 204);
      assert(!isOver);
      await end(talk);
      assertEquals((await waiting).status, status);
      if (name !== "its client goes away") talk[Symbol.dispose]();
    });
  }
});

Deno.test("nobody says that none comes while one is under way for longer than anybody waits", async () => {
  await using surface = await Surface.start({ config: LISTEN });
  using _talk = await Talk.begin(surface);
  const problem = await surface.json("GET", "/wait?count=0&for=50ms&timeout=200ms", { status: 408 });
  assertStringIncludes(problem.detail, "still under way");
  assertEquals([problem.arrived, problem.nearest], [[], null]);
});

Deno.test("a message that the queue has for a full mailbox is under way", async () => {
  await using surface = await Surface.start({
    config: {
      accounts: {
        "brain@example.org": { password: "x" },
        "full@example.org": { password: "x", quota: "10" },
      },
    },
  });
  await surface.send({ to: ["brain@example.org", "full@example.org"] }, TEXT);
  const none = (mailbox: string) => `/wait?mailbox=${mailbox}&subject=code&count=0&for=20ms&timeout=150ms`;
  const { detail } = await surface.json("GET", none("full@example.org"), { status: 408 });
  assertStringIncludes(detail, "still under way");
  await surface.json("GET", none("pinky@example.org"), { status: 204 });
  // there is room now
  await surface.json("PATCH", "/accounts/full@example.org", { body: { quota: "1MiB" } });
  const [{ id }] = (await surface.json("GET", "/queue")).items;
  const waiting = surface.json("GET", "/wait?mailbox=full@example.org&timeout=20s");
  await surface.json("POST", `/queue/${id}/retry`);
  assertEquals((await waiting).id, id);
  await surface.json("GET", none("full@example.org"), { status: 409 });
  const quiet = `/wait?mailbox=full@example.org&since=${id}&count=0&for=20ms&timeout=5s`;
  await surface.json("GET", quiet, { status: 204 });
});

Deno.test("who goes away waits no more", async () => {
  await using surface = await Surface.start({
    config: { listen: { smtp: [], pop3: [], admin: ["127.0.0.1:0"] } },
  });
  const base = `http://${surface.server.addresses["admin"]![0]}/api/v1`;
  const headers = { authorization: `Bearer ${TOKEN}` };
  await surface.json("GET", "/wait?timeout=0", { status: 408 });
  const { mailStore } = surface.server;
  const read: string[] = [];
  const get = mailStore.get;
  mailStore.get = function (...args) {
    read.push(args[1]);
    return get.apply(this, args);
  };
  const gone = new AbortController();
  const waits = Array.from(
    { length: 10 },
    () => fetch(`${base}/wait?subject=never&timeout=5m`, { headers, signal: gone.signal }).catch(() => {}),
  );
  // they wait when a message is looked at
  const before = await surface.send({ to: ["brain@example.org"] }, TEXT);
  await until(() => read.includes(before));
  gone.abort();
  await Promise.all(waits);
  await until(async () => {
    const id = await surface.send({ to: ["brain@example.org"] }, TEXT);
    // whoever listens has asked for it by the time that the answer is here
    return !read.includes(id);
  });
});

/** Looks until that is so; the test's deadline ends it when it never is. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { MailServer } from "../../src/mail_server.ts";
import { Journal } from "../../src/observe/journal.ts";
import { FakeResolver } from "../dns/fake_resolver.ts";
import { type CliOptions, type CliResult, runCli } from "./run_cli.ts";

const FALSE_ID = "0000000000000000";

/** A server whose mail to `*.slow.example` is put off, and the command line to operate it. */
class Site implements AsyncDisposable {
  private constructor(readonly server: MailServer) {}

  static async start(more: Record<string, unknown> = {}): Promise<Site> {
    const config = await loadConfig({
      env: {},
      overrides: {
        hostname: "mail.example.org",
        domains: ["example.org"],
        listen: { smtp: [], pop3: [], admin: ["127.0.0.1:0"] },
        accounts: { "brain@example.org": { password: "narf" } },
        admin: { token: "t0ken" },
        ...more,
      },
    });
    const server = await MailServer.start(config, {
      inMemory: true,
      journal: new Journal(undefined),
      resolver: new FakeResolver({
        "a.slow.example": { mx: "SERVFAIL a" },
        "b.slow.example": { mx: "SERVFAIL b" },
      }),
    });
    return new Site(server);
  }

  get url(): string {
    return `http://${this.server.addresses["admin"]![0]}`;
  }

  run(args: string[], options?: CliOptions): Promise<CliResult> {
    return runCli(["queue", ...args, "--url", this.url, "--token", "t0ken"], options);
  }

  async send(from: string, to: string, subject = "Hello"): Promise<string> {
    const response = await fetch(`${this.url}/api/v1/messages?${new URLSearchParams({ from, to })}`, {
      method: "POST",
      headers: { authorization: "Bearer t0ken", "content-type": "message/rfc822" },
      body: `Subject: ${subject}\r\n\r\nA letter of ${from}.\r\n`,
    });
    const { id } = await response.json();
    await this.server.queue.idle();
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }
}

Deno.test("queue acts on ids, on those of stdin and by filters, and tells what came of it", async () => {
  await using site = await Site.start();
  const ids: string[] = [];
  for (let i = 0; i < 4; i++) {
    ids.push(await site.send(`${i % 2}@ex.example`, `u${i}@${"ab"[i % 2]}.slow.example`, `Number ${i}`));
  }
  const [first, second, third, fourth] = ids as [string, string, string, string];
  assertEquals(await site.run(["hold", first, second, first]), {
    code: 0,
    out: "2 messages.\n2 held.\n",
    err: "",
  });
  const piped = await site.run(["release", "-"], { stdin: `${first}\n${FALSE_ID} ${third}\n` });
  assertEquals([piped.code, piped.out], [65, "2 messages.\n1 released, 2 left alone.\n"]);
  assertStringIncludes(piped.err, `dinopost: ${FALSE_ID}: The message is not in the queue\n`);
  assertStringIncludes(piped.err, `dinopost: ${third}: The message is not held\n`);
  const retried = await site.run(["retry", "--error", "servfail B", "--json"]);
  const { count, job } = JSON.parse(retried.out);
  assertEquals([count, job.total, job.result.deferred, job.result.refused.length], [2, 2, 1, 1]);
  assertEquals(retried.code, 75);
  assertStringIncludes(retried.err, `${second}: The message is held`);
  assertEquals((await site.run(["delete", "--subject", "NUMBER 3", "--dry-run"])).out, "1 message.\n");
  const dry = await site.run(["delete", fourth, FALSE_ID, "--dry-run"]);
  assertEquals([dry.code, dry.out], [65, "1 message.\n"]);
  assertStringIncludes(dry.err, FALSE_ID);
  assertEquals((await site.run(["delete", fourth.slice(-8).toLowerCase()])).out, "1 message.\n1 deleted.\n");
  assertEquals(
    (await site.run(["bounce", "--older-than", "1h"])).out,
    "0 messages.\n0 returned to their senders.\n",
  );
  const all = await site.run(["delete", "--all", "--json"]);
  assertEquals(all.out.split("\n").length, 2, "one line");
  assertEquals(JSON.parse(all.out).job.result, { changed: 3, refused: [] });
});

Deno.test("queue refuses what is not clear", async (t) => {
  await using site = await Site.start();
  const id = await site.send("0@ex.example", "jo@a.slow.example");
  const table: [string[], string][] = [
    [["delete"], "received nothing"],
    [["delete", id, "--all"], "ids and --all"],
    [["delete", id, "--domain", "a.slow.example"], "ids and a filter"],
    [["delete", "--all", "--sender", "0@ex.example"], "a filter and --all"],
    [["delete", "--sender", ""], "--sender"],
    [["delete", "--older-than", "soon"], "--older-than"],
    [["suspend", "a.slow.example", "--until", "whenever"], "--until"],
    [["list", "--limit", "0"], "--limit"],
  ];
  for (const [args, what] of table) {
    await t.step(args.join(" "), async () => {
      const { code, out, err } = await site.run(args);
      assertEquals([code, out], [64, ""]);
      assertStringIncludes(err, what);
      assertEquals(err.split("\n").length, 2);
    });
  }
  assertEquals((await site.server.queue.message(id)).length, 1);
});

Deno.test("queue shows a message with its subject, what was said, and where its page is", async () => {
  await using site = await Site.start();
  const id = await site.send("0@ex.example", "jo@a.slow.example", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=");
  const { out } = await site.run(["show", id.slice(-6)]);
  assertStringIncludes(out, "Subject   Grüße\n");
  assertStringIncludes(out, `Page      ${site.url}/messages/${id}\n`);
  assertStringIncludes(out, "SERVFAIL a");
  const list = await site.run(["list", "--all", "--json"]);
  assertEquals(list.out.trimEnd().split("\n").map((line) => JSON.parse(line).id), [id]);
  const long = "x".repeat(150);
  await site.send("0@ex.example", `${long.slice(0, 60)}@a.slow.example`, long);
  assertStringIncludes((await site.run(["list"])).out, `${long.slice(0, 60)}@a.slow.example`);
  assertEquals((await site.run(["show", "ZZZZ"])).code, 65);
});

Deno.test("queue lists destinations, and suspends and resumes them", async () => {
  await using site = await Site.start();
  await site.send("0@ex.example", "jo@a.slow.example");
  const suspended = await site.run(["suspend", "a.slow.example", "--until", "2h", "--reason", "A break"]);
  assert(/^Nothing is delivered to a\.slow\.example until \d{4}-/.test(suspended.out), suspended.out);
  const { out } = await site.run(["domains"]);
  assert(/^a\.slow\.example +1 +\S+ +\S.* suspended +A break$/m.test(out), out);
  assertEquals((await site.run(["resume", "a.slow.example"])).out, "Deliveries to a.slow.example go on.\n");
  const { items } = JSON.parse((await site.run(["domains", "--json"])).out);
  assertEquals(items.map((d: { domain: string; suspension: unknown }) => [d.domain, d.suspension]), [[
    "a.slow.example",
    null,
  ]]);
  assertStringIncludes((await site.run(["route", "example.org"])).out, "example.org: local");
  assertEquals((await site.run(["resume", "a.slow.example"])).code, 65);
});

Deno.test("queue export and import move each message once, as it was", async () => {
  const folder = await Deno.makeTempDir();
  await using old = await Site.start();
  await using next = await Site.start({ queue: { concurrency: 0 } });
  const held = await old.send("0@ex.example", "jo@a.slow.example", "Held");
  const waits = await old.send("1@ex.example", "jo@b.slow.example", "Waits");
  await old.server.queue.hold(held);
  const before = new Map(
    await Promise.all([held, waits].map(async (id) => [id, await old.server.queue.message(id)] as const)),
  );
  const file = `${folder}/queue.dinopost`;
  const exported = await old.run(["export", "-o", file]);
  assertEquals([exported.code, exported.out], [0, ""]);
  assertStringIncludes(exported.err, "2 messages exported");
  assert((await old.server.queue.message(waits)).every((r) => r.held), "held here");
  assertEquals((await old.run(["export", "-o", file])).code, 64, "nothing is overwritten");
  const lost = await old.run(["export", "-o", `${folder}/none/queue`]);
  assertEquals([lost.code, lost.err.split("\n").length], [64, 2], lost.err);
  // what the server refuses leaves no file in the way of the next call
  const other = `${folder}/other`;
  const refused = await runCli(["queue", "export", "-o", other, "--url", old.url, "--token", "x"]);
  assertEquals([refused.code, await Deno.stat(other).catch(() => "none")], [78, "none"], refused.err);
  const nowhere = await next.run(["import", `${folder}/none`]);
  assertEquals([nowhere.code, nowhere.err], [65, `dinopost: ${folder}/none: there is no such file\n`]);
  // made again it says the same
  const again = await old.run(["export"]);
  const tell = (text: string) => text.split("\n").slice(1).join("\n");
  assertEquals(tell(again.out), tell(await Deno.readTextFile(file)));
  assertEquals((await next.run(["import", file])).out, "2 messages taken over.\n");
  for (const [id, records] of before) {
    // the content is there under a name of its own
    const taken = await next.server.queue.message(id);
    const alike = taken.map((record, part) => {
      const { id } = records[part]!.body;
      assert(record.body.id !== id);
      return { ...record, body: { ...record.body, id } };
    });
    assertEquals(alike, records);
    const text = await new Response(ReadableStream.from(next.server.queue.text(taken[0]!))).text();
    assertStringIncludes(text, "A letter of ");
  }
  const known = await next.run(["import", "-"], { stdin: again.out });
  assertEquals(known.out, "0 messages taken over; 2 messages were here before.\n");
  assertEquals((await next.run(["delete", "--all"])).out, "2 messages.\n2 deleted.\n");
  assertEquals(
    (await next.run(["import", file])).out,
    "0 messages taken over; 2 messages were here before.\n",
  );
  await using third = await Site.start({ queue: { concurrency: 0 } });
  const cut = await third.run(["import", "-"], { stdin: again.out.slice(0, -200) });
  assertEquals(cut.code, 65);
  assertStringIncludes(cut.err, "cut off");
  assertEquals((await third.run(["import", "-"], { stdin: again.out })).code, 0);
  assertEquals((await third.run(["import", "-"], { stdin: "From x\n\nhello\n" })).code, 65);
  for (const id of before.keys()) assertEquals((await third.server.queue.message(id)).length, 1);
  const some = await old.run(["export", "--subject", "Waits"]);
  assertStringIncludes(some.err, "1 message exported");
  await Deno.remove(folder, { recursive: true });
});

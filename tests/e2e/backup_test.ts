/** Backups of a server at work, and what comes of them: by the command line alone. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Pop3Client } from "../../src/testing/mod.ts";
import { systemRandom } from "../../src/base/random.ts";
import { cliCommand, runCli } from "../cli/run_cli.ts";
import { Load } from "./support/kill_load.ts";
import { inspect, letter } from "./support/letters.ts";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";
import { SmtpTalk } from "./support/smtp_talk.ts";
import { audit } from "./support/store_audit.ts";

const TOKEN = "backups";
const LOCAL = ["ann", "bob", "cy", "dee"].map((name) => `${name}@local.test`);
const FAR = "far@never.test";

/** A folder with a configuration, and the servers and commands that run in it. */
class Site implements AsyncDisposable {
  private constructor(readonly dir: string) {}

  static async make(): Promise<Site> {
    const site = new Site(await Deno.makeTempDir({ prefix: "dinopost-backup-" }));
    const config = {
      hostname: "mail.local.test",
      domains: ["local.test"],
      accounts: Object.fromEntries(LOCAL.map((address) => [address, { password: "secret" }])),
      relay: { networks: ["127.0.0.0/8"] },
      dns: { nameServer: "127.0.0.1:9", timeout: "1s" },
      admin: { token: TOKEN, users: { anna: { token: "annas-token", role: "operator" } } },
      log: { level: "WARN" },
    };
    await Deno.writeTextFile(`${site.dir}/site.jsonc`, JSON.stringify(config));
    return site;
  }

  path(name: string): string {
    return `${this.dir}/${name}`;
  }

  serve(dataDir = "data"): Promise<ServerProcess> {
    const args = ["serve", "--config", "site.jsonc", "--data-dir", dataDir];
    return ServerProcess.ready({ cwd: this.dir, args, env: FREE_PORTS });
  }

  backup(url: string, file = "mail.tar", token = TOKEN) {
    return runCli(["backup", file, "--url", url, "--token", token], { cwd: this.dir });
  }

  restore(file: string, to: string) {
    return runCli(["restore", file, "--config", "site.jsonc", "--data-dir", to], { cwd: this.dir });
  }

  names(dir = "."): string[] {
    return Array.from(Deno.readDirSync(this.path(dir)), ({ name }) => name).toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

const LETTERS = 308;
const LARGE = 8;

/** Letters for ann, large ones and those that the database holds, and one for somebody whose server nobody finds. */
async function fill(server: ServerProcess): Promise<void> {
  using talk = await SmtpTalk.connect(server.address("smtp"));
  const from = "sender@client.example";
  for (let n = 1; n <= LETTERS; n++) {
    const text = letter(n, n <= LARGE ? 4_000_000 : 110_000);
    assertStringIncludes(await talk.send({ from, to: [LOCAL[0]!], text }), "250");
  }
  assertStringIncludes(await talk.send({ from, to: [FAR], text: letter(LETTERS + 1, 500) }), "250");
}

/** A way to the server that lets so much of its answers through, and then nothing. */
class Throttle implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns: Deno.Conn[] = [];
  #closed = false;
  readonly stuck = Promise.withResolvers<void>();

  constructor(server: { hostname: string; port: number }, most: number) {
    void this.#run(server, most);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  async #run(server: { hostname: string; port: number }, most: number): Promise<void> {
    for await (const client of this.#listener) {
      const there = await Deno.connect(server);
      this.#conns.push(client, there);
      client.readable.pipeTo(there.writable, { preventClose: true }).catch(() => {});
      this.#answers(client, there, most).catch(() => {});
    }
  }

  async #answers(client: Deno.Conn, there: Deno.Conn, most: number): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (let passed = 0; passed < most;) {
      const count = await there.read(buffer);
      if (count === null) break;
      for (let at = 0; at < count;) at += await client.write(buffer.subarray(at, count));
      passed += count;
    }
    this.stuck.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    for (const conn of this.#conns) {
      try {
        conn.close();
      } catch {
        // its stream has done it
      }
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

Deno.test("a backup under load holds every letter promised before it, once and whole", async () => {
  await using site = await Site.make();
  const addresses = new Map([...LOCAL, FAR].map((address) => [address, [address]] as const));
  const load = new Load({ addresses, rare: [FAR] }, systemRandom);
  await using server = await site.serve();
  const stop = new AbortController();
  const clients = load.run(server.address("smtp"), 4, stop.signal);
  await Deno.mkdir(site.path("data/keys/old"), { recursive: true });
  await Deno.writeTextFile(site.path("data/keys/old/kept.pem"), "a key");
  await Deno.symlink(site.path("site.jsonc"), site.path("data/link.jsonc"));
  await Deno.symlink("nowhere", site.path("data/broken"));
  while (load.promised < 150) await load.another(AbortSignal.timeout(10_000));
  const before = [...load.sent.values()].filter(({ promised }) => promised);
  const made = await site.backup(server.url);
  assertEquals([made.code, made.out], [0, ""], made.err);
  stop.abort();
  await clients;
  assert(load.promised > before.length, "mail came meanwhile");
  const { items } = await (await fetch(`${server.url}/api/v1/audit`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  })).json();
  assertEquals([items[0].action, items[0].user], ["backup.create", "admin"]);

  const restored = await site.restore("mail.tar", "restored");
  assertEquals([restored.code, restored.err], [0, ""]);
  for (const name of ["", "keys", "keys/old", "keys/old/kept.pem", ...site.names("restored")]) {
    const { mode, isDirectory } = Deno.lstatSync(site.path(`restored/${name}`));
    assertEquals(mode! & 0o777, isDirectory ? 0o700 : 0o600, name);
  }
  assertEquals(await Deno.readTextFile(site.path("restored/keys/old/kept.pem")), "a key");
  assertEquals(
    await Deno.readTextFile(site.path("restored/link.jsonc")),
    await Deno.readTextFile(site.path("site.jsonc")),
  );
  assert(!site.names("restored").includes("admin.json"));
  const check = await runCli(["check", "--store", "--data-dir", "restored"], { cwd: site.dir });
  assertStringIncludes(check.out, "all is well");

  const { mailboxes, queue, problems } = await audit(site.path("restored"));
  const copies = new Map<string, number>();
  const found = (text: string, address: string) => {
    const { n, problem } = inspect(text);
    if (problem !== undefined) problems.push(`letter ${n} ${problem}`);
    copies.set(`${n} ${address}`, (copies.get(`${n} ${address}`) ?? 0) + 1);
  };
  for (const [address, texts] of mailboxes) for (const text of texts) found(text, address);
  for (const { recipients, text } of queue) for (const recipient of recipients) found(text, recipient);
  for (const { n, goesTo } of before) {
    for (const address of goesTo) {
      if (!copies.has(`${n} ${address}`)) problems.push(`letter ${n} is missing at ${address}`);
    }
  }
  for (const [which, count] of copies) {
    if (count !== 1) problems.push(`letter ${which} is there ${count} times`);
  }
  for (const { n, goesTo } of load.sent.values()) {
    const there = [...goesTo].filter((address) => copies.has(`${n} ${address}`));
    if (there.length !== 0 && there.length !== goesTo.size) problems.push(`letter ${n} is there in part`);
  }
  assertEquals(problems, []);

  await using again = await site.serve("restored");
  const pop3 = await Pop3Client.connect(again.address("pop3"));
  await pop3.login(LOCAL[0]!, "secret");
  const [, count] = /^(\d+) /.exec(await pop3.command("STAT"))!;
  await pop3.quit();
  assertEquals(Number(count), mailboxes.get(LOCAL[0]!)!.length);
});

Deno.test("a backup that is killed, here or there, leaves nothing that looks whole, and is made again", async () => {
  await using site = await Site.make();
  {
    await using server = await site.serve();
    await fill(server);
    { // the client
      using throttle = new Throttle(server.address("admin"), 2_000_000);
      const args = ["backup", "mail.tar", "--url", throttle.url, "--token", TOKEN];
      const client = cliCommand(args, { cwd: site.dir }).spawn();
      await throttle.stuck.promise;
      const busy = await site.backup(server.url, "other.tar");
      assertEquals(busy.code, 75);
      assertStringIncludes(busy.err, "one at a time");
      client.kill("SIGKILL");
      await client.output();
      await client.stdin.close().catch(() => {});
    }
    assert(!site.names().includes("mail.tar"));
    // the server hears of it at once
    let again = await site.backup(server.url);
    for (let tries = 0; again.code === 75 && tries < 20; tries++) again = await site.backup(server.url);
    assertEquals(again.code, 0, again.err);
    assertEquals(site.names(), ["data", "mail.tar", "site.jsonc"]);
    { // the server, while it sends
      using throttle = new Throttle(server.address("admin"), 2_000_000);
      const client = site.backup(throttle.url, "second.tar");
      await throttle.stuck.promise;
      server.signal("SIGKILL");
      await server.end();
      throttle.close();
      const { code, err } = await client;
      assertEquals(code, 75, err);
    }
    assertEquals(site.names(), ["data", "mail.tar", "site.jsonc"]);
  }
  { // the server, while it copies
    await using server = await site.serve();
    const client = site.backup(server.url, "second.tar");
    while (!site.names("data").includes("backup.snapshot")) await new Promise((done) => setTimeout(done, 1));
    server.signal("SIGKILL");
    await server.end();
    assertEquals((await client).code !== 0, true);
  }
  await using server = await site.serve();
  assert(!site.names("data").some((name) => name.startsWith("backup.")), String(site.names("data")));
  assertEquals((await site.backup(server.url, "second.tar")).code, 0);

  // a restore that is killed
  const args = ["restore", "-", "--config", "site.jsonc", "--data-dir", "restored"];
  const child = cliCommand(args, { cwd: site.dir }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write((await Deno.readFile(site.path("second.tar"))).subarray(0, 20_000_000));
  while (!await exists(site.path("restored/restore.unfinished/dinopost.db-bodies"))) {
    await new Promise((done) => setTimeout(done, 5));
  }
  const taken = await site.restore("second.tar", "restored");
  assertEquals(taken.code, 75, taken.err);
  child.kill("SIGKILL");
  await child.output();
  await writer.close().catch(() => {});
  const refused = await runCli(["serve", "--config", "site.jsonc", "--data-dir", "restored"], {
    cwd: site.dir,
    env: { ...FREE_PORTS },
  });
  assertEquals(refused.code, 69);
  assertStringIncludes(refused.err, 'call "dinopost restore" again');
  assertEquals((await site.restore("second.tar", "restored")).code, 0);
  const { mailboxes, queue, problems } = await audit(site.path("restored"));
  assertEquals(problems, []);
  assertEquals(mailboxes.get(LOCAL[0]!)!.map((text) => inspect(text)), numbers(LETTERS));
  assertEquals(queue.map(({ recipients }) => recipients), [[FAR]]);
  await using next = await site.serve("restored");
  const waiting = await fetch(`${next.url}/api/v1/queue`, { headers: { authorization: `Bearer ${TOKEN}` } });
  assertEquals((await waiting.json()).items.length, 1);
});

function numbers(count: number): { n: number }[] {
  return Array.from({ length: count }, (_, i) => ({ n: i + 1 }));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("a backup whose reader goes away is no success", async () => {
  await using site = await Site.make();
  await using server = await site.serve();
  using talk = await SmtpTalk.connect(server.address("smtp"));
  const text = letter(1, 4_000_000); // more than a pipe holds
  assertStringIncludes(await talk.send({ from: "sender@client.example", to: [LOCAL[0]!], text }), "250");
  const args = ["backup", "-", "--url", server.url, "--token", TOKEN];
  const child = cliCommand(args, { cwd: site.dir }).spawn();
  await child.stdin.close();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const said = new Response(child.stderr).text();
  assertEquals((await child.status).code, 69);
  assertStringIncludes(await said, "stdout was closed before the end");
});

Deno.test("what can't be backed up or restored is refused in a line, and nothing is left behind", async (t) => {
  await using site = await Site.make();
  await using server = await site.serve();
  assertEquals((await site.backup(server.url)).code, 0);
  assertEquals(Deno.statSync(site.path("mail.tar")).mode! & 0o777, 0o600);
  const whole = await Deno.readFile(site.path("mail.tar"));
  const changed = whole.slice();
  changed[whole.length >> 1]! ^= 1;
  await Deno.writeFile(site.path("changed.tar"), changed);
  await Deno.writeFile(site.path("cut.tar"), whole.subarray(0, whole.length - 2048));
  await Deno.mkdir(site.path("full/mail"), { recursive: true });
  await Deno.mkdir(site.path("empty"));
  await Deno.writeTextFile(site.path("empty/.bashrc"), "# of the user whose home this is");
  const run = (...args: string[]) => runCli(args, { cwd: site.dir });
  const api = ["--url", server.url, "--token", TOKEN];
  const kv = ["--config", "kv.jsonc", "--data-dir", "new"];
  await Deno.writeTextFile(site.path("kv.jsonc"), JSON.stringify({ kv: "http://127.0.0.1:9" }));
  const before = site.names();
  const table: [string[], number, string][] = [
    [["restore", "changed.tar", "--data-dir", "new"], 65, "damaged"],
    [["restore", "cut.tar", "--data-dir", "new"], 65, "cut"],
    [["restore", "site.jsonc", "--data-dir", "new"], 65, "no backup of dinopost"],
    [["restore", "nothing.tar", "--data-dir", "new"], 65, "nothing.tar"],
    [["restore", "mail.tar", "--data-dir", "full"], 65, "is not empty (mail)"],
    [["restore", "mail.tar", "--data-dir", "data"], 65, "is not empty"],
    [["restore", "mail.tar", ...kv], 78, "kv: http://127.0.0.1:9"],
    [["restore"], 64, "file"],
    [["backup", ...api], 64, "file"],
    [["backup", "no/folder/mail.tar", ...api], 64, "no folder no/folder"],
    [["backup", "empty", ...api], 64, "expected the name of a file"],
    [["backup", "mail.tar", ...api], 64, "mail.tar: there is something already; name another file"],
    [["backup", "x.tar", "--url", server.url, "--token", "annas-token"], 78, "may not"],
    [["backup", "x.tar", "--url", "http://127.0.0.1:9", "--token", TOKEN], 69, "no server answers"],
  ];
  for (const [args, code, words] of table) {
    await t.step(args.slice(0, 4).join(" "), async () => {
      const ended = await run(...args);
      assertEquals([ended.code, ended.out], [code, ""], ended.err);
      assertStringIncludes(ended.err, words);
      assertEquals(ended.err.split("\n").length, 2);
      assertEquals(site.names(), before);
    });
  }
  assertEquals(site.names("full"), ["mail"]);
  assertEquals((await site.restore("mail.tar", "empty")).code, 0, "an empty folder will do");
  const piped = await run("backup", "-", ...api);
  assertEquals(piped.code, 0);
  assertStringIncludes(piped.out, "dinopost-backup.json");
});

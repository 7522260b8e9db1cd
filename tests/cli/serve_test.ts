import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { getAvailablePort } from "@std/net";
import { cliCommand, runCli } from "./run_cli.ts";

const FREE_PORTS = {
  DINOPOST_LISTEN_SMTP: "127.0.0.1:0",
  DINOPOST_LISTEN_POP3: "127.0.0.1:0",
  DINOPOST_LISTEN_ADMIN: "127.0.0.1:0",
};

/** A running command whose words on stderr can be waited for. */
class Running implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #out: Promise<string>;
  #err = "";

  constructor(command: Deno.Command, { deaf = false } = {}) {
    this.#child = command.spawn();
    this.#reader = this.#child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    const { stdout } = this.#child;
    this.#out = deaf ? stdout.cancel().then(() => "") : new Response(stdout).text();
  }

  async said(word: string): Promise<void> {
    while (!this.#err.includes(word)) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`ended without saying "${word}": ${this.#err}`);
      this.#err += value;
    }
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  async end(): Promise<{ code: number; out: string; err: string }> {
    for (let next = await this.#reader.read(); !next.done; next = await this.#reader.read()) {
      this.#err += next.value;
    }
    const { code } = await this.#child.status;
    return { code, out: await this.#out, err: this.#err };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child.stdin.close();
    await this.end();
  }
}

Deno.test("serve tells where it is and what to try, reloads on SIGHUP and ends on SIGTERM with 0", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    await using server = new Running(
      cliCommand(["serve"], { cwd, env: { ...FREE_PORTS, DINOPOST_LOG_LEVEL: "ERROR" } }),
    );
    await server.said("ready"); // whatever the level is
    const file = JSON.parse(await Deno.readTextFile(`${cwd}/data/admin.json`));
    assertEquals((await Deno.stat(`${cwd}/data/admin.json`)).mode! & 0o777, 0o600);
    const health = await fetch(`${file.url}/healthz`);
    assertEquals([health.status, await health.text()], [200, '{"status":"ok"}']);

    // the command line finds it by its data directory
    assertEquals(await runCli(["queue", "list"], { cwd }), {
      code: 0,
      out: "The queue is empty.\n",
      err: "",
    });

    // one process owns the store
    const second = await runCli(["serve"], { cwd, env: FREE_PORTS });
    assertEquals(second.code, 75, second.err);
    assert(second.err.includes("is used by another server"), second.err);

    await Deno.writeTextFile(`${cwd}/dinopost.jsonc`, '{ "log": { "lvel": "INFO" } }');
    server.signal("SIGHUP");
    await server.said("did you mean");
    server.signal("SIGTERM");
    const { code, out } = await server.end();
    assertEquals(code, 0);
    for (
      const word of [
        "SMTP ",
        "POP3 ",
        "HTTP ",
        "Data ",
        "postmaster@localhost, password ",
        "curl --url smtp://",
      ]
    ) {
      assert(out.includes(word), `${word} in ${out}`);
    }
    await Deno.remove(`${cwd}/dinopost.jsonc`);
    assertEquals((await runCli(["queue", "list"], { cwd })).code, 69); // admin.json is gone
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("serve says to try what works with the configuration's own domains and accounts", async () => {
  const cwd = await Deno.makeTempDir();
  const file = `${cwd}/dinopost.jsonc`;
  const accounts = { "brain@b.test": { password: "narf" } };
  const told = async () => {
    await using server = new Running(cliCommand(["serve"], { cwd, env: FREE_PORTS }));
    await server.said("ready");
    server.signal("SIGTERM");
    return (await server.end()).out;
  };
  try {
    await Deno.writeTextFile(file, JSON.stringify({ domains: ["b.test"], accounts }));
    const configured = await told();
    assertStringIncludes(configured, "--mail-rcpt brain@b.test ");
    assertStringIncludes(configured, "curl --user brain@b.test pop3://");
    // whose accounts are in the store alone; nobody's password is known here
    await Deno.writeTextFile(file, JSON.stringify({ domains: ["b.test"] }));
    const bare = await told();
    assertStringIncludes(bare, "--mail-rcpt postmaster@b.test ");
    assert(!bare.includes("pop3://"), bare);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("serve ends at once on a second SIGINT", async () => {
  await using server = new Running(cliCommand([], { script: "tests/cli/stuck_server.ts" }));
  await server.said("ready");
  server.signal("SIGINT");
  await server.said("stopping");
  server.signal("SIGINT");
  const { code, err } = await server.end();
  assertEquals(code, 130);
  assert(err.includes("ended at once"), err);
});

Deno.test("serve goes on when nobody reads its stdout any more, and ends as ever", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    await using server = new Running(cliCommand(["serve"], { cwd, env: FREE_PORTS }), { deaf: true });
    await server.said("ready");
    server.signal("SIGHUP");
    await server.said("reloaded");
    server.signal("SIGTERM");
    const { code, err } = await server.end();
    assertEquals(code, 0);
    assert(err.includes("INFO stopped"), err);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("serve says on SIGHUP which changes wait for the next start", async () => {
  const cwd = await Deno.makeTempDir();
  const write = (config: unknown) => Deno.writeTextFile(`${cwd}/dinopost.jsonc`, JSON.stringify(config));
  const accounts = { "brain@b.test": { password: "narf" } };
  const config = { domains: ["b.test"], accounts, relay: { networks: ["192.0.2.0/24"] } };
  try {
    await write(config);
    await using server = new Running(cliCommand(["serve"], { cwd, env: FREE_PORTS }));
    await server.said("ready");
    await write({ ...config, accounts: { ...accounts, "pinky@b.test": { password: "poit" } } });
    server.signal("SIGHUP");
    await server.said("reloaded");
    await write({ ...config, relay: {}, dataDir: "./other", log: { level: "WARN" } });
    server.signal("SIGHUP");
    await server.said("relay.networks: was changed, which the next start takes over");
    server.signal("SIGTERM");
    const { err } = await server.end();
    const told = [...err.matchAll(/ (\S+): was changed/g)].map(([, key]) => key);
    assertEquals(told, ["dataDir", "relay.networks"]);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("serve says when two addresses of its own are in each other's way", async () => {
  const cwd = await Deno.makeTempDir();
  const port = getAvailablePort();
  try {
    const table = [
      ["0.0.0.0", "127.0.0.1", "0.0.0.0 is all"],
      ["[::]", "0.0.0.0", "[::] takes IPv4 too"],
      ["127.0.0.1", "[::]", "[::] takes IPv4 too"],
    ] as const;
    for (const [first, second, why] of table) {
      const env = { ...FREE_PORTS, DINOPOST_LISTEN_SMTP: `${first}:${port}, ${second}:${port}` };
      const { code, err } = await runCli(["serve"], { cwd, env });
      assertEquals(code, 69, err);
      const want =
        `dinopost: listen.smtp ${second}:${port}: this server has ${first}:${port} already, and ${why}; ` +
        "give one of them\n";
      assert(err.endsWith(want), err);
    }
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

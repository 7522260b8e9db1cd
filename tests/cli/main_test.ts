import { assert, assertEquals, assertMatch } from "@std/assert";
import { type CliOptions, runCli } from "./run_cli.ts";

Deno.test("main() ends with sysexits codes and one line that says why", async () => {
  const table: [args: string[], code: number, err: string, options?: CliOptions][] = [
    // usage
    [[], 64, 'dinopost: no command; "dinopost help" lists them\n'],
    [["quue"], 64, "dinopost: unknown command 'quue' (Did you mean queue?)\n"],
    [["queue"], 64, 'dinopost: a command is missing behind "queue"; "dinopost help queue" lists them\n'],
    [["queue", "show"], 64, "dinopost: missing required argument 'id'\n"],
    [["serve", "--wrong-one"], 64, "dinopost: unknown option '--wrong-one'\n"],
    [
      ["send", "-bp"],
      64,
      'dinopost: -b: received "p", expected "m" or "s"; the other modes are not sending\n',
    ],
    [
      ["send", "--help"],
      64,
      "dinopost: --help sends nothing, and a message waits on stdin; leave it out\n",
      { stdin: "Subject: x\n\nx\n" },
    ],
    [["send", "-h"], 64, "dinopost: option '-h <hops>' argument missing\n", { stdin: "x" }],
    [["queue", "list", "--url", "x"], 64, 'dinopost: --url: received "x", expected an http or https URL\n'],
    [
      ["queue", "list", "--url", "http://"],
      64,
      'dinopost: --url: received "http://", expected an http or https URL\n',
    ],
    ...["gehéim✓", "a\nb"].map((token): [string[], number, string] => [
      ["queue", "list", "--url", "http://127.0.0.1:1", "--token", token],
      64,
      "dinopost: --token: expected visible ASCII characters, without blanks\n",
    ]),
    ...["x", "0", "-1", "1.5", "1001", "5000"].map((limit): [string[], number, string] => [
      ["queue", "list", `--limit=${limit}`],
      64,
      `dinopost: --limit: received "${limit}", expected a whole number from 1 to 1000\n`,
    ]),
    [
      ["queue", "list", "--state", "gone"],
      64,
      "dinopost: option '--state <state>' argument 'gone' is invalid. Allowed choices are queued, deferred, held.\n",
    ],
    [
      ["check", "--store", "--dns"],
      64,
      "dinopost: --store and --dns are two checks; call them one after the other\n",
    ],
    [["restore", "/"], 65, "dinopost: /: received a folder, expected a file\n"],
    // nobody there
    [
      ["queue", "list", "--data-dir", "/nowhere"],
      69,
      'dinopost: no server is running on /nowhere; start it with "dinopost serve", or give --url and --token\n',
    ],
    [
      ["queue", "list", "--url", "http://127.0.0.1:1", "--token", "t"],
      69,
      "dinopost: no server answers at http://127.0.0.1:1; is it running?\n",
    ],
    // callers of sendmail keep what is told to be tried again
    [
      ["send", "--url", "http://127.0.0.1:1", "--token", "t", "jo@example.org"],
      75,
      "dinopost: no server answers at http://127.0.0.1:1; is it running?\n",
    ],
    // configuration
    [["check", "--config", "/nowhere.jsonc"], 78, "dinopost: /nowhere.jsonc: there is no such file\n"],
    [
      ["serve", "--capture"],
      78,
      "dinopost: environment: DINOPOST_LISTEN_SMTP: received 0.0.0.0:0, which others reach too; in capture mode expected an " +
      "address on loopback, or admin.token, or admin.allowInsecure: true\n",
      { env: { DINOPOST_LISTEN_SMTP: "0.0.0.0:0" } },
    ],
    [
      ["serve", "--capture", "--http", "0.0.0.0:0"],
      78,
      "dinopost: option: listen.admin: received 0.0.0.0:0, which others reach too; in capture mode expected an address on " +
      "loopback, or admin.token, or admin.allowInsecure: true\n",
    ],
    [
      ["check"],
      78,
      "dinopost: environment: DINOPOST_HOSTNAM: this variable is not known; did you mean DINOPOST_HOSTNAME?\n",
      { env: { DINOPOST_HOSTNAM: "a" } },
    ],
  ];
  for (const [args, code, err, options] of table) {
    assertEquals(await runCli(args, options), { code, out: "", err }, args.join(" "));
  }
});

Deno.test("serve and check end with 78 when the certificate's files can't be used", async () => {
  const env = { DINOPOST_TLS_CERT: "/nowhere/cert.pem", DINOPOST_TLS_KEY: "/nowhere/key.pem" };
  const cwd = await Deno.makeTempDir();
  try {
    for (const command of ["serve", "check"]) {
      const { code, out, err } = await runCli([command], { cwd, env });
      assertEquals([code, out], [78, ""], err);
      assert(
        /^dinopost: environment: DINOPOST_TLS_KEY: .*\/nowhere\/cert\.pem .*\/nowhere\/key\.pem.*\n$/.test(
          err,
        ),
        err,
      );
    }
    const files = { cert: "/nowhere/cert.pem", key: "/nowhere/key.pem" };
    for (
      const [line, key, tls] of [[2, "tls", files], [3, 'tls.sni["a.test"]', { sni: { "a.test": files } }]]
    ) {
      const text = `{\n"tls": ${JSON.stringify(tls).replace(/(?<="sni":)/, "\n")}\n}`;
      await Deno.writeTextFile(`${cwd}/dinopost.jsonc`, text);
      for (const command of ["serve", "check"]) {
        const { code, out, err } = await runCli([command], { cwd });
        assertEquals([code, out], [78, ""], err);
        assert(err.startsWith(`dinopost: dinopost.jsonc:${line}: ${key}: received the certificate`), err);
      }
    }
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("an admin.json that says nothing is none", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    for (const text of ["", "null", "[1]", '{"url": 1}']) {
      await Deno.writeTextFile(`${cwd}/admin.json`, text);
      const { code, err } = await runCli(["queue", "list", "--data-dir", cwd], { cwd });
      assertEquals(code, 69, err);
      assert(err.startsWith("dinopost: no server is running on"), err);
    }
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test({
  name: "a full disk is around the program, not a fault of it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const file = (name: string) => new URL(`../../${name}`, import.meta.url).pathname;
    const line = '"$0" run -A --quiet --config "$1" "$2" version > /dev/full';
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", line, Deno.execPath(), file("deno.json"), file("mod.ts")],
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "dinopost: No space left on device (os error 28)\n");
    assertEquals(code, 69);
  },
});

Deno.test("main() explains every command with examples", async () => {
  const top = await runCli(["help"]);
  assertEquals([top.code, top.err], [0, ""]);
  for (
    const name of ["serve", "demo", "check", "queue", "account", "alias", "send", "version", "help"]
  ) {
    assert(new RegExp(`^  ${name}\\b`, "m").test(top.out), name);
  }
  for (
    const args of [["serve"], ["queue", "list"], ["account", "add"], ["alias", "add"], ["send"], ["demo"]]
  ) {
    const help = await runCli(["help", ...args]);
    assertEquals([help.code, help.err], [0, ""]);
    assert(help.out.startsWith(`Usage: dinopost ${args.join(" ")}`), help.out);
    assert(help.out.includes("Examples:\n  $ "), help.out);
  }
});

Deno.test("version tells the version of deno.json", async () => {
  const about = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const { code, out } = await runCli(["version"]);
  assertEquals(code, 0);
  assert(out.startsWith(`dinopost ${about.version} (Deno `), out);
});

Deno.test("check prints each fault in its line, and warns without another exit code", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    const write = (config: string) => Deno.writeTextFile(`${cwd}/dinopost.jsonc`, config);
    await write('{\n"listen": "127.0.0.1:25",\n"queue": { "retry": "soon" },\n"hostnam": "a" }');
    const wrong = await runCli(["check"], { cwd });
    assertEquals([wrong.code, wrong.out], [78, ""]);
    const begins = wrong.err.split("\n").map((line) => line.split(": ").slice(0, 3).join(": "));
    assertEquals(begins, [
      "dinopost: dinopost.jsonc:2: listen",
      "dinopost: dinopost.jsonc:3: queue.retry",
      "dinopost: dinopost.jsonc:4: hostnam",
      "",
    ]);

    await write(`{
      "hostname": "mail", "domains": ["example.org"],
      "relay": { "networks": ["0.0.0.0/0"] },
      "accounts": { "jo@example.org": { "password": "x" } },
      "aliases": {
        "a@example.org": ["b@example.org"],
        "b@example.org": ["a@example.org"],
        "c@example.org": ["ghost@example.org"],
        "d@example.org": ["jo@example.org", "ghost@example.org"],
        "e@example.org": ["jo@example.org", "jim@elsewhere.example"]
      },
    }`);
    const harmful = await runCli(["check"], { cwd });
    assertEquals(harmful.code, 0);
    assertMatch(harmful.out, /is right\.$/m);
    const said = harmful.err.trim().split("\n").map((line) => line.replace(/^dinopost: warning: /, ""));
    const want = [
      /^dinopost\.jsonc:2: hostname: "mail" has no dot/,
      /^dinopost\.jsonc:3: relay\.networks\[0\]: .*open relay/,
      /^dinopost\.jsonc:6: aliases\["a@example\.org"\]: leads round in a circle/,
      /^dinopost\.jsonc:7: aliases\["b@example\.org"\]: leads round in a circle/,
      /^dinopost\.jsonc:8: aliases\["c@example\.org"\]: leads to nobody/,
      /^dinopost\.jsonc:9: aliases\["d@example\.org"\]: ghost@example\.org is nobody here/,
    ];
    assertEquals(said.length, want.length, harmful.err);
    for (const [i, pattern] of want.entries()) assertMatch(said[i]!, pattern);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("check says of a server that captures that it delivers nothing", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${cwd}/dinopost.jsonc`, '{ "capture": { "messages": 10, "age": "7d" } }');
    const { code, out, err } = await runCli(["check"], { cwd });
    assertEquals([code, err], [0, ""]);
    assertMatch(out, /takes all mail for everybody\.$/m);
    assertMatch(out, /^Nothing is delivered to anybody/m);
    assertMatch(out, /^It keeps the newest 10 messages or .*, none for longer than 7d\.$/m);
    for (const untrue of ["MX records", "may relay", "tried again", "is checked", "is not signed"]) {
      assert(!out.includes(untrue), out);
    }
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("check finds dinopost.jsonc where it stands, and hides secrets", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${cwd}/dinopost.jsonc`,
      '{ "hostname": "mail.example.org", "domains": ["example.org"], "queue": { "retry": "1m, 1h" },\n' +
        '"accounts": { "jo@example.org": { "password": "hush" } }, "admin": { "token": "hush" },\n' +
        '"webhooks": [{ "url": "https://jo:hush@hooks.example.org/x", "events": ["delivered"] }] }',
    );
    const people = await runCli(["check"], { cwd });
    assertEquals([people.code, people.err], [0, ""]);
    assert(people.out.includes("https://(hidden)@hooks.example.org/x gets delivered."), people.out);
    assert(!people.out.includes("hush"), people.out);
    assert(people.out.includes("It is mail.example.org and takes mail for example.org."), people.out);
    assert(people.out.includes("tried again after 1m and then every 1h"), people.out);
    assert(people.out.includes("is checked: spf mark, dkim mark, dmarc mark, arc mark."), people.out);
    assertMatch(
      people.out,
      /^Outgoing mail is not signed: there are no keys in .*dkim; dinopost init makes them\.$/m,
    );
    assertEquals((await runCli(["init", "--domain", "example.org"], { cwd })).code, 0);
    assertMatch(
      (await runCli(["check"], { cwd })).out,
      /^Outgoing mail of example\.org \(r\d+, e\d+\) is signed\.$/m,
    );
    const scripts = await runCli(["check", "--json"], { cwd });
    assertEquals(JSON.parse(scripts.out).queue.retry, [60_000, 3_600_000]);
    assert(!(people.out + scripts.out).includes("hush"));
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("every command takes --config, those too that read nothing in it", async () => {
  for (const args of [["version"], ["man"], ["completions", "bash"], ["help", "queue"]]) {
    const { code, out, err } = await runCli([...args, "--config", "nowhere.jsonc"]);
    assertEquals([code, err], [0, ""], args[0]);
    assert(!out.includes("nowhere") && out.length > 10);
  }
});

import { assert, assertEquals } from "@std/assert";
import { type CliOptions, type CliResult, runCli } from "./run_cli.ts";

/** What a server is asked. */
interface Asked {
  method: string;
  path: string;
  body: string;
  type: string | null;
}

/** Runs commands against an HTTP server that answers from a table of `"METHOD path"`. */
async function withServer(
  answers: Record<string, { status?: number; json?: unknown }>,
  test: (run: (args: string[], options?: CliOptions) => Promise<CliResult>, asked: Asked[]) => Promise<void>,
): Promise<void> {
  const asked: Asked[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const url = new URL(request.url);
    const path = url.pathname.replace("/api/v1", "") + url.search;
    asked.push({
      method: request.method,
      path,
      body: await request.text(),
      type: request.headers.get("content-type"),
    });
    if (request.headers.get("authorization") !== "Bearer t0ken") {
      return Response.json({ title: "Unauthorized" }, { status: 401 });
    }
    const answer = answers[`${request.method} ${path}`] ??
      { status: 404, json: { detail: "There is no such thing" } };
    const status = answer.status ?? 200;
    return status === 204 ? new Response(null, { status }) : Response.json(answer.json, { status });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  await test((args, options) => runCli([...args, "--url", url, "--token", "t0ken"], options), asked);
}

Deno.test("a server that asks for no token is asked without one, and one that does is told apart", async () => {
  const seen: (string | null)[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    seen.push(request.headers.get("authorization"));
    return pathname.startsWith("/open/")
      ? Response.json({ items: [], cursor: null })
      : Response.json({ title: "Unauthorized" }, { status: 401 });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const open = await runCli(["queue", "list", "--json", "--url", `${url}/open`]);
  assertEquals([open.code, open.err], [0, ""]);
  const closed = await runCli(["queue", "list", "--url", url]);
  assertEquals([closed.code, closed.err], [64, "dinopost: the token is not known; give it with --token\n"]);
  assertEquals(seen, [null, null]);
});

const ITEM = {
  id: "01HXYZ0000000001",
  sender: "",
  recipients: [
    {
      address: "jsmith@mindspring.com",
      domain: "mindspring.com",
      state: "deferred",
      attempts: 2,
      nextAttemptAt: "2020-01-01T00:15:00Z",
      lastReply: "451 4.3.0 Later\x1b[2J",
      lastError: "451 4.3.0 Later\x1b[2J",
    },
    { address: "ann@mindspring.com", state: "deferred", attempts: 2, lastReply: null, lastError: null },
  ],
  state: "deferred",
  size: 4096,
  receivedAt: "2020-01-01T00:00:00Z",
  nextAttemptAt: "2020-01-01T00:15:00Z",
  expiresAt: "2020-01-06T00:00:00Z",
  attempts: [
    {
      at: "2020-01-01T00:00:01Z",
      recipient: "jsmith@mindspring.com",
      host: "mx.mindspring.com",
      reply: "451 4.3.0 Later",
      durationMs: 12.4,
    },
  ],
};

Deno.test("queue list prints a table, and what strangers wrote can't move the cursor", async () => {
  const page = { items: [ITEM], cursor: "next" };
  await withServer({
    "GET /queue?state=deferred&limit=100": { json: page },
    "GET /queue?limit=5&cursor=c": { json: { items: [], cursor: null } },
  }, async (run) => {
    const { code, out, err } = await run(["queue", "list", "--state", "deferred"]);
    assertEquals([code, err], [0, ""]);
    const lines = out.split("\n");
    assert(/^ID +STATE +AGE +SIZE +FROM +TO +NEXT TRY +WHY$/.test(lines[0]!), out);
    assert(
      /^01HXYZ0000000001 +deferred +\S+ +4KiB +<> +jsmith@mindspring.com \+1 +now +451 4.3.0 Later/.test(
        lines[1]!,
      ),
    );
    assertEquals(lines[2], "There is more: add --cursor next, or --all");
    assert(!out.includes("\x1b"));
    const json = await run(["queue", "list", "--state", "deferred", "--json"]);
    assertEquals(JSON.parse(json.out), page);
    const empty = await run(["queue", "list", "--limit", "5", "--cursor", "c"]);
    assertEquals(empty.out, "The queue is empty.\n");
  });
});

Deno.test("queue shows, retries, flushes and deletes", async () => {
  const id = ITEM.id;
  await withServer({
    [`GET /queue/${id}`]: { json: ITEM },
    "POST /queue/actions": { status: 202, json: { count: 1, job: "J1" } },
    "GET /jobs/J1": {
      json: {
        id: "J1",
        state: "done",
        total: 1,
        done: 1,
        result: { delivered: 0, deferred: 1, failed: 0, refused: [] },
      },
    },
    "POST /queue/flush": { json: { count: 0, job: "J2" } },
    "GET /queue/summary": {
      json: {
        total: 2,
        byState: { deferred: 2 },
        byDomain: [{ domain: "a.org", count: 2, oldest: "2020-01-01T00:00:00Z" }],
      },
    },
  }, async (run, asked) => {
    const show = await run(["queue", "show", id]);
    assert(show.out.includes("mx.mindspring.com  12ms  451 4.3.0 Later"), show.out);
    assertEquals(await run(["queue", "retry", id]), {
      code: 0,
      out: "1 message.\n0 delivered, 1 deferred again, 0 failed.\n",
      err: "",
    });
    assertEquals(asked.map(({ method, path, body }) => [method, path, body]).slice(-2), [
      ["POST", "/queue/actions", `{"action":"retry","ids":["${id}"]}`],
      ["GET", "/jobs/J1", ""],
    ]);
    assertEquals((await run(["queue", "show", "nope"])).code, 65);
    assertEquals((await run(["queue", "flush", "--domain", "a.org"])).out, "0 messages are tried now.\n");
    assertEquals(asked.at(-1)!.body, '{"domain":"a.org"}');
    assert((await run(["queue", "summary"])).out.startsWith("2 messages: 2 deferred\n"));
  });
});

Deno.test("account reads the password from stdin, never from an argument", async () => {
  const account = { address: "jo@example.org", name: "Jo", quota: 1024, used: 10, messages: 1 };
  await withServer({
    "POST /accounts": { status: 201, json: account },
    "GET /accounts": { json: { items: [account], cursor: null } },
    "PATCH /accounts/jo%40example.org": { json: account },
    "DELETE /accounts/jo%40example.org": { status: 204 },
  }, async (run, asked) => {
    const added = await run(["account", "add", "jo@example.org", "--name", "Jo", "--quota", "1KiB"], {
      stdin: "se cret\r\nmore\n",
    });
    assertEquals(added, { code: 0, out: "jo@example.org is added.\n", err: "" });
    const want = { address: "jo@example.org", name: "Jo", quota: 1024, password: "se cret" };
    assertEquals(JSON.parse(asked[0]!.body), want);
    assertEquals((await run(["account", "add", "jo@example.org"])).code, 65);
    const unfit: [string | Uint8Array<ArrayBuffer>, string][] = [
      [`${"x".repeat(1025)}\n`, "too long, expected 1024 octets"],
      [Uint8Array.from([112, 0xe4, 115, 10]), "not UTF-8, expected UTF-8"],
    ];
    for (const [stdin, why] of unfit) {
      const refused = await run(["account", "password", "jo@example.org"], { stdin });
      assertEquals([refused.code, refused.err.includes(why)], [65, true], refused.err);
    }
    assertEquals((await run(["account", "add", "jo@example.org", "--quota", "big"])).code, 64);
    // what stands on stderr is kept by logs
    for (const extra of ["geheim", "--password=geheim"]) {
      const refused = await run(["account", "add", "jo@example.org", extra], { stdin: "x" });
      assertEquals([refused.code, refused.err.includes("geheim")], [64, false], refused.err);
    }
    const list = await run(["account", "list"]);
    assert(/^jo@example.org +1 +10B +1KiB +Jo$/m.test(list.out), list.out);
    await run(["account", "password", "jo@example.org"], { stdin: "new" });
    assertEquals(asked.at(-1)!.body, '{"password":"new"}');
    assertEquals((await run(["account", "remove", "jo@example.org"])).out, "jo@example.org is removed.\n");
  });
});

Deno.test("what is there already is bad data: trying again would not help", async () => {
  await withServer({
    "POST /accounts": { status: 409, json: { detail: "The account jo@example.org exists already" } },
    "DELETE /aliases/staff%40example.org": { status: 409, json: { detail: "It is in the configuration" } },
  }, async (run) => {
    const add = await run(["account", "add", "jo@example.org"], { stdin: "secret" });
    assertEquals(add, { code: 65, out: "", err: "dinopost: The account jo@example.org exists already\n" });
    assertEquals((await run(["alias", "remove", "staff@example.org"])).code, 65);
  });
});

Deno.test("an account that nobody has is an unknown user", async () => {
  const detail = "There is no account nobody@example.org";
  await withServer({
    "DELETE /accounts/nobody%40example.org": { status: 404, json: { detail } },
    "PATCH /accounts/nobody%40example.org": { status: 404, json: { detail } },
  }, async (run) => {
    for (const verb of ["remove", "password"]) {
      const { code, err } = await run(["account", verb, "nobody@example.org"], { stdin: "secret" });
      assertEquals([code, err], [67, `dinopost: ${detail}\n`]);
    }
  });
});

Deno.test("alias tells the server what to add and what to remove", async () => {
  const alias = { address: "staff@example.org", targets: ["jo@example.org"] };
  const path = "/aliases/staff%40example.org";
  await withServer({
    "GET /aliases": { json: { items: [alias] } },
    [`PATCH ${path}`]: { json: alias },
    "PATCH /aliases/old%40example.org": { json: { address: "old@example.org", targets: [] } },
    [`DELETE ${path}`]: { status: 204 },
  }, async (run, asked) => {
    const add = await run([
      "alias",
      "add",
      "staff@example.org",
      "Jo@example.org",
      "--owner",
      "bo@example.org",
    ]);
    assertEquals(add, { code: 0, out: "staff@example.org leads to jo@example.org.\n", err: "" });
    assertEquals(asked.at(-1)!.body, '{"add":["Jo@example.org"],"owner":"bo@example.org"}');
    await run(["alias", "remove", "staff@example.org", "ann@example.net"]);
    assertEquals([asked.at(-1)!.path, asked.at(-1)!.body], [path, '{"remove":["ann@example.net"]}']);
    const last = await run(["alias", "remove", "old@example.org", "ann@example.net"]);
    assertEquals(last.out, "old@example.org is removed.\n");
    await run(["alias", "remove", "staff@example.org"]);
    assertEquals(asked.at(-1)!.method, "DELETE");
    assertEquals(
      (await run(["alias", "list"])).out,
      "ADDRESS            OWNER  TARGETS\nstaff@example.org  -      jo@example.org\n",
    );
  });
});

Deno.test("send -t takes recipients from the message and Bcc out of it", async () => {
  const query =
    "from=brain%40howstuffworks.com&to=jsmith%40mindspring.com&to=ann%40example.org&to=bo%40example.org";
  await withServer(
    { [`POST /messages?${query}`]: { status: 202, json: { id: "01HXYZ" } } },
    async (run, asked) => {
      const message = 'From: "Brain" <brain@howstuffworks.com>\nTo: "Smith, J" <jsmith@mindspring.com>,\n' +
        " ann@example.org\nBcc: bo@example.org\nDate: Mon, 5 Jan 2026 09:00:00 +0000\nMessage-ID: <1@x>\n\nHello\n.\nnever\n";
      const sent = await run(["send", "-t", "-v"], { stdin: message });
      assertEquals(sent, { code: 0, out: "", err: "queued as 01HXYZ\n" });
      assertEquals(asked[0]!.type, "message/rfc822");
      assertEquals(asked[0]!.body, message.replace(/Bcc.*\n/, "").replace(".\nnever\n", ""));
      await run(["send", "-ti"], { stdin: message });
      assert(asked[1]!.body.endsWith("\n.\nnever\n"));
    },
  );
});

Deno.test("send adds the fields that are missing and takes sendmail's options", async () => {
  const path = "POST /messages?from=&to=jo%40example.org&to=ann%40example.org";
  await withServer({ [path]: { status: 202, json: { id: "01HXYZ" } } }, async (run, asked) => {
    const { code, err } = await run(["send", "-oi", "-odi", "-f", "<>", "jo@example.org,<ann@example.org>"], {
      stdin: "Subject: Hi\n\n.\nHello\n",
    });
    assertEquals([code, err], [0, ""]);
    const [head, text] = asked[0]!.body.split("\n\n");
    // the server adds the others, and its domain
    assert(/^From: [^\s@]+\nSubject: Hi$/.test(head!), head);
    assertEquals(text, ".\nHello\n");
    assertEquals((await run(["send"], { stdin: "Subject: Hi\n\n" })).code, 64);
    assertEquals((await run(["send", "no address"], { stdin: "" })).code, 65);
  });
});

Deno.test("send leaves names without a domain to the server, and drops no recipient", async () => {
  const answer = { status: 202, json: { id: "01HXYZ" } };
  const names = "from=root&to=root&to=brain%40b.test&to=ann";
  const tables = { [`POST /messages?${names}`]: answer, "POST /messages?from=brain&to=root": answer };
  await withServer(tables, async (run, asked) => {
    const head = "From: root (Cron Daemon)\nTo: root, brain@b.test\nCc: Ann <ann>, nobody:;\n";
    const sent = await run(["send", "-t", "-i", "-v"], { stdin: `${head}\nx\n` });
    assertEquals(sent, { code: 0, out: "", err: "queued as 01HXYZ\n" });
    assertEquals((await run(["send", "-f", "brain", "root"], { stdin: "Subject: x\n\nx\n" })).code, 0);
    assert(/^From: brain$/m.test(asked[1]!.body), asked[1]!.body);
    for (const wrong of ["John Doe, brain@b.test", "brain@b.test, root@", "<@>, root"]) {
      const { code, err } = await run(["send", "-t"], { stdin: `To: ${wrong}\n\nx\n` });
      assertEquals(code, 65, wrong);
      assert(/^dinopost: To: received ".+", expected an address\n$/.test(err), err);
    }
    assertEquals(asked.length, 2);
  });
});

Deno.test("send understands how cron, PHP, git and mail call sendmail", async () => {
  const to = "to=jo%40example.org";
  const answer = { status: 202, json: { id: "01HXYZ" } };
  const texts = { [`POST /messages?from=brain%40example.org&${to}`]: answer };
  await withServer(texts, async (run, asked) => {
    const stdin = "From: brain@example.org\nTo: jo@example.org\nSubject: x\n\n.\nHello\n";
    const calls = [
      ["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "jo@example.org"], // Debian's cron
      ["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "brain@example.org"], // cronie
      ["-t", "-i"], // PHP
      ["-i", "-f", "brain@example.org", "jo@example.org"], // git send-email
      ["-i", "-m", "-r", "brain@example.org", "jo@example.org"], // mail
      [
        "-bm",
        "-om",
        "-n",
        "-G",
        "-U",
        "-i",
        "-N",
        "failure",
        "-R",
        "hdrs",
        "-Vx",
        "-O",
        "A=b",
        "jo@example.org",
      ],
      // nothing of it changes anything here, and no value of one is taken for a recipient
      "-i -L tag -C /etc/f -Am -X /tmp/log -h 3 -p ESMTP -x -I -d -d0-99.1 -q -q30m -a -c -e m jo@example.org"
        .split(" "),
      "-i -os -oA/etc/aliases -oQ/var/spool -o 8 -or1h -A c -Ltag -h3 jo@example.org".split(" "),
    ];
    for (const call of calls) {
      assertEquals(await run(["send", ...call], { stdin }), { code: 0, out: "", err: "" }, call.join(" "));
    }
    assertEquals(asked.length, calls.length);
    for (const { body } of asked) assert(body.endsWith("\n\n.\nHello\n"), body);
  });
});

Deno.test("the command line tells when the server does not take the token, or does not know the call", async () => {
  await withServer({}, async (run) => {
    const foreign = await run(["queue", "list", "--token", "wrong"]);
    assertEquals(foreign.code, 69); // the last --token counts: the right one, for a call that is not there
    assert(foreign.err.includes("not supported yet by this server"), foreign.err);
  });
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => Response.json({ detail: "Wrong token" }, { status: 401 }),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const refused = await runCli(["queue", "list", "--url", url, "--token", "x"]);
  assertEquals(refused, {
    code: 78,
    out: "",
    err: "dinopost: the server does not accept the token: Wrong token\n",
  });
});

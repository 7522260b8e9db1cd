/** The examples for users' tests, run as they are by the programs that they are for, beside a server that captures. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FREE_PORTS, ServerProcess } from "../e2e/support/server_process.ts";
import { testIf } from "./support/post_office.ts";

const PEERS = "/opt/dinopost-interop";
const RUNNERS = `${PEERS}/runners/node_modules`;
const PYTEST = `${PEERS}/venv/bin/pytest`;
const EXAMPLES = new URL("../../fixtures/examples/", import.meta.url).pathname;

/** The examples, copied to where a runner finds its packages, and a server. */
class Bench implements AsyncDisposable {
  private constructor(readonly dir: string, readonly server: ServerProcess) {}

  static async open(): Promise<Bench> {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_examples_" });
    const copied = await new Deno.Command("cp", { args: ["-r", EXAMPLES, `${dir}/examples`] }).output();
    assert(copied.success);
    await Deno.symlink(RUNNERS, `${dir}/node_modules`);
    const server = await ServerProcess.ready({ cwd: dir, args: ["serve", "--capture"], env: FREE_PORTS });
    return new Bench(dir, server);
  }

  /** Runs a program in the folder of the examples, or in one of its folders. */
  async run(program: string, args: string[], { folder = "", env = {} } = {}) {
    const { hostname, port } = this.server.address("smtp");
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args,
      cwd: `${this.dir}/examples/${folder}`,
      env: {
        DINOPOST_URL: this.server.url,
        DINOPOST_SMTP: `${hostname}:${port}`,
        CI: "1",
        NO_COLOR: "1",
        GITHUB_ACTIONS: "",
        ...env,
      },
      signal: AbortSignal.timeout(100_000),
    }).output();
    const decoder = new TextDecoder();
    return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.dir, { recursive: true });
  }
}

const RUNS: [string, string, string[], RegExp][] = [
  ["pytest", PYTEST, ["-q"], /3 passed/],
  ["Vitest", `${RUNNERS}/.bin/vitest`, ["run"], /Tests +3 passed/],
  ["Playwright", `${RUNNERS}/.bin/playwright`, ["test"], /3 passed/],
  ["nodemailer", "node", ["--test", "node/"], /# pass 1/],
];
for (const [name, program, args, passed] of RUNS) {
  testIf([program], `the example with ${name} runs as it is`, async () => {
    await using bench = await Bench.open();
    const { code, said } = await bench.run(program, args);
    assertEquals(code, 0, said);
    assertMatch(said, passed);
  });
}

const FAILING = `
from dinopost import Inbox
from test_password_reset import send_reset

def test_welcome():
    inbox = Inbox()
    send_reset(inbox.address, "1")
    inbox.wait()
    inbox.wait(subject="Welcome", timeout="50ms")
`;

testIf([PYTEST], "a wait that fails stands in the JUnit report, and on GitHub as an annotation", async () => {
  await using bench = await Bench.open();
  await Deno.writeTextFile(`${bench.dir}/examples/python/test_failing.py`, FAILING);
  const args = ["-q", "--junitxml=report.xml", "test_failing.py"];
  const { code, said } = await bench.run(PYTEST, args, { folder: "python", env: { GITHUB_ACTIONS: "true" } });
  assertEquals(code, 1, said);
  assertMatch(said, /^::error title=Mail::No message that fits .*arrived: 'Reset your password'/m);
  const report = await Deno.readTextFile(`${bench.dir}/examples/python/report.xml`);
  assertStringIncludes(report, "arrived: 'Reset your password' from Shop");
});

const CYPRESS_HERE = `
import assert from "node:assert/strict";
const url = process.env.DINOPOST_URL;
globalThis.Cypress = { env: (name) => process.env[name] };
globalThis.cy = {
  request: ({ url, qs, headers }) =>
    fetch(url + "?" + new URLSearchParams(qs), { headers }).then(async (answer) => {
      const text = await answer.text();
      const isJson = answer.headers.get("content-type")?.startsWith("application/json");
      return { status: answer.status, body: isJson ? JSON.parse(text) : text };
    }),
};
const { inbox } = await import("./dinopost.js");
const box = inbox();
await fetch(url + "/api/v1/messages", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ from: "a@b.example", to: [box.address], subject: "Reset", text: "https://shop.example/1" }),
});
assert.deepEqual((await box.wait({ subject: "Reset", timeout: "10s" })).links, ["https://shop.example/1"]);
await inbox().expectNone("100ms");
await assert.rejects(box.wait({ subject: "Welcome", timeout: "50ms" }), /arrived: "Reset"/);
`;

testIf(["node"], "the helper for Cypress asks what the server answers", async () => {
  await using bench = await Bench.open();
  await Deno.writeTextFile(`${bench.dir}/examples/cypress/package.json`, '{ "type": "module" }');
  await Deno.writeTextFile(`${bench.dir}/examples/cypress/here.mjs`, CYPRESS_HERE);
  const { code, said } = await bench.run("node", ["cypress/here.mjs"]);
  assertEquals(code, 0, said);
});

Deno.test("no helper is longer than 60 lines", async () => {
  for (
    const helper of [
      "python/dinopost.py",
      "vitest/dinopost.mjs",
      "playwright/dinopost.mjs",
      "cypress/dinopost.js",
    ]
  ) {
    const lines = (await Deno.readTextFile(`${EXAMPLES}${helper}`)).split("\n").length - 1;
    assert(lines <= 60, `${helper}: ${lines}`);
  }
});

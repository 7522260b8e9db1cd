/** Clients that come from other package managers: Cypress's plugins, and a client of Python's. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CapturingServer } from "../capture/capturing_server.ts";
import { sendTo, type Side, startMailpit } from "./support/mailpit_beside.ts";
import { testIf } from "./support/post_office.ts";

const PEERS = "/opt/dinopost-interop";
const PYTHON = `${PEERS}/venv/bin/python`;
const ESBUILD = `${PEERS}/runners/node_modules/.bin/esbuild`;
const CLIENTS = `${PEERS}/clients/node_modules`;
const SUPPORT = new URL("./support/", import.meta.url).pathname;

const FIRST = `From: Ann <ann@example.com>
To: bob@example.net
Subject: First
Message-ID: <first@example.com>
Date: Fri, 27 Nov 2026 10:00:00 +0100
Delivered-To: bob@example.net
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: text/plain

your code is 1234
--m
Content-Type: text/plain
Content-Disposition: attachment; filename=note.txt

a note
--m--
`;
const SECOND = "From: bob@example.com\nTo: carl@example.net\nSubject: Second\nMessage-ID: <2@b>\n\nhi\n";

function sideOf(town: CapturingServer): Side {
  return { http: town.at("admin").port, smtp: town.at("smtp").port };
}

async function sendBoth(side: Side): Promise<void> {
  await sendTo(side, { from: "ann@example.com", to: ["bob@example.net", "hidden@example.net"], text: FIRST });
  await sendTo(side, { from: "bob@example.com", to: ["carl@example.net"], text: SECOND });
}

async function run(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const signal = AbortSignal.timeout(60_000);
  const { code, stdout, stderr } = await new Deno.Command(program, { args, env, signal }).output();
  const [out, err] = [stdout, stderr].map((octets) => new TextDecoder().decode(octets));
  assertEquals(code, 0, `${out}${err}`);
  return out!;
}

/** The spec of a plugin, bundled as Cypress bundles it, with what stands for Cypress where its binary can't be had. */
async function cypress(plugin: "mailpit" | "mailhog", values: Record<string, string>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_cypress_" });
  try {
    const spec = await Deno.readTextFile(`${SUPPORT}cypress/${plugin}.cy.js`);
    await Deno.writeTextFile(`${dir}/spec.js`, `import "cypress-${plugin}";\n${spec}`);
    await Deno.symlink(CLIENTS, `${dir}/node_modules`);
    const bundle = `${dir}/bundle.mjs`;
    await run(ESBUILD, [
      `${dir}/spec.js`,
      "--bundle",
      "--format=esm",
      "--log-level=error",
      `--outfile=${bundle}`,
    ]);
    const args = ["--import", `${SUPPORT}cypress/stand_in.mjs`, "--test", "--test-reporter=tap", bundle];
    const said = await run("node", args, { CYPRESS_VALUES: JSON.stringify(values), NODE_NO_WARNINGS: "1" });
    assertMatch(said, /^# pass 1$/m);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

testIf(["node", ESBUILD], "cypress-mailpit's commands do here what they do with Mailpit", async () => {
  await using town = await CapturingServer.start();
  await using mailpit = await startMailpit();
  for (const { http } of [sideOf(town), mailpit]) {
    await cypress("mailpit", { MAILPIT_URL: `http://127.0.0.1:${http}` });
  }
});

testIf(["node", ESBUILD], "cypress-mailhog's commands do what they say, with a password too", async () => {
  const token = "x".repeat(40);
  await using town = await CapturingServer.start({ config: { admin: { token } } });
  await sendBoth(sideOf(town));
  const mailHogUrl = `http://127.0.0.1:${town.at("admin").port}/`;
  await cypress("mailhog", { mailHogUrl, mailHogUsername: "anybody", mailHogPassword: token });
});

testIf([PYTHON], "PyPI's mailpit-api-client makes of our answers what it makes of Mailpit's", async () => {
  await using town = await CapturingServer.start();
  await using mailpit = await startMailpit();
  const told = [];
  for (const side of [sideOf(town), mailpit]) {
    await sendBoth(side);
    const args = ["-W", "ignore", `${SUPPORT}clients/mailpit_api.py`, `http://127.0.0.1:${side.http}`];
    told.push((await run(PYTHON, args)).trim().split("\n").map((line) => JSON.parse(line)));
  }
  assertEquals(told[0], told[1]);
  assert(told[0]!.length > 10);
  assertEquals(told[0]!.find(([name]) => name === "nothing left"), ["nothing left", 0]);
});

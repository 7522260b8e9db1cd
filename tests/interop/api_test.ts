/** schemathesis reads the API's own document and looks for an answer that is not in it. */

import { assertEquals } from "@std/assert";
import { FREE_PORTS, ServerProcess } from "../e2e/support/server_process.ts";
import { isInstalled } from "./support/post_office.ts";

const SCHEMATHESIS = Deno.env.get("INTEROP_SCHEMATHESIS") ?? "/opt/dinopost-interop/venv/bin/schemathesis";
const TOKEN = "the-token-of-the-api";
/** Where its configuration is. */
const HERE = new URL("schemathesis/", import.meta.url).pathname;
/** Another one looks elsewhere; a fixed one makes a failure one that can be had again. */
const SEED = Deno.env.get("INTEROP_SEED") ?? "1";
/** Nothing but a program that hangs needs so long. */
const PATIENCE_MS = 400_000;

Deno.test({
  name: "schemathesis finds no answer that the API's document does not name",
  ignore: !isInstalled(SCHEMATHESIS),
  timeout: 2 * PATIENCE_MS,
  // side by side, each at a server of its own: either one keeps a core busy
  fn: async () => void await Promise.all([run("examples,fuzzing"), run("coverage")]),
});

async function run(phases: string): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_api_" });
  try {
    const config = {
      hostname: "mail.howstuffworks.com",
      domains: ["howstuffworks.com"],
      accounts: { "brain@howstuffworks.com": { password: "gRiZZly+bear:7" } },
      queue: { concurrency: 0 },
      webhooks: [{ url: "http://127.0.0.1:9/", events: ["bounced"] }],
    };
    await Deno.writeTextFile(`${dir}/dinopost.jsonc`, JSON.stringify(config));
    const env = { ...FREE_PORTS, DINOPOST_ADMIN_TOKEN: TOKEN };
    await using server = await ServerProcess.ready({ cwd: dir, env });
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "message/rfc822" };
    const query = "from=jsmith@mindspring.com&to=brain@howstuffworks.com&to=jsmith@mindspring.com";
    const sent = await fetch(`${server.url}/api/v1/messages?${query}`, {
      method: "POST",
      headers,
      body: "Subject: x\r\n\r\nx\r\n",
    });
    assertEquals(sent.status, 202, await sent.text());
    const { code, stdout } = await new Deno.Command(SCHEMATHESIS, {
      args: [
        ...["--config-file", `${HERE}schemathesis.toml`, "run", `${server.url}/openapi.json`],
        ...["--header", `Authorization: Bearer ${TOKEN}`, "--phases", phases],
        ...["--max-examples", "5", "--seed", SEED, "--request-timeout", "20"],
        ...["--continue-on-failure", "--no-color"],
      ],
      cwd: dir,
      env: { SCHEMATHESIS_HOOKS: "hooks", PYTHONPATH: HERE, PYTHONDONTWRITEBYTECODE: "1" },
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).output();
    assertEquals(code, 0, `${phases}: ${new TextDecoder().decode(stdout)}`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

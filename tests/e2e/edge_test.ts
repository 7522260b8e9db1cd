/** The edge entry under `deno serve`, beside a full server on the same shared store, and alone. */

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { EdgeServer } from "../../src/server/edge_server.ts";
import { DnsServer, Pop3Client, ScriptedPeer } from "../../src/testing/mod.ts";
import { KvConnectServer } from "../support/kv_connect_server.ts";
import { startShared } from "../support/shared_kv.ts";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";

const TOKEN = "the-token-of-the-edge";
const BRAIN = "brain@local.test";
const ROOT = new URL("../../", import.meta.url);
const START_MS = 20_000;

/** The names and ways of one small world, and the store that it shares. */
async function makeWorld() {
  const kv = await startShared({ start: () => KvConnectServer.start() });
  const peer = ScriptedPeer.start();
  const { hostname, port } = peer.address;
  const dns = await DnsServer.start({ zones: { "there.test": { A: [hostname] } } });
  const config = {
    hostname: "mail.local.test",
    domains: ["local.test"],
    accounts: { [BRAIN]: { password: "gRiZZly+bear:7" } },
    kv: kv.url,
    dns: { nameServer: dns.address },
    outbound: { allowPrivate: true, port },
    admin: { token: TOKEN },
  };
  const dir = await Deno.makeTempDir({ prefix: "dinopost_edge_" });
  await Deno.writeTextFile(`${dir}/dinopost.jsonc`, JSON.stringify(config));
  return {
    kv,
    peer,
    dir,
    config,
    async [Symbol.asyncDispose]() {
      await peer[Symbol.asyncDispose]();
      await dns[Symbol.asyncDispose]();
      await kv[Symbol.asyncDispose]();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** `deno serve src/edge.ts`, as README has it. */
async function serveEdge(dir: string, env: Record<string, string>) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["serve", "-A", "--config", new URL("deno.json", ROOT).pathname],
      ...["--host", "127.0.0.1", "--port", "0", new URL("src/edge.ts", ROOT).pathname],
    ],
    cwd: dir,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let said = "";
  const listening = Promise.withResolvers<string>();
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      said += text;
      const [, url] = /Listening on (http:\/\/[^\s/]+)/.exec(said) ?? [];
      if (url) listening.resolve(url);
    }
  };
  const streams = Promise.all([read(child.stdout), read(child.stderr)]).then(() =>
    listening.reject(new Error(`deno serve ended: ${said}`))
  );
  listening.promise.catch(() => {});
  const timer = setTimeout(() => child.kill("SIGKILL"), START_MS);
  const url = await listening.promise;
  clearTimeout(timer);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await streams;
    },
  };
}

function call(url: string, method: string, path: string, body?: string): Promise<Response> {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "message/rfc822" };
  return fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
}

async function submit(url: string, to: string): Promise<void> {
  const query = new URLSearchParams({ from: BRAIN, to });
  const response = await call(
    url,
    "POST",
    `/api/v1/messages?${query}`,
    `Subject: By the edge\r\n\r\nTo ${to}\r\n`,
  );
  assertEquals(response.status, 202, await response.text());
}

Deno.test("deno serve beside a full server: what the edge takes, the other one delivers", async () => {
  await using world = await makeWorld();
  await using full = await ServerProcess.ready({
    cwd: world.dir,
    env: { ...FREE_PORTS, DENO_KV_ACCESS_TOKEN: world.kv.token },
  });
  await using edge = await serveEdge(world.dir, { DENO_KV_ACCESS_TOKEN: world.kv.token });
  // API, page and health without a TCP listener of ours
  const health = await fetch(`${edge.url}/healthz`);
  assertEquals(await health.json(), { status: "ok" });
  const page = await fetch(`${edge.url}/`, { headers: { accept: "text/html" } });
  assertStringIncludes(await page.text(), "Log in");
  const stranger = await fetch(`${edge.url}/api/v1/queue`);
  assertEquals(stranger.status, 401, await stranger.text());

  await submit(edge.url, BRAIN);
  await submit(edge.url, "anna@there.test");
  await using pop3 = await Pop3Client.connect(full.address("pop3"));
  await pop3.login(BRAIN, "gRiZZly+bear:7");
  const [text] = await pop3.all();
  assertMatch(text!, /^Subject: By the edge\r$/m);
  await pop3.quit();
  await until(() => world.peer.messages.length === 1);
  assertStringIncludes(world.peer.messages[0]!.text, "To anna@there.test");
  const queue = await call(edge.url, "GET", "/api/v1/queue");
  assertEquals((await queue.json()).items, []);
});

Deno.test("the edge alone: a drain delivers what is due, once", async () => {
  await using world = await makeWorld();
  const config = await loadConfig({ file: `${world.dir}/dinopost.jsonc`, env: {} });
  await using edge = await EdgeServer.open(config);
  const query = new URLSearchParams({ from: BRAIN, to: "anna@there.test" });
  const response = await edge.fetch(
    new Request(`http://localhost/api/v1/messages?${query}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "message/rfc822" },
      body: "Subject: x\r\n\r\nx\r\n",
    }),
  );
  assertEquals(response.status, 202, await response.text());
  assertEquals(world.peer.messages.length, 0);
  await Promise.all([edge.drain(), edge.drain()]);
  assertEquals(world.peer.messages.length, 1);
  await edge.drain();
  assertEquals(world.peer.messages.length, 1);
});

Deno.test("the edge wants a shared store and a token, and says so", async () => {
  const config = await loadConfig({ env: {}, overrides: { admin: { token: TOKEN } } });
  await assertRejects(() => EdgeServer.open(config), Error, "DINOPOST_KV");
  const shared = await loadConfig({ env: {}, overrides: { kv: "http://127.0.0.1:9" } });
  await assertRejects(() => EdgeServer.open(shared), Error, "DINOPOST_ADMIN_TOKEN");
});

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  assert(condition());
}

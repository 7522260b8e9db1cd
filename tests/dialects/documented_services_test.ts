/** The services that docs/mailpit.md shows for CI, compose and DDEV, as far as a machine without their programs can tell. */

import { assert, assertEquals } from "@std/assert";
import http from "node:http";
import { parse } from "yaml";
import { readMarkdown } from "../../scripts/docs/markdown.ts";
import { loadConfig } from "../../src/config/load.ts";
import { MailServer } from "../../src/mail_server.ts";
import { Journal } from "../../src/observe/journal.ts";

interface Service {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly expose?: readonly string[];
}

const ROOT = new URL("../../", import.meta.url);
const { code } = readMarkdown(await Deno.readTextFile(new URL("docs/mailpit.md", ROOT)));
const files = code.filter(({ language }) => language === "yaml").map(({ text }) => parse(text));

/** The status of an answer, to a request for a host of that name. */
function statusOf(port: number, { host, path, auth }: { host: string; path: string; auth?: string }) {
  return new Promise<number>((resolve, reject) => {
    const headers = { host };
    http.get(
      { hostname: "127.0.0.1", port, path, headers, agent: false, ...(auth && { auth }) },
      (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode!));
      },
    ).on("error", reject);
  });
}

for (const [name, service] of files.flatMap(({ services = {} }) => Object.entries<Service>(services))) {
  Deno.test(`the service ${name} of compose serves those who have its password, by its name`, async () => {
    const { command, environment, ports = [], expose = [] } = service;
    assertEquals(command, ["serve", "--capture"]);
    assertEquals([...ports, ...expose].map((port) => port.split(":").at(-1)), ["1025", "8025"]);
    const said = await loadConfig({ env: environment, capture: true });
    assertEquals([said.listen.smtp, said.listen.admin], [
      [{ hostname: "0.0.0.0", port: 1025 }],
      [{ hostname: "0.0.0.0", port: 8025 }],
    ]);
    const env = Object.fromEntries(
      Object.entries(environment).map(([key, value]) => [key, value.replace(/^:\d+$/, "127.0.0.1:0")]),
    );
    const config = await loadConfig({ env, capture: true, overrides: { listen: { pop3: [] } } });
    await using server = await MailServer.start(config, { journal: new Journal(undefined) });
    const port = Number(server.addresses["admin"]![0]!.split(":").at(-1));
    const path = "/api/v1/messages";
    const auth = environment["MP_UI_AUTH"]!;
    assertEquals(await statusOf(port, { host: `${name}:8025`, path, auth }), 200);
    assertEquals(await statusOf(port, { host: `${name}:8025`, path }), 401);
    assertEquals(await statusOf(port, { host: "else.example", path, auth }), 421);
    assertEquals(await statusOf(port, { host: `${name}:8025`, path: "/livez" }), 200);
  });
}

Deno.test("the job of GitHub Actions starts this program, and waits where it answers", async () => {
  const { steps, env } = files.find(({ jobs }) => jobs).jobs.test;
  const lines = steps.flatMap(({ run }: { run?: string }) => run ?? []);
  const start = lines.find((line: string) => line.startsWith("deno "));
  const [, config, module, args] =
    /^deno run -A --config \/tmp\/dinopost\/(\S+) \/tmp\/dinopost\/(\S+) (.*) &$/
      .exec(start)!;
  for (const path of [config!, module!]) assert((await Deno.stat(new URL(path, ROOT))).isFile);
  assertEquals(args, "serve --capture");
  const { listen } = await loadConfig({ env: {}, capture: true });
  const [address] = listen.admin;
  assertEquals(env.MAILPIT_URL, `http://${address!.hostname}:${address!.port}`);
  assert(lines.some((line: string) => line.endsWith(` ${env.MAILPIT_URL}/livez`)));
});

import { assert, assertEquals } from "@std/assert";
import type { ImapSessionOptions } from "../../src/imap/session.ts";
import { parseScript, type PlayOptions, playScript, type Script } from "../../src/testing/script.ts";
import type { ServerTls } from "../../src/wire/tls.ts";
import { pretendedTls } from "../support/conns.ts";
import { Harness, type HarnessOptions } from "./harness.ts";

const FOLDER = new URL("../../fixtures/imap/", import.meta.url);

/** Each scenario is played in all of these ways; what is said must not depend on how the octets come. */
const WAYS: readonly { name: string; harness: HarnessOptions; play: PlayOptions }[] = [
  { name: "in memory", harness: {}, play: {} },
  { name: "in memory, pipelined", harness: {}, play: { pipelined: true } },
  { name: "in memory, octet by octet", harness: { bytewise: true }, play: {} },
  { name: "over TCP, pipelined", harness: { tcp: true }, play: { pipelined: true } },
];

const names = [...Deno.readDirSync(FOLDER)].map((one) => one.name).filter((one) => one.endsWith(".imap"))
  .sort();

Deno.test("fixtures/imap/ has its conversations", () => assert(names.length >= 12, `Only ${names.length}`));

for (const name of names) {
  const script = parseScript(Deno.readTextFileSync(new URL(name, FOLDER)), name);
  Deno.test(`conversation: ${name.replace(".imap", "").replaceAll("_", " ")}`, async (t) => {
    for (const way of WAYS) {
      // octets that the server has not read yet would be the first ones of the handshake
      if (way.harness.bytewise && script.settings.has("whole")) continue;
      await t.step(way.name, () => run(script, way));
    }
  });
}

async function run(script: Script, way: typeof WAYS[number]): Promise<void> {
  const options = optionsOf(script.settings, pretendedTls);
  await using harness = await Harness.start({ ...options, ...way.harness });
  const conn = await harness.connect();
  const advance = (ms: number) => harness.clock.advance(ms);
  await playScript(script, conn, { ...way.play, advance });
  await harness.ended();
  const last = harness.events.at(-1);
  assert(last?.kind === "ended");
  if (script.settings.has("how")) assertEquals(last.how, script.settings.get("how") as typeof last.how);
  assertEquals(harness.events.filter((event) => event.kind === "error"), []);
}

function optionsOf(settings: ReadonlyMap<string, string>, tls: ServerTls): HarnessOptions {
  const session: { -readonly [K in keyof ImapSessionOptions]?: ImapSessionOptions[K] } = {};
  let remote: string | undefined;
  let quota: number | undefined;
  for (const [key, value] of settings) {
    if (key === "tls") session.tls = tls;
    else if (key === "implicitTls") [session.tls, session.implicitTls] = [tls, true];
    else if (key === "allowInsecure") session.allowInsecure = true;
    else if (key === "errorsPerSession") session.errorsPerSession = Number(value);
    else if (key === "remote") remote = value;
    else if (key === "quota") quota = Number(value);
    else if (!["how", "whole"].includes(key)) throw new Error(`Unknown setting: @ ${key}`);
  }
  return {
    session,
    ...(remote === undefined ? {} : { remote }),
    ...(quota === undefined ? {} : { quota }),
  };
}

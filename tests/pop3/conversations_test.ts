import { assert, assertEquals } from "@std/assert";
import type { Pop3SessionOptions } from "../../src/pop3/session.ts";
import { parseScript, type PlayOptions, playScript, type Script } from "../../src/testing/script.ts";
import { clientTls, type ServerTls, serverTls } from "../../src/wire/tls.ts";
import { CERTIFICATE } from "../smtp/client/certificate.ts";
import { replayed } from "../testing/replayed.ts";
import { pretendedTls } from "../support/conns.ts";
import { BRAIN } from "../support/mailbox_harness.ts";
import { Harness, type HarnessOptions } from "./harness.ts";

const FOLDER = new URL("../../fixtures/pop3/", import.meta.url);

/** Each scenario is played in all of these ways; what is said must not depend on how the octets come. */
const WAYS: readonly { name: string; harness: HarnessOptions; play: PlayOptions; again?: true }[] = [
  { name: "in memory", harness: {}, play: {} },
  { name: "in memory, pipelined", harness: {}, play: { pipelined: true } },
  { name: "in memory, octet by octet", harness: { bytewise: true }, play: {} },
  { name: "over TCP, pipelined", harness: { tcp: true }, play: { pipelined: true } },
  { name: "replayed over TCP, with real TLS", harness: { tcp: true }, play: {}, again: true },
];

const names = [...Deno.readDirSync(FOLDER)].map((one) => one.name).filter((one) => one.endsWith(".pop3"))
  .sort();

Deno.test("fixtures/pop3/ has its conversations", () => assert(names.length >= 12, `Only ${names.length}`));

for (const name of names) {
  const script = parseScript(Deno.readTextFileSync(new URL(name, FOLDER)), name);
  Deno.test(`conversation: ${name.replace(".pop3", "").replaceAll("_", " ")}`, async (t) => {
    for (const way of WAYS) {
      // octets that the server has not read yet would be the first ones of the handshake
      if (way.harness.bytewise && script.settings.has("whole")) continue;
      await t.step(way.name, () => run(script, way));
    }
  });
}

async function run(script: Script, way: typeof WAYS[number]): Promise<void> {
  const options = optionsOf(script.settings, way.again ? serverTls(CERTIFICATE) : pretendedTls);
  await using harness = await Harness.start({ ...options, ...way.harness });
  const lock = script.settings.has("locked") ? await harness.mailStore.lock(BRAIN, "another") : undefined;
  const conn = await harness.connect();
  const advance = (ms: number) => harness.clock.advance(ms);
  if (way.again) {
    const tlsFirst = script.settings.has("implicitTls");
    await replayed(script, tlsFirst ? await clientTls(conn, { serverName: "localhost" }) : conn, advance);
  } else await playScript(script, conn, { ...way.play, advance });
  await harness.ended();
  await lock?.release();
  // what is left in the maildrop, by number
  const left = (await harness.uids()).map((uid) => String(Number(uid.slice(4))));
  if (script.messages.length > 0) assertEquals(left.join(" "), script.messages[0]);
  const last = harness.events.at(-1);
  assert(last?.kind === "ended");
  if (script.settings.has("how")) assertEquals(last.how, script.settings.get("how") as typeof last.how);
  assertEquals(harness.events.filter((event) => event.kind === "error"), []);
}

function optionsOf(settings: ReadonlyMap<string, string>, tls: ServerTls): HarnessOptions {
  const session: { -readonly [K in keyof Pop3SessionOptions]?: Pop3SessionOptions[K] } = {};
  let remote: string | undefined;
  for (const [key, value] of settings) {
    if (key === "tls") session.tls = tls;
    else if (key === "implicitTls") [session.tls, session.implicitTls] = [tls, true];
    else if (key === "allowInsecure") session.allowInsecure = true;
    else if (key === "errorsPerSession") session.errorsPerSession = Number(value);
    else if (key === "remote") remote = value;
    else if (!["how", "locked", "whole"].includes(key)) throw new Error(`Unknown setting: @ ${key}`);
  }
  return { session, ...(remote === undefined ? {} : { remote }) };
}

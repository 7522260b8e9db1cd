import { assert, assertEquals } from "@std/assert";
import { binaryString, encode } from "../../../src/base/bytes.ts";
import { parseScript, type PlayOptions, playScript, type Script } from "../../../src/testing/script.ts";
import { replayed } from "../../testing/replayed.ts";
import type { Service } from "../../../src/smtp/server/reception.ts";
import { serverTls } from "../../../src/wire/tls.ts";
import { CERTIFICATE } from "../client/certificate.ts";
import { pretendedTls } from "../../support/conns.ts";
import { type HarnessOptions, startSession } from "./server_harness.ts";

const FOLDER = new URL("../../../fixtures/smtp/", import.meta.url);

/** Each scenario is played in all of these ways; what is said must not depend on how the octets come. */
const WAYS: readonly {
  name: string;
  harness: HarnessOptions;
  play: PlayOptions;
  slow?: true;
  again?: true;
}[] = [
  { name: "in memory", harness: {}, play: {} },
  { name: "in memory, pipelined", harness: {}, play: { pipelined: true } },
  { name: "in memory, octet by octet", harness: { memory: { bytewise: true } }, play: {}, slow: true },
  {
    name: "in memory, later answers",
    harness: { behaviour: { later: true, slowSink: true } },
    play: { pipelined: true },
  },
  { name: "over TCP", harness: { tcp: true }, play: {} },
  { name: "over TCP, pipelined", harness: { tcp: true }, play: { pipelined: true } },
  { name: "over TCP, octet by octet", harness: { tcp: true }, play: { bytewise: true }, slow: true },
  { name: "replayed over TCP, with real TLS", harness: { tcp: true }, play: {}, again: true },
];

const names = [...Deno.readDirSync(FOLDER)].map((one) => one.name).filter((one) => one.endsWith(".smtp"))
  .sort();

Deno.test("fixtures/smtp/ has its conversations", () => assert(names.length >= 25, `Only ${names.length}`));

for (const name of names) {
  const script = parseScript(Deno.readTextFileSync(new URL(name, FOLDER)), name);
  Deno.test(`conversation: ${name.replace(".smtp", "").replaceAll("_", " ")}`, async (t) => {
    for (const way of WAYS) {
      if (way.slow && script.settings.has("wholeOnly")) continue;
      await t.step(way.name, () => run(script, way));
    }
  });
}

async function run(script: Script, way: typeof WAYS[number]): Promise<void> {
  const options = optionsOf(script.settings);
  if (way.again && options.tls) options.tls = serverTls(CERTIFICATE);
  const harness = await startSession({
    ...options,
    ...way.harness,
    behaviour: { ...options.behaviour, ...way.harness.behaviour },
  });
  try {
    const advance = (ms: number) => harness.clock.advance(ms);
    if (way.again) await replayed(script, harness.conn, advance);
    else await playScript(script, harness.conn, { ...way.play, advance });
  } finally {
    harness.conn.close();
    await harness.done;
  }
  const { reception, events } = harness;
  assertEquals(
    reception.taken.map(({ envelope, text }) => {
      const recipients = envelope.recipients.map((one) => one.address).join(" ");
      return binaryString(encode(`${envelope.sender} > ${recipients}: `)) + text;
    }),
    script.messages,
  );
  assertEquals(reception.openSinks, 0, "A sink was neither finished nor aborted");
  assertEquals(
    events.filter((one) => one.kind === "error").length,
    Number(script.settings.get("internalErrors") ?? 0),
  );
  const last = events.at(-1);
  assert(last?.kind === "closed");
  if (script.settings.has("why")) assertEquals(last.why, script.settings.get("why") as typeof last.why);
}

function optionsOf(settings: ReadonlyMap<string, string>): HarnessOptions {
  const options: HarnessOptions = { behaviour: {}, limits: {} };
  for (const [key, value] of settings) {
    if (key === "service") options.service = value as Service;
    else if (key === "auth") options.auth = value as "never" | "overTls" | "always";
    else if (key === "tls") options.tls = pretendedTls;
    else if (key === "remote") options.remote = value;
    else if (key === "may") options.behaviour!.may = value.split(" ");
    else if (key === "scram") options.behaviour!.scram = true;
    else if (key === "relays") options.behaviour!.relays = true;
    else if (key === "trusts") options.behaviour!.trusts = true;
    else if (key === "messageSize" || key === "recipients" || key === "errorsPerSession") {
      options.limits![key] = Number(value);
    } else if (!["wholeOnly", "internalErrors", "why"].includes(key)) {
      throw new Error(`Unknown setting: @ ${key}`);
    }
  }
  return options;
}

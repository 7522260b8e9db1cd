/**
 * What programs, machines and libraries say, on a whole server: each conversation of fixtures/programs/ as a client of a
 * trusted network, as a logged-in one, or as a stranger (`@ clients …`), and what is in marshall's mailbox afterwards,
 * below the trace fields (`M:`, where `*` stands for any run of characters within a line).
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseScript, playScript, type Script } from "../../../src/testing/script.ts";
import { House, plain, type Talk } from "./whole_server.ts";

const FOLDER = new URL("../../../fixtures/programs/", import.meta.url);
const names = [...Deno.readDirSync(FOLDER)].map((one) => one.name).sort();

/** How a client comes in: `network` and `stranger` on the port for the world, `submission` after a login. */
type Client = "network" | "submission" | "stranger";

const DOMAIN = "howstuffworks.com";

async function start(client: Client): Promise<House> {
  return await House.start({
    config: {
      relay: { networks: client === "network" ? ["127.0.0.0/8"] : [], smartHost: null },
      aliases: {
        [`app@${DOMAIN}`]: [`brain@${DOMAIN}`],
        [`jürg@${DOMAIN}`]: [`marshall@${DOMAIN}`],
        [`token.${"t".repeat(200)}@${DOMAIN}`]: [`marshall@${DOMAIN}`],
      },
    },
  });
}

async function dial(house: House, client: Client): Promise<Talk> {
  if (client !== "submission") {
    const talk = await house.dial("smtp");
    await talk.reply(/^220 /);
    return talk;
  }
  const talk = await house.talk("submission");
  await talk.ask(plain(`brain@${DOMAIN}`).replace(" ", "  "), /^235 /);
  return talk;
}

for (const name of names) {
  const script = parseScript(Deno.readTextFileSync(new URL(name, FOLDER)), name);
  const clients = script.settings.get("clients")!.split(" ") as Client[];
  for (const client of clients) {
    Deno.test(`${name.replace(".smtp", "").replaceAll("_", " ")}, from ${client}`, () =>
      play(script, client));
  }
}

async function play(script: Script, client: Client): Promise<void> {
  await using house = await start(client);
  using talk = await dial(house, client);
  await playScript(script, talk.conn);
  const texts = (await house.mailbox("marshall")).map(belowTrace);
  assertEquals(texts.length, script.messages.length);
  for (const [i, message] of script.messages.entries()) assertMatch(texts[i]!, wildcard(message));
}

/** The text without the fields that delivery put on top. */
function belowTrace(text: string): string {
  const trace = ["Return-Path", "Delivered-To", "Authentication-Results", "Received"];
  let rest = text;
  for (const name of trace) {
    const field = new RegExp(`^${name}: .*\\r\\n(?:[ \\t].*\\r\\n)*`);
    // only what strangers bring is checked
    assert(field.test(rest) || name === "Authentication-Results", text);
    rest = rest.replace(field, "");
  }
  return rest;
}

function wildcard(text: string): RegExp {
  const parts = text.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^\\r\\n]*")}$`);
}

/** The real Mailpit beside a server that captures: the same letters to both, each call asked of both, answers compared. */

import jpeg from "jpeg-js";
import { assertEquals, assertMatch } from "@std/assert";
import { CapturingServer } from "../capture/capturing_server.ts";
import { sendTo, type Side, startMailpit } from "./support/mailpit_beside.ts";
import { LETTERS, REFUSED_THERE } from "./support/compared_letters.ts";
import { DIFFERENCES, PASSED_OVER } from "./support/mailpit_differences.ts";

const CALLS = [
  "",
  "/headers",
  "/html-check",
  "/link-check",
  "/part/1",
  "/part/2",
  "/part/1.2",
  "/part/9",
  "/part/2/thumb",
  "/part/3/thumb",
  "/part/9/thumb",
  "/sa-check",
  "/rspamd-check",
];
const VIEWS = [".html", ".txt"];
const LISTS = [
  "messages?limit=3&start=1",
  "messages?start=100",
  "search",
  "search?query=bob@example.net",
  "search?query=subject:plain",
  "search?query=from:ann@example.com",
  "search?query=has:attachment",
  "search?query=has:inline",
  "search?query=!has:attachment",
  "search?query=tag:red",
  "search?query=is:unread",
  "search?query=cc:dee",
  "search?query=bcc:hidden",
  'search?query="code+is"',
  'search?query="unclosed',
  "tags",
  "search?query=addressed:dee",
  "search?query=reply-to:help",
  "search?query=message-id:one@example.com",
  "search?query=is:tagged",
  "search?query=-is:tagged",
  "search?query=larger:1m",
  "search?query=smaller:1k",
  "search?query=before:2100-01-01",
  "search?query=after:2100-01-01&tz=Pacific/Auckland",
  "search?query=before:never",
  "search?query=nokey:x",
  "search?query=subject:many+people",
  'search?query="subject:many+people"',
  "webui",
  "chaos",
  "nothing",
  "message/nope",
  "message/nope/raw",
  "message/latest?query=subject:latin",
  "message/latest?query=subject:nowhere",
];

async function sendAll(side: Side): Promise<void> {
  for (const { to = ["bob@example.net"], text, login } of Object.values(LETTERS)) {
    assertMatch(await sendTo(side, { to, text, login }), /^250 /);
    // of two that came in one millisecond nobody knows which is newer
    for (const now = Date.now(); Date.now() < now + 2;);
  }
}

/** The answer of either side; of pictures the size in pixels. */
async function ask({ http }: Side, path: string): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${http}/${path}`);
  const type = answer.headers.get("content-type")?.split(";")[0];
  const octets = new Uint8Array(await answer.arrayBuffer());
  const { status } = answer;
  if (type === "image/jpeg") {
    const { width, height } = jpeg.decode(octets);
    return { status, width, height };
  }
  const text = new TextDecoder().decode(octets);
  return { status, body: type === "application/json" ? JSON.parse(text) : answer.ok ? text : "" };
}

async function idsOf(side: Side): Promise<Map<string, string>> {
  const all = await ask(side, "api/v1/messages") as { body: { messages: { Subject: string; ID: string }[] } };
  return new Map(all.body.messages.map(({ Subject, ID }) => [Subject, ID]));
}

/** The paths of what differs. */
function* differing(ours: unknown, theirs: unknown, path = ""): Generator<string> {
  if (typeof ours === "object" && typeof theirs === "object" && ours !== null && theirs !== null) {
    const names = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
    const inList = Array.isArray(ours);
    for (const name of names) {
      const [a, b] = [ours, theirs].map((value) => (value as Record<string, unknown>)[name]);
      yield* differing(a, b, inList ? `${path}[]` : `${path}.${name}`);
    }
  } else if (ours !== theirs) yield path;
}

Deno.test("Each call is answered as the real Mailpit answers it, but for what is explained", async () => {
  await using town = await CapturingServer.start();
  await using mailpit = await startMailpit();
  const ours = { http: town.at("admin").port, smtp: town.at("smtp").port };
  for (const side of [ours, mailpit]) await sendAll(side);
  const [ourIds, theirIds] = [await idsOf(ours), await idsOf(mailpit)];
  assertEquals([...ourIds.keys()], [...theirIds.keys()]);
  const found = new Set<string>();
  const compare = async (call: string, ourPath: string, theirPath: string) => {
    for (const path of differing(await ask(ours, ourPath), await ask(mailpit, theirPath))) {
      if (!PASSED_OVER.test(path)) found.add(`${call} ${path}`);
    }
  };
  for (const list of LISTS) await compare(list, `api/v1/${list}`, `api/v1/${list}`);
  for (const [subject, { calls }] of Object.entries(LETTERS)) {
    const [our, their] = [ourIds.get(subject), theirIds.get(subject)];
    for (const call of calls ?? CALLS) {
      const [a, b] = [our, their].map((id) => `api/v1/message/${id}${call}`);
      await compare(`"${subject}" message${call}`, a!, b!);
    }
    for (const view of calls ? [] : VIEWS) {
      await compare(`"${subject}" view${view}`, `view/${our}${view}`, `view/${their}${view}`);
    }
  }
  const unexplained = [...found].filter((one) => !DIFFERENCES.some(({ at }) => at.test(one)));
  assertEquals(unexplained.sort(), []);
  const outlived = DIFFERENCES.filter(({ at }) => ![...found].some((one) => at.test(one)));
  assertEquals(outlived, [], "what differed is the same now");
});

Deno.test("What Mailpit refuses to read we take, and show", async () => {
  await using town = await CapturingServer.start();
  await using mailpit = await startMailpit();
  const ours = { http: town.at("admin").port, smtp: town.at("smtp").port };
  for (const { text, reply } of REFUSED_THERE) {
    const letter = { to: ["bob@example.net"], text };
    assertEquals((await sendTo(mailpit, letter)).trim(), reply);
    assertMatch(await sendTo(ours, letter), /^250 /);
  }
  const { body: { messages } } = await ask(ours, "api/v1/messages") as {
    body: { messages: { Attachments: number }[] };
  };
  assertEquals(messages.map((one) => one.Attachments), [0, 500]);
});

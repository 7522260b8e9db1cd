/** The real Mailpit beside a server that captures: the same letters to both, each call asked of both, answers compared. */

import { assertEquals } from "@std/assert";
import { CapturingServer } from "../capture/capturing_server.ts";
import { LETTER, PLAIN, TO } from "../dialects/letters.ts";
import { sendTo, type Side, startMailpit } from "./support/mailpit_beside.ts";
import { DIFFERENCES, PASSED_OVER } from "./support/mailpit_differences.ts";

/** By subject; an octet for each character. */
const LETTERS: Readonly<Record<string, { to?: readonly string[]; text: string }>> = {
  "Your code café": { to: TO, text: LETTER },
  "plain words": { text: PLAIN },
  "html only": {
    text: "From: h@example.com\nTo: bob@example.net\nSubject: html only\nMessage-ID: <2@example.com>\n" +
      "Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n" +
      "<h1>Gr=FC=DFe</h1><p>only html</p>\n",
  },
  "latin": {
    text: "From: l@example.com\nTo: bob@example.net\nSubject: latin\nMessage-ID: <3@example.com>\n" +
      "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\nGr\xfc\xdfe\n",
  },
  "rohes Grüße": {
    text: "From: J\xc3\xbcrgen <j@example.com>\nTo: bob@example.net\nSubject: rohes Gr\xc3\xbc\xc3\x9fe\n" +
      "Message-ID: <4@example.com>\nContent-Type: text/plain; charset=utf-8\n\nk\xc3\xb6rper\n",
  },
  "signed": {
    text: "From: s@example.com\nTo: bob@example.net\nSubject: signed\nMessage-ID: <5@example.com>\n" +
      "MIME-Version: 1.0\nContent-Type: multipart/signed; micalg=sha-256; boundary=s;\n" +
      ' protocol="application/pkcs7-signature"\n\n--s\nContent-Type: text/plain\n\nsigned text\n--s\n' +
      'Content-Type: application/pkcs7-signature; name="smime.p7s"\nContent-Transfer-Encoding: base64\n' +
      'Content-Disposition: attachment; filename="smime.p7s"\n\nMIIB\n--s--\n',
  },
  "carried": {
    text: "From: f@example.com\nTo: bob@example.net\nSubject: carried\nMessage-ID: <6@example.com>\n" +
      "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nsee\n" +
      "--m\nContent-Type: message/rfc822; name=in.eml\nContent-Disposition: attachment; filename=in.eml\n\n" +
      "From: in@example.com\nSubject: inner\n\ninner text\n\n--m\n" +
      "Content-Type: text/calendar; method=REQUEST; charset=utf-8\n\nBEGIN:VCALENDAR\nEND:VCALENDAR\n--m--\n",
  },
};

const CALLS = ["", "/headers", "/html-check", "/link-check", "/part/2", "/part/1.2", "/part/9", "/sa-check"];
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
  "nothing",
  "message/nope",
  "message/nope/raw",
];

async function sendAll(side: Side): Promise<void> {
  for (const { to = ["bob@example.net"], text } of Object.values(LETTERS)) {
    await sendTo(side, { to, text });
    // of two that came in one millisecond nobody knows which is newer
    for (const now = Date.now(); Date.now() < now + 2;);
  }
}

async function ask({ http }: Side, path: string): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${http}/api/v1/${path}`);
  const text = await answer.text();
  const type = answer.headers.get("content-type")?.split(";")[0];
  return {
    status: answer.status,
    body: type === "application/json" ? JSON.parse(text) : answer.ok ? text : "",
  };
}

async function idsOf(side: Side): Promise<Map<string, string>> {
  const { body } = await ask(side, "messages") as { body: { messages: { Subject: string; ID: string }[] } };
  return new Map(body.messages.map(({ Subject, ID }) => [Subject, ID]));
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
  for (const list of LISTS) await compare(list.split("?")[0]!, list, list);
  for (const subject of Object.keys(LETTERS)) {
    for (const call of CALLS) {
      const [a, b] = [ourIds, theirIds].map((ids) => `message/${ids.get(subject)}${call}`);
      await compare(`message${call.replace(/\/[\d.]+$/, "")}`, a!, b!);
    }
  }
  assertEquals([...found].sort(), Object.keys(DIFFERENCES).sort());
});

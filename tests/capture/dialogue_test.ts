import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { replay } from "../../src/testing/replay.ts";
import { parseScript } from "../../src/testing/script.ts";
import { tcpConn } from "../../src/wire/tcp_conn.ts";
import { runCli } from "../cli/run_cli.ts";
import { CapturingServer } from "./capturing_server.ts";

const TO = ["jo+tag@example.net"];

async function dialogue(server: CapturingServer, id: string): Promise<string> {
  const answer = await server.ask(`/api/v1/messages/${id}/dialogue`);
  assertEquals([answer.status, answer.headers.get("content-type")], [200, "text/plain; charset=utf-8"]);
  return await answer.text();
}

/** Says a dialogue to a server; answers what differs. */
async function said(server: CapturingServer, text: string) {
  const conn = tcpConn(await Deno.connect(server.at("smtp")));
  return await replay(parseScript(text, "x"), conn, { patienceMs: 2000 });
}

Deno.test("the dialogue of a captured message is said to another server, which answers the same", async () => {
  await using here = await CapturingServer.start();
  await using there = await CapturingServer.start({ config: { hostname: "mx.mindspring.com" } });
  const text =
    "Subject: Gr\xc3\xbcn\r\n\r\n.dot\r\n..two\r\n\\n \xff back\\slash\r\n \r\ntab\t \r\n\r\nend\r\n";
  const id = await here.send({ to: TO, text });
  const told = await dialogue(here, id);
  for (
    const line of ["S: 220 mail.howstuffworks.com ESMTP dinopost", "C: ..dot", "C: ...two", "C: .", "C:"]
  ) {
    assert(told.split("\n").includes(line), told);
  }
  assertMatch(told, /^# .*RFC 5321/);
  const { report } = await said(there, told);
  assertEquals(report, []);
  const [copy] = await there.mailbox(TO[0]!);
  const raw = await there.raw(TO[0]!, copy!.uid);
  assert(raw.endsWith(`\r\n${text}`), raw);
});

Deno.test("a dialogue has what was sent to several, without the field that it got here", async () => {
  await using here = await CapturingServer.start();
  using talk = await here.talk();
  const to = ["jo@example.net", "al@example.net"];
  const start = async () => {
    await talk.ask("MAIL FROM:<a@b.example>", "250");
    for (const address of to) await talk.ask(`RCPT TO:<${address}>`, "250");
  };
  const told = async (reply: string) => await dialogue(here, /queued as (\S+)/.exec(reply)![1]!);
  await start();
  await talk.ask("DATA", "354");
  const lines = await told(await talk.ask("Subject: All\r\n\r\nHey\r\n.", "250"));
  assertStringIncludes(
    lines,
    "C: DATA\nS: 354 End data with <CR><LF>.<CR><LF>\nC: Subject: All\nC:\nC: Hey\n",
  );
  await start();
  const chunk = await told(await talk.ask("BDAT 14 LAST\r\nSubject: X\r\n", "250"));
  assertStringIncludes(chunk, "C> BDAT 14 LAST\\r\\nSubject: X\\r\\n\\r\\n");
});

Deno.test("a dialogue has the login without its password, chunks, and no other message of its session", async () => {
  await using here = await CapturingServer.start();
  using talk = await here.talk();
  await talk.ask(`AUTH PLAIN ${btoa("\0jo\0secret")}`, "235");
  await talk.send({ from: "a@b.example", to: TO, text: "Subject: First\r\n\r\nFirst\r\n" });
  await talk.ask("MAIL FROM:<a@b.example>", "250");
  await talk.ask("RCPT TO:<jo@example.net>", "250");
  await talk.ask("BDAT 17\r\nSubject: Second", "250");
  const reply = await talk.ask("BDAT 7 LAST\r\n\r\nHey", "250");
  const told = await dialogue(here, /queued as (\S+)/.exec(reply)![1]!);
  assertStringIncludes(told, `C: AUTH PLAIN ${btoa("\0jo\0********")}\n`);
  assertStringIncludes(told, "C> BDAT 17\\r\\nSubject: Second\\r\\n\nS: 250 ");
  assertStringIncludes(told, "C> BDAT 7 LAST\\r\\n\\r\\nHey\\r\\n\n");
  assert(!told.includes("First") && !told.includes("secret"), told);
  assertEquals((await said(here, told)).report, []);
});

Deno.test("a dialogue is told of captured messages alone", async () => {
  await using here = await CapturingServer.start();
  const sent = await here.ask("/api/v1/messages", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ from: "a@b.example", to: TO, subject: "x", text: "x" }),
  });
  const { id } = await sent.json();
  for (const [name, part] of [[id, "came in no session"], ["1M85X0GES17DRES7", "Nothing is known"]]) {
    const answer = await here.ask(`/api/v1/messages/${name}/dialogue`);
    assertEquals(answer.status, 404);
    assertStringIncludes((await answer.json()).detail, part);
  }
});

Deno.test("replay tells what a dialogue comes to elsewhere", async () => {
  await using here = await CapturingServer.start();
  const told = await dialogue(here, await here.send({ to: TO, text: "Subject: Hi\r\n\r\nHi\r\n" }));
  const path = await Deno.makeTempFile({ suffix: ".smtp" });
  try {
    await Deno.writeTextFile(path, told);
    const to = `127.0.0.1:${here.at("smtp").port}`;
    const same = await runCli(["replay", "--to", to, path]);
    assertEquals([same.code, same.err], [0, ""], same.out);
    await Deno.writeTextFile(path, told.replace("2.1.5 Recipient ok", "2.1.5 Welcome"));
    const other = await runCli(["replay", "--to", to, path]);
    assertEquals(other.code, 65);
    assertStringIncludes(other.out, "  - 250 2.1.5 Welcome\n  + 250 2.1.5 Recipient ok\n");
  } finally {
    await Deno.remove(path);
  }
});

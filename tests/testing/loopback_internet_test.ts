import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { assertLines, LoopbackInternet } from "../../src/testing/mod.ts";

const FROM = "brain@howstuffworks.com";

/** howstuffworks.com, with an account. */
async function town() {
  const internet = await LoopbackInternet.start({ seed: 1 });
  try {
    return { internet, ours: await internet.host("howstuffworks.com", { accounts: { brain: "secret" } }) };
  } catch (error) {
    await internet[Symbol.asyncDispose]();
    throw error;
  }
}

Deno.test("send() takes a message in parts", async () => {
  const { internet, ours } = await town();
  await using _ = internet;
  await ours.send({
    from: '"Jo" <jo@mindspring.com>',
    to: FROM,
    subject: "Grüße",
    text: "Hello",
    html: "<p>Hello</p>",
    headers: { "X-Kind": "greeting" },
    attachments: [{ filename: "a.txt", content: btoa("attached"), contentType: "text/plain" }],
  });
  const text = await ours.waitForMessage("brain");
  for (const part of ["From: Jo <jo@mindspring.com>", "X-Kind: greeting", "filename=a.txt", "<p>Hello</p>"]) {
    assertStringIncludes(text, part);
  }
  // of the internet's clock
  assertStringIncludes(text, "Date: Mon, 05 Jan 2026 09:00:00 +0000");
});

Deno.test("send() takes a finished message as it is", async () => {
  const { internet, ours } = await town();
  await using _ = internet;
  await ours.send({ from: "jo@mindspring.com", to: [FROM], text: "Subject: Hi\r\n\r\nHi\r\n" });
  assert((await ours.waitForMessage("brain")).endsWith("\r\nSubject: Hi\r\n\r\nHi\r\n"));
});

Deno.test("send() logs in", async () => {
  const { internet, ours } = await town();
  await using _ = internet;
  const lines: string[] = [];
  const message = { from: FROM, to: FROM, subject: "Mine", text: "x" };
  await ours.send({ ...message, login: { user: FROM, password: "secret" } }, (line) => lines.push(line));
  assert(lines.some((line) => line.startsWith("> AUTH ")), lines.join("\n"));
  assertStringIncludes(await ours.waitForMessage("brain"), "with ESMTPA");
  await assertRejects(
    () => ours.send({ ...message, login: { user: FROM, password: "wrong" } }),
    Error,
    "535 ",
  );
});

Deno.test("a host keeps its mail while it is down", async () => {
  const { internet, ours } = await town();
  await using _ = internet;
  await ours.send({ from: "jo@mindspring.com", to: FROM, subject: "Kept", text: "x" });
  await ours.down();
  await ours.up();
  assertStringIncludes((await ours.mailbox("brain"))[0]!, "Subject: Kept");
});

Deno.test("peer() is the mail host of its domain, and refuses DATA when it refused all recipients", async () => {
  const { internet, ours } = await town();
  await using _ = internet;
  const peer = internet.peer("mindspring.com", { rcpt: "550 5.1.1 Nobody here" });
  await ours.send({ from: FROM, to: "jo@mindspring.com", subject: "Hi", text: "x" });
  await internet.settled();
  assertEquals(peer.messages, []);
  assertLines(peer.sessions[0]!.groups[1]!, [/^MAIL FROM/, /^RCPT TO/, "DATA"]);
  assertStringIncludes(await ours.waitForMessage("brain"), "550 5.1.1 Nobody here");
});

Deno.test("a peer says 503 to a RCPT without MAIL, to DATA and BDAT without RCPT", async () => {
  await using internet = await LoopbackInternet.start();
  const peer = internet.peer("mindspring.com");
  using conn = await Deno.connect(peer.address);
  await conn.write(new TextEncoder().encode("RCPT TO:<a@b>\r\nDATA\r\nBDAT 1 LAST\r\nxQUIT\r\n"));
  const said = await new Response(conn.readable).text();
  assertEquals(said.split("\r\n").map((line) => line.slice(0, 3)), ["220", "503", "503", "503", "221", ""]);
});

Deno.test("the zones of the start are answered", async () => {
  await using internet = await LoopbackInternet.start({
    zones: { "mx.mindspring.com": { A: ["127.0.0.9"] } },
  });
  const [ipAddr, port] = internet.dns.address.split(":") as [string, string];
  const nameServer = { ipAddr, port: Number(port) };
  assertEquals(await Deno.resolveDns("mx.mindspring.com", "A", { nameServer }), ["127.0.0.9"]);
});

Deno.test("a host that is given a part of a section stays in its internet with the rest", async () => {
  await using internet = await LoopbackInternet.start();
  const accounts = { brain: "narf" };
  const config = { dns: { timeout: "1s" }, outbound: { tls: "never" }, listen: { pop3: [] } };
  const near = await internet.host("near.example", { accounts, config });
  const far = await internet.host("far.example", { accounts });
  const { dns, outbound, listen } = near.server.config;
  assertEquals(dns, { nameServer: internet.dns.address, timeout: 1000, dnssec: false });
  assertEquals([outbound.port, outbound.allowPrivate, outbound.tls], [internet.smtpPort, true, "never"]);
  assertEquals([listen.smtp, listen.pop3], [[{ hostname: near.address, port: internet.smtpPort }], []]);
  await near.send({ from: "brain@near.example", to: "brain@far.example", subject: "Hello", text: "Narf!" });
  await far.waitForMessage("brain");
});

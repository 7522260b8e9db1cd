/** What our own send is signed, by servers with keys on disk, and verified as it came to another one. */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { listDkimKeys, makeDkimKeys } from "../../src/authentication/dkim_key_files.ts";
import { verifyDkim } from "../authentication/verify.ts";
import { binaryString } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { SmtpClient } from "../../src/smtp/client/client.ts";
import { type Host, LoopbackInternet } from "../../src/testing/mod.ts";
import valid from "../../fixtures/dkim/valid.json" with { type: "json" };
import { TxtResolver } from "../authentication/txt_resolver.ts";

const NOW = Date.UTC(2026, 10, 30);
const TEXT = "To: sam@far.example\r\nSubject: Narf\r\n\r\nZort\r\n";

interface Scene {
  readonly net: LoopbackInternet;
  readonly host: Host;
  readonly dataDir: string;
  /** The message that came last, and what its signatures come to. */
  last(): Promise<{ text: string; verdicts: string[] }>;
  /** All that came, octets as characters. */
  texts(): string[];
  send(text: string, more?: { from?: string; to?: string; login?: boolean }): Promise<string>;
}

/** `near.example` with keys, and a peer that takes everything. */
async function scene(
  run: (scene: Scene) => Promise<void>,
  config: Record<string, unknown> = {},
): Promise<void> {
  const dataDir = await Deno.makeTempDir({ prefix: "dinopost_signing_" });
  try {
    await makeDkimKeys({ dataDir, domain: "near.example" }, { now: NOW, rotate: false });
    await using net = await LoopbackInternet.start({ start: new Date(NOW).toISOString() });
    const peer = net.peer("far.example", { extensions: ["8BITMIME", "PIPELINING"] });
    const host = await net.host("near.example", {
      accounts: { brain: "narf zort" },
      config: {
        dataDir,
        auth: { allowInsecure: true },
        ...config,
      },
    });
    await run({
      net,
      host,
      dataDir,
      texts: () => peer.messages.map(({ text }) => text),
      async last() {
        await host.server.queue.idle();
        const { text } = peer.messages.at(-1)!;
        return { text, verdicts: await verdicts(text, dataDir) };
      },
      async send(text, { from = "brain@near.example", to = "sam@far.example", login = true } = {}) {
        return await host.send({
          from,
          to,
          text,
          ...(login && { login: { user: "brain@near.example", password: "narf zort" } }),
        });
      },
    });
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

async function verdicts(text: string, dataDir: string): Promise<string[]> {
  const keys = await listDkimKeys(dataDir, "near.example");
  const zone = Object.fromEntries(
    keys.map(({ selector, record }) => [`${selector}._domainkey.near.example`, [record]]),
  );
  const octets = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const end = text.indexOf("\r\n\r\n") + 4;
  const results = await verifyDkim({ header: octets.subarray(0, end), body: [octets.subarray(end)] }, {
    resolver: new TxtResolver(zone),
    clock: new ManualClock(NOW),
  });
  return results.map(({ result, domain, algorithm }) => `${result} ${domain} ${algorithm}`);
}

const BOTH = ["pass near.example rsa-sha256", "pass near.example ed25519-sha256"];

Deno.test("what an account submits is signed by both keys of its domain, and comes through unchanged", () =>
  scene(async ({ send, last }) => {
    await send(`From: brain@near.example\r\n${TEXT}`);
    const { text, verdicts } = await last();
    assertEquals(verdicts, BOTH);
    assertMatch(
      text,
      /^DKIM-Signature: v=1; a=rsa-sha256;[^]*\r\nDKIM-Signature: v=1; a=ed25519[^]*\r\nReceived: /,
    );
  }));

Deno.test("with a sub-domain its parent signs; what a network of ours relays in its name is signed as well", () =>
  scene(async ({ send, last }) => {
    await send(`From: app@web.near.example\r\n${TEXT}`, { from: "app@web.near.example", login: false });
    assertEquals((await last()).verdicts, BOTH);
    await send(`From: someone@else.example\r\n${TEXT}`, { from: "someone@else.example", login: false });
    assertEquals((await last()).verdicts, []);
  }));

Deno.test("a stranger who writes in our name is not signed on his way through an alias", () =>
  scene(async ({ send, last }) => {
    await send(`From: brain@near.example\r\n${TEXT}`, {
      from: "evil@strange.example",
      to: "out@near.example",
      login: false,
    });
    const { text, verdicts } = await last();
    assertStringIncludes(text, "From: brain@near.example");
    assertEquals(verdicts, []);
  }, { aliases: { "out@near.example": ["sam@far.example"] }, relay: { networks: [] } }));

Deno.test("a message with two From fields is refused from a user, by SMTP and HTTP", () =>
  scene(async ({ send, host, texts }) => {
    const text = `From: brain@near.example\r\nFrom: boss@near.example\r\n${TEXT}`;
    await assertRejects(() => send(text), Error, "several From fields");
    const answer = await host.server.fetch(
      new Request("http://localhost/api/v1/messages?from=brain@near.example&to=sam@far.example", {
        method: "POST",
        headers: { "content-type": "message/rfc822", authorization: "Bearer narf" },
        body: text,
      }),
    );
    assertEquals(answer.status, 422);
    assertStringIncludes(await answer.text(), "several From fields");
    await host.server.queue.idle();
    assertEquals(texts(), []);
  }, { admin: { token: "narf" } }));

Deno.test("a report to another server's user is signed in the name of the host's domain", () =>
  scene(async ({ net, send, last }) => {
    net.peer("bad.example", { rcpt: "550 5.1.1 Nobody" });
    await send(`From: sam@far.example\r\n${TEXT}`, {
      from: "sam@far.example",
      to: "x@bad.example",
      login: false,
    });
    const { text, verdicts } = await last();
    assertStringIncludes(text, "MAILER-DAEMON@mail.near.example");
    assertEquals(verdicts, BOTH);
  }));

Deno.test("new keys sign after a reload, and none where dkim.sign is false", async () => {
  await scene(async ({ send, last, host, dataDir }) => {
    const later = NOW + 24 * 3600_000;
    await makeDkimKeys({ dataDir, domain: "near.example" }, { now: later, rotate: true });
    await host.server.reload(host.server.config);
    await send(`From: brain@near.example\r\n${TEXT}`);
    const { text, verdicts } = await last();
    assertEquals(verdicts, BOTH);
    assertEquals([...text.matchAll(/\ss=(\w+);/g)].map(([, selector]) => selector), [
      "r20261201",
      "e20261201",
    ]);
  });
  await scene(async ({ send, last }) => {
    await send(`From: brain@near.example\r\n${TEXT}`);
    assertEquals((await last()).verdicts, []);
  }, { dkim: { sign: false } });
});

Deno.test("what others have signed goes through a relay octet for octet", () =>
  scene(async ({ host, texts }) => {
    const { hostname: address, port } = host.smtp;
    const connected = await SmtpClient.connect({ host: host.name, address, port }, {
      hostname: "client.example",
      clock: systemClock,
      tls: "never",
    });
    if (!connected.ok) throw new Error(connected.outcome.text);
    for (const [name, { message }] of Object.entries(valid.messages)) {
      const octets = Uint8Array.fromBase64(message);
      const [outcome] = await connected.client.send({
        sender: "brain@ex.test",
        recipients: [{ address: "sam@far.example" }],
        size: octets.length,
        parameters: { bodyType: "8BITMIME" },
        text: () => [octets],
        asIs: true,
      });
      assertEquals([name, outcome!.kind], [name, "delivered"]);
      await host.server.queue.idle();
      const [sent, text] = [texts().at(-1)!, binaryString(octets)];
      // our trace field stands on top; a text without CRLF at its end gets one
      assertEquals(
        sent.replace(/^Received: [^]*?\r\n(?![ \t])/, ""),
        text.endsWith("\r\n") ? text : `${text}\r\n`,
      );
    }
    assertEquals(texts().length, 214);
    await connected.client.quit();
  }));

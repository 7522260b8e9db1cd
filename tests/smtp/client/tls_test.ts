import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerScript } from "../../../src/testing/peer_script.ts";
import { ScriptedPeer } from "../../../src/testing/scripted_peer.ts";
import { CERTIFICATE } from "./certificate.ts";
import { brief, connect, connected, message } from "./helpers.ts";

const DELIVERED = "delivered 2.0.0 end 250";

/** What a peer says in clear and, the second time, within TLS. */
function withinTls(stage: "ehlo" | "mail", answer: PeerScript["ehlo"] & (string | object)): PeerScript {
  const hello = "250-peer.example\r\n250-STARTTLS\r\n250 PIPELINING";
  if (stage === "ehlo") return { tls: CERTIFICATE, ehlo: [hello, answer as string, hello] };
  return { tls: CERTIFICATE, [stage]: answer };
}

Deno.test("connect() goes on in clear when TLS fails and it may, and says why", async () => {
  const rows: [PeerScript, RegExp][] = [
    [
      { starttls: { drop: true, raw: "220 Go\r\n\x15\x03\x01\0\x02\x02\x28" } },
      /^The TLS handshake failed: /,
    ],
    [{ starttls: { drop: true, raw: "220 Go\r\nHELLO\r\n" } }, /^The TLS handshake failed: /],
    [{ starttls: { drop: true } }, /^The peer closed the connection/],
    [withinTls("ehlo", { drop: true }), /^The (peer closed the connection|connection broke)/],
    [withinTls("ehlo", "454 4.7.0 TLS not available"), /^454 TLS not available/],
    [withinTls("ehlo", "421 4.7.0 Certificate wanted"), /^421 Certificate wanted/],
  ];
  for (const [script, why] of rows) {
    await using peer = ScriptedPeer.start({ tls: CERTIFICATE, ...script });
    const trace: string[] = [];
    const result = await connect(peer, { tls: "opportunistic", trace: (line) => trace.push(line) });
    assert(result.ok, String(why));
    assertMatch(result.tlsFailure!, why);
    const [outcome] = await result.client.send(message({ to: ["a@x"] }));
    assertEquals(brief([outcome!]), [DELIVERED]);
    assertEquals(outcome!.tls, undefined);
    assertMatch(outcome!.inClear!, why);
    assert(trace.includes(`* In clear: ${result.tlsFailure}`));
    assertEquals(peer.sessions.length, 2);
    await result.client.quit();
  }
  // a refusal costs no second connection
  await using peer = ScriptedPeer.start({ tls: CERTIFICATE, starttls: "454 4.7.0 Not now" });
  const client = await connected(peer, { tls: "opportunistic" });
  assertEquals(peer.sessions.length, 1);
  const [outcome] = await client.send(message({ to: ["a@x"] }));
  assertEquals(outcome!.inClear, "STARTTLS was refused: 454 Not now");
  await client.quit();
});

Deno.test("send() doesn't take a refusal of clear for an answer where TLS broke", async () => {
  const rows: [PeerScript, string, string][] = [
    // where TLS broke, and where none was offered
    [
      { mail: "530 5.7.0 Must issue a STARTTLS command first" },
      "deferred 4.7.10 mail 530",
      "failed 5.7.0 mail 530",
    ],
    [{ rcpt: "550 5.7.10 Encryption needed" }, "deferred 4.7.10 rcpt 550", "failed 5.7.10 rcpt 550"],
    [{ mail: "550 5.7.1 No" }, "failed 5.7.1 mail 550", "failed 5.7.1 mail 550"],
  ];
  for (const [script, broken, never] of rows) {
    await using peer = ScriptedPeer.start({ ...script, tls: CERTIFICATE, starttls: { drop: true } });
    const client = await connected(peer, { tls: "opportunistic" });
    assertEquals(brief(await client.send(message({ to: ["a@x"] }))), [broken]);
    client.close();
    await using clear = ScriptedPeer.start(script);
    const other = await connected(clear, { tls: "opportunistic" });
    assertEquals(brief(await other.send(message({ to: ["a@x"] }))), [never]);
    other.close();
  }
});

Deno.test("connect() never goes on in clear when TLS is required", async () => {
  const scripts = [withinTls("ehlo", { drop: true }), withinTls("ehlo", "454 4.7.0 TLS not available")];
  for (const script of scripts) {
    await using peer = ScriptedPeer.start(script);
    const result = await connect(peer, { tls: "require", ca: [CERTIFICATE.cert] });
    assert(!result.ok);
    assertEquals(peer.sessions.length, 1);
  }
});

Deno.test("connect() stays in clear when it is told that TLS broke before, where TLS is an opportunity", async () => {
  await using peer = ScriptedPeer.start({ tls: CERTIFICATE });
  const options = { ca: [CERTIFICATE.cert], inClear: "it broke" };
  const clear = await connected(peer, { ...options, tls: "opportunistic" });
  const encrypted = await connected(peer, { ...options, tls: "require" });
  assertEquals([clear.peer.tls, clear.peer.inClear], [undefined, "it broke"]);
  assert(encrypted.peer.tls !== undefined && encrypted.peer.inClear === undefined);
  await clear.quit();
  await encrypted.quit();
});

Deno.test("send() tells an error within TLS that TLS itself may have made, before the text's end", async () => {
  const rows: [PeerScript, boolean][] = [
    [{ mail: { drop: true } }, true],
    [{ mail: "454 4.7.0 TLS not available" }, true],
    [{ rcpt: { drop: true } }, true],
    [{ data: { drop: true } }, true],
    [{ dropInText: 10 }, false], // a text that small is out with its end before anybody knows
    [{ end: { drop: true } }, false],
    [{ mail: "451 4.3.0 Not now" }, false],
    [{ rcpt: "454 4.7.1 Relay access denied" }, false],
    [{ mail: "421 4.3.2 Not now" }, false],
  ];
  for (const [script, expected] of rows) {
    for (const tls of ["opportunistic", "never"] as const) {
      await using peer = ScriptedPeer.start({ tls: CERTIFICATE, ...script });
      const client = await connected(peer, { tls });
      await client.send(message({ to: ["a@x"] }));
      assertEquals(client.tlsError !== undefined, expected && tls !== "never", JSON.stringify(script));
      client.close();
    }
  }
  // TLS that carried a message is not to blame for the next one
  await using peer = ScriptedPeer.start({ tls: CERTIFICATE, mail: ["250 2.1.0 Ok", { drop: true }] });
  const client = await connected(peer, { tls: "opportunistic" });
  await client.send(message({ to: ["a@x"] }));
  await client.send(message({ to: ["a@x"] }));
  assertEquals([client.tlsError, client.staleBeforeMail], [undefined, true]);
});

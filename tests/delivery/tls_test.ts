import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerScript } from "../../src/testing/peer_script.ts";
import { CERTIFICATE } from "../smtp/client/certificate.ts";
import { brief, Fixture } from "./fixture.ts";

const MX = "127.0.2.1";
const ONE = {
  "far.example": { mx: [[10, "mx.far.example"]] as [number, string][] },
  "mx.far.example": { a: [MX] },
};
const BY_MX = "delivered 2.0.0 end 250 mx.far.example";

/** Peers on which TLS breaks behind the handshake, and where TLS works in clear. */
function broken(): [string, PeerScript][] {
  const hello = "250-peer.example\r\n250-STARTTLS\r\n250 PIPELINING";
  return [
    ["closes at EHLO", { ehlo: [hello, { drop: true }, hello] }],
    ["454 at EHLO", { ehlo: [hello, "454 4.7.0 TLS not available", hello] }],
    ["closes at MAIL", { mail: [{ drop: true }, "250 2.1.0 Ok"] }],
    ["454 at MAIL", { mail: ["454 4.7.0 TLS not available", "250 2.1.0 Ok"] }],
    ["closes at RCPT", { rcpt: [{ drop: true }, "250 2.1.5 Ok"] }],
    ["closes at DATA", { data: [{ drop: true }, "354 Go ahead"] }],
  ];
}

Deno.test("deliver() goes on in clear where TLS breaks, says why, and remembers it for five minutes", async () => {
  for (const [name, script] of broken()) {
    await using f = new Fixture({ [MX]: { tls: CERTIFICATE, ...script } }, { tls: "opportunistic" }, ONE);
    const [attempt] = await f.deliver();
    assertEquals(brief([attempt!]), [BY_MX], name);
    assertEquals(attempt!.outcome.tls, undefined);
    assertMatch(
      attempt!.outcome.inClear!,
      /^(The peer closed|The connection broke|454 TLS not available)/,
      name,
    );
    const { sessions } = f.peers[MX]!;
    assertEquals(sessions.map(({ tls }) => tls), [true, false], name);

    f.set(MX, { tls: CERTIFICATE });
    await f.peers[MX]!.hangUp();
    assertEquals((await f.deliver())[0]!.outcome.inClear, attempt!.outcome.inClear);
    assertEquals(sessions.map(({ tls }) => tls), [true, false, false], name);
    await f.peers[MX]!.hangUp();
    f.clock.advance(5 * 60_000);
    assertMatch((await f.deliver())[0]!.outcome.tls!, /^TLS/, name);
  }
});

Deno.test("deliver() never goes on in clear where TLS is required", async () => {
  const options = { tls: "require", ca: [CERTIFICATE.cert] } as const;
  for (const [name, script] of broken()) {
    await using f = new Fixture({ [MX]: { tls: CERTIFICATE, ...script } }, options, ONE);
    const [attempt] = await f.deliver();
    assertEquals(attempt!.outcome.kind, "deferred", name);
    const { sessions, messages } = f.peers[MX]!;
    assert(sessions.every(({ tls }) => tls) && messages.length === 0, name);
  }
});

Deno.test("deliver() sends no text a second time that was ended, and blames TLS for no refusal", async () => {
  const rows: [PeerScript, string][] = [
    [{ end: { drop: true } }, "deferred 4.4.2 end mx.far.example"],
    [{ mail: "451 4.3.0 Not now" }, "deferred 4.3.0 mail 451 mx.far.example"],
    [{ rcpt: "454 4.7.1 Relay access denied" }, "deferred 4.7.1 rcpt 454 mx.far.example"],
  ];
  for (const [script, expected] of rows) {
    await using f = new Fixture({ [MX]: { tls: CERTIFICATE, ...script } }, { tls: "opportunistic" }, ONE);
    for (let i = 0; i < 2; i++) {
      const [attempt] = await f.deliver();
      assertEquals(brief([attempt!]), [expected]);
      assertMatch(attempt!.outcome.tls!, /^TLS/);
      assertEquals(attempt!.outcome.inClear, undefined);
    }
    assert(f.peers[MX]!.sessions.every(({ tls }) => tls));
  }
});

Deno.test("deliver() to a smart host with TLS from the first octet", async () => {
  const smartHost = {
    host: "mx.far.example",
    port: 465,
    user: "jo",
    password: "x",
    tls: "implicit",
  } as const;
  const script = { extensions: ["PIPELINING", "AUTH PLAIN"], tls: { ...CERTIFICATE, implicit: true } };
  for (const route of [{ smartHost }, { perDomain: { "far.example": { smartHost } } }]) {
    await using f = new Fixture({ [MX]: script }, { ...route, ca: [CERTIFICATE.cert] }, ONE);
    const [attempt] = await f.deliver();
    assertEquals(brief([attempt!]), [BY_MX]);
    assertMatch(attempt!.outcome.tls!, /^TLS/);
    assertMatch(f.peers[MX]!.sessions[0]!.lines[1]!, /^AUTH PLAIN /);
  }
  await using f = new Fixture({ [MX]: script }, { smartHost }, ONE);
  const [attempt] = await f.deliver();
  assertEquals(brief([attempt!]), ["deferred 4.7.5 tls mx.far.example"]);
  assertMatch(attempt!.outcome.text, /the certificate of mx\.far\.example is not trusted/);
});

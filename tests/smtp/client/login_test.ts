import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { binaryString, decode, encode } from "../../../src/base/bytes.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { localReason, peerText } from "../../../src/mail/outcome.ts";
import { mechanismsFor } from "../../../src/smtp/client/sasl.ts";
import type { Answer } from "../../../src/testing/peer_script.ts";
import { ScriptedPeer } from "../../../src/testing/scripted_peer.ts";
import { tcpConn } from "../../../src/wire/tcp_conn.ts";
import { CERTIFICATE } from "./certificate.ts";
import { brief, connect, connected } from "./helpers.ts";

const CREDENTIALS = { user: "brain", password: "geheim ü" };
const WELCOME = "235 2.7.0 Ok";

function base64(text: string): string {
  return encode(text).toBase64();
}

Deno.test("connect() logs in by what the server knows, and hides the secrets", async () => {
  const plain = `AUTH PLAIN ${base64("\0brain\0geheim ü")}`;
  const login = ["AUTH LOGIN", base64("brain"), base64("geheim ü")];
  const ask = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", WELCOME];
  const challenge = "<1896.697170952@postoffice.example>";
  const digest = createHmac("md5", "geheim ü").update(challenge).digest("hex");
  const cram = ["AUTH CRAM-MD5", base64(`brain ${digest}`)];
  const rows: [string, string[], string[]][] = [
    ["AUTH LOGIN PLAIN", [WELCOME], [plain]],
    ["AUTH LOGIN", ask, login],
    ["AUTH PLAIN LOGIN CRAM-MD5", [`334 ${base64(challenge)}`, WELCOME], cram],
    // it takes no initial response
    ["AUTH PLAIN", ["334 ", WELCOME], [plain, base64("\0brain\0geheim ü")]],
    // it doesn't know after all what it offers
    ["AUTH PLAIN LOGIN", ["504 5.5.4 Unknown mechanism", ...ask], [plain, ...login]],
    ["AUTH SCRAM-SHA-256 LOGIN", ["504 5.7.4 Unknown mechanism", ...ask], ["AUTH SCRAM-SHA-256 *", ...login]],
  ];
  for (const [offer, answers, lines] of rows) {
    const trace: string[] = [];
    await using peer = ScriptedPeer.start({ extensions: [offer], auth: answers });
    const client = await connected(peer, { auth: CREDENTIALS, trace: (line) => trace.push(line) });
    const said = peer.sessions[0]!.lines.slice(1).map((line) => line.replace(/(SCRAM-SHA-256) .*/, "$1 *"));
    assertEquals(said, lines);
    const secrets = [base64("geheim ü"), base64("\0brain\0geheim ü"), base64(`brain ${digest}`)];
    assert(!trace.some((line) => secrets.some((secret) => line.includes(secret))));
    assert(trace.some((line) => line.startsWith("> ") && line.endsWith("****")));
    await client.quit();
  }
});

/** The server's side of SCRAM-SHA-256, written apart from the client's. */
function scramPeer(password: string, options: { forged?: true; silent?: true; nonce?: string } = {}) {
  const [salt, rounds] = [encode("0123456789abcdef"), 4096];
  const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();
  let bare = "";
  let first = "";
  let proved = false;
  return (line: string): Answer => {
    const message = decode(Uint8Array.fromBase64(line.replace(/^AUTH SCRAM-SHA-256 /, "")));
    if (line.startsWith("AUTH ")) {
      bare = message.slice("n,,".length);
      first = `r=${options.nonce ?? `${/r=(.*)$/.exec(bare)![1]}theirs`},s=${salt.toBase64()},i=${rounds}`;
      return `334 ${base64(first)}`;
    }
    if (proved) return WELCOME;
    const salted = pbkdf2Sync(password, salt, rounds, 32, "sha256");
    const [, without, proof] = /^(.*),p=(.*)$/.exec(message)!;
    const all = `${bare},${first},${without}`;
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(createHash("sha256").update(clientKey).digest(), all);
    const right = clientKey.map((byte, i) => byte ^ signature[i]!);
    if (binaryString(right) !== binaryString(Uint8Array.fromBase64(proof!))) return "535 5.7.8 Wrong";
    proved = true;
    if (options.silent) return WELCOME;
    const server = hmac(hmac(salted, options.forged ? "Other Key" : "Server Key"), all);
    return `334 ${base64(`v=${server.toString("base64")}`)}`;
  };
}

Deno.test("connect() logs in by SCRAM-SHA-256, and only to who knows the password itself", async () => {
  const rows: [Parameters<typeof scramPeer>, string | RegExp][] = [
    [["geheim ü"], "ok"],
    [["other"], /^535 .*Wrong/],
    [["geheim ü", { forged: true }], /the server doesn't know the password itself/],
    [["geheim ü", { silent: true }], /the server didn't show that it knows the password/],
    [["geheim ü", { nonce: "theirs" }], /the server's first message of SCRAM is wrong/],
  ];
  for (const [script, expected] of rows) {
    await using peer = ScriptedPeer.start({
      extensions: ["AUTH PLAIN SCRAM-SHA-256"],
      auth: scramPeer(...script),
      other: "501 5.7.0 Given up",
    });
    const result = await connect(peer, { auth: CREDENTIALS });
    if (expected === "ok") assert(result.ok, JSON.stringify(result));
    else {
      assert(!result.ok);
      const { kind, code = "", text } = result.outcome;
      assertEquals(kind, "deferred");
      assertMatch(`${code} ${text}`.trim(), expected as RegExp);
    }
    // one guess, whatever became of it
    assertEquals(peer.sessions[0]!.lines.filter((line) => line.startsWith("AUTH ")).length, 1);
    if (result.ok) await result.client.quit();
  }
});

Deno.test("SCRAM-SHA-256 says what RFC 7677 3 shows", async () => {
  const nonce = "rOprNGfwEbeRWgbNEkqO";
  const random = { ...seededRandom(1), bytes: () => Uint8Array.fromBase64(`${nonce}AAAA`) };
  const [scram] = mechanismsFor(new Set(["SCRAM-SHA-256"]), {
    credentials: { user: "user", password: "pencil" },
    random,
    encrypted: true,
  });
  const own = /r=(.*)$/.exec(decode(scram!.initial!))![1]!;
  assertEquals(decode(scram!.initial!), `n,,n=user,r=${own}`);
  assertEquals(own.slice(0, nonce.length), nonce);
  const server = `r=${own}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
  const final = decode(await scram!.respond(encode(server)));
  assertMatch(final, /^c=biws,r=[^,]+,p=[A-Za-z0-9+/]{43}=$/);
});

Deno.test("connect() defers when it can't log in: the operator has to act, not the sender", async () => {
  const rows: [string[], Answer, string][] = [
    [["AUTH PLAIN"], "535 5.7.8 Wrong", "deferred 4.7.8 auth 535"],
    [["AUTH LOGIN"], "535 5.7.8 Wrong", "deferred 4.7.8 auth 535"],
    [["AUTH PLAIN"], "454 4.7.0 Later", "deferred 4.7.0 auth 454"],
    [["AUTH PLAIN"], "504 5.5.4 Unknown", "deferred 4.7.8 auth 504"],
    [["AUTH LOGIN"], "334 VXNlcm5hbWU6", "deferred 4.7.0 auth"],
    [["AUTH PLAIN"], "334 ", "deferred 4.7.0 auth"],
    [["AUTH CRAM-MD5"], "334 ***", "deferred 4.7.0 auth"],
    [["AUTH GSSAPI"], "", "deferred 4.7.4 auth"],
    [[], "", "deferred 4.7.4 auth"],
  ];
  for (const [extensions, auth, expected] of rows) {
    await using peer = ScriptedPeer.start({ extensions, auth });
    const result = await connect(peer, { auth: CREDENTIALS });
    assertEquals(!result.ok && brief([result.outcome])[0], expected);
  }
});

Deno.test("connect() tries no second mechanism after 535: one wrong password is one guess", async () => {
  for (const offer of ["AUTH PLAIN LOGIN CRAM-MD5", "AUTH PLAIN LOGIN"]) {
    const refuse = (line: string) => line === "AUTH CRAM-MD5" ? `334 ${base64("<1@x>")}` : "535 5.7.8 Wrong";
    await using peer = ScriptedPeer.start({ extensions: [offer], auth: refuse });
    const result = await connect(peer, { auth: CREDENTIALS });
    assert(!result.ok);
    assertEquals(peer.sessions[0]!.lines.filter((line) => line.startsWith("AUTH ")).length, 1);
  }
});

Deno.test("connect() keeps the words of who refuses a login apart from its own", async () => {
  await using peer = ScriptedPeer.start({ extensions: ["AUTH PLAIN"], auth: "535 5.7.8 Wrong" });
  const result = await connect(peer, { auth: CREDENTIALS });
  assert(!result.ok);
  const { outcome } = result;
  assertEquals([peerText(outcome), localReason(outcome)], ["5.7.8 Wrong", "The login was refused: Wrong"]);
});

Deno.test("connect() sends a password off loopback only within TLS that is trusted, unless TLS is never wanted", async () => {
  const trusted = [CERTIFICATE.cert];
  const offer = { extensions: ["AUTH PLAIN"] };
  const encrypted = { ...offer, tls: CERTIFICATE };
  const implicit = { ...offer, tls: { ...CERTIFICATE, implicit: true } };
  const rows: [Parameters<typeof ScriptedPeer.start>[0], Parameters<typeof connect>[1], string][] = [
    [offer, { tls: "never" }, "ok"],
    [offer, { tls: "opportunistic" }, "deferred 4.7.11 auth"],
    [encrypted, { tls: "opportunistic", ca: trusted }, "ok"],
    [encrypted, { tls: "opportunistic" }, "deferred 4.7.11 auth"],
    [encrypted, { tls: "opportunistic", inClear: "it broke", ca: trusted }, "deferred 4.7.11 auth"],
    [encrypted, { tls: "require", ca: trusted }, "ok"],
    [encrypted, { tls: "require" }, "deferred 4.7.5 tls"],
    [implicit, { tls: "implicit", ca: trusted }, "ok"],
    [implicit, { tls: "implicit" }, "deferred 4.7.5 tls"],
  ];
  for (const [script, overrides, expected] of rows) {
    await using peer = ScriptedPeer.start(script);
    const { hostname, port } = peer.address;
    const dial = async () => tcpConn(await Deno.connect({ hostname, port }));
    const result = await connect(peer, { ...overrides, auth: CREDENTIALS, dial }, "192.0.2.1");
    assertEquals(result.ok ? "ok" : brief([result.outcome])[0], expected);
    const auth = peer.sessions.flatMap(({ lines }) => lines).filter((line) => line.startsWith("AUTH"));
    assertEquals(auth.length, result.ok ? 1 : 0);
    if (result.ok) await result.client.quit();
  }
});

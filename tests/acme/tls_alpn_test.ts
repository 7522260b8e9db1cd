import { assertEquals } from "@std/assert";
import { makeProof } from "../../src/acme/certificates.ts";
import { answerTlsAlpn } from "../../src/acme/tls_alpn.ts";
import type { ClientHello } from "../../src/wire/client_hello.ts";
import { memoryPair } from "../../src/wire/memory_conn.ts";

const NOW = Date.UTC(2026, 10, 30);
const proofs = new Map([["mail.example.org", await makeProof("mail.example.org", "token.print", NOW)]]);
const random = new Uint8Array(32);

const hello: ClientHello = {
  message: new Uint8Array(4),
  sessionId: new Uint8Array(0),
  cipherSuites: [0x1301],
  serverName: "mail.example.org",
  alpn: ["acme-tls/1"],
  versions: [0x0304],
  keyShares: new Map([[0x001d, new Uint8Array(32).fill(9)]]),
  signatureSchemes: [0x0403],
};

/** All that is answered to a client that says no more. */
async function answerTo(changed: Partial<ClientHello>): Promise<Uint8Array> {
  const [client, server] = memoryPair();
  await client.closeWrite();
  await answerTlsAlpn(server, { ...hello, ...changed }, { proofs, random });
  const buffer = new Uint8Array(4096);
  const count = await client.read(buffer);
  return buffer.slice(0, count ?? 0);
}

Deno.test("answerTlsAlpn() ends with the alerts of RFC 8446 where it can't answer, and never throws", async () => {
  const alert = (code: number) => Uint8Array.of(21, 3, 3, 0, 2, 2, code);
  assertEquals(await answerTo({ serverName: "other.example.org" }), alert(112));
  assertEquals(await answerTo({ serverName: undefined }), alert(112));
  assertEquals(await answerTo({ versions: [0x0303] }), alert(40));
  assertEquals(await answerTo({ cipherSuites: [0x1302] }), alert(40));
  assertEquals(await answerTo({ signatureSchemes: [0x0804] }), alert(40));
  assertEquals(await answerTo({ keyShares: new Map() }), alert(40));
  assertEquals(await answerTo({ keyShares: new Map([[0x001d, new Uint8Array(31)]]) }), alert(40));
});

Deno.test("answerTlsAlpn() says ServerHello and the rest encrypted, and bears a client that goes away then", async () => {
  const answer = await answerTo({});
  assertEquals([...answer.slice(0, 3)], [22, 3, 3]);
  assertEquals(answer[5], 2, "ServerHello");
  const next = 5 + ((answer[3]! << 8) | answer[4]!);
  assertEquals(answer[next], 23, "no ChangeCipherSpec for a client without a session id");
  const compatible = await answerTo({ sessionId: new Uint8Array(32).fill(7) });
  const behind = 5 + ((compatible[3]! << 8) | compatible[4]!);
  assertEquals([...compatible.slice(behind, behind + 6)], [20, 3, 3, 0, 1, 1]);
});

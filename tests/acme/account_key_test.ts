import { assert, assertEquals } from "@std/assert";
import { AccountKey } from "../../src/acme/account_key.ts";
import { certificateId } from "../../src/acme/certificates.ts";
import { decode, encode } from "../../src/base/bytes.ts";

const fromBase64url = (text: string) => Uint8Array.fromBase64(text, { alphabet: "base64url" });

Deno.test("sign() makes what RFC 8555 6.2 wants, and its signature is right", async () => {
  const key = await AccountKey.import(await (await AccountKey.make()).export() as Uint8Array<ArrayBuffer>);
  const body = JSON.parse(await key.sign({ jwk: key.jwk, nonce: "n", url: "https://ca/x" }, { a: "ü" }));
  assertEquals(Object.keys(body), ["protected", "payload", "signature"]);
  const head = JSON.parse(decode(fromBase64url(body.protected)));
  assertEquals(head, { alg: "ES256", jwk: key.jwk, nonce: "n", url: "https://ca/x" });
  assertEquals(decode(fromBase64url(body.payload)), '{"a":"ü"}');
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const publicKey = await crypto.subtle.importKey("jwk", { ...key.jwk }, algorithm, false, ["verify"]);
  const isRight = await crypto.subtle.verify(
    { name: "ECDSA", hash: "SHA-256" },
    publicKey,
    fromBase64url(body.signature),
    encode(`${body.protected}.${body.payload}`),
  );
  assert(isRight);
  assertEquals(JSON.parse(await key.sign({}, undefined)).payload, "", "POST-as-GET");
});

Deno.test("authorization() is the token and the thumbprint of RFC 7638", async () => {
  const key = await AccountKey.make();
  const { crv, kty, x, y } = key.jwk;
  const text = `{"crv":"${crv}","kty":"${kty}","x":"${x}","y":"${y}"}`;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encode(text)));
  const thumbprint = digest.toBase64({ alphabet: "base64url", omitPadding: true });
  assertEquals(await key.authorization("tok"), `tok.${thumbprint}`);
});

Deno.test("certificateId() is that of the example in RFC 9773, whose serial number begins with a zero octet", async () => {
  const chain = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`;
  assertEquals(await certificateId(chain), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
});

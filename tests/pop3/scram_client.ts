/** The client's side of SCRAM-SHA-256 (RFC 5802), written apart from the server's. */

import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { Buffer } from "node:buffer";

/** One exchange; all messages in base64. With `endPoint` it is bound to the connection (`tls-server-end-point`). */
export function scramClient(name: string, password: string, endPoint?: Uint8Array) {
  const header = endPoint ? "p=tls-server-end-point,," : "n,,";
  const nonce = "fyko+d2lbbFgONRv9qkxdawL";
  const bare = `n=${name.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
  const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();
  return {
    first: () => Buffer.from(`${header}${bare}`).toString("base64"),
    final(challenge: string): { final: string; proof: string } {
      const text = Buffer.from(challenge, "base64").toString();
      const [, whole, salt, iterations] = /^r=(.+),s=(.+),i=(\d+)$/.exec(text)!;
      const salted = pbkdf2Sync(password, Buffer.from(salt!, "base64"), Number(iterations), 32, "sha256");
      const key = hmac(salted, "Client Key");
      const binding = Buffer.concat([Buffer.from(header), endPoint ?? new Uint8Array()]).toString("base64");
      const without = `c=${binding},r=${whole}`;
      const message = `${bare},${text},${without}`;
      const signature = hmac(createHash("sha256").update(key).digest(), message);
      const proof = Buffer.from(key.map((byte, i) => byte ^ signature[i]!)).toString("base64");
      const server = hmac(hmac(salted, "Server Key"), message).toString("base64");
      return {
        final: Buffer.from(`${without},p=${proof}`).toString("base64"),
        proof: Buffer.from(`v=${server}`).toString("base64"),
      };
    },
  };
}

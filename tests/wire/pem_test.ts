import { assertEquals, assertThrows } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { readPem } from "../../src/wire/pem.ts";

const FILES = new URL("../../fixtures/certificates/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, FILES));
const subjects = (pem: string) =>
  pem.match(/-----BEGIN [\s\S]*?-----END .*-----/g)!.map((one) => new X509Certificate(one).subject);

for (
  const [name, expected] of Object.entries({
    "good_key_first.pem": ["CN=mail.example.org", "CN=Test Intermediate"],
    "good_chain_first.pem": ["CN=mail.example.org", "CN=Test Intermediate"],
    "good_chain_backwards.pem": ["CN=mail.example.org", "CN=Test Intermediate", "CN=Test Root"],
    "good_two_keys.pem": ["CN=mail.example.org", "CN=Test Intermediate"],
    "good_ec_parameters.pem": ["CN=mail.example.org"],
  })
) {
  Deno.test(`readPem() takes certificates and key out of one text, and puts them in order: ${name}`, () => {
    const text = read(name);
    const { cert, key } = readPem({ cert: text, key: text });
    assertEquals(subjects(cert), expected);
    assertEquals(key.match(/BEGIN/g), ["BEGIN"]);
  });
}

Deno.test("readPem() minds neither CRLF nor what stands around the blocks", () => {
  const text = `Bag Attributes\n  friendlyName: x\n${read("good_key_first.pem")}\ntrailing`.replaceAll(
    "\n",
    "\r\n",
  );
  assertEquals(subjects(readPem({ cert: text, key: text }).cert).length, 2);
});

Deno.test("readPem() takes certificate and key out of two texts", () => {
  const text = read("good_chain_first.pem");
  const at = text.search(/-----BEGIN [A-Z ]*KEY/);
  assertEquals(readPem({ cert: text.slice(0, at), key: text.slice(at) }), readPem({ cert: text, key: text }));
  assertThrows(() => readPem({ cert: text.slice(at), key: text }), Error, "no certificate");
  assertThrows(() => readPem({ cert: text, key: text.slice(0, at) }), Error, "no private key");
});

Deno.test("readPem() takes certificates by their old name, and passes over keys of other kinds", () => {
  const text = read("good_key_first.pem");
  const old = text.replaceAll(" CERTIFICATE", " X509 CERTIFICATE");
  assertEquals(readPem({ cert: old, key: old }), readPem({ cert: text, key: text }));
  const brainpool = read("bad_brainpoolP256r1.pem");
  const other = brainpool.slice(brainpool.search(/-----BEGIN [A-Z ]*KEY/));
  assertEquals(readPem({ cert: text, key: other + text }), readPem({ cert: text, key: text }));
});

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { tryCertificate } from "../../src/wire/tls_trial.ts";

const FILES = new URL("../../fixtures/certificates/", import.meta.url);

/** What is said of each file of `fixtures/certificates/` whose name begins with `bad`. */
const FAULTS: Readonly<Record<string, RegExp>> = {
  "bad_brainpoolP256r1.pem":
    /^the key can't be read \(.*curve.*\), expected RSA from 2048 bits on, EC on P-256/,
  "bad_damaged.pem": /^the certificate can't be read: /,
  "bad_der.pem": /^the certificate is not PEM but binary/,
  "bad_ed448.pem": /the key is Ed448, expected .*Ed25519/,
  "bad_empty.pem": /^the file for the certificate is empty$/,
  "bad_encrypted_pkcs8.pem": /^the key is encrypted/,
  "bad_encrypted_traditional.pem": /^the key is encrypted/,
  "bad_no_certificate.pem": /^there is no certificate in the file$/,
  "bad_no_key.pem": /^there is no private key in the file$/,
  "bad_other_key.pem": /^the key does not belong to the certificate$/,
  "bad_public_key.pem": /^there is a public key where the private key should be$/,
  "bad_request.pem": /^there is a request for a certificate where the certificate should be$/,
  "bad_rsa_1024.pem": /the key is RSA with 1024 bits, expected RSA from 2048 bits on/,
  "bad_rsa_pss.pem": /the key is RSA-PSS, expected RSA/,
  "bad_secp224r1.pem": /the key is EC on secp224r1, expected .*P-256/,
  "bad_secp256k1.pem": /the key is EC on secp256k1, expected .*P-256/,
  "bad_trusted_certificate.pem": /^there is a TRUSTED CERTIFICATE, .*openssl x509/,
};

Deno.test("a certificate is tried by a handshake with itself; what is wrong is said in words", async (t) => {
  const names = [...Deno.readDirSync(FILES)].map(({ name }) => name).sort();
  assertEquals(names.filter((name) => name.startsWith("bad_")), Object.keys(FAULTS));
  for (const name of names) {
    await t.step(name, async () => {
      const text = await Deno.readTextFile(new URL(name, FILES));
      const trial = () => tryCertificate({ cert: text, key: text });
      if (FAULTS[name]) assertMatch((await assertRejects(trial, Error)).message, FAULTS[name]);
      else await trial();
    });
  }
});

Deno.test("a certificate is tried with the version of TLS that is spoken", async () => {
  const text = await Deno.readTextFile(new URL("good_ed25519.pem", FILES));
  for (const minVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    await tryCertificate({ cert: text, key: text }, { minVersion });
  }
});

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { ConfigError, loadConfig } from "../../src/config/load.ts";
import { Journal } from "../../src/observe/journal.ts";
import { Certificates, checkCertificates, selfSigned } from "../../src/server/certificates.ts";
import { tempDir } from "../storage/stores.ts";

const NOW = Date.UTC(2026, 0, 1);

Deno.test("files that can't be used are an error of the configuration that names both", async (t) => {
  await using dir = await tempDir();
  const [one, other] = [await selfSigned("a.test", NOW), await selfSigned("b.test", NOW)];
  const files = { "one.pem": one.cert, "one.key": one.key, "other.key": other.key, "junk.pem": "junk" };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir.path}/${name}`, text);
  const check = async (tls: unknown) => {
    const text = JSON.stringify({ tls, dataDir: "data" });
    const config = await loadConfig({ file: `${dir.path}/dinopost.jsonc`, text, env: {} });
    await checkCertificates(config);
  };
  await check({ cert: "one.pem", key: "one.key", sni: { "a.test": { cert: "one.pem", key: "one.key" } } });
  await check({ minVersion: "TLSv1.3" });
  const wrong: [cert: string, key: string][] = [
    ["nope.pem", "one.key"],
    ["one.pem", "nope.key"],
    ["junk.pem", "one.key"],
    ["one.pem", "junk.pem"],
    ["one.pem", "other.key"],
    [".", "one.key"],
  ];
  for (const [cert, key] of wrong) {
    await t.step(`${cert} ${key}`, async () => {
      for (const tls of [{ cert, key }, { sni: { "a.test": { cert, key } } }]) {
        const { message } = await assertRejects(() => check(tls), ConfigError);
        for (const part of ["dinopost.jsonc: tls", cert, key, "expected PEM files"]) {
          assertStringIncludes(message, part);
        }
      }
    });
  }
});

Deno.test("without files a certificate is made, whatever else is chosen about TLS", async () => {
  await using dir = await tempDir();
  const text = JSON.stringify({ hostname: "a.test", tls: { minVersion: "TLSv1.3" } });
  const config = await loadConfig({ text, env: {}, overrides: { dataDir: dir.path } });
  assertEquals(config.tls, { minVersion: "TLSv1.3", sni: {} });
  const clock = new ManualClock(NOW);
  const certificates = await Certificates.open({ config, clock, journal: new Journal(undefined) });
  assertEquals(certificates.tls.daysLeft, 365);
  // it is renewed like any that is made
  clock.advance(340 * 24 * 3600_000);
  await certificates.look();
  assertEquals(certificates.tls.daysLeft, 365);
});

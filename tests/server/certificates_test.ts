import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { ConfigError, loadConfig } from "../../src/config/load.ts";
import { Health } from "../../src/observe/health.ts";
import { Journal } from "../../src/observe/journal.ts";
import { Certificates, checkCertificates } from "../../src/server/certificates.ts";
import { isGoodFor, namesOf, selfSigned } from "../../src/server/own_certificate.ts";
import { until } from "../mailbox/helpers.ts";
import { tempDir } from "../storage/stores.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY = 24 * 3600_000;
const FILES = new URL("../../fixtures/certificates/", import.meta.url);

Deno.test("files that can't be used are an error of the configuration that names both", async (t) => {
  await using dir = await tempDir();
  const [one, other] = [await selfSigned(["a.test"], NOW), await selfSigned(["b.test"], NOW)];
  const files = { "one.pem": one.cert, "one.key": one.key, "other.key": other.key, "junk.pem": "junk" };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir.path}/${name}`, text);
  const check = async (tls: unknown) => {
    const text = JSON.stringify({ tls, dataDir: "data" });
    const config = await loadConfig({ file: `${dir.path}/dinopost.jsonc`, text, env: {} });
    return await checkCertificates(config, new ManualClock(NOW + 363 * DAY));
  };
  await check({ cert: "one.pem", key: "one.key", sni: { "a.test": { cert: "one.pem", key: "one.key" } } });
  assertEquals(
    await check({ minVersion: "TLSv1.3" }),
    "Its TLS certificate is one that it makes for itself.",
  );
  await Deno.writeTextFile(`${dir.path}/both.pem`, one.key + one.cert);
  await check({ cert: "both.pem", sni: { "a.test": { cert: "both.pem" } } });
  assertEquals(await check({ cert: "both.pem", key: "both.pem" }), "The TLS certificate ends in 2 days.");
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
  assertEquals(config.tls, { minVersion: "TLSv1.3", sni: {}, acme: null });
  const clock = new ManualClock(NOW);
  const certificates = await Certificates.open({ config, clock, journal: new Journal(undefined) });
  assertEquals(certificates.tls.daysLeft, 365);
  await certificates.look();
  clock.advance(300 * DAY);
  await certificates.look();
  assertEquals(certificates.tls.daysLeft, 65, "it is not yet time for another");
  // it is renewed like any that is made
  clock.advance(36 * DAY);
  await certificates.look();
  assertEquals(certificates.tls.daysLeft, 365);
});

/** Certificates of a configuration whose data is in the folder, and what the log says. */
async function opened(dir: string, of: { overrides?: Record<string, unknown>; clock?: ManualClock } = {}) {
  const config = await loadConfig({
    text: "{}",
    env: {},
    overrides: { hostname: "mail.example.org", dataDir: dir, ...of.overrides },
  });
  const notes: string[] = [];
  const journal = new Journal((_level, what, fields) => void notes.push(`${what} ${JSON.stringify(fields)}`));
  const clock = of.clock ?? new ManualClock(NOW);
  const health = new Health({ journal: new Journal(undefined), clock });
  const certificates = await Certificates.open({ config, clock, journal, health });
  return {
    certificates,
    config,
    notes,
    clock,
    health: () => health.problems.map(({ code, text }) => [code, text]),
  };
}

Deno.test("the certificate that is made is good for the host, this machine, and every address listened on", async () => {
  await using dir = await tempDir();
  const listen = {
    smtp: ["127.20.1.1:2525", "127.0.0.1:2525", "0.0.0.0:25"],
    pop3: ["[::1]:1110", "[::]:1110"],
    admin: ["127.20.1.1:8025"],
  };
  const names = ["mail.example.org", "localhost", "127.0.0.1", "::1", "127.20.1.1"];
  const { config } = await opened(dir.path, { overrides: { listen } });
  assertEquals(namesOf(config), names);
  const file = `${dir.path}/tls-cert.pem`;
  const made = await Deno.readTextFile(file);
  const parsed = new X509Certificate(made);
  for (const name of names) {
    assert(isIP(name) ? parsed.checkIP(name) : parsed.checkHost(name), name);
  }
  await opened(dir.path, { overrides: { listen } });
  assertEquals(await Deno.readTextFile(file), made, "the same names, the same certificate");
  for (const changed of [{ ...listen, pop3: ["127.20.1.2:1110"] }, { ...listen, smtp: [] }]) {
    const before = await Deno.readTextFile(file);
    const { config } = await opened(dir.path, { overrides: { listen: changed } });
    assert(await Deno.readTextFile(file) !== before);
    assert(isGoodFor(await Deno.readTextFile(file), namesOf(config)));
  }
});

Deno.test("a certificate of before, good for fewer names, is made anew", async () => {
  await using dir = await tempDir();
  const { cert, key } = await selfSigned(["mail.example.org", "localhost"], NOW);
  await Deno.writeTextFile(`${dir.path}/tls-cert.pem`, cert);
  await Deno.writeTextFile(`${dir.path}/tls-key.pem`, key);
  await opened(dir.path);
  assert(isGoodFor(await Deno.readTextFile(`${dir.path}/tls-cert.pem`), [
    "mail.example.org",
    "localhost",
    "127.0.0.1",
    "::1",
  ]));
});

for (
  const [days, silentAt, warnsAt] of [[6, 2.02, 1.99], [90, 30.01, 29.99], [365, 30.01, 29.99]] as const
) {
  Deno.test(`a certificate of ${days} days warns once, when ${Math.ceil(warnsAt)} of them are left`, async () => {
    await using dir = await tempDir();
    const clock = new ManualClock(NOW);
    const { cert, key } = await selfSigned(["mail.example.org"], NOW, days * DAY);
    await Deno.writeTextFile(`${dir.path}/both.pem`, key + cert);
    const { certificates, notes, health } = await opened(dir.path, {
      overrides: { tls: { cert: `${dir.path}/both.pem` } },
      clock,
    });
    const stop = new AbortController();
    const watching = certificates.watch(stop.signal);
    const minutes = async (count: number) => {
      for (let i = 0; i < count; i++) {
        await until(() => clock.timers > 0);
        clock.advance(60_000);
      }
      await until(() => clock.timers > 0);
    };
    await minutes(2);
    assertEquals(notes, [], "not from the first minute on");
    clock.advance((days - silentAt) * DAY - 180_000);
    await minutes(1);
    assertEquals(notes, []);
    clock.advance((silentAt - warnsAt) * DAY + 60_000);
    await minutes(3);
    assertEquals(notes.map((note) => note.split(" {")[0]), ["certificate expires soon"]);
    const left = Math.floor(warnsAt);
    assertEquals(health(), [[
      "certificate",
      `The TLS certificate ends in ${left} ${left === 1 ? "day" : "days"}`,
    ]]);
    // another is there: all is well, and its own end is told again
    const next = await selfSigned(["mail.example.org"], clock.now(), days * DAY);
    await Deno.writeTextFile(`${dir.path}/both.pem`, `${next.key}${next.cert}\n`);
    await minutes(2);
    assertEquals(health(), []);
    clock.advance((days - warnsAt) * DAY);
    await minutes(2);
    assertEquals(notes.map((note) => note.split(" {")[0]), [
      "certificate expires soon",
      "certificate loaded",
      "certificate expires soon",
    ]);
    stop.abort();
    await watching;
  });
}

Deno.test("a certificate of the configuration that no handshake succeeds with is refused at start, in check and at reload", async () => {
  await using dir = await tempDir();
  const file = `${dir.path}/both.pem`;
  const put = async (name: string) => await Deno.copyFile(new URL(name, FILES), file);
  const overrides = { tls: { cert: file } };
  for (const name of ["bad_rsa_pss.pem", "bad_trusted_certificate.pem", "bad_encrypted_pkcs8.pem"]) {
    await put(name);
    await assertRejects(
      () => opened(dir.path, { overrides }),
      ConfigError,
      `received the file ${file}, which can't`,
    );
    const config = await loadConfig({ text: "{}", env: {}, overrides });
    await assertRejects(
      () => checkCertificates(config),
      ConfigError,
      "expected a PEM file of a certificate and its key",
    );
  }
  await put("good_key_first.pem");
  const { certificates, notes, health } = await opened(dir.path, { overrides });
  const { daysLeft } = certificates.tls;
  await put("bad_secp256k1.pem");
  await certificates.reload();
  assertMatch(notes.at(-1)!, /^certificate not loaded, the old one stays .*EC on secp256k1/);
  assertEquals(certificates.tls.daysLeft, daysLeft);
  assertMatch(health()[0]![1]!, /can't be used, the old one stays/);
  await put("good_ed25519.pem");
  await certificates.reload();
  assertEquals(health(), []);
});

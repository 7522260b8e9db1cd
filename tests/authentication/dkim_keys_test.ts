import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { makeDkimKeys } from "../../src/authentication/dkim_key_files.ts";
import { SigningKeys } from "../../src/authentication/dkim_keys.ts";

const DAY = 24 * 3600_000;
const NOW = Date.UTC(2026, 10, 30);

async function withDataDir(run: (dataDir: string, problems: string[], keys: SigningKeys) => Promise<void>) {
  const dataDir = await Deno.makeTempDir();
  try {
    const problems: string[] = [];
    await run(dataDir, problems, new SigningKeys(dataDir, (problem) => problems.push(problem)));
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

function shown(keys: SigningKeys, domain: string): string[] {
  return keys.of(domain).map(({ domain, selector, algorithm }) => `${selector} ${domain} ${algorithm}`);
}

Deno.test("the newest key of each kind signs, for its domain and those below that have none", () =>
  withDataDir(async (dataDir, problems, keys) => {
    await keys.load();
    assertEquals(shown(keys, "ex.test"), []);
    for (const [i, rotate] of [false, true].entries()) {
      await makeDkimKeys({ dataDir, domain: "ex.test" }, { now: NOW + i * DAY, rotate });
    }
    await makeDkimKeys({ dataDir, domain: "own.ex.test" }, { now: NOW, rotate: false });
    assertEquals(shown(keys, "ex.test"), []);
    await keys.load();
    const newest = ["r20261201 ex.test rsa-sha256", "e20261201 ex.test ed25519-sha256"];
    assertEquals(shown(keys, "ex.test"), newest);
    assertEquals(shown(keys, "mail.other.ex.test"), newest);
    assertEquals(shown(keys, "mail.own.ex.test"), [
      "r20261130 own.ex.test rsa-sha256",
      "e20261130 own.ex.test ed25519-sha256",
    ]);
    for (const other of ["test", "x-ex.test", "ex.test.other"]) assertEquals(shown(keys, other), []);
    assertEquals(problems, []);
  }));

Deno.test("a key that can't be read is told of, and the other one signs alone", () =>
  withDataDir(async (dataDir, problems, keys) => {
    await makeDkimKeys({ dataDir, domain: "ex.test" }, { now: NOW, rotate: false });
    await Deno.writeTextFile(join(dataDir, "dkim", "ex.test", "r20270101.pem"), "narf");
    await keys.load();
    assertEquals(shown(keys, "ex.test"), ["e20261130 ex.test ed25519-sha256"]);
    assertEquals(problems.length, 1);
    assertMatch(problems[0]!, /r20270101\.pem: no private key; expected a private key as PEM \(PKCS#8\)/);
  }));

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createPublicKey } from "node:crypto";
import { DkimKeyError, listDkimKeys, makeDkimKeys } from "../../src/authentication/dkim_key_files.ts";

const NOON = Date.UTC(2026, 10, 30, 12);
const domain = "example.org";

Deno.test("makeDkimKeys() makes a key of each kind, once, for its owner's eyes only", async () => {
  const dataDir = await Deno.makeTempDir();
  const at = { dataDir, domain };
  assertEquals(await makeDkimKeys(at, { now: NOON, rotate: false }), ["r20261130", "e20261130"]);
  assertEquals(await makeDkimKeys(at, { now: NOON + 86_400_000, rotate: false }), []);
  const folder = `${dataDir}/dkim/${domain}`;
  for (const path of [`${folder}/r20261130.pem`, `${folder}/e20261130.pem`]) {
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    assert((await Deno.readTextFile(path)).startsWith("-----BEGIN PRIVATE KEY-----"));
  }
  assertEquals((await Deno.stat(folder)).mode! & 0o777, 0o700);
});

Deno.test("keys belong to whom the data belongs to, also when root makes them", async () => {
  const dataDir = await Deno.makeTempDir();
  if (Deno.uid() === 0) await Deno.chown(dataDir, 12345, 23456);
  const { uid, gid } = await Deno.stat(dataDir);
  await makeDkimKeys({ dataDir, domain }, { now: NOON, rotate: false });
  for (const path of ["dkim", `dkim/${domain}`, `dkim/${domain}/e20261130.pem`]) {
    const made = await Deno.stat(`${dataDir}/${path}`);
    assertEquals([made.uid, made.gid], [uid, gid], path);
  }
});

Deno.test("listDkimKeys() answers the key records of RFC 6376 and RFC 8463", async () => {
  const dataDir = await Deno.makeTempDir();
  await makeDkimKeys({ dataDir, domain }, { now: NOON, rotate: false });
  const [ed25519, rsa, ...others] = await listDkimKeys(dataDir, domain);
  assertEquals(others, []);
  const keyOf = async (selector: string) =>
    createPublicKey(await Deno.readTextFile(`${dataDir}/dkim/${domain}/${selector}.pem`));
  const jwk = (await keyOf("e20261130")).export({ format: "jwk" });
  const bare = Uint8Array.fromBase64(jwk.x!, { alphabet: "base64url" }).toBase64();
  assertEquals(ed25519, { selector: "e20261130", record: `v=DKIM1; k=ed25519; p=${bare}` });
  const spki = (await keyOf("r20261130")).export({ type: "spki", format: "der" }).toString("base64");
  assertEquals(rsa, { selector: "r20261130", record: `v=DKIM1; k=rsa; p=${spki}` });
  assertEquals((await keyOf("r20261130")).asymmetricKeyDetails?.modulusLength, 2048);
  assertEquals(await listDkimKeys(dataDir, "other.example"), []);
});

Deno.test("a rotation adds keys behind those of the same day, and writes over none", async () => {
  const dataDir = await Deno.makeTempDir();
  const at = { dataDir, domain };
  await makeDkimKeys(at, { now: NOON, rotate: true });
  const first = await Deno.readTextFile(`${dataDir}/dkim/${domain}/r20261130.pem`);
  assertEquals(await makeDkimKeys(at, { now: NOON, rotate: true }), ["r20261130b", "e20261130b"]);
  assertEquals(await makeDkimKeys(at, { now: NOON + 86_400_000, rotate: true }), ["r20261201", "e20261201"]);
  assertEquals(await Deno.readTextFile(`${dataDir}/dkim/${domain}/r20261130.pem`), first);
  const selectors = (await listDkimKeys(dataDir, domain)).map(({ selector }) => selector);
  assertEquals(selectors, ["e20261130", "e20261130b", "e20261201", "r20261130", "r20261130b", "r20261201"]);
});

Deno.test("a file that holds no key, and a day without free selectors, are told", async () => {
  const dataDir = await Deno.makeTempDir();
  const folder = `${dataDir}/dkim/${domain}`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/r20261130z.pem`, "no key");
  await Deno.writeTextFile(`${folder}/notes.pem`, "not one of ours");
  await assertRejects(() => listDkimKeys(dataDir, domain), DkimKeyError, "r20261130z.pem: ");
  await assertRejects(
    () => makeDkimKeys({ dataDir, domain }, { now: NOON, rotate: true }),
    DkimKeyError,
    "r20261130z is there: no more keys today",
  );
});

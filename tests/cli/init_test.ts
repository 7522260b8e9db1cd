import { assert, assertEquals, assertMatch } from "@std/assert";
import { runCli } from "./run_cli.ts";

Deno.test("init writes a configuration that is right, makes keys, prints the records, and does none of it twice", async () => {
  const cwd = await Deno.makeTempDir();
  const first = await runCli(["init", "--domain", "Bücher.example"], { cwd });
  assertEquals(first.code, 0, first.err);
  const lines = first.out.trimEnd().split("\n");
  assertEquals(lines.length, 8, "records only");
  for (const line of lines) assertMatch(line, /^[a-z0-9_.-]+\.\t3600\tIN\t(MX|TXT|CNAME)\t/);
  assertEquals(lines[0], "xn--bcher-kva.example.\t3600\tIN\tMX\t10 mail.xn--bcher-kva.example.");
  const text = await Deno.readTextFile(`${cwd}/dinopost.jsonc`);

  const check = await runCli(["check"], { cwd });
  assertEquals([check.code, check.err], [0, ""]);
  assert(check.out.includes("takes mail for xn--bcher-kva.example"), check.out);

  const again = await runCli(["init", "--domain", "bücher.example"], { cwd });
  assertEquals([again.code, again.out], [0, first.out]);
  assertMatch(again.err, /dinopost\.jsonc is there already and stays as it is\n/);
  assertEquals(await Deno.readTextFile(`${cwd}/dinopost.jsonc`), text);

  const rotated = await runCli(["init", "--domain", "bücher.example", "--rotate-dkim"], { cwd });
  const keys = (out: string) => out.split("\n").filter((line) => line.includes("._domainkey."));
  assertEquals(keys(rotated.out).length, 4);
  for (const old of keys(first.out)) assert(rotated.out.includes(old));
});

Deno.test("init follows the configuration that is there, and warns where it does not fit", async () => {
  const cwd = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${cwd}/mail.jsonc`,
    '{ "hostname": "mx.example.net", "domains": ["example.net"], "dataDir": "keys" }',
  );
  const { code, out, err } = await runCli(["init", "--domain", "example.org", "--config", "mail.jsonc"], {
    cwd,
  });
  assertEquals(code, 0, err);
  assert(out.startsWith("example.org.\t3600\tIN\tMX\t10 mx.example.net.\n"), out);
  assertMatch(err, /warning: example\.org is not one of "domains" in mail\.jsonc/);
  assertEquals([...Deno.readDirSync(`${cwd}/keys/dkim/example.org`)].length, 2);

  await Deno.mkdir(`${cwd}/etc`);
  const apart = ["--config", "etc/d.jsonc", "--data-dir", "var"];
  assertEquals((await runCli(["init", "--domain", "example.org", ...apart], { cwd })).code, 0);
  const again = await runCli(["init", "--domain", "example.org", "--config", "etc/d.jsonc"], { cwd });
  assertMatch(again.err, /the DKIM keys are there already/, "found by the file alone");
});

Deno.test("init says what is wrong with its arguments", async () => {
  const cwd = await Deno.makeTempDir();
  const table: [args: string[], code: number, err: string][] = [
    [[], 64, "dinopost: required option '--domain <domain>' not specified\n"],
    [
      ["--domain", "a b"],
      64,
      'dinopost: --domain: received "a b", expected a domain such as "example.org"\n',
    ],
    [
      ["--domain", "example.org", "--config", "none/d.jsonc"],
      69,
      "dinopost: none/d.jsonc: there is no such directory\n",
    ],
  ];
  for (const [args, code, err] of table) {
    assertEquals(await runCli(["init", ...args], { cwd }), { code, out: "", err });
  }
  assertEquals([...Deno.readDirSync(cwd)], []);
});

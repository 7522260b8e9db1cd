import { assert, assertEquals, assertMatch } from "@std/assert";
import { DnsServer } from "../../src/testing/mod.ts";
import { zonesOf } from "../support/zone_file.ts";
import { runCli } from "./run_cli.ts";

Deno.test("check --dns finds what init printed, and tells line by line what is wrong", async () => {
  const cwd = await Deno.makeTempDir();
  const printed = await runCli(["init", "--domain", "example.org"], { cwd });
  await using dns = await DnsServer.start({ zones: zonesOf(printed.out) });
  dns.zones["mail.example.org"] = { A: ["127.0.0.1"] };
  dns.zones["1.0.0.127.in-addr.arpa"] = { PTR: ["mail.example.org"] };
  const env = { DINOPOST_DNS_NAME_SERVER: dns.address, DINOPOST_OUTBOUND_ALLOW_PRIVATE: "true" };

  const first = await runCli(["check", "--dns"], { cwd, env });
  const lines = first.out.trimEnd().split("\n");
  assert(lines.includes("It is mail.example.org and takes mail for example.org."), first.out);
  const records = lines.filter((line) => /^(right|wrong|unknown) /.test(line));
  assertEquals(records.length, 10, first.out);
  // nobody serves the policy here
  const wrong = records.filter((line) => !line.startsWith("right"));
  assertEquals(wrong.length, 1, first.out);
  assertMatch(
    wrong[0]!,
    /^wrong {4}MTA-STS {2}mta-sts\.example\.org: .*gave no policy.*; listen\.https.* serves it/,
  );
  assertEquals([first.code, first.err], [65, "dinopost: 1 of 10 records are wrong\n"]);

  delete dns.zones["_dmarc.example.org"];
  dns.fail("example.org", "servfail", "MX");
  const second = await runCli(["check", "--dns", "--json"], { cwd, env });
  const found: Record<string, string>[] = JSON.parse(second.out);
  const of = (purpose: string) => found.find((one) => one["purpose"] === purpose);
  assertEquals(second.code, 65);
  assertEquals(of("MX")!["state"], "unknown");
  assertEquals(of("DMARC"), {
    purpose: "DMARC",
    name: "_dmarc.example.org",
    state: "wrong",
    text: "there is no such record",
    mend:
      'publish _dmarc.example.org. 3600 IN TXT "v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org"',
  });
});

Deno.test("check --dns tells when the DNS can't be asked, and when there is nothing to ask for", async () => {
  const cwd = await Deno.makeTempDir();
  const away = await runCli(["check", "--dns"], {
    cwd,
    env: {
      DINOPOST_DNS_NAME_SERVER: "127.0.0.1:1",
      DINOPOST_HOSTNAME: "mail.example.org",
      DINOPOST_DOMAINS: "example.org",
      DINOPOST_DKIM_SIGN: "false",
      DINOPOST_DNS_TIMEOUT: "500ms",
    },
  });
  assertEquals([away.code, away.err], [75, "dinopost: 8 of 8 records could not be asked for\n"]);
  const nobody = await runCli(["check", "--dns"], { cwd, env: { DINOPOST_HOSTNAME: "localhost" } });
  assertEquals([nobody.code, nobody.err], [
    65,
    'dinopost: "domains" names none that the DNS can know, only localhost\n',
  ]);
});

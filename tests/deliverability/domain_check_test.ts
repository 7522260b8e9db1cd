import { assert, assertEquals } from "@std/assert";
import { listDkimKeys, makeDkimKeys } from "../../src/authentication/dkim_key_files.ts";
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { loadConfig } from "../../src/config/load.ts";
import { checkDomain, checkHost, type RecordFinding } from "../../src/deliverability/domain_check.ts";
import { type OwnDomain, publishedRecords } from "../../src/deliverability/published_records.ts";
import { SystemResolver } from "../../src/dns/resolver.ts";
import { MailServer } from "../../src/mail_server.ts";
import { selfSigned } from "../../src/server/own_certificate.ts";
import { DnsServer, type Zones } from "../../src/testing/mod.ts";

const HOST = "mail.example.org";
const REVERSE = "10.2.0.192.in-addr.arpa";
const certificate = await selfSigned(["mta-sts.example.org"], Date.now());
const config = await loadConfig({
  env: {},
  overrides: {
    hostname: HOST,
    domains: ["example.org"],
    listen: { smtp: [], pop3: [], admin: [], https: ["127.0.0.1:0"] },
  },
});
const dataDir = await Deno.makeTempDir();
await makeDkimKeys({ dataDir, domain: "example.org" }, { now: Date.UTC(2026, 10, 30), rotate: false });
const own: OwnDomain = {
  domain: "example.org",
  hostname: HOST,
  signs: true,
  dkimKeys: await listDkimKeys(dataDir, "example.org"),
  keyDomain: "example.org",
  services: [{ protocol: "imap", tls: "implicit", port: 993 }],
};
await Deno.remove(dataDir, { recursive: true });

/** The zones as `init` wants them; the policy's host is on loopback. */
function zones(): Zones {
  const all: Zones = { [HOST]: { A: ["192.0.2.10"] }, [REVERSE]: { PTR: [`${HOST}.`] } };
  for (const { name, type, data } of publishedRecords(own)) {
    const entry = all[name] ??= {};
    if (type === "MX") entry.MX = [[10, data.split(" ")[1]!]];
    else if (type === "TXT") entry.TXT = [data];
    else if (type === "SRV") entry.SRV = [[0, 1, 993, HOST]];
    else entry.A = ["127.0.0.1"];
  }
  return all;
}

/** All findings, where the DNS is as `change` leaves it. */
async function findings(
  change: (zones: Zones, dns: DnsServer) => void = () => {},
  more: Partial<OwnDomain> = {},
): Promise<RecordFinding[]> {
  await using server = await MailServer.start(config, { inMemory: true, certificate });
  await using dns = await DnsServer.start({ zones: zones() });
  change(dns.zones, dns);
  const resolver = new SystemResolver({
    nameServer: dns.address,
    timeoutMs: 2000,
    clock: systemClock,
    random: systemRandom,
  });
  const options = {
    resolver,
    clock: systemClock,
    allowPrivate: true,
    ca: [certificate.cert],
    port: Number(server.addresses["https"]![0]!.split(":")[1]),
  };
  try {
    const host = await checkHost(HOST, options);
    return [...host.findings, ...await checkDomain({ ...own, ...more }, host.addresses, options)];
  } finally {
    resolver.close();
  }
}

const bad = (all: readonly RecordFinding[]) => all.filter(({ state }) => state !== "right");

Deno.test("a domain whose records are published as they are printed is right, line by line", async () => {
  const all = await findings();
  assertEquals(bad(all), []);
  assertEquals(all.map(({ purpose, name }) => `${purpose} ${name}`), [
    `Address ${HOST}`,
    "PTR 192.0.2.10",
    "MX example.org",
    "SPF example.org",
    "DKIM e20261130._domainkey.example.org",
    "DKIM r20261130._domainkey.example.org",
    "DMARC _dmarc.example.org",
    "MTA-STS _mta-sts.example.org",
    "MTA-STS mta-sts.example.org",
    "TLS-RPT _smtp._tls.example.org",
    "SRV _imaps._tcp.example.org",
  ]);
});

Deno.test("each record that is missing is told with the line to publish, and nothing else is", async () => {
  // mail gets through without a service's record
  const needed = publishedRecords(own).filter(({ purpose }) => purpose !== "SRV");
  for (const { purpose, name, type, data } of needed) {
    const all = await findings((zones) => {
      if (purpose === "SPF") delete zones[name]!.TXT;
      else if (purpose === "MX") delete zones[name]!.MX;
      else delete zones[name];
    });
    const [finding, ...others] = bad(all).filter((one) => purpose !== "MX" || one.purpose !== "SPF");
    assertEquals(others, [], name);
    assertEquals([finding?.purpose, finding?.name, finding?.state], [purpose, name, "wrong"]);
    assert(finding!.mend!.startsWith(`publish ${name}. 3600 IN ${type} `), finding!.mend);
    assert(type === "TXT" || finding!.mend!.endsWith(` ${data}.`), finding!.mend);
  }
});

Deno.test("what stands there and is not right is told in words", async () => {
  const spf = "example.org";
  const [, rsa] = own.dkimKeys;
  const key = `${rsa!.selector}._domainkey.example.org`;
  const table: [name: string, purpose: string, text: string, change: (zones: Zones) => void][] = [
    [HOST, "Address", "it has no address", (z) => void delete z[HOST]!.A],
    [
      "192.0.2.10",
      "PTR",
      "its name is host10.isp.example",
      (z) => z[REVERSE] = { PTR: ["host10.isp.example"] },
    ],
    ["192.0.2.10", "PTR", "it has no name", (z) => void delete z[REVERSE]],
    [
      spf,
      "MX",
      "its mail goes elsewhere: 10 mx.other.example",
      (z) => z[spf]!.MX = [[10, "mx.other.example"]],
    ],
    [spf, "MX", "its mail goes elsewhere: 0 .", (z) => z[spf]!.MX = [[0, "."]]],
    [
      spf,
      "SPF",
      "v=spf1 ip4:192.0.2.99 -all is fail for 192.0.2.10 (-all)",
      (z) => z[spf]!.TXT = ["v=spf1 ip4:192.0.2.99 -all"],
    ],
    [spf, "SPF", "there are 2 SPF records, expected just one", (z) => z[spf]!.TXT!.push("v=spf1 -all")],
    [key, "DKIM", "it can't be used: the key is revoked", (z) => z[key]!.TXT = ["v=DKIM1; k=rsa; p="]],
    [key, "DKIM", "it can't be used: the record is no key", (z) => z[key]!.TXT = ["hello"]],
    [
      "_dmarc.example.org",
      "DMARC",
      "there are 2 DMARC records, expected just one",
      (z) => z["_dmarc.example.org"]!.TXT!.push("v=DMARC1; p=none"),
    ],
    [
      "_dmarc.example.org",
      "DMARC",
      "v=DMARC1; p=strict has no policy",
      (z) => z["_dmarc.example.org"]!.TXT = ["v=DMARC1; p=strict"],
    ],
    [
      "_mta-sts.example.org",
      "MTA-STS",
      "the id p0123456789abcdef is that of an older policy",
      (z) => z["_mta-sts.example.org"]!.TXT = ["v=STSv1; id=p0123456789abcdef;"],
    ],
    [
      "_imaps._tcp.example.org",
      "SRV",
      "it leads elsewhere: 0 1 993 imap.example.net",
      (z) => z["_imaps._tcp.example.org"]!.SRV = [[0, 1, 993, "imap.example.net"]],
    ],
    [
      "_smtp._tls.example.org",
      "TLS-RPT",
      "v=TLSRPTv1; rua=postmaster names no address",
      (z) => z["_smtp._tls.example.org"]!.TXT = ["v=TLSRPTv1; rua=postmaster"],
    ],
  ];
  for (const [name, purpose, text, change] of table) {
    const found = bad(await findings(change)).find((one) => one.name === name && one.purpose === purpose);
    assertEquals([found?.state, found?.text], ["wrong", text]);
    assert(found!.mend, text);
  }
});

Deno.test("what an operator chose otherwise, and works, is right", async () => {
  const table: ((zones: Zones) => void)[] = [
    (z) => z["example.org"]!.MX!.push([5, "mx.backup.example"]),
    (z) => z["example.org"]!.TXT = ["other text", "v=spf1 ip4:192.0.2.0/24 -all"],
    (z) => z["_dmarc.example.org"]!.TXT = ["v=DMARC1; p=none"],
    (z) => delete z["_imaps._tcp.example.org"],
    (z) => z["_mta-sts.example.org"]!.TXT = ["v=STSv1; id=20261130T1200;"],
    (z) => z["_smtp._tls.example.org"]!.TXT = ["v=TLSRPTv1;rua=https://reports.example/tls"],
    (z) => z[REVERSE]!.PTR!.unshift("other.example.org"),
  ];
  for (const change of table) assertEquals(bad(await findings(change)), [], change.toString());
});

Deno.test("a host of MX that the policy does not name is told, though nothing is wrong", async () => {
  const all = await findings((z) => z["example.org"]!.MX!.push([20, "mx.backup.example"]));
  const policy = all.find(({ name }) => name === "mta-sts.example.org")!;
  assertEquals(policy.state, "right");
  assert(policy.text.includes("leaves out mx.backup.example"), policy.text);
});

Deno.test("a subdomain needs no DMARC record where the domain above has one", async () => {
  const all = await findings((z) => z["_dmarc.org"] = { TXT: ["v=DMARC1; p=reject"] });
  assertEquals(
    all.find(({ purpose }) => purpose === "DMARC")!.text.startsWith("v=DMARC1; p=quarantine"),
    true,
  );
  const below = await findings((z) => {
    z["_dmarc.org"] = { TXT: ["v=DMARC1; p=reject"] };
    delete z["_dmarc.example.org"];
  });
  assertEquals(below.find(({ purpose }) => purpose === "DMARC"), {
    purpose: "DMARC",
    name: "_dmarc.example.org",
    state: "right",
    text: "as _dmarc.org says",
  });
});

Deno.test("a domain that signs and has no key, and a policy's host with a certificate for another, are told", async () => {
  const [keys] = bad(await findings(() => {}, { dkimKeys: [] }));
  assertEquals([keys?.name, keys?.mend], [
    "*._domainkey.example.org",
    "make one: dinopost init --domain example.org",
  ]);
  assertEquals(bad(await findings(() => {}, { dkimKeys: [], signs: false })), []);
  const other = await findings(
    (z) => {
      z["mta-sts.example.com"] = { A: ["127.0.0.1"] };
    },
    { domain: "example.com", dkimKeys: [] },
  );
  const policy = other.find(({ name }) => name === "mta-sts.example.com")!;
  assertEquals(policy.state, "wrong");
  assert(policy.text.startsWith("mta-sts.example.com gave no policy: "), policy.text);
  assert(policy.mend!.includes("with a certificate for mta-sts.example.com"), policy.mend);
});

Deno.test("where the DNS can't be asked nothing is called wrong", async () => {
  const all = await findings((_, dns) => {
    for (const { name } of publishedRecords(own)) dns.fail(name, "servfail");
    dns.fail(HOST, "servfail");
  });
  assertEquals(all.every(({ state, mend }) => state === "unknown" && mend === undefined), true);
  assertEquals(all.length, 11);
});

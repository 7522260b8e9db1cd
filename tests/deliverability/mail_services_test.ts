import { assertEquals, assertStringIncludes } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { clientConfig, mailServices, serviceName } from "../../src/deliverability/mail_services.ts";
import { publishedRecords } from "../../src/deliverability/published_records.ts";
import { settingsAnswer } from "../../src/http/settings_site.ts";
import { ownSettings } from "../../src/server/own_domains.ts";

const config = await loadConfig({
  env: {},
  overrides: {
    hostname: "mail.example.org",
    domains: ["example.org", "example.net"],
    listen: {
      smtp: [],
      submissions: ["127.0.0.1:2465", "0.0.0.0:465"],
      submission: ["192.0.2.1:587"],
      imaps: ["0.0.0.0:993"],
      pop3: ["localhost:1110"],
      pop3s: ["[::]:995"],
      admin: [],
    },
  },
});

Deno.test("mailServices() are those that the world reaches, with the port that it asks", () => {
  const services = mailServices(config.listen);
  assertEquals(services.map((service) => `${serviceName(service)} ${service.port}`), [
    "_imaps._tcp 993",
    "_pop3s._tcp 995",
    "_submissions._tcp 465",
    "_submission._tcp 587",
  ]);
  const records = publishedRecords({
    domain: "example.org",
    hostname: "mail.example.org",
    signs: false,
    dkimKeys: [],
    keyDomain: "example.org",
    services,
  }).filter(({ type }) => type === "SRV");
  assertEquals(records.map(({ name, data }) => `${name} ${data}`), [
    "_imaps._tcp.example.org 0 1 993 mail.example.org",
    "_pop3s._tcp.example.org 0 1 995 mail.example.org",
    "_submissions._tcp.example.org 0 1 465 mail.example.org",
    "_submission._tcp.example.org 0 1 587 mail.example.org",
  ]);
});

Deno.test("clientConfig() names each service with its port and how TLS begins", () => {
  const xml = clientConfig({
    domain: "example.org",
    hostname: "mail.example.org",
    services: [{ protocol: "imap", tls: "implicit", port: 993 }, {
      protocol: "smtp",
      tls: "starttls",
      port: 587,
    }],
  });
  const flat = xml.replace(/\s*\n\s*/g, "");
  assertStringIncludes(
    flat,
    '<incomingServer type="imap"><hostname>mail.example.org</hostname><port>993</port><socketType>SSL</socketType>',
  );
  assertStringIncludes(
    flat,
    '<outgoingServer type="smtp"><hostname>mail.example.org</hostname><port>587</port><socketType>STARTTLS</socketType>',
  );
});

Deno.test("settings are found at autoconfig.DOMAIN and by the address, and nothing else is", async () => {
  const settingsOf = ownSettings(config);
  const ask = (host: string, target: string, method = "GET") => {
    const { pathname: path, searchParams } = new URL(target, `http://${host}`);
    const address = () => searchParams.get("emailaddress") ?? undefined;
    return settingsAnswer(host, { method, path, address }, settingsOf);
  };
  const plain = "/mail/config-v1.1.xml";
  const known = "/.well-known/autoconfig/mail/config-v1.1.xml";
  const rows: [string, string, string, string | number | undefined][] = [
    ["autoconfig.example.org", plain, "GET", "example.org"],
    ["autoconfig.example.org", `${plain}?emailaddress=jo%40example.org`, "GET", "example.org"],
    ["autoconfig.example.org", `${plain}?emailaddress=jo%40EXAMPLE.net`, "GET", "example.net"],
    ["autoconfig.example.org", `${plain}?emailaddress=jo%40elsewhere.example`, "GET", 404],
    ["autoconfig.example.org", "/", "GET", 404],
    ["autoconfig.example.org", plain, "POST", 405],
    ["autoconfig.elsewhere.example", plain, "GET", undefined],
    ["mail.example.org", `${known}?emailaddress=jo%40example.org`, "GET", "example.org"],
    ["mail.example.org", known, "GET", undefined],
    ["mail.example.org", "/", "GET", undefined],
  ];
  for (const [host, path, method, wanted] of rows) {
    const answer = ask(host, path, method);
    const body = await answer?.text();
    const got = answer?.status === 200 ? /emailProvider id="([^"]*)"/.exec(body!)?.[1] : answer?.status;
    assertEquals(got, wanted, `${method} ${host}${path}`);
  }
});

Deno.test("a server whose services only this machine reaches tells of none", async () => {
  const local = await loadConfig({ env: {}, overrides: { domains: ["example.org"] } });
  assertEquals(ownSettings(local)("example.org"), undefined);
});

/** Certificates from Pebble, which refuses every second nonce: got, used, renewed, by the server as an operator runs it. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type PeerCertificate } from "node:tls";
import { connect } from "node:tls";
import { ServerProcess } from "../e2e/support/server_process.ts";
import { Pebble } from "./support/pebble.ts";
import { until } from "./support/programs.ts";

const HOST = "mail.acme.example";
const POLICY_HOST = "mta-sts.acme.example";

interface Place extends AsyncDisposable {
  readonly cwd: string;
}

async function place(): Promise<Place> {
  const cwd = await Deno.makeTempDir({ prefix: "dinopost-acme-" });
  return { cwd, [Symbol.asyncDispose]: () => Deno.remove(cwd, { recursive: true }) };
}

/** A server that asks Pebble for its certificate. */
async function serve(
  pebble: Pebble,
  cwd: string,
  more: { http?: boolean | string; domains?: string[] } = {},
) {
  const { http = true, domains = ["acme.example"] } = more;
  for (const name of [HOST, POLICY_HOST]) pebble.dns.zones[name] = { A: ["127.0.0.1"] };
  const config = {
    hostname: HOST,
    domains,
    dataDir: "data",
    listen: {
      smtp: ["127.0.0.1:0"],
      submissions: ["127.0.0.1:0"],
      pop3: [],
      admin: ["127.0.0.1:0"],
      http: typeof http === "string" ? [http] : http ? [`127.0.0.1:${pebble.ports.http}`] : [],
      https: [`127.0.0.1:${pebble.ports.https}`],
    },
    tls: { acme: { email: "postmaster@acme.example", directory: pebble.directory } },
  };
  await Deno.writeTextFile(`${cwd}/dinopost.jsonc`, JSON.stringify(config));
  return await ServerProcess.ready({ cwd, env: { DENO_CERT: pebble.trust } });
}

/** The certificate on a port, with its chain. */
function certificateOn({ hostname, port }: { hostname: string; port: number }): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port, servername: HOST, rejectUnauthorized: false });
    socket.on("error", reject);
    socket.once("secureConnect", () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
  });
}

const isPebbles = ({ issuer }: PeerCertificate) => String(issuer?.CN).startsWith("Pebble");

function pebbles(server: ServerProcess, isAnother = (_: PeerCertificate) => true): Promise<PeerCertificate> {
  return until("a certificate of Pebble's", async () => {
    const found = await certificateOn(server.address("submissions"));
    return isPebbles(found) && isAnother(found) ? found : undefined;
  });
}

const namesOf = ({ subjectaltname }: PeerCertificate) => subjectaltname?.split(", ").toSorted();

Deno.test("a certificate is got by HTTP-01, and used on all ports without a restart", async () => {
  await using pebble = await Pebble.start({ life: 90 * 86_400 });
  await using at = await place();
  await using server = await serve(pebble, at.cwd);
  const found = await pebbles(server);
  assertEquals(namesOf(found), [`DNS:${HOST}`, `DNS:${POLICY_HOST}`]);
  const days = (Date.parse(found.valid_to) - Date.parse(found.valid_from)) / 86_400_000;
  assertEquals(Math.round(days), 90, "the profile that was named");
  assertEquals(
    (await certificateOn({ hostname: "127.0.0.1", port: pebble.ports.https })).serialNumber,
    found.serialNumber,
  );
  const policy = await fetch(`http://127.0.0.1:${pebble.ports.http}/.well-known/acme-challenge/x`);
  assertEquals(
    [policy.status, (await policy.text()).length > 0],
    [404, true],
    "no proof but what is looked for",
  );
});

Deno.test("a certificate is got by TLS-ALPN-01 where there is no port 80, and lasts beyond a restart", async () => {
  await using pebble = await Pebble.start({ life: 90 * 86_400 });
  await using at = await place();
  let serial: string;
  {
    await using server = await serve(pebble, at.cwd, { http: false });
    const found = await pebbles(server);
    assertEquals(namesOf(found), [`DNS:${HOST}`, `DNS:${POLICY_HOST}`]);
    serial = found.serialNumber;
  }
  await using again = await serve(pebble, at.cwd, { http: false });
  assertEquals(
    (await certificateOn(again.address("submissions"))).serialNumber,
    serial,
    "there from the start",
  );
  const [folder] = [...Deno.readDirSync(`${at.cwd}/data/acme`)];
  for (const file of Deno.readDirSync(`${at.cwd}/data/acme/${folder!.name}`)) {
    const { mode } = Deno.statSync(`${at.cwd}/data/acme/${folder!.name}/${file.name}`);
    assertEquals(mode! & 0o777, 0o600, file.name);
  }
});

Deno.test("where nobody reaches port 80 the names are proved on port 443", async () => {
  await using pebble = await Pebble.start({ life: 90 * 86_400 });
  await using at = await place();
  await using server = await serve(pebble, at.cwd, { http: "127.0.0.1:0" });
  assertEquals(namesOf(await pebbles(server)), [`DNS:${HOST}`, `DNS:${POLICY_HOST}`]);
});

Deno.test("a certificate that lives for seconds is renewed while a third of them is left", async () => {
  await using pebble = await Pebble.start({ life: 12 });
  await using at = await place();
  await using server = await serve(pebble, at.cwd);
  const seen = [await pebbles(server)];
  for (let i = 0; i < 2; i++) {
    const last = seen.at(-1)!;
    const next = await pebbles(server, ({ serialNumber }) => serialNumber !== last.serialNumber);
    assert(Date.now() < Date.parse(last.valid_to), "before the old one ended");
    seen.push(next);
  }
  assertNotEquals(seen[0]!.serialNumber, seen[2]!.serialNumber);
});

Deno.test("a certificate is renewed when the authority says so (RFC 9773)", async () => {
  await using pebble = await Pebble.start({ life: 90 * 86_400 });
  await using at = await place();
  let first: PeerCertificate;
  {
    await using server = await serve(pebble, at.cwd);
    first = await pebbles(server);
  }
  const yesterday = Date.now() - 86_400_000;
  const window = {
    start: new Date(yesterday - 60_000).toISOString(),
    end: new Date(yesterday).toISOString(),
  };
  await pebble.manage("/set-renewal-info/", {
    method: "POST",
    body: JSON.stringify({
      certificate: `-----BEGIN CERTIFICATE-----\n${
        new Uint8Array(first.raw).toBase64()
      }\n-----END CERTIFICATE-----\n`,
      ariResponse: JSON.stringify({ suggestedWindow: window }),
    }),
  });
  await using server = await serve(pebble, at.cwd);
  const second = await pebbles(server, ({ serialNumber }) => serialNumber !== first.serialNumber);
  assertEquals(namesOf(second), namesOf(first));
});

Deno.test("a policy host that the DNS does not know yet is left out, and the log says so", async () => {
  await using pebble = await Pebble.start({ life: 90 * 86_400 });
  await using at = await place();
  await using server = await serve(pebble, at.cwd, { domains: ["acme.example", "later.example"] });
  assertEquals(namesOf(await pebbles(server)), [`DNS:${HOST}`, `DNS:${POLICY_HOST}`]);
  assert(/names left out of the certificate.*mta-sts\.later\.example/.test(server.err), server.err);
});

Deno.test("an authority that is not there leaves the server with its own certificate, and the log says why", async () => {
  await using at = await place();
  const pebble = await Pebble.start({ life: 90 * 86_400 });
  await pebble[Symbol.asyncDispose]();
  await using server = await serve(pebble, at.cwd).catch((error) => Promise.reject(error));
  await until("the log", () => Promise.resolve(server.err.includes("no new certificate") || undefined));
  assertEquals(isPebbles(await certificateOn(server.address("submissions"))), false);
});

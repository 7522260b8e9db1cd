/** Pebble, the certificate authority that Let's Encrypt tests clients with: run with nonces refused, names by our DNS. */

import { DnsServer } from "../../../src/testing/mod.ts";
import { selfSigned } from "../../../src/server/own_certificate.ts";
import { answers, end } from "./programs.ts";

const PEBBLE = Deno.env.get("INTEROP_PEBBLE") ?? "/opt/dinopost-interop/pebble/pebble";

/** How it is to behave. */
export interface PebbleOptions {
  /** Seconds that its certificates live. */
  readonly life: number;
  /** Of so many requests in a hundred it refuses the nonce. */
  readonly refusedNonces?: number;
}

/** A port that nobody has, now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** A running authority, and the internet as it sees it. */
export class Pebble implements AsyncDisposable {
  /** The URL of its directory. */
  readonly directory: string;
  /** PEM file of who signed the certificate of its own HTTPS. */
  readonly trust: string;
  /** Where it looks for the proofs of HTTP-01 and TLS-ALPN-01. */
  readonly ports: { readonly http: number; readonly https: number };
  /** Its DNS. */
  readonly dns: DnsServer;
  readonly #folder: string;
  readonly #management: string;
  readonly #process: Deno.ChildProcess;

  private constructor(
    made: { folder: string; dns: DnsServer; process: Deno.ChildProcess; trust: string },
    ports: { http: number; https: number; acme: number; management: number },
  ) {
    this.directory = `https://127.0.0.1:${ports.acme}/dir`;
    this.trust = made.trust;
    this.ports = ports;
    this.dns = made.dns;
    this.#folder = made.folder;
    this.#management = `https://127.0.0.1:${ports.management}`;
    this.#process = made.process;
  }

  static async start({ life, refusedNonces = 50 }: PebbleOptions): Promise<Pebble> {
    const folder = await Deno.makeTempDir({ prefix: "dinopost-pebble-" });
    const ports = { http: freePort(), https: freePort(), acme: freePort(), management: freePort() };
    const { cert, key } = await selfSigned(["localhost", "127.0.0.1"], Date.now());
    const [trust, privateKey] = [`${folder}/cert.pem`, `${folder}/key.pem`];
    await Deno.writeTextFile(trust, cert);
    await Deno.writeTextFile(privateKey, key);
    const profile = { description: "Of these tests", validityPeriod: life };
    const config = {
      pebble: {
        listenAddress: `127.0.0.1:${ports.acme}`,
        managementListenAddress: `127.0.0.1:${ports.management}`,
        certificate: trust,
        privateKey,
        httpPort: ports.http,
        tlsPort: ports.https,
        retryAfter: { authz: 1, order: 1 },
        keyAlgorithm: "ecdsa",
        // who names no profile gets any of them
        profiles: { default: profile, other: { ...profile, validityPeriod: 77 * 86_400 } },
      },
    };
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
    const dns = await DnsServer.start();
    const process = new Deno.Command(PEBBLE, {
      args: ["-strict", "-config", `${folder}/config.json`, "-dnsserver", dns.address],
      env: { PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: String(refusedNonces) },
      stdout: "null",
      stderr: "null",
    }).spawn();
    await answers("127.0.0.1", ports.acme);
    await answers("127.0.0.1", ports.management);
    return new Pebble({ folder, dns, process, trust }, ports);
  }

  /** What else is asked of it: the roots and intermediates of its certificates, PEM. */
  async manage(path: string, init?: RequestInit): Promise<string> {
    using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(this.trust)] });
    const response = await fetch(`${this.#management}${path}`, { ...init, client } as RequestInit);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return await response.text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#process);
    await this.dns.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** The two IMAP servers of a test: the one under test, and a Dovecot as the other side. */

import { getAvailablePort } from "@std/net";
import { FREE_PORTS, ServerProcess } from "../../e2e/support/server_process.ts";
import { DovecotImap } from "../../support/dovecot_imap.ts";
import { makeCertificate } from "./foreign_server.ts";
import { removeTree } from "./programs.ts";

/** Whose mailbox it is, on both sides. */
export const READER = "brain@localhost";
/** Its password: no program may stumble over a blank or a sign, but each has its own quotes in its configuration. */
export const READERS_PASSWORD = "gRiZZly+bear:7";

/** A server that speaks IMAP in clear on loopback, at the same port for as long as it is there. */
export interface ImapHost extends AsyncDisposable {
  readonly make: string;
  readonly hostname: string;
  readonly port: number;
  /** TLS from the start. */
  readonly tlsPort: number;
  /** The path of the certificate that vouches for `localhost`. */
  readonly certificate: string;
  /** Ends it at once, as a power cut would. */
  kill(): Promise<void>;
  /** Starts it after that. */
  restart(): Promise<void>;
}

/** dinopost as a process of its own. */
class Dinopost implements ImapHost {
  readonly make = "dinopost";
  readonly hostname = "127.0.0.1";
  #server: ServerProcess | undefined;

  private constructor(readonly dir: string, readonly port: number, readonly tlsPort: number) {}

  static async start(): Promise<Dinopost> {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_imap_" });
    const config = {
      hostname: "localhost",
      domains: ["localhost"],
      accounts: { [READER]: { password: READERS_PASSWORD } },
      // with it STARTTLS is offered on loopback too
      tls: {},
      // its clients come from one address, and some open a connection for each folder
      limits: { connectionsPerIp: 200 },
    };
    await Deno.writeTextFile(`${dir}/dinopost.jsonc`, JSON.stringify(config));
    const host = new Dinopost(dir, getAvailablePort(), getAvailablePort());
    await host.restart();
    return host;
  }

  get certificate(): string {
    return `${this.dir}/data/tls-cert.pem`;
  }

  async restart(): Promise<void> {
    const env = {
      ...FREE_PORTS,
      DINOPOST_LISTEN_IMAP: `127.0.0.1:${this.port}`,
      DINOPOST_LISTEN_IMAPS: `127.0.0.1:${this.tlsPort}`,
    };
    this.#server = await ServerProcess.ready({ cwd: this.dir, env });
  }

  async kill(): Promise<void> {
    this.#server?.signal("SIGKILL");
    await this.#server?.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await removeTree(this.dir);
  }
}

/** What a test needs to be there. */
export const NEEDED = ["dovecot", "/usr/lib/dovecot/imap"];

/** Which server is under test; a second Dovecot in its place shows what the programs do by themselves. */
export const UNDER_TEST = Deno.env.get("IMAP_UNDER_TEST") ?? "dinopost";

/** The server under test. */
export async function hostUnderTest(): Promise<ImapHost> {
  return UNDER_TEST === "dovecot" ? await otherHost() : await Dinopost.start();
}

/** A Dovecot with an empty mailbox. */
export async function otherHost(): Promise<ImapHost> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_imap_" });
  const named = ["-addext", "subjectAltName=DNS:localhost"];
  await makeCertificate(dir, "localhost", ["-newkey", "rsa:2048", ...named]);
  const certificate = `${dir}/tls.crt`;
  const dovecot = await DovecotImap.start([READER], READERS_PASSWORD, { certificate, key: `${dir}/tls.key` });
  return Object.assign(dovecot, {
    certificate,
    async [Symbol.asyncDispose]() {
      await DovecotImap.prototype[Symbol.asyncDispose].call(dovecot);
      await Deno.remove(dir, { recursive: true });
    },
  });
}

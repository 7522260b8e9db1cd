/** Certificates that tests make: an authority, what it issues, and the hosts of MTA-STS policies. */

import { createServer, type Server } from "node:https";
import { generate } from "selfsigned";
import type { TlsMaterial } from "../../src/wire/tls.ts";

/** From when to when a certificate holds; TLS looks at the machine's clock, the server at the test's. */
export interface Validity {
  readonly from?: string;
  readonly to?: string;
}

const DNS_NAME = 2 as const;

/** An authority of its own, with a key on P-256. */
export class Authority {
  private constructor(readonly cert: string, private readonly key: string) {}

  /** Makes a root, or, with `issuer`, one that another authority has issued. */
  static async make(name = "Test Root", issuer?: Authority): Promise<Authority> {
    const { cert, private: key } = await generate([{ name: "commonName", value: name }], {
      ...options({}, issuer),
      extensions: [
        { name: "basicConstraints", cA: true, critical: true },
        { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
      ],
    });
    return new Authority(cert, key);
  }

  /** A certificate for these names; without any it has a common name alone. */
  async issue(names: readonly string[], validity: Validity = {}): Promise<TlsMaterial> {
    const { cert, private: key } = await generate([{ name: "commonName", value: names[0] ?? "mx.test" }], {
      ...options(validity, this),
      extensions: [
        { name: "basicConstraints", cA: false },
        ...(names.length > 0
          ? [{ name: "subjectAltName" as const, altNames: names.map((value) => ({ type: DNS_NAME, value })) }]
          : []),
      ],
    });
    return { cert, key };
  }

  /** @internal */
  get material(): { cert: string; key: string } {
    return { cert: this.cert, key: this.key };
  }
}

function options({ from = "2020-01-01", to = "2100-01-01" }: Validity, issuer: Authority | undefined) {
  return {
    keyType: "ec" as const,
    curve: "P-256" as const,
    algorithm: "sha256",
    notBeforeDate: new Date(from),
    notAfterDate: new Date(to),
    ...(issuer && { ca: issuer.material }),
  };
}

/** What a policy host answers; a text is a 200 with it. */
export type PolicyAnswer = string | {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
};

/** The web server of a policy. */
export class PolicyHost implements AsyncDisposable {
  /** The paths that were asked for, with the Host header in front. */
  readonly asked: string[] = [];
  readonly #server: Server;

  /** What it says may be changed at any time. */
  constructor(public answer: PolicyAnswer, certificate: TlsMaterial) {
    this.#server = createServer(certificate, (request, response) => {
      this.asked.push(`${request.headers.host}${request.url}`);
      const { status = 200, headers = {}, body = "" } = typeof this.answer === "string"
        ? { body: this.answer }
        : this.answer;
      response.writeHead(status, { "content-type": "text/plain", ...headers });
      response.end(body);
    });
  }

  /** Listens. */
  async listen(hostname: string, port: number): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, hostname, resolve));
    return this;
  }

  /** The port. */
  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }
}

/** HTTP for the world: the policies of our domains over TLS, and nothing else. */

import { secure } from "../http/guard.ts";
import { policyAnswer, type PolicyOf } from "../http/policy_site.ts";
import { ConnectionLimiter } from "../wire/connection_limiter.ts";
import { HttpServer } from "../wire/http_server.ts";
import type { SessionServerOptions } from "../wire/session_server.ts";
import type { ServerTls } from "../wire/tls.ts";

/** What it is made of. */
export interface PublicWebOptions {
  readonly policyOf: PolicyOf;
  readonly tls: ServerTls | undefined;
  /** What all servers share. */
  readonly shared: SessionServerOptions;
  /** Connections at once, and from one address. */
  readonly limits: { readonly connections: number; readonly connectionsPerIp: number };
}

/** Its servers, which count their connections together. */
export class PublicWeb {
  readonly #options: PublicWebOptions;
  readonly #shared: SessionServerOptions;

  constructor(options: PublicWebOptions) {
    this.#options = options;
    const { connections, connectionsPerIp } = options.limits;
    const { clock } = options.shared;
    this.#shared = {
      ...options.shared,
      limiter: new ConnectionLimiter({
        maxConnections: connections,
        maxPerAddress: connectionsPerIp,
        ...(clock && { clock }),
      }),
    };
  }

  /** Listens nowhere yet. Throws where TLS is wanted and there is none. */
  server(kind: "http" | "https"): HttpServer {
    const { tls, policyOf } = this.#options;
    if (kind === "http") return new HttpServer({ ...this.#shared, fetch: () => secured(nothing()) });
    if (!tls) throw new Error("there is no certificate to speak TLS with");
    return new HttpServer({
      ...this.#shared,
      secure: (conn) => tls.upgrade(conn),
      fetch: ({ url, method }) => {
        const { hostname, pathname: path } = new URL(url);
        const host = hostname.replace(/\.$/, "");
        return secured(policyAnswer(host, { method, path }, policyOf) ?? nothing());
      },
    });
  }
}

function secured(answer: Response): Response {
  secure(answer.headers);
  return answer;
}

function nothing(): Response {
  return new Response("Nothing here\n", { status: 404 });
}

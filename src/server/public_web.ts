/** HTTP for the world: the policies of our domains over TLS, what proves our names to an authority, and nothing else. */

import { PROOF_PATH, type Proofs } from "../acme/proofs.ts";
import { ACME_TLS, answerTlsAlpn } from "../acme/tls_alpn.ts";
import type { Random } from "../base/random.ts";
import { secure } from "../http/guard.ts";
import { policyAnswer, type PolicyOf } from "../http/policy_site.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import { peekClientHello } from "../wire/client_hello.ts";
import { ConnectionLimiter } from "../wire/connection_limiter.ts";
import { HttpServer } from "../wire/http_server.ts";
import type { SessionServerOptions } from "../wire/session_server.ts";
import type { ServerTls } from "../wire/tls.ts";

/** What it is made of. */
export interface PublicWebOptions {
  readonly policyOf: PolicyOf;
  readonly proofs: Proofs;
  readonly random: Random;
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
    if (kind === "http") return new HttpServer({ ...this.#shared, fetch: (request) => this.#proof(request) });
    if (!tls) throw new Error("there is no certificate to speak TLS with");
    return new HttpServer({
      ...this.#shared,
      secure: (conn) => this.#secure(conn, tls),
      fetch: ({ url, method }) => {
        const { hostname, pathname: path } = new URL(url);
        const host = hostname.replace(/\.$/, "");
        return secured(policyAnswer(host, { method, path }, policyOf) ?? nothing());
      },
    });
  }

  /** Any host, since the authority asks for the names that it was told (RFC 8555 8.3). */
  #proof({ url, method }: Request): Response {
    const { pathname } = new URL(url);
    const proof = pathname.startsWith(PROOF_PATH) && (method === "GET" || method === "HEAD")
      ? this.#options.proofs.http.get(pathname.slice(PROOF_PATH.length))
      : undefined;
    const headers = { "content-type": "application/octet-stream" };
    return secured(proof === undefined ? nothing() : new Response(proof, { headers }));
  }

  /** Undefined: it was the authority, and has seen what it wanted to. */
  async #secure(conn: ByteConn, tls: ServerTls): Promise<ByteConn | undefined> {
    const { proofs, random } = this.#options;
    if (proofs.tls.size === 0) return await tls.upgrade(conn);
    const { hello, conn: whole } = await peekClientHello(conn);
    if (!hello?.alpn.includes(ACME_TLS)) return await tls.upgrade(whole);
    await answerTlsAlpn(conn, hello, { proofs: proofs.tls, random: random.bytes(32) });
    return undefined;
  }
}

function secured(answer: Response): Response {
  secure(answer.headers);
  return answer;
}

function nothing(): Response {
  return new Response("Nothing here\n", { status: 404 });
}

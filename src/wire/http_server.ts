/**
 * The HTTP/1.1 server: node:http reads and writes the protocol, connections come from our own listener. `Deno.serve` has
 * no limit for a head that is half sent and none for an idle connection, and node:http's own listener pauses after each
 * connection that was reset before it was accepted.
 */

import process from "node:process";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { ByteConn } from "./byte_conn.ts";
import { HttpConnection } from "./http_connection.ts";
import { answer, BodyAborted } from "./http_exchange.ts";
import { SessionServer, type SessionServerOptions } from "./session_server.ts";

/** What an {@linkcode HttpServer} is made of. */
export interface HttpServerOptions extends SessionServerOptions {
  /** Answers a request; `remote` is the client's IP address. The request's signal tells that the client has gone. */
  fetch(request: Request, remote: string): Response | Promise<Response>;
}

/** To a connection over the limit. */
const UNAVAILABLE = "HTTP/1.1 503 Service Unavailable\r\n" +
  "Connection: close\r\nContent-Length: 0\r\nRetry-After: 5\r\n\r\n";

/** An HTTP/1.1 server on any number of addresses. */
export class HttpServer extends SessionServer {
  readonly #options: HttpServerOptions;
  readonly #connections = new WeakMap<object, HttpConnection>();
  #node: Server | undefined;

  /** Listens nowhere yet: {@linkcode SessionServer.listen}. */
  constructor(options: HttpServerOptions) {
    super(options);
    this.#options = options;
  }

  /** See {@linkcode SessionServer}. */
  protected override async session(conn: ByteConn): Promise<void> {
    const connection = new HttpConnection(conn, this.shared);
    const node = this.#node ??= this.#makeNode();
    this.#connections.set(connection.stream, connection);
    node.emit("connection", connection.stream);
    await connection.closed;
  }

  /** See {@linkcode SessionServer}. */
  protected override refusal(): string {
    return UNAVAILABLE;
  }

  /** Loaded late: a server without HTTP needs none of it. */
  #makeNode(): Server {
    const { closing } = this.shared;
    const node = process.getBuiltinModule("node:http").createServer((incoming, response) =>
      void this.#serve(incoming, response)
    );
    // the connection watches the time
    node.keepAliveTimeout =
      node.headersTimeout =
      node.requestTimeout =
      node.timeout =
        0;
    // Deno's closes each connection behind the first answer, unless its server listens
    Object.defineProperty(node, "listening", { get: () => !closing.aborted });
    return node;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const connection = this.#connections.get(incoming.socket);
    if (!connection) return void incoming.destroy();
    connection.begin(incoming, response);
    const { remote, local, tls } = connection.conn;
    try {
      await answer({ incoming, response }, {
        fetch: (request) => this.#options.fetch(request, remote.hostname),
        origin: { secure: tls !== undefined, local },
      });
    } catch (error) {
      if (!response.destroyed && !(error instanceof BodyAborted)) this.#options.onError?.(error);
      connection.stream.destroy();
    }
  }
}

/**
 * The HTTP/1.1 server: node:http reads and writes the protocol, connections come from our own listener. `Deno.serve` has
 * no limit for a head that is half sent and none for an idle connection, and node:http's own listener pauses after each
 * connection that was reset before it was accepted.
 */

import process from "node:process";
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { ByteConn } from "./byte_conn.ts";
import { HttpConnection } from "./http_connection.ts";
import { answer, BodyAborted, SWITCHING } from "./http_exchange.ts";
import { SessionServer, type SessionServerOptions } from "./session_server.ts";
import { asksForWebSocket, shakeHands, type TextSocket, type Upgrade } from "./web_sockets.ts";

/** What an {@linkcode HttpServer} is made of. */
export interface HttpServerOptions extends SessionServerOptions {
  /**
   * Answers a request; `remote` is the client's IP address. The request's signal tells that the client has gone. One that
   * asks for a WebSocket comes with `upgrade`, and gets what that answers, or any other answer.
   */
  fetch(request: Request, remote: string, upgrade?: Upgrade): Response | Promise<Response>;
  /**
   * What stands below HTTP, done with each connection first: TLS. Undefined: the connection was not for HTTP, and is over.
   * May reject, with the connection closed.
   */
  secure?(conn: ByteConn): Promise<ByteConn | undefined>;
}

/** A handshake is done after so long. */
const HANDSHAKE_MS = 30_000;
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
    const secured = await this.#secured(conn);
    if (secured === undefined) return;
    const connection = new HttpConnection(secured, this.shared);
    const node = this.#node ??= this.#makeNode();
    this.#connections.set(connection.stream, connection);
    node.emit("connection", connection.stream);
    await connection.closed;
  }

  /** See {@linkcode SessionServer}. */
  protected override refusal(): string {
    return this.#options.secure ? "" : UNAVAILABLE;
  }

  /** Undefined: nobody is there to be served. */
  async #secured(conn: ByteConn): Promise<ByteConn | undefined> {
    const { secure } = this.#options;
    if (!secure) return conn;
    const { deadlines, ending } = this.shared;
    const end = () => conn.close();
    const deadline = deadlines.watch(end);
    deadline.set(HANDSHAKE_MS);
    ending.addEventListener("abort", end, { once: true });
    try {
      return await secure(conn);
    } catch {
      conn.close(); // whoever that was has no TLS, or none that we speak
      return undefined;
    } finally {
      ending.removeEventListener("abort", end);
      deadline.end();
    }
  }

  /** Loaded late: a server without HTTP needs none of it. */
  #makeNode(): Server {
    const { closing } = this.shared;
    const { createServer } = process.getBuiltinModule("node:http");
    // whatever else somebody would rather speak, HTTP/1.1 answers
    const options: ServerOptions & { shouldUpgradeCallback(incoming: IncomingMessage): boolean } = {
      shouldUpgradeCallback: asksForWebSocket,
    };
    const node = createServer(options, (incoming, response) => void this.#serve(incoming, response));
    node.on("upgrade", (incoming, _, head) => void this.#serveUpgrade(incoming, head));
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

  async #serve(incoming: IncomingMessage, response: ServerResponse, upgrade?: Upgrade): Promise<void> {
    const connection = this.#connections.get(incoming.socket);
    if (!connection) return void incoming.destroy();
    connection.begin(incoming, response);
    const { remote, local, tls } = connection.conn;
    try {
      await answer({ incoming, response }, {
        fetch: (request) => this.#options.fetch(request, remote.hostname, upgrade),
        origin: { secure: tls !== undefined, local },
      });
    } catch (error) {
      if (!response.destroyed && !(error instanceof BodyAborted)) this.#options.onError?.(error);
      connection.stream.destroy();
    }
  }

  /** Behind such a request node:http reads no other one of the connection. */
  async #serveUpgrade(incoming: IncomingMessage, head: Uint8Array): Promise<void> {
    const connection = this.#connections.get(incoming.socket);
    if (!connection) return void incoming.destroy();
    const { stream } = connection;
    const { ServerResponse } = process.getBuiltinModule("node:http");
    const response = new ServerResponse(incoming);
    response.shouldKeepAlive = false;
    response.assignSocket(incoming.socket);
    let take: ((socket: TextSocket) => void) | undefined;
    await this.#serve(incoming, response, (taker) => {
      take = taker;
      return new Response(null, { status: SWITCHING });
    });
    if (!take || stream.destroyed) return void stream.end();
    response.detachSocket(incoming.socket);
    connection.hand();
    try {
      await shakeHands(incoming, { stream, head, clock: this.shared.clock, take });
    } catch (error) {
      this.#options.onError?.(error);
      stream.destroy();
    }
  }
}

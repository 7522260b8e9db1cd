/** A POP3 server: any number of addresses, a session for each connection. */

import type { ByteConn } from "../wire/byte_conn.ts";
import type { ConnectionRefusal } from "../wire/connection_limiter.ts";
import { SessionServer, type SessionServerOptions, type SharedBySessions } from "../wire/session_server.ts";
import { TOO_MANY_CONNECTIONS, TOO_MANY_OF_ADDRESS } from "./reply.ts";
import { type Pop3SessionOptions, servePop3 } from "./session.ts";

/** What a {@linkcode Pop3Server} is made of: what its sessions have in common, and what servers may share. */
export interface Pop3ServerOptions
  extends SessionServerOptions, Omit<Pop3SessionOptions, keyof SharedBySessions | "id" | "onEvent"> {
  /** Called for each connection: answers who is told what happens in its session. */
  watch?(id: string, conn: ByteConn): NonNullable<Pop3SessionOptions["onEvent"]>;
}

/** A POP3 server (RFC 1939, 2449, 2595, 8314) over a mail store and its accounts. */
export class Pop3Server extends SessionServer {
  readonly #options: Pop3ServerOptions;

  /** Listens nowhere yet: {@linkcode SessionServer.listen}. */
  constructor(options: Pop3ServerOptions) {
    super(options);
    this.#options = options;
  }

  /** See {@linkcode SessionServer}. */
  protected override session(conn: ByteConn, id: string): Promise<void> {
    const onEvent = this.#options.watch?.(id, conn);
    return servePop3(conn, { ...this.#options, ...this.shared, id, ...(onEvent && { onEvent }) });
  }

  /** See {@linkcode SessionServer}. */
  protected override refusal(why: ConnectionRefusal): string {
    if (this.#options.implicitTls) return "";
    return why === "connections" ? TOO_MANY_CONNECTIONS : TOO_MANY_OF_ADDRESS;
  }
}

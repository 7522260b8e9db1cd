/** An IMAP server: any number of addresses, a session for each connection. */

import type { ByteConn } from "../wire/byte_conn.ts";
import type { ConnectionRefusal } from "../wire/connection_limiter.ts";
import { SessionServer, type SessionServerOptions, type SharedBySessions } from "../wire/session_server.ts";
import { type ImapSessionOptions, serveImap } from "./session.ts";

/** What an {@linkcode ImapServer} is made of: what its sessions have in common, and what servers may share. */
export interface ImapServerOptions
  extends SessionServerOptions, Omit<ImapSessionOptions, keyof SharedBySessions | "id" | "onEvent"> {
  /** Called for each connection: answers who is told what happens in its session. */
  watch?(id: string, conn: ByteConn): NonNullable<ImapSessionOptions["onEvent"]>;
}

/** An IMAP server (RFC 9051, 3501, 8314) over a mail store and its accounts. */
export class ImapServer extends SessionServer {
  readonly #options: ImapServerOptions;

  /** Listens nowhere yet: {@linkcode SessionServer.listen}. */
  constructor(options: ImapServerOptions) {
    super(options);
    this.#options = options;
  }

  /** See {@linkcode SessionServer}. */
  protected override session(conn: ByteConn, id: string): Promise<void> {
    const onEvent = this.#options.watch?.(id, conn);
    return serveImap(conn, { ...this.#options, ...this.shared, id, ...(onEvent && { onEvent }) });
  }

  /** See {@linkcode SessionServer}. */
  protected override refusal(why: ConnectionRefusal): string {
    if (this.#options.implicitTls) return "";
    const text = why === "connections" ? "Too many connections" : "Too many connections from your address";
    return `* BYE [UNAVAILABLE] ${text}: try again later\r\n`;
  }
}

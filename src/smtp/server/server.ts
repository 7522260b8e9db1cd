/** An SMTP server: one kind of service on any number of addresses, a session for each connection. */

import { isLoopbackPeer } from "../../base/ip.ts";
import type { ByteConn } from "../../wire/byte_conn.ts";
import type { ConnectionRefusal } from "../../wire/connection_limiter.ts";
import {
  SessionServer,
  type SessionServerOptions,
  type SharedBySessions,
} from "../../wire/session_server.ts";
import { TOO_MANY_CONNECTIONS, TOO_MANY_OF_ADDRESS } from "../protocol/replies.ts";
import { formatReply } from "../protocol/reply.ts";
import { serveSmtp } from "./session.ts";
import type { SmtpSessionOptions } from "./session_options.ts";

/** What an {@linkcode SmtpServer} is made of: what its sessions have in common, and what servers may share. */
export interface SmtpServerOptions
  extends SessionServerOptions, Omit<SmtpSessionOptions, keyof SharedBySessions | "id" | "onEvent"> {
  /**
   * True: STARTTLS is not offered where it listens on loopback. Programs on this machine take it up unasked, and stop
   * at a certificate that nobody has signed.
   */
  readonly noTlsOnLoopback?: boolean;
  /** Called for each connection: answers who is told what happens in its session. */
  watch?(id: string, conn: ByteConn): NonNullable<SmtpSessionOptions["onEvent"]>;
}

/**
 * An SMTP, submission or LMTP server (RFC 5321, 6409, 8314, 2033). What is not protocol is asked of the `reception`.
 *
 * @example
 * ```ts ignore
 * await using server = new SmtpServer({
 *   reception, // who is welcome, and where the messages go
 *   hostname: "mail.example.org",
 *   service: "smtp",
 *   auth: "never",
 *   limits: {
 *     messageSize: 1 << 20,
 *     recipients: 100,
 *     commandTimeoutMs: 300_000,
 *     dataTimeoutMs: 600_000,
 *     errorsPerSession: 20,
 *   },
 * });
 * console.log(server.listen({ hostname: "127.0.0.1", port: 0 }));
 * ```
 */
export class SmtpServer extends SessionServer {
  readonly #options: SmtpServerOptions;
  /** What all sessions are given, and those that are not offered TLS. */
  readonly #common: Omit<SmtpSessionOptions, "id" | "onEvent">;
  readonly #withoutTls: Omit<SmtpSessionOptions, "id" | "onEvent">;

  /** Listens nowhere yet: {@linkcode SessionServer.listen}. */
  constructor(options: SmtpServerOptions) {
    super(options);
    this.#options = options;
    const { tls, ...others } = options;
    this.#withoutTls = { ...others, ...this.shared };
    this.#common = tls ? { ...this.#withoutTls, tls } : this.#withoutTls;
  }

  /** See {@linkcode SessionServer}. */
  protected override session(conn: ByteConn, id: string): Promise<void> {
    const { tls, noTlsOnLoopback, watch } = this.#options;
    const onEvent = watch?.(id, conn);
    const common = tls && noTlsOnLoopback && this.#listensOnLoopback(conn) ? this.#withoutTls : this.#common;
    return serveSmtp(conn, onEvent ? { ...common, id, onEvent } : { ...common, id });
  }

  /** By the address that was bound: who listens on all of them is for others too. */
  #listensOnLoopback({ local }: ByteConn): boolean {
    return isLoopbackPeer(local.hostname) &&
      this.addresses.some(({ hostname, port }) => hostname === local.hostname && port === local.port);
  }

  /** See {@linkcode SessionServer}. */
  protected override refusal(why: ConnectionRefusal): string {
    if (this.#options.implicitTls) return "";
    return formatReply(why === "connections" ? TOO_MANY_CONNECTIONS : TOO_MANY_OF_ADDRESS);
  }
}

/** The POP3 server of the composition, and what those have in common that people read their mail by. */

import type { Config } from "../config/config.ts";
import { Pop3Server, type Pop3ServerOptions } from "../pop3/server.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import type { Parts } from "./parts.ts";
import type { SessionLog } from "./session_log.ts";

/** RFC 1939 3 asks for ten minutes at least. */
const POP3_IDLE_MS = 600_000;

/** What is the same for all of them. */
export interface ReadingServerOptions {
  readonly config: Config;
  /** What all servers share. */
  readonly shared: Pick<
    Pop3ServerOptions,
    "hostname" | "clock" | "limiter" | "deadlines" | "nextId" | "onError" | "tls" | "implicitTls"
  >;
  /** The log of a session. */
  log(id: string, conn: ByteConn): SessionLog;
}

/** A POP3 server. */
export function pop3Server(parts: Parts, { config, shared, log }: ReadingServerOptions): Pop3Server {
  const { accounts, appPasswords, mailStore, guard } = parts;
  const { auth, limits, capture } = config;
  return new Pop3Server({
    ...shared,
    accounts,
    appPasswords,
    mailStore,
    guard,
    allowInsecure: auth.allowInsecure || capture !== false,
    // who captures mail keeps it from nobody
    ...(capture && {
      anyLogin: (name: string) => ({ address: accounts.loginMailbox(name) ?? name, createdAt: 0 }),
    }),
    idleTimeoutMs: Math.max(POP3_IDLE_MS, limits.commandTimeout),
    errorsPerSession: limits.errorsPerSession,
    watch: (id, conn) => {
      const to = log(id, conn);
      return (event) => to.pop3(event);
    },
  });
}

/** Connections of tests: over TCP on loopback, and such as seem to be others than they are. */

import { encode } from "../../src/base/bytes.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { type TcpByteConn, tcpConn } from "../../src/wire/tcp_conn.ts";
import type { ServerTls } from "../../src/wire/tls.ts";

/** What both ends of {@linkcode pretendedTls} see of the connection. */
export const END_POINT = encode("a hash of the certificate");

/** TLS that encrypts nothing: the session can't tell. */
export const pretendedTls: ServerTls = {
  expiresSoon: false,
  daysLeft: 90,
  endsAt: 0,
  reload() {},
  upgrade: (conn) =>
    Promise.resolve(
      wrapped(conn, { tls: { protocol: "TLSv1.3", cipher: "TLS_PRETENDED", endPoint: END_POINT } }),
    ),
};

/** The same connection of which other facts are told. */
export function wrapped(conn: ByteConn, facts: Partial<Pick<ByteConn, "remote" | "tls">>): ByteConn {
  return {
    read: (into) => conn.read(into),
    write: (bytes) => conn.write(bytes),
    close: () => conn.close(),
    closeWrite: () => conn.closeWrite!(),
    remote: conn.remote,
    local: conn.local,
    ...facts,
  };
}

/** A server's end of a connection whose client seems to be at that address. */
export function fromAddress(conn: ByteConn, hostname: string | undefined): ByteConn {
  return hostname === undefined ? conn : wrapped(conn, { remote: { hostname, port: 50000 } });
}

/** Two ends of a TCP connection on loopback: the client's, the server's. */
export async function tcpPair(): Promise<[TcpByteConn, TcpByteConn]> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port }),
    listener.accept(),
  ]);
  listener.close();
  return [tcpConn(client), tcpConn(server)];
}

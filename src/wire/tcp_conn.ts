/** A TCP connection as a stream of bytes: whole writes, no delay, a close that may be repeated. */

import type { ByteConn } from "./byte_conn.ts";

/** A {@linkcode ByteConn} over TCP. */
export interface TcpByteConn extends ByteConn {
  /** The platform's own connection. */
  readonly raw: Deno.TcpConn;
  /** See {@linkcode ByteConn}; never rejects. */
  closeWrite(): Promise<void>;
}

/**
 * Wraps a TCP connection. Small writes go out at once (no Nagle delay: a reply that waits for an acknowledgement
 * costs 40 ms). Addresses are plain: an IPv4 peer of an IPv6 socket is told as IPv4.
 */
export function tcpConn(conn: Deno.TcpConn): TcpByteConn {
  return new Tcp(conn);
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The address without its IPv6 wrapping: `::ffff:127.0.0.1` is `127.0.0.1`. */
export function plainAddress(hostname: string): string {
  return hostname[0] === ":" ? MAPPED.exec(hostname)?.[1] ?? hostname : hostname;
}

class Tcp implements TcpByteConn {
  readonly raw: Deno.TcpConn;
  readonly remote: { readonly hostname: string; readonly port: number };
  readonly local: { readonly hostname: string; readonly port: number };
  #closed = false;

  constructor(conn: Deno.TcpConn) {
    this.raw = conn;
    this.remote = plain(conn.remoteAddr);
    this.local = plain(conn.localAddr);
    try {
      conn.setNoDelay(true);
    } catch {
      // the peer is gone already: the first read will tell
    }
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.raw.read(into);
  }

  write(bytes: Uint8Array): Promise<void> {
    // no async function: nearly always one write takes it all
    return this.raw.write(bytes).then((written) =>
      written < bytes.length ? this.write(bytes.subarray(written)) : undefined
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.raw.close();
  }

  async closeWrite(): Promise<void> {
    try {
      await this.raw.closeWrite();
    } catch {
      // not connected any more: there is nobody to tell
    }
  }
}

function plain(address: Deno.NetAddr): { readonly hostname: string; readonly port: number } {
  return { hostname: plainAddress(address.hostname), port: address.port };
}

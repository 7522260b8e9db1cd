/** In charge of telling what kind of peer, or end of it, this is. */

import { decode } from "../base/bytes.ts";

/** Is it this machine? */
export function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\.|^::1$/i.test(address);
}

/** HTTP or a TLS hello where POP3's first command should be. */
export function isForeign(bytes: Uint8Array): boolean {
  if (bytes[0] === 0x16) return true;
  return /^(?:GET|POST|PUT|HEAD|OPTIONS|CONNECT|DELETE|PATCH|PRI) \S+ HTTP\//.test(
    decode(bytes.subarray(0, 512)),
  );
}

/** The peer has gone, or we closed the connection ourselves. */
export function isConnectionError(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.TimedOut || error instanceof Deno.errors.NotConnected;
}

/** The loopback addresses: which IP addresses, as text, are this machine's own. */

/** Is this address, as DNS or a configuration gives it, one of this machine's loopback? */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** The same for what a listener is told: `localhost` is loopback too. */
export function isLoopbackName(hostname: string): boolean {
  return hostname === "localhost" || isLoopback(hostname);
}

/** Is the peer of a connection on this machine? A socket for IPv6 and IPv4 shows an IPv4 peer as `::ffff:127.0.0.1`. */
export function isLoopbackPeer(address: string): boolean {
  return isLoopback(address.replace(/^::ffff:/i, ""));
}

/** A server that does something wrong: a Dovecot, and a proxy that alters what clients send to it. */

import { otherHost } from "./imap_hosts.ts";
import type { ImapHost } from "./imap_hosts.ts";

/** The host behind the proxy; `spoil` gets what a client sends, an octet a character, and answers as many. */
export async function spoilt(spoil: (sent: string) => string): Promise<ImapHost> {
  const inner = await otherHost();
  const listener = Deno.listen({ hostname: inner.hostname, port: 0 });
  const conns = new Set<Deno.Conn>();
  const relaying = (async () => {
    for await (const client of listener) {
      const server = await Deno.connect(inner);
      for (const conn of [client, server]) conns.add(conn);
      relay(client, server, spoil);
      relay(server, client, (said) => said);
    }
  })();
  return {
    make: "a server that spoils",
    hostname: inner.hostname,
    port: (listener.addr as Deno.NetAddr).port,
    tlsPort: 0,
    certificate: inner.certificate,
    kill: () => inner.kill(),
    restart: () => inner.restart(),
    async [Symbol.asyncDispose]() {
      listener.close();
      await relaying;
      for (const conn of conns) close(conn);
      await inner[Symbol.asyncDispose]();
    },
  };
}

async function relay(from: Deno.Conn, to: Deno.Conn, spoil: (sent: string) => string): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      const sent = Array.from(buffer.subarray(0, count), (octet) => String.fromCharCode(octet)).join("");
      const bytes = Uint8Array.from(spoil(sent), (char) => char.charCodeAt(0));
      for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
    }
  } catch {
    // one of them is gone: so is the other
  }
  close(from);
  close(to);
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // it is closed
  }
}

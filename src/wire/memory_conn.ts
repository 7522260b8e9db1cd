/** Connections without sockets: two ends in memory, for conversations in tests and fixtures. */

import type { ByteConn, TlsFacts } from "./byte_conn.ts";

/** How a pair is made. */
export interface MemoryPairOptions {
  /** How many octets may be under way in each direction before a write waits (default 64 KiB). */
  capacity?: number;
  /** Delivers one octet per read, in both directions; see {@linkcode MemoryConn.bytewise}. */
  bytewise?: boolean;
  /** The addresses of the two ends (default 127.0.0.1:50000 and 127.0.0.1:25). */
  addresses?: [{ hostname: string; port: number }, { hostname: string; port: number }];
  /** Makes both ends tell that they are encrypted (nothing is). */
  tls?: TlsFacts;
}

/** Makes two ends of a connection: what is written to one is read from the other. The first is the client's. */
export function memoryPair(options: MemoryPairOptions = {}): [MemoryConn, MemoryConn] {
  const capacity = options.capacity ?? 64 * 1024;
  const [client, server] = options.addresses ??
    [{ hostname: "127.0.0.1", port: 50000 }, { hostname: "127.0.0.1", port: 25 }];
  const there = new Channel(capacity);
  const back = new Channel(capacity);
  const ends: [MemoryConn, MemoryConn] = [
    new MemoryConn({ input: back, output: there, local: client, remote: server, tls: options.tls }),
    new MemoryConn({ input: there, output: back, local: server, remote: client, tls: options.tls }),
  ];
  for (const end of ends) end.bytewise = options.bytewise ?? false;
  return ends;
}

interface MemoryConnParts {
  input: Channel;
  output: Channel;
  local: { hostname: string; port: number };
  remote: { hostname: string; port: number };
  tls: TlsFacts | undefined;
}

/** One end of a {@linkcode memoryPair}. */
export class MemoryConn implements ByteConn {
  readonly local: { readonly hostname: string; readonly port: number };
  readonly remote: { readonly hostname: string; readonly port: number };
  declare readonly tls?: TlsFacts;
  /** While true each read of this end gives one octet. */
  bytewise = false;
  /** How often {@linkcode write} was called with something to write. */
  writes = 0;
  readonly #input: Channel;
  readonly #output: Channel;
  #closed = false;

  /** Use {@linkcode memoryPair}. */
  constructor(parts: MemoryConnParts) {
    this.#input = parts.input;
    this.#output = parts.output;
    this.local = parts.local;
    this.remote = parts.remote;
    if (parts.tls) this.tls = parts.tls;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#input.read(this.bytewise ? into.subarray(0, 1) : into);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) this.writes++;
    await this.#output.write(bytes);
  }

  closeWrite(): Promise<void> {
    this.#output.end();
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#input.abandon();
    this.#output.end();
  }

  /** True once this end was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Breaks the connection as a RST does: both ends' reads and writes reject. */
  reset(): void {
    this.#closed = true;
    this.#input.reset();
    this.#output.reset();
  }
}

/** One direction: a bounded queue of octets. */
class Channel {
  readonly #capacity: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #abandoned = false;
  #broken = false;
  #waiting: (() => void)[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#size === 0 || this.#broken || this.#abandoned) {
      if (this.#broken) throw new Deno.errors.ConnectionReset("The connection was reset");
      if (this.#ended || this.#abandoned) return null;
      await this.#change();
    }
    let filled = 0;
    while (filled < into.length && this.#chunks.length > 0) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#size -= filled;
    this.#changed();
    return filled;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      this.#refuseWhenOver();
      const part = bytes.slice(at, at + this.#capacity - this.#size);
      if (part.length === 0) {
        await this.#change();
        continue;
      }
      this.#chunks.push(part);
      this.#size += part.length;
      at += part.length;
      this.#changed();
    }
    this.#refuseWhenOver();
  }

  /** The writing end is done: what is under way still arrives. */
  end(): void {
    this.#ended = true;
    this.#changed();
  }

  /** The reading end is gone. */
  abandon(): void {
    this.#abandoned = true;
    this.#changed();
  }

  reset(): void {
    this.#broken = true;
    this.#changed();
  }

  #refuseWhenOver(): void {
    if (this.#broken) throw new Deno.errors.ConnectionReset("The connection was reset");
    if (this.#ended) throw new Deno.errors.BadResource("The connection is closed");
    if (this.#abandoned) throw new Deno.errors.BrokenPipe("The peer closed the connection");
  }

  #change(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

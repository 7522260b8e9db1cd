/** The first message of TLS, looked at before anybody answers it (RFC 8446 4.1.2): what the client asks for. */

import { concat } from "../base/bytes.ts";
import type { ByteConn } from "./byte_conn.ts";

/** What a ClientHello says, as far as somebody wants to know it. */
export interface ClientHello {
  /** The handshake message, with its type and length. */
  readonly message: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cipherSuites: readonly number[];
  /** The host that is asked for, in lower case (RFC 6066 3). */
  readonly serverName: string | undefined;
  /** Protocols, the client's favourite first (RFC 7301). */
  readonly alpn: readonly string[];
  /** Versions of TLS, as its numbers: 0x0304. */
  readonly versions: readonly number[];
  /** Public keys by their group (RFC 8446 4.2.8). */
  readonly keyShares: ReadonlyMap<number, Uint8Array>;
  readonly signatureSchemes: readonly number[];
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEAD = 5;
/** RFC 8446 5.1. */
const MAX_RECORD = 16 * 1024;

/**
 * Reads the first record and answers what it says, with a connection on which it can be read once more. Undefined: it is no
 * ClientHello, or one in several records. Rejects when the connection breaks.
 */
export async function peekClientHello(
  conn: ByteConn,
): Promise<{ hello: ClientHello | undefined; conn: ByteConn }> {
  let seen: Uint8Array = new Uint8Array(0);
  const buffer = new Uint8Array(4096);
  while (seen.length < wanted(seen)) {
    const count = await conn.read(buffer);
    if (count === null) break;
    seen = concat([seen, buffer.subarray(0, count)]);
  }
  const isWhole = seen.length >= RECORD_HEAD && seen.length >= wanted(seen);
  const hello = isWhole ? parseClientHello(seen.subarray(RECORD_HEAD, wanted(seen))) : undefined;
  return { hello, conn: new ReplayedConn(seen, conn) };
}

/** How many octets the record has, as far as its head is there. */
function wanted(seen: Uint8Array): number {
  if (seen.length > 0 && seen[0] !== HANDSHAKE) return 0;
  if (seen.length < RECORD_HEAD) return RECORD_HEAD;
  const length = (seen[3]! << 8) | seen[4]!;
  return length > MAX_RECORD ? 0 : RECORD_HEAD + length;
}

/** Reads a handshake message; undefined when it is no whole ClientHello. */
export function parseClientHello(record: Uint8Array): ClientHello | undefined {
  try {
    const reader = new Reader(record);
    if (reader.number(1) !== CLIENT_HELLO) return undefined;
    const body = new Reader(reader.vector(3));
    const message = record.slice(0, reader.at);
    body.take(2 + 32); // the version of old and the random
    const sessionId = body.vector(1).slice();
    const cipherSuites = numbers(body.vector(2));
    body.vector(1); // compression
    const extensions = new Map<number, Uint8Array>();
    const list = new Reader(body.vector(2));
    while (!list.done) {
      const type = list.number(2);
      extensions.set(type, list.vector(2));
    }
    const read = <T>(type: number, how: (reader: Reader) => T, none: T): T => {
      const found = extensions.get(type);
      return found ? how(new Reader(found)) : none;
    };
    return {
      message,
      sessionId,
      cipherSuites,
      serverName: read(0, readServerName, undefined),
      alpn: read(16, readAlpn, []),
      versions: read(43, (reader) => numbers(reader.vector(1)), []),
      keyShares: read(51, readKeyShares, new Map()),
      signatureSchemes: read(13, (reader) => numbers(reader.vector(2)), []),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readServerName(reader: Reader): string | undefined {
  const list = new Reader(reader.vector(2));
  if (list.number(1) !== 0) return undefined;
  return ascii(list.vector(2)).toLowerCase();
}

function readAlpn(reader: Reader): string[] {
  const list = new Reader(reader.vector(2));
  const names: string[] = [];
  while (!list.done) names.push(ascii(list.vector(1)));
  return names;
}

function readKeyShares(reader: Reader): Map<number, Uint8Array> {
  const list = new Reader(reader.vector(2));
  const shares = new Map<number, Uint8Array>();
  while (!list.done) {
    const group = list.number(2);
    shares.set(group, list.vector(2).slice());
  }
  return shares;
}

function ascii(octets: Uint8Array): string {
  return String.fromCharCode(...octets);
}

function numbers(octets: Uint8Array): number[] {
  const list: number[] = [];
  for (let i = 0; i + 1 < octets.length; i += 2) list.push((octets[i]! << 8) | octets[i + 1]!);
  return list;
}

/** Numbers and vectors (RFC 8446 3.3, 3.4); throws a RangeError behind the end. */
class Reader {
  at = 0;
  constructor(readonly octets: Uint8Array) {}

  get done(): boolean {
    return this.at >= this.octets.length;
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.octets.length) throw new RangeError("The message ends too early");
    return this.octets.subarray(this.at, this.at += length);
  }

  number(size: number): number {
    return this.take(size).reduce((sum, octet) => sum * 256 + octet, 0);
  }

  vector(size: number): Uint8Array {
    return this.take(this.number(size));
  }
}

/** A connection of which something was read already. */
class ReplayedConn implements ByteConn {
  #seen: Uint8Array;
  readonly #conn: ByteConn;

  constructor(seen: Uint8Array, conn: ByteConn) {
    this.#seen = seen;
    this.#conn = conn;
  }

  get remote() {
    return this.#conn.remote;
  }

  get local() {
    return this.#conn.local;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#seen.length === 0) return this.#conn.read(into);
    const piece = this.#seen.subarray(0, into.length);
    into.set(piece);
    this.#seen = this.#seen.subarray(piece.length);
    return Promise.resolve(piece.length);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#conn.write(bytes);
  }

  close(): void {
    this.#conn.close();
  }

  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite?.();
  }
}

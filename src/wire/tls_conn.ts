/** An encrypted connection as a stream of bytes: node:tls on top, any {@linkcode ByteConn} below. */

import process from "node:process";
import type { TLSSocket } from "node:tls";
import type { Duplex } from "node:stream";
import type { ByteConn, TlsFacts } from "./byte_conn.ts";

/** The largest chunk that is read from the connection below; the size of a TLS record. */
const CHUNK = 16 * 1024;
/** The read buffer of a connection that has little to say. */
const SMALL_CHUNK = 4 * 1024;
/** So much decrypted text may wait for its reader before the connection below is not read any more. */
const CREDIT = 512 * 1024;
/** Text is handed to the library in parts of this size, so that it never holds much that the peer does not take. */
const WRITE_PART = 64 * 1024;

/**
 * The library, loaded when TLS is first wanted: it costs about 20 ms and 10 MB.
 */
export function nodeTls(): typeof import("node:tls") {
  return process.getBuiltinModule("node:tls");
}

/**
 * The connection below as the stream that node:tls wants. node:tls takes in whatever comes, whether its reader reads
 * or not, so the flow is held here, before each read (`mayRead`).
 */
export class TlsBase {
  /** What node:tls gets. */
  readonly stream: Duplex;
  /** What carries the encrypted octets. */
  readonly conn: ByteConn;
  /** Set by the one who reads the decrypted text: what to wait for before reading on. */
  mayRead: () => Promise<void> | undefined = () => undefined;
  /** Told when nothing more comes from below: with the error when it broke. */
  onOver: (error?: Error) => void = () => {};
  /** Why nothing can be written any more. */
  broken: Error | undefined;
  /** True: what is written now is the last, the connection closes behind it. */
  closing = false;
  #buffer = new Uint8Array(SMALL_CHUNK);
  #reading = false;

  /** Takes the connection over; nobody else reads or writes it from here on. */
  constructor(conn: ByteConn) {
    this.conn = conn;
    const { Duplex } = process.getBuiltinModule("node:stream");
    this.stream = new Duplex({
      allowHalfOpen: true,
      highWaterMark: CHUNK,
      read: () => void this.#read(),
      write: (chunk: Uint8Array, _encoding, done) => this.#write(chunk, done),
      final: (done) => void this.#final().then(() => done(), done),
      destroy: (error, done) => {
        conn.close();
        done(error);
      },
    });
    // what happened is told by onOver; an error nobody listens to would end the process
    this.stream.on("error", () => {});
  }

  async #read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      await this.mayRead();
      const count = await this.conn.read(this.#buffer);
      this.#reading = false;
      if (count === null) this.onOver();
      this.stream.push(count === null ? null : this.#chunk(count));
    } catch (error) {
      this.#reading = false;
      this.broken ??= error as Error;
      this.onOver(this.broken);
      // not destroy(): it would throw away what was received and not yet decrypted
      if (error instanceof Deno.errors.ConnectionReset) this.stream.push(null);
      else this.stream.destroy();
    }
  }

  /** A copy of what was read, with which the library may do what it likes; adapts the next read's size. */
  #chunk(count: number): Uint8Array {
    const chunk = process.getBuiltinModule("node:buffer").Buffer.from(this.#buffer.slice(0, count).buffer);
    if (count === this.#buffer.length && count < CHUNK) this.#buffer = new Uint8Array(CHUNK);
    else if (count < SMALL_CHUNK / 2 && this.#buffer.length === CHUNK) {
      this.#buffer = new Uint8Array(SMALL_CHUNK);
    }
    return chunk;
  }

  #write(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    this.conn.write(chunk).then(() => done(), (error: Error) => {
      // no error for the library: it would throw away what came before a reset and is still to be read
      this.broken ??= error;
      done();
    });
    // the write was begun, so the system has the octets, or is so full that nobody waits for them
    if (this.closing) this.conn.close();
  }

  async #final(): Promise<void> {
    if (this.closing) this.conn.close();
    else await this.conn.closeWrite?.();
  }
}

interface Waiting {
  readonly into: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: Error) => void;
}

/** A {@linkcode ByteConn} whose handshake is done. */
export class TlsConn implements ByteConn {
  readonly tls: TlsFacts;
  readonly remote: { readonly hostname: string; readonly port: number };
  readonly local: { readonly hostname: string; readonly port: number };
  readonly #base: TlsBase;
  readonly #socket: TLSSocket;
  #chunks: Uint8Array[] = [];
  /** Decrypted octets that wait for their reader. */
  #waitingSize = 0;
  #reader: Waiting | undefined;
  #wakeBase: (() => void) | undefined;
  readonly #writers = new Set<(error: Error) => void>();
  #ended = false;
  #failure: Error | undefined;
  #closed = false;

  /** Reads from a socket that stands on `base`; call it in the very turn in which the handshake is told. */
  constructor(base: TlsBase, socket: TLSSocket, facts: TlsFacts) {
    this.#base = base;
    this.#socket = socket;
    this.tls = facts;
    this.remote = base.conn.remote;
    this.local = base.conn.local;
    base.mayRead = () => this.#credit();
    base.onOver = (error) => this.#failure ??= error;
    socket.on("data", (chunk: Uint8Array) => this.#take(chunk));
    socket.on("end", () => this.#over());
    socket.on("close", () => this.#over());
    socket.on("error", (error: Error) => this.#over(error));
    socket.on("_tlsError", (error: Error) => this.#over(error));
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#closed) return Promise.resolve(null);
    if (this.#chunks.length > 0) return Promise.resolve(this.#give(into));
    if (this.#ended) return this.#failure ? Promise.reject(this.#failure) : Promise.resolve(null);
    if (this.#reader) return Promise.reject(new Error("A read is under way already"));
    return new Promise((resolve, reject) => void (this.#reader = { into, resolve, reject }));
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += WRITE_PART) {
      await this.#writePart(
        at === 0 && bytes.length <= WRITE_PART ? bytes : bytes.subarray(at, at + WRITE_PART),
      );
    }
  }

  closeWrite(): Promise<void> {
    if (this.#closed || this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.end(() => resolve());
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#chunks = [];
    this.#waitingSize = 0;
    this.#reader?.resolve(null);
    this.#reader = undefined;
    this.#wake();
    if (this.#writers.size > 0 || this.#socket.destroyed) return this.#destroy();
    // says goodbye (close_notify), so that the peer can tell an end from a cut; never waits for it
    this.#base.closing = true;
    this.#socket.end(() => this.#destroy());
  }

  /** Decrypted octets that wait for their reader, for tests and measurements. */
  get waiting(): number {
    return this.#waitingSize;
  }

  #writePart(part: Uint8Array): Promise<void> {
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource("The connection is closed"));
    if (this.#base.broken || this.#socket.destroyed) {
      return Promise.reject(
        this.#base.broken ?? this.#failure ?? new Deno.errors.BrokenPipe("The connection is broken"),
      );
    }
    return new Promise((resolve, reject) => {
      this.#writers.add(reject);
      this.#socket.write(part, (error) => {
        this.#writers.delete(reject);
        if (error ?? this.#base.broken) reject(error ?? this.#base.broken);
        else resolve();
      });
    });
  }

  /** Undefined while the reader keeps up; else a promise for the moment when it has caught up. */
  #credit(): Promise<void> | undefined {
    if (this.#waitingSize < CREDIT || this.#closed) return undefined;
    return new Promise((resolve) => void (this.#wakeBase = resolve));
  }

  #wake(): void {
    const wake = this.#wakeBase;
    this.#wakeBase = undefined;
    wake?.();
  }

  #take(chunk: Uint8Array): void {
    if (this.#closed || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#waitingSize += chunk.length;
    const reader = this.#reader;
    if (!reader) return;
    this.#reader = undefined;
    reader.resolve(this.#give(reader.into));
  }

  #give(into: Uint8Array): number {
    let filled = 0;
    let whole = 0; // chunks that were taken whole
    while (filled < into.length && whole < this.#chunks.length) {
      const chunk = this.#chunks[whole]!;
      const room = into.length - filled;
      if (chunk.length <= room) {
        into.set(chunk, filled);
        filled += chunk.length;
        whole++;
      } else {
        into.set(chunk.subarray(0, room), filled);
        this.#chunks[whole] = chunk.subarray(room);
        filled = into.length;
      }
    }
    this.#chunks.splice(0, whole);
    this.#waitingSize -= filled;
    if (this.#wakeBase && this.#waitingSize < CREDIT / 2) this.#wake();
    return filled;
  }

  #over(error?: Error): void {
    // whatever the library says of what came, it is the peer's connection that broke
    if (error) this.#failure ??= new Deno.errors.ConnectionAborted(error.message, { cause: error });
    if (this.#ended) return;
    this.#ended = true;
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader && this.#failure) reader.reject(this.#failure);
    else reader?.resolve(null);
  }

  #destroy(): void {
    for (const reject of this.#writers) reject(new Deno.errors.BadResource("The connection is closed"));
    this.#writers.clear();
    this.#socket.destroy();
    this.#base.stream.destroy();
    this.#base.conn.close();
  }
}

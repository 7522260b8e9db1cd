/** A connection whose octets are compressed both ways (RFC 4978): raw deflate, each write flushed. */

import { constants, createInflateRaw, deflateRawSync, type InflateRaw } from "node:zlib";
import { Buffer } from "node:buffer";
import type { ByteConn } from "../wire/byte_conn.ts";

const INPUT = 4096;
/** Larger writes are compressed in parts. */
const PART = 256 * 1024;

/** The connection with compression on it. */
export function deflated(conn: ByteConn): ByteConn {
  return new DeflatedConn(conn);
}

/**
 * Each write is a stream of its own that begins with nothing behind it and ends at an octet's boundary, not with a last
 * block: to the reader they are one, and between two of them no memory is held for writing (256 KiB it would be).
 */
class DeflatedConn implements ByteConn {
  readonly #conn: ByteConn;
  readonly #inflate: InflateRaw;
  /** What was read and is not taken yet. */
  #pieces: Uint8Array[] = [];
  /** The last input is not all read yet: a little may grow to much. */
  #growing = false;
  #ended = false;
  #failed = false;
  #wake: () => void = () => {};

  constructor(conn: ByteConn) {
    this.#conn = conn;
    const inflate = this.#inflate = createInflateRaw({ chunkSize: 16 * 1024 });
    inflate.on("data", (piece: Buffer) => {
      this.#pieces.push(piece);
      // no more than that before it is taken
      inflate.pause();
      this.#wake();
    });
    inflate.on("error", () => {
      this.#failed = true;
      this.#wake();
    });
  }

  get remote(): ByteConn["remote"] {
    return this.#conn.remote;
  }

  get local(): ByteConn["local"] {
    return this.#conn.local;
  }

  get tls(): NonNullable<ByteConn["tls"]> {
    return this.#conn.tls!;
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const piece = this.#pieces[0];
      if (piece) {
        const part = piece.subarray(0, into.length);
        into.set(part);
        if (part.length < piece.length) this.#pieces[0] = piece.subarray(part.length);
        else this.#pieces.shift();
        return part.length;
      }
      // what is not deflate can't be told from what follows it
      if (this.#failed) throw new Deno.errors.ConnectionReset("What came is not compressed");
      if (this.#growing || this.#inflate.readableLength > 0) await this.#grow();
      else if (!await this.#feed()) return null;
    }
  }

  /** Waits for more of what has come. */
  #grow(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#inflate.resume();
    });
  }

  /** Reads once more; false at the end. */
  async #feed(): Promise<boolean> {
    const input = new Uint8Array(INPUT);
    const count = this.#ended ? null : await this.#conn.read(input);
    if (count === null) {
      this.#ended = true;
      return false;
    }
    this.#growing = true;
    this.#inflate.write(Buffer.from(input.buffer, 0, count), () => {
      this.#growing = false;
      this.#wake();
    });
    return true;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += PART) {
      const part = bytes.subarray(at, at + PART);
      await this.#conn.write(deflateRawSync(part, { finishFlush: constants.Z_SYNC_FLUSH }));
    }
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite?.() ?? Promise.resolve();
  }

  close(): void {
    this.#inflate.destroy();
    this.#conn.close();
  }
}

/** The hashes of a body, which streams by once, for all signatures of a message (RFC 6376 3.4.3, 3.4.4, 3.5 `l=`). */

import { createHash, type Hash } from "node:crypto";
import { binaryString, concat } from "../base/bytes.ts";
import type { Canonicalization } from "./dkim_header.ts";

/** A hash of a body. */
export interface BodyHash {
  /** SHA-256 of what was hashed. */
  readonly digest: Uint8Array;
  /** How long the canonical body is in all. */
  readonly size: number;
}

const CR = 13;
const LF = 10;
const BLANK = 32;
const TAB = 9;
const NO_BODY: Readonly<Record<Canonicalization, string>> = { simple: "\r\n", relaxed: "" };
const CRLFS = new TextEncoder().encode("\r\n".repeat(4096));

/** Makes the hashes that were asked for before the first piece. */
export class BodyHasher {
  readonly #forms = new Map<Canonicalization, BodyForm>();

  /** Asks for a hash; `limit`: of the first so many canonical octets. */
  want(form: Canonicalization, limit = Infinity): void {
    let body = this.#forms.get(form);
    if (!body) this.#forms.set(form, body = form === "simple" ? new SimpleBody() : new RelaxedBody());
    if (!body.hashes.has(limit)) body.hashes.set(limit, createHash("sha256"));
  }

  /** Takes a piece of the body, with CRLF line ends. */
  write(piece: Uint8Array): void {
    for (const form of this.#forms.values()) form.write(piece);
  }

  /** The body is complete. */
  end(): void {
    for (const form of this.#forms.values()) form.end();
  }

  /** A hash that was asked for, when the body is complete. */
  hash(form: Canonicalization, limit = Infinity): BodyHash {
    const body = this.#forms.get(form);
    const digest = body?.digest(limit);
    if (!body || !digest) throw new Error(`No ${form} hash of ${limit} octets was asked for.`);
    return { digest, size: body.size };
  }
}

/** One canonical form of a body; empty lines wait, since those at its end do not count. */
abstract class BodyForm {
  /** By the number of octets that they take. */
  readonly hashes = new Map<number, Hash>();
  /** Canonical octets so far. */
  size = 0;
  /** Line ends that wait for something behind them. */
  protected lineEnds = 0;
  /** The last octet is a CR whose LF may come. */
  protected cr = false;
  readonly #digests = new Map<number, Uint8Array>();

  constructor(readonly form: Canonicalization) {}

  write(piece: Uint8Array): void {
    if (piece.length === 0) return;
    const whole = this.cr ? concat([CRLFS.subarray(0, 1), piece]) : piece;
    this.cr = whole[whole.length - 1] === CR;
    this.take(this.cr ? whole.subarray(0, -1) : whole);
  }

  /** Takes octets of which a CR is never the last. */
  protected abstract take(octets: Uint8Array): void;

  end(): void {
    if (this.cr) this.take(Uint8Array.of(CR));
    if (this.size > 0) {
      this.lineEnds = 1;
      this.emitLineEnds();
    } else this.emit(new TextEncoder().encode(NO_BODY[this.form]));
  }

  digest(limit: number): Uint8Array | undefined {
    const hash = this.hashes.get(limit);
    if (hash && !this.#digests.has(limit)) this.#digests.set(limit, hash.digest());
    return this.#digests.get(limit);
  }

  /** Takes octets of which nothing changes. */
  protected takeWhole(octets: Uint8Array): void {
    let end = octets.length;
    while (end >= 2 && octets[end - 1] === LF && octets[end - 2] === CR) end -= 2;
    if (end > 0) {
      this.emitLineEnds();
      this.emit(octets.subarray(0, end));
    }
    this.lineEnds += (octets.length - end) / 2;
  }

  protected emitLineEnds(): void {
    for (let left = 2 * this.lineEnds; left > 0; left -= CRLFS.length) this.emit(CRLFS.subarray(0, left));
    this.lineEnds = 0;
  }

  protected emit(octets: Uint8Array): void {
    for (const [limit, hash] of this.hashes) {
      const left = limit - this.size;
      if (left > 0) hash.update(left < octets.length ? octets.subarray(0, left) : octets);
    }
    this.size += octets.length;
  }
}

class SimpleBody extends BodyForm {
  constructor() {
    super("simple");
  }

  protected take(octets: Uint8Array): void {
    this.takeWhole(octets);
  }
}

/** What the relaxed form has otherwise, or may have when more comes. */
const CHANGES = /\t| (?:[ \r]|$)/;

/** Blanks at a line's end go, others become one (RFC 6376 3.4.4): SP and TAB only. */
class RelaxedBody extends BodyForm {
  /** Blanks that wait for something behind them on their line. */
  #blank = false;

  constructor() {
    super("relaxed");
  }

  protected take(octets: Uint8Array): void {
    if (!this.#blank && !CHANGES.test(binaryString(octets))) return this.takeWhole(octets);
    const out = new Uint8Array(octets.length + 1);
    let filled = 0;
    for (let i = 0; i < octets.length; i++) {
      const octet = octets[i]!;
      if (octet === BLANK || octet === TAB) {
        this.#blank = true;
      } else if (octet === CR && octets[i + 1] === LF) {
        this.#blank = false;
        this.lineEnds++;
        i++;
      } else {
        if (this.lineEnds > 0 && filled === 0) this.emitLineEnds();
        for (; this.lineEnds > 0; this.lineEnds--) {
          out[filled++] = CR;
          out[filled++] = LF;
        }
        if (this.#blank) {
          out[filled++] = BLANK;
          this.#blank = false;
        }
        out[filled++] = octet;
      }
    }
    if (filled > 0) this.emit(out.subarray(0, filled));
  }
}

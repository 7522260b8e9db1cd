/** One connection to a server: lines out, replies in, a limit of time on each, and TLS. */

import { type Awaitable } from "../../base/awaitable.ts";
import { soon } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { FaultStage } from "../../faults/rule.ts";
import type { FaultPoint } from "../../faults/rules.ts";
import type { ByteConn } from "../../wire/byte_conn.ts";
import { LineConn } from "../../wire/line_conn.ts";
import { tcpConn } from "../../wire/tcp_conn.ts";
import { clientTls } from "../../wire/tls.ts";
import { ClientFaults } from "./client_faults.ts";
import { type ClientOptions, type ClientTarget, type ClientTimeouts, DEFAULT_TIMEOUTS } from "./options.ts";
import type { PeerFacts, SecurityLevel } from "./outcome.ts";
import { Patience } from "./patience.ts";
import { formatReply, type Reply } from "../protocol/reply.ts";
import { isReplyError, type ReplyError, ReplyReader } from "./reply_reader.ts";

/** A connection to a server. Its methods don't throw; errors are values. */
export class ClientChannel {
  readonly timeouts: ClientTimeouts;
  readonly #faults: ClientFaults | undefined;
  readonly #lines: LineConn;
  readonly #replies: ReplyReader;
  readonly #patience: Patience;
  #peer: PeerFacts;
  #trace: ((line: string) => void) | undefined;
  #writing: Promise<ReplyError | undefined> | undefined;
  #pending = 0;
  #untrusted: string | undefined;
  #error: ReplyError | undefined;

  constructor(conn: ByteConn, target: ClientTarget, options: ClientOptions) {
    this.#lines = new LineConn(conn);
    this.#replies = new ReplyReader(this.#lines);
    this.#patience = new Patience(options.clock, (limitMs, what) => this.#late(limitMs, what));
    this.#peer = { host: target.host, address: target.address };
    this.timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.trace = options.trace;
    this.#faults = options.faults && new ClientFaults(options.faults, options);
  }

  /** Connects. */
  static async dial(target: ClientTarget, options: ClientOptions): Promise<ClientChannel | ReplyError> {
    const limit = options.timeouts?.connect ?? DEFAULT_TIMEOUTS.connect;
    const conn = await dialWithin(limit, target, options);
    return "error" in conn ? conn : new ClientChannel(conn, target, options);
  }

  /** Who is spoken with. */
  get peer(): PeerFacts {
    return this.#peer;
  }

  /** Our own address. */
  get local(): string {
    return this.#lines.conn.local.hostname;
  }

  /** Why the peer's certificate is not trusted; undefined when it is. */
  get untrusted(): string | undefined {
    return this.#untrusted;
  }

  /** It stays in clear, although the peer offers encryption: why. */
  stayInClear(why: string): void {
    this.#peer = { ...this.#peer, inClear: why };
    this.#trace?.(`* In clear: ${why}`);
  }

  /** How sure it is who is spoken with, now that it is encrypted. */
  secured(level: SecurityLevel): void {
    if (level === "dane") this.#untrusted = undefined;
    this.#peer = { ...this.#peer, tls: `${this.#peer.tls} (${level})` };
  }

  /** True from the first error or {@linkcode close} on. */
  get closed(): boolean {
    return this.#error !== undefined;
  }

  /** Told each line, `> ` or `< ` before it. */
  set trace(trace: ((line: string) => void) | undefined) {
    this.#trace = trace;
    this.#replies.trace = trace && ((line) => trace(`< ${line}`));
  }

  /** Told our lines alone: the answers that are still to come belong to what was said before. */
  set traceOfOurs(trace: ((line: string) => void) | undefined) {
    this.#trace = trace;
  }

  /** Bytes that wait for {@linkcode flush} or {@linkcode drain}. */
  get pending(): number {
    return this.#pending;
  }

  /** Puts a command; `shown` is what the trace is told, where the command holds a secret. */
  put(line: string, shown: string = line): void {
    this.#trace?.(`> ${shown}`);
    this.#lines.put(`${line}\r\n`);
    this.#pending += line.length + 2;
  }

  /** Puts bytes of a message; they may be reused after the call. */
  putBytes(bytes: Uint8Array): void {
    this.#lines.put(bytes);
    this.#pending += bytes.length;
  }

  /** Tells the trace of what goes out as bytes. */
  note(line: string): void {
    this.#trace?.(`> ${line}`);
  }

  /**
   * Starts to write what was put, and goes on at once: a peer that answers a long group while it is still being
   * written must be listened to, or both sides wait for ever. A failure shows in the next {@linkcode reply}.
   */
  flush(): void {
    if (this.#pending > 0) this.#writing = this.#write();
  }

  /** {@linkcode flush}, but only when all has had its chance that would put more now. */
  flushSoon(): void {
    soon(() => this.flush());
  }

  /** Writes what was put and waits for it, at most `limitMs`. */
  async drain(limitMs: number): Promise<ReplyError | undefined> {
    this.flush();
    if (this.#writing === undefined) return this.#error;
    this.#patience.begin(limitMs, "took no more data");
    try {
      return await this.#writing ?? this.#error;
    } finally {
      this.#patience.end();
    }
  }

  /** The next reply, at once where it is there, or why there is none within `limitMs`. */
  reply(limitMs: number): Awaitable<Reply | ReplyError> {
    const ready = this.#replies.take();
    return ready ? this.#checked(ready) : this.#wait(limitMs);
  }

  /** What came although nothing was asked; undefined: nothing, as far as was read. */
  unasked(): Reply | ReplyError | undefined {
    const ready = this.#replies.take();
    return ready && this.#checked(ready);
  }

  #checked(got: Reply | ReplyError): Reply | ReplyError {
    if (!isReplyError(got)) return got;
    this.#end(got);
    return this.#error!;
  }

  /** A command on its own, and its reply. */
  async ask(line: string, limitMs: number, shown?: string): Promise<Reply | ReplyError> {
    if (this.#error) return this.#error;
    this.put(line, shown);
    this.flush();
    return await this.reply(limitMs);
  }

  /**
   * Encrypts. What the peer sent in clear before is thrown away: an attacker on the way may have put it there
   * (RFC 3207 6). Answers why the certificate is not trusted, with the peer's certificates where `chain` asks for them,
   * or the error.
   */
  async encrypt(
    options: { serverName: string; ca?: readonly string[] | undefined; chain?: boolean },
  ): Promise<ReplyError | { untrusted: string | undefined; chain: readonly Uint8Array[] }> {
    const limit = this.timeouts.tls;
    this.#lines.discardInput();
    if (this.#faults?.tlsFails) {
      this.#end({ error: "broken", text: "The TLS handshake failed: a rule of faults asks for that" });
      return this.#error!;
    }
    this.#patience.begin(limit, "didn't complete the TLS handshake");
    try {
      const { ca, ...others } = options;
      const conn = await clientTls(this.#lines.conn, { ...others, ...(ca && { ca: [...ca] }) });
      if (this.#error) {
        conn.close();
        return this.#error;
      }
      this.#lines.replace(conn);
      if (conn.tls) this.#peer = { ...this.#peer, tls: `${conn.tls.protocol} ${conn.tls.cipher}` };
      this.#untrusted = conn.tls ? conn.tls.untrusted : "the connection is not encrypted";
      return { untrusted: this.#untrusted, chain: conn.tls?.chain ?? [] };
    } catch (error) {
      this.#end({ error: "broken", text: `The TLS handshake failed: ${messageOf(error)}` });
      return this.#error!;
    } finally {
      this.#patience.end();
    }
  }

  /** May a rule of faults stand for an answer at this stage? Without a stage: at any. */
  mayFail(stage?: FaultStage): boolean {
    return this.#faults?.watches(stage) === true;
  }

  /** What stands for the answer at a point; undefined: nothing does, now that it is late enough. */
  async fault(point: FaultPoint, limitMs: number): Promise<Reply | ReplyError | undefined> {
    const instead = await this.#faults?.at(point, limitMs);
    if (instead === undefined) return this.#error;
    if (!isReplyError(instead)) this.#trace?.(`< ${formatReply(instead).trimEnd()}`);
    else this.#end(instead);
    return this.#error ?? instead;
  }

  /** {@linkcode ask}, unless a rule of faults answers. */
  async askAt(point: FaultPoint, line: string, limitMs: number, shown?: string): Promise<Reply | ReplyError> {
    const instead = this.mayFail(point.stage) ? await this.fault(point, limitMs) : undefined;
    return instead ?? await this.ask(line, limitMs, shown);
  }

  /** Says goodbye, where the peer is still there (RFC 5321 4.1.1.10), and ends the connection. Doesn't throw. */
  async quit(): Promise<void> {
    if (!this.closed) await this.ask("QUIT", this.timeouts.quit);
    this.close();
  }

  /** Ends the connection at once. */
  close(): void {
    this.#end({ error: "closed", text: "The connection was closed here" });
  }

  async #wait(limitMs: number): Promise<Reply | ReplyError> {
    this.#patience.begin(limitMs, "didn't answer");
    try {
      return this.#checked(await this.#replies.next());
    } finally {
      this.#patience.end();
    }
  }

  async #write(): Promise<ReplyError | undefined> {
    this.#pending = 0;
    try {
      await this.#lines.flush();
      this.#writing = undefined;
      return undefined;
    } catch (error) {
      // the connection stays open for reading: the peer may have said why before it went
      this.#writing = undefined;
      return { error: "broken", text: `The connection broke: ${messageOf(error)}` };
    }
  }

  #late(limitMs: number, what: string): void {
    this.#end({ error: "late", text: `The peer ${what} within ${Math.round(limitMs / 1000)} s` });
  }

  /** The first error is the cause; what closing brings about is not told. */
  #end(error: ReplyError): void {
    if (this.#error) return;
    this.#error = error;
    this.#patience.close();
    this.#lines.close();
  }
}

async function dialWithin(
  limitMs: number,
  target: ClientTarget,
  options: ClientOptions,
): Promise<ByteConn | ReplyError> {
  const stop = new AbortController();
  const abandon = () => stop.abort();
  options.signal?.addEventListener("abort", abandon, { once: true });
  if (options.signal?.aborted) abandon();
  const timer = options.clock.schedule(limitMs, abandon);
  const aborted = new Promise<undefined>((resolve) => {
    if (stop.signal.aborted) resolve(undefined);
    else stop.signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const dialing = (options.dial ?? dialTcp)(target.address, target.port, stop.signal);
  try {
    const conn = await Promise.race([dialing, aborted]);
    if (conn) return conn;
    dialing.then((late) => late.close(), () => {});
    if (options.signal?.aborted) return { error: "closed", text: "The attempt was ended here" };
    return { error: "late", text: `No connection within ${Math.round(limitMs / 1000)} s` };
  } catch (error) {
    return { error: "broken", text: `Can't connect: ${messageOf(error)}` };
  } finally {
    timer.cancel();
    options.signal?.removeEventListener("abort", abandon);
  }
}

async function dialTcp(address: string, port: number, signal: AbortSignal): Promise<ByteConn> {
  return tcpConn(await Deno.connect({ hostname: address, port, signal }));
}

/** The sink: an SMTP server that throws everything away and counts it. */

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");
const END = "\r\n.\r\n";
const GREETING = encoder.encode("220 sink.test ESMTP\r\n");
const HELLO = "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n";
const REPLIES: Readonly<Record<string, string>> = {
  EHLO: HELLO,
  HELO: HELLO,
  DATA: "354 Go on\r\n",
  QUIT: "221 2.0.0 Bye\r\n",
};

/** Takes mail on a port of its own. */
export class Sink {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns = new Set<Deno.TcpConn>();
  #waiting: { count: number; resolve: () => void } | undefined;
  /** How many messages came. */
  count = 0;

  constructor() {
    this.#accept().catch(() => {}); // ends when it is closed
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Resolves when `count` messages came in all, or after `ms`; answers whether they did. */
  async until(count: number, ms: number): Promise<boolean> {
    if (this.count >= count) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { count, resolve };
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.#waiting = undefined;
    return this.count >= count;
  }

  /** Closes the port and all connections. */
  close(): void {
    this.#listener.close();
    for (const conn of this.#conns) this.#end(conn);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      conn.setNoDelay(true);
      this.#conns.add(conn);
      this.#serve(conn).catch(() => {}).finally(() => this.#end(conn));
    }
  }

  #end(conn: Deno.TcpConn): void {
    if (this.#conns.delete(conn)) conn.close();
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    await conn.write(GREETING);
    const buffer = new Uint8Array(65536);
    let text = "";
    let inText = false;
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      text += latin1.decode(buffer.subarray(0, n));
      let answers = "";
      for (;;) {
        if (inText) {
          const end = text.indexOf(END);
          if (end < 0) {
            text = text.slice(-4); // the end may be cut in two
            break;
          }
          text = text.slice(end + END.length);
          inText = false;
          answers += "250 2.0.0 Ok\r\n";
          this.#came();
        } else {
          const end = text.indexOf("\r\n");
          if (end < 0) break;
          const verb = text.slice(0, 4).toUpperCase();
          // what precedes a text counts as its beginning: a text may be its end alone
          inText = verb === "DATA";
          text = text.slice(inText ? end : end + 2);
          answers += REPLIES[verb] ?? "250 2.1.0 Ok\r\n";
        }
      }
      if (answers !== "") await conn.write(encoder.encode(answers));
    }
  }

  #came(): void {
    this.count++;
    if (this.#waiting && this.count >= this.#waiting.count) this.#waiting.resolve();
  }
}

/** A server that takes anything for the end of a message: what smuggling needs on the other side. */

import { binaryString, encode } from "../../src/base/bytes.ts";

/** Ends that one server or another has taken for the end. */
const LAX_END = /(?:\r\n|\n|\r|^)\0?\.\0?(?:\r+\n|\n|\r(?!\n))/;

/** Listens on loopback until it is disposed of. */
export class LaxPeer implements AsyncDisposable {
  /** How many ends of text it saw. */
  ends = 0;
  /** The sender of each MAIL it saw. */
  readonly senders: string[] = [];
  /** All it read. */
  raw = "";
  readonly #listener: Deno.Listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #chunking: boolean;
  readonly #serving: Promise<void>;

  private constructor(chunking: boolean) {
    this.#chunking = chunking;
    this.#serving = this.#serve();
  }

  static start({ chunking = false }: { chunking?: boolean } = {}): Promise<LaxPeer> {
    return Promise.resolve(new LaxPeer(chunking));
  }

  get target(): { address: string; port: number } {
    return { address: "127.0.0.1", port: (this.#listener.addr as Deno.NetAddr).port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const conn = await this.#listener.accept().catch(() => undefined);
    if (!conn) return;
    const buffer = new Uint8Array(65_536);
    let waiting = "";
    let inText = false;
    await conn.write(encode("220 peer.example ESMTP\r\n"));
    for (;;) {
      const count = await conn.read(buffer).catch(() => null);
      if (count === null) break;
      const text = binaryString(buffer.subarray(0, count));
      this.raw += text;
      waiting += text;
      for (;;) {
        // a CR at the end may be half of a CRLF
        const found = inText ? LAX_END.exec(waiting) : /\r?\n/.exec(waiting);
        if (!found || (found.index + found[0].length === waiting.length && waiting.endsWith("\r"))) break;
        const line = waiting.slice(0, found.index);
        waiting = waiting.slice(found.index + found[0].length);
        if (inText) {
          inText = false;
          this.ends++;
          await conn.write(encode("250 2.0.0 Ok\r\n"));
        } else inText = await this.#answer(conn, line);
      }
    }
    conn.close();
  }

  async #answer(conn: Deno.Conn, line: string): Promise<boolean> {
    const sender = /^MAIL FROM:<(.*?)>/i.exec(line);
    if (sender) this.senders.push(sender[1]!);
    const data = /^DATA$/i.test(line);
    const extensions = this.#chunking ? "250-8BITMIME\r\n250 CHUNKING\r\n" : "250 8BITMIME\r\n";
    const answer = data
      ? "354 Go on\r\n"
      : /^EHLO/i.test(line)
      ? `250-peer.example\r\n${extensions}`
      : "250 Ok\r\n";
    await conn.write(encode(/^QUIT/i.test(line) ? "221 Bye\r\n" : answer));
    return data;
  }
}

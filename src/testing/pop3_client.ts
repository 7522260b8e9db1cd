/** The POP3 client for tests and the demo, which reads mail as a person's mail program does. */

import { binaryString } from "../base/bytes.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import { tcpConn } from "../wire/tcp_conn.ts";

/** A connection to a POP3 server. Methods throw when the server says `-ERR`. */
export class Pop3Client implements AsyncDisposable {
  readonly #conn: ByteConn;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #buffer = new Uint8Array(16384);
  #text = "";

  private constructor(conn: ByteConn, trace: ((line: string) => void) | undefined) {
    this.#conn = conn;
    this.#trace = trace;
  }

  /** Connects and reads the greeting. `trace` takes each line, `> ` and `< ` before it; passwords are hidden. */
  static async connect(
    server: { hostname: string; port: number },
    trace?: (line: string) => void,
  ): Promise<Pop3Client> {
    const client = new Pop3Client(tcpConn(await Deno.connect(server)), trace);
    try {
      await client.#reply();
    } catch (error) {
      client.#conn.close();
      throw error;
    }
    return client;
  }

  /** Logs in with USER and PASS. */
  async login(user: string, password: string): Promise<void> {
    await this.command(`USER ${user}`);
    await this.command(`PASS ${password}`, `PASS ${"*".repeat(8)}`);
  }

  /** Sends a command with a one-line answer: the text behind `+OK`. */
  async command(line: string, shown = line): Promise<string> {
    this.#trace?.(`> ${shown}`);
    await this.#conn.write(new TextEncoder().encode(`${line}\r\n`));
    return await this.#reply();
  }

  /** Sends a command with an answer of several lines: the text, CRLF line ends, dots taken off. */
  async lines(line: string): Promise<string> {
    await this.command(line);
    let text = "";
    for (;;) {
      const next = await this.#line();
      if (next === ".") break;
      text += `${next.startsWith(".") ? next.slice(1) : next}\r\n`;
    }
    for (const shown of text.split("\r\n").slice(0, -1)) this.#trace?.(`< ${shown}`);
    this.#trace?.("< .");
    return text;
  }

  /** Every message of the maildrop, first one first. */
  async all(): Promise<string[]> {
    const count = Number(/^\d+/.exec(await this.command("STAT"))?.[0]);
    const messages: string[] = [];
    for (let n = 1; n <= count; n++) messages.push(await this.lines(`RETR ${n}`));
    return messages;
  }

  /** Says goodbye: what was deleted is deleted now. */
  async quit(): Promise<void> {
    await this.command("QUIT");
    this.#conn.close();
  }

  /** Closes without a goodbye: nothing is deleted. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#conn.close();
    return Promise.resolve();
  }

  async #reply(): Promise<string> {
    const line = await this.#line();
    this.#trace?.(`< ${line}`);
    if (!line.startsWith("+OK")) throw new Error(`The POP3 server said ${line}`);
    return line.slice(4);
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      const n = await this.#conn.read(this.#buffer);
      if (n === null) throw new Error("The POP3 server closed the connection");
      this.#text += binaryString(this.#buffer.subarray(0, n));
    }
  }
}

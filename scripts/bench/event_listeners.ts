/** The listeners to a server's events while it is loaded: reading must cost less than what is measured. */

import { TOKEN } from "./server_process.ts";

const BUFFER = 256 * 1024;

/** Streams of events that are read and thrown away. */
export class EventListeners {
  readonly #conns: Deno.TcpConn[] = [];
  /** One for all: nobody looks at what comes. */
  readonly #buffer = new Uint8Array(BUFFER);
  #bytes = 0;

  /** Opens so many; each has been answered. */
  static async open(port: number, count: number): Promise<EventListeners> {
    const opened = new EventListeners();
    await Promise.all(Array.from({ length: count }, () => opened.#listen(port)));
    opened.#bytes = 0;
    return opened;
  }

  /** Ends all; answers how many bytes came after they were open. */
  close(): number {
    for (const conn of this.#conns) conn.close();
    return this.#bytes;
  }

  async #listen(port: number): Promise<void> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const request =
      `GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;
    await conn.write(new TextEncoder().encode(request));
    const answer = new Uint8Array(4096);
    const head = new TextDecoder().decode(answer.subarray(0, await conn.read(answer) ?? 0));
    if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(`GET /api/v1/events: ${head}`);
    this.#conns.push(conn);
    this.#read(conn).catch(() => {}); // it ends when it is closed, or with the server
  }

  async #read(conn: Deno.TcpConn): Promise<void> {
    for (let n: number | null; (n = await conn.read(this.#buffer)) !== null;) this.#bytes += n;
  }
}

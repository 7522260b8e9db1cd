/** In charge of those who listen to a server's events while it is loaded. */

import { TOKEN } from "./server_process.ts";

/** Streams of events that are read and thrown away. */
export class EventListeners {
  readonly #readers: ReadableStreamDefaultReader<Uint8Array>[] = [];
  #bytes = 0;

  /** Opens so many; each has had its first bytes. */
  static async open(port: number, count: number): Promise<EventListeners> {
    const opened = new EventListeners();
    await Promise.all(Array.from({ length: count }, () => opened.#listen(port)));
    opened.#bytes = 0;
    return opened;
  }

  /** Ends all; answers how many bytes came after they were open. */
  close(): number {
    for (const reader of this.#readers) reader.cancel().catch(() => {});
    return this.#bytes;
  }

  async #listen(port: number): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/events`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    if (!response.ok) throw new Error(`GET /api/v1/events: ${response.status}`);
    const reader = response.body!.getReader();
    await reader.read();
    this.#readers.push(reader);
    this.#read(reader).catch(() => {}); // it ends when it is told to, or with the server
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.#bytes += value.length;
    }
  }
}

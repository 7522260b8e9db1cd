/** A network between a client and a server of tests, which breaks in the ways networks break. */

/** A way to a port of 127.0.0.1. */
export class Network implements AsyncDisposable {
  /** What a client gives to `Deno.openKv`. */
  readonly url: string;
  /** Of how many requests for `atomic_write` the connection ends before the answer: each one for which this is true. */
  losesAnswer: () => boolean = () => false;
  /** How much later what is sent comes out at the other end, in both directions: milliseconds. */
  delayMs = 0;
  readonly #listener: Deno.TcpListener;
  readonly #to: number;
  readonly #ways = new Set<Way>();
  readonly #running: Promise<void>;

  constructor(to: number) {
    this.#to = to;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.url = `http://127.0.0.1:${this.#listener.addr.port}`;
    this.#running = this.#run();
  }

  /** Nothing passes any more on the connections that there are, and nobody is told; new ones are fine. */
  cutSilently(): void {
    for (const way of this.#ways) way.silent = true;
  }

  /** Ends connections, whatever is on its way: each one for which this is true; answers how many. */
  cut(which: () => boolean): number {
    const cut = [...this.#ways].filter(which);
    for (const way of cut) this.#end(way);
    return cut.length;
  }

  async #run(): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#to }).catch(() => undefined);
      if (!server) {
        client.close();
        continue;
      }
      const way = { silent: false, loses: false, ends: [client, server] };
      this.#ways.add(way);
      void this.#pass(client, server, (bytes) => {
        if (latin1.decode(bytes).includes("/atomic_write")) way.loses = this.losesAnswer();
        return !way.silent;
      }).then(() => this.#end(way));
      void this.#pass(server, client, () => {
        if (way.loses) this.#end(way);
        return !way.silent && !way.loses;
      }).then(() => this.#end(way));
    }
  }

  async #pass(from: Deno.Conn, to: Deno.Conn, passes: (bytes: Uint8Array) => boolean): Promise<void> {
    const buffer = new Uint8Array(65_536);
    // what comes after has to wait for what came before, and for its own time
    let sent: Promise<void> = Promise.resolve();
    try {
      for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
        if (!passes(buffer.subarray(0, n))) continue;
        const piece = buffer.slice(0, n);
        const time = pause(this.delayMs);
        sent = Promise.all([sent, time]).then(() => writeAll(to, piece));
        if (this.delayMs === 0) await sent;
        else sent.catch(() => {}); // it is told below
      }
      await sent;
    } catch {
      // an end has gone
    }
  }

  #end(way: Way): void {
    if (!this.#ways.delete(way)) return;
    for (const end of way.ends) end.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const way of [...this.#ways]) this.#end(way);
    await this.#running;
  }
}

interface Way {
  silent: boolean;
  loses: boolean;
  readonly ends: readonly Deno.Conn[];
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

function pause(ms: number): Promise<void> | undefined {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;
}

const latin1 = new TextDecoder("latin1");

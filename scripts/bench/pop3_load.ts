/** The reading of a maildrop over POP3, timed. */

/** How long each step took, in milliseconds, and what the server said. */
export interface Pop3Result {
  readonly messages: number;
  /** PASS: the login, the lock, and the list of what is there. */
  readonly open: number;
  readonly stat: number;
  readonly list: number;
  readonly uidl: number;
  readonly retr: number;
  /** Octets that came with RETR, framing included. */
  readonly octets: number;
}

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** Logs in, then STAT, LIST, UIDL, and RETR of the first `most` messages, all sent at once. */
export async function readMaildrop(
  port: number,
  user: string,
  password: string,
  most = Infinity,
): Promise<Pop3Result> {
  const drop = new Maildrop(await Deno.connect({ hostname: "127.0.0.1", port }));
  try {
    await drop.line();
    await drop.ask(`USER ${user}`);
    const [open] = await drop.timed(() => drop.ask(`PASS ${password}`));
    const [stat, answer] = await drop.timed(() => drop.ask("STAT"));
    const messages = Number(answer.split(" ")[1]);
    const [list] = await drop.timed(() => drop.askLong("LIST"));
    const [uidl] = await drop.timed(() => drop.askLong("UIDL"));
    const [retr, octets] = await drop.timed(() => drop.retrieve(Math.min(messages, most)));
    await drop.ask("QUIT");
    return { messages, open, stat, list, uidl, retr, octets };
  } finally {
    drop.close();
  }
}

/** Logs in, takes all messages and deletes them; answers how many. */
export async function emptyMaildrop(port: number, user: string, password: string): Promise<number> {
  const drop = new Maildrop(await Deno.connect({ hostname: "127.0.0.1", port }));
  try {
    await drop.line();
    await drop.ask(`USER ${user}`);
    await drop.ask(`PASS ${password}`);
    const messages = Number((await drop.ask("STAT")).split(" ")[1]);
    if (messages > 0) await drop.retrieve(messages);
    await drop.remove(messages);
    await drop.ask("QUIT");
    return messages;
  } finally {
    drop.close();
  }
}

class Maildrop {
  readonly #conn: Deno.TcpConn;
  readonly #buffer = new Uint8Array(256 * 1024);
  #text = "";

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    conn.setNoDelay(true);
  }

  async timed<T>(work: () => Promise<T>): Promise<[number, T]> {
    const from = performance.now();
    const result = await work();
    return [performance.now() - from, result];
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        if (!line.startsWith("+OK")) throw new Error(`The server said: ${line}`);
        return line.slice(4);
      }
      this.#text += await this.#read();
    }
  }

  async ask(command: string): Promise<string> {
    await this.#conn.write(encoder.encode(`${command}\r\n`));
    return `+OK ${await this.line()}`;
  }

  async askLong(command: string): Promise<void> {
    await this.#conn.write(encoder.encode(`${command}\r\n`));
    await this.#until(1);
  }

  /** All commands at once; the answers are counted by their ends. */
  async retrieve(messages: number): Promise<number> {
    let commands = "";
    for (let n = 1; n <= messages; n++) commands += `RETR ${n}\r\n`;
    const bytes = encoder.encode(commands);
    const [octets] = await Promise.all([this.#until(messages), this.#writeAll(bytes)]);
    return octets;
  }

  /** Marks the first so many as deleted. */
  async remove(messages: number): Promise<void> {
    let commands = "";
    for (let n = 1; n <= messages; n++) commands += `DELE ${n}\r\n`;
    const answers = async () => {
      for (let n = 1; n <= messages; n++) await this.line();
    };
    await Promise.all([answers(), this.#writeAll(encoder.encode(commands))]);
  }

  close(): void {
    this.#conn.close();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Reads until so many answers of several lines have ended; answers the octets. */
  async #until(answers: number): Promise<number> {
    let octets = 0;
    let text = this.#text;
    for (;;) {
      let at = 0;
      for (let end = text.indexOf("\r\n.\r\n"); end >= 0; end = text.indexOf("\r\n.\r\n", at)) {
        at = end + 5;
        if (--answers === 0) {
          this.#text = text.slice(at);
          return octets;
        }
      }
      const more = await this.#read();
      octets += more.length;
      text = text.slice(Math.max(at, text.length - 4)) + more;
    }
  }

  async #read(): Promise<string> {
    const n = await this.#conn.read(this.#buffer);
    if (n === null) throw new Error("The server closed the connection");
    return latin1.decode(this.#buffer.subarray(0, n));
  }
}

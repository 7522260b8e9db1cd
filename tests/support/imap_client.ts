/** A small IMAP client for tests and benchmarks: sends what it is told, reads answers quickly, takes nothing for granted. */

const encoder = new TextEncoder();
const CR = 13;
const LF = 10;
const BRACE = 125;

/** Where a server listens. */
export interface Place {
  readonly hostname: string;
  readonly port: number;
}

/** The answer to a command. A character of a text is an octet. */
export interface Reply {
  readonly status: "OK" | "NO" | "BAD";
  /** What stands behind the status. */
  readonly text: string;
  /** The untagged lines before it, literals in their places; empty when they were skimmed. */
  readonly lines: readonly string[];
  /** How many lines those were, */
  readonly count: number;
  /** and how many octets came in all. */
  readonly octets: number;
}

/** The server ended the connection. */
export class Disconnected extends Error {
  override readonly name = "Disconnected";
}

/** One connection. Commands go one at a time, unless `send` and `reply` are used apart. */
export class ImapClient implements Disposable {
  /** The first line that the server said. */
  greeting = "";
  #buffer: Uint8Array<ArrayBuffer>;
  #from = 0;
  #to = 0;
  #tags = 0;
  #octets = 0;

  private constructor(private readonly conn: Deno.Conn, room: number) {
    this.#buffer = new Uint8Array(room);
  }

  /** Connects and reads the greeting; `room`: octets of the first buffer. */
  static async connect({ hostname, port }: Place, room = 64 * 1024): Promise<ImapClient> {
    const conn = await Deno.connect({ hostname, port });
    conn.setNoDelay(true);
    const client = new ImapClient(conn, room);
    try {
      client.greeting = await client.line();
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  /** The same, logged in. */
  static async login(place: Place, user: string, password: string, room?: number): Promise<ImapClient> {
    const client = await ImapClient.connect(place, room);
    try {
      await client.ok(`LOGIN ${quoted(user)} ${quoted(password)}`);
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  /** Sends a command and reads its answer; octets between the pieces of text go as literals that wait for nothing. */
  async ask(...pieces: readonly (string | Uint8Array)[]): Promise<Reply> {
    return await this.reply(await this.send(pieces));
  }

  /** The same, for an answer that has to be OK. */
  async ok(...pieces: readonly (string | Uint8Array)[]): Promise<Reply> {
    return expectOk(await this.ask(...pieces), pieces);
  }

  /** The same, with what is untagged only counted. */
  async skim(...pieces: readonly (string | Uint8Array)[]): Promise<Reply> {
    return expectOk(await this.reply(await this.send(pieces), true), pieces);
  }

  /** Sends a command; answers its tag. */
  async send(pieces: readonly (string | Uint8Array)[]): Promise<string> {
    const tag = `A${++this.#tags}`;
    const parts: Uint8Array[] = [];
    let text = `${tag} `;
    for (const piece of pieces) {
      if (typeof piece === "string") {
        text += piece;
        continue;
      }
      parts.push(encoder.encode(`${text}{${piece.length}+}\r\n`), piece);
      text = "";
    }
    parts.push(encoder.encode(`${text}\r\n`));
    await this.write(joined(parts));
    return tag;
  }

  /** Writes octets as they are. */
  async write(bytes: Uint8Array | string): Promise<void> {
    const all = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
    for (let at = 0; at < all.length;) at += await this.conn.write(all.subarray(at));
  }

  /** Reads up to the tagged line. */
  async reply(tag: string, skim = false): Promise<Reply> {
    const lines: string[] = [];
    const before = this.#octets;
    for (let count = 0;; count++) {
      const line = skim ? await this.#skimmed() : await this.line();
      if (line.startsWith(`${tag} `)) {
        const [, status, text] = /^\S+ (OK|NO|BAD) ?([^]*)$/.exec(line) ?? [];
        if (status === undefined) throw new Error(`The server said: ${line}`);
        const octets = this.#octets - before;
        return { status: status as Reply["status"], text: text!, lines, count, octets };
      }
      if (!/^[*+] /.test(line)) throw new Error(`This belongs to no command: ${line.slice(0, 200)}`);
      if (!skim) lines.push(line);
    }
  }

  /** The next line, its literals in their places. */
  async line(): Promise<string> {
    let text = "";
    for (;;) {
      const end = await this.#lineEnd();
      text += latin1(this.#buffer.subarray(this.#from, end - 2));
      const literal = this.#literalBefore(end);
      this.#take(end);
      if (literal === undefined) return text;
      text += "\r\n";
      if (this.#buffer.length < literal) this.#grow(literal + 4096);
      while (this.#to - this.#from < literal) await this.#read();
      text += latin1(this.#buffer.subarray(this.#from, this.#from + literal));
      this.#take(this.#from + literal);
    }
  }

  /** Begins to idle: resolves when the server says that it listens. */
  async idle(): Promise<string> {
    const tag = await this.send(["IDLE"]);
    const line = await this.line();
    if (!line.startsWith("+")) throw new Error(`IDLE was answered by ${line}`);
    return tag;
  }

  /** Ends IDLE. */
  async done(tag: string): Promise<Reply> {
    await this.write("DONE\r\n");
    return await this.reply(tag);
  }

  close(): void {
    try {
      this.conn.close();
    } catch {
      // it is closed
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The beginning of the next line, what is long in it passed over. */
  async #skimmed(): Promise<string> {
    let text = "";
    for (;;) {
      const end = await this.#lineEnd();
      if (text.length < 100) {
        text += latin1(this.#buffer.subarray(this.#from, Math.min(end - 2, this.#from + 200)));
      }
      let left = this.#literalBefore(end);
      this.#take(end);
      if (left === undefined) return text;
      for (;;) {
        const here = Math.min(left, this.#to - this.#from);
        this.#take(this.#from + here);
        left -= here;
        if (left === 0) break;
        await this.#read();
      }
    }
  }

  /** Where the line that begins now ends, CR and LF included; reads until it is there. */
  async #lineEnd(): Promise<number> {
    for (let looked = this.#from;;) {
      const at = this.#buffer.subarray(0, this.#to).indexOf(LF, looked);
      if (at > 0 && this.#buffer[at - 1] === CR) return at + 1;
      if (at >= 0) throw new Error("The server ended a line with a bare LF");
      const behind = this.#to - this.#from;
      await this.#read();
      looked = this.#from + behind;
    }
  }

  /** The length of the literal that a line announces at its end. */
  #literalBefore(end: number): number | undefined {
    if (this.#buffer[end - 3] !== BRACE) return undefined;
    const tail = latin1(this.#buffer.subarray(Math.max(this.#from, end - 24), end - 2));
    const found = /\{(\d+)\}$/.exec(tail);
    return found ? Number(found[1]) : undefined;
  }

  #take(to: number): void {
    this.#octets += to - this.#from;
    this.#from = to;
  }

  /** Reads more behind what is there, which may move to the front. */
  async #read(): Promise<void> {
    if (this.#from === this.#to) this.#from = this.#to = 0;
    else if (this.#to === this.#buffer.length) {
      if (this.#from > this.#buffer.length / 2) this.#move(this.#buffer);
      else this.#grow(2 * this.#buffer.length);
    }
    const count = await this.conn.read(this.#buffer.subarray(this.#to)).catch((error) => {
      throw new Disconnected(String(error));
    });
    if (count === null) throw new Disconnected("The server closed the connection");
    this.#to += count;
  }

  #grow(room: number): void {
    this.#move(new Uint8Array(room));
  }

  #move(into: Uint8Array<ArrayBuffer>): void {
    into.set(this.#buffer.subarray(this.#from, this.#to));
    this.#to -= this.#from;
    this.#from = 0;
    this.#buffer = into;
  }
}

/** As IMAP writes a string of printable characters. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** The octets of a text that has one a character. */
export function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function expectOk(reply: Reply, pieces: readonly (string | Uint8Array)[]): Reply {
  if (reply.status === "OK") return reply;
  throw new Error(`${String(pieces[0]).slice(0, 100)} was answered by ${reply.status} ${reply.text}`);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

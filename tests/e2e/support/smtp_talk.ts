/** SMTP spoken by hand: a client that knows nothing of the server's code. */

/** Each character as the byte of that number. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The end of the connection came where a reply was expected. */
export class Hangup extends Error {
  override readonly name = "Hangup";
}

/** One connection. Replies are texts with `\n` between their lines. */
export class SmtpTalk implements Disposable {
  readonly #conn: Deno.Conn;
  readonly #buffer = new Uint8Array(16_384);
  readonly #decoder = new TextDecoder("latin1");
  #text = "";

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects and takes the greeting. */
  static async connect(
    server: { hostname: string; port: number },
    name = "client.example",
  ): Promise<SmtpTalk> {
    const talk = await SmtpTalk.dial(server);
    try {
      await talk.expect("220");
      await talk.ask(`EHLO ${name}`, "250");
    } catch (error) {
      talk.close();
      throw error;
    }
    return talk;
  }

  /** Connects and says nothing. */
  static async dial(server: { hostname: string; port: number }): Promise<SmtpTalk> {
    return new SmtpTalk(await Deno.connect(server));
  }

  /** Sends a line and takes the reply; throws when that begins otherwise. */
  async ask(line: string, start: string): Promise<string> {
    await this.write(`${line}\r\n`);
    return await this.expect(start, line);
  }

  /** Takes a reply; throws when it begins otherwise. */
  async expect(start: string, behind = "what was sent"): Promise<string> {
    const reply = await this.reply();
    if (reply.startsWith(start)) return reply;
    throw new Error(`Behind ${behind.slice(0, 100)} the server said ${reply}; expected ${start}`);
  }

  /** Takes a reply with all its lines; throws a {@linkcode Hangup} at the end of the connection. */
  async reply(withinMs = 30_000): Promise<string> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.#line(withinMs);
      if (line === undefined) throw new Hangup(`The server hung up behind "${lines.join("\n")}"`);
      lines.push(line);
      if (line[3] !== "-") return lines.join("\n");
    }
  }

  /** Sends characters as bytes. */
  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? bytesOf(data) : data;
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** A whole transaction with DATA; answers the last reply. Throws when one before it is not positive. */
  async send(message: { from: string; to: readonly string[]; text: string }): Promise<string> {
    await this.envelope(message);
    await this.write(`${stuffed(message.text)}.\r\n`);
    return await this.reply(60_000);
  }

  /** A transaction up to the 354. */
  async envelope({ from, to }: { from: string; to: readonly string[] }): Promise<void> {
    const rcpts = to.map((address) => `RCPT TO:<${address}>\r\n`).join("");
    await this.write(`MAIL FROM:<${from}>\r\n${rcpts}DATA\r\n`);
    await this.expect("250", "MAIL");
    for (const address of to) await this.expect("250", `RCPT TO:<${address}>`);
    await this.expect("354", "DATA");
  }

  /** Resolves when the server has closed the connection; answers what it said before. */
  async closed(withinMs = 30_000): Promise<string> {
    let said = "";
    for (let line = await this.#line(withinMs); line !== undefined; line = await this.#line(withinMs)) {
      said += `${line}\n`;
    }
    return said;
  }

  /** Closes; may be called again. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // it was closed by the time limit, or before
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #line(withinMs: number): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      const count = await this.#read(withinMs);
      if (count === null) return undefined;
      this.#text += this.#decoder.decode(this.#buffer.subarray(0, count));
    }
  }

  async #read(withinMs: number): Promise<number | null> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.close();
    }, withinMs);
    try {
      return await this.#conn.read(this.#buffer);
    } catch (error) {
      if (late) throw new Error(`The server said nothing for ${withinMs} ms; so far: ${this.#text}`);
      if (error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The text as DATA wants it: dots doubled at the beginning of lines, the last line ended. */
export function stuffed(text: string): string {
  const doubled = text.startsWith(".") ? `.${text}` : text;
  return doubled.replaceAll("\r\n.", "\r\n..") + (text.endsWith("\r\n") ? "" : "\r\n");
}

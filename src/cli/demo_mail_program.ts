/** The demo's mail program: it says the classic commands, one after the other. */

import { binaryString, encode } from "../base/bytes.ts";
import { DemoFailure } from "./demo_stage.ts";

/** A message. */
export interface Message {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly body: string;
}

/** A mail program as in the books. */
export class PlainMailProgram {
  readonly #conn: Deno.TcpConn;
  readonly #trace: (line: string) => void;
  #text = "";

  private constructor(conn: Deno.TcpConn, trace: (line: string) => void) {
    this.#conn = conn;
    this.#trace = trace;
  }

  /** Sends a message through a server; throws when the server refuses. */
  static async send(
    server: { readonly smtp: { hostname: string; port: number } },
    message: Message,
    trace: (line: string) => void,
  ): Promise<void> {
    const conn = await Deno.connect(server.smtp);
    try {
      const program = new PlainMailProgram(conn, trace);
      await program.#expect(220);
      await program.#say("HELO laptop.howstuffworks.com", 250);
      await program.#say(`MAIL FROM:<${message.from}>`, 250);
      await program.#say(`RCPT TO:<${message.to}>`, 250);
      await program.#say("DATA", 354);
      const text = [
        `From: ${message.from}`,
        `To: ${message.to}`,
        `Subject: ${message.subject}`,
        "",
        message.body,
      ];
      for (const line of text) trace(`> ${line}`);
      await program.#say(`${text.join("\r\n")}\r\n.`, 250, ".");
      await program.#say("QUIT", 221);
    } finally {
      conn.close();
    }
  }

  async #say(line: string, code: number, shown = line): Promise<void> {
    this.#trace(`> ${shown}`);
    const bytes = encode(`${line}\r\n`);
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    await this.#expect(code);
  }

  async #expect(code: number): Promise<void> {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        this.#trace(`< ${line}`);
        if (line[3] === "-") continue;
        if (line.startsWith(String(code))) return;
        throw new DemoFailure(`The demo went wrong: the server said ${line}`);
      }
      const n = await this.#conn.read(buffer);
      if (n === null) throw new DemoFailure("The demo went wrong: the server hung up");
      this.#text += binaryString(buffer.subarray(0, n));
    }
  }
}

/** The conversation of a scripted peer: it reads the commands, and does what the script says. */

import { binaryString, concat, encode } from "../base/bytes.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import type { ServerTls } from "../wire/tls.ts";
import type { Answer, PeerScript, PeerSession, PeerStage } from "./peer_script.ts";

/** What a conversation asks of its peer. */
export interface PeerHost {
  script(): PeerScript;
  answer(stage: PeerStage, line: string): Answer;
  wait(ms: number): Promise<void>;
  changed(): void;
  swap(from: ByteConn, to: ByteConn): void;
  tls(): ServerTls;
}

/** One connection. */
export class ScriptedTalk {
  #input: Uint8Array = new Uint8Array();
  #group: string[] = [];
  #mail = "";
  #rcpts: string[] = [];
  #chunks: Uint8Array[] = [];
  #textBytes = 0;

  constructor(
    public conn: ByteConn,
    private readonly session: PeerSession,
    private readonly host: PeerHost,
  ) {}

  async run(): Promise<void> {
    if (this.host.script().tls?.implicit) await this.#upgrade();
    if (!await this.#act(this.host.answer("greeting", ""))) return;
    for (let line = await this.#line(); line !== undefined; line = await this.#line()) {
      this.session.lines.push(line);
      this.#group.push(line);
      this.host.changed();
      if (!await this.#command(line)) return;
    }
  }

  async #command(line: string): Promise<boolean> {
    const verb = line.split(" ", 1)[0]!.toUpperCase();
    switch (verb) {
      case "EHLO":
      case "LHLO":
        return await this.#act(this.host.answer("ehlo", line));
      case "STARTTLS":
        return await this.#startTls(line);
      case "AUTH":
        return await this.#auth(line);
      case "MAIL":
        return await this.#takeMail(line);
      case "RCPT":
        return await this.#rcpt(line);
      case "DATA":
        return await this.#data(line);
      case "BDAT":
        return await this.#bdat(line);
      case "RSET":
        this.#clear();
        return await this.#act(this.host.answer("rset", line));
      case "QUIT":
        await this.#act(this.host.answer("quit", line));
        return false;
      default:
        return await this.#act(this.host.answer(verb === "HELO" ? "helo" : "other", line));
    }
  }

  async #takeMail(line: string): Promise<boolean> {
    const { remembers } = this.host.script();
    if (remembers === "transaction" && this.#mail !== "") {
      return await this.#act("503 5.5.1 MAIL was said already");
    }
    if (remembers !== "recipients") this.#clear();
    return await this.#act(this.host.answer("mail", line), (code) => {
      if (code < 300) this.#mail = line;
    });
  }

  /** Only what a script says is said in the wrong order. */
  async #rcpt(line: string): Promise<boolean> {
    if (this.#mail === "" && this.host.script().rcpt === undefined) {
      return await this.#act("503 5.5.1 MAIL first");
    }
    return await this.#act(this.host.answer("rcpt", line), (code) => {
      if (code < 300) this.#rcpts.push(line);
    });
  }

  async #startTls(line: string): Promise<boolean> {
    let positive = false;
    if (!await this.#act(this.host.answer("starttls", line), (code) => positive = code < 300)) return false;
    if (positive && this.host.script().tls) await this.#upgrade();
    return true;
  }

  async #upgrade(): Promise<void> {
    const encrypted = await this.host.tls().upgrade(this.conn);
    this.host.swap(this.conn, encrypted);
    this.conn = encrypted;
    this.#input = new Uint8Array();
    this.session.tls = true;
  }

  /** As long as the answer is 334, what comes next is one more answer of the client's. */
  async #auth(line: string): Promise<boolean> {
    for (;;) {
      let more = false;
      if (!await this.#act(this.host.answer("auth", line), (code) => more = code === 334)) return false;
      if (!more) return true;
      const next = await this.#line();
      if (next === undefined) return false;
      this.session.lines.push(line = next);
    }
  }

  async #data(line: string): Promise<boolean> {
    if (this.#rcpts.length === 0 && (this.host.script().remembers || this.host.script().data === undefined)) {
      return await this.#act("503 5.5.1 RCPT first");
    }
    let go = false;
    if (!await this.#act(this.host.answer("data", line), (code) => go = code === 354)) return false;
    if (!go) return true;
    let text = "";
    for (let next = await this.#line(); next !== "."; next = await this.#line()) {
      if (next === undefined) return false;
      text += `${next.startsWith(".") ? next.slice(1) : next}\r\n`;
      if (text.length >= (this.host.script().dropInText ?? Infinity)) return false;
    }
    this.#endGroup();
    return await this.#end(text);
  }

  async #bdat(line: string): Promise<boolean> {
    const [, size, last] = line.split(" ");
    for (let missing = Number(size); missing > 0;) {
      if (this.#input.length === 0 && !await this.#read()) return false;
      const piece = this.#input.subarray(0, missing);
      this.#input = this.#input.subarray(piece.length);
      this.#chunks.push(piece);
      this.#textBytes += piece.length;
      missing -= piece.length;
      if (this.#textBytes >= (this.host.script().dropInText ?? Infinity)) return false;
    }
    if (this.#rcpts.length === 0 && this.host.script().bdat === undefined) {
      return await this.#act("503 5.5.1 RCPT first");
    }
    if (last === undefined) return await this.#act("250 2.0.0 Chunk taken");
    const own = this.host.script().bdat;
    if (own !== undefined) return await this.#act(this.host.answer("bdat", line));
    return await this.#end(binaryString(concat(this.#chunks)));
  }

  /** The text is complete: one answer, or with LMTP one per recipient. */
  async #end(text: string): Promise<boolean> {
    const message = { mail: this.#mail, rcpts: this.#rcpts, text };
    const { lmtp, remembers } = this.host.script();
    const answers = lmtp ? this.#rcpts.length : 1;
    if (!remembers) this.#clear();
    for (let i = 0; i < answers; i++) {
      const went = await this.#act(this.host.answer("end", message.rcpts[i] ?? ""), (code) => {
        if (!(code < 300)) return; // garbage is no code
        this.#clear();
        if (this.session.messages.at(-1) !== message) this.session.messages.push(message);
      });
      this.host.changed();
      if (!went) return false;
    }
    return true;
  }

  #clear(): void {
    this.#mail = "";
    this.#rcpts = [];
    this.#chunks = [];
    this.#textBytes = 0;
  }

  /** Does what the script says; false when the connection is over. `onCode` hears the code before it goes out. */
  async #act(answer: Answer, onCode?: (code: number) => void): Promise<boolean> {
    if (typeof answer === "string") {
      onCode?.(Number(answer.slice(0, 3)));
      await this.conn.write(encode(`${answer}\r\n`));
      return true;
    }
    if ("delayMs" in answer) {
      await this.host.wait(answer.delayMs);
      return await this.#act(answer.then, onCode);
    }
    if ("silence" in answer) {
      while (await this.#read()) this.#input = new Uint8Array();
      return false;
    }
    if (answer.raw !== undefined) await this.conn.write(encode(answer.raw));
    return !("drop" in answer);
  }

  async #line(): Promise<string | undefined> {
    for (let from = 0;;) {
      const end = this.#input.indexOf(10, from);
      if (end >= 0) {
        const line = binaryString(this.#input.subarray(0, end)).replace(/\r$/, "");
        this.#input = this.#input.subarray(end + 1);
        return line;
      }
      from = this.#input.length;
      if (!await this.#read()) return undefined;
    }
  }

  /** What is read at once is a group. */
  async #read(): Promise<boolean> {
    this.#endGroup();
    const buffer = new Uint8Array(65_536);
    const count = await this.conn.read(buffer);
    if (count === null) return false;
    this.#input = concat([this.#input, buffer.subarray(0, count)]);
    return true;
  }

  #endGroup(): void {
    if (this.#group.length === 0) return;
    this.session.groups.push(this.#group);
    this.#group = [];
    this.host.changed();
  }
}

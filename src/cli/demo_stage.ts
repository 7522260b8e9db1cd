/** The looks of the demo: titles, sentences, the lines of a conversation, and checks that fail loudly. */

/** A step of the story did not go as planned. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}

const WIDTH = 108;

/** Prints the story. */
export class Stage {
  readonly #write: (text: string) => void;
  readonly #lines = new Map<string, string[]>();
  readonly #color: boolean;

  constructor(write: (text: string) => void) {
    this.#write = write;
    this.#color = !Deno.noColor && Deno.stdout.isTerminal();
  }

  /** A heading. */
  title(text: string): void {
    this.#write("");
    this.#write(this.#paint("1", text));
    this.#write(this.#paint("2", "─".repeat(Math.min(WIDTH, text.length))));
  }

  /** Sentences for people. */
  say(...lines: string[]): void {
    this.#write("");
    for (const line of lines) this.#write(line);
  }

  /** Something seen, indented. */
  quote(line: string): void {
    this.#write(`    ${this.#paint("36", line.slice(0, WIDTH))}`);
  }

  /** Keeps a line of a conversation until {@linkcode flush}. */
  line(who: string, line: string): void {
    const lines = this.#lines.get(who) ?? [];
    lines.push(line);
    this.#lines.set(who, lines);
  }

  /** Prints the lines kept of a conversation. */
  flush(who: string): void {
    this.#write("");
    for (const line of this.#lines.get(who) ?? []) {
      this.#write(`    ${this.#paint(line.startsWith(">") ? "32" : "34", line)}`);
    }
    this.drop(who);
  }

  /** Forgets the lines kept of a conversation. */
  drop(who: string): void {
    this.#lines.delete(who);
  }

  /** Plays a conversation and prints it. */
  async talk<T>(who: string, play: (trace: (line: string) => void) => Promise<T>): Promise<T> {
    this.drop(who);
    try {
      return await play((line) => this.line(who, line));
    } finally {
      this.flush(who);
    }
  }

  /** The telling part of a report: its first part, without the MIME around it. */
  excerpt(message: string): void {
    const headers = message.split("\r\n").filter((line) => /^(Return-Path|From|To|Subject):/.test(line))
      .slice(0, 4);
    const part = /Content-Description: What happened[^]*?\r\n\r\n([^]*?)\r\n--/.exec(message)?.[1] ?? "";
    this.#write("");
    for (const line of [...headers, "", ...part.trimEnd().split("\r\n")]) this.quote(line);
  }

  /** Prints that a step went well, or ends the demo. */
  check(went: unknown, what: string): void {
    if (!went) throw new DemoFailure(`The demo went wrong: it is not so that ${what}`);
    this.#write(`  ${this.#paint("32", "✓")} ${what}`);
  }

  /** A time of the demo's clock. */
  time(ms: number): string {
    return new Date(ms).toUTCString().replace(/:\d\d GMT$/, "");
  }

  #paint(code: string, text: string): string {
    return this.#color ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

/**
 * The conversations kept as text: read, and played in the client's part against a server.
 *
 * A script is a text file, a step on each line; a step begins with its kind and a blank:
 *
 * - `# …` is a comment; empty lines are ignored.
 * - `@ name value` is a setting for whoever starts the server (the script's reader decides what it means).
 * - `C: line` the client sends the line, and CRLF behind it.
 * - `C> bytes` the client sends exactly this.
 * - `S: line` the server must send exactly this line (and CRLF); `*` stands for any run of characters.
 * - `S~ pattern` the server must send a line that this regular expression matches from its first character to its last.
 * - `W:` the client sends nothing more before the server has sent all that is expected so far.
 * - `T: 5m` that much time passes (`ms`, `s`, `m`, `h`); the client waits first, as with `W:`.
 * - `X:` the server must end the connection, without a further line.
 * - `M: …` what must have arrived at the end (compared by the script's reader).
 *
 * In `C:`, `C>`, `S:` and `M:` a backslash writes what a line can't hold: `\r`, `\n`, `\t`, `\0`, `\\`, `\*` (in `S:`),
 * `\xHH` (an octet in `C`), and `\{1000*text}`, which is the text that many times. Other characters are sent as UTF-8.
 */

import { binaryString as binaryText, concat, encode } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import type { ByteConn } from "../wire/byte_conn.ts";

/** A step of a {@linkcode Script}. */
export type ScriptStep =
  | { readonly kind: "send"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "expect"; readonly pattern: RegExp; readonly text: string }
  | { readonly kind: "wait" }
  | { readonly kind: "time"; readonly ms: number; readonly text: string }
  | { readonly kind: "closed" };

/** A conversation. */
export interface Script {
  /** The scenario's name. */
  readonly name: string;
  /** What its comments say, in one text. */
  readonly about: string;
  /** The `@` lines. */
  readonly settings: ReadonlyMap<string, string>;
  /** What happens, in order. */
  readonly steps: readonly ScriptStep[];
  /** The `M:` lines. */
  readonly messages: readonly string[];
}

/** How a script is played. */
export interface PlayOptions {
  /** Sends as much as it can before it reads: all up to the next `W:`, `T:` or `X:`. Otherwise line by line. */
  readonly pipelined?: boolean;
  /** Each octet is written by itself. */
  readonly bytewise?: boolean;
  /** Lets time pass, for `T:`. */
  readonly advance?: (ms: number) => void;
  /** How long the server may take for a line, in real ms (default 5,000). */
  readonly patienceMs?: number;
}

/** The server did not do what the script says. The message has the conversation so far. */
export class ScriptMismatch extends Error {
  override readonly name = "ScriptMismatch";
}

/** Reads a script. Throws a `SyntaxError` that names the line. */
export function parseScript(text: string, name: string): Script {
  const settings = new Map<string, string>();
  const steps: ScriptStep[] = [];
  const messages: string[] = [];
  const about: string[] = [];
  text.split(/\r?\n/).forEach((line, i) => {
    if (line.startsWith("#")) about.push(line.slice(1).trim());
    if (line === "" || line.startsWith("#")) return;
    const kind = line.slice(0, 2);
    const rest = line.slice(3);
    if (line[0] === "@") {
      const [, key, value] = /^@ *(\S+) *(.*)$/.exec(line) ?? [];
      if (key === undefined) throw new SyntaxError(`${name}:${i + 1}: A name must follow @`);
      settings.set(key, value!);
    } else if (kind === "M:") messages.push(binaryText(unescape(rest)));
    else steps.push(parseStep(kind, rest, `${name}:${i + 1}`));
  });
  return { name, about: about.join(" "), settings, steps, messages };
}

function parseStep(kind: string, rest: string, where: string): ScriptStep {
  switch (kind) {
    case "C:":
      return { kind: "send", bytes: unescape(rest + "\\r\\n") };
    case "C>":
      return { kind: "send", bytes: unescape(rest) };
    case "S:":
      return { kind: "expect", pattern: wildcard(rest), text: rest };
    case "S~":
      return { kind: "expect", pattern: new RegExp(`^(?:${rest})$`, "s"), text: rest };
    case "W:":
      return { kind: "wait" };
    case "X:":
      return { kind: "closed" };
    case "T:": {
      const [, amount, unit] = /^(\d+)(ms|s|m|h)$/.exec(rest) ?? [];
      if (amount === undefined) {
        throw new SyntaxError(`${where}: T: needs a duration such as 5m, not '${rest}'`);
      }
      return {
        kind: "time",
        text: rest,
        ms: Number(amount) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as "s"],
      };
    }
  }
  throw new SyntaxError(`${where}: A line begins with C: C> S: S~ W: T: X: M: @ or #, not with '${kind}'`);
}

/** Plays the client's part over `conn`, and closes it. Throws {@linkcode ScriptMismatch}. */
export async function playScript(script: Script, conn: ByteConn, options: PlayOptions = {}): Promise<void> {
  const player = new Player(script, conn, options);
  try {
    await player.play();
  } finally {
    conn.close();
  }
}

class Player {
  readonly #script: Script;
  readonly #conn: ByteConn;
  readonly #options: PlayOptions;
  readonly #transcript: string[] = [];
  #received = "";
  #ended = false;

  constructor(script: Script, conn: ByteConn, options: PlayOptions) {
    this.#script = script;
    this.#conn = conn;
    this.#options = options;
  }

  async play(): Promise<void> {
    for (const group of this.#groups()) {
      // what the server says must be read while the client still sends, or both would wait for each other
      const sending = this.#send(group).catch(() => {});
      await this.#expectAll(group);
      await sending;
      for (const step of group) await this.#afterwards(step);
    }
    if (this.#received !== "") this.#fail(`The server said more: ${JSON.stringify(this.#received)}`);
  }

  /** Steps that are played together: first everything is sent, then everything is awaited. */
  *#groups(): Generator<ScriptStep[]> {
    let group: ScriptStep[] = [];
    let heard = false;
    for (const step of this.#script.steps) {
      // the client waits for the greeting, and unless it pipelines for each reply
      if (step.kind === "send" && heard) {
        if (!this.#options.pipelined || group.every((one) => one.kind !== "send")) {
          yield group;
          group = [];
        }
        heard = false;
      }
      heard ||= step.kind === "expect";
      group.push(step);
      if (step.kind === "wait" || step.kind === "time" || step.kind === "closed") {
        yield group;
        group = [];
        heard = false;
      }
    }
    yield group;
  }

  async #send(group: readonly ScriptStep[]): Promise<void> {
    let waiting: Uint8Array[] = [];
    for (const step of group) {
      if (step.kind !== "send") continue;
      this.#transcript.push(`C: ${shorten(binaryText(step.bytes))}`);
      waiting.push(step.bytes);
      if (!this.#options.pipelined) {
        await this.#write(waiting);
        waiting = [];
      }
    }
    await this.#write(waiting);
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    const bytes = concat(parts);
    const size = this.#options.bytewise ? 1 : Math.max(1, bytes.length);
    for (let i = 0; i < bytes.length; i += size) await this.#conn.write(bytes.subarray(i, i + size));
  }

  async #expectAll(group: readonly ScriptStep[]): Promise<void> {
    for (const step of group) {
      if (step.kind !== "expect") continue;
      const line = await this.#line();
      if (line === undefined) this.#fail(`Expected '${step.text}', but the server ended the connection`);
      this.#transcript.push(`S: ${shorten(line)}`);
      if (!step.pattern.test(line)) this.#fail(`Expected '${step.text}'`);
    }
  }

  async #afterwards(step: ScriptStep): Promise<void> {
    if (step.kind === "time") {
      // a few turns of the event loop: what the client has sent so far is read before time passes
      for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => systemClock.schedule(1, resolve));
      if (!this.#options.advance) throw new Error("A script with T: needs a clock that can be moved");
      this.#options.advance(step.ms);
    } else if (step.kind === "closed") {
      const line = await this.#line();
      if (line !== undefined) this.#fail(`Expected the end of the connection, but the server said '${line}'`);
    }
  }

  /** The next line of the server, or undefined at the end. */
  async #line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#received.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 2);
        return line;
      }
      if (this.#ended) return undefined;
      const bytes = await this.#read();
      if (bytes === undefined) this.#ended = true;
      else this.#received += binaryText(bytes);
    }
  }

  async #read(): Promise<Uint8Array | undefined> {
    const into = new Uint8Array(16 * 1024);
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = systemClock.schedule(this.#options.patienceMs ?? 5_000, () => resolve("late"));
    const reading = this.#conn.read(into).catch(() => null);
    const count = await Promise.race([reading, late]);
    timer.cancel();
    if (count === "late") {
      this.#conn.close();
      await reading;
      this.#fail("The server says nothing");
    }
    return count === null ? undefined : into.subarray(0, count);
  }

  #fail(what: string): never {
    throw new ScriptMismatch(`${this.#script.name}: ${what}\n  ${this.#transcript.slice(-25).join("\n  ")}`);
  }
}

function wildcard(text: string): RegExp {
  const pattern = text.replace(/\\\*|\\t|\*|[.+?^${}()|[\]\\]/g, (found) => {
    if (found === "*") return ".*";
    return found.startsWith("\\") && found.length > 1 ? found : `\\${found}`;
  });
  // the server's lines are compared octet by octet
  return new RegExp(`^${binaryText(encode(pattern))}$`, "s");
}

function unescape(text: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  const pattern = /\\(?:x([0-9a-fA-F]{2})|\{(\d+)\*((?:[^}\\]|\\.)*)\}|(.))|[^\\]+/gs;
  for (const [found, octet, times, repeated, letter] of text.matchAll(pattern)) {
    if (octet !== undefined) bytes.push(parseInt(octet, 16));
    else if (times !== undefined) {
      const once = unescape(repeated!);
      for (let i = 0; i < Number(times); i++) for (const byte of once) bytes.push(byte);
    } else if (letter !== undefined) bytes.push(...encode(LETTERS[letter] ?? letter));
    else for (const byte of encode(found)) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

const LETTERS: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "0": "\0" };

function shorten(text: string): string {
  const shown = JSON.stringify(text);
  return shown.length > 120 ? `${shown.slice(0, 100)}… (${text.length} octets)` : shown;
}

/**
 * The dialogues of a server that captures: what was said in the session that brought a message, kept in memory, and
 * written in the format of `fixtures/smtp/`, so that it can be said again to any server.
 */

import { binaryString, decode, decodeStrictly, encode } from "../../base/bytes.ts";
import { OldestKeys } from "../../base/oldest.ts";
import { type Line, LineConn } from "../../wire/line_conn.ts";
import type { ByteConn } from "../../wire/byte_conn.ts";

/** A step of a dialogue: a line of the format, or where content goes. */
type Step = string | { readonly chunk?: { readonly size: number; readonly last: boolean } };

/** So many characters are kept of all dialogues; the oldest are forgotten first. */
const KEPT = 4 * 1024 * 1024;
/** A session that says more than this before its message is cut at its beginning. */
const MAX_STEPS = 2000;
/** What stands for a password. */
const HIDDEN = "********";

/** The dialogues that brought the newest messages. */
export class Dialogues {
  /** As JSON: one text takes a third of the memory of its steps. */
  readonly #kept = new Map<string, string>();
  readonly #oldest = new OldestKeys(this.#kept);
  #size = 0;

  /** The lines of a connection, with what is said on it kept here. */
  listen(conn: ByteConn): LineConn {
    return new HeardConn(conn, (id, steps) => this.#keep(id, steps));
  }

  /** Is there one for this message? */
  has(id: string): boolean {
    return this.#kept.has(id);
  }

  /** The dialogue that brought a message whose content that is; undefined when it is not known. */
  write(id: string, content: Uint8Array): string | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined) return undefined;
    const steps: Step[] = JSON.parse(kept);
    const lines = [`# The session that brought ${id} (RFC 5321 3.3).`];
    const begin = steps.findLastIndex((step) => typeof step === "string" && /^C: MAIL/i.test(step));
    const announced = steps.slice(begin).reduce((sum, step) => sum + sizeOf(step), 0);
    let at = 0;
    for (const [i, step] of steps.entries()) {
      if (typeof step === "string") lines.push(step);
      // what was refused before is not kept
      else if (i < begin) lines.push(step.chunk ? `C: BDAT 0${step.chunk.last ? " LAST" : ""}` : "C: .");
      else if (!step.chunk) lines.push(...dotted(content));
      else {
        // what was mended has another size; then the last chunk has it all
        const { size, last } = step.chunk;
        const end = last ? content.length : announced === content.length ? at + size : at;
        const octets = content.subarray(at, end);
        lines.push(`C> BDAT ${octets.length}${last ? " LAST" : ""}\\r\\n${escaped(octets)}`);
        at = end;
      }
    }
    return lines.join("\n") + "\n";
  }

  /** Forgets all. */
  clear(): void {
    this.#kept.clear();
    this.#size = 0;
  }

  #keep(id: string, steps: readonly Step[]): void {
    const text = JSON.stringify(steps);
    this.#size += sizeOfText(text) - sizeOfText(this.#kept.get(id));
    this.#kept.set(id, text);
    while (this.#size > KEPT) {
      const oldest = this.#oldest.next()!;
      this.#size -= sizeOfText(this.#kept.get(oldest));
      this.#kept.delete(oldest);
    }
  }
}

/** What a kept text takes, with its place. */
function sizeOfText(text: string | undefined): number {
  return text === undefined ? 0 : text.length + 100;
}

function sizeOf(step: Step): number {
  return typeof step === "string" ? 0 : step.chunk?.size ?? 0;
}

/** Lines that are noted as they are taken and put. */
class HeardConn extends LineConn {
  readonly #keep: (id: string, steps: readonly Step[]) => void;
  #steps: Step[] = [];
  /** Where the transaction began. */
  #began: number | undefined;
  /** Where a transaction began that is over once the client says something. */
  #ended: number | undefined;
  /** The client's next line is part of a login. */
  #login = "";

  constructor(conn: ByteConn, keep: (id: string, steps: readonly Step[]) => void) {
    super(conn);
    this.#keep = keep;
  }

  override line(max: number): Line | undefined {
    const line = super.line(max);
    if (line) this.#heard(line);
    return line;
  }

  override put(text: string | Uint8Array): void {
    super.put(text);
    this.#said(typeof text === "string" ? text : decode(text));
  }

  override putLasting(bytes: Uint8Array): void {
    super.putLasting(bytes);
    this.#said(decode(bytes));
  }

  #heard(line: Line): void {
    if (line.kind === "tooLong") return this.#note("# The client sent a line that was too long.");
    const text = binaryString(line.bytes);
    const [, verb = "", rest = ""] = /^(\w+) ?(.*)$/s.exec(text) ?? [];
    if (this.#login !== "") return this.#note(`C: ${text === "*" ? text : hidden("", text)}`);
    if (/^MAIL$/i.test(verb)) this.#began ??= this.#steps.length;
    if (/^AUTH$/i.test(verb)) {
      this.#login = rest;
      const [mechanism = "", initial] = rest.split(" ");
      return this.#note(`C: ${verb} ${mechanism}${initial ? ` ${hidden(mechanism, initial)}` : ""}`);
    }
    const [, size, last] = /^BDAT (\d+)( LAST)?$/i.exec(text) ?? [];
    if (size !== undefined) return this.#note({ chunk: { size: Number(size), last: last !== undefined } });
    this.#note(line.kind === "bareLf" ? `C> ${escaped(line.bytes)}\\n` : `C: ${escaped(line.bytes)}`);
  }

  #said(text: string): void {
    const lines = text.split("\r\n").filter((line) => line !== "");
    for (const line of lines) this.#note(expecting(line));
    const last = lines.at(-1) ?? "";
    if (!last.startsWith("334")) this.#login = "";
    if (last.startsWith("354")) return this.#note({});
    const id = /^2\d\d .*\bqueued as (\w+)/.exec(last)?.[1];
    if (id === undefined) return;
    this.#keep(id, this.#steps.slice());
    // the session goes on, perhaps with another message, or (LMTP) with a reply for the next recipient
    if (this.#began !== undefined) this.#ended = this.#began;
  }

  #note(step: Step): void {
    const isClient = typeof step !== "string" || step.startsWith("C");
    if (isClient && this.#ended !== undefined) {
      this.#steps.length = this.#ended;
      this.#ended = undefined;
      this.#began = typeof step === "string" && /^C: MAIL/i.test(step) ? this.#steps.length : undefined;
    }
    this.#steps.push(step);
    if (this.#steps.length > MAX_STEPS) {
      this.#steps.splice(0, 1);
      if (this.#began) this.#began--;
    }
  }
}

/** A login without its password: the same name, so that a server that takes any takes it again. */
function hidden(mechanism: string, initial: string): string {
  if (initial === "=") return initial;
  if (!/^PLAIN$/i.test(mechanism)) return btoa(HIDDEN);
  try {
    const [, user = ""] = atob(initial).split("\0");
    return btoa(`\0${user}\0${HIDDEN}`);
  } catch {
    return btoa(HIDDEN);
  }
}

/** The line that a server must say. */
function expecting(line: string): string {
  if (!line.includes("\\")) return `S: ${line.replaceAll("*", "\\*").replaceAll("\t", "\\t")}`;
  return `S~ ${line.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}`;
}

/** The text that DATA carries, and its end (RFC 5321 4.5.2). */
function dotted(content: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < content.length;) {
    const lf = content.indexOf(10, at);
    const end = lf < 0 ? content.length : lf + 1;
    const line = escaped(content.subarray(at, end)).replace(/\\r\\n$/, "");
    lines.push(line === "" ? "C:" : `C: ${line.startsWith(".") ? "." : ""}${line.replace(/ $/, "\\x20")}`);
    at = end;
  }
  return [...lines, "C: ."];
}

/** Octets as the format writes them: UTF-8 as it is, where that is what they are. */
function escaped(octets: Uint8Array): string {
  const text = decodeStrictly(octets);
  const isUtf8 = text !== undefined;
  const names: Record<string, string> = { "\\": "\\\\", "\r": "\\r", "\n": "\\n", "\t": "\\t" };
  // deno-lint-ignore no-control-regex
  const unsafe = isUtf8 ? /[\u0000-\u001f\\\u007f\u2028\u2029]/g : /[\u0000-\u001f\\\u007f-\u00ff]/g;
  return (text ?? binaryString(octets)).replace(unsafe, (found) => {
    if (found in names) return names[found]!;
    return [...isUtf8 ? encode(found) : [found.charCodeAt(0)]].map((octet) =>
      `\\x${octet.toString(16).padStart(2, "0")}`
    ).join("");
  });
}

/** The replay of a conversation: its client's part is said to any server, and what that answers otherwise is noted. */

import { binaryString, concat, decode } from "../base/bytes.ts";
import { sleep, systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import { clientTls } from "../wire/tls.ts";
import { compareReply, type ComparisonOptions, type ExpectedLine, hostNamed } from "./reply_comparison.ts";
import type { Script, ScriptStep } from "./script.ts";

/** How a conversation is replayed. */
export interface ReplayOptions extends ComparisonOptions {
  /** How long the server may take for a line, in real ms (default 10,000). */
  readonly patienceMs?: number;
  /** The longest silence (`T:`) that is kept, in real ms (default 5,000); what comes behind a longer one is not said. */
  readonly longestWaitMs?: number;
  /** Lets time pass for a server whose clock can be moved, instead of waiting. */
  readonly pass?: (ms: number) => Promise<void>;
}

/** What came of it. */
export interface Replayed {
  /** How many replies were compared. */
  readonly replies: number;
  /** How many of them differ, or did not come; an early end counts as one. */
  readonly differing: number;
  /** What the client said (`C:`), and both replies (`-` was expected, `+` came), wherever they differ. */
  readonly report: readonly string[];
  /** How many more replies the conversation has behind the point where it stopped. */
  readonly unsaid: number;
  /** Why it was not said to its end. */
  readonly stopped?: string;
}

/** Nobody waits longer for a server's time-out unasked. */
const LONGEST_WAIT_MS = 5000;
/** A server that should close has done it by then. */
const CLOSING_MS = 3000;

/** What the client sends, what it should hear then, and what else is so. */
interface Exchange {
  readonly sent: Uint8Array[];
  readonly expected: ExpectedLine[];
  waitMs: number;
  closes: boolean;
}

/** Says a script's client part over the connection, and closes it. */
export async function replay(script: Script, conn: ByteConn, options: ReplayOptions = {}): Promise<Replayed> {
  const player = new Replay(conn, exchangesOf(script.steps), options);
  try {
    await player.play();
  } catch (error) {
    player.stop(messageOf(error));
  } finally {
    player.close();
  }
  return player;
}

/** The sections of RFCs that a script's comments name, such as `RFC 5321 4.1.1.1`. */
export function sectionsOf({ about }: Script): string[] {
  const found = about.matchAll(
    /RFC (\d+)(?: (?:appendix |section )?([A-Z\d](?:\.\d+)*)(?![\w-]))?((?:, \d+(?:\.\d+)+)*)/g,
  );
  return [...new Set([...found].map(([, rfc, section = "", more]) => `RFC ${rfc} ${section}${more}`.trim()))];
}

function exchangesOf(steps: readonly ScriptStep[]): Exchange[] {
  const fresh = (): Exchange => ({ sent: [], expected: [], waitMs: 0, closes: false });
  const all = [fresh()];
  for (const step of steps) {
    let last = all.at(-1)!;
    const isOver = last.expected.length > 0 || last.closes || last.waitMs > 0;
    if (step.kind === "send" && isOver) all.push(last = fresh());
    if (step.kind === "send") last.sent.push(step.bytes);
    else if (step.kind === "expect") {
      // what comes after a time belongs to what comes after it
      if (last.waitMs > 0 && last.expected.length > 0) all.push(last = fresh());
      last.expected.push(step);
    } else if (step.kind === "time") {
      all.push(last = fresh());
      last.waitMs += step.ms;
    } else if (step.kind === "closed") last.closes = true;
  }
  return all;
}

class Replay implements Replayed {
  replies = 0;
  differing = 0;
  readonly report: string[] = [];
  stopped?: string;
  readonly #hosts = new Set<string>();
  readonly #options: ReplayOptions;
  readonly #exchanges: readonly Exchange[];
  #conn: ByteConn;
  #received = "";
  #ended = false;
  /** Nothing came in time; no more is waited for. */
  #late = false;

  constructor(conn: ByteConn, exchanges: readonly Exchange[], options: ReplayOptions) {
    this.#conn = conn;
    this.#exchanges = exchanges;
    this.#options = options;
  }

  get unsaid(): number {
    const all = this.#exchanges.flatMap(({ expected }) => repliesOf(expected, ({ text }) => text));
    return all.length - this.replies;
  }

  close(): void {
    this.#conn.close();
  }

  /** Nothing more is said: the server does what can't be answered. */
  stop(why: string): void {
    this.differing++;
    this.#end(why);
  }

  #end(why: string): void {
    this.stopped ??= why;
    this.report.push(`* ${why}`);
  }

  async play(): Promise<void> {
    const exchanges = this.#exchanges;
    for (let i = 0; i < exchanges.length && this.stopped === undefined; i++) {
      const exchange = exchanges[i]!;
      const goesOn = await this.#exchange(exchange);
      // a text or a password that was not asked for is not said
      if (!goesOn && exchanges[i + 1]) this.#skip(exchanges[++i]!);
    }
  }

  /** Says it and hears the answer; false: what comes next was not asked for. */
  async #exchange({ sent, expected, waitMs, closes }: Exchange): Promise<boolean> {
    const { pass, longestWaitMs = LONGEST_WAIT_MS } = this.#options;
    if (!pass && waitMs > longestWaitMs) {
      this.#end(`What comes after ${waitMs / 1000} s of silence is not waited for`);
      return true;
    }
    if (waitMs > 0) await (pass ? pass(waitMs) : sleep(systemClock, waitMs));
    const sending = this.#write(sent);
    const actual = await this.#hear(expected);
    await sending;
    this.#compare(sent, actual, expected);
    const [last = "", wanted = ""] = [actual.at(-1), expected.at(-1)?.text];
    if (this.#ended && !closes && this.stopped === undefined) this.stop("The server ended the connection");
    else if (closes) await this.#expectEnd(sent);
    else if (upgrades(sent, actual[0] ?? "")) await this.#encrypt();
    for (const code of ["354", "334", "+ "]) {
      if (wanted.startsWith(code) && !last.startsWith(code)) return false;
      if (last.startsWith(code) && !wanted.startsWith(code)) {
        this.stop("The server waits for what the conversation does not have");
      }
    }
    return true;
  }

  #skip({ sent, expected }: Exchange): void {
    const lines = expected.map(({ text }) => `- ${text}`);
    this.report.push(...saidLines(sent).map((line) => `${line} (not said: it was not asked for)`), ...lines);
    const replies = repliesOf(expected, ({ text }) => text).length;
    this.replies += replies;
    this.differing += replies;
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    // a server may have closed: what it said before tells
    if (parts.length > 0) await this.#conn.write(concat(parts)).catch(() => {});
  }

  async #encrypt(): Promise<void> {
    this.#conn = await clientTls(this.#conn, { serverName: this.#conn.remote.hostname });
    this.#received = "";
  }

  #compare(sent: readonly Uint8Array[], actual: readonly string[], expected: readonly ExpectedLine[]): void {
    const command = binaryString(sent.at(-1) ?? new Uint8Array());
    // who greets or is greeted tells its name
    if (command === "" || /^(?:EHLO|HELO|LHLO)\b/i.test(command)) {
      for (const line of [actual[0], expected[0]?.text]) {
        this.#hosts.add(hostNamed(line ?? "") ?? "localhost");
      }
    }
    const [got, wanted] = [repliesOf(actual, String), repliesOf(expected, ({ text }) => text)];
    const compared = wanted.map((reply, i) =>
      compareReply(got[i] ?? [], reply, { ...this.#options, hosts: this.#hosts })
    );
    this.replies += wanted.length;
    const differing = compared.filter((lines) => lines !== undefined).length;
    this.differing += differing;
    if (differing === 0) return;
    this.report.push(...saidLines(sent));
    for (const [i, lines] of compared.entries()) {
      this.report.push(...lines ?? (got[i] ?? []).map((line) => `  ${line}`));
    }
  }

  /** As many replies as are expected, or less when no more come. */
  async #hear(expected: readonly ExpectedLine[]): Promise<string[]> {
    const lines: string[] = [];
    for (const reply of repliesOf(expected, ({ text }) => text)) {
      const isLong = reply.length > 1 && !/^\d{3}-/.test(reply[0]!.text);
      for (let isOver = false; !isOver;) {
        const line = await this.#line(this.#options.patienceMs ?? 10_000);
        if (line === undefined && !this.#ended) this.stop("The server says nothing");
        if (line === undefined) return lines;
        lines.push(line);
        isOver = /^-ERR/.test(line) || (isLong ? line === "." : !/^\d{3}-/.test(line));
      }
    }
    return lines;
  }

  async #expectEnd(sent: readonly Uint8Array[]): Promise<void> {
    const line = await this.#line(CLOSING_MS);
    if (line === undefined && this.#ended) return;
    this.differing++;
    this.report.push(...saidLines(sent), "- the end of the connection", `+ ${line ?? "nothing"}`);
  }

  /** The next line; undefined at the end, and when none comes. */
  async #line(patienceMs: number): Promise<string | undefined> {
    for (;;) {
      const end = this.#received.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 2);
        return line;
      }
      if (this.#ended || this.#late) return undefined;
      const bytes = await this.#read(patienceMs);
      if (bytes === undefined) return undefined;
      this.#received += binaryString(bytes);
    }
  }

  async #read(patienceMs: number): Promise<Uint8Array | undefined> {
    const into = new Uint8Array(16 * 1024);
    const late = new AbortController();
    const reading = this.#conn.read(into).catch(() => null).finally(() => late.abort());
    const timer = systemClock.schedule(patienceMs, () => late.abort("late"));
    await new Promise<void>((resolve) => late.signal.addEventListener("abort", () => resolve()));
    timer.cancel();
    if (late.signal.reason === "late") {
      this.#late = true;
      this.#conn.close();
      await reading;
      return undefined;
    }
    const count = await reading;
    if (count === null) this.#ended = true;
    return count === null ? undefined : into.subarray(0, count);
  }
}

/** Lines by replies: those of SMTP go on behind `NNN-`, those of POP3 up to the next sign. */
function repliesOf<T>(lines: readonly T[], text: (line: T) => string): T[][] {
  const replies: T[][] = [];
  const sign = /^(?:\\?\+(?: |OK)|-ERR)/; // in a pattern `+` has a backslash before it
  const isPop3 = lines[0] !== undefined && sign.test(text(lines[0]));
  let isOver = true;
  for (const line of lines) {
    const shown = text(line);
    if (isOver || (isPop3 && sign.test(shown))) replies.push([]);
    replies.at(-1)!.push(line);
    isOver = !isPop3 && !/^\d{3}-/.test(shown);
  }
  return replies;
}

function upgrades(sent: readonly Uint8Array[], reply: string): boolean {
  return /^(?:220|\+OK)/.test(reply) &&
    /^(?:STARTTLS|STLS)\r\n/i.test(binaryString(concat(sent)).slice(0, 10));
}

/** What was sent, shortened; of a long text the first lines. */
function saidLines(sent: readonly Uint8Array[]): string[] {
  const lines = sent.map((bytes) => JSON.stringify(decode(bytes)).slice(1, -1).replace(/\\r\\n$/, ""));
  const shown = lines.length > 6
    ? [...lines.slice(0, 3), `… (${lines.length - 4} lines)`, lines.at(-1)!]
    : lines;
  return shown.map((line) => `C: ${line.length > 110 ? `${line.slice(0, 100)}…` : line}`);
}

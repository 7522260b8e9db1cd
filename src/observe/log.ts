/** The log: one line for each event, for people or for programs, through `@std/log`. */

import * as std from "@std/log";
import { encodeShortly } from "../base/bytes.ts";
import { type Clock, systemClock } from "../base/clock.ts";

/** How loud a line is. */
export type LogLevel = "DEBUG" | "INFO" | "WARN" | "ERROR";

/** What is logged beside the event's name. Fields that are undefined are left out. */
export type LogFields = Record<string, unknown>;

/** How {@linkcode setupLogging} writes. */
export interface LogOptions {
  /** Lines below it are not written. */
  level: LogLevel;
  /** `text`: `2026-01-05T09:00:00.000Z INFO accepted id=… from=…`; `json`: one object a line. */
  format: "text" | "json";
  /** Takes whole lines; default: stderr. */
  write?: (bytes: Uint8Array) => void;
  /** Dates the lines; default: the system's clock. */
  clock?: Clock;
}

/** The log, once it is set up. */
export interface LogControl {
  /** May be changed at any time. */
  level: LogLevel;
  /** May be changed at any time. */
  format: "text" | "json";
  /** Writes what is buffered. */
  flush(): void;
}

const NAME = "dinopost";
const LEVELS: readonly LogLevel[] = ["DEBUG", "INFO", "WARN", "ERROR"];
const BATCH = 8 * 1024;
const BATCH_MS = 5;
const encoder = new TextEncoder();

/** Sets up the log of this process. Before that, and for levels below the one set, {@linkcode log} does nothing. */
export function setupLogging(options: LogOptions): LogControl {
  const handler = new LineHandler(options);
  std.setup({
    handlers: { [NAME]: handler },
    loggers: { [NAME]: { level: options.level, handlers: [NAME] } },
  });
  return {
    get level() {
      return LEVELS.find((name) => std.LogLevels[name] === std.getLogger(NAME).level) ?? options.level;
    },
    set level(level) {
      std.getLogger(NAME).level = std.LogLevels[level];
    },
    get format() {
      return handler.lineFormat;
    },
    set format(format) {
      handler.lineFormat = format;
    },
    flush: () => handler.flush(),
  };
}

/**
 * Logs an event. `event` is one of the program's own words, never text from outside; what comes from outside stands
 * in the fields, where control characters are escaped. A field called `time`, `level` or `event` is written as
 * `fields.time` and so on: each name stands once in a line.
 */
export function log(level: LogLevel, event: string, fields?: LogFields): void {
  const logger = std.getLogger(NAME);
  const { handlers } = logger;
  if (logger.level > std.LogLevels[level] || handlers.length === 0) return;
  const [own] = handlers;
  // as a rule nobody else listens, and a record for each line costs as much as the line
  if (handlers.length === 1 && own instanceof LineHandler) return own.line(level, event, fields);
  if (level === "INFO") logger.info(event, fields);
  else if (level === "WARN") logger.warn(event, fields);
  else if (level === "ERROR") logger.error(event, fields);
  else logger.debug(event, fields);
}

/** The same of an event whose fields are all but its type: nothing is copied for a line of text. */
export function logFacts(level: LogLevel, event: { readonly type: string }): void {
  if (!isLogged(level)) return;
  const { handlers } = std.getLogger(NAME);
  const [own] = handlers;
  if (handlers.length === 1 && own instanceof LineHandler && own.lineFormat === "text") {
    return own.line(level, event.type, event as LogFields, "type");
  }
  const { type, ...fields } = event;
  log(level, type, fields);
}

/** Whether lines of that level are written: asked before fields are made that cost something. */
export function isLogged(level: LogLevel): boolean {
  const logger = std.getLogger(NAME);
  return logger.handlers.length > 0 && logger.level <= std.LogLevels[level];
}

/** Formats records and writes them in batches: one write for all lines of some milliseconds, at once from WARN on. */
class LineHandler extends std.BaseHandler {
  lineFormat: "text" | "json";
  readonly #write: (bytes: Uint8Array) => void;
  /** Who takes the bytes may keep them. */
  readonly #keeps: boolean;
  readonly #clock: Clock;
  readonly #onUnload = () => this.flush();
  #buffer = "";
  #cancel: (() => void) | undefined;

  constructor(options: LogOptions) {
    super("NOTSET");
    this.lineFormat = options.format;
    this.#write = options.write ?? writeStderr;
    this.#keeps = options.write !== undefined;
    this.#clock = options.clock ?? systemClock;
  }

  override setup(): void {
    globalThis.addEventListener("unload", this.#onUnload);
  }

  override destroy(): void {
    globalThis.removeEventListener("unload", this.#onUnload);
    this.flush();
  }

  override handle(record: std.LogRecord): void {
    this.line(record.levelName as LogLevel, record.msg, record.args[0] as LogFields | undefined);
  }

  /** Writes a line; `but` names a field that is left out of one of text. */
  line(level: LogLevel, event: string, fields: LogFields | undefined, but?: string): void {
    const head = { time: timestamp(this.#clock.now()), level, event };
    this.log(this.lineFormat === "json" ? jsonLine(head, fields) : textLine(head, fields, but));
    if (level === "WARN" || level === "ERROR") this.flush();
  }

  log(line: string): void {
    this.#buffer += line;
    if (this.#buffer.length >= BATCH) this.flush();
    else this.#cancel ??= this.#schedule();
  }

  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#buffer === "") return;
    const text = this.#buffer;
    this.#buffer = "";
    this.#write(this.#keeps ? encoder.encode(text) : encodeShortly(text));
  }

  /** Always on the system's clock: lines are not held back by a clock that stands still. */
  #schedule(): () => void {
    const timer = systemClock.schedule(BATCH_MS, () => this.flush());
    return () => timer.cancel();
  }
}

function writeStderr(bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  } catch {
    // whoever read the log is gone; the server is not
  }
}

let lastSecond = -1;
let secondText = "";
let lastMs = -1;
let msText = "";

/** ISO 8601 in UTC; the texts of a millisecond and of a second are made once. */
function timestamp(ms: number): string {
  if (ms === lastMs) return msText;
  lastMs = ms;
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    secondText = new Date(second * 1000).toISOString().slice(0, 20);
    lastSecond = second;
  }
  return msText = `${secondText}${String(Math.floor(ms - second * 1000)).padStart(3, "0")}Z`;
}

// control characters that JSON leaves alone, line separators, and marks that turn the direction of text around
const UNSEEN = /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
const ALL_UNSEEN = new RegExp(UNSEEN, "g");
const PLAIN = /^[!#-<>-[\]-~]+$/; // printable ASCII without blank, quote, equals sign and backslash

function jsonText(value: unknown): string {
  let text: string;
  try {
    text = (isPlain(value) ? JSON.stringify(value) : JSON.stringify(value, plainValue)) ?? "null";
  } catch {
    text = '"(circular)"'; // logging never throws
  }
  return UNSEEN.test(text) ? text.replace(ALL_UNSEEN, escapeUnseen) : text;
}

function escapeUnseen(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Texts alone: they are written without a question for each value. */
function isPlain(value: unknown): boolean {
  return typeof value === "string" || (Array.isArray(value) && value.every((one) => typeof one === "string"));
}

function plainValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return value;
}

/** What each line has of its own. */
const OWN: ReadonlySet<string> = new Set(["time", "level", "event"]);

/** The fields under names that nothing else of the line has. */
function apart(fields: LogFields): LogFields {
  if (!("time" in fields || "level" in fields || "event" in fields)) return fields;
  const entries = Object.entries(fields);
  return Object.fromEntries(entries.map(([name, value]) => [OWN.has(name) ? `fields.${name}` : name, value]));
}

/** What each line begins with. */
interface LineHead {
  readonly time: string;
  readonly level: LogLevel;
  readonly event: string;
}

function jsonLine({ time, level, event }: LineHead, given: LogFields | undefined): string {
  const fields = given && apart(given);
  const rest = fields ? jsonText(fields) : "{}";
  const head = `{"time":"${time}","level":"${level}","event":${jsonText(event)}`;
  return rest.length < 3 || rest[0] !== "{" ? `${head}}\n` : `${head},${rest.slice(1)}\n`;
}

function textLine({ time, level, event }: LineHead, given: LogFields | undefined, but?: string): string {
  const fields = given && apart(given);
  let line = `${time} ${level} ${event}`;
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined && name !== but) line += ` ${name}=${textValue(value)}`;
  }
  return line + "\n";
}

function textValue(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") {
    return String(value);
  }
  return typeof value === "string" && PLAIN.test(value) ? value : jsonText(value);
}

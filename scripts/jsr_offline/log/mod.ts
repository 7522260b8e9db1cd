/**
 * A local stand-in for `jsr:@std/log`, used only in this checkout (a member of `workspace` in `deno.json`), with the part
 * of its interface that dinopost uses: levels, records, handlers, loggers, `setup` and `getLogger`.
 */

/** Level names, from quiet to loud. */
export type LevelName = "NOTSET" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "CRITICAL";
/** Numbers of the levels. */
export const LogLevels = { NOTSET: 0, DEBUG: 10, INFO: 20, WARN: 30, ERROR: 40, CRITICAL: 50 } as const;
/** A level's number. */
export type LogLevel = (typeof LogLevels)[LevelName];

/** One thing that was logged. */
export class LogRecord {
  /** The message. */
  readonly msg: string;
  readonly #args: unknown[];
  readonly #datetime: Date;
  /** The level's number. */
  readonly level: number;
  /** The level's name. */
  readonly levelName: string;
  /** The logger's name. */
  readonly loggerName: string;

  constructor(options: { msg: string; args: unknown[]; level: LogLevel; loggerName: string }) {
    this.msg = options.msg;
    this.#args = [...options.args];
    this.level = options.level;
    this.loggerName = options.loggerName;
    this.#datetime = new Date();
    this.levelName = (Object.keys(LogLevels) as LevelName[]).find((k) => LogLevels[k] === options.level)!;
  }
  /** What was given after the message. */
  get args(): unknown[] {
    return [...this.#args];
  }
  /** When it was logged. */
  get datetime(): Date {
    return new Date(this.#datetime.getTime());
  }
}

/** Turns a record into text. */
export type FormatterFunction = (logRecord: LogRecord) => string;
/** Options of handlers. */
export interface BaseHandlerOptions {
  /** The formatter; default `LEVEL message`. */
  formatter?: FormatterFunction;
}

/** What loggers pass their records to. */
export abstract class BaseHandler {
  #levelName: LevelName;
  /** The formatter in use. */
  formatter: FormatterFunction;

  constructor(levelName: LevelName, options: BaseHandlerOptions = {}) {
    this.#levelName = levelName;
    this.formatter = options.formatter ?? (({ levelName, msg }) => `${levelName} ${msg}`);
  }
  /** The number of the level below which nothing is handled. */
  get level(): LogLevel {
    return LogLevels[this.#levelName];
  }
  /** The name of that level. */
  get levelName(): LevelName {
    return this.#levelName;
  }
  set levelName(levelName: LevelName) {
    this.#levelName = levelName;
  }
  /** Handles one record. */
  handle(logRecord: LogRecord): void {
    if (this.level > logRecord.level) return;
    this.log(this.format(logRecord));
  }
  /** Formats one record. */
  format(logRecord: LogRecord): string {
    return this.formatter(logRecord);
  }
  /** Writes one formatted record. */
  abstract log(msg: string): void;
  /** Called by `setup` before the handler is used. */
  setup(): void {}
  /** Called by `setup` when the handler is replaced. */
  destroy(): void {}
}

/** A named source of records. */
export class Logger {
  #level: LogLevel;
  /** Where the records go. */
  handlers: BaseHandler[];
  readonly #loggerName: string;

  constructor(loggerName: string, levelName: LevelName, options: { handlers?: BaseHandler[] } = {}) {
    this.#loggerName = loggerName;
    this.#level = LogLevels[levelName];
    this.handlers = options.handlers ?? [];
  }
  /** The number of the level below which nothing is logged. */
  get level(): LogLevel {
    return this.#level;
  }
  set level(level: LogLevel) {
    this.#level = level;
  }
  /** The logger's name. */
  get loggerName(): string {
    return this.#loggerName;
  }
  #log(level: LogLevel, msg: string, args: unknown[]): string {
    if (this.#level > level) return msg;
    const record = new LogRecord({ msg, args, level, loggerName: this.#loggerName });
    for (const handler of this.handlers) handler.handle(record);
    return msg;
  }
  /** Logs at DEBUG. */
  debug(msg: string, ...args: unknown[]): string {
    return this.#log(LogLevels.DEBUG, msg, args);
  }
  /** Logs at INFO. */
  info(msg: string, ...args: unknown[]): string {
    return this.#log(LogLevels.INFO, msg, args);
  }
  /** Logs at WARN. */
  warn(msg: string, ...args: unknown[]): string {
    return this.#log(LogLevels.WARN, msg, args);
  }
  /** Logs at ERROR. */
  error(msg: string, ...args: unknown[]): string {
    return this.#log(LogLevels.ERROR, msg, args);
  }
  /** Logs at CRITICAL. */
  critical(msg: string, ...args: unknown[]): string {
    return this.#log(LogLevels.CRITICAL, msg, args);
  }
}

/** What {@linkcode setup} takes. */
export interface LogConfig {
  /** Handlers by name. */
  handlers?: Record<string, BaseHandler>;
  /** Loggers by name. */
  loggers?: Record<string, { level?: LevelName; handlers?: string[] }>;
}

const handlers = new Map<string, BaseHandler>();
const loggers = new Map<string, Logger>();

/** Returns the logger of that name, made on first use. */
export function getLogger(name = "default"): Logger {
  let logger = loggers.get(name);
  if (!logger) loggers.set(name, logger = new Logger(name, "NOTSET"));
  return logger;
}

/** Replaces all handlers and loggers. */
export function setup(config: LogConfig): void {
  for (const handler of handlers.values()) handler.destroy();
  handlers.clear();
  loggers.clear();
  for (const [name, handler] of Object.entries(config.handlers ?? {})) {
    handler.setup();
    handlers.set(name, handler);
  }
  for (const [name, loggerConfig] of Object.entries(config.loggers ?? {})) {
    const of = (loggerConfig.handlers ?? []).map((h) => handlers.get(h)).filter((h) => h !== undefined);
    loggers.set(name, new Logger(name, loggerConfig.level ?? "INFO", { handlers: of }));
  }
}

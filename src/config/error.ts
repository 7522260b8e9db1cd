/** The errors of a configuration: in one line, with the place and what would be right. */

/** Where a value came from. */
export interface Origin {
  /** The file, the variable or the option, as people call it. */
  source: string;
  /** The line in the file, from 1. */
  line?: number;
  /** The key, such as `queue.retry`. */
  key?: string;
  /** The same step by step, where the line is still to be found: `ReadConfig.placed` does. */
  path?: readonly (string | number)[];
}

/**
 * A configuration that can't be used. Its message is one line that can be shown as it is, or one for each of several
 * faults.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** Where the error is; of several the first one. */
  readonly origin: Origin;
  /** What is wrong, one by one: this error, or all that it stands for. */
  faults: readonly ConfigError[] = [this];

  /** `problem` says what was received and what would be right. */
  constructor(origin: Origin, readonly problem: string) {
    super(located(origin, problem));
    this.origin = origin;
  }

  /** One error for all of these, of which there is one at least. */
  static of(faults: readonly ConfigError[]): ConfigError {
    const [first] = faults;
    if (faults.length === 1) return first!;
    const error = new ConfigError(first!.origin, "");
    error.message = faults.map((fault) => fault.message).join("\n");
    error.faults = faults;
    return error;
  }
}

/** A sentence about a place, in one line. */
export function located(origin: Origin, text: string): string {
  const line = origin.line === undefined ? "" : `:${origin.line}`;
  const key = origin.key === undefined ? "" : ` ${origin.key}:`;
  return `${origin.source}${line}:${key} ${text}`.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

/** The names of keys whose values are not shown. */
export const SECRET = /password|token|secret/i;

/** A value as it is shown in an error: short, and never a secret. */
export function shown(value: unknown, path: readonly (string | number)[] = []): string {
  if (value === undefined) return "nothing";
  if (path.some((step) => typeof step === "string" && SECRET.test(step))) {
    if (value === "") return "an empty text";
    return value === null ? "null" : Array.isArray(value) ? "a list" : `a ${kindOf(value)}`;
  }
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = withoutLogin(JSON.stringify(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** A text without the user and the password of a URL in it. */
export function withoutLogin(text: string): string {
  return text.replace(/(?<=:\/\/)[^\s/?#]*@/g, "(hidden)@");
}

function kindOf(value: unknown): string {
  return typeof value === "string" ? "text" : typeof value;
}

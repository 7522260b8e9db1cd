/** The output of commands: tables, ages, and text from outside that can't harm a terminal. */

import { formatCount, formatDuration } from "../base/units.ts";
import { CliError, ExitCode } from "./cli_error.ts";

const encoder = new TextEncoder();
const CONTROL = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Prints a text and a line break on stdout. */
export function print(text: string): void {
  writeAll(Deno.stdout, `${text}\n`);
}

/** Prints a text and a line break on stderr. */
export function printError(text: string): void {
  writeAll(Deno.stderr, `${text}\n`);
}

/** Prints a value for scripts. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

/** Stdout for what is of use as a whole only: that nobody reads it to its end is an error, not the end of a page. */
export const wholeOut = {
  /** Answers how many octets were taken. */
  async write(bytes: Uint8Array): Promise<number> {
    try {
      return await Deno.stdout.write(bytes);
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      throw new CliError(
        ExitCode.unavailable,
        "stdout was closed before the end: what was read of it is not whole",
      );
    }
  },
};

/** Text from outside with its control characters replaced, in one line. */
export function safe(text: string): string {
  return text.replace(CONTROL, "\uFFFD");
}

/** No column becomes narrower to fit a terminal. */
const NARROWEST = 8;
/** Between two columns. */
const GAP = 2;

/**
 * Prints rows under headings, in columns. On a terminal the widest columns but the first are cut until a row fits its
 * width; elsewhere nothing is.
 */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const cells = [headings, ...rows.map((row) => row.map(safe))];
  const widths = headings.map((_, column) =>
    Math.max(...cells.map((row) => [...(row[column] ?? "")].length))
  );
  narrow(widths, terminalWidth());
  for (const [i, row] of cells.entries()) {
    const line = row.map((cell, column) => pad(cut(cell, widths[column]!), widths[column]!))
      .join(" ".repeat(GAP)).trimEnd();
    print(i === 0 ? bold(line) : line);
  }
}

/** The columns of the terminal; Infinity where there is none. */
function terminalWidth(): number {
  if (!Deno.stdout.isTerminal()) return Infinity;
  try {
    return Deno.consoleSize().columns || Infinity;
  } catch {
    return Infinity;
  }
}

/** Takes from the widest columns behind the first until all fit. */
function narrow(widths: number[], room: number): void {
  let over = widths.reduce((sum, width) => sum + width + GAP, -GAP) - room;
  while (over > 0) {
    const widest = widths.indexOf(Math.max(...widths.slice(1)), 1);
    if (widest < 0 || widths[widest]! <= NARROWEST) return;
    widths[widest]!--;
    over--;
  }
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - [...text].length));
}

/** Bold on a terminal that is not set to be plain (`NO_COLOR`). */
export function bold(text: string): string {
  return Deno.stdout.isTerminal() && !Deno.noColor ? `\x1b[1m${text}\x1b[0m` : text;
}

const COLORS = { red: 31, green: 32, yellow: 33 } as const;

/** Text in a color, on a terminal that is not set to be plain (`NO_COLOR`). */
export function colored(text: string, color: keyof typeof COLORS): string {
  return Deno.stdout.isTerminal() && !Deno.noColor ? `\x1b[${COLORS[color]}m${text}\x1b[0m` : text;
}

/** Text cut to a width, with a mark where it was cut. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : characters.slice(0, width - 1).join("") + "…";
}

/** `12,345`. */
export function number(value: number): string {
  return formatCount(value);
}

/** `1 message`, `12,345 messages`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** How long from `fromMs` to `toMs`, roughly: the two largest units. */
export function span(fromMs: number, toMs: number): string {
  const ms = Math.max(0, toMs - fromMs);
  const step = ms >= 86_400_000 ? 3_600_000 : ms >= 3_600_000 ? 60_000 : 1000;
  return formatDuration(Math.floor(ms / step) * step);
}

/** The output of commands: tables, ages, and text from outside that can't harm a terminal. */

import { formatDuration } from "../base/units.ts";

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

/** Text from outside with its control characters replaced, in one line. */
export function safe(text: string): string {
  return text.replace(CONTROL, "\uFFFD");
}

/** Prints rows under headings, in columns; the last column may be as wide as it likes. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const cells = [headings, ...rows.map((row) => row.map(safe))];
  const widths = headings.map((_, column) =>
    Math.max(...cells.map((row) => [...(row[column] ?? "")].length))
  );
  for (const [i, row] of cells.entries()) {
    const line = row.map((cell, column) => column === row.length - 1 ? cell : pad(cell, widths[column]!))
      .join("  ").trimEnd();
    print(i === 0 ? bold(line) : line);
  }
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - [...text].length));
}

/** Bold on a terminal that is not set to be plain (`NO_COLOR`). */
export function bold(text: string): string {
  return Deno.stdout.isTerminal() && !Deno.noColor ? `\x1b[1m${text}\x1b[0m` : text;
}

/** Text cut to a width, with a mark where it was cut. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : characters.slice(0, width - 1).join("") + "…";
}

/** How long from `fromMs` to `toMs`, roughly: the two largest units. */
export function span(fromMs: number, toMs: number): string {
  const ms = Math.max(0, toMs - fromMs);
  const step = ms >= 86_400_000 ? 3_600_000 : ms >= 3_600_000 ? 60_000 : 1000;
  return formatDuration(Math.floor(ms / step) * step);
}

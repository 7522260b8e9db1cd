/** Durations, sizes and counts as people write them. */

const DURATION_UNITS: readonly (readonly [name: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
];
// each unit once at most, from the longest to the shortest
const DURATION = /^(?=.)(?:[\d.]+d)?(?:[\d.]+h)?(?:[\d.]+m(?!s))?(?:[\d.]+s)?(?:[\d.]+ms)?$/;
const DURATION_PART = /([\d.]+)(ms|s|m|h|d)/g;

const SIZE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)$/i;
const WHOLE = /^\d+$/;
/** Where thousands end. */
const THOUSANDS = /\B(?=(?:\d{3})+$)/g;

/**
 * Reads a duration: `"250ms"`, `"30s"`, `"15m"`, `"4h"`, `"5d"`, several of them one behind the other
 * (`"1h30m"`), or a number of milliseconds. A number as text is none: nobody can know what unit was meant.
 *
 * @returns Whole milliseconds, or undefined when it is none of these.
 */
export function parseDuration(value: string | number): number | undefined {
  if (typeof value === "number") return wholeNumber(value);
  const text = value.trim();
  if (!DURATION.test(text)) return undefined;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(DURATION_PART)) {
    sum += Number(count) * DURATION_UNITS.find(([name]) => name === unit)![1];
  }
  return wholeNumber(sum); // undefined for "1.2.3s", whose count is no number
}

/** A duration in milliseconds for people, such as `"15m"` or `"1h30m"`; {@linkcode parseDuration} reads it back. */
export function formatDuration(ms: number): string {
  let rest = Math.max(0, Math.round(ms));
  if (rest === 0) return "0s";
  let text = "";
  for (const [name, unit] of DURATION_UNITS) {
    const count = Math.floor(rest / unit);
    if (count > 0) text += count + name;
    rest -= count * unit;
  }
  return text;
}

/**
 * Reads a size: `"25MiB"` (1024), `"10KB"` (1000), `"512B"`, or a number of bytes, also as text. Capitals don't
 * matter.
 *
 * @returns Whole bytes, or undefined when it is none of these.
 */
export function parseSize(value: string | number): number | undefined {
  if (typeof value === "number") return wholeNumber(value);
  const text = value.trim();
  if (WHOLE.test(text)) return wholeNumber(Number(text));
  const match = SIZE.exec(text);
  const unit = match && SIZE_UNITS[match[2]!.toLowerCase()];
  return unit ? wholeNumber(Number(match[1]) * unit) : undefined;
}

/** A size in bytes for people, such as `"25MiB"` or `"1.5KiB"`, with one decimal at most. */
export function formatSize(bytes: number): string {
  let unit = "B";
  let value = Math.max(0, Math.round(bytes));
  for (const next of ["KiB", "MiB", "GiB", "TiB"]) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${Math.round(value * 10) / 10}${unit}`;
}

/** A whole number for people, such as `"12,345"`. (What Intl has for it takes 6 MiB and 9 ms when it is first used.) */
export function formatCount(value: number): string {
  return String(value).replace(THOUSANDS, ",");
}

function wholeNumber(value: number): number | undefined {
  const rounded = Math.round(value);
  return rounded >= 0 && Number.isSafeInteger(rounded) ? rounded : undefined;
}

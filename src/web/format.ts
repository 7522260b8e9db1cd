/** The formats of times, sizes and counts as people read them. */

import { formatCount, formatSize } from "../base/units.ts";

/**
 * A time as seen from now: `12 s ago`, `in 3 h`. The page's script runs this very function, so it uses nothing from
 * outside of itself.
 */
export function relative(at: number, now: number): string {
  const distance = Math.abs(at - now) / 1000;
  if (distance < 5) return "now";
  const units: [number, string][] = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const [seconds, unit] = units.find(([s]) => distance >= s) ?? [1, "s"];
  const count = Math.floor(distance / seconds);
  const rest = unit === "d" || unit === "h"
    ? Math.floor((distance - count * seconds) / (unit === "d" ? 3600 : 60))
    : 0;
  const more = rest > 0 && count < 10 ? ` ${rest} ${unit === "d" ? "h" : "min"}` : "";
  return at < now ? `${count} ${unit}${more} ago` : `in ${count} ${unit}${more}`;
}

/** A length of time: `3 d 4 h`, `12 min`. */
export function span(ms: number): string {
  return relative(ms, 0).replace(/^in /, "").replace(/^now$/, "a moment");
}

/** A time in full: `2026-11-24 04:56:44 UTC`. */
export function fullTime(at: number): string {
  return `${isoTime(at).slice(0, 19).replace("T", " ")} UTC`;
}

/** A time for machines; what no calendar holds becomes the nearest that one does. */
export function isoTime(at: number): string {
  return new Date(Math.min(Math.max(at, 0), 253_402_300_799_000)).toISOString();
}

/** How long an attempt took: `85 ms`, `1.2 s`. */
export function took(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** `1.5 KiB`. */
export function size(bytes: number): string {
  return formatSize(bytes).replace(/(?<=\d)(?=[A-Z])/, " ");
}

/** `12,345`. */
export function number(value: number): string {
  return formatCount(value);
}

/** `1 message`, `12 messages`. */
export function count(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** `12,345`, or `1,000 or more` where not all is known. */
export function atLeast(value: number, whole: boolean): string {
  return whole ? number(value) : `${number(value)} or more`;
}

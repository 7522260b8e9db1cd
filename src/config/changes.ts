/** What differs between two configurations. */

import type { Config } from "./config.ts";

/** The keys whose values differ, each as `["hostname"]`, or within its section as `["queue", "retry"]`. */
export function pathsOfChanges(before: Config, after: Config): string[][] {
  const [old, now] = [sections(before), sections(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const [a, b] = [old.get(name), now.get(name)];
    if (isSame(a, b)) return [];
    if (!isSection(a) || !isSection(b)) return [[name]];
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].filter((key) => !isSame(a[key], b[key])).map((key) => [name, key]);
  });
}

function sections({ file: _, ...config }: Config): Map<string, unknown> {
  return new Map(Object.entries(config));
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Configurations are read in one order of keys, but for tables, where another order is no harm to tell of. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

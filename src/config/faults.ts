/** The faults of a configuration's values: where each came from, what was received, and what would be right. */

import type { Document } from "./document.ts";
import { ConfigError, type Origin, SECRET, shown } from "./error.ts";
import { allPaths, describedKeys, namesAt, type Path, pathText, wantedAt } from "./keys.ts";
import { editDistance, nearest } from "./nearest.ts";

/** One value that is laid over the file's. */
export interface Layer {
  path: Path;
  value: unknown;
  /** The environment variable; absent: an option of the command line or of the caller. */
  variable?: string;
}

/** What is needed to say where a value came from. */
export interface Context {
  document: Document | undefined;
  layers: readonly Layer[];
  source: string;
  /** File and layers together. */
  values: Record<string, unknown>;
}

/** What zod says is wrong. */
export interface Issue {
  code?: string;
  path: PropertyKey[];
  keys?: string[];
  /** The type that was expected, where another one was received. */
  expected?: string;
}

/** The layer that gave the value at a path, or a part of it, if any did. */
export function layerAt(layers: readonly Layer[], path: Path): Layer | undefined {
  return layers.findLast((layer) => overlap(layer.path, path));
}

/** Is one of the paths the other, or within it? */
export function overlap(a: Path, b: Path): boolean {
  const length = Math.min(a.length, b.length);
  return a.slice(0, length).every((step, i) => step === b[i]);
}

/** Where the value at a path came from; `ofKey`: where its name stands. */
export function originOf(path: Path, context: Context, ofKey = false): Origin {
  const layer = layerAt(context.layers, path);
  const key = pathText(path);
  if (layer?.variable !== undefined) return { source: "environment", key: layer.variable };
  if (layer) return { source: "option", key };
  if (!context.document) return { source: context.source, key };
  const line = ofKey ? context.document.lineOfKey(path) : context.document.lineOf(path);
  return { source: context.source, line, key };
}

/** The order of the file; what comes from elsewhere stands before it. */
export function byLine(a: { origin: Origin }, b: { origin: Origin }): number {
  return (a.origin.line ?? 0) - (b.origin.line ?? 0);
}

/** The paths of what is wrong: to a key, not to an item of a list. */
export function brokenPaths(issues: readonly Issue[]): Path[] {
  return issues.flatMap(({ code, path, keys }) => {
    const whole = path as (string | number)[];
    if (code === "unrecognized_keys") return keys!.map((key) => upToList([...whole, key]));
    return [upToList(whole)];
  });
}

function upToList(path: Path): Path {
  const item = path.findIndex((step) => typeof step === "number");
  return item < 0 ? path : path.slice(0, item);
}

/** What zod calls what we know as objects and tables. */
const OBJECTS: ReadonlySet<string | undefined> = new Set(["object", "record"]);

/** Is a secret one of the keys of the object at that path? */
function holdsSecret(path: Path): boolean {
  return secretPaths().some((secret) =>
    secret.length === path.length + 1 && path.every((step, i) => secret[i] === "*" || secret[i] === step)
  );
}

function secretPaths(): string[][] {
  return describedKeys().map((key) => key.path).filter((steps) => SECRET.test(steps.at(-1)!));
}

/** Zod's issues as our own errors. */
export function describeIssues(issues: readonly Issue[], context: Context): ConfigError[] {
  // what is missing beside an unknown key is most likely that key, misspelt
  const misspelt = new Set(
    issues.filter((i) => i.code === "unrecognized_keys").map((i) => pathText(i.path as Path)),
  );
  return issues.flatMap((issue) => {
    const path = issue.path as (string | number)[];
    const isMissing = issue.code !== "unrecognized_keys" && valueAt(context.values, path) === undefined;
    if (isMissing && misspelt.has(pathText(path.slice(0, -1)))) return [];
    if (issue.code === "unrecognized_keys") {
      return issue.keys!.map((key) => unknownKey([...path, key], context));
    }
    const want = wantedAt(path);
    const value = valueAt(context.values, path);
    // a text in place of an object that holds a secret is most likely that secret
    const received = typeof value === "string" && OBJECTS.has(issue.expected) && holdsSecret(path)
      ? "a text"
      : shown(value, path);
    return [new ConfigError(originOf(path, context), `received ${received}, expected ${want}`)];
  });
}

/** The value at a path; undefined when there is none. */
export function valueAt(values: unknown, path: Path): unknown {
  let at = values;
  for (const step of path) at = (at as Record<string | number, unknown> | null | undefined)?.[step];
  return at;
}

function unknownKey(path: Path, context: Context): ConfigError {
  const name = String(path.at(-1));
  const here = namesAt(path.slice(0, -1));
  const elsewhere = allPaths().filter((other) => other.at(-1) === name).map(pathText);
  const sibling = nearest(name, here);
  const beside = sibling === undefined ? undefined : pathText([...path.slice(0, -1), sibling]);
  // a slip of one letter is likelier than the wrong place
  const isSlip = sibling !== undefined && editDistance(name.toLowerCase(), sibling.toLowerCase()) <= 1;
  const meant = isSlip ? beside : elsewhere[0] ?? beside;
  const hint = meant === undefined ? `; known here: ${here.join(", ")}` : `; did you mean ${meant}?`;
  return new ConfigError(originOf(path, context, true), `this key is not known${hint}`);
}

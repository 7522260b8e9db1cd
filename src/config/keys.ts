/** The paths through the schema: what is known at one, and which there are. */

import type * as z from "zod/mini";
import { type Hint, hints, type Kind, schema } from "./schema.ts";

/** Where a value stands: names of keys and indexes of lists. */
export type Path = readonly (string | number)[];

/** A key that an environment variable can give. */
export interface EnvironmentKey {
  /** Such as `DINOPOST_QUEUE_RETRY`. */
  variable: string;
  /** Such as `["queue", "retry"]`. */
  path: string[];
  /** How its text is read. */
  kind: Kind;
  /** Whether it may be null. */
  nullable: boolean;
}

/** The parts of zod's definitions that are used here. */
interface Definition {
  type: string;
  defaultValue?: unknown;
  options?: Schema[];
  shape?: Record<string, Schema>;
  innerType?: Schema;
  valueType?: Schema;
  element?: Schema;
}

type Schema = z.core.$ZodType;

function definition(of: Schema): Definition {
  return of._zod.def as unknown as Definition;
}

/** Takes off defaults, null and absence. */
function unwrap(wrapped: Schema): Schema {
  let inner: Schema = wrapped;
  for (let next = definition(inner).innerType; next; next = definition(inner).innerType) inner = next;
  return inner;
}

function child(parent: Schema, step: string | number): Schema | undefined {
  const { shape, valueType, element } = definition(unwrap(parent));
  if (shape) return Object.hasOwn(shape, step) ? shape[step] : undefined;
  return valueType ?? element;
}

function hintOf(wrapped: Schema): Hint | undefined {
  for (let at: Schema | undefined = wrapped; at; at = definition(at).innerType) {
    const hint = hints.get(at);
    if (hint) return hint;
  }
  return undefined;
}

/** What would be right at a path. */
export function wantedAt(path: Path): string {
  let at: Schema = schema;
  for (const step of path) {
    const next = child(at, step);
    if (!next) break;
    at = next;
  }
  const hint = hintOf(at);
  if (hint) return hint.want;
  const { type, shape } = definition(unwrap(at));
  const nothing = isNullable(at) ? "null or " : "";
  if (type === "array") return "a list of objects";
  return `${nothing}an object${shape ? `; its keys are ${Object.keys(shape).join(", ")}` : ""}`;
}

function isNullable(wrapped: Schema): boolean {
  for (let at: Schema | undefined = wrapped; at; at = definition(at).innerType) {
    if (definition(at).type === "nullable") return true;
  }
  return false;
}

/** The names of the keys that an object at a path may have. */
export function namesAt(path: Path): string[] {
  let at: Schema = schema;
  for (const step of path) {
    const next = child(at, step);
    if (!next) return [];
    at = next;
  }
  return Object.keys(definition(unwrap(at)).shape ?? {});
}

/** All keys of fixed name, sections included, as paths. */
export function allPaths(): string[][] {
  const paths: string[][] = [];
  visit(schema, []);
  return paths;

  function visit(at: Schema, path: string[]) {
    for (const [name, next] of Object.entries(definition(unwrap(at)).shape ?? {})) {
      paths.push([...path, name]);
      visit(next, [...path, name]);
    }
  }
}

/** What is to be told of a key, for its documentation. */
export interface DescribedKey {
  /** `*` stands for a name of the operator's, or for an element of a list. */
  path: string[];
  /** What would be right; absent: an object with the keys that follow. */
  want?: string;
  /** As in the file; absent: there is none, or it is the machine's. */
  fallback?: unknown;
  /** The environment variable that gives it. */
  variable?: string;
}

/** All keys in the order of the schema, those within tables and lists too, each section before its keys. */
export function describedKeys(): DescribedKey[] {
  const variables = new Map(environmentKeys().map(({ path, variable }) => [pathText(path), variable]));
  const keys: DescribedKey[] = [];
  visit(schema, []);
  return keys;

  function visit(at: Schema, path: string[]) {
    for (const [name, next] of Object.entries(shapeOf(at) ?? {})) describe(next, [...path, name]);
    const { valueType, element } = definition(unwrap(at));
    const each = valueType ?? element;
    if (each && shapeOf(each)) visit(each, [...path, "*"]);
  }

  function describe(at: Schema, path: string[]) {
    const want = hintOf(at)?.want;
    const variable = variables.get(pathText(path));
    const fallback = defaultOf(at);
    keys.push({
      path,
      ...(want === undefined ? {} : { want }),
      ...(want === undefined || fallback === undefined ? {} : { fallback }),
      ...(variable === undefined ? {} : { variable }),
    });
    visit(at, path);
  }
}

/** The keys of an object, or of what may be one in place of something shorter. */
function shapeOf(wrapped: Schema): Record<string, Schema> | undefined {
  const { shape, options = [] } = definition(unwrap(wrapped));
  return shape ?? options.map((option) => definition(option).shape).find((one) => one);
}

function defaultOf(wrapped: Schema): unknown {
  for (let at: Schema | undefined = wrapped; at; at = definition(at).innerType) {
    const { defaultValue } = definition(at);
    if (defaultValue !== undefined) return defaultValue;
  }
  return undefined;
}

/** The keys that environment variables can give: all that are a text, a number, a flag or a list. */
export function environmentKeys(): EnvironmentKey[] {
  const keys: EnvironmentKey[] = [];
  for (const path of allPaths()) {
    let at: Schema = schema;
    for (const step of path) at = child(at, step)!;
    const hint = hintOf(at);
    if (!hint?.kind) continue;
    keys.push({ variable: variableName(path), path, kind: hint.kind, nullable: isNullable(at) });
  }
  return keys;
}

/** The environment variable of a key: `["queue", "warnAfter"]` has `DINOPOST_QUEUE_WARN_AFTER`. */
export function variableName(path: readonly string[]): string {
  const words = path.map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return ["DINOPOST", ...words].join("_");
}

/** A path as people write it: `queue.retry`, `listen.smtp[0]`, `accounts["jo@example.org"].quota`. */
export function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[\w$]+$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}
